from __future__ import annotations

import math
from functools import partial
from random import Random
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.errors import InputError
from quoth.eval import scores

LABELS = ["a", "b", "c", "d"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)
MACRO = partial(scores.macro_f1_of, classes=[0, 1])


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    module: ModuleType = pytest.importorskip("sklearn.metrics")
    return module


@given(PAIRS)
def test_pooled_f1_is_that_of_scikit_learn(metrics: ModuleType, pairs: list[tuple[str, str]]) -> None:
    gold, said = map(list, zip(*pairs, strict=True))
    found = float(scores.micro_f1_of(scores.confusion(gold, said, LABELS), [0, 1]))
    if not {"a", "b"} & {*gold, *said}:
        assert math.isnan(found)
        return
    assert found == pytest.approx(
        metrics.f1_score(gold, said, labels=["a", "b"], average="micro", zero_division=0)
    )


def test_confusion_has_gold_by_row() -> None:
    assert scores.confusion(["a", "a", "b"], ["b", "a", "b"], "ab").tolist() == [[1, 1], [0, 1]]
    with pytest.raises(InputError, match="label 'z' is none of a, b"):
        scores.confusion(["a"], ["z"], "ab")


def test_f1_by_hand() -> None:
    # a: 2 right of 3 predicted and 4 in gold; b: 3 of 5 and 4; c: in neither.
    precision, recall, f1 = scores.precision_recall_f1([[2, 2, 0], [1, 3, 0], [0, 0, 0]])
    assert precision == pytest.approx([2 / 3, 3 / 5, math.nan], nan_ok=True)
    assert recall == pytest.approx([2 / 4, 3 / 4, math.nan], nan_ok=True)
    assert f1[:2] == pytest.approx([4 / 7, 6 / 9])
    assert math.isnan(f1[2])


def test_macro_leaves_out_classes_in_neither_and_counts_other_labels_as_errors() -> None:
    assert scores.macro_f1(["a", "a"], ["a", "x"], ["a", "b"]) == pytest.approx(2 / 3)
    assert scores.macro_f1(["a", "x"], ["a", "b"], ["a", "b"]) == pytest.approx(1 / 2)
    assert math.isnan(scores.macro_f1(["x"], ["x"], ["a"]))


@settings(deadline=None)
@given(pairs=PAIRS)
def test_f1_is_sklearns(metrics: ModuleType, pairs: list[tuple[str, str]]) -> None:
    gold, predicted = zip(*pairs, strict=True)
    expected = metrics.precision_recall_fscore_support(gold, predicted, labels=LABELS, zero_division=0)
    found = scores.precision_recall_f1(scores.confusion(gold, predicted, LABELS))
    np.testing.assert_allclose(np.nan_to_num(found), expected[:3])
    seen = sorted({*gold, *predicted})
    macro = metrics.f1_score(gold, predicted, labels=seen, average="macro", zero_division=0)
    assert scores.macro_f1(gold, predicted, LABELS) == pytest.approx(macro)


def test_leading_axes_are_kept() -> None:
    counts = np.random.default_rng(1).integers(0, 9, (5, 2, 3, 3))
    whole = scores.macro_f1_of(counts, [0, 2])
    assert whole.shape == (5, 2)
    assert whole[3, 1] == scores.macro_f1_of(counts[3, 1], [0, 2])


def test_probability_scores_by_hand() -> None:
    p = [[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]]
    assert scores.brier(p, [0, 2]) == pytest.approx(((0.09 + 0.04 + 0.01) + (0.25 + 0.25 + 1)) / 2)
    assert scores.log_loss(p, [0, 1]) == pytest.approx(-(math.log(0.7) + math.log(0.5)) / 2)
    assert math.isfinite(scores.log_loss(p, [0, 2]))


def test_probability_scores_are_sklearns(metrics: ModuleType) -> None:
    rng = np.random.default_rng(2)
    p, gold = rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200)
    assert scores.log_loss(p, gold) == pytest.approx(metrics.log_loss(gold, p, labels=range(4)))
    two = p[:, :2] / p[:, :2].sum(1, keepdims=True)
    # scikit-learn's binary score is that of one class; ours sums over both.
    binary = metrics.brier_score_loss(gold % 2, two[:, 1])
    assert scores.brier(two, gold % 2) == pytest.approx(2 * binary)


def test_ece_by_hand() -> None:
    # Two bins of two: |0.5 - 0.55| and |1 - 0.85|, half of the items each.
    assert scores.ece([0.8, 0.5, 0.9, 0.6], [1, 1, 1, 0], bins=2) == pytest.approx((0.05 + 0.15) / 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.5, 0.75, 1.0]), st.booleans()), min_size=1), st.randoms())
def test_ece_does_not_depend_on_order(items: list[tuple[float, bool]], random: Random) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert scores.ece(*zip(*items, strict=True)) == pytest.approx(scores.ece(*zip(*shuffled, strict=True)))


def test_expected_ece_is_what_a_calibrated_model_gets() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.3, 1.0, 500)
    expected = scores.expected_ece(p, draws=300, seed=4)
    assert expected == scores.expected_ece(p, draws=300, seed=4)
    observed = np.mean([scores.ece(p, rng.random(500) < p) for _ in range(300)])
    assert expected == pytest.approx(observed, rel=0.05)
    chance = scores.ece_by_chance(p, draws=300, seed=4)
    assert chance.mean() == expected
    same = np.random.default_rng(4)
    np.testing.assert_allclose(chance, [scores.ece(p, same.random(500) < p) for _ in range(300)])
    # However many are held at a time, the same answers are drawn.
    np.testing.assert_allclose(chance, scores.ece_by_chance(p, draws=300, seed=4, block=1))
    # One bin: E|X - np| / n with X binomial, here n = 1: 2 p (1 - p).
    assert scores.expected_ece([0.8], draws=20_000) == pytest.approx(0.32, abs=0.01)
    assert scores.expected_ece(np.ones(9)) == 0


def test_bins_have_equal_mass_and_keep_equal_confidences_together() -> None:
    assert scores.equal_mass([0.1, 0.4, 0.2, 0.3], 2).tolist() == [0, 1, 0, 1]
    assert np.bincount(scores.equal_mass(np.linspace(0, 1, 90), 15)).tolist() == [6] * 15
    assert len(set(scores.equal_mass([0.5] * 7, 3).tolist())) == 1


def test_aurc_by_hand() -> None:
    # Risks among the 1, 2, 3, 4 most confident: 0, 1/2, 1/3, 1/2.
    assert scores.aurc([0.6, 0.9, 0.8, 0.7], [0, 1, 0, 1]) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    # All accepted together: the risk of all, whatever their order.
    assert scores.aurc([0.5] * 4, [0, 1, 1, 1]) == scores.aurc([0.5] * 4, [1, 1, 1, 0]) == 0.25
    assert scores.aurc([0.9, 0.8], [1, 1]) == 0


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # By scipy 1.17, binomtest(hits, n).proportion_ci(method="wilson"); the last also Newcombe 1998, table I.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval(hits: int, n: int, low: float, high: float) -> None:
    interval = scores.wilson(hits, n)
    assert interval.value == hits / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_of_nothing_is_unknown() -> None:
    assert math.isnan(scores.wilson(0, 0).value)


def test_the_same_articles_are_drawn_for_every_figure_and_cannot_be_changed() -> None:
    times = scores.weights(7, 50, 3)
    assert times.shape == (50, 7)
    assert (times.sum(1) == 7).all()
    assert scores.weights(7, 50, 3) is times
    counts = np.arange(14.0).reshape(7, 2)
    np.testing.assert_allclose(scores.resampled(counts, 50, 3), times @ counts)
    with pytest.raises(ValueError, match="read-only"):
        times[0, 0] = 1


def test_bootstrap_of_a_share_is_near_the_binomial_interval() -> None:
    counts = np.column_stack([np.arange(400) < 300, np.ones(400)])
    interval = scores.bootstrap(counts, scores.ratio)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval.value == 0.75
    assert (interval.low, interval.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.006)
    assert interval == scores.bootstrap(counts, scores.ratio)
    assert interval != scores.bootstrap(counts, scores.ratio, seed=1)


def test_bootstrap_resamples_documents_not_items() -> None:
    # Ten documents of 100 items, all right or all wrong: as uncertain as ten items.
    clustered = scores.bootstrap([[100 * (d < 5), 100] for d in range(10)], scores.ratio)
    single = scores.bootstrap([[d < 5, 1] for d in range(10)], scores.ratio)
    assert clustered == single
    assert clustered.high - clustered.low > 0.5


def test_bootstrap_of_macro_f1_and_of_nothing() -> None:
    same = np.tile([[3, 1], [1, 5]], (6, 1, 1))
    interval = scores.bootstrap(same, MACRO)
    assert interval.low == pytest.approx(interval.value) == pytest.approx(interval.high)
    nothing = scores.bootstrap([[0, 0]], scores.ratio)
    assert math.isnan(nothing.value) and math.isnan(nothing.low)
    with pytest.raises(InputError, match="at least one document"):
        scores.bootstrap(np.zeros((0, 2)), scores.ratio)


def test_paired_bootstrap() -> None:
    rng = np.random.default_rng(5)
    ones = np.ones(200)
    worse = rng.random(200) < 0.5
    better = worse | (rng.random(200) < 0.3)
    a, b = np.column_stack([better, ones]), np.column_stack([worse, ones])
    forth, back = scores.paired_bootstrap(a, b, scores.ratio), scores.paired_bootstrap(b, a, scores.ratio)
    assert forth.value == pytest.approx(better.mean() - worse.mean()) == pytest.approx(-back.value)
    assert 0 < forth.low < forth.value < forth.high
    assert forth.p == back.p == pytest.approx(2 / 2001)
    same = scores.paired_bootstrap(a, a, scores.ratio)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    with pytest.raises(InputError, match="200 documents of one system against 3"):
        scores.paired_bootstrap(a, b[:3], scores.ratio)


def test_mcnemar() -> None:
    a, b = np.array([1] * 9 + [0] * 3 + [1, 0]), np.array([0] * 9 + [1] * 3 + [1, 0])
    # Nine against three: 2 (C(12,0) + C(12,1) + C(12,2) + C(12,3)) / 2^12.
    assert scores.mcnemar(a, b) == scores.mcnemar(b, a) == pytest.approx(2 * 299 / 4096)
    assert scores.mcnemar(a, a) == 1.0
    assert scores.mcnemar(np.tile(a, 400), np.tile(b, 400)) < 1e-100
    with pytest.raises(InputError, match="14 items"):
        scores.mcnemar(a, b[:2])
