from __future__ import annotations

import sys

import pytest

from quoth.errors import InputError, MissingExtraError
from quoth.eval.baselines import features, fit_predict, majority
from quoth.eval.gold import GoldArticle, GoldStatement
from quoth.records import Stance

SAID: list[tuple[str, Stance]] = [
    ("They robbed the dairy", "accusation"),
    ("They robbed the mill", "accusation"),
    ("They robbed the school", "accusation"),
    ("We never took it", "denial"),
    ("We never saw it", "denial"),
]


def article(text: str, *spans: tuple[str, Stance]) -> GoldArticle:
    statements = [
        GoldStatement(text.index(s), text.index(s) + len(s), "quoted", stance, None, "neutral", None, None)
        for s, stance in spans
    ]
    return GoldArticle(text[:9], text, "train", statements)


TRAIN = [article(f"“{said}”, somebody said.", (said, stance)) for said, stance in SAID]
DEV = [
    article(
        "“We never did”, he said. “They robbed us.”", ("We never did", "denial"), ("They robbed us", "other")
    )
]


def test_majority() -> None:
    assert majority(TRAIN, DEV) == ["accusation", "accusation"]


def test_features_mark_where_a_word_stands() -> None:
    text = "x" * 150 + " She denied: We did not, aides said"
    start, end = text.index("We"), text.index(",")
    assert features(text, start, end) == [
        *["we", "did", "not", "we did", "did not"],
        *["<" + gram for gram in ["x" * 87, "she", "denied", "x" * 87 + " she", "she denied"]],
        *[">" + gram for gram in ["aides", "said", "aides said"]],
    ]


def test_tfidf_learns_the_words_and_the_context() -> None:
    pytest.importorskip("sklearn")
    assert fit_predict(TRAIN, DEV) == ["denial", "accusation"]
    train = [
        article("She denied it: so much.", ("so much", "denial")),
        article("She accused him: so much.", ("so much", "accusation")),
    ]
    assert fit_predict(train, [article("He accused her: so much.", ("so much", "denial"))]) == ["accusation"]
    assert fit_predict(train, []) == []


def test_tfidf_needs_two_stances() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(InputError, match="at least two stances to learn, found {'accusation'}"):
        fit_predict(TRAIN[:2], DEV)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"The TF-IDF baseline needs the extra 'eval'"):
        fit_predict(TRAIN, DEV)
