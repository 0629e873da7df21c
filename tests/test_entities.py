from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.entities import entities
from quoth.model.parties import entity_type
from quoth.model.proper_names import Mention, proper_names

WORDS = "Ilse Brandt BRANDT Karl van of and the Mayor May Harbour Board WSO U.S. Jr. Norway said".split()
SIGNS = [" ", " ", "\u00a0", "\n", "\r\n", ".", ", ", "’s", "“", "”", "\u0301", "🙂", "\u200f", "-", "&"]
TEXTS = st.lists(st.sampled_from(WORDS + SIGNS)).map("".join) | st.text()


def grouped(text: str) -> dict[str, list[str]]:
    return {e.name: [text[m.start : m.end] for m in e.mentions] for e in entities(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mayor Ilse Brandt met Mr. Karl Ode on Monday.", ["Ilse Brandt", "Karl Ode"]),
        ("Secretary of State Karl Ode left Oslo.", ["Karl Ode", "Oslo"]),
        ("Brandt’s and Ode's mills. The Board’s mill.", ["Brandt", "Ode", "Board"]),
        ("The Department of Fish and Wildlife paid.", ["Department of Fish and Wildlife"]),
        ("Goalkeeper Karl Ode and MEP Ilse Brandt left.", ["Karl Ode", "Ilse Brandt"]),
        ("Local TD Karl Ode met Det. Con. Ilse Brandt.", ["Karl Ode", "Ilse Brandt"]),
        ("Mum-of-three Ilse Brandt met PC Karl Ode.", ["Ilse Brandt", "Karl Ode"]),
        ("Karl Ode KC and Ilse Brandt, MBE, left.", ["Karl Ode", "Ilse Brandt", "MBE"]),
        ("Kenyan Karl Ode won. Ode left.", ["Karl Ode", "Ode"]),
        ("CEPA Karl Ode won. Ode left.", ["Karl Ode", "Ode"]),
        ("CEPA Karl Ode won.", ["CEPA Karl Ode"]),
        ("Chief of Department Karl F. Ode won. Ode left.", ["Karl F. Ode", "Ode"]),
        (
            "House Outlines Grave Consequences of President Ode’s cuts. Ode left.",
            ["House Outlines Grave Consequences of President Ode", "Ode"],
        ),
        ("Agent in Charge Karl Ode won. Ode left.", ["Karl Ode", "Ode"]),
        ("Harbour-shy Ode left. Protester Karl Brun stayed.", ["Ode", "Karl Brun"]),
        ("The Norwegian Red Cross paid.", ["Norwegian Red Cross"]),
        ("Baker Ode left.", ["Baker Ode"]),
        ("Sunday Ode said no. On Sunday Brandt left.", ["Sunday Ode", "Brandt"]),
        ("Will Brandt said no. Will Ode go?", ["Will Brandt", "Ode"]),
        ("Karl ap Ode met Ilse binti Brandt.", ["Karl ap Ode", "Ilse binti Brandt"]),
        (
            "The Mill Workers’ Union and the Republicans’ Senate bill.",
            ["Mill Workers’ Union", "Republicans", "Senate"],
        ),
        ("The People's Front met the Board's Union.", ["People's Front", "Board", "Union"]),
        ("The General Mill Union and Gen. Karl Ode.", ["General Mill Union", "Karl Ode"]),
        ("Ode & Brun paid.", ["Ode & Brun"]),
        ("Ode Ann Marie OdeKarl Brun calls.", ["Ode", "Ann Ode"]),
        ("The Women’s March met Ode in March.", ["Women’s March", "Ode"]),
        ("Ludwig van der Berg, Mohammed bin Salim", ["Ludwig van der Berg", "Mohammed bin Salim"]),
        ("Ode Venn, Jr., Karl Ode and J. K. Brun", ["Ode Venn, Jr.", "Karl Ode", "J. K. Brun"]),
        ("The U.S. agreed with the U.K. then.", ["U.S.", "U.K."]),
        ("In May Theresa Ode and May Brun met.", ["Theresa Ode", "May Brun"]),
        ("“Élodie\u00a0Brun” 🙂 \u200fYael Cafe\u0301-Ode", ["Élodie Brun", "Yael Cafe\u0301-Ode"]),
        ("Ilse Brandt.\r\nKarl Ode", ["Ilse Brandt", "Karl Ode"]),
        ("She said that this was it.", []),
        ("", []),
        ("Ilse Brandt and the Harbour Board", ["Ilse Brandt", "Harbour Board"]),
        ("The U.S. and the U.K. agreed.", ["U.S.", "U.K."]),
        ("Ode Venn of the Sea Union left.", ["Ode Venn", "Sea Union"]),
        ("Ilse Brandt and President Karl Ode", ["Ilse Brandt", "Karl Ode"]),
        ("Then-Secretary of State Karl Ode left.", ["Karl Ode"]),
        ("Speaker of the House Karl Ode left.", ["Karl Ode"]),
        ("The ambassador to Sri Lanka Karl Ode left.", ["Karl Ode"]),
        ("House Speaker Karl A. Ode left.", ["House", "Karl A. Ode"]),
        ("Democrats Ilse Brandt and Karl Ode left.", ["Ilse Brandt", "Karl Ode"]),
        ("Karl Ode Karl Magnus OdeHarbour talks", ["Karl Ode"]),
        ("the Ode Karl Magnus OdeHarbour talks", ["Ode", "Karl Ode"]),
        ("Karl Ode BuzzTown left.", ["Karl Ode BuzzTown"]),
        ("HARBOUR GIANTS CLAMP DOWN\nKARL ODE", ["KARL ODE"]),
        ("Karl Ode Karolus (Karl) Magnus Ode left.", ["Karl Ode", "Karl", "Magnus Ode"]),
        ("Whether Ode left, including Brandt", ["Ode", "Brandt"]),
        ("Harbour Board Chairman Karl Ode left.", ["Harbour Board", "Karl Ode"]),
        ("The Sea Workers and the Harbour Board met.", ["Sea Workers", "Harbour Board"]),
        ("U.S. Secretary of State Karl Ode left.", ["U.S.", "Karl Ode"]),
        ("Senate Majority Leader Karl Ode left.", ["Senate", "Karl Ode"]),
        ("Chairman of the Harbour Board", ["Harbour Board"]),
        ("the Ministry of the Interior", ["Ministry of the Interior"]),
        (
            "the Justice Department, the Council on Foreign Trade",
            ["Justice Department", "Council on Foreign Trade"],
        ),
        ("Karl Venn King Jr. and Bo King of Oslo", ["Karl Venn King Jr.", "Bo King", "Oslo"]),
        ("Ilse Brandt met Khalid al-Hussein.", ["Ilse Brandt", "Khalid al-Hussein"]),
        ("BRANDT’S mill", ["BRANDT"]),
        ("Inside Brandt’s Harbour Board", ["Brandt", "Harbour Board"]),
        ("He read Inside Harbour.", ["Inside Harbour"]),
        ("OPINION:\n\nPoor Karl Ode fell.", ["OPINION", "Karl Ode"]),
        ("Rescuers came. Sadly, Brandt fell. We’ll see.", ["Brandt"]),
        ("Others fell. The others and Brandt left.", ["Brandt"]),
        ("Oslo-based Venn and D-Ohio", ["Venn"]),
        ("the Ohio Republican", ["Ohio"]),
        ("Then FactHarbour.com left.", ["FactHarbour.com"]),
        (
            "Special Inspector General for Fjord Rebuilding left.",
            ["Special Inspector General for Fjord Rebuilding"],
        ),
    ],
)
def test_proper_names_without_titles_and_possessive_endings(text: str, expected: list[str]) -> None:
    assert [mention.name for mention in proper_names(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Ilse Brandt left. Brandt’s aide saw Mrs Brandt.",
            {"Ilse Brandt": ["Ilse Brandt", "Brandt", "Brandt"]},
        ),
        ("Ilse J. Brandt, or Ilse Brandt", {"Ilse J. Brandt": ["Ilse J. Brandt", "Ilse Brandt"]}),
        ("Ode Venn Jr. met Ode Venn", {"Ode Venn Jr.": ["Ode Venn Jr."], "Ode Venn": ["Ode Venn"]}),
        ("Ilse Brandt spoke. BRANDT: yes", {"Ilse Brandt": ["Ilse Brandt", "BRANDT"]}),
        ("Malia Ode spoke, and Malia left", {"Malia Ode": ["Malia Ode", "Malia"]}),
        ("Driver Bo Venn beside Bo Venn", {"Bo Venn": ["Bo Venn", "Bo Venn"]}),
        ("Sea Workers Union (SWU), S.W.U.", {"Sea Workers Union": ["Sea Workers Union", "SWU", "S.W.U."]}),
        ("Ada Venn met Bo Venn. then Venn left", {"Ada Venn": ["Ada Venn"], "Bo Venn": ["Bo Venn", "Venn"]}),
        ("Ilse Brandt met Karl Brandt", {"Ilse Brandt": ["Ilse Brandt"], "Karl Brandt": ["Karl Brandt"]}),
        (
            "Ilse Brandt lives in Oslo. Brandt left.",
            {"Ilse Brandt": ["Ilse Brandt", "Brandt"], "Oslo": ["Oslo"]},
        ),
        ("Khalid al-Hussein spoke. Hussein left", {"Khalid al-Hussein": ["Khalid al-Hussein", "Hussein"]}),
        ("Inside Norway it rained. Norway paid", {"Norway": ["Norway", "Norway"]}),
        ("South Korea met North Korea", {"South Korea": ["South Korea"], "North Korea": ["North Korea"]}),
        (
            "Hamid de Brunt-Ode spoke. De Brunt-Ode left.",
            {"Hamid de Brunt-Ode": ["Hamid de Brunt-Ode", "De Brunt-Ode"]},
        ),
        (
            "Karl Jordan spoke. Sheriff Jordan was in Jordan.",
            {"Karl Jordan": ["Karl Jordan", "Jordan"], "Jordan": ["Jordan"]},
        ),
        ("Karl Jordan spoke. Even Jordan left.", {"Karl Jordan": ["Karl Jordan", "Jordan"]}),
        ("President Ode met first lady Ann Ode. Ode left.", {"Ode": ["Ode", "Ode"], "Ann Ode": ["Ann Ode"]}),
        ("President Ann Ode met Bo Ode. Ode left.", {"Ann Ode": ["Ann Ode"], "Bo Ode": ["Bo Ode", "Ode"]}),
        (
            "Bo Ode met Bo Ode Jr. yesterday. Ode left.",
            {"Bo Ode": ["Bo Ode", "Ode"], "Bo Ode Jr.": ["Bo Ode Jr."]},
        ),
        (
            "Bo Ode Jr. met Bo Ode yesterday. Ode left.",
            {"Bo Ode Jr.": ["Bo Ode Jr.", "Ode"], "Bo Ode": ["Bo Ode"]},
        ),
        ("The Oslo Post left. The Post wrote.", {"Oslo Post": ["Oslo Post", "Post"]}),
        ("The Post wrote. The Oslo Post left.", {"Post": ["Post"], "Oslo Post": ["Oslo Post"]}),
        ("Ann “Bee” Brun left. Brun wrote.", {"Ann “Bee” Brun": ["Ann “Bee” Brun", "Brun"]}),
        ("OSTERVIK (Herald) — Bo Venn left Oslo.", {"Bo Venn": ["Bo Venn"], "Oslo": ["Oslo"]}),
        ("Looking on, Ode left. Beijing paid.", {"Ode": ["Ode"], "Beijing": ["Beijing"]}),
        ("Al Qaeda left. They met al Qaeda.", {"al Qaeda": ["Al Qaeda", "al Qaeda"]}),
        (
            "Especially Ode left. Ode met UN envoy to the UN Bo Venn.",
            {"Ode": ["Ode", "Ode"], "UN": ["UN"], "Bo Venn": ["Bo Venn"]},
        ),
        ("Sir Karl Ode spoke. Sir Karl left.", {"Karl Ode": ["Karl Ode", "Karl"]}),
        ("Vantry Group paid. Vantry left.", {"Vantry Group": ["Vantry Group", "Vantry"]}),
        ("Vantry left. Vantry Group paid.", {"Vantry": ["Vantry"], "Vantry Group": ["Vantry Group"]}),
        (
            "The Department of Fish paid. The Department left.",
            {"Department of Fish": ["Department of Fish", "Department"]},
        ),
        ("“Bee” Brun wrote to Karl Ode.", {"Bee": ["Bee"], "Brun": ["Brun"], "Karl Ode": ["Karl Ode"]}),
    ],
)
def test_mentions_are_grouped_under_the_fullest_name(text: str, expected: dict[str, list[str]]) -> None:
    assert grouped(text) == expected


def test_further_mentions_join_the_others_in_order() -> None:
    extra = [Mention(27, 37, "the miller"), Mention(13, 23, "the miller")]
    brandt, miller = entities("Ilse Brandt, the miller or the miller’s. Mrs Brandt", extra)
    assert [(m.start, m.end) for m in brandt.mentions] == [(0, 11), (45, 51)]
    assert miller.name == "the miller"
    assert miller.mentions == extra[::-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ilse Brandt", "person"),
        ("Brandt", "person"),
        ("Venn Jr.", "person"),
        ("Norway", "country"),
        ("the Netherlands", "country"),
        ("The U.S.", "country"),
        ("Ministry of Health", "organization"),
        ("Harbour Authority", "organization"),
        ("WSO", "organization"),
        ("W.S.O.", "organization"),
        ("the embassy", "organization"),
        ("World Sea Organization", "organization"),
        ("Dorn Mill Inc", "organization"),
        ("Saudi Arabia", "country"),
        ("South Korea", "country"),
        ("United Kingdom", "country"),
        ("the United States", "country"),
    ],
)
def test_the_type_by_the_words_of_the_name(name: str, expected: str) -> None:
    assert entity_type(name) == expected


@settings(deadline=None, max_examples=250)
@given(TEXTS)
def test_every_mention_is_in_the_text_and_in_one_entity(text: str) -> None:
    names = proper_names(text)
    for mention in names:
        assert 0 <= mention.start < mention.end <= len(text)
        # A page that runs names together leaves out the middle name.
        assert set(mention.name.split()) <= set(regex.split(r"\s+", text[mention.start : mention.end]))
    assert all(a.end <= b.start for a, b in pairwise(names))
    found = entities(text)
    mentions = sorted((m for e in found for m in e.mentions), key=lambda m: m.start)
    assert all(a.end <= b.start for a, b in pairwise(mentions))
    # A surname that is a title is found by its bearer alone.
    assert {(m.start, m.end) for m in mentions} >= {(m.start, m.end) for m in names}
    assert len({e.name for e in found}) == len(found)
    for entity in found:
        assert entity.type in ("person", "country", "organization", "group")
        assert entity.name in {m.name for m in entity.mentions}
        assert entity.mentions == sorted(entity.mentions, key=lambda m: m.start)


@pytest.mark.parametrize(
    ("text", "name", "places"),
    [
        # A word that a headline puts before a name is no part of it, a name given in full is.
        ("Karl Ode left. Full Karl Ode interview. Ode left.", "Karl Ode", 3),
        ("Adil Karl Mahdi left. Karl Mahdi left.", "Adil Karl Mahdi", 2),
        # A surname is no given name of the headline's "person".
        ("President Ode left. Ode Seeks Help. Ode left.", "Ode", 2),
        ("Ode left. Ode Seeks Help.", "Ode", 1),
        ("Malia Ode left. Malia won.", "Malia Ode", 2),
        ("Leung Chun-ying left. Mr. Leung won.", "Leung Chun-ying", 2),
        # Of two bearers of a surname the one who was named in full twice keeps it.
        ("Karl Ode left. Karl Ode won. Decoding Ode. Ode left.", "Karl Ode", 3),
        ("Karl Ode met Karl Ode Jr. at sea. Ode Jr. left.", "Karl Ode Jr.", 2),
        # A surname that is also a title stands for its bearer, but not with an article or before a name.
        ("Rep. Karl King left. Then King won. The King and King Ode fell.", "Karl King", 2),
        ("Ode Karl Magnus OdeHarbour talks. Ode left.", "Karl Ode", 3),
    ],
)
def test_whose_a_name_is(text: str, name: str, places: int) -> None:
    assert len(grouped(text)[name]) == places


@pytest.mark.parametrize("name", ["Jordanian", "North Korean", "British", "Sunnis"])
def test_an_origin_is_no_person(name: str) -> None:
    assert entity_type(name) == "group"


def test_said_is_a_name_only_inside_a_sentence() -> None:
    found = {e.name for e in entities("“Good.”\n\nSaid Brun: “It is.” Later, Said Aziz left.")}
    assert found - {"Good"} == {"Brun", "Said Aziz"}


def test_of_equals_the_first_bears_a_surname_that_stands_before_them() -> None:
    people = [f"{given} Ode" for given in ("Ann", "Karl", "Ilse", "Bo", "Lena", "Jonas")]
    found = entities("Ode spoke. " + " ".join(f"{name} left." for name in people))
    (first,) = (e for e in found if e.mentions[0].start == 0)
    assert first.name == "Ann Ode"
