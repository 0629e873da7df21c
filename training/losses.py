"""What each kind of batch asks of its network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from quoth.model.layout import ROLES
from quoth.model.network import Classifier, Extractor
from quoth.training.batches import AttributionBatch, ClassifierBatch, NameBatch


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    """(batch, seq, seq) scores without padding among the keys."""
    return scores.masked_fill(mask.unsqueeze(1) == 0, -1e4)


def _any_of(scores: Tensor, right: Tensor) -> Tensor:
    """(rows,) -log of the probability that falls on any right key: marginal likelihood.

    scores: (rows, seq) logits; right: (rows, seq) bool, at least one True a row.
    """
    log_p = scores.log_softmax(-1)
    return -log_p.masked_fill(~right, -1e4).logsumexp(-1)


def attribution_loss(network: Extractor, batch: AttributionBatch) -> dict[str, Tensor]:
    """Tagging of the three roles, content -> cue and cue -> source links."""
    found = network(network.encoder.embed(batch.ids), batch.mask)
    losses = {
        role: cross_entropy(found.tags[..., 3 * k : 3 * k + 3].flatten(0, 1), batch.tags[..., k].flatten())
        for k, role in enumerate(ROLES)
    }
    losses["cue_link"] = cross_entropy(
        _masked(found.cue.scores(), batch.mask).flatten(0, 1), batch.cue.clamp(min=-100).flatten()
    ).nan_to_num()
    if len(batch.rows):
        scores = _masked(found.source.scores(), batch.mask)[batch.rows[:, 0], batch.rows[:, 1]]
        losses["source_link"] = _any_of(scores, batch.sources).mean()
    return losses


def name_loss(network: Extractor, batch: NameBatch) -> dict[str, Tensor]:
    """Every token of a statement points at any mention of the speaker's name."""
    found = network(network.encoder.embed(batch.ids), batch.mask)
    scores = _masked(found.name.scores(), batch.mask)[batch.rows[:, 0], batch.rows[:, 1]]
    each = _any_of(scores, batch.names) * batch.weights
    return {"name_link": each.sum() / batch.weights.sum()}


def classifier_loss(network: Classifier, batch: ClassifierBatch) -> dict[str, Tensor]:
    """Stance, second stance, sentiment and the target's two ends."""
    told = network(network.encoder.embed(batch.ids), batch.mask, batch.marks, batch.spans)
    ends = [
        cross_entropy(told.target[..., k], t) for k, t in enumerate((batch.target_start, batch.target_end))
    ]
    return {
        "stance": cross_entropy(told.stance, batch.stance),
        "second": 0.3 * cross_entropy(told.second, batch.second).nan_to_num(),
        "sentiment": 0.5 * cross_entropy(told.sentiment, batch.sentiment),
        "target": 0.25 * torch.stack(ends).sum().nan_to_num(),
    }
