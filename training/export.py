"""Torch networks -> ONNX graphs with int8 weights -> the model folder that quoth ships."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from quoth.model.network import Classifier, Extractor


class _Flat(nn.Module):
    """A network with its result as a plain tuple, as a graph returns it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        told = self.network(*inputs)
        return tuple(x for part in told for x in (part if isinstance(part, tuple) else (part,)))


EXTRACTOR_OUTPUTS = ["tags", "cue_query", "cue_key", "source_query", "source_key", "name_query", "name_key"]
CLASSIFIER_OUTPUTS = ["stance", "second", "sentiment", "target"]


def export(network: Extractor | Classifier, path: Path) -> None:
    """Write a float32 graph, weights inside, with free batch and sequence lengths."""
    network.eval()
    width = network.encoder.width
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 6:] = 0
    inputs: dict[str, torch.Tensor] = {"embeddings": torch.randn(2, 9, width), "mask": mask}
    if isinstance(network, Classifier):
        marks = torch.zeros(2, 9, dtype=torch.long)
        marks[:, 2:4] = 1
        inputs["marks"] = marks
    batch, seq = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("seq", min=2, max=512)
    torch.onnx.export(
        _Flat(network),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=EXTRACTOR_OUTPUTS if isinstance(network, Extractor) else CLASSIFIER_OUTPUTS,
        dynamic_shapes=(tuple({0: batch, 1: seq} for _ in inputs),),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
