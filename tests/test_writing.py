from __future__ import annotations

import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quoth import writing
from quoth.errors import ConfigError, InputError, MissingExtraError
from quoth.flat import record_of
from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement, Target, from_json, to_json
from quoth.writing import COLUMNS, FORMATS, flat, open_writer

TEXT = (
    "Orla Venn said the harbour board “hid the cafe\u0301 fire 🔥” and would pay.\n"
    "=cmd() was scrawled on the wall. “We deny it,” an official said."
)
MODEL = ModelInfo("tiny", "1", "0123456789ab")


def statement(passage: str, text: str = TEXT, **changes: Any) -> Statement:
    start = text.index(passage)
    plain = Statement(
        id="s1",
        quotation="q1",
        start=start,
        end=start + len(passage),
        text=passage,
        kind="direct",
        fragment=False,
        probability=0.75,
        cue=None,
        speaker=None,
        stance="other",
        stance_probabilities={
            "accusation": 0.125,
            "denial": 0.125,
            "condemnation": 0.125,
            "solidarity": 0.125,
            "other": 0.5,
        },
        second_stance=None,
        abstained=False,
        sentiment="negative",
        sentiment_probabilities={"negative": 0.5, "neutral": 0.25, "positive": 0.25},
        target=None,
    )
    return replace(plain, **changes)


def span(passage: str) -> Span:
    start = TEXT.index(passage)
    return Span.of(TEXT, start, start + len(passage))


def sample() -> tuple[Record, Article]:
    """A mixed clause with a passage inside, a formula, and a denial by nobody known toward nobody."""
    venn = Speaker("Orla Venn", "person", span("Orla Venn"), span("Orla Venn"), 0.9375)
    official = Speaker(None, "unnamed", span("an official"), None, 0.5)
    board = Target(
        "the harbour board", TEXT.index("the harbour"), TEXT.index(" “hid"), "Quay Town Harbour Board"
    )
    clause = "the harbour board “hid the cafe\u0301 fire 🔥” and would pay"
    statements = [
        statement(
            clause, kind="mixed", speaker=venn, cue=span("said"), target=board, second_stance="condemnation"
        ),
        statement("“hid the cafe\u0301 fire 🔥”", id="s2", speaker=venn, target=board, stance="accusation"),
        statement("=cmd()", id="s3", quotation="q2", fragment=True, abstained=True),
        statement("“We deny it,”", id="s4", quotation="q3", speaker=official, stance="denial"),
    ]
    metadata = {"title": "+1 for the café", "date": "2021-03-04", "source": -5, "tags": ["a", None]}
    record = Record("1", "a1", metadata, ["text was cut"], MODEL, statements)
    return record, Article("a1", TEXT, metadata)


def empty() -> tuple[Record, Article]:
    return Record("1", "none", {}, [], MODEL, []), Article("none", "Rain.")


def written(path: Path, format: str, *pairs: tuple[Record, Article]) -> bytes:
    with open_writer(path, format) as writer:
        for record, article in pairs:
            writer.write(record, article)
    return path.read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_appears_only_when_the_block_ends(tmp_path: Path, format: str) -> None:
    path = tmp_path / "out"
    with open_writer(path, format) as writer:
        writer.write(*sample())
        (part,) = names(tmp_path)
        assert part.startswith(".") and part.endswith(".part")
    assert names(tmp_path) == ["out"]
    assert path.stat().st_size > 100


@pytest.mark.parametrize("format", FORMATS)
def test_an_exception_leaves_the_old_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(KeyError), open_writer(path, format) as writer:
        writer.write(*sample())
        raise KeyError
    assert names(tmp_path) == ["out"]
    assert path.read_text() == "old"


def test_sigkill_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    code = (
        "import os, sys, pathlib, quoth.writing as w\n"
        "with w.open_writer(pathlib.Path(sys.argv[1]), 'html'): os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    part, final = names(tmp_path)
    assert part.startswith(".") and part.endswith(".part") and final == "out"
    assert path.read_text() == "old"


def test_output_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    written(tmp_path / "out", "jsonl", sample())
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_name_of_full_length_works(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    assert written(path, "jsonl", empty())
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("place", ["missing/out", "file/out", "folder", "fifo"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match=place), open_writer(tmp_path / place, "jsonl"):
        pytest.fail("opened")
    assert names(tmp_path) == ["fifo", "file", "folder"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_is_an_input_error(tmp_path: Path, format: str) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        with pytest.raises(InputError, match="out: cannot be written"), open_writer(path, format) as writer:
            for _ in range(20):
                writer.write(*sample())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == ["out"]
    assert path.read_text() == "old"


def test_errors_of_the_block_are_not_blamed_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_writer(tmp_path / "out", "jsonl"):
        raise FileNotFoundError("an article")


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    with open(1, "w", closefd=False) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with open_writer(None, "jsonl") as writer:
            writer.write(*sample())
            assert capfdbinary.readouterr().out == to_json(sample()[0]) + b"\n"  # shown at once
        stdout.write("still open")
    assert capfdbinary.readouterr().out == b"still open"


def test_a_full_standard_output_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(InputError, match="standard output"), open_writer(None, "html"):
            pytest.fail("opened")
        with pytest.raises(OSError):
            stdout.close()


def test_a_closed_pipe_stays_a_broken_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, end = os.pipe()
    os.close(reader)
    with open(end, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(BrokenPipeError), open_writer(None, "html"):
            pytest.fail("opened")
        with pytest.raises(BrokenPipeError):
            stdout.close()


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'xml': expected one of jsonl, csv, parquet, html, table"):
        written(tmp_path / "out", "xml")
    assert set(writing._ENCODERS) == set(FORMATS)


def test_jsonl_round_trip(tmp_path: Path) -> None:
    lines = written(tmp_path / "out", "jsonl", sample(), empty()).splitlines()
    assert [from_json(line) for line in lines] == [sample()[0], empty()[0]]


def read_csv(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_has_one_row_per_statement(tmp_path: Path) -> None:
    content = written(tmp_path / "out", "csv", sample(), empty())
    first, second, third, fourth = read_csv(content)
    assert list(first) == list(COLUMNS)
    assert content.count(b"\r\n") == content.count(b"\n") == 5
    expected = {"speaker": "Orla Venn", "speaker_mention": "Orla Venn", "cue": "said", "kind": "mixed"}
    expected |= {"target": "the harbour board", "target_name": "Quay Town Harbour Board"}
    expected |= {"second_stance": "condemnation", "stance_probability": "0.5", "p_denial": "0.125"}
    expected |= {"p_negative": "0.5", "date": "2021-03-04", "model": "tiny 1 0123456789ab", "start": "15"}
    assert {column: first[column] for column in expected} == expected
    assert second["text"] == "“hid the cafe\u0301 fire 🔥”"
    assert (third["fragment"], third["abstained"], third["speaker"], third["cue"]) == ("true", "true", "", "")
    assert (fourth["speaker"], fourth["speaker_type"], fourth["target"]) == ("", "unnamed", "")


def test_csv_guards_texts_and_not_numbers(tmp_path: Path) -> None:
    row = read_csv(written(tmp_path / "out", "csv", sample()))[2]
    assert (row["text"], row["title"], row["source"]) == ("'=cmd()", "'+1 for the café", "-5")


def test_csv_without_records_has_a_heading(tmp_path: Path) -> None:
    content = written(tmp_path / "out", "csv")
    assert content.decode("utf-8-sig") == ",".join(COLUMNS) + "\r\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.one_of(st.sampled_from("=+-@\t\r\n\",'x"), st.characters(exclude_categories=["Cs"]))))
def test_csv_keeps_every_text(tmp_path: Path, text: str) -> None:
    record, article = sample()
    record = replace(record, statements=[replace(record.statements[0], text=text)])
    (row,) = read_csv(written(tmp_path / "out", "csv", (record, article)))
    assert row["text"] in (text, "'" + text)
    assert not row["text"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_flat_rows_have_plain_values() -> None:
    record = replace(sample()[0], metadata={"title": {"en": "Fire"}, "date": None})
    rows = flat(record)
    assert [tuple(row) for row in rows] == [COLUMNS] * 4
    assert (rows[0]["title"], rows[0]["date"], rows[0]["source"]) == ('{"en":"Fire"}', None, None)
    assert (rows[2]["text"], rows[2]["fragment"], rows[2]["start"]) == ("=cmd()", True, TEXT.index("=cmd()"))
    assert flat(empty()[0]) == []


def read_parquet(path: Path) -> list[Record]:
    parquet = pytest.importorskip("pyarrow.parquet")
    return [record_of(row) for row in parquet.read_table(path).to_pylist()]


def with_labels(record: Record) -> Record:
    """As a model with a label set gives it."""
    labels = {"label": "a claim", "label_probabilities": {"a claim": 0.75, "=threat": 0.25}}
    return replace(record, statements=[replace(s, **labels) for s in record.statements])


def test_labels_of_a_set_are_in_every_format(tmp_path: Path) -> None:
    plain, article = sample()
    record = with_labels(plain)
    (line,) = written(tmp_path / "out", "jsonl", (record, article)).splitlines()
    assert from_json(line) == record != plain
    assert all(b'"label' not in line for line in written(tmp_path / "out", "jsonl", sample()).splitlines())
    rows = read_csv(written(tmp_path / "out", "csv", (record, article), sample()))
    assert [(row["label"], row["label_probability"]) for row in rows] == [("a claim", "0.75")] * 4 + [
        ("", "")
    ] * 4
    page = written(tmp_path / "out", "html", (record, article)).decode()
    assert page.count("· a claim 0.75</small>") == page.count("label: a claim 0.75") == 4
    assert "a claim 0.75" in written(tmp_path / "out", "table", (record, article)).decode()
    bodies = json.loads(written(tmp_path / "out", "webannotation", (record, article)))["items"][0]["body"]
    (body,) = (body for body in bodies if body["schema:name"] == "label")
    assert (body["value"], len(body["schema:additionalProperty"])) == ("a claim", 2)


def test_labels_of_a_set_survive_parquet(tmp_path: Path) -> None:
    records = [with_labels(sample()[0]), sample()[0]]
    written(tmp_path / "out", "parquet", *((record, sample()[1]) for record in records))
    assert read_parquet(tmp_path / "out") == records


def test_parquet_round_trip(tmp_path: Path) -> None:
    written(tmp_path / "out", "parquet", sample(), empty(), sample())
    assert read_parquet(tmp_path / "out") == [sample()[0], empty()[0], sample()[0]]


def test_parquet_row_groups_reach_the_disk_as_they_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert writing.ROW_GROUP == 1_000
    monkeypatch.setattr(writing, "ROW_GROUP", 5)
    path = tmp_path / "out"
    records = [replace(sample()[0], id=str(number)) for number in range(13)]
    with open_writer(path, "parquet") as writer:
        for record in records:
            writer.write(record, sample()[1])
        assert len(writer.encoder.rows) == 3 and not writer.encoder.buffer.getvalue()  # type: ignore[attr-defined]
    file = parquet.ParquetFile(path)
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [5, 5, 3]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert read_parquet(path) == records


def test_parquet_without_records_has_the_schema(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    written(tmp_path / "out", "parquet")
    table = parquet.read_table(tmp_path / "out")
    assert table.num_rows == 0
    assert table.column_names == list(Record.__slots__)
    statement_type = table.schema.field("statements").type.value_type
    assert [field.name for field in statement_type] == list(Statement.__slots__)


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"quoth\[parquet\]"):
        written(tmp_path / "out", "parquet")
    assert names(tmp_path) == []


def test_html_page_is_whole(tmp_path: Path) -> None:
    page = written(tmp_path / "out", "html", sample(), empty()).decode()
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert page.count("<article>") == 2
    assert "Rain." in page


def test_table_in_a_file_has_no_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    content = written(tmp_path / "out", "table", sample(), empty()).decode()
    assert "\x1b" not in content
    assert "Orla Venn" in content and "none" in content


def test_table_on_a_terminal_has_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    leader, follower = pty.openpty()
    with open(follower, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with open_writer(None, "table") as writer:
            writer.write(*sample())
        with pytest.raises(InputError, match="Parquet"), open_writer(None, "parquet"):
            pytest.fail("opened")
        shown = os.read(leader, 65536)
    os.close(leader)
    assert b"\x1b[36mdenial 0.12" in shown
