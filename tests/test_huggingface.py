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

from quoth.cli import main
from quoth.errors import InputError, ModelError
from quoth.huggingface import export, load_classifier, load_extractor, read_weights
from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint
from quoth.training.rounding import rounded, to_byte

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
def view() -> dict[str, Any]:
    """A view with three statements, as the networks read it."""
    pieces = Checkpoint(WEIGHTS / "small").pieces
    ids = np.array([pieces.cls, *pieces([TEXT])[0].ids, pieces.sep], dtype=np.int64)
    spans = np.array([[1, 14], [16, 20], [30, 36]])
    marks = np.zeros_like(ids)
    for first, end in spans:
        marks[first:end] = 1
    return {"ids": ids, "marks": marks, "spans": spans}


def asked(network: Any, view: dict[str, Any]) -> dict[str, Any]:
    """The classifier's logits."""
    ids, marks, spans = (torch.tensor(view[name]) for name in ("ids", "marks", "spans"))
    with torch.no_grad():
        words = network.encoder.embed(ids[None])
        told = network(words, None, marks[None], torch.nn.functional.pad(spans, (1, 0)))
    return {name: value.numpy() for name, value in told._asdict().items()}


def test_logits_are_those_of_the_graph(exported: tuple[str, Path], view: dict[str, Any]) -> None:
    name, folder = exported
    network = load_classifier(folder)
    shipped, plain = Checkpoint(WEIGHTS / name).classify(**view), asked(network, view)
    with rounded(network, 8):
        as_shipped = asked(network, view)
    for head in ("stance", "second", "sentiment"):
        if name == "small":
            assert as_shipped[head] == pytest.approx(shipped[head], abs=0.02), head
        assert plain[head] == pytest.approx(shipped[head], abs=ROUNDED), head
    assert np.ptp(plain["stance"], axis=0).max() > 1


def test_the_extractor_says_what_the_graph_says(exported: tuple[str, Path], view: dict[str, Any]) -> None:
    _, folder = exported
    network = load_extractor(folder)

    def apart(module: Any, inputs: tuple[Any]) -> Any:
        """As the graph does: the first token by a range of its own."""
        return torch.cat([to_byte(inputs[0][:, :1]), to_byte(inputs[0][:, 1:])], dim=1)

    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(apart)
    with torch.no_grad():
        told = network(network.encoder.embed(torch.tensor(view["ids"][None])), None)
    shipped = Checkpoint(WEIGHTS / "small").extract(view["ids"])
    for theirs, ours in (("tags", told.tags), ("cue_query", told.cue.query), ("name_key", told.name.key)):
        assert ours[0].numpy() == pytest.approx(shipped[theirs], abs=0.3)


def test_a_model_of_one_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="one encoder, which cannot be exported"):
        export(WEIGHTS / "fast", tmp_path / "fast")
    assert not list(tmp_path.iterdir())


def test_the_backbone_loads_with_transformers_alone(exported: tuple[str, Path], view: dict[str, Any]) -> None:
    name, folder = exported
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    backbone = transformers.AutoModel.from_pretrained(
        folder, trust_remote_code=False, add_pooling_layer=False
    )
    assert type(backbone).__name__ == {"small": "BertModel", "base": "MPNetModel"}[name]
    read = tokenizer(TEXT, return_tensors="pt")
    assert read["input_ids"].tolist() == [view["ids"].tolist()]
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
