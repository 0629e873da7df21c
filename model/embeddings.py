"""Word embeddings as a model folder keeps them: few bits a number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quoth.model.layout import BLOCK

Floats = NDArray[np.float32]


def quantize_rows(table: Floats, bits: int = 8) -> tuple[NDArray[np.uint8] | NDArray[np.int8], Floats]:
    """(n, width) -> rows and their scales, (n, blocks), see `restore_rows`.

    8 bits: one scale a row; the error is at most half a 127th of the row's peak.  4 bits: one scale for BLOCK numbers,
    of which the furthest from zero is met exactly; two numbers a byte.
    """
    if bits == 8:
        scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 127
        return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)
    blocks = table.reshape(len(table), -1, BLOCK)
    furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1, keepdims=True), -1)
    scales = np.where(furthest == 0, 1, furthest / -8).astype(np.float32)
    levels = np.clip(np.rint(blocks / scales), -8, 7).astype(np.int8).reshape(table.shape)
    nibbles = (levels + 8).astype(np.uint8)
    return nibbles[:, 0::2] | nibbles[:, 1::2] << 4, scales[..., 0]


def restore_rows(rows: NDArray[np.uint8] | NDArray[np.int8], scales: Floats) -> Floats:
    """rows: (..., width) int8, or (..., width / 2) uint8, two numbers a byte, the first one low.  scales: (..., blocks).
    Returns (..., width)."""
    if rows.dtype == np.uint8:
        nibbles = np.stack([rows & 15, rows >> 4], axis=-1)
        rows = nibbles.reshape(*rows.shape[:-1], -1).astype(np.int8) - np.int8(8)
    restored = rows.astype(np.float32).reshape(*scales.shape, -1)
    restored *= scales[..., None]
    return restored.reshape(rows.shape)
