from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval import comparison
from quoth.eval.comparison import Comparison, articles_needed, compare, holm, markdown, permutation_p, too_few
from quoth.eval.scores import Difference, Floats, macro_f1, macro_f1_of, mcnemar, ratio

detectable = comparison.minimum_detectable_effect
MACRO = partial(macro_f1_of, classes=[0, 1, 2])


def shares(hits: ArrayLike, items: int = 1) -> Floats:
    """(documents, 2) counts for `ratio`."""
    right = np.asarray(hits, dtype=np.float64)
    return np.column_stack([right, np.full(len(right), items)])


def tables(documents: int, accuracy: float, rng: np.random.Generator) -> Floats:
    """(documents, 3, 3) confusions of up to eight items each."""
    counts = np.zeros((documents, 3, 3))
    for table in counts:
        gold = rng.integers(0, 3, rng.integers(1, 9))
        guess = np.where(rng.random(len(gold)) < accuracy, gold, rng.integers(0, 3, len(gold)))
        np.add.at(table, (gold, guess), 1)
    return counts


def test_three_documents_by_hand() -> None:
    # A has all right, B none: of the eight ways to swap, two leave a difference of 1.
    assert permutation_p(shares([1, 1, 1]), shares([0, 0, 0]), ratio) == 2 / 8
    # Both have two of four right: every difference is as large as none.
    assert permutation_p(shares([1, 1, 0, 0]), shares([0, 0, 1, 1]), ratio) == 1


def test_a_document_that_is_the_same_for_both_changes_nothing() -> None:
    a, b = shares([1, 1, 1, 0, 1, 0]), shares([0, 0, 0, 1, 1, 0])
    # Three against one: 2 (C(4, 0) + C(4, 1)) / 2^4.
    assert permutation_p(a, b, ratio) == permutation_p(a[:4], b[:4], ratio) == 10 / 16


def test_swaps_that_tie_but_for_rounding_count() -> None:
    # Whichever document is swapped, the systems are 37/180 apart.
    a = [[[1, 0, 2], [2, 1, 2], [2, 1, 0]], [[1, 0, 0], [2, 1, 0], [0, 1, 1]]]
    b = [[[0, 0, 0], [1, 0, 2], [0, 0, 0]], [[1, 1, 2], [2, 0, 0], [0, 2, 0]]]
    assert permutation_p(a, b, MACRO) == 1


def test_with_one_item_a_document_it_is_mcnemars_test() -> None:
    a, b = np.array([1] * 9 + [0] * 3 + [1, 0]), np.array([0] * 9 + [1] * 3 + [1, 0])
    assert permutation_p(shares(a), shares(b), ratio) == pytest.approx(mcnemar(a, b)) == 2 * 299 / 4096


@pytest.mark.parametrize("seed", range(6))
def test_all_swaps_give_scipys_p(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(seed)
    a, b = tables(8, 0.8, rng), tables(8, 0.3 if seed % 2 else 0.8, rng)
    both = np.concatenate([a, b])

    def difference(x: Floats, y: Floats) -> float:
        return float(MACRO(both[x.astype(int)].sum(0)) - MACRO(both[y.astype(int)].sum(0)))

    test = stats.permutation_test(
        (np.arange(8), np.arange(8, 16)),
        difference,
        permutation_type="samples",
        vectorized=False,
        n_resamples=np.inf,
    )
    assert permutation_p(a, b, MACRO) == pytest.approx(test.pvalue)


def test_random_swaps_come_near_all_swaps() -> None:
    rng = np.random.default_rng(11)
    a, b = tables(14, 0.8, rng), tables(14, 0.7, rng)
    exact = permutation_p(a, b, MACRO, permutations=2**14)
    assert 0.02 < exact < 0.5
    assert permutation_p(a, b, MACRO, permutations=5000) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("block", [1, 7, 64])
def test_swaps_are_made_in_blocks(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    a, b = shares([1] * 9 + [0] * 3), shares([0] * 9 + [1] * 3)
    far = shares(np.ones(60)), shares(np.zeros(60))
    monkeypatch.setattr(comparison, "_BLOCK", block)
    assert permutation_p(a, b, ratio) == 2 * 299 / 4096
    assert permutation_p(*far, ratio, permutations=101) == 1 / 102


def test_ten_thousand_swaps_of_a_thousand_documents_take_seconds() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 4, (1000, 6, 6)) for _ in range(2))
    start = time.perf_counter()
    assert 0 < permutation_p(a, b, partial(macro_f1_of, classes=range(4))) <= 1
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("documents", [6, 40])
def test_p_is_the_same_the_other_way_round(documents: int) -> None:
    rng = np.random.default_rng(3)
    a, b = tables(documents, 0.8, rng), tables(documents, 0.7, rng)
    assert permutation_p(a, b, MACRO) == permutation_p(b, a, MACRO)
    assert permutation_p(a, a, MACRO) == 1


def test_an_undefined_figure_has_no_p_and_undefined_swaps_are_left_out() -> None:
    assert math.isnan(permutation_p([[0, 0]], [[1, 2]], ratio))
    # Two of four swaps give one system nothing to divide by; the others are as far apart as what was seen.
    assert permutation_p([[1, 1], [0, 0]], [[0, 0], [0, 1]], ratio) == 1


def test_counts_must_pair() -> None:
    with pytest.raises(InputError, match="3 documents of one system against 2 of the other"):
        permutation_p(shares([1, 0, 1]), shares([1, 0]), ratio)
    with pytest.raises(InputError, match="at least one document"):
        permutation_p(np.zeros((0, 2)), np.zeros((0, 2)), ratio)


def test_the_permutation_test_keeps_its_level_where_items_cluster_and_mcnemars_does_not() -> None:
    # Two equally good systems, each good at some articles: 30 articles of 20 items.
    rng, runs = np.random.default_rng(4), 1000
    permuted = item_by_item = 0
    for run in range(runs):
        right = rng.random((2, 30, 20)) < rng.beta(2, 1, (2, 30, 1))
        a, b = (shares(r.sum(1), 20) for r in right)
        permuted += permutation_p(a, b, ratio, permutations=199, seed=run) <= 0.05
        item_by_item += mcnemar(*right.reshape(2, -1)) <= 0.05
    assert 0.03 < permuted / runs < 0.07
    assert item_by_item / runs > 0.2


@pytest.mark.parametrize(
    "p, adjusted",
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.04], [0.04]),
        ([0.6, 0.7], [1, 1]),
        ([0.02, math.nan, 0.01], [0.02, math.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(p: list[float], adjusted: list[float]) -> None:
    np.testing.assert_allclose(holm(p), adjusted)


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float], alpha: float) -> None:
    rejected = []
    for rank, k in enumerate(sorted(range(len(p)), key=lambda k: p[k])):
        if (len(p) - rank) * p[k] > alpha:
            break
        rejected.append(k)
    assert sorted(rejected) == np.flatnonzero(holm(p) <= alpha).tolist()


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
    pilot = tables(40, 0.8, np.random.default_rng(7))
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


GOLD = {"harbour": ["denial", "accusation", "other"], "bridge": ["solidarity", "condemnation"]}
GOLD |= {"ferry": [], "tram": ["accusation", "denial"]}
A = GOLD | {"tram": ["accusation", "other"]}
B = GOLD | {"harbour": ["other", "accusation", "denial"], "bridge": ["solidarity", "accusation"]}


def flat(labels: Mapping[str, Sequence[str]]) -> list[str]:
    return [label for article in labels.values() for label in article]


def test_compare_joins_the_tests() -> None:
    pytest.importorskip("scipy")
    found = compare(GOLD, A, B, name="quoted")
    classes = ["accusation", "denial", "condemnation", "solidarity"]
    # A: F1 of denial 2/3, of the others 1; B: accusation 4/5, denial 1/2, condemnation 0, solidarity 1.
    assert found.a == pytest.approx((1 + 2 / 3 + 1 + 1) / 4) == macro_f1(flat(GOLD), flat(A), classes)
    assert found.b == pytest.approx((4 / 5 + 1 / 2 + 0 + 1) / 4)
    assert found.difference.value == pytest.approx(found.a - found.b)
    assert (found.name, found.articles, found.items) == ("quoted", 4, 7)
    # A alone is right on three items, B alone on one.
    assert found.mcnemar_p == pytest.approx(10 / 16)
    # Three documents differ: two of the eight swaps are as far apart as what was seen, or more.
    assert found.permutation_p == 4 / 8
    assert 0 < found.detectable and found.difference.low < found.difference.high
    assert found.warnings[0].startswith("accusation: 2 gold items in 2 articles: worth ")
    assert [w.partition(":")[0] for w in found.warnings] == classes
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found


def test_compare_is_the_same_the_other_way_round() -> None:
    pytest.importorskip("scipy")
    forth, back = compare(GOLD, A, B), compare(GOLD, B, A)
    assert (forth.a, forth.b, forth.mcnemar_p) == (back.b, back.a, back.mcnemar_p)
    assert (forth.permutation_p, forth.difference.p) == (back.permutation_p, back.difference.p)
    assert forth.detectable == pytest.approx(back.detectable)
    found = forth.difference.value, forth.difference.low, forth.difference.high
    assert found == pytest.approx((-back.difference.value, -back.difference.high, -back.difference.low))


def test_compare_takes_other_labels_and_levels() -> None:
    pytest.importorskip("scipy")
    gold = {str(k): ["yes", "no", "none"] for k in range(30)}
    a = gold | {str(k): ["yes", "yes", "none"] for k in range(10)}
    wide, narrow = (
        compare(gold, gold, a, labels=["yes", "no", "none"], classes=["yes", "no"], alpha=alpha)
        for alpha in (0.01, 0.2)
    )
    assert narrow.difference.high - narrow.difference.low < wide.difference.high - wide.difference.low
    assert narrow.detectable < wide.detectable
    # All of A's 30 items of each class are right; B's ten "no" that it takes for "yes" are an error.
    assert wide.a == 1 and wide.b == pytest.approx((60 / 70 + 40 / 50) / 2)
    assert len(wide.warnings) == 1 and wide.warnings[0].startswith("no: 30 gold items in 30 articles: ")


@pytest.mark.parametrize(
    "a, message",
    [
        ({**A, "pier": ["other"]}, "1 articles in only one of gold and A: pier"),
        ({k: v for k, v in A.items() if k != "tram"}, "1 articles in only one of gold and A: tram"),
        ({**A, "tram": ["denial"]}, "article tram: 2 labels in gold, 1 of A"),
        ({**A, "tram": ["denial", "rage"]}, "article tram, gold or A: label 'rage' is none of accusation, "),
    ],
)
def test_compare_names_the_article_that_does_not_fit(a: dict[str, list[str]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(GOLD, a, B)


def test_nothing_cannot_be_compared() -> None:
    pytest.importorskip("scipy")
    with pytest.raises(InputError, match="at least one document"):
        compare({}, {}, {})


ROW = Comparison(
    *("dev", 77, 99, 0.8125, 0.7, Difference(0.1125, 0.05, 0.175, 0.001)),
    permutation_p=0.01,
    mcnemar_p=1e-12,
    detectable=0.0625,
    power=0.8,
    alpha=0.05,
    warnings=(),
)


def test_markdown_adjusts_the_permutation_tests_p_over_all_rows() -> None:
    second = replace(ROW, name="a|b", permutation_p=0.04, warnings=("denial: no gold item",))
    nothing = replace(ROW, difference=Difference(*[math.nan] * 4), permutation_p=math.nan)
    head, rule, *rest = markdown([ROW, second, nothing]).splitlines()
    assert head == (
        "| macro-F1 | articles | items | A | B | A less B [95%] | p, bootstrap | p, permutation | p, Holm "
        "| p, McNemar | detectable |"
    )
    assert rule.count("---") == head.count("|") - 1
    assert rest[:3] == [
        "| dev | 77 | 99 | 81.2 | 70.0 | +11.2 [+5.0, +17.5] | 0.0010 | 0.0100 | 0.0200 | < 0.0001 | 6.2 |",
        r"| a\|b | 77 | 99 | 81.2 | 70.0 | +11.2 [+5.0, +17.5] | 0.0010 | 0.0400 | 0.0400 | < 0.0001 | 6.2 |",
        "| dev | 77 | 99 | 81.2 | 70.0 | - [-, -] | - | - | - | < 0.0001 | 6.2 |",
    ]
    assert "adjusted for 2 comparisons" in rest[4] and "level 0.05" in rest[4] and "80%" in rest[4]
    assert rest[6:] == ["Too few gold items to conclude:", "", "- a|b, denial: no gold item"]
    assert "Too few" not in markdown([ROW])


@pytest.mark.parametrize("rows", [[], [ROW, replace(ROW, alpha=0.01)], [ROW, replace(ROW, power=0.9)]])
def test_markdown_wants_one_level_and_power(rows: list[Comparison]) -> None:
    with pytest.raises(InputError, match="at least one, all at the same level and power"):
        markdown(rows)
