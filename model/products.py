"""Matrix products in whole numbers, of weights that are kept in 4 bits.

A folder's classifier.onnx multiplies with its 4 bits as they are.  Its int8.onnx, made by `quoth.training.whole_numbers`, is the same
network and holds hardly a weight: those of products are widened to 8 bits when it is opened, the others are taken from
classifier.onnx by their names.  It is twice as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quoth.model.embeddings import restore_rows

Array = NDArray[Any]
Floats = NDArray[np.float32]

LEVELS = 63
"""Of a weight at each side of zero: with more, sums overflow on processors without VNNI."""

KEPT, SCALES = "_Q4", "_scales"
"""Behind the name of a product's weights, in classifier.onnx: its 4 bits, (out, blocks, bytes), and their scales, (out, blocks)."""

WHOLE, COLUMNS, SMOOTH = "_int8", "_columns", "_smooth"
"""Behind it in int8.onnx: what `widen` returns, which is left out, and `smooth`."""


def widen(rows: NDArray[np.uint8], scales: Floats, smooth: Floats) -> tuple[NDArray[np.int8], Floats]:
    """rows, scales: (out, in) weights, see `restore_rows`; smooth: (in,), what the product's inputs are divided by ->
    (in, out) whole numbers, and (out,) what their sums are multiplied by (SmoothQuant: Xiao et al., ICML 2023)."""
    weights = restore_rows(rows, scales)
    weights *= smooth
    columns = np.maximum(np.abs(weights).max(axis=1), 1e-12) / np.float32(LEVELS)
    weights /= columns[:, None]
    return np.ascontiguousarray(np.rint(weights, out=weights).astype(np.int8).T), columns


def left_out(graph: bytes, kept: bytes) -> dict[str, Array]:
    """The tensors that an int8.onnx leaves out, by name, from the graph that keeps them.

    Raises KeyError where that one has no such tensor.
    """
    held = {name: value for name, value in initializers(kept) if value is not None}
    found: dict[str, Array] = {}
    for name, value in initializers(graph):
        if name.endswith(SMOOTH) and value is not None:
            product = name.removesuffix(SMOOTH)
            rows, scales = held[product + KEPT], held[product + SCALES]
            widened = widen(rows.reshape(len(rows), -1), scales.reshape(len(rows), -1), value)
            found[product + WHOLE], found[product + COLUMNS] = widened
        elif value is None and not name.endswith((WHOLE, COLUMNS)):
            found[name] = held[name]
    return found


_TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    7: np.dtype("<i8"),
    9: np.dtype("?"),
}
"""By TensorProto.DataType."""
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
"""Numbers of the fields of ModelProto, GraphProto and TensorProto (onnx.proto) that are read here."""


def initializers(graph: bytes) -> Iterator[tuple[str, Array | None]]:
    """The tensors of an ONNX graph by name; None for one whose numbers are not in it as raw bytes.

    By hand, since labelling does without onnx.  Raises KeyError for a type of numbers that quoth's graphs do not have.
    """
    for model_field, part in _fields(memoryview(graph)):
        if model_field != _GRAPH:
            continue
        for graph_field, tensor in _fields(part):
            if graph_field == _INITIALIZER:
                yield _tensor(tensor)


def _tensor(message: memoryview) -> tuple[str, Array | None]:
    name, kind, shape, raw = "", 0, [], None
    for field, value in _fields(message):
        if field == _NAME:
            name = bytes(value).decode()
        elif field == _TYPE:
            kind = value
        elif field == _RAW:
            raw = value
        elif field == _DIMS:
            shape += [value] if isinstance(value, int) else list(_varints(value))
    return name, None if raw is None else np.frombuffer(raw, dtype=_TYPES[kind]).reshape(shape)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protobuf message: an int, or the bytes of one that has a length."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}[kind]
        yield key >> 3, message[at : at + size]
        at += size


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the low ones first, at a place in a message; and the place behind it."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
