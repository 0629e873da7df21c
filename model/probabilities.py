"""Logits -> probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(scores: NDArray[Any]) -> NDArray[np.float32]:
    """Along the last axis."""
    exp = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = exp / exp.sum(axis=-1, keepdims=True)
    return result
