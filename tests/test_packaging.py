from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from quoth.model.checkpoint import WEIGHTS, read_manifest

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[zipfile.ZipInfo]:
    """The contents of a wheel built from a copy of the sources, so that no build folder is left in them."""
    folder = tmp_path_factory.mktemp("wheel")
    tracked = ["pyproject.toml", "README.md", "LICENSE", "src", "model", "training", "eval"]
    copy = folder / "source"
    copy.mkdir()
    subprocess.run(["cp", "-a", *(str(ROOT / name) for name in tracked), str(copy)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(copy)]
    subprocess.run([*build, "--wheel-dir", str(folder)], check=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.infolist()


def test_the_wheel_holds_model_tokenizer_and_schema(wheel: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in wheel}
    for model in ("small", "base"):
        for name in (*read_manifest(WEIGHTS / model).contents(), "model.json"):
            assert f"quoth/weights/{model}/{name}" in names
    assert {f"quoth/page/{path.name}" for path in (ROOT / "src/quoth/page").iterdir()} <= names
    assert {"quoth/record.schema.json", "quoth/py.typed"} <= names


def test_the_wheel_holds_every_module_and_its_data(wheel: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in wheel}
    rooms = {"src/quoth": "quoth", "model": "quoth/model", "training": "quoth/training", "eval": "quoth/eval"}
    for folder, package in rooms.items():
        for suffix in ("py", "jsonl", "html"):
            for file in (ROOT / folder).glob(f"*.{suffix}"):
                left_out = file.name in ("more_labels.jsonl", "more_speakers.jsonl")
                assert (f"{package}/{file.name}" in names) != left_out


def test_the_wheel_is_small(wheel: list[zipfile.ZipInfo]) -> None:
    assert sum(entry.compress_size for entry in wheel) < 95_000_000


def test_every_folder_of_modules_is_a_package() -> None:
    """A new folder works in an editable install and is missing from the wheel, unless it is listed."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent for room in ("model", "training", "eval") for path in (ROOT / room).rglob("*.py")}
    folders |= {path.parent for path in (ROOT / "src").glob("**/*.py") if not path.parent.is_symlink()}
    found = {
        ".".join(folder.relative_to(ROOT / "src" if folder.is_relative_to(ROOT / "src") else ROOT).parts)
        for folder in folders
    }
    assert {name if name.startswith("quoth") else f"quoth.{name}" for name in found} == set(listed)


def test_the_readmes_example_is_the_labelled_one() -> None:
    examples = ROOT / "examples"
    rows = map(json.loads, (examples / "articles.jsonl").read_text("utf-8").splitlines())
    text = next(row["text"] for row in rows if row["id"] == "san-lucio-dam")
    assert (examples / "dam.txt").read_text("utf-8") == text + "\n"


def test_the_shipped_models_are_whole() -> None:
    for folder in WEIGHTS.iterdir():
        assert {path.name for path in folder.iterdir()} == {*read_manifest(folder).contents(), "model.json"}
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 65 * MEGABYTE
