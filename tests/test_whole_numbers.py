"""From a graph of 4 bits to one of whole numbers."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnxscript")
pytest.importorskip("datasets")

from quoth.model.checkpoint import FORMAT, INT8, WEIGHTS, Calibration, Checkpoint, Manifest, write_manifest
from quoth.model.layout import BLOCK
from quoth.model.network import Classifier
from quoth.model.products import SMOOTH, initializers
from quoth.training.examples import GoldArticle
from quoth.training.export import write_model
from quoth.training.whole_numbers import write_int8

TEXT = "“They hid it,” said Ida Brandt. “Nobody was told,” said Bo Lund, and went home in the rain."
ARTICLE = GoldArticle("a", TEXT, [{"start": 1, "end": 12}, {"start": 33, "end": 49}])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two random layers, one channel of which is far larger than the others."""
    torch.manual_seed(0)
    config = transformers.MPNetConfig(
        vocab_size=30527, hidden_size=2 * BLOCK, num_hidden_layers=2, num_attention_heads=2, intermediate_size=4 * BLOCK,
        max_position_embeddings=514,
    )  # fmt: skip
    backbone, out = tmp_path_factory.mktemp("backbone"), tmp_path_factory.mktemp("model") / "tiny"
    transformers.MPNetModel(config).save_pretrained(backbone)
    network = Classifier(str(backbone))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4 if parameter.ndim > 1 else 1)
        for layer in network.encoder.body.encoder.layer:
            layer.attention.LayerNorm.weight[3] = 40.0
    own = Manifest(FORMAT, "tiny", "1", 510, 128, 64, 510, True, Calibration(), "small")
    write_model(out, None, network, WEIGHTS / "small" / "tokenizer.json", own, 4)
    return out


def answer(checkpoint: Checkpoint) -> np.ndarray:
    (tokens,) = checkpoint.pieces([TEXT])
    ids = np.array([checkpoint.pieces.cls, *tokens.ids, checkpoint.pieces.sep], dtype=np.int64)
    marks = np.zeros_like(ids)
    marks[2:5] = 1
    return checkpoint.classify(ids, marks, np.array([[2, 5]]))["stance"]


def test_the_graph_of_whole_numbers_answers_alike(folder: Path) -> None:
    before = answer(Checkpoint(folder))
    own = Checkpoint(folder).manifest
    write_int8(folder, [ARTICLE])
    write_manifest(folder, msgspec.structs.replace(own, int8=True))
    after = answer(Checkpoint(folder))
    assert after == pytest.approx(before, abs=0.05 * float(np.ptp(before)))
    assert not (after == before).all()
    smooth = {
        name: value
        for name, value in initializers((folder / INT8).read_bytes())
        if name.endswith(SMOOTH) and value is not None
    }
    large = [name for name, value in smooth.items() if value.argmax() == 3 and value.max() > 3]
    assert len(large) >= 2, "the products behind the two layers' attention see the large channel"
