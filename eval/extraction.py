"""How well the predicted spans lie on the labelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from quoth.eval import scores
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import GoldKind
from quoth.eval.items import Judged
from quoth.eval.matching import one_to_one
from quoth.eval.result import PRF, ExtractionScores

Span = tuple[int, int]

HALF = 0.5


def extraction(rows: Sequence[Judged], kind: GoldKind, draws: Draws) -> ExtractionScores:
    """Spans of a kind: pairs one to one, greedy by falling intersection over union of their characters.

    iou: pairs with at least half; exact: the same characters.  P, R and F1 by counts: pairs / predicted,
    pairs / gold, and 2 PR / (P + R).  Every quoted passage of a gold article is labelled; paraphrases are
    only where they carry a stance, so that precision on them has no meaning and is None.
    """
    counts = np.array([_counts(row, kind) for row in rows], dtype=np.float64)
    n_gold, n_predicted = counts[:, :2].sum(0).astype(int).tolist()
    part = partial(_figure, counts, draws)

    def prf(pairs: int) -> PRF:
        whole = kind == "quoted"
        f1 = draws.figure(np.stack([2 * counts[:, pairs], counts[:, 0] + counts[:, 1]], -1), scores.ratio)
        return PRF(part(pairs, 1) if whole else None, part(pairs, 0), f1 if whole else None)

    return ExtractionScores(
        n_gold=n_gold, n_predicted=n_predicted, covered=part(2, 0), iou=prf(3), exact=prf(4)
    )


def pairs(gold: Sequence[Span], predicted: Sequence[Span], least: float = HALF) -> list[tuple[Span, Span]]:
    """One to one, greedy by falling intersection over union of characters, at least `least`; ties by order."""
    return one_to_one(gold, predicted, _iou, least)


def _counts(row: Judged, kind: GoldKind) -> list[int]:
    """Gold, predicted, covered, pairs, exact pairs."""
    items = [item for _, item in row.gold(kind)]
    gold = [(item.start, item.end) for item in items]
    # A paraphrase that holds quoted words may be predicted as mixed; a quoted passage is direct.
    predicted = [(s.start, s.end) for s in row.statements if (s.kind == "direct") == (kind == "quoted")]
    found = pairs(gold, predicted)
    covered = sum(item.found is not None for item in items)
    return [len(gold), len(predicted), covered, len(found), sum(g == p for g, p in found)]


def _figure(counts: scores.Floats, draws: Draws, part: int, whole: int) -> Figure:
    return draws.figure(counts[:, [part, whole]], scores.ratio)


def _iou(one: Span, other: Span) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (one[1] - one[0] + other[1] - other[0] - max(0, shared))
