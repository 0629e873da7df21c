"""The encoder of a reader in torch: word embeddings -> states.  Training and export use it; labelling does not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, gelu, scaled_dot_product_attention

N_POSITIONS = 512
"""Most tokens of a window, [CLS] and [SEP] included."""

FARTHEST = 128
"""Distances beyond this many tokens share the last bucket."""


@dataclass(frozen=True)
class EncoderShape:
    """Sizes of an encoder.

    Attributes:
        n_layers: Number of layers.
        n_heads: Number of attention heads in each layer.
        width: Size of a state.
        hidden: Size of the feed-forward layer.
        n_buckets: Number of relative distances that have their own attention bias. 0 disables the bias.
        epsilon: Constant that the layer normalization adds to the variance.
    """

    n_layers: int
    n_heads: int
    width: int
    hidden: int
    n_buckets: int = 0
    epsilon: float = 1e-12


class Layer(nn.Module):
    """Self-attention and a feed-forward network, each followed by normalization (post-norm)."""

    def __init__(self, shape: EncoderShape, dropout: float) -> None:
        super().__init__()
        self.n_heads = shape.n_heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(shape.width, shape.width) for _ in range(4)
        )
        self.attention_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.widen = nn.Linear(shape.width, shape.hidden)
        self.narrow = nn.Linear(shape.hidden, shape.width)
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, bias: Tensor | None) -> Tensor:
        """Update the states of a batch.

        Args:
            states: `(batch, seq, width)`.
            bias: Added to the attention logits: `(batch or 1, heads or 1, seq or 1, seq)`.

        Returns:
            States `(batch, seq, width)`.
        """
        query, key, value = (
            project(states).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        seen = self.attend(query, key, value, bias)
        states = self.attention_norm(states + self.dropout(self.output(seen)))
        return self.norm(states + self.dropout(self.narrow(gelu(self.widen(states)))))  # type: ignore[no-any-return]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """Mix values by attention; an export puts the runtime's own operator here.

        Args:
            query, key, value: `(batch, heads, seq, width of a head)`.
            bias: See `forward`.

        Returns:
            `(batch, seq, width)`.
        """
        return scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2)


class Encoder(nn.Module):
    """A BERT-like encoder, with a bias for each distance where its weights come from MPNet.

    The table of word embeddings is frozen. It stays outside the exported graph, so models can share it.
    """

    def __init__(self, shape: EncoderShape, vocabulary: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.table: Tensor
        self.register_buffer("table", torch.zeros(vocabulary, shape.width), persistent=False)
        self.positions = nn.Parameter(torch.zeros(N_POSITIONS, shape.width))
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.n_layers))
        self.distances = nn.Parameter(torch.zeros(shape.n_buckets, shape.n_heads), requires_grad=False)

    def embed(self, ids: Tensor) -> Tensor:
        """Look up word embeddings: `(batch, seq)` -> `(batch, seq, width)`."""
        return embedding(ids, self.table)

    def forward(self, embeddings: Tensor, mask: Tensor | None, frozen: int = 0) -> Tensor:
        """Encode a batch of windows.

        Args:
            embeddings: Word embeddings, `(batch, seq, width)`.
            mask: `(batch, seq)`, 1 for tokens and 0 for padding. `None`: there is no padding.
            frozen: Number of lower layers that get no gradient.

        Returns:
            States `(batch, seq, width)`.
        """
        seq, learning = embeddings.shape[1], torch.is_grad_enabled()
        bias = self._distance_bias(seq)
        if mask is not None:
            padding = (mask[:, None, None, :] == 0).to(embeddings.dtype) * -1e4
            bias = padding if bias is None else bias + padding
        with torch.set_grad_enabled(learning and frozen == 0):
            states: Tensor = self.dropout(self.norm(embeddings + self.positions[:seq]))
        for k, layer in enumerate(self.layers):
            with torch.set_grad_enabled(learning and k >= frozen):
                states = layer(states, bias)
        return states

    def _distance_bias(self, seq: int) -> Tensor | None:
        """Return the attention bias of each pair of positions, `(1, heads, seq, seq)`."""
        if not self.shape.n_buckets:
            return None
        at = torch.arange(seq, device=self.distances.device)
        buckets = distance_buckets(at[None] - at[:, None], self.shape.n_buckets)
        return embedding(buckets, self.distances).permute(2, 0, 1)[None].contiguous()


def distance_buckets(distance: Tensor, n_buckets: int) -> Tensor:
    """Sort distances (key position minus query position) into buckets.

    Half of the buckets are for keys before the query. In each half, small distances have a bucket each and
    larger ones share buckets on a logarithmic scale (Raffel et al., 2020: T5).
    """
    half, near = n_buckets // 2, n_buckets // 4
    size = distance.abs()
    far = near + (size.clamp(min=1).float() / near).log() / math.log(FARTHEST / near) * (half - near)
    return (distance > 0).long() * half + torch.where(size < near, size, far.long().clamp(max=half - 1))


_BERT_TO_MPNET = {101: 0, 0: 1, 102: 2, 100: 3}
"""MPNet's `<s>`, `<pad>`, `</s>` and `<unk>` stand in for BERT's [CLS], [PAD], [SEP] and [UNK]."""

_BERT_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "norm": "output.LayerNorm",
}
_MPNET_NAMES = _BERT_NAMES | {
    "query": "attention.attn.q",
    "key": "attention.attn.k",
    "value": "attention.attn.v",
    "output": "attention.attn.o",
    "attention_norm": "attention.LayerNorm",
}


def load_pretrained(folder: Path, n_layers: int | None = None, dropout: float = 0.1) -> Encoder:
    """Read an encoder of BERT's or MPNet's kind from a folder in the layout of transformers.

    Args:
        folder: Holds `config.json` and `model.safetensors`.
        n_layers: Keep only this many layers, from below. `None` keeps all.
        dropout: Probability of dropout after the embeddings and inside the layers.

    Returns:
        The encoder. Its vocabulary is in BERT's order, so that one tokenizer serves all models.
    """
    from safetensors.torch import load_file

    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    is_mpnet = config["model_type"] == "mpnet"
    weights = load_file(folder / "model.safetensors")
    table = weights["embeddings.word_embeddings.weight"]
    positions = weights["embeddings.position_embeddings.weight"]
    if is_mpnet:
        # MPNet's vocabulary is BERT's, shifted by four special tokens, with <mask> at the end.
        ordered = table[len(_BERT_TO_MPNET) : -1].clone()
        ordered[list(_BERT_TO_MPNET)] = table[list(_BERT_TO_MPNET.values())]
        table, positions = ordered, positions[2 : N_POSITIONS + 2]
    else:
        positions = positions[:N_POSITIONS] + weights["embeddings.token_type_embeddings.weight"][0]
    shape = EncoderShape(
        n_layers or config["num_hidden_layers"],
        config["num_attention_heads"],
        config["hidden_size"],
        config["intermediate_size"],
        config.get("relative_attention_num_buckets", 32) if is_mpnet else 0,
        config["layer_norm_eps"],
    )
    encoder = Encoder(shape, len(table), dropout)
    encoder.table.copy_(table)
    state = {"positions": positions, "distances": encoder.distances.data}
    if is_mpnet:
        state["distances"] = weights["encoder.relative_attention_bias.weight"]
    names = {"norm": "embeddings.LayerNorm"}
    for k in range(shape.n_layers):
        for ours, theirs in (_MPNET_NAMES if is_mpnet else _BERT_NAMES).items():
            names[f"layers.{k}.{ours}"] = f"encoder.layer.{k}.{theirs}"
    for ours, theirs in names.items():
        state |= {f"{ours}.{part}": weights[f"{theirs}.{part}"] for part in ("weight", "bias")}
    encoder.load_state_dict(state)
    return encoder
