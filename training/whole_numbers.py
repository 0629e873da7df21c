"""A graph that keeps its weights in 4 bits -> the same network as a graph of whole-number products, see `quoth.model.products`.

Each row of a product's inputs, one token's, is rounded by its own range: a few tokens of a text (the separators) have
activations that are dozens of times larger than the others', and one scale for all rounds the others away.  Within a row,
channels that are often large are divided by a constant, and the weights multiplied by it (SmoothQuant: Xiao et al., ICML 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from quoth.model.checkpoint import INT8, Checkpoint
from quoth.model.embeddings import restore_rows
from quoth.model.products import COLUMNS, KEPT, SCALES, SMOOTH, WHOLE
from quoth.model.stances import shown, views
from quoth.training.examples import GoldArticle, placed

Floats = NDArray[np.float32]

MIDDLE = 128
"""Zero, among the 256 levels of an input."""

SMALL = 1024
"""Bytes of a tensor that is kept in the graph itself."""

ALPHA, ALPHA_WIDE = 0.5, 0.25
"""How much of a channel's size goes from the inputs to the weights; behind the GELU, whose channels are rarely large twice, less."""


def write_int8(folder: Path, articles: Iterable[GoldArticle]) -> None:
    """Write int8.onnx beside the classifier.onnx of a folder; articles: to measure the size of channels on."""
    model = onnx.load(folder / "classifier.onnx")
    fuse_attention(model.graph)
    products = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    sizes = channel_sizes(Checkpoint(folder), model, {node.input[0] for node in products}, articles)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    graph = _Whole(_smooth(products, held, sizes))
    for node in model.graph.node:
        graph.add(node)
    for node in products:
        del held[node.input[1]], held[node.input[2]]
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend([*map(_elsewhere, held.values()), *graph.tensors])
    onnx.save(model, folder / INT8)


def fuse_attention(graph: onnx.GraphProto) -> None:
    """Put ONNX Runtime's own attention in place of MPNet's, as torch exports it: softmax(query . key / scale + bias + mask) . value,
    the bias by distance, the same in all layers."""
    made = {output: node for node in graph.node for output in node.output}
    readers = {given: node for node in graph.node for given in node.input}
    heads = next(t.dims[1] for t in graph.initializer if t.name.endswith(".relative_attention_bias.weight"))
    fused: dict[str, list[onnx.NodeProto]] = {}
    gone: set[str] = set()
    for softmax in [node for node in graph.node if node.op_type == "Softmax"]:
        masked = made[softmax.input[0]]
        biased = made[masked.input[0]]
        scaled = made[biased.input[0]]
        scores = made[scaled.input[0]]
        told = readers[softmax.output[0]]
        split = [made[name] for name in (*scores.input, told.input[1])]
        flat = [made[node.input[0]] for node in split]
        joined = readers[told.output[0]]
        result = readers[joined.output[0]]
        if not fused:
            bias = helper.make_node("Add", [biased.input[1], masked.input[1]], ["attention_bias"])
            fused[result.output[0]] = [bias]
        attention = helper.make_node(
            "MultiHeadAttention",
            [*(node.input[0] for node in flat), "", "", "attention_bias"],
            [result.output[0]],
            domain="com.microsoft",
            num_heads=heads,
        )
        fused.setdefault(result.output[0], []).append(attention)
        steps = (softmax, masked, biased, scaled, scores, told, joined, *split, *flat)
        gone.update(node.output[0] for node in steps)
    kept = [node for node in graph.node if node.output[0] not in gone]
    nodes = [new for node in kept for new in fused.get(node.output[0], [node])]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)


def channel_sizes(
    checkpoint: Checkpoint, model: onnx.ModelProto, values: set[str], articles: Iterable[GoldArticle]
) -> dict[str, Floats]:
    """Root mean square of each channel, (width,), of inner values of the classifier's graph, while it reads labelled articles."""
    shown_too = onnx.ModelProto.FromString(model.SerializeToString())
    shown_too.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in values
    )
    session = onnxruntime.InferenceSession(shown_too.SerializeToString(), providers=["CPUExecutionProvider"])
    squares: dict[str, Any] = dict.fromkeys(values, 0.0)
    rows = 0
    for article in articles:
        (tokens,) = checkpoint.pieces([article.text])
        spans = [span for _, span in placed(article, tokens)]
        for view in views(len(tokens), spans, checkpoint.manifest.context, checkpoint.manifest.together):
            feeds = checkpoint.feeds(*shown(checkpoint, tokens, spans, view))
            told = checkpoint.run(session, feeds)
            rows += len(view)
            for name in values:
                channels = told[name].reshape(-1, told[name].shape[-1])
                squares[name] += np.square(channels, dtype=np.float64).sum(axis=0)
    return {name: np.sqrt(square / rows).astype(np.float32) for name, square in squares.items()}


def _smooth(
    products: list[onnx.NodeProto], held: dict[str, onnx.TensorProto], sizes: dict[str, Floats]
) -> dict[str, Floats]:
    """By the name of a product's input: what to divide it by, (width,), of geometric mean 1."""
    readers: dict[str, list[Floats]] = {}
    for node in products:
        rows, scales = (numpy_helper.to_array(held[name]) for name in node.input[1:3])
        weights = restore_rows(rows.reshape(len(rows), -1), scales.reshape(len(rows), -1))
        readers.setdefault(node.input[0], []).append(weights)
    found = {}
    for name, matrices in readers.items():
        weights = np.concatenate(matrices)
        wide = weights.shape[1] > weights.shape[0]
        alpha = ALPHA_WIDE if wide else ALPHA
        channel = np.sqrt(np.square(weights).mean(axis=0))
        smooth = np.maximum(sizes[name], 1e-4) ** alpha / np.maximum(channel, 1e-6) ** (1 - alpha)
        found[name] = (smooth / np.exp(np.log(smooth).mean())).astype(np.float32)
    return found


class _Whole:
    """The nodes and tensors of the new graph."""

    def __init__(self, smooth: dict[str, Floats]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self._smooth = smooth
        self._rounded: dict[str, tuple[str, str]] = {}
        self._constant("last_axis", np.array([-1], np.int64))
        self._constant("step", np.float32(1 / (MIDDLE - 1)))
        self._constant("least", np.float32(1e-9))
        self._constant("middle", np.float32(MIDDLE))
        self._constant("zero", np.uint8(MIDDLE))

    def add(self, node: onnx.NodeProto) -> None:
        """A node of the old graph."""
        if node.op_type != "MatMulNBits":
            self.nodes.append(node)
            return
        inputs, product = node.input[0], node.input[1].removesuffix(KEPT)
        width, out = (next(a.i for a in node.attribute if a.name == name) for name in "KN")
        assert node.input[2] == product + SCALES
        self._constant(product + SMOOTH, self._smooth[inputs])
        self.tensors += [
            _elsewhere(TensorProto(name=product + WHOLE, data_type=TensorProto.INT8, dims=[width, out])),
            _elsewhere(TensorProto(name=product + COLUMNS, data_type=TensorProto.FLOAT, dims=[out])),
        ]
        if inputs not in self._rounded:
            self._rounded[inputs] = self._round(inputs, product + SMOOTH)
        levels, scale = self._rounded[inputs]
        sums = self._node("MatMulInteger", levels, product + WHOLE, "zero")
        # One after the other: ONNX Runtime takes the product of both scales for that of two numbers.
        rows = self._node("Mul", self._node("Cast", sums, to=TensorProto.FLOAT), scale)
        self.nodes.append(helper.make_node("Mul", [rows, product + COLUMNS], [node.output[0]]))

    def _round(self, inputs: str, smooth: str) -> tuple[str, str]:
        """Names of a value's levels, (batch, seq, width), and of their scale in each row, (batch, seq, 1)."""
        even = self._node("Div", inputs, smooth)
        furthest = self._node("ReduceMax", self._node("Abs", even), "last_axis", keepdims=1)
        scale = self._node("Max", self._node("Mul", furthest, "step"), "least")
        levels = self._node("Round", self._node("Div", even, scale))
        return self._node("Cast", self._node("Add", levels, "middle"), to=TensorProto.UINT8), scale

    def _node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"whole_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _constant(self, name: str, value: Any) -> None:
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))


def _elsewhere(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The tensor without its numbers, unless they are few."""
    if tensor.raw_data and len(tensor.raw_data) <= SMALL:
        return tensor
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    place = tensor.external_data.add()
    place.key, place.value = "location", "classifier.onnx"
    return tensor
