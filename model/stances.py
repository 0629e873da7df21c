"""Give the classifier a statement in its context, and read its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quoth.model.attributions import Reading, read
from quoth.model.checkpoint import SPEAKER, Checkpoint
from quoth.model.heads import LABEL
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.probabilities import softmax
from quoth.model.windows import Tokens, Window
from quoth.records import Sentiment, Stance

Floats = NDArray[np.float32]


LEAD = 48
"""Tokens of the article's beginning that go before a view from further on: who and what it is about."""
BEFORE, AFTER = 96, 48
"""Tokens that a statement sees before and after itself, where the article has them."""


@dataclass(frozen=True)
class View:
    """What is read at once: tokens [0, lead) of an article, [SEP], tokens [start, end); lead 0: without it.

    asked: indices of the statements that are answered from this view.
    """

    lead: int
    start: int
    end: int
    asked: tuple[int, ...]
    until: int | None = None
    """Token after the last that a statement is read to, where that is before `end`."""

    def __len__(self) -> int:
        """Positions, [CLS] and the last [SEP] included."""
        return self._body + self.end - self.start + 1

    @property
    def _body(self) -> int:
        """Position of token `start`."""
        return 1 + (self.lead + 1 if self.lead else 0)

    def position(self, token: int) -> int | None:
        """Where a token of the article stands, None: not in this view."""
        if self.start <= token < self.end:
            return token - self.start + self._body
        return token + 1 if 0 <= token < self.lead else None

    def token(self, position: int) -> int | None:
        """The token at a position; None: a special one."""
        if self._body <= position < self._body + self.end - self.start:
            return position - self._body + self.start
        return position - 1 if 1 <= position <= self.lead else None

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Positions [first, end) of an asked statement's tokens, its tail cut where the view ends."""
        last = min(last, self.end if self.until is None else self.until)
        return first - self.start + self._body, last - self.start + self._body

    def frame(self, ids: NDArray[np.int32], cls: int, sep: int) -> NDArray[np.int64]:
        """(len(self),) the ids that the network reads, from those of the whole article."""
        lead = [*ids[: self.lead], sep] if self.lead else []
        return np.array([cls, *lead, *ids[self.start : self.end], sep], dtype=np.int64)


def views(
    n_tokens: int, spans: list[tuple[int, int]], width: int, together: bool = True, before: int = BEFORE
) -> list[View]:
    """Cover statements, given as token ranges [first, last), with views of at most `width` tokens.

    together: few views; each begins `before` tokens ahead of the first statement that has none yet, and answers for
    all that end AFTER tokens within it.  A text of at most `width` tokens is one view.  Otherwise every statement has
    a view of its own, and stands in the middle of it.
    """
    if not together:
        return [_around(n_tokens, span, width, k) for k, span in enumerate(spans)]
    if n_tokens <= width:
        return [View(0, 0, n_tokens, tuple(range(len(spans))))] if spans else []
    body = width - LEAD - 1
    before = min(before, body // 2)
    waiting = sorted(range(len(spans)), key=lambda k: spans[k])
    found = []
    while waiting:
        start = max(0, spans[waiting[0]][0] - before)
        lead = LEAD if start >= LEAD else 0
        start = start if lead else 0
        end = min(n_tokens, start + (body if lead else width))
        start = max(end - body, LEAD) if lead else 0
        asked = [k for n, k in enumerate(waiting) if n == 0 or min(spans[k][1] + AFTER, n_tokens) <= end]
        found.append(View(lead, start, end, tuple(asked)))
        waiting = [k for k in waiting if k not in asked]
    return found


def _around(n_tokens: int, span: tuple[int, int], width: int, which: int) -> View:
    """Room unused at one side goes to the other.

    A statement that leaves less than a quarter of the width for what surrounds it loses its tail:
    the reporting clause tells more of the stance than the end of a long quotation.
    """
    first, last = span
    last = min(last, first + width - width // 4)
    room = width - (last - first)
    start = max(0, first - room // 2)
    end = min(n_tokens, last + room - (first - start))
    start = max(0, end - width) if first - start < first else start
    return View(0, start, end, (which,), last)


@dataclass(frozen=True)
class Told:
    """What the classifier says of one statement.

    stance: (5,) probabilities in the order of STANCE_LABELS; second: its label or None; sentiment: (3,);
    target: token range in the article, or None.  label: (k,) of the model's label set; None where it has none.
    """

    stance: Floats
    second: Stance | None
    sentiment: Floats
    target: tuple[int, int] | None
    label: Floats | None = None
    speaker: tuple[Floats, float] | None = None
    """Of a reader: (n tokens,) probabilities to name the speaker, and that nobody is named; see `Reading.point`."""

    @property
    def best_stance(self) -> Stance:
        """The most probable one."""
        return STANCE_LABELS[int(self.stance.argmax())]

    @property
    def best_sentiment(self) -> Sentiment:
        """The most probable one."""
        return SENTIMENT_LABELS[int(self.sentiment.argmax())]


MAX_TARGET = 24
"""Tokens of the longest target phrase."""
NO_TARGET = 0.05
"""A phrase less likely than this share of "none" is not named.  Of dev's statements with a stance 1.4 % have no target, and what
is named against even odds is right as often as the rest."""


def tell_stances(
    checkpoint: Checkpoint, tokens: Tokens, spans: list[tuple[int, int]], reading: Reading | None = None
) -> list[Told]:
    """Classify the statements of an article, given as token ranges [first, last).

    reading: the checkpoint's of that article, if it is known; a model of one encoder answers from it.
    """
    calibration = checkpoint.manifest.calibration
    told: dict[int, Told] = {}
    for n, view, answer in _answers(checkpoint, tokens, spans, reading):
        stance = softmax(answer["stance"] / calibration.stance)
        sentiment = softmax(answer["sentiment"] / calibration.sentiment)
        label = softmax(answer[LABEL]) if LABEL in answer else None
        speaker = _speaker(view, answer[SPEAKER], len(tokens)) if SPEAKER in answer else None
        told[n] = Told(
            stance, _second(answer["second"], int(stance.argmax())), sentiment, None, label, speaker
        )
        if told[n].best_stance != "other" and checkpoint.targets is checkpoint:
            told[n] = replace(told[n], target=_target(view, answer["target"]))
    if checkpoint.targets is not checkpoint:
        performs = [n for n in told if told[n].best_stance != "other"]
        for k, view, answer in _answers(checkpoint.targets, tokens, [spans[n] for n in performs]):
            told[performs[k]] = replace(told[performs[k]], target=_target(view, answer["target"]))
    return [told[n] for n in range(len(spans))]


def _answers(
    checkpoint: Checkpoint, tokens: Tokens, spans: list[tuple[int, int]], reading: Reading | None = None
) -> Iterator[tuple[int, View, dict[str, Floats]]]:
    """For each statement its index, the view that it is answered from, and the answer: see `Checkpoint.classify`."""
    for view, states in _seen(checkpoint, tokens, spans, reading):
        answer = checkpoint.classify(*shown(checkpoint, tokens, spans, view), states)
        for i, n in enumerate(view.asked):
            yield n, view, {name: logits[i] for name, logits in answer.items()}


class Pooled(NamedTuple):
    """What the classifier's heads read of one statement, (width,), and the logits they make of it: stance (5,), sentiment (3,)."""

    state: Floats
    stance: Floats
    sentiment: Floats


def pool(checkpoint: Checkpoint, tokens: Tokens, spans: list[tuple[int, int]]) -> list[Pooled]:
    """Arguments as of `tell_stances`."""
    found: dict[int, Pooled] = {}
    for view, read_before in _seen(checkpoint, tokens, spans):
        answer, states = checkpoint.pool(*shown(checkpoint, tokens, spans, view), read_before)
        rows = map(Pooled, states, answer["stance"], answer["sentiment"])
        found |= zip(view.asked, rows, strict=True)
    return [found[n] for n in range(len(spans))]


def _seen(
    checkpoint: Checkpoint, tokens: Tokens, spans: list[tuple[int, int]], reading: Reading | None = None
) -> Iterator[tuple[View, Floats | None]]:
    """The views that cover the statements; for a model of one encoder its windows, with their states."""
    manifest = checkpoint.manifest
    if not manifest.one_encoder:
        for view in views(len(tokens), spans, manifest.context, manifest.together):
            yield view, None
        return
    if reading is None:
        reading = read(checkpoint, tokens)
    for window, states in zip(reading.windows, reading.states, strict=True):
        if asked := _in_core(window, spans):
            yield View(0, window.start, window.end, asked), states


def _in_core(window: Window, spans: list[tuple[int, int]]) -> tuple[int, ...]:
    """Indices of the statements whose first token is in the window's core."""
    return tuple(k for k, (first, _) in enumerate(spans) if window.core_start <= first < window.core_end)


Integers = NDArray[np.int64]


def shown(
    checkpoint: Checkpoint, tokens: Tokens, spans: list[tuple[int, int]], view: View
) -> tuple[Integers, Integers, Integers]:
    """What `Checkpoint.classify` takes."""
    ids = view.frame(tokens.ids, checkpoint.pieces.cls, checkpoint.pieces.sep)
    places = [view.span(*spans[n]) for n in view.asked]
    marks = np.zeros(len(ids), dtype=np.int64)
    for first, end in places:
        marks[first:end] = 1
    return ids, marks, np.array(places, dtype=np.int64)


def among_paraphrases(told: Told, line: tuple[float, float]) -> Told:
    """The answer for a paraphrase that the extractor found: most of those are `other`, unlike most of the labelled ones.

    line: slope of the stance's log-probabilities, and what is added to that of `other`.
    """
    slope, offset = line
    other = STANCE_LABELS.index("other")
    stance = softmax(
        slope * np.log(np.maximum(told.stance, 1e-9)) + offset * np.eye(len(STANCE_LABELS))[other]
    )
    moved = replace(told, stance=stance)
    if moved.best_stance == told.best_stance:
        return moved
    return replace(moved, second=None, target=None)


def _second(scores: Floats, best: int) -> Stance | None:
    """The second stance, if the classifier sees one that is not the first again."""
    label = STANCE_LABELS[int(scores.argmax())]
    return None if label in ("other", STANCE_LABELS[best]) else label


def _speaker(view: View, scores: Floats, n_tokens: int) -> tuple[Floats, float]:
    """scores: (seq,) over a window with [CLS] and [SEP] -> the pointer of `Told.speaker`."""
    pointed = softmax(scores)
    where = np.zeros(n_tokens, dtype=np.float32)
    where[view.start : view.end] = pointed[1:-1]
    return where, float(pointed[0])


def _target(view: View, scores: Floats) -> tuple[int, int] | None:
    """scores: (seq, 2) -> token range of the best phrase; None where no target is likelier, or where it reaches over a border
    of the view's two parts."""
    starts, ends = softmax(scores.T)
    later = np.lib.stride_tricks.sliding_window_view(np.pad(ends, (0, MAX_TARGET - 1)), MAX_TARGET)
    joint = starts[1:, None] * later[1:]
    if joint.size == 0:
        return None
    first, more = map(int, np.unravel_index(int(joint.argmax()), joint.shape))
    if joint[first, more] <= NO_TARGET * starts[0] * ends[0]:
        return None
    start, end = view.token(first + 1), view.token(first + more + 1)
    if start is None or end is None or end - start != more:
        return None
    return start, end + 1
