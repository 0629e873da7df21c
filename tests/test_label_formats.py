"""Labels through brat, Label Studio and a table, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quoth.cli import main
from quoth.eval.gold import GoldArticle, GoldStatement, Origin, read_gold
from quoth.label_files import row_of, write_rows

TEXT = "🌊 “It’s a lie | a fable,”\r\nsaid Ida Brandt.\r\n=1+1 was “the sum”, she claimed; the mill\r\nlied."
FORMATS = {"brat": "brat", "labelstudio": "tasks.json", "csv": "table.csv"}


def statement(words: str, *labels: Any) -> GoldStatement:
    start = TEXT.index(words)
    return GoldStatement(start, start + len(words), *labels)


ORIGIN = Origin(["ana", "bo"], "training", True, 3, 20, 0.125)
GOLD = [
    GoldArticle(
        "sea/1",
        TEXT,
        "dev",
        [
            statement(
                "“It’s a lie | a fable,”",
                "quoted",
                "denial",
                "condemnation",
                "negative",
                "Ida Brandt",
                "=1+1",
            ),
            statement("“the sum”", "quoted", "other", None, "neutral", None, None),
            statement("the mill\r\nlied", "indirect", "accusation", None, None, "Ida Brandt", "the mill"),
        ],
        passes=2,
        origin=ORIGIN,
    ),
    GoldArticle("empty", "Nobody said a word.", "dev", []),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("articles.jsonl").write_text(
        "".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in GOLD), "utf-8"
    )
    write_rows(Path("labels.jsonl"), map(row_of, GOLD))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["labels", *arguments, "--articles", "articles.jsonl"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


def back(shape: str, name: str) -> list[GoldArticle]:
    assert run("import", name, "--from", shape, "-o", "back.jsonl") == ""
    return read_gold(Path("back.jsonl"), Path("articles.jsonl"))


@pytest.mark.parametrize("shape", FORMATS)
def test_labels_come_back_as_they_went(folder: Path, shape: str) -> None:
    assert run("export", "labels.jsonl", "--to", shape, "-o", FORMATS[shape]) == ""
    assert back(shape, FORMATS[shape]) == GOLD
    assert Path("back.jsonl").read_bytes() == Path("labels.jsonl").read_bytes()


def test_a_table_is_gold_as_it_is_and_guards_its_cells(folder: Path) -> None:
    run("export", "labels.jsonl", "--to", "csv", "-o", "table.csv")
    content = Path("table.csv").read_text("utf-8")
    assert ",'=1+1," in content and ",=1+1" not in content
    result = CliRunner().invoke(main, ["eval", "--gold", "table.csv", "--articles", "articles.jsonl",
                                       "--predictions", "theirs.jsonl", "--resamples", "100"])  # fmt: skip
    assert "theirs.jsonl" in result.output
    Path("theirs.jsonl").write_text(
        '{"id": "sea/1", "statements": []}\n{"id": "empty", "statements": []}\n', "utf-8"
    )
    result = CliRunner().invoke(main, ["eval", "--gold", "table.csv", "--articles", "articles.jsonl",
                                       "--predictions", "theirs.jsonl", "--resamples", "100"])  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Note: 1 of 2 gold articles were labelled with a model's proposals in view" in result.output
    compared = [
        "--gold",
        "table.csv",
        "--articles",
        "articles.jsonl",
        "--compare",
        "theirs.jsonl",
        "theirs.jsonl",
    ]
    result = CliRunner().invoke(main, ["eval", *compared, "--resamples", "100"])
    assert "Note: 1 of 2 gold articles were chosen for what a model is unsure of" in result.output


def test_what_brat_shows(folder: Path) -> None:
    run("export", "labels.jsonl", "--to", "brat", "-o", "brat")
    assert (folder / "brat" / "article-1.txt").read_bytes().decode() == TEXT
    lines = (folder / "brat" / "article-1.ann").read_text("utf-8").splitlines()
    assert lines[0] == "T1\tQuoted 2 25\t“It’s a lie | a fable,”"
    assert "A4\tSecond T1 condemnation" in lines
    assert "#1\tAnnotatorNotes T1\tspeaker: Ida Brandt | target: =1+1" in lines
    (split,) = [line for line in lines if line.startswith("T3")]
    start = TEXT.index("the mill")
    assert split == f"T3\tIndirect {start} {start + 8};{start + 10} {start + 14}\tthe mill lied"
    assert "Indirect" in (folder / "brat" / "annotation.conf").read_text("utf-8")
    assert "expected a folder that can be made" in run("export", "labels.jsonl", "--to", "brat", "-o", "brat")


def changed(name: str, old: str, new: str) -> None:
    path = Path(name)
    before = path.read_bytes().decode()
    assert old in before
    path.write_bytes(before.replace(old, new, 1).encode())


def test_what_was_changed_in_brat_is_read(folder: Path) -> None:
    run("export", "labels.jsonl", "--to", "brat", "-o", "brat")
    changed("brat/article-1.ann", "Stance T1 denial", "Stance T1 solidarity")
    Path("brat/empty.ann").write_text("T9\tIndirect 0 6\tNobody\nA1\tStance T9 other\n", "utf-8")
    first, second = back("brat", "brat")
    assert first.statements[0] == dataclasses.replace(GOLD[0].statements[0], stance="solidarity")
    assert second.statements == [GoldStatement(0, 6, "indirect", "other", None, None, None, None)]


def test_an_export_of_label_studio_is_read(folder: Path) -> None:
    """Its tasks hold more than ours did: ids, cancelled annotations, marks of the interface."""
    run("export", "labels.jsonl", "--to", "labelstudio", "-o", "tasks.json")
    tasks = json.loads(Path("tasks.json").read_text("utf-8"))
    assert "<Labels" in Path("tasks.xml").read_text("utf-8")
    for k, task in enumerate(tasks):
        task |= {"id": k, "meta": {}}
        task["annotations"][0] |= {"id": k, "was_cancelled": False, "completed_by": 1}
        task["annotations"].append({"id": 9, "was_cancelled": True, "result": []})
        for part in task["annotations"][0]["result"]:
            part["origin"] = "manual"
    Path("tasks.json").write_text(json.dumps(tasks), "utf-8")
    assert back("labelstudio", "tasks.json") == GOLD


BROKEN: list[tuple[str, str, str, str, str]] = [
    ("brat", "brat/article-1.ann", "Stance T1 denial", "Stance T1 praise", "field 'stance': found 'praise', expected one of"),
    ("brat", "brat/article-1.ann", "Quoted 2 25", "Quoted 3 25", "field 'text': found '“It’s a lie"),
    ("brat", "brat/article-1.ann", "Stance T1", "Stance T8", "T8 is no statement of this file"),
    ("brat", "brat/article-1.ann", "A3\tStance T1 denial\n", "", "no stance, expected one of"),
    ("brat", "brat/article-1.ann", "speaker: Ida", "says Ida", "expected 'speaker: NAME | target: WORDS'"),
    ("brat", "brat/quoth.jsonl", '"article":"sea/1"', '"article":"sea/2"', "no text in articles.jsonl"),
    ("labelstudio", "tasks.json", '"start": 2', '"start": 3', "task 1, article sea/1, region s1: field 'text'"),
    ("labelstudio", "tasks.json", '"denial"', '"praise"', "field 'stance': found 'praise'"),
    ("labelstudio", "tasks.json", '"from_name": "kind"', '"from_name": "kid"', "region s1: no `kind`"),
    ("labelstudio", "tasks.json", '"article"', '"a"', "expected tasks as"),
    ("csv", "table.csv", "denial", "praise", "field 'stance': found 'praise'"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "file", "old", "new", "message"), BROKEN)
def test_what_is_wrong_is_named_with_its_place(
    folder: Path, shape: str, file: str, old: str, new: str, message: str
) -> None:
    run("export", "labels.jsonl", "--to", shape, "-o", FORMATS[shape])
    changed(file, old, new)
    said = run("import", FORMATS[shape], "--from", shape, "-o", "back.jsonl")
    assert message in said and said.startswith("quoth: ")
    assert not Path("back.jsonl").exists()


def test_an_input_is_not_written_over(folder: Path) -> None:
    assert "is also read" in run("export", "labels.jsonl", "--to", "csv", "-o", "labels.jsonl")


def test_labels_of_old_files_have_no_origin(
    labels_of: Callable[..., Path], texts_of: Callable[..., Path]
) -> None:
    (gold,) = read_gold(labels_of(GOLD[1]), texts_of(GOLD[1]))
    assert (gold.passes, gold.origin) == (1, None)
