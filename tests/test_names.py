from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.names import given_name_before, looks_like_person, mentions, surname

WORDS = ["Ilse", "Brandt", "van", "Jr.", "Mr.", "the", "O’Hara", "Board", "I.", "\u0301", "🙂", "\u200f", "7"]
NAMES = st.lists(st.sampled_from(WORDS)).map(" ".join) | st.text(max_size=20)
TEXTS = st.lists(st.sampled_from(WORDS + [" ", "\u00a0", "\n", ".", "“", "’s"])).map("".join) | st.text()


def named(text: str, name: str) -> list[str]:
    return [text[a:b] for a, b in mentions(text, name)]


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("Ilse Brandt", "Brandt"),
        ("Mayor Ilse Brandt", "Brandt"),
        ("Ludwig van der Berg", "Berg"),
        ("Mohammed bin Salim", "Salim"),
        ("Ode Venn Jr.", "Venn"),
        ("Ode Venn, Jr.", "Venn"),
        ("Ode Venn III", "Venn"),
        ("Élodie Brun-Ode", "Brun-Ode"),
        ("Cafe\u0301 Ñandú", "Ñandú"),
        ("Sean O’Hara", "O’Hara"),
        ("Khalid al-Hussein", "Hussein"),
        ("Abu Bakr al-Masri", "Masri"),
        ("Sana El-Amin", "Amin"),
        ("Yael Ben-Ode", "Ben-Ode"),
        (" Ilse\u00a0Brandt\n", "Brandt"),
    ],
)
def test_a_person_has_a_surname(name: str, last: str) -> None:
    assert looks_like_person(name)
    assert surname(name) == last


NO_PERSONS = [
    "",
    " \u00a0",
    "Brandt",
    "ilse brandt",
    "the Brandt",
    "The Brandt",
    "Harbour Authority",
    "Dorn Mill Ltd.",
    "Dorn Mill Inc.",
    "Dorn Mill Corp.",
]


@pytest.mark.parametrize("name", [*NO_PERSONS, "Ilse 2 Brandt", "🙂 Brandt", "Ada Bea Cia Dea Eva Fia"])
def test_one_word_or_an_institution_is_no_person(name: str) -> None:
    assert not looks_like_person(name)
    assert surname(name) is None


@pytest.mark.parametrize("name", ["Brandt Jr.", "Jr. Sr.", "Ann X"])
def test_a_suffix_or_a_letter_is_no_surname(name: str) -> None:
    assert surname(name) is None


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Mayor Ilse Brandt spoke. Mrs. Brandt left; Brandt’s aide stayed.", "Ilse Brandt", 3),
        ("Ilse\n Brandt, then Ilse\u00a0Brandt and “Brandt”.", "Ilse Brandt", 3),
        ("Said Brandt. But Brandt left.", "Ilse Brandt", 2),
        ("“Brandt 🙂” \u200fBrandt\u200f", "Ilse Brandt", 2),
        ("Karl Brandt, Brandt-Ode, Ode-Brandt, Brandtson and McBrandt left.", "Ilse Brandt", 0),
        ("ILSE BRANDT left with brandt.", "Ilse Brandt", 0),
        ("The harbour board met the Harbour Board on board.", "Harbour Board", 1),
        ("Ode Venn Jr. met Venn and Ode Venn’s son.", "Ode Venn Jr.", 3),
        ("U.S. (C++) U.S.A. and C++", "C++", 2),
        ("anything", " ", 0),
        ("", "Ilse Brandt", 0),
        ("Ilse Brandt knew Karl Ode. Brandt left.", "Ilse Brandt", 2),
        ("It rained. Then Brandt left.", "Ilse Brandt", 1),
        ("It rained. Yesterday Brandt left.", "Ilse Brandt", 1),
        ("On Monday Brandt left.", "Ilse Brandt", 1),
        ("Pere\u0301 left.", "Ana Pere", 0),
    ],
)
def test_a_name_is_found_in_full_and_by_surname(text: str, name: str, expected: int) -> None:
    assert len(named(text, name)) == expected


def test_a_full_name_holds_its_surname_once() -> None:
    text = "Ilse Brandt and Brandt"
    assert mentions(text, "Ilse Brandt") == [(0, 11), (16, 22)]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("when Karl ", "Karl"),
        ("Karl\u00a0", "Karl"),
        ("when J. ", "J."),
        ("when J. K. ", "K."),
        ("when Karl J. ", "J."),
        ("when Will ", "Will"),
        ("in Oslo. ", None),
        ("on Monday ", None),
        ("since May ", None),
        ("It rained. Then ", None),
        ("when Mr. ", None),
        ("when President ", None),
        ("when the ", None),
        ("He left. But ", None),
        ("“Said ", None),
        ("Karl, ", None),
        ("Karl\n", None),
        ("", None),
    ],
)
def test_the_given_name_before_a_surname(head: str, expected: str | None) -> None:
    assert given_name_before(head + "Brandt", len(head)) == expected


@settings(deadline=None, max_examples=300)
@given(TEXTS, NAMES)
def test_mentions_are_ordered_and_name_it(text: str, name: str) -> None:
    found = mentions(text, name)
    assert found == sorted(set(found))
    assert all(b <= c for (_, b), (c, _) in pairwise(found))
    for mention in named(text, name):
        assert mention.split() == name.split() or mention == surname(name)


@settings(deadline=None, max_examples=300)
@given(NAMES)
def test_only_a_persons_name_has_a_surname(name: str) -> None:
    last = surname(name)
    assert last is None or looks_like_person(name) and last in name


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.data())
def test_a_given_name_stands_right_before(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    given_name = given_name_before(text, start)
    assert given_name is None or text[:start].rstrip().endswith(given_name)


@pytest.mark.parametrize(
    ("name", "last"), [("Park Won-soon", "Park"), ("Xi Jinping", "Xi"), ("Lena Li", "Li")]
)
def test_a_family_name_may_come_first(name: str, last: str) -> None:
    assert surname(name) == last


def test_an_owner_before_a_surname_is_no_given_name() -> None:
    text = "The Century Fund’s Lee"
    assert given_name_before(text, text.index("Lee")) is None
