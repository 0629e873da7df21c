from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.eval.gold import GoldStatement
from quoth.eval.matching import match, token_f1, union
from quoth.records import Statement

SPAN = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda s: (s[0], s[0] + s[1]))


def gold(start: int, end: int) -> GoldStatement:
    return GoldStatement(start, end, "quoted", "other", None, "neutral", None, None)


def predicted(start: int, end: int) -> Statement:
    rest: dict[str, Any] = {"speaker": None, "cue": None, "second_stance": None, "target": None}
    return Statement(
        id=f"{start}-{end}",
        quotation="q",
        start=start,
        end=end,
        text="x" * (end - start),
        kind="direct",
        fragment=False,
        probability=1.0,
        stance="other",
        stance_probabilities={"other": 1.0},
        abstained=False,
        sentiment="neutral",
        sentiment_probabilities={"neutral": 1.0},
        **rest,
    )


@pytest.mark.parametrize(
    ("span", "candidates", "taken"),
    [
        ((10, 20), [(10, 15)], (10, 15)),  # half is enough
        ((10, 20), [(10, 14)], None),
        ((10, 20), [(0, 16), (12, 30)], (12, 30)),  # the most characters of the gold
        ((10, 20), [(0, 40), (9, 21)], (9, 21)),  # as many: the shorter
        ((10, 20), [(8, 18), (12, 22)], (8, 18)),  # as long: the first
        ((10, 20), [(0, 10), (20, 30)], None),  # touching is no overlap
        ((10, 20), [], None),
    ],
)
def test_best_prediction(
    span: tuple[int, int], candidates: list[tuple[int, int]], taken: tuple[int, int] | None
) -> None:
    result = match([gold(*span)], [predicted(*c) for c in candidates]).taken[0]
    assert (result and (result.start, result.end)) == taken


def test_one_prediction_may_serve_two_gold_statements_and_strays_are_told() -> None:
    whole, part, wide, off = predicted(0, 20), predicted(2, 6), predicted(0, 60), predicted(40, 50)
    result = match([gold(0, 9), gold(11, 20)], [whole, part, wide, off])
    assert result.taken == [whole, whole]
    # `part` lies on gold though nobody takes it; `wide` and `off` mostly do not.
    assert result.stray == [wide, off]


def test_a_taken_prediction_is_no_stray_however_long() -> None:
    wide = predicted(0, 100)
    assert match([gold(3, 9)], [wide]).stray == []


@settings(deadline=None)
@given(st.lists(SPAN, max_size=6), st.lists(SPAN, max_size=6))
def test_matches_agree_with_character_sets(
    golds: list[tuple[int, int]], guesses: list[tuple[int, int]]
) -> None:
    result = match([gold(*g) for g in golds], [predicted(*p) for p in guesses])
    shares = [[len({*range(*g)} & {*range(*p)}) / (g[1] - g[0]) for p in guesses] for g in golds]
    for (_, taken), row in zip(result.pairs(), shares, strict=True):
        assert (taken is None) == (max(row, default=0) < 0.5)
    ground = {i for g in golds for i in range(*g)}
    off = {p for p in guesses if len(ground & {*range(*p)}) < (p[1] - p[0]) / 2}
    assert {(s.start, s.end) for s in result.stray} <= off


@settings(deadline=None)
@given(st.lists(SPAN))
def test_union_covers_the_same_characters_with_gaps_between(spans: list[tuple[int, int]]) -> None:
    merged = union(spans)
    assert [i for a, b in merged for i in range(a, b)] == sorted({i for a, b in spans for i in range(a, b)})
    assert all(a[1] < b[0] for a, b in pairwise(merged))


def test_token_f1() -> None:
    assert token_f1("the Harbour Council", "HARBOUR council!") == pytest.approx(0.8)  # P 1, R 2/3
    assert token_f1("dock dock", "dock") == pytest.approx(2 / 3)
    assert token_f1("dock", "pier") == token_f1("…", "…") == 0.0
