"""The commands of docs/tutorial.md run as they stand, one after the other; so do the example of docs/index.md, what
docs/batch.md asks of a labelled corpus, and the notebook."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from quoth.cli import main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STEP = "python chart.py"

SHOWN = DOCS / "accusations.svg"
REDRAW = "run the tutorial's commands and copy its accusations.svg to docs/"


def blocks(page: str, language: str) -> list[str]:
    return [block for found, block in _FENCED.findall((DOCS / page).read_text("utf-8")) if found == language]


def commands(page: str) -> list[str]:
    lines = (line.partition("  #")[0].strip() for block in blocks(page, "") for line in block.splitlines())
    return [line for line in lines if line and not re.match(r"pip |python3 |\.venv", line)]


def run(command: str) -> str:
    """What a command prints, and leaves in a file where it says `>`; it must succeed."""
    words = shlex.split(command)
    assert words[0] == "quoth", command
    words, into = (words[:-2], words[-1]) if ">" in words else (words, None)
    result = CliRunner().invoke(main, words[1:], env={"COLUMNS": "200"})
    assert result.exit_code == 0, f"{command}\n{result.output}"
    if into:
        Path(into).write_text(result.stdout, "utf-8")
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder, as the one of quoth is to the reader."""
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    path = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(ROOT / "examples", path / "examples")
    for name, content in _FILE.findall((DOCS / "tutorial.md").read_text("utf-8")):
        (path / name).write_text(content, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def printed(folder: Path) -> dict[str, str]:
    """What each command of the tutorial prints."""
    return {command: run(command) for command in commands("tutorial.md") if command != _STEP}


def test_the_tutorials_commands_run_and_write_what_it_says(folder: Path, printed: dict[str, str]) -> None:
    assert len(printed) == 10 and commands("tutorial.md").count(_STEP) == 1
    for name in (
        "dam.csv",
        "dam.html",
        "pairs.csv",
        "corpus.html",
        "labelled/_summary.json",
        "mine/_plan.json",
    ):
        assert (folder / name).stat().st_size
    assert "Ximena Arancibia" in printed["quoth label examples/dam.txt --format table"]
    assert "16 articles" in printed["quoth batch examples/articles.jsonl --out labelled"]
    assert "2026-06" in printed["quoth stats mine --by month"]


def test_the_rows_that_the_tutorial_shows_are_printed(printed: dict[str, str]) -> None:
    table = printed["quoth stats labelled --by pair --stance accusation"]
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in table.splitlines() if "│" in line]
    (shown,) = blocks("tutorial.md", "text")
    for line in shown.splitlines():
        assert [cell.strip() for cell in line.split("│")[1:3]] in rows


def test_the_chart_is_that_of_the_page(printed: dict[str, str]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    drawn = runpy.run_path("chart.py")
    assert 5 <= len(drawn["names"]) <= 12
    for name in drawn["names"]:
        assert name in Path("accusations.svg").read_text("utf-8")
        assert name in SHOWN.read_text("utf-8"), f"another model, another chart: {REDRAW}"


def test_what_the_page_on_corpora_asks_is_answered(printed: dict[str, str]) -> None:
    duckdb, _, _ = map(pytest.importorskip, ("duckdb", "pandas", "polars"))
    (query,) = blocks("batch.md", "sql")
    assert ("Hilda Condori",) in {row[:1] for row in duckdb.sql(query).fetchall()}
    (reading,) = blocks("batch.md", "python")
    Path("reading.py").write_text(reading, "utf-8")
    runpy.run_path("reading.py")
    asked = [line for line in commands("batch.md") if re.match(r"quoth (stats|explore|batch st)", line)]
    assert len(asked) == 7
    for command in asked:
        run(command)
    assert "Condori" in Path("names.csv").read_text("utf-8")


def test_the_first_pages_example_prints_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,), (shown,) = blocks("index.md", "python"), blocks("index.md", "text")
    (tmp_path / "example.py").write_text(code, "utf-8")
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out == shown


@pytest.mark.slow
def test_the_notebook_runs() -> None:
    pytest.importorskip("matplotlib")
    nbformat, nbclient = map(pytest.importorskip, ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept without outputs"
    ran = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(DOCS)}}
    ).execute()
    told = [output for cell in ran.cells for output in cell.get("outputs", [])]
    assert "16" in [o["data"]["text/plain"] for o in told if o.output_type == "execute_result"]
    assert any("Hilda Condori" in o["data"]["text/plain"] for o in told if "data" in o)
    assert any("image/png" in o["data"] for o in told if "data" in o)
