from __future__ import annotations

import numpy as np
import pytest

from quoth.model.embeddings import quantize_rows, restore_rows
from quoth.model.layout import BLOCK


@pytest.mark.parametrize(("bits", "levels"), [(8, 127), (4, 8)])
def test_rows_lose_at_most_half_a_level(bits: int, levels: int) -> None:
    table = np.random.default_rng(0).normal(size=(50, 3 * BLOCK)).astype(np.float32)
    table[7] = 0
    rows, scales = quantize_rows(table, bits)
    back = restore_rows(rows, scales)
    assert back.shape == table.shape
    peaks = np.abs(table).reshape(50, 3, BLOCK).max(axis=-1) if bits == 4 else np.abs(table).max(axis=1)
    # Four bits have one level less on the side that the peak is not on.
    allowed = peaks / levels * (1 if bits == 4 else 0.5) + 1e-6
    wide = np.repeat(allowed.reshape(50, -1), table.shape[1] // allowed.reshape(50, -1).shape[1], axis=1)
    assert (np.abs(back - table) <= wide).all()
    assert np.median(np.abs(back - table) / wide) < 0.5


def test_four_bits_take_half_a_byte() -> None:
    rows, scales = quantize_rows(np.ones((2, 2 * BLOCK), np.float32), 4)
    assert rows.nbytes == 2 * BLOCK
    assert scales.shape == (2, 2)


def test_rows_are_restored_by_the_batch() -> None:
    table = np.random.default_rng(1).normal(size=(9, BLOCK)).astype(np.float32)
    for bits in (4, 8):
        rows, scales = quantize_rows(table, bits)
        ids = np.array([[3, 1], [8, 8]])
        assert (restore_rows(rows[ids], scales[ids]) == restore_rows(rows, scales)[ids]).all()
