"""Training with numbers as the exported graph rounds them, so that the network learns to do with few bits.

The forward and backward pass see rounded weights, and with 8 bits rounded inputs, the optimizer moves the exact ones
(straight-through estimator: Bengio, Léonard and Courville, 2013, "Estimating or Propagating Gradients Through Stochastic Neurons").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from quoth.model.embeddings import quantize_rows, restore_rows
from quoth.model.layout import BLOCK
from quoth.model.network import Classifier

LEVELS = {8: 64, 6: 32}
"""Of a weight at each side of zero; those of 8 bits take 7, see `quoth.training.export.quantize`."""


def to_bits(weight: Tensor, bits: int) -> Tensor:
    """(rows, width) -> the same, with 8 or 6 bits each row, with 4 each BLOCK of a row, rounded to its own levels.

    4 bits: as ONNX Runtime's MatMulNBits with symmetric blocks, the weight furthest from zero is met exactly.
    """
    if bits in LEVELS:
        scale = weight.abs().amax(-1, keepdim=True).clamp(min=1e-12) / LEVELS[bits]
        return torch.round(weight / scale) * scale
    blocks = weight.reshape(len(weight), -1, BLOCK)
    furthest = blocks.gather(-1, blocks.abs().argmax(-1, keepdim=True))
    top = 2 ** (bits - 1)
    scale = torch.where(furthest == 0, 1.0, furthest / -top)
    return (torch.round(blocks / scale).clamp_(-top, top - 1) * scale).flatten(1)


def to_byte(inputs: Tensor) -> Tensor:
    """Any shape -> the same, rounded to 256 levels between the least and the largest, as DynamicQuantizeLinear does."""
    exact = inputs.detach().float()
    low, high = exact.min().clamp(max=0), exact.max().clamp(min=0)
    scale = ((high - low) / 255).clamp(min=1e-12)
    zero = torch.round(-low / scale)
    rounded = ((torch.round(exact / scale) + zero).clamp(0, 255) - zero) * scale
    return inputs + (rounded - exact).to(inputs)


def round_table(network: Classifier, bits: int) -> None:
    """Replace the embedding table, which is not trained, by what an export with `bits` keeps of it."""
    table = network.encoder.table
    network.encoder.table = torch.from_numpy(restore_rows(*quantize_rows(table.cpu().numpy(), bits))).to(
        table
    )


@contextmanager
def rounded(network: nn.Module, bits: int) -> Iterator[None]:
    """Within, linear layers multiply as in an export with `bits`; of 6, with weights rounded alone."""
    linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
    exact = [(m.weight, m.weight.data) for m in linear]
    with ExitStack() as hooks:
        for module in linear:
            if bits == 8:
                hooks.enter_context(module.register_forward_pre_hook(_round_input))
            module.weight.data = to_bits(module.weight.data, bits)
        try:
            yield
        finally:
            for weight, data in exact:
                weight.data = data


def _round_input(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return (to_byte(inputs[0]), *inputs[1:])
