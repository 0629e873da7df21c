"""An exported model in torch says what quoth says."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
onnx = pytest.importorskip("onnx")
import onnxruntime

from quoth.cli import main
from quoth.errors import InputError, ModelError
from quoth.huggingface import export, load_classifier, load_extractor, read_weights
from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint

TEXT = (
    "“They knew the dam was cracked and they hid it,” said Ida Brandt, who leads the valley’s union. "
    "Water board chief Bo Lund denied that anybody had been warned, and blamed the rain of the last nine days."
)
ROUNDED = 0.15
"""How far logits lie from those of a graph that rounds activations to 8 bits."""


@pytest.fixture(scope="module", params=["small", "base"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("hf") / request.param
    result = CliRunner().invoke(main, ["export", "hf", str(folder), "--model", request.param])
    assert result.exit_code == 0, result.output
    return request.param, folder


@pytest.fixture(scope="module")
def views() -> dict[str, Any]:
    """Two views, the second padded, and three statements in them, as the networks read them."""
    pieces = Checkpoint(WEIGHTS / "small").pieces
    tokens = pieces([TEXT])[0].ids
    ids = np.full((2, len(tokens) + 2), pieces.pad)
    ids[0] = [pieces.cls, *tokens, pieces.sep]
    ids[1, :22] = [pieces.cls, *tokens[:20], pieces.sep]
    mask = (ids != pieces.pad).astype(np.int64)
    spans = np.array([[0, 1, 14], [1, 1, 14], [0, 30, 36]])
    marks = np.zeros_like(ids)
    for view, first, end in spans:
        marks[view, first:end] = 1
    return {"ids": ids.astype(np.int64), "mask": mask, "marks": marks, "spans": spans}


def in_float32(path: Path) -> Any:
    """A graph as shipped, but without rounding of activations."""
    graph = onnx.load(path)
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level":
                attribute.i = 0
    return onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])


def asked(network: Any, views: dict[str, Any]) -> dict[str, Any]:
    """The classifier's logits."""
    ids, mask, marks, spans = (torch.tensor(views[name]) for name in ("ids", "mask", "marks", "spans"))
    with torch.no_grad():
        told = network(network.encoder.embed(ids), mask, marks, spans)
    return {name: value.numpy() for name, value in told._asdict().items()}


def test_logits_are_those_of_the_graph(exported: tuple[str, Path], views: dict[str, Any]) -> None:
    name, folder = exported
    ours = asked(load_classifier(folder), views)
    checkpoint = Checkpoint(WEIGHTS / name)
    shipped = checkpoint.classify(**views)
    session = in_float32(WEIGHTS / name / "classifier.onnx")
    exact = dict(zip(shipped, session.run(list(shipped), checkpoint._feeds(**views)), strict=True))
    for head in ("stance", "second", "sentiment", "target"):
        assert ours[head] == pytest.approx(exact[head], abs=1e-4), head
    for head in ("stance", "second", "sentiment"):
        assert ours[head] == pytest.approx(shipped[head], abs=ROUNDED), head
    assert np.ptp(ours["stance"], axis=0).max() > 1


def test_the_extractor_says_what_the_graph_says(exported: tuple[str, Path], views: dict[str, Any]) -> None:
    _, folder = exported
    network = load_extractor(folder)
    with torch.no_grad():
        told = network(network.encoder.embed(torch.tensor(views["ids"])), torch.tensor(views["mask"]))
    checkpoint = Checkpoint(WEIGHTS / "small")
    feeds = {"embeddings": checkpoint._embed(views["ids"]), "mask": views["mask"]}
    names = ["tags", "cue_query", "name_key"]
    tags, query, key = in_float32(WEIGHTS / "small" / "extractor.onnx").run(names, feeds)
    seen = views["mask"].astype(bool)
    for theirs, ours in ((tags, told.tags), (query, told.cue.query), (key, told.name.key)):
        assert ours.numpy()[seen] == pytest.approx(theirs[seen], abs=1e-4)


def test_the_backbone_loads_with_transformers_alone(
    exported: tuple[str, Path], views: dict[str, Any]
) -> None:
    name, folder = exported
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    backbone = transformers.AutoModel.from_pretrained(
        folder, trust_remote_code=False, add_pooling_layer=False
    )
    assert type(backbone).__name__ == {"small": "BertModel", "base": "MPNetModel"}[name]
    read = tokenizer(TEXT, return_tensors="pt")
    assert read["input_ids"].tolist() == views["ids"][:1].tolist()
    encoder = load_classifier(folder).encoder
    with torch.no_grad():
        states = backbone(**read).last_hidden_state
        expected = encoder(encoder.embed(read["input_ids"]), read["attention_mask"])
    assert states.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_card_runs_as_it_stands(
    exported: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, folder = exported
    card = (folder / "README.md").read_text("utf-8")
    assert f"# quoth {name} " in card and "$" not in card
    monkeypatch.chdir(folder)
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)
    (tmp_path / "card.py").write_text("".join(blocks), "utf-8")
    scope = runpy.run_path(str(tmp_path / "card.py"))
    assert scope["states"].shape[-1] == scope["encoder"].config.hidden_size
    assert scope["stance"] == "accusation"
    (told,) = Labeler.from_pretrained(name).classify([(scope["text"], scope["start"], scope["end"])])
    assert scope["probabilities"][0].tolist() == pytest.approx(told.stance, abs=0.02)


def test_every_head_is_in_the_card(exported: tuple[str, Path]) -> None:
    _, folder = exported
    card = (folder / "README.md").read_text("utf-8")
    for path in (WEIGHTS / "small" / "classifier.onnx", WEIGHTS / "small" / "extractor.onnx"):
        for head in {name.removesuffix(".weight").removesuffix(".bias") for name in read_weights(path).heads}:
            assert head in card


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="mine: is there already"):
        export(WEIGHTS / "small", tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


def test_what_cannot_be_exported_leaves_nothing(tmp_path: Path) -> None:
    model = Path(shutil.copytree(WEIGHTS / "small", tmp_path / "model"))
    graph = onnx.load(model / "classifier.onnx")
    for tensor in graph.graph.initializer:
        tensor.name = tensor.name.replace("network.", "net.")
    onnx.save(graph, model / "classifier.onnx")
    with pytest.raises(ModelError, match=r"classifier\.onnx: expected a graph that quoth exported"):
        export(model, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_of_other_heads_is_refused(exported: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = exported
    mixed = Path(shutil.copytree(folder, tmp_path / "mixed", ignore=shutil.ignore_patterns("extractor")))
    shutil.copy(folder / "extractor" / "heads.safetensors", mixed)
    with pytest.raises(ModelError, match="lacks .*pool.* has also .*tags"):
        load_classifier(mixed)
