"""What a model learned on top of another one: a correction of that one's stance and sentiment, or labels of its own."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from quoth.errors import ModelError
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS

Floats = NDArray[np.float32]

CORRECTED = {"stance": len(STANCE_LABELS), "sentiment": len(SENTIMENT_LABELS)}
"""What the start model tells and a head may correct, and how many classes there are of it."""

LABEL = "label"
"""What a head tells of a label set, see `quoth.label_sets`."""


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
    """The content of head.npz: corrections by the name of what they correct."""

    parts: Mapping[str, Correction]

    @classmethod
    def from_file(cls, path: Path, classes: Mapping[str, int] = CORRECTED) -> Head:
        """classes: how many there are of each part.  Raises ModelError for a file that is no head of these."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                parts = {
                    name: Correction(stored[f"{name}_weight"], stored[f"{name}_bias"]) for name in classes
                }
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: not the head of a model: {error}") from error
        width = len(next(iter(parts.values())).weight)
        for name, k in classes.items():
            shapes = parts[name].weight.shape, parts[name].bias.shape
            if shapes != ((width, k), (k,)):
                raise ModelError(f"{path}: {name}: found shapes {shapes}, expected {((width, k), (k,))}")
        return cls(parts)

    def write(self, file: BinaryIO) -> None:
        """As `from_file` reads it."""
        np.savez(file, **{
            f"{name}_{array}": getattr(part, array).astype(np.float32)
            for name, part in self.parts.items()
            for array in ("weight", "bias")
        })  # fmt: skip

    def corrected(self, logits: dict[str, NDArray[Any]], states: Floats) -> dict[str, NDArray[Any]]:
        """The start model's logits, (n, k) by their names, corrected; what it does not tell starts from nought."""
        return logits | {name: logits.get(name, 0.0) + part(states) for name, part in self.parts.items()}
