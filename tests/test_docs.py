"""The commands of docs/score-your-system.md run as they stand, and documents name no option that is not there."""

from __future__ import annotations

import csv
import json
import re
import runpy
import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import quoth
from quoth.cli import main

ROOT = Path(__file__).resolve().parents[1]
SCORE = ROOT / "docs" / "score-your-system.md"
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def files_of(document: Path) -> dict[str, str]:
    """The fenced blocks that a comment gives a file's name."""
    return dict(_FILE.findall(document.read_text("utf-8")))


def commands_of(document: Path) -> list[str]:
    blocks = [block for language, block in _FENCED.findall(document.read_text("utf-8")) if not language]
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("quoth eval", "quoth diff"))]


def run(command: str) -> str:
    """What the command prints; it must succeed."""
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 0, f"{command}\n{result.output}"
    return result.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The document's files and the examples, as the working folder."""
    for name, content in files_of(SCORE).items():
        (tmp_path / name).write_text(content, "utf-8")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def labelled() -> None:
    """In place of `quoth label`, which takes a minute: gold with every third stance set to `other`."""
    lines = []
    for line in Path("examples/labels.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        spans = [{**s, "stance": s["stance"] if k % 3 else "other"} for k, s in enumerate(row["statements"])]
        kept = [{field: s[field] for field in ("start", "end", "kind", "stance")} for s in spans]
        lines.append(json.dumps({"id": row["article"], "statements": kept}))
    Path("ours.jsonl").write_text("\n".join(lines), "utf-8")


def test_the_commands_of_the_page_run_one_after_the_other(folder: Path) -> None:
    labelled()
    runpy.run_path("find.py")
    printed = {command: run(command) for command in commands_of(SCORE)}
    expected = {
        "--html": "| stance, quoted, end to end (4) |",
        "--passes": "Krippendorff's alpha",
        "--compare": "| p, Holm |",
        "--within": "articles to annotate",
        "diff": "| from A to B |",
    }
    for word, phrase in expected.items():
        assert any(phrase in text for command, text in printed.items() if word in command), word
    assert "<title>" in Path("report.html").read_text("utf-8")


def test_the_spans_of_its_gold_are_statements_of_its_texts(folder: Path) -> None:
    with open("articles.csv", encoding="utf-8", newline="") as rows:
        texts = {row["id"]: row["text"] for row in csv.DictReader(rows)}
    with open("gold.csv", encoding="utf-8", newline="") as rows:
        spans = [
            (r["kind"], texts[r["article"]][int(r["start"]) : int(r["end"])]) for r in csv.DictReader(rows)
        ]
    assert [words for kind, words in spans if kind == "indirect"] == ["The harbour board let us down"]
    assert all((words[0], words[-1]) == ("“", "”") for kind, words in spans if kind == "quoted")


def test_words_that_the_text_does_not_hold_are_said_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"id": "ferry", "statements": [{"text": "“We sank it”"}, {"text": "“a disgrace”"}]}
    Path("said.jsonl").write_text(json.dumps(answer) + "\n", "utf-8")
    runpy.run_path("find.py")
    assert capsys.readouterr().out == "ferry does not say: “We sank it”\n"
    assert json.loads(Path("model.jsonl").read_text("utf-8"))["statements"] == [
        {"text": "“a disgrace”", "start": 72, "end": 84}
    ]


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", ROOT / "docs" / "index.md"], ids=lambda path: path.name
)
def test_the_first_example_prints_what_the_page_says(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = _FENCED.findall(document.read_text("utf-8"))
    languages = [language for language, _ in blocks]
    first = languages.index("python")
    assert languages[first + 1] == "text"
    (tmp_path / "example.py").write_text(blocks[first][1], "utf-8")
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out == blocks[first + 1][1]


def test_the_cost_of_an_archive_is_told_once() -> None:
    pages = [ROOT / "benchmarks" / "README.md", ROOT / "docs" / "batch.md"]
    said = [set(re.findall(r"[\d,]+(?= *\n?core-hours)", page.read_text("utf-8"))) for page in pages]
    assert said[1] and said[1] <= said[0]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_the_picture_of_the_readme_is_what_the_script_draws() -> None:
    draw = runpy.run_path(str(ROOT / "docs" / "draw_labelled.py"))
    text = "Mayor Ana Ruiz spoke. “They hid the cracks,” she said of the firm."
    drawn = draw["picture"](quoth.label(text), text, 0, len(text))
    assert "Ana Ruiz: " in drawn and "textLength" in drawn
    committed = (ROOT / "docs" / "labelled.svg").read_text("utf-8")
    assert "Hilda Condori: accusation → Aguas del Valle" in committed


@pytest.mark.parametrize(
    "row",
    [
        {"doc": "ferry", "start": "0", "end": "17", "stance": "denial"},
        {"article": "ferry", "start": "0", "end": "17", "stance": "Denial"},
        {"article": "ferry", "start": "1", "end": "18", "stance": "denial", "text": "“We sank nothing”"},
    ],
    ids=["column", "label", "offsets"],
)
def test_an_error_that_the_page_explains_reads_as_there(folder: Path, row: dict[str, str]) -> None:
    with open("theirs.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerow(row)
    result = CliRunner().invoke(main, shlex.split(commands_of(SCORE)[0])[1:])
    assert result.exit_code == 1
    message = result.output.strip().removeprefix("quoth: theirs.csv, ")
    assert f"| `{message}` |" in SCORE.read_text("utf-8")


def options_of(document: Path) -> set[str]:
    """Those named in the document, but for the shell commands of other programs."""
    lines = document.read_text("utf-8").splitlines()
    ours = [line for line in lines if not re.match(r"(python3?|git|pip|#SBATCH|\.venv/bin/(?!quoth))", line)]
    return {*_OPTION.findall("\n".join(ours))}


def test_every_option_that_a_document_names_exists() -> None:
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    below = [c for top in commands if top for c in (top, *getattr(top, "commands", {}).values())]
    known = {
        option
        for command in (main, *below)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    named = {document.name: options_of(document) for document in DOCUMENTS}
    assert {"--gold", "--predictions", "--within"} <= named[SCORE.name]
    assert {name: options - known for name, options in named.items() if options - known} == {}


def anchors_of(document: Path) -> set[str]:
    """The headings as links name them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text("utf-8"))
    assert links
    for name, anchor in links:
        page = document.parent / name if name else document
        assert page.exists(), name
        assert not anchor or anchor in anchors_of(page), f"{name}#{anchor}"


def test_the_cases_of_the_evaluation_page_are_read(tmp_path: Path) -> None:
    from quoth.eval.cases import read_cases

    path = tmp_path / "cases.jsonl"
    path.write_text(files_of(ROOT / "docs" / "evaluation.md")["cases.jsonl"], "utf-8")
    kinds = [["MFT", *("DIR" if edit.expect else "INV" for edit in case.edits)] for case in read_cases(path)]
    assert kinds == [["MFT"], ["MFT", "INV"], ["MFT", "DIR"]]
