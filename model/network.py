"""The two networks, in torch: needed to train and to export, not to label.

Both take word embeddings rather than ids: the embedding table is frozen in training, kept once,
and looked up outside the graph, so that extractor and classifier share it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from quoth.model.layout import LINK_WIDTH, N_TAGS, SENTIMENT_LABELS, STANCE_LABELS


class Links(NamedTuple):
    """Queries and keys of one kind of link; query i points at key j by their scaled dot product.

    query, key: (batch, seq, LINK_WIDTH).  Position 0 ([CLS]) as a key stands for "none".
    """

    query: Tensor
    key: Tensor

    def scores(self) -> Tensor:
        """(batch, seq, seq) logits, row = query."""
        scores: Tensor = self.query @ self.key.transpose(1, 2) / LINK_WIDTH**0.5
        return scores


class Extraction(NamedTuple):
    """tags: (batch, seq, N_TAGS), BIO logits for content, cue, source in turn; states: (batch, seq, width) they are read off."""

    tags: Tensor
    cue: Links
    source: Links
    name: Links
    states: Tensor


class Encoder(nn.Module):
    """A pretrained encoder without its word embeddings."""

    def __init__(self, backbone: str, pretrained: bool) -> None:
        super().__init__()
        config = AutoConfig.from_pretrained(backbone)
        if hasattr(config, "attention_probs_dropout_prob"):
            # Fused attention on a CPU knows no dropout: with it a step takes twice as long.
            config.attention_probs_dropout_prob = 0.0
        # MPNet, whose attention has a bias for each distance, knows no fused one.
        attention = "eager" if config.model_type == "mpnet" else "sdpa"
        if pretrained:
            self.body = AutoModel.from_pretrained(backbone, config=config, attn_implementation=attention)
        else:
            self.body = AutoModel.from_config(config, attn_implementation=attention)
        if getattr(self.body, "pooler", None) is not None:
            self.body.pooler = None
        self.width: int = self.body.config.hidden_size
        table = self.body.get_input_embeddings().weight
        if config.model_type == "mpnet":
            table = _bert_order(table)
        self.table: Tensor
        self.register_buffer("table", table.detach().clone(), persistent=False)
        self.body.set_input_embeddings(nn.Embedding(1, self.width))
        self.body.get_input_embeddings().weight.requires_grad_(False)

    def embed(self, ids: Tensor) -> Tensor:
        """(batch, seq) ids -> (batch, seq, width) frozen word embeddings."""
        return nn.functional.embedding(ids, self.table)

    def forward(self, embeddings: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, seq, width) and (batch, seq) of 0/1 -> states (batch, seq, width)."""
        states: Tensor = self.body(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
        return states


MPNET_FOR_BERT = {101: 0, 0: 1, 102: 2, 100: 3}
"""<s> stands in for [CLS], <pad> for [PAD], </s> for [SEP], <unk> for [UNK]."""


def _bert_order(table: Tensor) -> Tensor:
    """MPNet's word embeddings in the order of BERT's vocabulary, so that one tokenizer serves both.

    MPNet's vocabulary is BERT's behind four special tokens, and <mask>.
    """
    ordered = table[4:-1].clone()
    ordered[list(MPNET_FOR_BERT)] = table[list(MPNET_FOR_BERT.values())]
    return ordered


class Extractor(nn.Module):
    """Finds contents, cues and sources, and links content -> cue -> source and content -> name."""

    def __init__(self, backbone: str, pretrained: bool = True) -> None:
        super().__init__()
        self.encoder = Encoder(backbone, pretrained)
        width = self.encoder.width
        self.dropout = nn.Dropout(0.1)
        self.tags = nn.Linear(width, N_TAGS)
        self.links = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 6 * LINK_WIDTH))

    def forward(self, embeddings: Tensor, mask: Tensor | None) -> Extraction:
        """embeddings: (batch, seq, width); mask: (batch, seq), 1 = token, 0 = padding."""
        states = self.dropout(self.encoder(embeddings, mask))
        q_cue, k_cue, q_source, k_source, q_name, k_name = self.links(states).split(LINK_WIDTH, dim=-1)
        return Extraction(
            self.tags(states), Links(q_cue, k_cue), Links(q_source, k_source), Links(q_name, k_name), states
        )


class Classification(NamedTuple):
    """Of n statements.  stance: (n, 5); second: (n, 5), index of `other` = no second stance; sentiment: (n, 3);
    target: (n, seq, 2) start and end logits over the statement's own view, position 0 = no target."""

    stance: Tensor
    second: Tensor
    sentiment: Tensor
    target: Tensor


N_PLACE = 3


def _place(seq: int, first: Tensor, end: Tensor) -> Tensor:
    """Where each position stands, seen from a statement: log(1 + tokens before it), log(1 + tokens behind it), within it.

    first, end: (n, 1) -> (n, seq, N_PLACE).  Of a target's mentions one nearby is meant, and absolute positions tell
    badly which those are where a view holds many statements.
    """
    at = torch.arange(seq, device=first.device).unsqueeze(0)
    before, behind = (first - at).clamp(min=0), (at - end + 1).clamp(min=0)
    within = before + behind == 0
    return torch.stack([(1.0 + before).log(), (1.0 + behind).log(), within.float()], dim=-1)


class Heads(nn.Module):
    """What each statement does (stance), toward whom, and how, read off the mean of its own states and that of [CLS]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.pool = nn.Linear(2 * width, width)
        self.labels = nn.Linear(width, 2 * len(STANCE_LABELS) + len(SENTIMENT_LABELS))
        self.target_query = nn.Linear(width, 2 * LINK_WIDTH)
        self.target_key = nn.Linear(width, 2 * LINK_WIDTH)
        self.target_place = nn.Linear(width, 2 * N_PLACE)
        for parameter in self.target_place.parameters():
            nn.init.zeros_(parameter)

    def told(self, states: Tensor, mask: Tensor | None, spans: Tensor) -> Classification:
        """states: (batch, seq, width); mask: (batch, seq); spans: (n, 3) index of the view, first position and end position
        of each statement."""
        view, first, end = spans.unsqueeze(-1).unbind(1)  # (N, 1) each
        flat = states.flatten(0, 1)  # (B * S, W)
        place = (
            torch.arange(flat.shape[0], device=flat.device).unsqueeze(0) - view * states.shape[1]
        )  # (N, B * S)
        inside = ((place >= first) & (place < end)).to(flat.dtype)
        mean = (inside / inside.sum(1, keepdim=True).clamp(min=1)) @ flat  # (N, W)
        # Of three dimensions, so that the export makes a matrix product of it, whose weights it can round.
        both = torch.cat([states[:, 0][spans[:, 0]], mean], dim=-1).unsqueeze(0)
        pooled = torch.tanh(self.pool(both)).squeeze(0)
        n = len(STANCE_LABELS)
        stance, second, sentiment = self.labels(self.dropout(pooled)).split(
            [n, n, len(SENTIMENT_LABELS)], dim=-1
        )
        keys = self.target_key(states)[spans[:, 0]].unflatten(-1, (2, LINK_WIDTH))  # (N, S, 2, L)
        query = self.target_query(pooled).unflatten(-1, (2, LINK_WIDTH)).unsqueeze(1)  # (N, 1, 2, L)
        target = (keys * query).sum(-1) / LINK_WIDTH**0.5  # (N, S, 2)
        target = target + _place(states.shape[1], first, end) @ self.target_place(pooled).unflatten(
            -1, (N_PLACE, 2)
        )
        if mask is not None:
            target = target.masked_fill(mask[spans[:, 0]].unsqueeze(-1) == 0, -1e4)
        return Classification(stance, second, sentiment, target)


class Classifier(Heads):
    """Tells what each statement of a view does.

    One reading of the view answers for all its statements.  A learned vector, added to the embeddings of
    their tokens, highlights them.
    """

    def __init__(self, backbone: str, pretrained: bool = True) -> None:
        encoder = Encoder(backbone, pretrained)
        super().__init__(encoder.width)
        self.encoder = encoder
        self.highlight = nn.Parameter(torch.empty(encoder.width).normal_(std=0.02))

    def forward(
        self, embeddings: Tensor, mask: Tensor | None, marks: Tensor, spans: Tensor
    ) -> Classification:
        """embeddings: (batch, seq, width); mask, marks: (batch, seq), marks = 1 inside any statement; spans: (n, 3), see `told`."""
        marked = marks.unsqueeze(-1).to(embeddings.dtype)  # (B, S, 1)
        states = self.dropout(self.encoder(embeddings + marked * self.highlight, mask))  # (B, S, W)
        return self.told(states, mask, spans)


class OneEncoder(Extractor):
    """An extractor whose states also tell what each statement of its window does: one reading for both."""

    def __init__(self, backbone: str, pretrained: bool = True) -> None:
        super().__init__(backbone, pretrained)
        self.heads = Heads(self.encoder.width)
