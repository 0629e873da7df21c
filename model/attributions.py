"""Read the extractor's answer: contents, cues and sources of an article, and what points at what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quoth.model.checkpoint import STATES, Manifest
from quoth.model.layout import BEGIN, INSIDE, LINK_WIDTH, OUTSIDE, ROLES
from quoth.model.probabilities import softmax
from quoth.model.windows import Pieces, Tokens, Window, cut

Floats = NDArray[np.float32]

LINKS = ("cue", "source", "name")
"""A reader has no name link: its classifier points from a statement to its speaker."""

AT_ONCE = 8
"""Rows of a product of a window's links.  Of a larger one OpenBLAS makes several threads, whatever `threads` says; they wait for each
other, and two processes side by side then take twice as long."""


@dataclass(frozen=True)
class Reading:
    """What the extractor sees in one article of n tokens.

    tags: (n, 3, 3) probabilities of outside / begin / inside, by role.
    windows: the windows that were read; queries, keys: by link, one (window length + 1, LINK_WIDTH) matrix a
    window, row 0 is [CLS].
    states: one (window length + 2, width) matrix a window, where a classifier reads them; else none.
    """

    tags: Floats
    windows: list[Window]
    queries: dict[str, list[Floats]]
    keys: dict[str, list[Floats]]
    states: list[Floats] = field(default_factory=list)

    def inside(self, role: str) -> Floats:
        """(n,) probability that a token belongs to the role at all."""
        inside: Floats = 1 - self.tags[:, ROLES.index(role), OUTSIDE]
        return inside

    def point(self, link: str, first: int, last: int) -> tuple[Floats, float]:
        """Where tokens [first, last) point, on average: (n,) probabilities, and that of pointing nowhere."""
        n = len(self.tags)
        total = np.zeros(n, dtype=np.float32)
        nowhere = 0.0
        for k, window in enumerate(self.windows):
            a, b = max(first, window.core_start), min(last, window.core_end)
            if a >= b:
                continue
            rows = self.queries[link][k][a - window.start + 1 : b - window.start + 1] / LINK_WIDTH**0.5
            keys = self.keys[link][k].T
            scores = np.empty((len(rows), keys.shape[1]), dtype=np.float32)
            for at in range(0, len(rows), AT_ONCE):
                np.matmul(rows[at : at + AT_ONCE], keys, out=scores[at : at + AT_ONCE])
            sums = softmax(scores).sum(axis=0)
            nowhere += float(sums[0])
            total[window.start : window.end] += sums[1:]
        size = max(1, last - first)
        total /= size
        return total, nowhere / size

    def runs(self, role: str, breaks: NDArray[np.bool_], threshold: float = 0.5) -> list[tuple[int, int]]:
        """Token ranges that are more likely than `threshold` in the role; none crosses a break.

        breaks: (n,) True where a token is the first of its paragraph.  Content begins anew at a begin tag;
        two cues or sources never stand side by side, so theirs do not.
        """
        inside = self.inside(role) > threshold
        before = np.concatenate([[False], inside[:-1]])
        new = ~before | breaks
        if role == "content":
            new |= self.tags[:, 0, BEGIN] > np.maximum(self.tags[:, 0, INSIDE], 0.4)
        starts = np.flatnonzero(inside & new)
        ends = np.flatnonzero(inside & np.concatenate([~inside[1:] | new[1:], [True]])[: len(inside)])
        return [(int(a), int(b) + 1) for a, b in zip(starts, ends, strict=True)]


def best_run(where: Floats, nowhere: float, runs: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The run that most is pointed at; a single token if no run is; None if nowhere is likelier."""
    if len(where) == 0:
        return None
    sums = np.concatenate([[0.0], np.cumsum(where)])
    masses = [float(sums[b] - sums[a]) for a, b in runs]
    best = int(np.argmax(masses)) if masses else -1
    token = int(np.argmax(where))
    if best >= 0 and masses[best] >= max(nowhere, float(where[token]) / 2):
        return runs[best]
    return (token, token + 1) if where[token] > max(nowhere, 0.3) else None


class CanExtract(Protocol):
    """A checkpoint, or a network in training."""

    pieces: Pieces
    manifest: Manifest

    def extract(self, ids: NDArray[np.int64]) -> dict[str, Any]:
        """See `Checkpoint.extract`."""


def read(checkpoint: CanExtract, tokens: Tokens) -> Reading:
    """Run the extractor over the windows of an article, one after the other.

    One at a time is as fast on a CPU as several, needs no padding, and leaves the answer to the article alone.
    """
    manifest, pieces = checkpoint.manifest, checkpoint.pieces
    windows = cut(len(tokens), manifest.window, manifest.window_left, manifest.window_right)
    reading = Reading(
        np.zeros((len(tokens), len(ROLES), 3), dtype=np.float32),
        windows,
        {link: [] for link in LINKS},
        {link: [] for link in LINKS},
    )
    for window in windows:
        ids = tokens.ids[window.start : window.end]
        told = checkpoint.extract(np.array([pieces.cls, *ids, pieces.sep], dtype=np.int64))
        tags = softmax(told["tags"].reshape(-1, len(ROLES), 3))
        core = slice(window.core_start - window.start + 1, window.core_end - window.start + 1)
        reading.tags[window.core_start : window.core_end] = tags[core]
        for link in (link for link in LINKS if f"{link}_query" in told):
            # Without [SEP], and as a copy, or the whole answer would be kept.
            reading.queries[link].append(told[f"{link}_query"][: len(ids) + 1].copy())
            reading.keys[link].append(told[f"{link}_key"][: len(ids) + 1].copy())
        if STATES in told:
            reading.states.append(told[STATES])
    return reading
