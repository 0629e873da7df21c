"""Shuffle, pad and batch examples; the order depends on seed and epoch alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quoth.model.layout import ROLES, SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.stances import BEFORE, View, views
from quoth.training.examples import NONE, UNFOUND

IGNORED = -100

HIDDEN = 0.1
"""Share of the statements that a view of several leaves out in training."""

Rows = list[dict[str, Any]]
"""Examples as arrays, see `quoth.training.examples`."""

Windows = list[tuple[int, int, int]]
"""(index of a row, first token, end token)."""


@dataclass(frozen=True)
class Vocabulary:
    """Ids of the special tokens."""

    cls: int
    sep: int
    pad: int


@dataclass(frozen=True)
class AttributionBatch:
    """ids, mask: (batch, seq).  tags: (batch, seq, 3).  cue: (batch, seq) position of the cue.
    rows: (links, 2) batch index and position of a cue; sources: (links, seq) where its source is."""

    ids: Tensor
    mask: Tensor
    tags: Tensor
    cue: Tensor
    rows: Tensor
    sources: Tensor


@dataclass(frozen=True)
class NameBatch:
    """ids, mask: (batch, seq).  rows: (tokens, 2) batch index and position of a statement's token;
    weights: (tokens,) that sum to 1 over each statement; names: (tokens, seq) where its speaker is named."""

    ids: Tensor
    mask: Tensor
    rows: Tensor
    weights: Tensor
    names: Tensor


@dataclass(frozen=True)
class ClassifierBatch:
    """ids, mask, marks: (batch, seq).  spans: (n, 3) view, first and end position of each statement.
    stance: (n, 5) and sentiment: (n, 3) probabilities, all 0 where there is none to learn.
    The others: (n,) label indices or positions, IGNORED where there is none to learn."""

    ids: Tensor
    mask: Tensor
    marks: Tensor
    spans: Tensor
    stance: Tensor
    second: Tensor
    sentiment: Tensor
    target_start: Tensor
    target_end: Tensor


def _framed(ids: list[np.ndarray], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """[CLS] ids [SEP] padded to the longest: ids and mask, both (batch, seq)."""
    longest = max(len(x) for x in ids) + 2
    framed = torch.full((len(ids), longest), vocabulary.pad)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for k, row in enumerate(ids):
        framed[k, 0] = vocabulary.cls
        framed[k, 1 : len(row) + 1] = torch.from_numpy(row.astype(np.int64))
        framed[k, len(row) + 1] = vocabulary.sep
        mask[k, : len(row) + 2] = 1
    return framed, mask


def _slices(n: int, size: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Cut n tokens into windows of `size`, the first one shorter by chance, so that borders move."""
    if n <= size:
        return [(0, n)]
    cuts = [0, *range(int(rng.integers(size // 2, size + 1)), n, size), n]
    return list(itertools.pairwise(cuts))


def _shuffled(windows: Windows, batch: int, rng: np.random.Generator) -> list[Windows]:
    """Batches of windows of like length, in random order."""
    order = sorted(rng.permutation(len(windows)), key=lambda k: windows[k][2] - windows[k][1])
    batches = [order[k : k + batch] for k in range(0, len(order), batch)]
    return [[windows[i] for i in batches[k]] for k in rng.permutation(len(batches))]


def attribution_batches(
    rows: Rows, size: int, batch: int, vocabulary: Vocabulary, rng: np.random.Generator
) -> list[Callable[[], AttributionBatch]]:
    """One epoch over all windows of all articles, each batch made when it is called."""
    windows = [(k, a, b) for k, row in enumerate(rows) for a, b in _slices(len(row["ids"]), size, rng)]
    return [
        partial(_attribution_batch, rows, chosen, vocabulary) for chosen in _shuffled(windows, batch, rng)
    ]


def _attribution_batch(rows: Rows, chosen: Windows, vocabulary: Vocabulary) -> AttributionBatch:
    ids, mask = _framed([rows[k]["ids"][a:b] for k, a, b in chosen], vocabulary)
    tags = torch.full((*ids.shape, len(ROLES)), IGNORED)
    cue = torch.full(ids.shape, IGNORED)
    links: dict[tuple[int, int], list[int]] = {}
    for k, (article, a, b) in enumerate(chosen):
        row = rows[article]
        tags[k, 1 : b - a + 1] = torch.from_numpy(row["tags"][a:b])
        inside = (row["cue"][a:b] >= a) & (row["cue"][a:b] < b)
        cue[k, 1 : b - a + 1] = torch.from_numpy(np.where(inside, row["cue"][a:b] - a + 1, IGNORED))
        for at, source in row["sources"].reshape(-1, 2):
            if a <= at < b and (source == NONE or a <= source < b):
                position = 0 if source == NONE else int(source - a + 1)
                links.setdefault((k, int(at - a + 1)), []).append(position)
    sources = torch.zeros((len(links), ids.shape[1]), dtype=torch.bool)
    for i, positions in enumerate(links.values()):
        sources[i, positions] = True
    return AttributionBatch(ids, mask, tags, cue, torch.tensor(list(links)).reshape(-1, 2), sources)


def name_batches(
    rows: Rows, size: int, batch: int, vocabulary: Vocabulary, rng: np.random.Generator
) -> list[Callable[[], NameBatch]]:
    """One epoch over the windows that hold a statement."""
    windows = [
        (k, a, b)
        for k, row in enumerate(rows)
        for a, b in _slices(len(row["ids"]), size, rng)
        if (row["statement"][a:b] != NONE).any()
    ]
    return [partial(_name_batch, rows, chosen, vocabulary) for chosen in _shuffled(windows, batch, rng)]


def _name_batch(rows: Rows, chosen: Windows, vocabulary: Vocabulary) -> NameBatch:
    ids, mask = _framed([rows[k]["ids"][a:b] for k, a, b in chosen], vocabulary)
    at: list[tuple[int, int]] = []
    weights: list[float] = []
    named: list[Tensor] = []
    for k, (article, a, b) in enumerate(chosen):
        row = rows[article]
        pairs = row["names"].reshape(-1, 2)
        pairs = pairs[(pairs[:, 1] >= a) & (pairs[:, 1] < b)]
        for statement in np.unique(row["statement"][a:b]):
            if statement == NONE:
                continue
            positions = np.flatnonzero(row["statement"][a:b] == statement) + 1
            names = pairs[pairs[:, 0] == statement, 1] - a + 1
            where = torch.zeros(ids.shape[1], dtype=torch.bool)
            where[torch.from_numpy(names) if len(names) else 0] = True
            at += [(k, int(p)) for p in positions]
            weights += [1 / len(positions)] * len(positions)
            named += [where] * len(positions)
    return NameBatch(ids, mask, torch.tensor(at), torch.tensor(weights), torch.stack(named))


def classifier_batches(
    rows: Rows,
    width: int,
    together: bool,
    batch: int,
    vocabulary: Vocabulary,
    rng: np.random.Generator | None,
) -> list[Callable[[], ClassifierBatch]]:
    """One epoch over all statements, at most `batch` views of `width` tokens, or more of shorter ones, at a time.

    With rng, views of several statements begin at random before their first statement, and HIDDEN of the statements are neither
    highlighted nor asked, so that an answer does not hang on which others are asked beside it.
    """
    seen: list[tuple[int, View]] = []
    for k, row in enumerate(rows):
        spans = [(int(a), int(b)) for a, b in row["spans"].reshape(-1, 2)]
        if rng is None:
            found = views(len(row["ids"]), spans, width, together)
        else:
            shown = [n for n in range(len(spans)) if not together or rng.random() >= HIDDEN]
            before = int(rng.integers(BEFORE // 2, 2 * BEFORE))
            found = [
                replace(view, asked=tuple(shown[n] for n in view.asked))
                for view in views(len(row["ids"]), [spans[n] for n in shown], width, together, before)
            ]
        seen += [(k, view) for view in found]
    return _packed(rows, seen, batch * (width + 2), vocabulary, rng)


CLEAR_BEFORE, CLEAR_AFTER = 48, 16
"""Tokens of its window that a statement has at least before and behind it, but at the article's ends."""

DULL = 0.4
"""Share of the windows of an article without a stance that are left out of an epoch."""


def window_batches(
    rows: Rows, size: int, batch: int, vocabulary: Vocabulary, rng: np.random.Generator
) -> list[Callable[[], ClassifierBatch]]:
    """One epoch over the articles, cut as for the extractor, at most `batch` windows or more of shorter ones at a time, each
    with the statements that stand clear of its ends."""
    other = STANCE_LABELS.index("other")
    seen: list[tuple[int, View]] = []
    for k, row in enumerate(rows):
        n, spans = len(row["ids"]), row["spans"].reshape(-1, 2)
        dull = bool((row["stance"].reshape(len(spans), -1).argmax(1) == other).all())
        for a, b in _slices(n, size, rng):
            if dull and rng.random() < DULL:
                continue
            first, last = (a + CLEAR_BEFORE if a else 0), (b - CLEAR_AFTER if b < n else n)
            clear = np.flatnonzero((spans[:, 0] >= first) & (spans[:, 1] <= last))
            seen.append((k, View(0, a, b, tuple(clear.tolist()))))
    return _packed(rows, seen, batch * (size + 2), vocabulary, rng)


def _packed(
    rows: Rows,
    seen: list[tuple[int, View]],
    positions: int,
    vocabulary: Vocabulary,
    rng: np.random.Generator | None,
) -> list[Callable[[], ClassifierBatch]]:
    """Batches of views of like length, of at most so many positions; in random order with rng."""
    order = [int(k) for k in (rng.permutation(len(seen)) if rng else range(len(seen)))]
    order.sort(key=lambda k: len(seen[k][1]))
    packed: list[list[int]] = []
    for k in order:
        if packed and (len(packed[-1]) + 1) * len(seen[k][1]) <= positions:
            packed[-1].append(k)
        else:
            packed.append([k])
    if rng:
        packed = [packed[k] for k in rng.permutation(len(packed))]
    return [partial(_classifier_batch, rows, [seen[k] for k in chosen], vocabulary) for chosen in packed]


def _classifier_batch(rows: Rows, chosen: list[tuple[int, View]], vocabulary: Vocabulary) -> ClassifierBatch:
    longest = max(len(view) for _, view in chosen)
    ids = torch.full((len(chosen), longest), vocabulary.pad)
    mask, marks = torch.zeros((2, len(chosen), longest), dtype=torch.long)
    places: list[tuple[int, int, int]] = []
    for k, (article, view) in enumerate(chosen):
        frame = view.frame(rows[article]["ids"], vocabulary.cls, vocabulary.sep)
        ids[k, : len(view)] = torch.from_numpy(frame)
        mask[k, : len(view)] = 1
        for n in view.asked:
            first, end = view.span(*rows[article]["spans"].reshape(-1, 2)[n])
            marks[k, first:end] = 1
            places.append((k, first, end))
    spans = torch.tensor(places).reshape(-1, 3)
    asked = [(rows[k], n, view) for k, view in chosen for n in view.asked]
    stance, sentiment = (
        torch.tensor(np.array([row[name][n] for row, n, _ in asked], dtype=np.float32)).reshape(-1, k)
        for name, k in (("stance", len(STANCE_LABELS)), ("sentiment", len(SENTIMENT_LABELS)))
    )
    second = torch.tensor([int(row["second"][n]) for row, n, _ in asked])
    second[second == UNFOUND] = IGNORED
    targets = torch.tensor(
        [_target(view, *row["target"].reshape(-1, 2)[n]) for row, n, view in asked]
    ).reshape(-1, 2)
    return ClassifierBatch(ids, mask, marks, spans, stance, second, sentiment, *targets.unbind(1))


def _target(view: View, first: int, end: int) -> tuple[int, int]:
    """Positions of the first and last token of a target; 0, 0 where there is none."""
    if first == NONE:
        return 0, 0
    start, last = view.position(first), view.position(end - 1)
    return (IGNORED, IGNORED) if start is None or last is None else (start, last)
