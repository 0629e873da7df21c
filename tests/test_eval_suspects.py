from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.eval.gold import GoldStatement
from quoth.eval.items import Answer, Item
from quoth.eval.suspects import Finding, Suspect, confident_errors, label_noise, suspects

Classes = NDArray[np.int64]


def model(truth: Classes, k: int, signal: float, seed: int) -> NDArray[np.float64]:
    """Probabilities of a model that never saw the labels: calibrated, for classes that are equally frequent."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(len(truth), k)) * signal + np.eye(k)[truth] * signal**2
    p = np.exp(evidence - evidence.max(1, keepdims=True))
    shares: NDArray[np.float64] = p / p.sum(1, keepdims=True)
    return shares


def planted(truth: Classes, k: int, share: float, seed: int) -> tuple[Classes, set[int]]:
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(truth))[: int(share * len(truth))]
    given = truth.copy()
    given[wrong] = (given[wrong] + rng.integers(1, k, len(wrong))) % k
    return given, set(wrong.tolist())


@pytest.mark.parametrize(("k", "share"), [(2, 0.05), (5, 0.05), (5, 0.2)])
def test_planted_errors_come_first(k: int, share: float) -> None:
    truth = np.random.default_rng(k).integers(0, k, 2000)
    given, wrong = planted(truth, k, share, seed=1)
    found = confident_errors(given, model(truth, k, signal=3.0, seed=2))
    right = [f for f in found[: len(wrong)] if f.item in wrong]
    # The model itself is wrong on one in twenty of five classes.
    assert len(right) / len(wrong) > 0.8
    assert np.mean([f.suggested == truth[f.item] for f in right]) > 0.95
    assert [f.margin for f in found] == sorted(f.margin for f in found)
    assert -1 <= found[0].margin and found[-1].margin < 0


def test_few_suspects_without_planted_errors() -> None:
    truth = np.random.default_rng(3).integers(0, 5, 2000)
    assert len(confident_errors(truth, model(truth, 5, signal=3.0, seed=4))) < 0.03 * len(truth)
    assert confident_errors([0, 1, 2], np.eye(3)) == []


def test_the_noise_of_planted_errors_is_estimated() -> None:
    truth = np.random.default_rng(5).integers(0, 4, 4000)
    p = model(truth, 4, signal=4.0, seed=6)
    given = truth.copy()
    # A fifth of class 1 was called 2.
    given[np.flatnonzero(truth == 1)[::5]] = 2
    noise = label_noise(given, p)
    assert noise.sum() == pytest.approx(1)
    assert noise.sum(1) == pytest.approx(np.bincount(given) / len(given))
    assert noise[2, 1] == pytest.approx(0.05, abs=0.01)
    noise[2, 1] = 0
    assert np.trace(noise) == pytest.approx(0.95, abs=0.01)
    assert 1 - np.trace(label_noise(truth, p)) < 0.01


def test_thresholds_and_margins_by_hand() -> None:
    p = [[0.9, 0.1], [0.5, 0.5], [0.4, 0.6], [0.3, 0.7], [0.45, 0.55]]
    # Thresholds (0.9 + 0.5 + 0.4) / 3 = 0.6 and (0.7 + 0.55) / 2 = 0.625, which item 2 does not reach.
    assert confident_errors([0, 0, 0, 1, 1], p) == []
    # Now 0.5625 and 0.7, which neither item 2 nor item 4 reaches.
    assert confident_errors([0, 0, 0, 1, 0], p) == []
    # (0.5 + 0.4) / 2 = 0.45 and (0.1 + 0.7 + 0.55) / 3 = 0.45: item 0 is a sure 0, item 2 a sure 1, and item 1,
    # sure of both, goes by the first of its equal probabilities.
    found = confident_errors([1, 0, 0, 1, 1], p)
    assert [(f.item, f.suggested) for f in found] == [(0, 0), (2, 1)]
    assert [f.margin for f in found] == pytest.approx([-0.8, -0.2])


def test_a_likeliest_label_is_no_suspect() -> None:
    # Item 0 misses the threshold of its own class, 0.8, and reaches that of 1, 0.4; yet 0 is likelier.
    p = [[0.6, 0.4, 0.0], [1.0, 0.0, 0.0], [0.3, 0.4, 0.3]]
    assert confident_errors([0, 0, 1], p) == []
    # Item 0 is a sure 0; 1 is likelier, but misses its threshold of 0.7.
    assert confident_errors([0, 1], [[0.4, 0.6], [0.3, 0.7]]) == []


def test_a_class_of_equal_probabilities_keeps_its_items() -> None:
    # (0.8 + 0.8 + 0.8) / 3 is more than 0.8 in floating point.
    p = [[0.8, 0.2]] * 4
    assert [f.item for f in confident_errors([0, 0, 0, 1], p)] == [3]


def test_a_class_that_was_never_given_is_not_suggested() -> None:
    assert confident_errors([0, 0], [[0.9, 0.1], [0.1, 0.9]]) == []
    assert label_noise([0, 0], [[0.9, 0.1], [0.1, 0.9]]).tolist() == [[1, 0], [0, 0]]
    assert confident_errors([0, 0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.125, 0.875], [0.25, 0.75]]) == [
        Finding(2, 1, -0.75)
    ]


@pytest.mark.parametrize(
    ("given", "p", "message"),
    [
        ([0], [[0.5, 0.5], [0.5, 0.5]], r"shape \(2, 2\) for 1 labels of 2 classes"),
        ([0], [0.5], r"shape \(1,\)"),
        ([], np.zeros((0, 2)), r"shape \(0, 2\) for 0 labels"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "item 1: class 2 of 2"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.6]], r"item 1: probabilities \[0.5, 0.6\] do not sum to 1"),
        ([0], [[1.5, -0.5]], "item 0: probabilities"),
        ([0], [[np.nan, 0.5]], "item 0: probabilities"),
    ],
)
def test_bad_arrays_are_named(given: list[int], p: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        confident_errors(given, p)


def item(article: str, start: int, gold: str | None, p: dict[str, float], **fields: Any) -> Item:
    labels: Any = (gold, None, "negative", None, None)
    probabilities: Any = p
    answer = Answer(start, start + 9, None, "other", None, probabilities, "neutral", {}, None, None, 1.0)
    label = GoldStatement(start, start + 9, "quoted", *labels) if gold else None
    return replace(Item(article, start, start + 9, "quoted", "...", label, None, answer, {}), **fields)


def test_items_are_judged_by_the_classifier_or_else_by_what_was_found() -> None:
    sure, unsure = {"denial": 0.95, "other": 0.05}, {"denial": 0.05, "other": 0.95}
    first, last = item("u", 0, "denial", sure), item("v", 0, "denial", unsure)
    wrong = item("u", 25, "other", sure)
    expected = [
        Suspect("u", 25, 34, "stance", "other", "denial", pytest.approx(-0.9)),
        Suspect("v", 0, 9, "stance", "denial", "other", pytest.approx(-0.9)),
    ]
    assert suspects([first, wrong, last]) == expected
    found = [replace(i, found=i.told, told=None) for i in (first, wrong, last)]
    stray, missed = item("w", 0, None, sure), item("w", 9, "denial", unsure, told=None)
    assert suspects([*found, stray, missed]) == expected
    assert suspects([first, wrong, last], "sentiment") == []
