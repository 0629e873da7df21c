"""The examples of docs/interoperate.md run as they stand, one after the other, in a folder with the examples."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quoth.cli import main
from quoth.writing import COLUMNS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "interoperate.md").read_text("utf-8")
NEEDS = {"torch": "export hf", "spacy": "add_pipe", "sklearn": "StanceClassifier"}
"""A package that a section takes without naming it in an import -> what tells that it does."""

_SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)


def blocks(text: str, language: str) -> list[str]:
    return [block for found, block in _FENCED.findall(text) if found == language]


SECTIONS = dict(_SECTION.findall(PAGE))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the files that the page's first commands write."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    run(PAGE[: PAGE.index("\n## ")])
    return tmp_path


def run(text: str) -> None:
    """The commands of a text."""
    for line in "".join(blocks(text, "")).splitlines():
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert line.startswith("quoth ") and result.exit_code == 0, f"{line}\n{result.output}"


@pytest.mark.parametrize("name", [name for name, text in SECTIONS.items() if blocks(text, "python")])
def test_a_section_runs(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "".join(blocks(SECTIONS[name], "python"))
    for package in {*_IMPORT.findall(code), *(p for p, words in NEEDS.items() if words in SECTIONS[name])}:
        pytest.importorskip(package)
    if name == "spaCy":
        # What an installed entry point does.
        __import__("quoth.spacy")
    run(SECTIONS[name])
    (folder / "section.py").write_text("from pathlib import Path\n" + code, "utf-8")
    capsys.readouterr()
    told: dict[str, Any] = runpy.run_path("section.py")
    printed = capsys.readouterr().out
    expected = {
        "Data frames": "Ximena Arancibia",
        "scikit-learn": "['accusation' 'denial']",
        "spaCy": "Ximena Arancibia solidarity",
        "Web annotations": "solidarity Ximena Arancibia",
        "Hugging Face": "torch.Size([1, 5, 384])",
    }
    assert expected[name] in printed
    if name == "scikit-learn":
        assert told["head"].predict([told["passage"]("I am all in favour of the tunnel")]) == ["support"]


def test_what_is_read_in_r_has_the_columns_that_it_asks_for(folder: Path) -> None:
    (code,) = blocks(SECTIONS["R"], "r")
    asked = {*re.findall(r"statements\$(\w+)", code), *re.findall(r"(\w+) ~ (\w+)", code)[0]}
    assert len(asked) == 4 and asked <= set(COLUMNS)
    header = Path("statements.csv").read_text("utf-8-sig").partition("\n")[0].strip()
    assert header.split(",") == list(COLUMNS)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_the_r_example_runs(folder: Path) -> None:
    (code,) = blocks(SECTIONS["R"], "r")
    ran = subprocess.run(["Rscript", "-e", code], capture_output=True, text=True, check=True)
    assert "Ximena Arancibia" in ran.stdout
