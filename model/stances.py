"""Give the classifier a statement in its context, and read its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quoth.model.checkpoint import Checkpoint
from quoth.model.layout import STANCE_LABELS
from quoth.model.windows import Tokens
from quoth.records import Stance

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Context:
    """Tokens [start, end) of an article around the statement at tokens [first, last)."""

    start: int
    end: int
    first: int
    last: int

    def marks(self) -> NDArray[np.int64]:
        """(end - start,) 1 inside the statement, 0 around it."""
        marks = np.zeros(self.end - self.start, dtype=np.int64)
        marks[self.first - self.start : self.last - self.start] = 1
        return marks


def context(n_tokens: int, span: tuple[int, int], width: int) -> Context:
    """The statement in the middle of at most `width` tokens; room unused at one side goes to the other.

    A statement that leaves less than a quarter of the width for what surrounds it loses its tail:
    the reporting clause tells more of the stance than the end of a long quotation.
    """
    first, last = span
    last = min(last, first + width - width // 4)
    room = width - (last - first)
    start = max(0, first - room // 2)
    end = min(n_tokens, last + room - (first - start))
    start = max(0, end - width) if first - start < first else start
    return Context(start, end, first, last)


@dataclass(frozen=True)
class Told:
    """What the classifier says of one statement.

    stance: (5,) probabilities in the order of STANCE_LABELS; second: its label or None; sentiment: (3,);
    target: token range in the article, or None.
    """

    stance: Floats
    second: Stance | None
    sentiment: Floats
    target: tuple[int, int] | None


MAX_TARGET = 24
"""Tokens of the longest target phrase."""


def tell_stances(
    checkpoint: Checkpoint, statements: list[tuple[Tokens, int, int]], budget: int
) -> list[Told]:
    """Classify statements, each given as an article's tokens and the token range [first, last).

    Like lengths are batched together; budget: padded tokens a batch at most.
    """
    calibration = checkpoint.manifest.calibration
    pieces = checkpoint.pieces
    seen = [
        context(len(tokens), (first, last), checkpoint.manifest.context) for tokens, first, last in statements
    ]
    order = sorted(range(len(seen)), key=lambda k: seen[k].start - seen[k].end)
    told: dict[int, Told] = {}
    while order:
        longest = seen[order[0]].end - seen[order[0]].start + 2
        size = max(1, budget // longest)
        batch, order = order[:size], order[size:]
        ids = np.full((len(batch), longest), pieces.pad, dtype=np.int64)
        mask, marks = np.zeros((2, len(batch), longest), dtype=np.int64)
        for row, k in enumerate(batch):
            length = seen[k].end - seen[k].start
            ids[row, 0] = pieces.cls
            ids[row, 1 : length + 1] = statements[k][0].ids[seen[k].start : seen[k].end]
            ids[row, length + 1] = pieces.sep
            mask[row, : length + 2] = 1
            marks[row, 1 : length + 1] = seen[k].marks()
        answer = checkpoint.classify(ids, mask, marks)
        stance = softmax(answer["stance"] / calibration.stance)
        sentiment = softmax(answer["sentiment"] / calibration.sentiment)
        for row, k in enumerate(batch):
            length = seen[k].end - seen[k].start
            best = int(stance[row].argmax())
            target = None
            if STANCE_LABELS[best] != "other" and (ends := _target(answer["target"][row, : length + 1])):
                target = (ends[0] - 1 + seen[k].start, ends[1] + seen[k].start)
            told[k] = Told(stance[row], _second(answer["second"][row], best), sentiment[row], target)
    return [told[k] for k in range(len(seen))]


def softmax(scores: NDArray[Any]) -> Floats:
    """Along the last axis."""
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Floats = exp / exp.sum(axis=-1, keepdims=True)
    return result


def _second(scores: Floats, best: int) -> Stance | None:
    """The second stance, if the classifier sees one that is not the first again."""
    label = STANCE_LABELS[int(scores.argmax())]
    return None if label in ("other", STANCE_LABELS[best]) else label


def _target(scores: Floats) -> tuple[int, int] | None:
    """scores: (seq, 2) -> first and last position of the best span, None if position 0 is better."""
    starts, ends = softmax(scores.T)
    joint = np.triu(np.outer(starts[1:], ends[1:]))
    joint = np.tril(joint, MAX_TARGET - 1)
    if joint.size == 0:
        return None
    first, last = np.unravel_index(int(joint.argmax()), joint.shape)
    if joint[first, last] <= 0.5 * starts[0] * ends[0]:
        return None
    return int(first) + 1, int(last) + 1
