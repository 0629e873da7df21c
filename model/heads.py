"""What a model learned on top of another one: a correction of that one's stance and sentiment."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from quoth.errors import ModelError
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS

Floats = NDArray[np.float32]

_CLASSES = {"stance": len(STANCE_LABELS), "sentiment": len(SENTIMENT_LABELS)}


@dataclass(frozen=True)
class Correction:
    """Of the logits of k classes, linear in the state (n, width) that the start model's heads read.

    weight: (width, k); bias: (k,).
    """

    weight: Floats
    bias: Floats

    def __call__(self, states: Floats) -> Floats:
        """(n, width) -> (n, k), to be added to the logits."""
        added: Floats = states @ self.weight + self.bias
        return added


@dataclass(frozen=True)
class Head:
    """The corrections of one model: the content of head.npz."""

    stance: Correction
    sentiment: Correction

    @classmethod
    def from_file(cls, path: Path) -> Head:
        """Raises ModelError for a file that is no head."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                parts = {
                    name: Correction(stored[f"{name}_weight"], stored[f"{name}_bias"]) for name in _CLASSES
                }
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: not the head of a model: {error}") from error
        width = len(parts["stance"].weight)
        for name, k in _CLASSES.items():
            shapes = parts[name].weight.shape, parts[name].bias.shape
            if shapes != ((width, k), (k,)):
                raise ModelError(f"{path}: {name}: found shapes {shapes}, expected {((width, k), (k,))}")
        return cls(**parts)

    def write(self, file: BinaryIO) -> None:
        """As `from_file` reads it."""
        np.savez(file, **{
            f"{name}_{part}": getattr(getattr(self, name), part).astype(np.float32)
            for name in _CLASSES
            for part in ("weight", "bias")
        })  # fmt: skip

    def corrected(self, logits: dict[str, NDArray[Any]], states: Floats) -> dict[str, NDArray[Any]]:
        """The start model's logits, (n, k) by their names, with those of stance and sentiment corrected."""
        return logits | {name: logits[name] + getattr(self, name)(states) for name in _CLASSES}
