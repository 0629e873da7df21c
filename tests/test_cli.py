from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import quoth
from quoth.cli import main
from quoth.records import from_json, json_schema

ROOT = Path(__file__).parent.parent
ARTICLES = ROOT / "examples" / "articles.jsonl"
TEXT = "“They lied to us for nine days,” Harbour Minister Ruth Okoro said of the port’s operator on Tuesday."


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    lines = [
        json.dumps({"id": "a", "text": TEXT, "title": "Fire", "desk": 7}),
        json.dumps({"id": "b", "body": TEXT}),
        "{not json",
        json.dumps({"id": "c", "text": TEXT}),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_rows_become_records_and_bad_ones_are_written_down(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(main, ["label", str(rows), "--format", "jsonl", "-o", str(out)])
    assert result.exit_code == 3
    assert "2 rows could not be labelled, 2 were" in result.output
    records = [from_json(line) for line in out.read_bytes().splitlines()]
    assert [(r.id, r.metadata) for r in records] == [("a", {"title": "Fire", "desk": 7}), ("c", {})]
    assert records[0].statements[0].speaker
    errors = [json.loads(line) for line in (tmp_path / "out.jsonl.errors.jsonl").read_text().splitlines()]
    assert [(e["place"].rpartition(":")[2], e["id"]) for e in errors] == [("2", "b"), ("3", None)]
    assert "text" in errors[0]["reason"]


def test_strict_stops_at_the_first_bad_row_and_writes_nothing(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = CliRunner().invoke(main, ["label", str(rows), "-o", str(out), "--strict"])
    assert result.exit_code == 1
    assert "in.jsonl:2" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl"]


def test_a_pipe_gets_json_lines() -> None:
    result = CliRunner().invoke(main, ["label", "-"], input=TEXT)
    assert result.exit_code == 0
    record = from_json(result.stdout)
    assert record.statements[0].text == "“They lied to us for nine days,”"


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.html", "out.txt"])
def test_the_suffix_chooses_the_format(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    source = tmp_path / "in.txt"
    source.write_text(TEXT, "utf-8")
    result = CliRunner().invoke(main, ["label", str(source), "-o", str(tmp_path / name)])
    assert result.exit_code == 0, result.output
    content = (tmp_path / name).read_bytes()
    if name == "out.csv":
        (row,) = csv.DictReader(content.decode("utf-8-sig").splitlines())
        assert (row["text"], row["speaker"]) == ("“They lied to us for nine days,”", "Ruth Okoro")
    else:
        assert content.startswith({"parquet": b"PAR1", "html": b"<!", "txt": b"in"}[name.partition(".")[2]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["label", "nowhere.txt"], "nowhere.txt"),
        (["label", str(ARTICLES), "--model", "huge"], "huge: neither a folder nor a model"),
        (["train", "nowhere.toml", "--data", ".", "--run", "."], "nowhere.toml"),
        (["eval", "--gold", "nowhere.jsonl", "--articles", str(ARTICLES)], "nowhere.jsonl"),
        (["label", str(ARTICLES), "-o", str(ARTICLES)], "is also read"),
        (["label", str(ARTICLES), "-o", "out.xlsx"], "found suffix '.xlsx', expected one of .jsonl"),
        (["eval"], "give --gold with --articles, or --attributions, or --pairs"),
    ],
)
def test_errors_are_one_line_that_names_what_is_wrong(arguments: list[str], said: str) -> None:
    if arguments[0] == "train":
        pytest.importorskip("torch")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (1, 2, 3)
    assert said in result.output
    assert "Traceback" not in result.output


def test_schema_prints_the_schema_of_the_types() -> None:
    printed = CliRunner().invoke(main, ["schema"]).stdout
    assert json.loads(printed) == msgspec.to_builtins(json_schema())


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    text = (
        "Der Minister sagte am Montag, der Damm sei sicher und alles sei von seinen Leuten geprüft worden. "
        "Die Opposition wies das zurück und forderte eine neue Untersuchung durch das Parlament."
    )
    (tmp_path / "in.txt").write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["label", str(tmp_path), "-o", str(tmp_path / "out.csv")])
    assert (result.exit_code, "warnings on 1 of 1 articles" in result.output) == (0, True)
    (tmp_path / "empty").mkdir()
    assert "no article found" in CliRunner().invoke(main, ["label", str(tmp_path / "empty")]).output


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"quoth, version {quoth.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["label", "--help"], ["eval", "--help"]])
def test_help_loads_no_model(arguments: list[str]) -> None:
    code = (
        "import sys; from quoth.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(sorted({'onnxruntime', 'numpy', 'tokenizers', 'torch'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("Usage:")
    assert run.stdout.splitlines()[-1] == "[]"


def test_labelling_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = sys.modules['sklearn'] = None\n"
        "import quoth; print(len(quoth.label(sys.argv[1]).statements))"
    )
    run = subprocess.run([sys.executable, "-c", code, TEXT], capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"


@pytest.mark.slow
def test_a_killed_run_leaves_no_file_under_the_final_name(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    source = tmp_path / "in.jsonl"
    lines = (json.dumps({"id": str(k), "text": TEXT}) + "\n" for k in range(20_000))
    source.write_text("".join(lines), "utf-8")
    run = subprocess.Popen([sys.executable, "-m", "quoth.cli", "label", str(source), "-o", str(out)])
    while not any(path.stat().st_size for path in tmp_path.iterdir() if path != source):
        assert run.poll() is None
    os.kill(run.pid, 9)
    run.wait()
    assert not out.exists()
