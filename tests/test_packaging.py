from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import quoth
from quoth.model.checkpoint import WEIGHTS, read_manifest

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[zipfile.ZipInfo]:
    """The contents of a wheel built from the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        str(source),
    ]
    subprocess.run([*build, "--wheel-dir", str(folder)], check=True)
    (built,) = folder.glob("*.whl")
    return contents(built)


def contents(wheel: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.infolist()


@pytest.fixture(scope="module")
def dist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `python -m build` leaves an sdist, and the wheel that it builds from that."""
    pytest.importorskip("build", reason="needs build: pip install '.[release]'")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.mark.slow
def test_the_index_takes_the_files(dist: Path) -> None:
    pytest.importorskip("twine", reason="needs twine: pip install '.[release]'")
    files = sorted(dist.iterdir())
    assert [file.suffix for file in files] == [".whl", ".gz"]
    # PyPI's limit for a file.
    assert all(file.stat().st_size < 100 * MEGABYTE for file in files)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)], check=True)


@pytest.mark.slow
def test_the_sdist_holds_what_git_does_but_for_what_only_a_checkout_needs(unpacked: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    tracked = {name for name in listed.stdout.splitlines() if not name.startswith((".ci/", ".git"))}
    links = {f"src/quoth/{room}" for room in ("model", "training", "eval")}
    held = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in held if name.startswith("quoth.egg-info/")}
    assert held - made == tracked - links


@pytest.mark.slow
def test_the_sdist_makes_the_wheel_that_the_checkout_makes(dist: Path, wheel: list[zipfile.ZipInfo]) -> None:
    (built,) = dist.glob("*.whl")
    of_sdist, of_checkout = (
        {entry.filename: entry.CRC for entry in files} for files in (contents(built), wheel)
    )
    assert of_sdist == of_checkout


@pytest.mark.slow
def test_the_tests_of_the_sdist_start(dist: Path, unpacked: Path, tmp_path: Path) -> None:
    """With the wheel made of it, and nothing of the checkout."""
    (built,) = dist.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    where = [sys.executable, "-c", "import quoth, quoth.eval; print(quoth.__file__, quoth.eval.__file__)"]
    told = subprocess.run(where, env=environment, cwd=unpacked, check=True, capture_output=True, text=True)
    assert all(Path(file).is_relative_to(tmp_path) for file in told.stdout.split())
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    for tests in (
        ["--collect-only"],
        ["tests/test_records.py", "tests/test_packaging.py"],
    ):
        subprocess.run([*run, *tests], env=environment, cwd=unpacked, check=True, capture_output=True)


def test_every_place_tells_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"\nversion: {quoth.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {quoth.__version__}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert project["version"] == quoth.__version__


def test_the_wheel_holds_model_tokenizer_and_schema(wheel: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in wheel}
    for model in ("small", "base", "fast"):
        for name in (*read_manifest(WEIGHTS / model).contents(), "model.json"):
            assert f"quoth/weights/{model}/{name}" in names
    assert {f"quoth/page/{path.name}" for path in (ROOT / "src/quoth/page").iterdir()} <= names
    assert {"quoth/record.schema.json", "quoth/py.typed"} <= names
    assert {
        f"quoth-{quoth.__version__}.dist-info/licenses/{name}" for name in ("LICENSE", "LICENSES.md")
    } <= names


def test_the_wheel_holds_every_module_and_its_data(wheel: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in wheel}
    rooms = {
        "src/quoth": "quoth",
        "src/quoth/serving": "quoth/serving",
        "model": "quoth/model",
        "training": "quoth/training",
        "eval": "quoth/eval",
    }
    for folder, package in rooms.items():
        for suffix in ("py", "jsonl", "html"):
            for file in (ROOT / folder).glob(f"*.{suffix}"):
                left_out = file.name in ("more_labels.jsonl", "more_speakers.jsonl", "paraphrase_votes.jsonl")
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
