"""Training with weights as the export rounds them, so that the network learns to do with few bits.

The forward and backward pass see rounded weights, the optimizer moves the exact ones (straight-through
estimator: Bengio, Léonard and Courville, 2013, "Estimating or Propagating Gradients Through Stochastic Neurons").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from quoth.model.embeddings import quantize_rows, restore_rows
from quoth.model.layout import BLOCK
from quoth.model.network import Classifier


def to_bits(weight: Tensor, bits: int) -> Tensor:
    """(rows, width), width a multiple of BLOCK, -> the same, each block rounded to 2**bits levels.

    As ONNX Runtime's MatMulNBits with symmetric blocks: the weight furthest from zero is met exactly.
    """
    blocks = weight.reshape(len(weight), -1, BLOCK)
    furthest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    top = 2 ** (bits - 1)
    scale = torch.where(furthest == 0, 1.0, furthest / -top)
    return (torch.round(blocks / scale).clamp_(-top, top - 1) * scale).flatten(1)


def round_table(network: Classifier, bits: int) -> None:
    """Replace the embedding table, which is not trained, by what an export with `bits` keeps of it."""
    table = network.encoder.table
    network.encoder.table = torch.from_numpy(restore_rows(*quantize_rows(table.cpu().numpy(), bits))).to(
        table
    )


@contextmanager
def rounded(network: Classifier, bits: int) -> Iterator[None]:
    """Within, the weights of linear layers are as an export with `bits` stores them."""
    exact = [(m.weight, m.weight.data) for m in network.modules() if isinstance(m, nn.Linear)]
    for weight, data in exact:
        weight.data = to_bits(data, bits)
    try:
        yield
    finally:
        for weight, data in exact:
            weight.data = data
