from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import quoth
from quoth.errors import InputError, ModelError
from quoth.labeler import Labeler, calibrated, whole_grapheme, whole_words
from quoth.records import Article, Record, to_json

EXAMPLES = Path(__file__).parent.parent / "examples"
ARTICLE = (
    "Harbour Minister Ruth Okoro accused the port’s Danish operator on Tuesday of hiding a fire.\n\n"
    "“They lied to us for nine days,” she said. “This is a disgrace.”\n\n"
    "Lindholt Terminals denied the claim. “We reported the fire within the hour,” said its spokesman, Jonas Ek."
)


@pytest.fixture(scope="module")
def labeler() -> Labeler:
    return Labeler.from_pretrained("small")


@pytest.fixture(scope="module")
def examples() -> list[Article]:
    with (EXAMPLES / "articles.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Article(id=row["id"], text=row["text"]) for row in rows]


def check(text: str, record: Record) -> None:
    """What holds for every record of every text."""
    ids = {s.id for s in record.statements}
    for s in record.statements:
        assert text[s.start : s.end] == s.text != ""
        assert "\n" not in s.text and "\r" not in s.text
        for span in (s.cue, s.speaker and s.speaker.mention, s.speaker and s.speaker.source, s.target):
            assert span is None or text[span.start : span.end] == span.text
        assert not (s.target and s.speaker and s.speaker.name in (s.target.name, s.target.text))
        assert s.quotation in ids
        assert 0 <= s.probability <= 1
        assert sum(s.stance_probabilities.values()) == pytest.approx(1, abs=1e-3)
        assert s.stance_probabilities[s.stance] == max(s.stance_probabilities.values())


def test_an_article_is_labelled_as_a_reader_would(labeler: Labeler) -> None:
    record = labeler.label_one(ARTICLE)
    check(ARTICLE, record)
    told = {s.text: s for s in record.statements}
    lied, condemned, reported = (
        told["“They lied to us for nine days,”"],
        told["“This is a disgrace.”"],
        told["“We reported the fire within the hour,”"],
    )
    assert [s.stance for s in (lied, condemned, reported)] == ["accusation", "condemnation", "denial"]
    assert lied.speaker and condemned.speaker and reported.speaker
    assert lied.speaker.name == condemned.speaker.name == "Ruth Okoro"
    assert lied.quotation == condemned.quotation == lied.id
    assert reported.speaker.name == "Jonas Ek"
    assert lied.sentiment == "negative"
    assert any(s.kind == "indirect" and s.stance == "denial" for s in record.statements)


def test_the_library_labels_with_the_default_model() -> None:
    assert quoth.label(ARTICLE).model.name == "small"


def test_one_by_one_and_together_give_the_same_records(labeler: Labeler, examples: list[Article]) -> None:
    together = [to_json(record) for record in labeler.label(examples[:4])]
    assert together == [to_json(labeler.label_one(article)) for article in examples[:4]]


def test_every_example_keeps_its_offsets(labeler: Labeler, examples: list[Article]) -> None:
    for article, record in zip(examples, labeler.label(examples), strict=True):
        assert record.id == article.id
        assert record.warnings == []
        assert len(record.statements) > 5
        check(article.text, record)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" she", "\u00a0she"),
        lambda text: text.replace("“", '"').replace("”", '"'),
        lambda text: text.replace("“", "«").replace("”", "»"),
        lambda text: "\ufeff\u200f" + text.replace("Ek", "E\u0301k").replace("u", "u\u0308"),
        lambda text: text.replace(".", ". 🙂👩‍🚒"),
        lambda text: text.replace("”", "", 1),
        lambda text: text.replace("“", "", 1),
        lambda text: text.replace("said", "s\ud800id"),
        lambda text: text.replace("\n\n", "\u2028"),
    ],
    ids=["crlf", "nbsp", "straight", "guillemets", "marks", "emoji", "open", "closed", "surrogate", "lines"],
)
def test_odd_characters_shift_no_offset(change: object, labeler: Labeler) -> None:
    text = change(ARTICLE)  # type: ignore[operator]
    record = labeler.label_one(text)
    check(text.replace("\ud800", "\ufffd"), record)
    assert record.statements
    to_json(record)


@pytest.mark.parametrize("text", ["", " \n\t", "“", "”“", "\u200f", "…", "A\n\n\n"])
def test_a_text_without_words_has_no_statements(text: str, labeler: Labeler) -> None:
    assert labeler.label_one(text).statements == []


def test_a_text_that_is_not_english_is_skipped_with_a_warning(labeler: Labeler) -> None:
    text = (
        "Der Minister sagte am Montag, der Damm sei sicher. „Wir haben alles geprüft“, erklärte er den "
        "Abgeordneten im Landtag. Die Opposition wies das zurück und forderte eine neue Untersuchung."
    )
    record = labeler.label_one(text)
    assert record.statements == []
    assert len(record.warnings) == 1 and "English" in record.warnings[0]


@pytest.mark.parametrize("size", [60_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_long_text_is_read_to_its_end(size: int, labeler: Labeler) -> None:
    filler = "The river rose by a hand’s breadth on the second day and the sluices stayed shut. "
    text = filler * (size // len(filler)) + "\n\n“They lied to us for nine days,” Ruth Okoro said."
    record = labeler.label_one(text)
    check(text, record)
    assert record.statements[-1].text == "“They lied to us for nine days,”"


def test_a_paragraph_that_occurs_twice_gets_one_answer(labeler: Labeler) -> None:
    paragraph = "“They lied to us for nine days,” she said of the operator, Lindholt Terminals."
    text = f"{paragraph}\n\n{ARTICLE}\n\n{paragraph}"
    record = labeler.label_one(text)
    check(text, record)
    last = text.rindex(paragraph)
    first = [s for s in record.statements if s.end <= len(paragraph)]
    again = [s for s in record.statements if s.start >= last]
    assert [(s.start + last, s.stance, s.speaker and s.speaker.name) for s in first] == [
        (s.start, s.stance, s.speaker and s.speaker.name) for s in again
    ]


def test_beliefs_are_reported_with_all_cues_only() -> None:
    text = (
        "Ruth Okoro said that the harbour would be open again by the end of the month.\n\n"
        "Jonas Ek hopes that the company will be paid for all the damage that the fire did."
    )
    spoken = Labeler.from_pretrained("small").label_one(text).statements
    everything = Labeler.from_pretrained("small", all_cues=True).label_one(text).statements
    assert not any(s.cue and s.cue.text == "hopes" for s in spoken)
    assert any(s.cue and s.cue.text == "hopes" for s in everything)


def test_an_uncertain_stance_is_marked() -> None:
    statements = Labeler.from_pretrained("small", min_probability=1.0).label_one(ARTICLE).statements
    assert statements and all(s.abstained for s in statements if max(s.stance_probabilities.values()) < 1)


def test_given_spans_are_classified(labeler: Labeler) -> None:
    start = ARTICLE.index("“They lied")
    (told,) = labeler.classify([(ARTICLE, start, ARTICLE.index("”") + 1)])
    assert told.stance.argmax() == 0
    assert told.stance.sum() == pytest.approx(1, abs=1e-3)


def test_a_span_without_a_word_is_an_error(labeler: Labeler) -> None:
    with pytest.raises(InputError, match=r"span \[2, 2\)"):
        labeler.classify([("A text.", 2, 2)])


def test_a_text_that_is_none_is_an_error(labeler: Labeler) -> None:
    nothing: Any = None
    with pytest.raises(InputError, match="article a7: text: found NoneType, expected a string"):
        next(labeler.label([Article(id="a7", text=nothing)]))


def test_an_unknown_model_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"large: .*small"):
        Labeler.from_pretrained("large")
    with pytest.raises(ModelError, match=r"model\.json"):
        Labeler.from_pretrained(tmp_path)


def test_the_larger_model_finds_the_same_statements_and_tells_their_stances(labeler: Labeler) -> None:
    small, base = labeler.label_one(ARTICLE), Labeler.from_pretrained("base").label_one(ARTICLE)
    check(ARTICLE, base)
    assert base.model.name == "base" != small.model.name
    assert [(s.start, s.end, s.speaker and s.speaker.name) for s in base.statements] == [
        (s.start, s.end, s.speaker and s.speaker.name) for s in small.statements
    ]
    told = {s.text: s.stance for s in base.statements}
    assert told["“They lied to us for nine days,”"] == "accusation"
    assert told["“We reported the fire within the hour,”"] == "denial"


@pytest.mark.parametrize(
    ("score", "line", "probability"),
    [(0.5, (1.0, 0.0), 0.5), (0.9, (1.0, 0.0), 0.9), (1.0, (1.0, 0.0), 0.9999), (0.5, (1.0, 100.0), 1.0)],
)
def test_scores_become_probabilities(score: float, line: tuple[float, float], probability: float) -> None:
    assert calibrated(score, line) == probability


def test_ends_split_neither_words_nor_graphemes() -> None:
    assert whole_words("the harbourmaster", 5, 8) == (4, 17)
    assert whole_grapheme("cafe\u0301 now", 4) == 5
    assert whole_grapheme("a 👩‍🚒 b", 3) == 5
    assert whole_grapheme("plain", 3) == 3


def test_a_labeler_of_one_thread_uses_no_more_than_one_core() -> None:
    """Threads that only wait for each other take the time of other processes on the same cores."""
    texts = [json.loads(line)["text"] for line in (EXAMPLES / "articles.jsonl").open(encoding="utf-8")][:6]
    labeler = Labeler.from_pretrained("small", threads=1)
    labeler.label_one(texts[0])
    began, spent = time.perf_counter(), time.process_time()
    for text in texts:
        labeler.label_one(text)
    assert time.process_time() - spent < 1.2 * (time.perf_counter() - began)
