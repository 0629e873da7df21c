"""Products in whole numbers say what those of 4 bits say."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from quoth.model.checkpoint import INT8, WEIGHTS, Checkpoint, read_manifest, write_manifest
from quoth.model.embeddings import quantize_rows, restore_rows
from quoth.model.layout import BLOCK
from quoth.model.products import LEVELS, SMOOTH, initializers, left_out, widen

GRAPH, KEPT = ((WEIGHTS / "base" / name).read_bytes() for name in (INT8, "classifier.onnx"))


def test_a_widened_weight_is_off_by_at_most_half_a_level() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(20, 3 * BLOCK)).astype(np.float32)
    rows, scales = quantize_rows(weights, 4)
    smooth = rng.uniform(0.2, 5, 3 * BLOCK).astype(np.float32)
    whole, columns = widen(rows, scales, smooth)
    assert (whole.dtype, whole.shape, columns.shape) == (np.int8, (3 * BLOCK, 20), (20,))
    assert (np.abs(whole).max(axis=0) == LEVELS).all()
    exact = restore_rows(rows, scales) * smooth
    assert (np.abs(whole.T * columns[:, None] - exact) <= columns[:, None] * 0.501).all()


def test_a_product_without_weights_widens_to_nothing() -> None:
    whole, columns = widen(
        np.full((2, BLOCK // 2), 0x88, np.uint8), np.ones((2, 1), np.float32), np.ones(BLOCK)
    )
    assert not whole.any()
    assert np.isfinite(columns).all()


def test_all_that_a_graph_leaves_out_is_found() -> None:
    own, found = dict(initializers(GRAPH)), left_out(GRAPH, KEPT)
    assert set(found) == {name for name, value in own.items() if value is None}
    products = [name for name in own if name.endswith(SMOOTH)]
    assert len(products) == 12 * 6 + 2
    assert len(GRAPH) < len(KEPT) / 100


def test_a_graph_of_another_network_is_refused() -> None:
    with pytest.raises(KeyError, match="network"):
        left_out(GRAPH, (WEIGHTS / "small" / "classifier.onnx").read_bytes())


@pytest.mark.parametrize("path", ["base/classifier.onnx", "base/int8.onnx"])
def test_tensors_are_read_as_onnx_reads_them(path: str) -> None:
    onnx = pytest.importorskip("onnx")
    ours = dict(initializers((WEIGHTS / path).read_bytes()))
    theirs = {t.name: t for t in onnx.load(WEIGHTS / path, load_external_data=False).graph.initializer}
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        if (value := ours[name]) is None:
            assert tensor.data_location == onnx.TensorProto.EXTERNAL
        else:
            np.testing.assert_array_equal(value, onnx.numpy_helper.to_array(tensor))


@pytest.fixture(scope="module")
def of_four_bits(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """`base` as its classifier.onnx computes."""
    folder = Path(shutil.copytree(WEIGHTS / "base", tmp_path_factory.mktemp("model") / "slow"))
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), int8=msgspec.UNSET))
    return Checkpoint(folder)


def test_whole_numbers_answer_as_four_bits_do(of_four_bits: Checkpoint) -> None:
    shipped = Checkpoint(WEIGHTS / "base")
    text = (
        "“The board has lied to every family in this valley,” said Runa Helle, who speaks for the tenants. Mayor Otto "
        "Brix rejected that. “We never saw the report,” he said, and “our hearts are with those who lost a home.” Rain "
        "went on falling, and the buses that were to bring the last of them to Torvik came two hours late. "
    ) * 4
    (tokens,) = shipped.pieces([text])
    ids = np.array([shipped.pieces.cls, *tokens.ids, shipped.pieces.sep], dtype=np.int64)
    spans = np.array([[2, 14], [30, 36], [40, 50], [120, 132]])
    marks = np.zeros_like(ids)
    for first, end in spans:
        marks[first:end] = 1
    (fast, states), (slow, exact) = (c.pool(ids, marks, spans) for c in (shipped, of_four_bits))
    for head in ("stance", "second", "sentiment"):
        assert fast[head] == pytest.approx(slow[head], abs=0.3), head
        assert np.ptp(slow[head], axis=1).min() > 1, head
    assert (fast["stance"].argmax(1) == slow["stance"].argmax(1)).all()
    assert states == pytest.approx(exact, abs=0.2)
    assert not (states == exact).all()
    again = shipped.classify(ids, marks, spans)
    assert all((again[head] == fast[head]).all() for head in again)
