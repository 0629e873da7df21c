"""Torch networks -> ONNX graphs with few bits a weight -> the model folder that quoth ships."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from tokenizers import Tokenizer
from torch import nn
from transformers import AttentionInterface

from quoth.model.checkpoint import STATES, Manifest, write_manifest
from quoth.model.embeddings import quantize_rows
from quoth.model.layout import BLOCK
from quoth.model.network import Classifier, Extractor, Heads, OneEncoder
from quoth.training.rounding import rounded

EXTRACTOR_OUTPUTS = ["tags", "cue_query", "cue_key", "source_query", "source_key", "name_query", "name_key"]
CLASSIFIER_OUTPUTS = ["stance", "second", "sentiment", "target"]


def write_model(
    folder: Path,
    extractor: Extractor | None,
    classifier: Classifier,
    tokenizer: Path,
    manifest: Manifest,
    bits: int = 8,
) -> None:
    """Write a model folder that `Checkpoint` opens; see `quoth.model.checkpoint.FILES`.

    extractor: None where the manifest names another folder's.  bits: of a weight of the classifier and of the embeddings,
    4 or 8.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, network, size in (("extractor", extractor, 8), ("classifier", classifier, bits)):
            if network is not None:
                plain = Path(scratch) / f"{name}.onnx"
                export(network, plain)
                if name == "extractor":
                    # The classifier is trained with its inputs rounded by window.
                    onnx.save(first_token_apart(onnx.load(plain)), plain)
                quantize(plain, folder / plain.name, size)
    table = classifier.encoder.table.cpu().numpy().astype(np.float32)
    rows, scales = quantize_rows(table, bits)
    # Not compressed: the wheel is, and reading takes a tenth of the time.
    np.savez(folder / "embeddings.npz", rows=rows, scales=scales)
    if extractor is not None:
        write_tokenizer(tokenizer, folder / "tokenizer.json")
    write_manifest(folder, manifest)


def write_one_encoder(folder: Path, network: OneEncoder, manifest: Manifest) -> None:
    """Write the folder of a model of one encoder, which has another one's words.  Its weights have 6 bits, kept in 8 that a wheel
    packs."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, rounded(network, 6):
        for name, part in (("extractor", network), ("classifier", network.heads)):
            plain = Path(scratch) / f"{name}.onnx"
            export(part, plain)
            if part is network:
                onnx.save(first_token_apart(onnx.load(plain)), plain)
            quantize(plain, folder / plain.name)
            onnx.save(in_half(onnx.load(folder / plain.name)), folder / plain.name)
    write_manifest(folder, manifest)


def write_tokenizer(source: Path, target: Path) -> None:
    pieces = Tokenizer.from_file(str(source))
    pieces.no_truncation()
    pieces.no_padding()
    pieces.save(str(target), pretty=False)


def _fused(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: None, **_: Any
) -> tuple[torch.Tensor, None]:
    """ONNX Runtime's own attention: query, key, value (batch, heads, seq, width) -> (batch, seq, heads, width)."""
    batch, heads, seq, width = query.shape
    flat = [x.transpose(1, 2).reshape(batch, seq, heads * width) for x in (query, key, value)]
    told = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        flat,
        {"num_heads": heads},
        dtype=query.dtype,
        shape=flat[0].shape,
        version=1,
    )
    return told.reshape(batch, seq, heads, width), None


AttentionInterface.register("fused", _fused)


class _Flat(nn.Module):
    """A network as a graph: texts of one length, so without a mask, and the first `n` tensors of its result as a plain tuple."""

    def __init__(self, network: Extractor | Heads, n: int) -> None:
        super().__init__()
        self.network = network
        self.n = n

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        network = self.network
        if isinstance(network, Extractor | Classifier):
            told = network(inputs[0], None, *inputs[1:])
        else:
            told = network.told(inputs[0], None, inputs[1])
        return tuple(x for part in told for x in (part if isinstance(part, tuple) else (part,)))[: self.n]


def export(network: Extractor | Heads, path: Path) -> None:
    """Write a float32 graph, weights inside, with free batch and sequence lengths."""
    network = network.cpu().eval()
    outputs = EXTRACTOR_OUTPUTS if isinstance(network, Extractor) else CLASSIFIER_OUTPUTS
    if isinstance(network, OneEncoder):
        outputs = [*outputs, STATES]
    if isinstance(network, Extractor | Classifier):
        config = network.encoder.body.config
        if config.model_type != "mpnet":
            config._attn_implementation = "fused"
        inputs = {"embeddings": torch.randn(2, 9, network.encoder.width)}
    else:
        inputs = {STATES: torch.randn(2, 9, network.target_key.in_features)}
    if isinstance(network, Classifier):
        marks = torch.zeros(2, 9, dtype=torch.long)
        marks[:, 2:4] = 1
        inputs["marks"] = marks
    batch, seq = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("seq", min=2, max=512)
    shapes: list[dict[int, Any]] = [{0: batch, 1: seq} for _ in inputs]
    if isinstance(network, Heads):
        inputs["spans"] = torch.tensor([[0, 2, 4], [1, 2, 4], [1, 3, 5]])
        shapes.append({0: torch.export.Dim("statements", min=1, max=65536)})
    torch.onnx.export(
        _Flat(network, len(outputs)).eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_shapes=(tuple(shapes),),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    onnx.save(without_origin(onnx.load(path)), path)


def without_origin(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without the lines of code, and the paths of this machine, that each node came from."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def first_token_apart(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network, each product of a window's tokens made of two: [CLS], and all others.

    [CLS] has activations three times as large as the others' largest; rounded with them, by one range, it rounds them away.
    """
    graph = model.graph
    ends = {"row_0": 0, "row_1": 1, "row_last": np.iinfo(np.int64).max, "rows": 1}
    graph.initializer.extend(onnx.numpy_helper.from_array(np.array([n]), name) for name, n in ends.items())
    weights = {tensor.name for tensor in graph.initializer}
    products = {n.output[0]: n for n in graph.node if n.op_type == "MatMul" and n.input[1] in weights}
    nodes: list[onnx.NodeProto] = []
    cut: set[str] = set()
    for node in graph.node:
        product = next((products[given] for given in node.input if given in products), None)
        if product is None:
            nodes += [] if node.output[0] in products else [node]
            continue
        tokens, weight = product.input
        (bias,) = (given for given in node.input if given in weights)
        for part, first, end in (("first", "row_0", "row_1"), ("others", "row_1", "row_last")):
            rows, result = f"{tokens}_{part}", f"{product.output[0]}_{part}"
            if rows not in cut:
                nodes.append(onnx.helper.make_node("Slice", [tokens, first, end, "rows"], [rows]))
                cut.add(rows)
            nodes.append(onnx.helper.make_node("MatMul", [rows, weight], [result]))
            nodes.append(onnx.helper.make_node("Add", [result, bias], [f"{result}_biased"]))
        parts = [f"{product.output[0]}_{part}_biased" for part in ("first", "others")]
        nodes.append(onnx.helper.make_node("Concat", parts, [node.output[0]], axis=1))
    del graph.node[:]
    graph.node.extend(nodes)
    return model


LARGE = 100_000
"""Numbers of a tensor that is worth keeping in half precision: the places' embeddings."""


def in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network, its large float32 tensors kept in half precision; ONNX Runtime widens them as it opens the graph."""
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) > LARGE:
            name = tensor.name
            half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
            widened = onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)
            graph.node.insert(0, widened)
    return model


def quantize(source: Path, target: Path, bits: int = 8) -> None:
    """float32 weights of matrix products -> 8 bits, one scale a column, or 4 bits, one scale for BLOCK of them.

    8 bits: what the weights are multiplied with is rounded to 8 bits as well, by the range it has in that run; a run reads
    one window, so a text's answer does not depend on its neighbours.  Weights take 7 bits of the 8, or sums would
    overflow on processors without VNNI.
    """
    if bits == 8:
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            extra_options={"MatMulConstBOnly": True},
        )
        return
    config = DefaultWeightOnlyQuantConfig(block_size=BLOCK, is_symmetric=True, accuracy_level=4, bits=bits)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), algo_config=config)
    quantizer.process()
    onnx.save(quantizer.model.model, target)
