"""Write a trained reader as a model folder: graphs for ONNX Runtime, word embeddings, tokenizer, model.json."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from quoth.model.checkpoint import FORMAT, SPEAKER, STATES, Calibration, Manifest, write_manifest
from quoth.model.embeddings import quantize_rows
from quoth.model.encoder import Layer
from quoth.model.reader import Reader
from quoth.training.export import (
    first_token_apart,
    in_half,
    quantize,
    without_origin,
    write_tokenizer,
)

SPAN_OUTPUTS = ["tags", "cue_query", "cue_key", "source_query", "source_key", STATES]
STATEMENT_OUTPUTS = ["stance", "second", "sentiment", SPEAKER, "target"]
WINDOW, WINDOW_LEFT, WINDOW_RIGHT = 510, 64, 32


def write_reader(folder: Path, reader: Reader, name: str, version: str, tokenizer: Path) -> Manifest:
    """Write the model folder of a trained reader, not yet calibrated.

    Args:
        folder: Made if missing.
        reader: Moved to the CPU and set to evaluation mode.
        name, version: Of the model.
        tokenizer: `tokenizer.json` of the word pieces.

    Returns:
        What `model.json` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reader = reader.cpu().eval()
    with tempfile.TemporaryDirectory() as scratch:
        for graph, write in (("extractor.onnx", export_spans), ("classifier.onnx", export_statements)):
            plain = Path(scratch) / graph
            write(reader, plain)
            quantize(plain, folder / graph)
            onnx.save(in_half(onnx.load(folder / graph)), folder / graph)
    rows, scales = quantize_rows(reader.encoder.table.numpy().astype(np.float32), 8)
    np.savez(folder / "embeddings.npz", rows=rows, scales=scales)
    write_tokenizer(tokenizer, folder / "tokenizer.json")
    manifest = Manifest(
        FORMAT,
        name,
        version,
        WINDOW,
        WINDOW_LEFT,
        WINDOW_RIGHT,
        WINDOW,
        True,
        Calibration(),
        one_encoder=True,
    )
    write_manifest(folder, manifest)
    return manifest


def export_spans(reader: Reader, path: Path) -> None:
    """Write the float32 graph: embeddings `(1, seq, width)` -> SPAN_OUTPUTS."""
    layers = [layer for layer in reader.encoder.layers if isinstance(layer, Layer)]
    for layer in layers:
        layer.attend = _Fused(layer.n_heads)  # type: ignore[method-assign]
    try:
        seq = torch.export.Dim("seq", min=2, max=512)
        inputs = {"embeddings": torch.randn(1, 9, reader.encoder.shape.width)}
        _export(_Spans(reader), inputs, SPAN_OUTPUTS, ({1: seq},), path)
    finally:
        for layer in layers:
            del layer.attend
    onnx.save(first_token_apart(onnx.load(path)), path)


def export_statements(reader: Reader, path: Path) -> None:
    """Write the float32 graph: states `(1, seq, width)` and spans `(n, 3)` -> STATEMENT_OUTPUTS."""
    inputs = {
        STATES: torch.randn(1, 9, reader.encoder.shape.width),
        "spans": torch.tensor([[0, 2, 4], [0, 3, 5], [0, 1, 8]]),
    }
    seq, n = torch.export.Dim("seq", min=2, max=512), torch.export.Dim("statements", min=1, max=65536)
    _export(_Statements(reader), inputs, STATEMENT_OUTPUTS, ({1: seq}, {0: n}), path)


class _Spans(nn.Module):
    """The encoder and the heads of spans and links."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, embeddings: Tensor) -> tuple[Tensor, ...]:
        states = self.reader.encoder(embeddings, None)
        return (*self.reader.spans(states), states)


class _Statements(nn.Module):
    """The head of statements."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.head = reader.statements

    def forward(self, states: Tensor, spans: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.head(states[0], spans[:, 1:]))


class _Fused(nn.Module):
    """ONNX Runtime's own attention."""

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads

    def forward(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        flat = [x.transpose(1, 2).flatten(2) for x in (query, key, value)]
        found: Tensor = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            [*flat, *([] if bias is None else [None, None, bias])],
            {"num_heads": self.n_heads},
            dtype=query.dtype,
            shape=flat[0].shape,
            version=1,
        )
        return found


def _export(
    network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], shapes: tuple[Any, ...], path: Path
) -> None:
    torch.onnx.export(
        network.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_shapes=shapes,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    onnx.save(without_origin(onnx.load(path)), path)
