"""Training with rounded weights: what the network sees is what the exported graph keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnxscript")

import onnx
import onnxruntime

from quoth.model.layout import BLOCK
from quoth.model.network import Classifier
from quoth.training.export import first_token_apart, quantize
from quoth.training.rounding import round_table, rounded, to_bits, to_byte


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=BLOCK, num_hidden_layers=1, num_attention_heads=2, intermediate_size=BLOCK,
        max_position_embeddings=32,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("backbone")
    transformers.BertModel(config).save_pretrained(folder)
    return Classifier(str(folder)).eval()


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_are_rounded_as_the_graph_keeps_them(bits: int, tmp_path: Path) -> None:
    weight = torch.randn(5 * BLOCK, 2 * BLOCK, generator=torch.Generator().manual_seed(0))
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 2 * BLOCK]), ("y", ["n", 5 * BLOCK]))
    ]
    kept = [onnx.numpy_helper.from_array(weight.T.contiguous().numpy(), "w")]
    graph = onnx.helper.make_graph([product], "product", ends[:1], ends[1:], kept)
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "plain.onnx",
    )
    quantize(tmp_path / "plain.onnx", tmp_path / "few.onnx", bits)
    session = onnxruntime.InferenceSession(str(tmp_path / "few.onnx"))
    graph_keeps = session.run(None, {"x": np.eye(2 * BLOCK, dtype=np.float32)})[0].T
    apart = np.abs(graph_keeps - to_bits(weight, bits).numpy())
    # A weight halfway between two levels may fall on either.
    assert (apart > 1e-5).mean() < 1e-3
    assert 0 < (to_bits(weight, bits) - weight).abs().max() < weight.abs().max() / 2 ** (bits - 1)


def test_inputs_are_rounded_as_the_graph_rounds_them() -> None:
    inputs = torch.randn(3, 50, generator=torch.Generator().manual_seed(0)) + 0.3
    rows = [
        onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        onnx.helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    ]
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [3, 50]) for n in ("x", "y")]
    graph = onnx.helper.make_graph(rows, "rounding", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    graph_keeps = session.run(None, {"x": inputs.numpy()})[0]
    assert to_byte(inputs).numpy() == pytest.approx(graph_keeps, abs=1e-6)
    inputs.requires_grad_()
    to_byte(inputs).sum().backward()
    assert (inputs.grad == 1).all()


def test_gradients_reach_the_exact_weights(network: Classifier) -> None:
    weight = network.pool.weight
    before = weight.detach().clone()
    with rounded(network, 4):
        assert (weight == to_bits(before, 4)).all()
        weight.sum().backward()
    assert (weight == before).all()
    assert weight.grad is not None
    assert (weight.grad == 1).all()
    network.zero_grad()


def test_the_table_is_what_the_folder_keeps(network: Classifier) -> None:
    before = network.encoder.table.clone()
    round_table(network, 4)
    assert 0 < (network.encoder.table - before).abs().max() < before.abs().max() / 8
    assert network.encoder.table.dtype == before.dtype


def test_the_first_token_apart_changes_nothing_but_what_is_rounded_with_what(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kept = [("w", (16, 8)), ("b", (8,)), ("v", (8, 4)), ("c", (4,))]
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "w"], ["xw"]),
        onnx.helper.make_node("Add", ["xw", "b"], ["y"]),
        onnx.helper.make_node("MatMul", ["y", "v"], ["yv"]),
        onnx.helper.make_node("Add", ["c", "yv"], ["z"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, "n", width])
        for name, width in (("x", 16), ("z", 4))
    ]
    weights = [
        onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name) for name, shape in kept
    ]
    graph = onnx.helper.make_graph(nodes, "products", ends[:1], ends[1:], weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    paths = [tmp_path / name for name in ("plain.onnx", "apart.onnx", "plain8.onnx", "apart8.onnx")]
    onnx.save(model, paths[0])
    onnx.save(first_token_apart(model), paths[1])
    for path, rounded_path in zip(paths[:2], paths[2:], strict=True):
        quantize(path, rounded_path)
    x = rng.normal(size=(1, 30, 16)).astype(np.float32)
    x[0, 0] *= 100
    plain, apart, plain8, apart8 = (
        onnxruntime.InferenceSession(str(path)).run(None, {"x": x})[0] for path in paths
    )
    assert np.allclose(plain, apart, atol=1e-4)
    off = [np.abs(plain - rounded_graph)[0, 1:].mean() for rounded_graph in (plain8, apart8)]
    assert off[1] < off[0] / 10
