from __future__ import annotations

import math
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
from quoth.eval.comparison import Comparison, compare, holm, markdown, permutation_p
from quoth.eval.scores import Difference, Floats, macro_f1, macro_f1_of, mcnemar, ratio

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
        "| figure | articles | items | A | B | A less B [95%] | p, bootstrap | p, permutation | p, Holm "
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
