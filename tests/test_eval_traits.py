from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.eval.gold import GoldArticle, GoldKind, GoldStatement
from quoth.eval.items import Answer, Item, Judged
from quoth.eval.traits import with_traits


def row(text: str, *spans: tuple[str, GoldKind, str | None], **metadata: Any) -> Judged:
    """An article whose items are the first places of the words in its text."""
    items = []
    for words, kind, speaker in spans:
        start = text.index(words)
        gold = GoldStatement(start, start + len(words), kind, "other", None, None, speaker, None)
        items.append(Item("a", start, gold.end, kind, words, gold, None, None, {}))
    return Judged(GoldArticle("a", text, "dev", [i.gold for i in items if i.gold], metadata), [], items)


def traits(text: str, words: str, kind: GoldKind = "quoted", speaker: str | None = None) -> dict[str, str]:
    return with_traits([row(text, (words, kind, speaker))])[0].items[0].traits


@pytest.mark.parametrize(
    ("text", "words", "speaker", "naming"),
    [
        ("“We sank it,” said Sen. Ida Brandt on Friday.", "“We sank it,”", "Ida Brandt", "full name"),
        ("“We sank it,” said Ida Brandt.", "“We sank it,”", "Ida J. Brandt", "full name"),
        ("“We sank it,” said Ida Brandt.", "“We sank it,”", "Senator Ida Brandt", "full name"),
        ("Brandt said: “We sank it. All of it.”", "“We sank it. All of it.”", "Ida Brandt", "surname"),
        ("“Who sank it?” Brandt asked. He left.", "“Who sank it?”", "Ida Brandt", "surname"),
        ("BRANDT: We sank it.", "We sank it.", "Ida Brandt", "surname"),
        ("“We sank it,” Brandt said.", "“We sank it,”", "Brandt", "surname"),
        ("“We sank it,” Olga Brandt said.", "“We sank it,”", "Ida Brandt", "elsewhere"),
        ("“We sank it,” the sisters Ida and Eva Brandt said.", "“We sank it,”", "Ida and Eva Brandt", "full name"),
        ("“We sank it,” she told Bo Lund.", "“We sank it,”", "Ida Brandt", "pronoun"),
        ("“We sank it,” the minister said. Brandt left.", "“We sank it,”", "Ida Brandt", "elsewhere"),
        ("“We sank it,” Lund said. “And we are proud.”", "“And we are proud.”", "Bo Lund", "elsewhere"),
        ("“Brandt sank it,” he said.", "“Brandt sank it,”", "Ida Brandt", "pronoun"),
        ("He wrote “Brandt sank it” and “so what”.", "“so what”", "Ida Brandt", "pronoun"),
        ("“We sank it,” a senior official said.", "“We sank it,”", "a senior official", "description"),
        ("“We sank it,” the official added.", "“We sank it,”", "A senior official in Lima", "description"),
        ("“We sank it,” they said.", "“We sank it,”", "Dockers from Callao", "pronoun"),
        ("Dockers from Callao cried “We sank it”.", "“We sank it”", "Dockers from Callao", "description"),
        ("Two of his aides cried “We sank it”.", "“We sank it”", "Two of his aides", "description"),
        ("“We sank it,” the two said.", "“We sank it,”", "Two of his aides", "description"),
        ("“We sank it,” one docker said.", "“We sank it,”", "a fisherman", "elsewhere"),
        ("“We sank it,” said the embassy.", "“We sank it,”", "Danish Embassy in Lima", "institution"),
        ("“We sank it,” the UHA said.", "“We sank it,”", "United Harbour Authority", "institution"),
        ("“We sank it,” the harbour board’s report said.", "“We sank it,”", "The board’s report", "institution"),
        ("“We sank it,” U.S. envoys said.", "“We sank it,”", "United States", "institution"),
        ("Envoys told us “we sank it”.", "“we sank it”", "US", "elsewhere"),
        ("“We sank it,” it said.", "“We sank it,”", "Danish Embassy in Lima", "pronoun"),
        ("“We sank it,” she said.", "“We sank it,”", "Danish Embassy in Lima", "elsewhere"),
        ("The Almenara wept. “We sank it,” the Almenara said.", "“We sank it,”", "Almenara", "institution"),
        ("“We sank it,” somebody said.", "“We sank it,”", None, "unknown"),
    ],
)  # fmt: skip
def test_naming_is_how_the_sentence_names_the_speaker_outside_quotation_marks(
    text: str, words: str, speaker: str | None, naming: str
) -> None:
    assert traits(text, words, speaker=speaker)["naming"] == naming


@pytest.mark.parametrize(
    ("text", "words", "naming"),
    [
        ("He said that Brandt had sunk it.", "that Brandt had sunk it", "pronoun"),
        ("Brandt denied the charge.", "Brandt denied the charge", "surname"),
        ("In Lima, Brandt denied the charge.", "Brandt denied the charge", "surname"),
        ("The crew denied “what Brandt said”.", "denied “what Brandt said”", "elsewhere"),
    ],
)
def test_a_paraphrase_names_its_speaker_only_where_nothing_around_it_does(
    text: str, words: str, naming: str
) -> None:
    assert traits(text, words, "indirect", "Ida Brandt")["naming"] == naming


@pytest.mark.parametrize(
    ("text", "words", "kind", "negation"),
    [
        ("Lund did not say that it sank.", "that it sank", "indirect", "yes"),
        ("Lund didn’t explicitly deny that it sank.", "that it sank", "indirect", "yes"),
        ("Lund has never accused “the crew”.", "“the crew”", "quoted", "yes"),
        ("Lund declined to comment on “rumours”.", "“rumours”", "quoted", "yes"),
        ("Lund refused to publicly condemn the raid.", "refused to publicly condemn the raid", "indirect", "yes"),
        ("Lund stopped short of blaming the crew.", "the crew", "indirect", "yes"),
        ("Lund has yet to respond to “the rabble”.", "“the rabble”", "quoted", "yes"),
        ("Lund denied that it sank.", "that it sank", "indirect", "no"),
        ("Lund said it had never accused the crew.", "it had never accused the crew", "indirect", "no"),
        ("“I did not say so,” Lund said.", "“I did not say so,”", "quoted", "no"),
        ("Lund said “it sank” and did not stay.", "“it sank”", "quoted", "no"),
        ("Lund did not say who. “It sank,” Brandt said.", "“It sank,”", "quoted", "no"),
    ],
)  # fmt: skip
def test_negation_is_of_a_verb_of_reporting_in_the_reporting_clause(
    text: str, words: str, kind: GoldKind, negation: str
) -> None:
    assert traits(text, words, kind)["negation"] == negation


@pytest.mark.parametrize(
    ("words", "length", "fragment"),
    [
        ("“so-called reform”", "1-3", "yes"),
        ("“they don’t care”", "1-3", "yes"),
        ("“they do not care”", "4-10", "no"),
        ("“" + "on " * 10 + "”", "4-10", "no"),
        ("“" + "on " * 11 + "”", "11-25", "no"),
        ("“" + "on " * 25 + "”", "11-25", "no"),
        ("“" + "on " * 26 + "”", "26+", "no"),
    ],
)
def test_length_and_fragments_count_words(words: str, length: str, fragment: str) -> None:
    found = traits(f"Lund called it {words}.", words)
    assert (found["length"], found["fragment"]) == (length, fragment)


@pytest.mark.parametrize(
    ("words", "marks"),
    [
        ('"It sank."', "straight"),
        ("``It sank.''", "straight"),
        ("“It sank.”", "curly"),
        ("«It sank»", "curly"),
        ("‘It sank.’", "single"),
        ("'It sank.'", "single"),
        ("It sank.”", "curly"),
        ("It sank.", "none"),
    ],
)
def test_marks_are_those_at_either_end(words: str, marks: str) -> None:
    assert traits(f"Lund: {words}", words)["marks"] == marks


def test_a_paraphrase_has_no_marks_and_is_no_fragment() -> None:
    found = traits("Lund denied it.", "denied it", "indirect")
    assert found["kind"] == "indirect"
    assert not found.keys() & {"marks", "fragment"}


@pytest.mark.parametrize(
    ("before", "position"),
    [(0, "first fifth"), (19, "first fifth"), (20, "second fifth"), (59, "third fifth"), (99, "last fifth")],
)
def test_position_is_the_fifth_where_the_statement_begins(before: int, position: str) -> None:
    text = "x" * before + "“" + "x" * (99 - before)
    assert traits(text, "“")["position"] == position


def test_stray_predictions_have_the_traits_that_need_no_gold() -> None:
    text = "“They sank it,” Lund said."
    labels: Any = {"kind": "direct", "stance": "denial", "sentiment": "neutral"}
    found = Answer(
        start=0, end=15, stance2=None, stance_probabilities={}, sentiment_probabilities={},
        speaker="Bo Lund", target=None, probability=1.0, **labels,
    )  # fmt: skip
    stray = Item("a", 0, 15, "quoted", text[:15], None, found, None, {})
    of_stray = with_traits([Judged(GoldArticle("a", text, "dev", []), [], [stray])])[0].items[0]
    of_gold = traits(text, text[:15], speaker="Bo Lund")
    assert of_stray.found == found
    assert of_stray.traits == {name: value for name, value in of_gold.items() if name != "naming"}


def metadata(*articles: dict[str, Any]) -> list[dict[str, str]]:
    """What each article's columns add to the traits of its items."""
    text = "“It sank,” Lund said."
    rows = with_traits([row(text, ("“It sank,”", "quoted", "Bo Lund"), **columns) for columns in articles])
    plain = traits(text, "“It sank,”", speaker="Bo Lund")
    return [
        {name: value for name, value in r.items[0].traits.items() if plain.get(name) != value} for r in rows
    ]


def test_source_and_topic_are_traits_however_many_there_are() -> None:
    assert metadata({"source": "The Quay ", "topic": "ports"}, {"source": None, "topic": ""}) == [
        {"outlet": "The Quay", "topic": "ports"},
        {},
    ]


@pytest.mark.parametrize(
    ("given", "year"),
    [
        ("2026-03-11", "2026"),
        ("2026-03-11T08:00:00Z", "2026"),
        ("2026/03/11", "2026"),
        ("20260311", "2026"),
        ("20260311T0800", "2026"),
        (" 2026 ", "2026"),
        (2026, "2026"),
        (2026.0, "2026"),
        (date(2026, 3, 11), "2026"),
        ("11 March 2026", None),
        ("1772000000", None),
        ("0026-03-11", None),
        (None, None),
    ],
)
def test_the_year_is_that_of_a_date_like_iso_8601(given: Any, year: str | None) -> None:
    assert metadata({"date": given}) == [{"year": year} if year else {}]


def test_other_columns_are_traits_if_few_values_are_shared() -> None:
    articles: list[dict[str, Any]] = [
        {"desk": "city", "page": 1 + k // 2, "paid": k == 0, "grade": [0.5, 2.0, float("nan"), 2.0][k],
         "id2": str(k), "same": "x", "tags": ["a", "b"][k // 2 :], "title": f"Sunk {k // 2}", "length": "long" if k else "short"}
        for k in range(4)
    ]  # fmt: skip
    articles[3]["desk"] = "sport"
    first, _, third, _ = metadata(*articles)
    assert first == {"desk": "city", "page": "1", "paid": "yes", "grade": "0.5", "length (column)": "short"}
    assert third == {"desk": "city", "page": "2", "paid": "no", "length (column)": "long"}


def test_a_column_of_more_than_thirty_values_is_no_trait() -> None:
    assert metadata(*({"desk": k % 30} for k in range(60)))[31] == {"desk": "1"}
    assert metadata(*({"desk": k % 31} for k in range(62)))[31] == {}


@settings(deadline=None)
@given(
    st.text(st.sampled_from("“”\"'‘’.?! \nLab’sé"), min_size=1, max_size=40),
    st.data(),
    st.sampled_from(["Bo Lund", "L", "the crew", "Lab’s", "’", " ", "a and b", None]),
)
def test_any_span_of_any_text_has_all_traits(text: str, data: st.DataObject, speaker: str | None) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    kind = data.draw(st.sampled_from(["quoted", "indirect"]))
    gold = GoldStatement(start, end, kind, "other", None, None, speaker, None)
    item = Item("a", start, end, kind, text[start:end], gold, None, None, {})
    found = with_traits([Judged(GoldArticle("a", text, "dev", [gold]), [], [item])])[0].items[0].traits
    assert found.keys() >= {"kind", "length", "position", "negation", "naming"}
    assert ("marks" in found, "fragment" in found) == (kind == "quoted",) * 2
