"""When a predicted span, name or phrase counts as the gold one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from quoth.eval.gold import GoldStatement
from quoth.records import Statement

T = TypeVar("T")

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Matches:
    """One article's gold statements with their predictions.

    taken: for each gold statement the predicted one that it takes, None where it was missed; one prediction
    may be taken by several.  stray: predictions that lie on no gold statement.
    """

    gold: Sequence[GoldStatement]
    taken: Sequence[Statement | None]
    stray: Sequence[Statement]

    def pairs(self) -> list[tuple[GoldStatement, Statement | None]]:
        return list(zip(self.gold, self.taken, strict=True))


def match(gold: Sequence[GoldStatement], predicted: Sequence[Statement]) -> Matches:
    """Each gold statement takes the prediction that covers most of it, at least half of its characters.

    Of equals the shorter is taken (a larger share of it lies on the gold statement), then the first.  A
    prediction is stray if no gold statement takes it and less than half of it lies on gold statements.
    """
    taken = [_best(statement, predicted) for statement in gold]
    ids = {id(statement) for statement in taken}
    ground = union((g.start, g.end) for g in gold)
    stray = [
        p
        for p in predicted
        if id(p) not in ids and 2 * sum(_overlap(p.start, p.end, *span) for span in ground) < p.end - p.start
    ]
    return Matches(gold, taken, stray)


def one_to_one(
    gold: Sequence[T], predicted: Sequence[T], overlap: Callable[[T, T], float], least: float
) -> list[tuple[T, T]]:
    """Pairs greedy by falling overlap, above 0 and at least `least`; of equals the first, of gold then predicted."""
    ranked = sorted(
        (-shared, i, j)
        for i, g in enumerate(gold)
        for j, p in enumerate(predicted)
        if (shared := overlap(g, p)) and shared >= least
    )
    free, left = set(range(len(gold))), set(range(len(predicted)))
    pairs = []
    for _, i, j in ranked:
        if i in free and j in left:
            free.remove(i)
            left.remove(j)
            pairs.append((gold[i], predicted[j]))
    return pairs


def union(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Disjoint spans, in order, that cover the same characters; spans that touch become one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def token_f1(gold: str, predicted: str) -> float:
    """F1 of the bags of casefolded words: 2 |G & P| / (|G| + |P|) (Rajpurkar et al., EMNLP 2016)."""
    bags = [Counter(_WORD.findall(phrase.casefold())) for phrase in (gold, predicted)]
    total = sum(bag.total() for bag in bags)
    return 2 * (bags[0] & bags[1]).total() / total if total else 0.0


def _best(gold: GoldStatement, predicted: Sequence[Statement]) -> Statement | None:
    def covers(p: Statement) -> int:
        return _overlap(p.start, p.end, gold.start, gold.end)

    best = max(predicted, key=lambda p: (covers(p), p.start - p.end), default=None)
    return best if best and 2 * covers(best) >= gold.end - gold.start else None


def _overlap(start: int, end: int, other_start: int, other_end: int) -> int:
    return max(0, min(end, other_end) - max(start, other_start))
