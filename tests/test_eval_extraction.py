from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.eval.draws import Draws, Figure
from quoth.eval.extraction import extraction, pairs
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged
from quoth.records import Record

Make = Callable[..., Any]

DRAWS = Draws(resamples=100)
SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda x: (x[0], x[0] + x[1])), max_size=8
)


def iou(one: tuple[int, int], other: tuple[int, int]) -> float:
    a, b = set(range(*one)), set(range(*other))
    return len(a & b) / len(a | b)


def test_figures_by_hand(raid: GoldArticle, raid_record: Record) -> None:
    found = extraction(judged([raid], {"a": raid_record}), "quoted", DRAWS)
    # Two of three passages found exactly; the third prediction is on none.
    assert (found.n_gold, found.n_predicted) == (3, 3)
    for prf in (found.iou, found.exact):
        assert prf.precision is not None and prf.f1 is not None
        assert (prf.precision.value, prf.recall.value, prf.f1.value) == (
            *(pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3)),
        )
    assert found.covered.value == pytest.approx(2 / 3)


def test_precision_of_paraphrases_has_no_meaning(raid: GoldArticle, raid_record: Record) -> None:
    found = extraction(judged([raid], {"a": raid_record}), "indirect", DRAWS)
    # "condemned the raid" is 18 of the label's 25 characters.
    assert (found.n_gold, found.n_predicted) == (2, 3)
    assert (found.iou.precision, found.iou.f1, found.exact.precision, found.exact.f1) == (None,) * 4
    assert (found.iou.recall.value, found.exact.recall.value, found.covered.value) == (0.5, 0.0, 0.5)


def test_precision_and_recall_have_their_own_denominators(
    raid: GoldArticle, predicted: Make, record: Make
) -> None:
    said = [predicted(words) for words in ("“They sank it,”", "Sen", "Ida", "Bo")]
    found = extraction(judged([raid], {"a": record(*said)}), "quoted", DRAWS)
    assert found.exact.precision is not None and found.exact.f1 is not None
    assert (found.exact.precision.value, found.exact.recall.value) == (1 / 4, pytest.approx(1 / 3))
    assert found.exact.f1.value == pytest.approx(2 * 1 / (3 + 4))


@pytest.mark.parametrize(("kind", "counted"), [("direct", 0), ("mixed", 1), ("indirect", 1)])
def test_a_mixed_prediction_is_a_paraphrase(
    kind: str, counted: int, raid: GoldArticle, predicted: Make, record: Make
) -> None:
    rows = judged([raid], {"a": record(predicted("Lund hailed the crew", kind))})
    found = extraction(rows, "indirect", DRAWS)
    assert (found.n_predicted, found.exact.recall.value) == (counted, counted / 2)
    # Covered is covered, by whatever kind.
    assert found.covered.value == 0.5


def test_a_wide_prediction_covers_but_is_not_half_the_same(
    raid: GoldArticle, predicted: Make, record: Make
) -> None:
    wide = predicted("“They sank it,” said Sen. Ida Brandt. “We never sank it,”")
    found = extraction(judged([raid], {"a": record(wide)}), "quoted", DRAWS)
    assert found.covered.value == pytest.approx(2 / 3)
    assert (found.iou.recall.value, found.exact.recall.value) == (0, 0)


def test_without_statements_there_is_no_figure(raid: GoldArticle) -> None:
    found = extraction(judged([replace(raid, statements=[])], {}), "quoted", DRAWS)
    none = Figure(None, None, None)
    assert (found.n_gold, found.n_predicted, found.covered) == (0, 0, none)
    assert (found.iou.precision, found.iou.recall, found.iou.f1) == (none, none, none)


def test_intervals_are_over_articles(raid: GoldArticle, raid_record: Record) -> None:
    rows = judged([raid, replace(raid, id="b")], {"a": raid_record})
    recall = extraction(rows, "quoted", DRAWS).exact.recall
    assert (recall.low, recall.value, recall.high) == (0, pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_the_closest_pair_is_taken_first() -> None:
    # (0, 10) lies 6/10 on (0, 6) and 9/10 on (0, 9), which (0, 8) would have taken too.
    assert pairs([(0, 8), (0, 10)], [(0, 9), (0, 6)]) == [((0, 10), (0, 9)), ((0, 8), (0, 6))]
    assert pairs([(0, 10)], [(5, 15)]) == []
    assert pairs([(0, 10)], [(0, 5)]) == [((0, 10), (0, 5))]
    assert pairs([(0, 10)], [(0, 5)], least=0.51) == []


@settings(deadline=None)
@given(SPANS, SPANS)
def test_pairs_are_one_to_one_alike_enough_and_as_many_as_greed_finds(
    gold: list[tuple[int, int]], predicted: list[tuple[int, int]]
) -> None:
    found = pairs(gold, predicted)
    shares = [iou(g, p) for g, p in found]
    assert shares == sorted(shares, reverse=True)
    assert all(share >= 0.5 for share in shares)
    left, free = list(gold), list(predicted)
    for g, p in found:
        left.remove(g)
        free.remove(p)
    # Nothing that is left over would still make a pair.
    assert all(iou(g, p) < 0.5 for g in left for p in free)


@settings(deadline=None)
@given(SPANS)
def test_spans_pair_with_themselves(spans: list[tuple[int, int]]) -> None:
    assert sorted(pairs(spans, spans)) == sorted(zip(spans, spans, strict=True))
