"""What each kind of batch asks of its network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from quoth.model.layout import OUTSIDE, ROLES
from quoth.model.network import Classification, Classifier, Extractor, OneEncoder
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
    return _statement_losses(told, batch)


LINKED = {"cue": "content", "source": "cue", "name": "content"}
"""What points by each link."""


def one_encoder_loss(network: OneEncoder, teacher: Extractor, batch: ClassifierBatch) -> dict[str, Tensor]:
    """What the teacher answers in the batch's windows, and what the labels say of their statements."""
    found = network(network.encoder.embed(batch.ids), batch.mask)
    with torch.no_grad():
        right = teacher(teacher.encoder.embed(batch.ids), batch.mask)
        tags = _by_role(right.tags).softmax(-1)
    tokens = batch.mask.bool()
    losses = {"tags": -(tags * _by_role(found.tags).log_softmax(-1)).sum(-1)[tokens].sum(-1).mean()}
    for link, role in LINKED.items():
        pointing = tokens & (tags[..., ROLES.index(role), OUTSIDE] < 0.5)
        theirs, ours = (_masked(getattr(x, link).scores(), batch.mask).float() for x in (right, found))
        each = -(theirs.softmax(-1) * ours.log_softmax(-1)).sum(-1)
        losses[link] = 0.5 * each[pointing].mean().nan_to_num()
    if len(batch.spans):
        losses |= _statement_losses(network.heads.told(found.states, batch.mask, batch.spans), batch)
    return losses


def _by_role(tags: Tensor) -> Tensor:
    """(batch, seq, N_TAGS) -> (batch, seq, roles, 3)"""
    return tags.float().reshape(*tags.shape[:-1], len(ROLES), 3)


def _statement_losses(told: Classification, batch: ClassifierBatch) -> dict[str, Tensor]:
    ends = [
        cross_entropy(told.target[..., k], t) for k, t in enumerate((batch.target_start, batch.target_end))
    ]
    return {
        "stance": cross_entropy(told.stance, batch.stance),
        "second": 0.3 * cross_entropy(told.second, batch.second).nan_to_num(),
        "sentiment": 0.5 * cross_entropy(told.sentiment, batch.sentiment),
        "target": 0.25 * torch.stack(ends).sum().nan_to_num(),
    }
