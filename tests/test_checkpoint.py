from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from quoth.errors import ModelError
from quoth.model.checkpoint import (
    FILES,
    WEIGHTS,
    Calibration,
    Checkpoint,
    folder_hash,
    read_manifest,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS / "small", tmp_path / "model"))


@pytest.mark.parametrize("name", [*FILES, "model.json"])
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        Checkpoint(folder)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [("window", "wide", "window"), ("format", 1, "format"), ("colour", 1, "colour")],
)
def test_a_manifest_that_does_not_fit_is_refused(field: str, value: object, rule: str, folder: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**manifest, field: value}), "utf-8")
    with pytest.raises(ModelError, match=rule):
        read_manifest(folder)


def test_an_altered_file_is_refused(folder: Path) -> None:
    with (folder / "tokenizer.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    with pytest.raises(ModelError, match=r"tokenizer\.json .* altered"):
        Checkpoint(folder)


def test_the_hash_tells_models_apart(folder: Path) -> None:
    before = folder_hash(folder)
    write_manifest(folder, read_manifest(folder))
    assert folder_hash(folder) == before == folder_hash(WEIGHTS / "small")
    np.savez(folder / "embeddings.npz", rows=np.zeros((2, 2), np.int8), scales=np.ones(2, np.float32))
    write_manifest(folder, read_manifest(folder))
    assert folder_hash(folder) != before


def test_a_classifier_may_leave_finding_statements_to_the_folder_beside_it(folder: Path) -> None:
    finder = read_manifest(folder)
    alone = folder.parent / "alone"
    alone.mkdir()
    for name in ("classifier.onnx", "embeddings.npz"):
        shutil.copy(folder / name, alone)
    own = msgspec.structs.replace(
        finder, name="alone", window=1, calibration=Calibration(3.0, 2.0), extractor="model"
    )
    write_manifest(alone, own)
    checkpoint = Checkpoint(alone)
    assert checkpoint.manifest.window == finder.window
    assert checkpoint.manifest.calibration == msgspec.structs.replace(
        finder.calibration, stance=3.0, sentiment=2.0, paraphrase=(1.0, 0.0)
    )
    ids = np.array([101, 2023, 2003, 102])
    assert (checkpoint.extract(ids)["tags"] == Checkpoint(folder).extract(ids)["tags"]).all()
    before = folder_hash(alone)
    write_manifest(folder, msgspec.structs.replace(finder, version="9"))
    assert folder_hash(alone) != before


def test_a_model_may_have_the_words_of_the_folder_beside_it(folder: Path) -> None:
    quick = Path(shutil.copytree(WEIGHTS / "fast", folder.parent / "quick"))
    write_manifest(quick, msgspec.structs.replace(read_manifest(quick), words="model"))
    ids = np.array([101, 2023, 2003, 102])
    told = Checkpoint(quick).extract(ids)
    assert (told["tags"] == Checkpoint(WEIGHTS / "fast").extract(ids)["tags"]).all()
    assert told["states"].shape[0] == len(ids)
    before = folder_hash(quick)
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), version="9"))
    assert folder_hash(quick) != before
    with (folder / "tokenizer.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    with pytest.raises(ModelError, match=r"model: tokenizer\.json .* altered"):
        Checkpoint(quick)
