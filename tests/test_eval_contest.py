from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval import baselines, measures
from quoth.eval.contest import NAMES, Contender, against, contender
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import KINDS, GoldArticle
from quoth.eval.items import Judged, judged, with_told
from quoth.records import Record

Make = Callable[..., Any]

DRAWS = Draws(resamples=50)


@pytest.fixture
def train(raid: GoldArticle, labels_of: Make) -> Path:
    """Labels of another article of the same words, whose commonest stance is denial."""
    statements = [replace(s, stance="denial") if s.stance == "other" else s for s in raid.statements]
    return Path(labels_of(replace(raid, id="t", statements=statements), name="train.jsonl"))


@pytest.fixture
def articles(raid: GoldArticle, texts_of: Make) -> Path:
    return Path(texts_of(raid, replace(raid, id="t")))


def stances(rival: Contender) -> list[str]:
    return [item.found.stance for row in rival.rows for _, item in row.gold() if item.found]


def test_majority_is_the_commonest_stance_of_its_labels(
    raid: GoldArticle, train: Path, articles: Path
) -> None:
    found = contender(f"majority={train}", [raid], articles)
    assert stances(found) == ["denial"] * 5
    assert (found.name, found.tells, found.setting) == ("majority", {"stance"}, "gold_spans")


def test_tfidf_is_fitted_to_its_labels(raid: GoldArticle, train: Path, articles: Path) -> None:
    pytest.importorskip("sklearn")
    found = contender(f"tfidf={train}", [raid], articles)
    # It has seen these very words.
    assert stances(found) == ["accusation", "denial", "denial", "condemnation", "solidarity"]
    assert found.tells == {"stance"}


def test_the_lexicon_goes_by_its_words(raid: GoldArticle, articles: Path) -> None:
    found = contender("lexicon", [raid], articles)
    assert stances(found) == baselines.lexicon([raid])
    assert stances(found)[3] == "condemnation"
    assert found.tells == {"stance"}


def test_the_nearest_name_tells_speakers_alone(raid: GoldArticle, articles: Path) -> None:
    found = contender("nearest-name", [raid], articles)
    said = [item.found and item.found.speaker for _, item in found.rows[0].gold()]
    assert said == baselines.nearest_name([raid])
    assert (found.tells, found.setting) == ({"speaker"}, "gold_spans")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("horoscope", r"baseline 'horoscope': expected one of majority, tfidf, lexicon, nearest-name, nli, "),
        ("", r"baseline '': expected one of majority"),
        ("majority", r"baseline 'majority': expected majority=PATH: PATH of labels: their commonest stance"),
        ("tfidf=", r"baseline 'tfidf=': expected tfidf=PATH: "),
        ("nli", r"baseline 'nli': expected nli=PATH: PATH of a Hugging Face model"),
        ("gliner2", r"baseline 'gliner2': expected gliner2=PATH: "),
        ("lexicon=words.txt", r"baseline 'lexicon=words.txt': expected lexicon alone: stance by"),
        ("nearest-name=x", r"baseline 'nearest-name=x': expected nearest-name alone: "),
        ("textacy=en", r"baseline 'textacy=en': expected textacy alone: "),
    ],
)
def test_a_wrong_spec_is_named(spec: str, message: str, raid: GoldArticle, articles: Path) -> None:
    with pytest.raises(InputError, match=message):
        contender(spec, [raid], articles)


@pytest.mark.parametrize("name", ["majority", "tfidf"])
def test_labels_that_are_not_there_are_named(name: str, raid: GoldArticle, articles: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        contender(f"{name}=nowhere.jsonl", [raid], articles)


@pytest.mark.parametrize("name", ["majority", "tfidf"])
def test_nothing_is_learnt_from_what_is_judged_on(
    name: str, raid: GoldArticle, articles: Path, labels_of: Make
) -> None:
    both = labels_of(replace(raid, id="t"), raid, name="both.jsonl")
    with pytest.raises(InputError, match=r"both\.jsonl: 1 of its articles are in gold too, 'a' for one"):
        contender(f"{name}={both}", [raid], articles)


@pytest.mark.parametrize("name", ["majority", "tfidf"])
def test_labels_without_a_statement_teach_nothing(
    name: str, raid: GoldArticle, articles: Path, labels_of: Make
) -> None:
    empty = labels_of(replace(raid, id="t", statements=[]), name="empty.jsonl")
    with pytest.raises(InputError):
        contender(f"{name}={empty}", [raid], articles)


def test_every_name_says_what_its_path_is() -> None:
    assert {name for name, what in NAMES.items() if what.startswith("PATH of ")} == {
        *("majority", "tfidf", "nli", "gliner2")
    }


@pytest.fixture
def rows(raid: GoldArticle, raid_record: Record) -> list[Judged]:
    return judged([raid], {"a": raid_record})


def rival(gold: GoldArticle, record: Record, *tells: str) -> Contender:
    return Contender("theirs", judged([gold], {"a": record}), frozenset(tells), "end_to_end")


def test_a_system_against_its_own_answers_does_not_differ(
    rows: list[Judged], raid: GoldArticle, raid_record: Record
) -> None:
    found = against(rows, rival(raid, raid_record, "stance", "speaker"), DRAWS)
    nothing = Figure(0.0, 0.0, 0.0)
    assert {kind: c.difference for kind, c in found.contrasts.items()} == dict.fromkeys(KINDS, nothing)
    assert found.speaker_contrast is not None
    assert (found.speaker_contrast.difference, found.speaker_contrast.p) == (nothing, 1.0)
    assert found.stance["quoted"] == measures.stance(rows, "quoted", "end_to_end", DRAWS)
    assert found.speaker == measures.speaker(rows, "all", DRAWS)


def test_against_a_system_end_to_end_the_classifier_is_not_asked(
    rows: list[Judged], raid: GoldArticle, raid_record: Record, told: Make
) -> None:
    told_right = with_told(rows, [told(s.stance) for s in raid.statements])
    theirs = rival(raid, raid_record, "stance")
    assert against(told_right, theirs, DRAWS) == against(rows, theirs, DRAWS)


def test_a_system_is_compared_on_the_gold_statements_alone(
    rows: list[Judged], raid: GoldArticle, record: Make
) -> None:
    nothing_found = rival(raid, record(), "stance")
    found = against(rows, nothing_found, DRAWS)
    # Accusation 2/3, denial 0, and what the system made up is left out; the other has F1 0 of both.
    assert found.contrasts["quoted"].difference.value == pytest.approx((2 / 3 + 0) / 2)
    assert found.contrasts["indirect"].difference.value == pytest.approx((1 + 0) / 2)
    assert (found.speaker, found.speaker_contrast) == (None, None)


def test_a_missed_statement_has_no_right_speaker(
    rows: list[Judged], raid: GoldArticle, predicted: Make, record: Make
) -> None:
    both = record(
        predicted("“They sank it,”", speaker="Ida Brandt"), predicted("“Maybe,”", speaker="Bo Lund")
    )
    found = against(rows, rival(raid, both, "speaker"), DRAWS)
    # One of five right against two of five, though of the found ones it is 1/3 against 1.
    assert found.speaker_contrast is not None
    assert found.speaker_contrast.difference.value == pytest.approx(-1 / 5)
    assert (found.stance, found.contrasts) == ({}, {})


def test_on_gold_spans_the_classifiers_answers_are_compared(
    rows: list[Judged], raid: GoldArticle, train: Path, articles: Path, told: Make
) -> None:
    told_right = with_told(rows, [told(s.stance) for s in raid.statements])
    majority = contender(f"majority={train}", [raid], articles)
    found = against(told_right, majority, DRAWS)
    # All denials: of the quoted ones one of three is right, F1 1/2, and accusation's is 0.
    assert found.contrasts["quoted"].difference.value == pytest.approx(1 - (1 / 2 + 0) / 2)
    assert found.contrasts["indirect"].difference.value == pytest.approx(1)
    # Not asked, it is what the system says end to end: accusation 2/3, denial 0.
    assert against(rows, majority, DRAWS).contrasts["quoted"].difference.value == pytest.approx(1 / 3 - 1 / 4)
