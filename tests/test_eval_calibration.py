from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.calibration import calibration
from quoth.eval.result import Calibration


def two(confidence: list[float], right: list[bool], articles: list[int] | None = None) -> Calibration:
    """Of two classes, the first always the likelier one."""
    p = np.column_stack([confidence, 1 - np.array(confidence)])
    return calibration(p, [int(not r) for r in right], articles or range(len(p)), resamples=200, draws=50)


def model(n: int, seed: int, sharper: float = 1.0, size: int = 10) -> tuple[Any, Any, Any]:
    """Probabilities of three classes, calibrated if sharper is 1, with gold and articles of `size` items."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3)) * 1.5
    true, told = (np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (logits, logits * sharper))
    return told, (true.cumsum(1) > rng.random((n, 1))).argmax(1), np.arange(n) // size


def test_figures_by_hand() -> None:
    found = two([0.9, 0.8, 0.6, 0.5], [True, True, False, True])
    # Four bins of one: |1 - .9| + |1 - .8| + |0 - .6| + |1 - .5|.
    assert found.ece.value == pytest.approx((0.1 + 0.2 + 0.6 + 0.5) / 4)
    assert found.brier.value == pytest.approx(2 * (0.01 + 0.04 + 0.36 + 0.25) / 4)
    assert found.log_loss.value == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.5]).mean())
    assert [(b.n, b.confidence, b.accuracy.value) for b in found.bins] == [
        (1, 0.5, 1), (1, 0.6, 0), (1, 0.8, 1), (1, 0.9, 1)
    ]  # fmt: skip
    # One item is a quarter: what asks for 5 to 25 % accepts the most confident one, and so on.
    curve = [(p.coverage, p.threshold, p.accuracy.value) for p in found.risk_coverage]
    assert len(curve) == 20
    assert curve[::5] == [(0.25, 0.9, 1), (0.5, 0.8, 1), (0.75, 0.6, pytest.approx(2 / 3)), (1, 0.5, 0.75)]
    assert curve[0] == curve[4]


def test_equal_confidences_are_never_parted() -> None:
    found = two([0.7] * 6 + [0.9] * 2, [True, False] * 4)
    assert [(b.n, b.confidence, b.accuracy.value) for b in found.bins] == [
        (6, pytest.approx(0.7), 0.5), (2, 0.9, 0.5)
    ]  # fmt: skip
    assert {(p.coverage, p.threshold) for p in found.risk_coverage} == {(0.25, 0.9), (1, 0.7)}
    assert found.ece.value == pytest.approx((6 * 0.2 + 2 * 0.4) / 8)


def figures(found: Calibration) -> list[float]:
    values = [found.perfect_high]
    for f in (
        found.ece,
        found.brier,
        found.log_loss,
        *(x.accuracy for x in (*found.bins, *found.risk_coverage)),
    ):
        values += [np.nan if x is None else x for x in (f.value, f.low, f.high)]
    return values + [x for p in found.risk_coverage for x in (p.coverage, p.threshold)]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 0.65, 0.8, 1.0]), st.booleans(), st.integers(0, 4)),
        min_size=1, max_size=30,
    ),
    st.randoms(),
)  # fmt: skip
def test_the_order_of_the_items_does_not_matter(items: list[tuple[float, bool, int]], random: Random) -> None:
    def of(some: list[tuple[float, bool, int]]) -> list[float]:
        confidence, right, articles = zip(*some, strict=True)
        return figures(two(list(confidence), list(right), list(articles)))

    assert of(items) == pytest.approx(of(random.sample(items, len(items))), nan_ok=True)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 80), st.integers(0, 1000), st.floats(0.5, 3))
def test_figures_are_those_of_scores_and_lie_in_their_intervals(n: int, seed: int, sharper: float) -> None:
    p, gold, articles = model(n, seed, sharper)
    found = calibration(p, gold, articles, resamples=100, draws=20)
    confidence, right = p.max(1), p.argmax(1) == gold
    assert found.ece.value == pytest.approx(scores.ece(confidence, right))
    # The draws are made for the items from the most confident one.
    assert found.perfect == pytest.approx(scores.expected_ece(-np.sort(-confidence), draws=20))
    assert found.brier.value == pytest.approx(scores.brier(p, gold))
    assert found.log_loss.value == pytest.approx(scores.log_loss(p, gold))
    assert sum(b.n for b in found.bins) == found.n == n
    assert all(np.float64(b.accuracy.low) < np.float64(b.accuracy.high) for b in found.bins)
    assert found.risk_coverage[-1].coverage == 1
    assert found.risk_coverage[-1].accuracy.value == pytest.approx(right.mean())
    for k, point in enumerate(found.risk_coverage, 1):
        accepted = confidence >= point.threshold
        assert point.coverage == pytest.approx(accepted.mean())
        assert point.accuracy.value == pytest.approx(right[accepted].mean())
        # The fewest items that reach the coverage: without the last ones it would be missed.
        assert point.coverage >= k / 20 - 1e-9 > (confidence > point.threshold).mean() - 1e-9


@pytest.mark.parametrize("sharper", [1.0, 1.5])
def test_the_interval_of_the_ece_is_as_wide_as_other_articles_vary(sharper: float) -> None:
    others = [model(600, seed, sharper) for seed in range(200)]
    usual = np.mean([scores.ece(p.max(1), p.argmax(1) == gold) for p, gold, _ in others])
    intervals = [
        calibration(*model(600, seed, sharper), resamples=200, draws=1).ece for seed in range(1000, 1060)
    ]
    assert all(0 <= np.float64(i.low) <= np.float64(i.value) <= np.float64(i.high) for i in intervals)
    assert sum(np.float64(i.low) <= usual <= np.float64(i.high) for i in intervals) >= 50


def test_the_interval_of_the_ece_does_not_fall_below_zero() -> None:
    assert two([0.52] * 25 + [0.5] * 25, [k % 2 == 0 for k in range(50)]).ece.low == 0


def test_a_calibrated_model_stays_below_what_chance_allows_and_a_sure_one_does_not() -> None:
    calm, sure = (calibration(*model(1000, 5, sharper), resamples=50) for sharper in (1.0, 3.0))
    assert calm.ece.value is not None and sure.ece.value is not None
    assert calm.perfect < calm.perfect_high
    assert calm.ece.value < calm.perfect_high
    assert sure.ece.value > 3 * sure.perfect_high


def test_articles_are_drawn_not_items() -> None:
    # Whole articles right or wrong: forty items of four articles are as uncertain as four.
    clustered = two([0.8] * 40, [k < 30 for k in range(40)], [k // 10 for k in range(40)])
    single = two([0.8] * 4, [True, True, True, False])
    for few, many in ((single.brier, clustered.brier), (single.log_loss, clustered.log_loss)):
        assert (many.value, many.low, many.high) == pytest.approx((few.value, few.low, few.high))
    assert clustered.risk_coverage[-1].accuracy == single.risk_coverage[-1].accuracy


def test_a_point_whose_articles_are_not_drawn_still_has_an_interval() -> None:
    point = two([0.9, 0.5, 0.5], [True, False, True]).risk_coverage[0]
    assert (point.accuracy.value, point.accuracy.low, point.accuracy.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("p", "gold", "articles", "message"),
    [
        (np.zeros((0, 3)), [], [], "at least one item"),
        ([[0.5, 0.5]], [0, 1], [0], r"shape \(1, 2\), gold of \(2,\)"),
        ([[0.5, 0.5]], [0], [0, 0], r"articles of \(2,\)"),
        ([0.5, 0.5], [0, 1], [0, 0], r"expected \(n, k\)"),
        ([[0.5, 0.5], [1, 0]], [0, 2], [0, 0], "item 1: class 2, expected 0 to 1"),
        ([[0.5, 0.5]], [-1], [0], "item 0: class -1"),
        ([[0.5, 0.6]], [0], [0], r"item 0: probabilities \[0.5, 0.6\], expected shares"),
        ([[1.5, -0.5]], [0], [0], "item 0: probabilities"),
        ([[float("nan"), 0.5]], [0], [0], "item 0: probabilities"),
    ],
)
def test_what_cannot_be_scored_is_refused(p: Any, gold: Any, articles: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        calibration(p, gold, articles)


def test_an_operating_point_is_the_lowest_threshold_that_is_precise_enough() -> None:
    sure = [0.99] * 30 + [0.9] * 10 + [0.8] * 10
    right = [True] * 39 + [False] + [True, False] * 5
    p = [[x, 1 - x] for x in sure]
    found = calibration(p, [int(not r) for r in right], range(len(p)), resamples=50, draws=10)
    (point,) = found.operating
    assert (point.label, point.threshold, point.n) == ("accusation", 0.9, 40)
    assert point.precision.value == pytest.approx(39 / 40)
    assert point.precision.low is not None and point.precision.low < 0.95
    assert point.recall == pytest.approx(39 / 44)


def test_equally_sure_items_are_taken_together() -> None:
    p = [[0.9, 0.1]] * 2 + [[0.7, 0.3]] * 2
    found = calibration(p, [0, 0, 0, 1], range(4), resamples=50, draws=10)
    assert [(point.threshold, point.n) for point in found.operating] == [(0.9, 2)]


def test_a_class_that_never_reaches_the_precision_has_no_operating_point() -> None:
    assert calibration([[0.9, 0.1]] * 2, [1, 1], range(2), resamples=50, draws=10).operating == []
