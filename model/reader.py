"""The reader in torch: one encoder reads a window once, light heads answer.  Training and export use it; labelling does not."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from quoth.model.encoder import Encoder
from quoth.model.layout import LINK_WIDTH, N_TAGS, SENTIMENT_LABELS, STANCE_LABELS

N_VIEWS = 4
"""Places of the window that a statement looks at before it answers."""

N_PLACE = 3
N_STANCES, N_SENTIMENTS = len(STANCE_LABELS), len(SENTIMENT_LABELS)


class SpanScores(NamedTuple):
    """What the heads say about every token of a batch of windows.

    Attributes:
        tags: BIO logits of content, cue and source in turn, `(batch, seq, N_TAGS)`.
        cue_query, cue_key: Link from a content token to its cue, `(batch, seq, LINK_WIDTH)` each. Token i
            points at token j by their scaled dot product; position 0 ([CLS]) as a key means "none".
        source_query, source_key: Link from a cue token to its source, likewise.
    """

    tags: Tensor
    cue_query: Tensor
    cue_key: Tensor
    source_query: Tensor
    source_key: Tensor


class StatementScores(NamedTuple):
    """What the heads say about n statements. Position 0 ([CLS]) means "none" for speaker and target.

    Attributes:
        stance: Logits of the stance, `(n, 5)`.
        second: Logits of the second stance, `(n, 5)`; `other` means there is none.
        sentiment: Logits of the sentiment, `(n, 3)`.
        speaker: Logit of each token to name the speaker, `(n, seq)`.
        target: Logits of each token to be the target's first and last one, `(n, seq, 2)`.
    """

    stance: Tensor
    second: Tensor
    sentiment: Tensor
    speaker: Tensor
    target: Tensor


def relative_place(seq: int, first: Tensor, end: Tensor) -> Tensor:
    """Describe each position as a statement sees it.

    Args:
        seq: Number of positions.
        first, end: First and end position of each statement, `(n, 1)`.

    Returns:
        `(n, seq, N_PLACE)`: log(1 + tokens before the statement), log(1 + tokens after it), 1 inside it.
    """
    at = torch.arange(seq, device=first.device).unsqueeze(0)
    before, after = (first - at).clamp(min=0), (at - end + 1).clamp(min=0)
    inside = before + after == 0
    return torch.stack([(1.0 + before).log(), (1.0 + after).log(), inside.float()], dim=-1)


class StatementHead(nn.Module):
    """Answers for statements: stance, second stance, sentiment, speaker and target.

    The mean state of a statement looks at N_VIEWS places of its window by attention. The answers come from
    what it saw there, its own mean and [CLS]. Speaker and target are pointers to the window's tokens.
    """

    def __init__(self, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.look = nn.Linear(width, N_VIEWS * LINK_WIDTH)
        self.keys = nn.Linear(width, (N_VIEWS + 3) * LINK_WIDTH)
        self.look_place = nn.Linear(width, N_VIEWS * N_PLACE)
        self.pool = nn.Linear((2 + N_VIEWS) * width, width)
        self.labels = nn.Linear(width, 2 * N_STANCES + N_SENTIMENTS)
        self.point = nn.Linear(width, 3 * LINK_WIDTH)
        self.point_place = nn.Linear(width, 3 * N_PLACE)
        for layer in (self.look_place, self.point_place):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, states: Tensor, spans: Tensor) -> StatementScores:
        """Answer for the statements of one window.

        Args:
            states: Of the window's tokens, without padding, `(seq, width)`.
            spans: First and end position of each statement, `(n, 2)`.
        """
        seq = states.shape[0]
        first, end = spans[:, :1], spans[:, 1:]
        at = torch.arange(seq, device=states.device).unsqueeze(0)
        inside = ((at >= first) & (at < end)).to(states.dtype)  # (n, seq)
        mean = (inside / inside.sum(1, keepdim=True).clamp(min=1)) @ states  # (n, width)
        place = relative_place(seq, first, end).to(states.dtype)
        keys = self.keys(states).view(seq, N_VIEWS + 3, LINK_WIDTH)
        looked_at, pointed_at = keys.split([N_VIEWS, 3], dim=1)

        def attend(queries: Tensor, keys: Tensor, by_place: Tensor) -> Tensor:
            """(n, k * LINK_WIDTH), (seq, k, LINK_WIDTH), (n, k * N_PLACE) -> logits (n, k, seq)"""
            k = keys.shape[1]
            query = queries.view(-1, k, LINK_WIDTH).transpose(0, 1)  # (k, n, LINK_WIDTH)
            logits: Tensor = (query @ keys.permute(1, 2, 0) / LINK_WIDTH**0.5).transpose(0, 1)
            logits = logits + by_place.view(-1, k, N_PLACE) @ place.transpose(1, 2)
            return logits

        looks = attend(self.look(mean), looked_at, self.look_place(mean)).softmax(-1)
        seen = (looks @ states).flatten(1)  # (n, N_VIEWS * width)
        opening = states[:1].expand(mean.shape[0], -1)
        pooled = torch.tanh(self.pool(torch.cat([opening, mean, seen], dim=-1)))
        pooled = self.dropout(pooled)
        stance, second, sentiment = self.labels(pooled).split([N_STANCES, N_STANCES, N_SENTIMENTS], dim=-1)
        pointed = attend(self.point(pooled), pointed_at, self.point_place(pooled))  # (n, 3, seq)
        return StatementScores(stance, second, sentiment, pointed[:, 0], pointed[:, 1:].transpose(1, 2))


class Reader(nn.Module):
    """Finds spans and links in a window, and answers for its statements, from one pass of one encoder."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.shape.width
        self.dropout = nn.Dropout(0.1)
        self.tags = nn.Linear(width, N_TAGS)
        self.links = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 4 * LINK_WIDTH))
        self.statements = StatementHead(width)

    def states(self, ids: Tensor, mask: Tensor | None, frozen: int = 0) -> Tensor:
        """Encode windows: `(batch, seq)` -> `(batch, seq, width)`; see `Encoder.forward`."""
        states: Tensor = self.dropout(self.encoder(self.encoder.embed(ids), mask, frozen))
        return states

    def spans(self, states: Tensor) -> SpanScores:
        """Score spans and links from states `(batch, seq, width)`."""
        return SpanScores(self.tags(states), *self.links(states).split(LINK_WIDTH, dim=-1))

    def answers(self, states: Tensor, mask: Tensor, spans: Tensor) -> StatementScores:
        """Answer for the statements of a batch of windows.

        Args:
            states: `(batch, seq, width)`.
            mask: `(batch, seq)`, 1 for tokens and 0 for padding.
            spans: Window, first and end position of each statement, `(n, 3)`, windows in order.

        Returns:
            Scores of the statements in order. Padding gets the logit -1e4.
        """
        seq = states.shape[1]
        found = []
        for k, length in enumerate(mask.sum(1).tolist()):
            of_window = spans[spans[:, 0] == k, 1:]
            if len(of_window):
                told: StatementScores = self.statements(states[k, :length], of_window)
                after = seq - length
                found.append(
                    told._replace(
                        speaker=pad(told.speaker, (0, after), value=-1e4),
                        target=pad(told.target, (0, 0, 0, after), value=-1e4),
                    )
                )
        return StatementScores(*(torch.cat(parts) for parts in zip(*found, strict=True)))
