from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

import quoth
from quoth.cli import main
from quoth.eval.diff import Move, read_result
from quoth.eval.gold import GoldArticle
from quoth.eval.release import read_attributions
from quoth.eval.result import json_schema
from quoth.records import Record

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raid: GoldArticle,
    raid_record: Record,
    labels_of: Make,
    texts_of: Make,
    lines: Make,
) -> Path:
    """The working folder: labels of two articles, their texts, and two systems' predictions."""
    monkeypatch.chdir(tmp_path)
    articles = [raid, replace(raid, id="b")]
    labels_of(*articles)
    labels_of(*(replace(a, split="test") for a in articles), name="test.jsonl")
    texts_of(*articles)
    lines(msgspec.to_builtins(raid_record), name="a.jsonl")
    spans = [{"start": s.start, "end": s.end, "stance": s.stance} for s in raid.statements]
    lines(*({"id": name, "statements": spans} for name in "ab"), name="b.jsonl")
    return tmp_path


def run(line: str, monkeypatch: pytest.MonkeyPatch | None = None) -> Result:
    """A command line as of a shell; with monkeypatch, the program finds it in sys.argv too."""
    arguments = shlex.split(line)
    if monkeypatch:
        monkeypatch.setattr(sys, "argv", ["quoth", *arguments])
    return CliRunner().invoke(main, arguments)


EVAL = "eval --gold gold.jsonl --articles articles.jsonl"
OF_A = f"{EVAL} --predictions a.jsonl --resamples 100"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("eval", "give --gold with --articles, or --attributions"),
        ("eval --gold gold.jsonl", "give --gold with --articles"),
        ("eval --articles articles.jsonl", "give --gold with --articles"),
        (f"{OF_A} --card card.md", "--predictions does not go with --card"),
        (f"{OF_A} --release x", "--predictions does not go with --release"),
        (f"{OF_A} --model small", "--predictions does not go with --model"),
        ("eval --attributions d.jsonl --gold gold.jsonl", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --html out.html", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --card card.md", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --compare a.jsonl b.jsonl", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --baseline lexicon", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --passes passes.jsonl", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --articles articles.jsonl", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --split dev", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --cases cases.jsonl", "--attributions does not go with --"),
        ("eval --attributions d.jsonl --within 0.05", "--attributions does not go with --"),
        (f"{EVAL} --compare a.jsonl b.jsonl --predictions a.jsonl", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --model small", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --passes passes.jsonl", "--compare"),
        (f"{EVAL} --column stance=label", "--column names columns of --predictions"),
        (f"{OF_A} --gold-column stance", "--gold-column takes FIELD=NAME, each field once"),
        (f"{EVAL} --compare a.jsonl b.jsonl --html out.html", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --card card.md", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --baseline lexicon", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --within 0.05", "--compare"),
        (f"{EVAL} --compare a.jsonl b.jsonl --release dev", "--compare"),
        (f"{OF_A} --column stance", "--column takes FIELD=NAME, each field once"),
        (f"{OF_A} --column stance=a --column stance=b", "--column takes FIELD=NAME, each field once"),
        (f"{OF_A} --resamples 99", "--resamples"),
        (f"{OF_A} --within 0", "--within"),
        (f"{EVAL} --compare a.jsonl", "--compare"),
        ("schema --of evaluation", "--of"),
        ("diff a.json", "RUN_B"),
    ],
)
def test_a_wrong_combination_is_refused_before_anything_is_done(line: str, said: str, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    result = run(line)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert "Error: " in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (OF_A.replace("gold.jsonl", "none.jsonl"), "none.jsonl"),
        (OF_A.replace("articles.jsonl", "none.jsonl"), "none.jsonl"),
        (f"{OF_A} --split test", "line 1, article a: field 'split': found 'dev', expected 'test' as stated"),
        (f"{OF_A} --baseline horoscope", "baseline 'horoscope': expected one of majority"),
        (f"{OF_A} --json none/out.json", "none/out.json: expected a file in a folder that is there"),
        (f"{OF_A} --html none/out.html", "none/out.html: expected a file in a folder that is there"),
        (f"{OF_A} --json .", ".: expected a file in a folder that is there"),
        (f"{OF_A} --json gold.jsonl", "gold.jsonl: is also read; name another file for the output"),
        (f"{OF_A} --html a.jsonl", "a.jsonl: is also read"),
        (f"{OF_A} --html out --json out", "out: is named for two outputs"),
        ("eval --release", "results: expected results of one version of each model, found none"),
        ("eval --attributions none.jsonl", "none.jsonl"),
        ("diff none.json a.jsonl", "none.json: No such file"),
        ("diff a.jsonl a.jsonl", "a.jsonl: "),
    ],
)  # fmt: skip
def test_errors_are_one_line_that_names_what_is_wrong(line: str, said: str) -> None:
    result = run(line)
    assert result.exit_code == 1, result.output
    assert said in result.stderr
    assert result.stderr.startswith("quoth: ") and result.stderr.count("\n") == 1


def test_predictions_are_scored_and_the_result_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"{OF_A} --seed 3 --split dev --json out.json --html out.html"
    result = run(line, monkeypatch)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("# a.jsonl on gold.jsonl\n")
    assert "| stance, quoted, end to end (6 gold, 4 missed) |" in result.stdout
    written = read_result(folder / "out.json")
    assert (written.run.command, written.run.seed, written.run.resamples) == (f"quoth {line}", 3, 100)
    assert (written.run.quoth, written.run.splits) == (quoth.__version__, {"dev": 2})
    assert len(written.items) == 12
    page = (folder / "out.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "They sank it" in page
    assert "test_log.jsonl" not in [path.name for path in folder.iterdir()]


def test_columns_say_what_a_table_calls_the_fields(folder: Path, raid: GoldArticle, table: Make) -> None:
    table("doc,from,to,label", *(f"a,{s.start},{s.end},{s.stance}" for s in raid.statements), name="t.csv")
    columns = "--column article=doc --column start=from --column end=to --column stance=label"
    result = run(f"{EVAL} --predictions t.csv {columns} --resamples 100 --json out.json")
    assert result.exit_code == 0, result.output
    confusion = read_result(folder / "out.json").stance["end_to_end"]["indirect"].confusion
    assert dict(zip(confusion.gold, confusion.counts, strict=True))["condemnation"] == [0, 0, 1, 0, 1]


def test_tables_of_labels_and_texts_have_names_of_their_own(
    folder: Path, raid: GoldArticle, table: Make
) -> None:
    table(
        "doc,start,end,mark", *(f"a,{s.start},{s.end},{s.stance}" for s in raid.statements), name="gold.csv"
    )
    table("key,body", f'a,"{raid.text}"', name="texts.csv")
    tables = "--gold gold.csv --articles texts.csv --id-column key --text-column body"
    columns = "--gold-column article=doc --gold-column stance=mark"
    result = run(f"eval {tables} {columns} --predictions a.jsonl --resamples 100 --json out.json")
    assert result.exit_code == 0, result.output
    assert [item.gold.stance for item in read_result(folder / "out.json").items if item.gold] == [
        s.stance for s in raid.statements
    ]


def test_baselines_and_the_articles_that_it_takes_are_shown(
    raid: GoldArticle, labels_of: Make, texts_of: Make
) -> None:
    labels_of(replace(raid, id="t"), name="train.jsonl")
    texts_of(*(replace(raid, id=name) for name in "abt"))
    result = run(f"{OF_A} --baseline lexicon --baseline majority=train.jsonl --within 0.1")
    assert result.exit_code == 0, result.output
    assert "| lexicon | stance, quoted |" in result.stdout
    assert "| majority | stance, indirect |" in result.stdout
    assert "| quoted | +- 10.0 |" in result.stdout


def test_a_look_at_a_test_set_is_said(folder: Path) -> None:
    for number in (1, 2):
        result = run(OF_A.replace("gold.jsonl", "test.jsonl"))
        assert result.exit_code == 0
        assert result.stderr == (
            f"quoth: this is a test set: look number {number} at it, counted in test_log.jsonl; "
            "choose nothing by it\n"
        )
    assert len((folder / "test_log.jsonl").read_bytes().splitlines()) == 2


def test_two_files_of_predictions_are_compared(folder: Path) -> None:
    result = run(f"{EVAL} --compare a.jsonl b.jsonl --resamples 100 --json out.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("A: a.jsonl\nB: b.jsonl\n\n| figure | articles |")
    assert "| stance, quoted, end to end: macro-F1, four | 2 | 6 | 25.0 | 100.0 | -75.0 [" in result.stdout
    quoted, *_ = json.loads((folder / "out.json").read_text("utf-8"))
    assert (quoted["articles"], quoted["items"], quoted["a"], quoted["b"]) == (2, 6, 0.25, 1)


def test_a_diff_names_what_moved(folder: Path) -> None:
    for name in "ab":
        run(f"{EVAL} --predictions {name}.jsonl --resamples 100 --json {name}.json")
    result = run("diff a.json b.json --json moves.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("A: a.jsonl; B: b.jsonl; gold gold.jsonl, 2 articles.\n")
    moves = msgspec.json.decode((folder / "moves.json").read_bytes(), type=list[Move])
    stances = [m.way for m in moves if m.field == "stance"]
    # Six of ten stances are right now that were not, and a quotation that was made up is gone.
    assert (stances.count("fixed"), stances.count("broken")) == (7, 0)
    assert "| stance | 7 | 0 | 0 | .016 |" in result.stdout
    assert "6 more; --most shows them" in run("diff a.json b.json --most 1").stdout
    again = run("diff b.json b.json")
    assert again.stdout.endswith("\n\nNo statement moved.\n")


def test_a_diff_of_other_gold_is_refused() -> None:
    run(f"{OF_A} --json a.json")
    run(OF_A.replace("gold.jsonl", "test.jsonl") + " --json b.json")
    result = run("diff a.json b.json")
    assert (result.exit_code, "runs on different gold: sha256 " in result.stderr) == (1, True)


ATTRIBUTED = {
    "doc": "a",
    "text": "“They lied to us,” Okoro said.",
    "statements": [{"content": [[0, 18]], "source": [[19, 24]], "cue": [[25, 29]]}],
}


def test_attributions_are_scored_and_written(folder: Path, lines: Make) -> None:
    lines(ATTRIBUTED, name="d.jsonl")
    result = run("eval --attributions d.jsonl --predictions d.jsonl --resamples 100 --json out.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "| words with their source, all | 100.0 | 100.0 | 100.0 [100.0, 100.0] | 4 |" in result.stdout
    assert read_attributions(folder / "out.json").exact["all"]["f1"] == 100


def test_the_tables_of_a_release_are_written(
    folder: Path, raid: GoldArticle, result: Make, told: Make
) -> None:
    from quoth.eval.items import judged, with_told
    from quoth.eval.release import publish

    publish("dev", result(with_told(judged([raid], {}), [told(s.stance) for s in raid.statements])))
    (folder / "docs").mkdir()
    (folder / "docs" / "results.md").write_text("<!-- results: dev -->\n<!-- /results -->\n", "utf-8")
    (folder / "MODEL_CARD.md").write_text("No block.\n", "utf-8")
    (folder / "docs" / "limits.md").write_text("No block.\n", "utf-8")
    done = run("eval --release")
    assert (done.exit_code, done.stderr) == (0, "quoth: wrote the tables of docs/results.md\n")
    assert "# small 0.1.0 on gold.jsonl" in (folder / "docs" / "results.md").read_text("utf-8")
    assert run("eval --release").stderr == ""


def test_the_printed_schema_is_the_types_own() -> None:
    result = run("schema --of eval")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == msgspec.to_builtins(json_schema())
    assert {"Attributions", "Item", "Figure"} <= json_schema()["$defs"].keys()


def test_what_is_written_fits_the_schema(folder: Path, lines: Make) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    lines(ATTRIBUTED, name="d.jsonl")
    run(f"{OF_A} --baseline lexicon --json result.json")
    run("eval --attributions d.jsonl --predictions d.jsonl --resamples 100 --json attributions.json")
    validator = jsonschema.Draft202012Validator(json.loads(run("schema --of eval").stdout))
    for name in ("result.json", "attributions.json"):
        written = json.loads((folder / name).read_text("utf-8"))
        validator.validate(written)
        assert not validator.is_valid(written | {"run": None})
