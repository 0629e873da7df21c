"""Cut articles into training windows and pack them into batches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quoth.model.layout import ROLES, SENTIMENT_LABELS, STANCE_LABELS
from quoth.training.batches import Vocabulary
from quoth.training.examples import NONE
from quoth.training.reader.targets import IGNORED, ArticleTargets, Ranges, StatementTargets

SIZE = 510
"""Most tokens of a window, without [CLS] and [SEP]."""

GAP = 128
"""A window ends before a gap of more tokens between two statements."""

BEFORE, AFTER = (48, 144), (16, 64)
"""Bounds of the random number of tokens that a window shows before its first and after its last statement."""

OTHER = STANCE_LABELS.index("other")


@dataclass(frozen=True)
class Window:
    """Tokens [start, end) of an article, and the statements that are asked there."""

    article: ArticleTargets
    start: int
    end: int
    asked: tuple[StatementTargets, ...] = ()

    def __len__(self) -> int:
        return self.end - self.start

    def only_other(self) -> bool:
        """Tell whether nothing but the stance `other` can be learned here."""
        known = [s for s in self.asked if s.stance.any()]
        named = any(s.speaker is not None for s in self.asked)
        return bool(known) and not named and all(int(s.stance.argmax()) == OTHER for s in known)


@dataclass(frozen=True)
class StatementBatch:
    """Windows with statements to answer for.

    Attributes:
        ids, mask: `(batch, seq)`; mask is 1 for tokens and 0 for padding.
        spans: Window, first and end position of each of n statements, `(n, 3)`.
        quoted: `(n,)`.
        stance, sentiment: Probabilities, `(n, 5)` and `(n, 3)`; a row of zeros is unknown.
        second: Class index or IGNORED, `(n,)`.
        speaker: True where the speaker is named, `(n, seq)`; a row without True is unknown.
        target: True at first and last tokens of the target, `(n, seq, 2)`; likewise.
    """

    ids: Tensor
    mask: Tensor
    spans: Tensor
    quoted: Tensor
    stance: Tensor
    second: Tensor
    sentiment: Tensor
    speaker: Tensor
    target: Tensor


@dataclass(frozen=True)
class SpanBatch:
    """Windows with attributions.

    Attributes:
        ids, mask: `(batch, seq)`.
        tags: BIO tags by role, `(batch, seq, 3)`, or IGNORED.
        cue: Position of the cue of each content token, `(batch, seq)`, or IGNORED.
        cues: Window and position of k cue tokens, `(k, 2)`.
        sources: True where the source of each of these cues stands, `(k, seq)`.
    """

    ids: Tensor
    mask: Tensor
    tags: Tensor
    cue: Tensor
    cues: Tensor
    sources: Tensor


def statement_windows(
    article: ArticleTargets,
    rng: np.random.Generator,
    before: tuple[int, int] = BEFORE,
    after: tuple[int, int] = AFTER,
) -> list[Window]:
    """Cut windows around runs of statements, so that each statement is asked in one window.

    Args:
        article: Its statements may come in any order.
        rng: Draws how much each window shows around its statements.
        before, after: Bounds of that, in tokens.
    """
    n = len(article.ids)
    left = sorted(article.statements, key=lambda s: s.span)
    found = []
    while left:
        start = max(0, left[0].span[0] - int(rng.integers(*before)))
        shown = int(rng.integers(*after))
        limit = min(n, start + SIZE)
        asked: list[StatementTargets] = []
        end = start
        for statement in left:
            first, last = statement.span
            if asked and (min(last + shown, n) > start + SIZE or first > end + GAP):
                break
            asked.append(statement)
            end = max(end, min(last, limit))
        left = left[len(asked) :]
        found.append(Window(article, start, min(limit, end + shown), tuple(asked)))
    return found


def attribution_windows(article: ArticleTargets, rng: np.random.Generator) -> list[Window]:
    """Cut a whole article; the first window is shorter by chance, so that borders move."""
    n = len(article.ids)
    cuts = [0, n] if n <= SIZE else [0, *range(int(rng.integers(SIZE // 2, SIZE + 1)), n, SIZE), n]
    return [Window(article, a, b) for a, b in itertools.pairwise(cuts)]


def packed(windows: list[Window], tokens: int, rng: np.random.Generator | None = None) -> list[list[Window]]:
    """Group windows of one kind and like length into batches of at most `tokens` positions, shuffled by `rng`."""
    order = [int(k) for k in (rng.permutation(len(windows)) if rng else range(len(windows)))]
    order.sort(key=lambda k: (not windows[k].asked, len(windows[k])))
    batches: list[list[Window]] = []
    for window in (windows[k] for k in order):
        last = batches[-1] if batches else []
        fits = last and bool(last[0].asked) == bool(window.asked)
        if fits and (len(last) + 1) * (len(window) + 2) <= tokens:
            last.append(window)
        else:
            batches.append([window])
    return [batches[k] for k in rng.permutation(len(batches))] if rng else batches


def make_batch(windows: list[Window], vocabulary: Vocabulary) -> StatementBatch | SpanBatch:
    """Turn windows of one kind into tensors."""
    seq = max(map(len, windows)) + 2
    ids = torch.full((len(windows), seq), vocabulary.pad)
    mask = torch.zeros((len(windows), seq), dtype=torch.long)
    for k, window in enumerate(windows):
        n = len(window)
        ids[k, 0], ids[k, n + 1] = vocabulary.cls, vocabulary.sep
        ids[k, 1 : n + 1] = torch.from_numpy(window.article.ids[window.start : window.end].astype(np.int64))
        mask[k, : n + 2] = 1
    return _statement_batch(windows, ids, mask) if windows[0].asked else _span_batch(windows, ids, mask)


def _statement_batch(windows: list[Window], ids: Tensor, mask: Tensor) -> StatementBatch:
    asked = [(k, window, s) for k, window in enumerate(windows) for s in window.asked]
    n, seq = len(asked), ids.shape[1]
    spans = torch.zeros((n, 3), dtype=torch.long)
    speaker = torch.zeros((n, seq), dtype=torch.bool)
    target = torch.zeros((n, seq, 2), dtype=torch.bool)
    for j, (k, window, s) in enumerate(asked):
        first, end = s.span
        spans[j] = torch.tensor([k, first - window.start + 1, min(end, window.end) - window.start + 1])
        if s.speaker is not None:
            inside = _positions(window, s.speaker)
            for a, b in inside:
                speaker[j, a:b] = True
            # Whoever is named outside the window only cannot be pointed at.
            speaker[j, 0] = not inside
        if s.target is not None:
            for a, b in _positions(window, s.target):
                target[j, a, 0] = target[j, b - 1, 1] = True
            target[j, 0] = not s.target
    return StatementBatch(
        ids,
        mask,
        spans,
        torch.tensor([s.quoted for *_, s in asked]),
        torch.from_numpy(np.array([s.stance for *_, s in asked])).reshape(-1, len(STANCE_LABELS)),
        torch.tensor([s.second for *_, s in asked]),
        torch.from_numpy(np.array([s.sentiment for *_, s in asked])).reshape(-1, len(SENTIMENT_LABELS)),
        speaker,
        target,
    )


def _positions(window: Window, ranges: Ranges) -> Ranges:
    """Return the positions of those token ranges that lie in a window."""
    move = 1 - window.start
    return [(a + move, b + move) for a, b in ranges if window.start <= a and b <= window.end]


def _span_batch(windows: list[Window], ids: Tensor, mask: Tensor) -> SpanBatch:
    tags = torch.full((*ids.shape, len(ROLES)), IGNORED)
    cue = torch.full(ids.shape, IGNORED)
    links: dict[tuple[int, int], list[int]] = {}
    for k, window in enumerate(windows):
        gold, a, b = window.article.attributions, window.start, window.end
        assert gold is not None
        tags[k, 1 : b - a + 1] = torch.from_numpy(gold.tags[a:b])
        inside = (gold.cue[a:b] >= a) & (gold.cue[a:b] < b)
        cue[k, 1 : b - a + 1] = torch.from_numpy(np.where(inside, gold.cue[a:b] - a + 1, IGNORED))
        for at, source in gold.sources.tolist():
            if a <= at < b and (source == NONE or a <= source < b):
                links.setdefault((k, at - a + 1), []).append(0 if source == NONE else source - a + 1)
    sources = torch.zeros((len(links), ids.shape[1]), dtype=torch.bool)
    for j, positions in enumerate(links.values()):
        sources[j, positions] = True
    cues = torch.tensor(list(links), dtype=torch.long).reshape(-1, 2)
    return SpanBatch(ids, mask, tags, cue, cues, sources)
