from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pytest
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval.comparison import permutation_p
from quoth.eval.power import articles_needed, too_few
from quoth.eval.power import minimum_detectable_effect as detectable
from quoth.eval.scores import Floats, macro_f1_of, ratio

MACRO = partial(macro_f1_of, classes=[0, 1, 2])


def shares(hits: ArrayLike, items: int = 1) -> Floats:
    """(documents, 2) counts for `ratio`."""
    right = np.asarray(hits, dtype=np.float64)
    return np.column_stack([right, np.full(len(right), items)])


def test_minimum_detectable_effect_by_hand() -> None:
    # A alone is right on 120 of 400 items, B alone on 80: the difference of a document is 1, -1 or 0.
    a, b = shares([1] * 120 + [0] * 280), shares([0] * 120 + [1] * 80 + [0] * 200)
    error = math.sqrt((200 / 400 - (40 / 400) ** 2) / 400)
    found = detectable(a, b, ratio, resamples=5000)
    assert detectable(b, a, ratio, resamples=5000) == pytest.approx(found)
    assert found == pytest.approx((1.95996 + 0.84162) * error, rel=0.03)
    surer = detectable(a, b, ratio, power=0.9, alpha=0.01, resamples=5000)
    assert surer == pytest.approx((2.57583 + 1.28155) * error, rel=0.03)
    assert detectable(a, a, ratio) == 0
    with pytest.raises(InputError, match="found 1 and 0.05"):
        detectable(a, b, ratio, power=1)


def test_a_difference_of_the_detectable_size_is_found_with_its_power() -> None:
    rng, runs = np.random.default_rng(5), 400

    def draw(difference: float) -> tuple[Floats, Floats]:
        a, b = (shares(rng.binomial(20, 0.7 + d, 60), 20) for d in (difference / 2, -difference / 2))
        return a, b

    effect = float(np.mean([detectable(*draw(0.05), ratio, seed=k) for k in range(20)]))
    assert effect == pytest.approx(2.80158 * math.sqrt(2 * 0.7 * 0.3 / 20 / 60), rel=0.05)
    found = sum(permutation_p(*draw(effect), ratio, 199, seed=k) <= 0.05 for k in range(runs))
    assert found / runs == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("half_width", [0.05, 0.11])
def test_articles_needed_for_a_share_by_hand(half_width: float) -> None:
    # One item an article, half of them right: 1.96^2 * 0.25 / half_width^2, whatever the pilot's size.
    found = articles_needed(shares([0, 1] * 50), ratio, half_width)
    assert found.articles == pytest.approx(1.95996**2 * 0.25 / half_width**2, rel=0.12)
    assert found.checked == pytest.approx(half_width, rel=0.05)
    assert found.pilot == 100 and found.pilot_half_width == pytest.approx(1.96 * 0.05, rel=0.05)


def test_articles_not_items_are_counted() -> None:
    hits = np.array([0, 1, 1, 1] * 10)
    alone, together = (articles_needed(shares(k * hits, k), ratio, 0.05) for k in (1, 100))
    assert alone == together
    assert alone.low < alone.articles < alone.high < math.inf
    assert articles_needed(shares(hits), ratio, 0.05, level=0.8).articles < alone.articles / 2


def test_the_range_of_articles_needed_holds_the_truth() -> None:
    # Articles of ten items, each with its own accuracy: pilots of 30 of them, and the variance of all.
    rng = np.random.default_rng(6)
    news = shares(rng.binomial(10, rng.beta(3, 1, 20_000)), 10)
    truth = 1.95996**2 * (news[:, 0] / 10).var() / 0.03**2
    found = [articles_needed(rng.choice(news, 30), ratio, 0.03, resamples=1500, seed=k) for k in range(80)]
    assert np.mean([f.low <= truth <= f.high for f in found]) > 0.85
    assert np.median([f.articles for f in found]) == pytest.approx(truth, rel=0.15)


def test_macro_f1_needs_more_articles_the_nearer_it_shall_be_known() -> None:
    pilot = np.random.default_rng(7).poisson([[2, 0.3, 0.3], [0.3, 2, 0.3], [0.3, 0.3, 2]], (40, 3, 3))
    near, far = (articles_needed(pilot, MACRO, half_width) for half_width in (0.02, 0.04))
    assert near.articles == pytest.approx(4 * far.articles, rel=0.2)
    # Where resamples without a defined figure are left out, the range is wide.
    rare = articles_needed([[0, 0], [1, 2], [1, 1], [0, 1]], ratio, 0.1)
    assert rare.low < rare.articles < rare.high


@pytest.mark.parametrize(
    "counts, half_width, message",
    [
        ([[1, 2]], 0.1, "cannot project 1 articles"),
        ([[1, 2], [2, 2]], 0.0, r"to \+- 0.0"),
        ([[1, 2], [1, 2], [2, 4]], 0.1, "pilot of 3 articles does not show how the figure varies"),
        ([[0, 0], [0, 0]], 0.1, "does not show"),
    ],
)
def test_some_pilots_tell_nothing(counts: list[list[int]], half_width: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        articles_needed(counts, ratio, half_width)


@pytest.mark.parametrize(
    "hits, items, why",
    [
        ([1] * 30, 1, None),
        ([1] * 29, 1, "29 gold items in 29 articles: worth 29 independent ones, fewer than 30"),
        ([0, 1] * 50, 1, None),
        ([10] * 8, 10, "80 gold items in 8 articles: fewer than 9 articles"),
        ([10] * 9, 10, None),
        # Twenty articles all right, twenty all wrong: worth 39 items however many there are.
        (
            [0, 9] * 20,
            9,
            r"360 gold items in 40 articles: recall between 3\d\.\d and 6\d\.\d, 30 points or more",
        ),
        ([0, 9] * 10, 9, r"180 .*: worth 19 independent ones, fewer than 30; recall between .*"),
        # Articles more alike than chance makes them are still worth no more than their items.
        ([1] * 9 + [2], 2, r"20 gold items in 10 articles: worth 20 .*"),
        ([3], 5, r"5 .* in 1 articles: worth 5 .*; recall between 0.0 and 100.0, .*; fewer than 9 articles"),
        ([0] * 40, 0, "no gold item"),
    ],
)
def test_classes_with_too_few_gold_items(hits: list[int], items: int, why: str | None) -> None:
    pytest.importorskip("scipy")
    counts = np.zeros((len(hits), 2, 2))
    counts[:, 1, 1], counts[:, 1, 0] = hits, items - np.array(hits)
    # The class beside it never lacks items.
    counts[:, 0, 0] = 100
    counts = np.concatenate([counts, np.tile([[100, 0], [0, 0]], (9, 1, 1))])
    found = too_few(counts, ["common", "rare"])
    assert found.keys() == ({"rare"} if why else set())
    assert why is None or re.fullmatch(why, found["rare"])


def test_the_interval_of_the_warning_is_clopper_pearsons_on_what_the_items_are_worth() -> None:
    stats = pytest.importorskip("scipy.stats")
    reason = too_few(np.array([[[9, 0], [0, 0]], [[0, 9], [0, 0]]] * 20), ["a"])["a"]
    low, high = (float(x) / 100 for x in re.findall(r"\d+\.\d", reason))
    # 39 (t_359 / t_39)^2 = 36.9 items, half of them right.
    fewer, more = (stats.binomtest(k, 2 * k).proportion_ci(method="exact") for k in (18, 19))
    assert fewer.low < low < more.low and more.high < high < fewer.high
