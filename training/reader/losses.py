"""The loss of a batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from quoth.model.layout import LINK_WIDTH, ROLES
from quoth.model.reader import Reader
from quoth.training.reader.targets import IGNORED
from quoth.training.reader.windows import SpanBatch, StatementBatch

WEIGHTS = {"stance": 1.0, "second": 0.2, "sentiment": 0.5, "speaker": 0.5, "target": 0.2}
"""Weights of the statement losses; the losses of spans and links count 1 each."""


def losses(reader: Reader, batch: StatementBatch | SpanBatch, frozen: int = 0) -> dict[str, Tensor]:
    """Return the weighted losses of a batch by name; their sum is what training minimizes.

    Args:
        reader: In training mode.
        batch: On the reader's device.
        frozen: Lower layers that do not learn.
    """
    states = reader.states(batch.ids, batch.mask, frozen)
    if isinstance(batch, SpanBatch):
        return _span_losses(reader, batch, states)
    found = statement_losses(reader, batch, states)
    return {name: weight * _mean(found[name]) for name, weight in WEIGHTS.items()}


def statement_losses(reader: Reader, batch: StatementBatch, states: Tensor) -> dict[str, Tensor]:
    """Return the losses of the statements whose label is known, by name, one number each."""
    told = reader.answers(states, batch.mask, batch.spans)
    named, aimed = batch.speaker.any(-1), batch.target[..., 0].any(-1)
    ends = [pointer_loss(told.target[aimed, :, k], batch.target[aimed, :, k]) for k in (0, 1)]
    known = batch.second != IGNORED
    return {
        "stance": soft_cross_entropy(told.stance, batch.stance),
        "second": cross_entropy(told.second[known].float(), batch.second[known], reduction="none"),
        "sentiment": soft_cross_entropy(told.sentiment, batch.sentiment),
        "speaker": pointer_loss(told.speaker[named], batch.speaker[named]),
        "target": torch.stack(ends).sum(0),
    }


def soft_cross_entropy(logits: Tensor, gold: Tensor) -> Tensor:
    """Return the cross-entropy with gold probabilities of those rows that have any.

    Args:
        logits: `(n, k)`.
        gold: `(n, k)`; a row of zeros is unknown.

    Returns:
        `(known rows,)`.
    """
    each = -(gold * logits.float().log_softmax(-1)).sum(-1)
    return each[gold.sum(-1) > 0]


def pointer_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Return -log of the probability on all right places together (pointer-sum; Kadlec et al., 2016).

    Args:
        logits: `(n, seq)`.
        right: `(n, seq)`, True at every right place.

    Returns:
        `(n,)`.
    """
    log_p = logits.float().log_softmax(-1)
    return -log_p.masked_fill(~right, -1e4).logsumexp(-1)


def _span_losses(reader: Reader, batch: SpanBatch, states: Tensor) -> dict[str, Tensor]:
    found = reader.spans(states)
    by_role = found.tags.view(*found.tags.shape[:-1], len(ROLES), -1)
    told = {
        role: cross_entropy(
            by_role[:, :, k].flatten(0, 1), batch.tags[..., k].flatten(), ignore_index=IGNORED
        )
        for k, role in enumerate(ROLES)
    }
    linked = batch.cue != IGNORED
    cues = _link_logits(found.cue_query, found.cue_key, batch.mask)[linked]
    told["cue_link"] = _mean(cross_entropy(cues, batch.cue[linked], reduction="none"))
    logits = _link_logits(found.source_query, found.source_key, batch.mask)
    told["source_link"] = _mean(pointer_loss(logits[batch.cues[:, 0], batch.cues[:, 1]], batch.sources))
    return told


def _link_logits(query: Tensor, key: Tensor, mask: Tensor) -> Tensor:
    """(batch, seq, LINK_WIDTH) twice -> (batch, seq, seq), a row for each query, without padding."""
    logits: Tensor = query @ key.transpose(1, 2) / LINK_WIDTH**0.5
    return logits.masked_fill(mask.unsqueeze(1) == 0, -1e4)


def _mean(values: Tensor) -> Tensor:
    """The mean; 0, with a gradient, of none."""
    return values.mean() if len(values) else values.sum()
