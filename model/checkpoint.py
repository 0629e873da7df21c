"""A model folder: two graphs, one embedding table, a tokenizer, and model.json that describes them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from quoth.errors import ModelError
from quoth.model.windows import Pieces

FILES = ("classifier.onnx", "embeddings.npz", "extractor.onnx", "tokenizer.json")

FORMAT = 1

Array = NDArray[Any]


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures that divide the logits (Guo et al. 2017), and logistic maps score -> probability.

    statement, speaker: (slope, offset) of sigmoid(slope * logit(score) + offset).
    """

    stance: float = 1.0
    sentiment: float = 1.0
    statement: tuple[float, float] = (1.0, 0.0)
    speaker: tuple[float, float] = (1.0, 0.0)


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """model.json: what the graphs were trained to read, and how to read their answers."""

    format: int
    name: str
    version: str
    window: int
    window_left: int
    window_right: int
    context: int
    calibration: Calibration
    files: dict[str, str] = {}
    """sha256 of each of FILES."""


class Checkpoint:
    """A model folder, opened for labelling.  Raises ModelError where a file is missing or altered."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        """threads: of each graph; None lets ONNX Runtime take every core."""
        self.manifest = read_manifest(folder)
        for name in FILES:
            if not (folder / name).is_file():
                raise ModelError(
                    f"{folder}: {name} is missing; a model folder holds {', '.join(FILES)}, model.json"
                )
            if _sha256(folder / name) != self.manifest.files.get(name):
                raise ModelError(
                    f"{folder}: {name} is not the file that model.json describes; it was altered"
                )
        self.hash = folder_hash(folder)
        self.pieces = Pieces.from_file(folder / "tokenizer.json")
        with np.load(folder / "embeddings.npz") as stored:
            self._rows: NDArray[np.int8] = stored["rows"]
            self._scales: NDArray[np.float32] = stored["scales"]
        self._folder = folder
        self._threads = threads

    def extract(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> dict[str, Array]:
        """ids, mask: (batch, seq) -> tags (batch, seq, 9) and six link matrices (batch, seq, LINK_WIDTH)."""
        return self._run(self._extractor, {"embeddings": self._embed(ids), "mask": mask})

    def classify(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], marks: NDArray[np.int64]
    ) -> dict[str, Array]:
        """ids, mask, marks: (batch, seq) -> logits stance (batch, 5), second (batch, 5), sentiment (batch, 3)
        and target (batch, seq, 2)."""
        return self._run(self._classifier, {"embeddings": self._embed(ids), "mask": mask, "marks": marks})

    @functools.cached_property
    def _extractor(self) -> Any:
        return self._session("extractor.onnx")

    @functools.cached_property
    def _classifier(self) -> Any:
        # An article without a statement never asks for it.
        return self._session("classifier.onnx")

    def _session(self, name: str) -> Any:
        options = onnxruntime.SessionOptions()
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        options.log_severity_level = 3
        path = str(self._folder / name)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def _embed(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = self._rows[ids].astype(np.float32)
        rows *= self._scales[ids][..., None]
        return rows

    @staticmethod
    def _run(session: Any, feeds: dict[str, Array]) -> dict[str, Array]:
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds), strict=True))


def read_manifest(folder: Path) -> Manifest:
    """Raises ModelError where the folder has no model.json, or one that does not fit."""
    path = folder / "model.json"
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; expected the folder of a quoth model") from error
    except msgspec.DecodeError as error:
        raise ModelError(f"{path}: {error}") from error
    if manifest.format != FORMAT:
        raise ModelError(f"{path}: format {manifest.format}, this version of quoth reads format {FORMAT}")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write model.json with the hashes of the files that lie in the folder."""
    files = {name: _sha256(folder / name) for name in FILES}
    manifest = msgspec.structs.replace(manifest, files=files)
    (folder / "model.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def folder_hash(folder: Path) -> str:
    """12 hexadecimal digits over model.json, which holds the hash of every other file."""
    return _sha256(folder / "model.json")[:12]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def quantize_rows(table: NDArray[np.float32]) -> dict[str, Array]:
    """(vocabulary, width) -> int8 rows with one scale each; the error is at most half a 127th of a row's peak."""
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12) / 127
    return {"rows": np.rint(table / scales[:, None]).astype(np.int8), "scales": scales.astype(np.float32)}
