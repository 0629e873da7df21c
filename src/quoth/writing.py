"""Records out: JSON lines, CSV, Parquet, HTML, a terminal table, Web Annotations; never half a file."""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, get_args

import msgspec

from quoth.annotations import CONTEXT, page_id, web_annotations
from quoth.errors import ConfigError, InputError, MissingExtraError
from quoth.records import Article, Record, Sentiment, Stance, Statement, to_json

FORMATS = ("jsonl", "csv", "parquet", "html", "table", "webannotation")
ROW_GROUP = 1_000  # records that Parquet output holds in memory at a time
STATEMENT_COLUMNS = (
    *("article_id", "statement_id", "quotation", "start", "end", "text", "kind", "fragment", "probability"),
    *("cue", "speaker", "speaker_type", "speaker_mention", "speaker_probability"),
    *("stance", "stance_probability"),
    *(f"p_{stance}" for stance in get_args(Stance)),
    *("second_stance", "abstained", "sentiment"),
    *(f"p_{sentiment}" for sentiment in get_args(Sentiment)),
    *("target", "target_name", "model"),
)
METADATA_COLUMNS = ("title", "date", "source")
LABEL_COLUMNS = ("label", "label_probability")
"""Empty where the model has no label set."""
COLUMNS = STATEMENT_COLUMNS + METADATA_COLUMNS + LABEL_COLUMNS


class Writer(Protocol):
    """What `open_writer` gives."""

    def write(self, record: Record, article: Article) -> None:
        """Add one article's answer; raises InputError that names the output where it cannot be written."""


@contextmanager
def open_writer(path: Path | None, format: str) -> Iterator[Writer]:
    """Write records to `path` (None: standard output) in one of `FORMATS`.

    A path gets its content as `whole` has it.

    Raises ConfigError for an unknown format, MissingExtraError for Parquet without pyarrow, InputError where
    the output cannot be written.  A reader that closes the pipe early stays a BrokenPipeError.
    """
    if format not in _ENCODERS:
        raise ConfigError(f"output format {format!r}: expected one of {', '.join(FORMATS)}")
    if path is None:
        if format == "parquet" and sys.stdout.isatty():
            raise InputError("standard output: expected a file or pipe for Parquet, found a terminal")
        sys.stdout.flush()
        encoder = _ENCODERS[format](terminal=sys.stdout.isatty())
        output = _Output(sys.stdout.buffer, "standard output", encoder, live=True)
        output.start()
        yield output
        output.finish()
        return

    with whole(path) as file, writer_into(file, str(path), format) as writer:
        yield writer


@contextmanager
def writer_into(file: BinaryIO, place: str, format: str) -> Iterator[Writer]:
    """Write records to an open file in one of `FORMATS`; place: what messages call it."""
    output = _Output(file, place, _ENCODERS[format](terminal=False), live=False)
    output.start()
    yield output
    output.finish()


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that appears at `path` in one step, when the block ends without an exception.

    Until then it lies beside it, under a name that starts with "." and ends in ".part"; on an exception it is
    gone and what was at `path` is as it was.  Raises InputError where it cannot be written.
    """
    with _naming(str(path)):
        if path.exists() and not path.is_file():  # a folder; or /dev/null, which root could replace
            raise InputError(f"{path}: expected a regular file or a new name, found something else")
        # Only the start of the name, or a long but valid one would make a part name that is too long.
        part = path.with_name(f".{path.name[:40]}-{secrets.token_hex(4)}.part")
        file = part.open("xb")
    try:
        yield file
        with _naming(str(path)):
            os.fsync(file.fileno())
            file.close()
            os.replace(part, path)
    except BaseException:
        with suppress(OSError):  # closing flushes, which fails once more on a full disk
            file.close()
        with suppress(OSError):
            part.unlink()
        raise


def write_json(path: Path, value: object) -> None:
    """A value of msgspec's kinds as indented JSON; see `whole`."""
    with whole(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


@contextmanager
def _naming(place: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{place}: cannot be written: {error.strerror or error}") from error


class _Encoder:
    """Records to bytes, in pieces: head, one piece per record (may be empty), tail."""

    def __init__(self, terminal: bool) -> None:
        """terminal: the bytes go straight to one."""

    def head(self) -> bytes:
        return b""

    def encode(self, record: Record, article: Article) -> bytes:
        raise NotImplementedError

    def tail(self) -> bytes:
        return b""


class _Output:
    def __init__(self, file: BinaryIO, place: str, encoder: _Encoder, live: bool) -> None:
        self.file, self.place, self.encoder = file, place, encoder
        self.live = live  # someone reads along: show each record when it is ready

    def start(self) -> None:
        self._put(self.encoder.head(), flush=self.live)

    def write(self, record: Record, article: Article) -> None:
        self._put(self.encoder.encode(record, article), flush=self.live)

    def finish(self) -> None:
        self._put(self.encoder.tail(), flush=True)

    def _put(self, piece: bytes, flush: bool) -> None:
        with _naming(self.place):
            self.file.write(piece)
            if flush:
                self.file.flush()


class _Jsonl(_Encoder):
    def encode(self, record: Record, article: Article) -> bytes:
        return to_json(record) + b"\n"


class _Csv(_Encoder):
    """RFC 4180 with a byte order mark, without which Excel takes UTF-8 for the local code page."""

    def head(self) -> bytes:
        return b"\xef\xbb\xbf" + _csv_lines([list(COLUMNS)])

    def encode(self, record: Record, article: Article) -> bytes:
        return _csv_lines([[_cell(row[column]) for column in COLUMNS] for row in flat(record)])


def _csv_lines(rows: list[list[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else guarded(value)


def guarded(value: Any) -> Any:
    """With "'" before a text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value


def flat(record: Record) -> list[dict[str, Any]]:
    """One row per statement, keys as in `COLUMNS`; None where there is nothing to tell."""
    metadata = {column: _scalar(record.metadata.get(column)) for column in METADATA_COLUMNS}
    return [
        _flat_statement(record, statement) | metadata | _flat_label(statement)
        for statement in record.statements
    ]


def _flat_label(statement: Statement) -> dict[str, Any]:
    if statement.labelled is None:
        return dict.fromkeys(LABEL_COLUMNS)
    label, probabilities = statement.labelled
    return {"label": label, "label_probability": probabilities.get(label)}


def _flat_statement(record: Record, statement: Statement) -> dict[str, Any]:
    speaker, target, model = statement.speaker, statement.target, record.model
    stances, sentiments = statement.stance_probabilities, statement.sentiment_probabilities
    return {
        "article_id": record.id,
        "statement_id": statement.id,
        "quotation": statement.quotation,
        "start": statement.start,
        "end": statement.end,
        "text": statement.text,
        "kind": statement.kind,
        "fragment": statement.fragment,
        "probability": statement.probability,
        "cue": statement.cue.text if statement.cue else None,
        "speaker": speaker.name if speaker else None,
        "speaker_type": speaker.type if speaker else None,
        "speaker_mention": speaker.mention.text if speaker and speaker.mention else None,
        "speaker_probability": speaker.probability if speaker else None,
        "stance": statement.stance,
        "stance_probability": stances.get(statement.stance),
        **{f"p_{stance}": stances.get(stance) for stance in get_args(Stance)},
        "second_stance": statement.second_stance,
        "abstained": statement.abstained,
        "sentiment": statement.sentiment,
        **{f"p_{sentiment}": sentiments.get(sentiment) for sentiment in get_args(Sentiment)},
        "target": target.text if target else None,
        "target_name": target.name if target else None,
        "model": f"{model.name} {model.version} {model.hash}",
    }


def _scalar(value: Any) -> str | int | float | bool | None:
    plain: Any = msgspec.to_builtins(value)  # dates become text, as in JSON
    return msgspec.json.encode(plain).decode() if isinstance(plain, list | dict) else plain


class _Parquet(_Encoder):
    """Row groups of `ROW_GROUP` articles; pyarrow writes to memory, so that no failure of the real output
    reaches its destructor, which would try to write again."""

    def __init__(self, terminal: bool) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("Parquet output", "parquet") from error
        self.buffer = io.BytesIO()
        self.rows: list[dict[str, Any]] = []
        self.schema = _parquet_schema(pyarrow)
        self.table_of = pyarrow.Table.from_pylist
        self.writer = pyarrow.parquet.ParquetWriter(self.buffer, self.schema, compression="zstd")

    def head(self) -> bytes:
        return self._taken()

    def encode(self, record: Record, article: Article) -> bytes:
        row = msgspec.to_builtins(record)
        row["metadata"] = msgspec.json.encode(record.metadata).decode()
        for statement in row["statements"]:
            # By a list, since the labels, which a model's set names, are no part of the schema.
            given = statement.get("label_probabilities", {})
            statement["label_probabilities"] = [
                {"label": k, "probability": p} for k, p in given.items()
            ] or None
        self.rows.append(row)
        if len(self.rows) == ROW_GROUP:
            self._end_group()
        return self._taken()

    def tail(self) -> bytes:
        if self.rows:
            self._end_group()
        self.writer.close()
        return self._taken()

    def _end_group(self) -> None:
        self.writer.write_table(self.table_of(self.rows, schema=self.schema), row_group_size=ROW_GROUP)
        self.rows.clear()

    def _taken(self) -> bytes:
        piece = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        return piece


def _parquet_schema(pa: Any) -> Any:
    text, whole, number, truth = pa.string(), pa.int64(), pa.float64(), pa.bool_()
    span = pa.struct({"start": whole, "end": whole, "text": text})
    statement = {"id": text, "quotation": text, "start": whole, "end": whole, "text": text, "kind": text}
    statement |= {"fragment": truth, "probability": number, "cue": span}
    speaker = {"name": text, "type": text, "mention": span, "source": span, "probability": number}
    statement |= {"speaker": pa.struct(speaker), "stance": text}
    statement |= {"stance_probabilities": pa.struct({stance: number for stance in get_args(Stance)})}
    statement |= {"second_stance": text, "abstained": truth, "sentiment": text}
    statement |= {"sentiment_probabilities": pa.struct({label: number for label in get_args(Sentiment)})}
    statement |= {"target": pa.struct({"text": text, "start": whole, "end": whole, "name": text})}
    labelled = pa.struct({"label": text, "probability": number})
    statement |= {"label": text, "label_probabilities": pa.list_(labelled)}
    record = {"schema": text, "id": text, "metadata": text, "warnings": pa.list_(text)}
    record |= {"model": pa.struct({"name": text, "version": text, "hash": text})}
    return pa.schema(record | {"statements": pa.list_(pa.struct(statement))})


class _Html(_Encoder):
    def __init__(self, terminal: bool) -> None:
        from quoth import marking

        self.marking = marking

    def head(self) -> bytes:
        return self.marking.page_head().encode()

    def encode(self, record: Record, article: Article) -> bytes:
        return self.marking.page_article(record, article).encode()

    def tail(self) -> bytes:
        return self.marking.PAGE_TAIL.encode()


class _WebAnnotation(_Encoder):
    """One page of annotations, whose id comes last, as it depends on theirs."""

    def __init__(self, terminal: bool) -> None:
        self.ids = ""

    def head(self) -> bytes:
        return f'{{"@context":"{CONTEXT}","type":"AnnotationPage","items":['.encode()

    def encode(self, record: Record, article: Article) -> bytes:
        pieces = []
        for annotation in web_annotations(record, article):
            pieces.append((b",\n" if self.ids else b"\n") + msgspec.json.encode(annotation))
            self.ids = page_id(self.ids + annotation["id"])
        return b"".join(pieces)

    def tail(self) -> bytes:
        return f'\n],"id":"{page_id(self.ids)}"}}\n'.encode()


class _Table(_Encoder):
    def __init__(self, terminal: bool) -> None:
        # Records alone need neither, and rich takes as long to load as a short article to label.
        from rich.console import Console

        from quoth import marking

        self.view = marking.terminal_view
        # None, not False: rich then still obeys FORCE_COLOR.  In a notebook it would bypass the file.
        self.buffer = io.StringIO()
        self.console = Console(
            file=self.buffer, force_terminal=terminal or None, force_jupyter=False, highlight=False
        )

    def encode(self, record: Record, article: Article) -> bytes:
        self.console.print(self.view(record, self.console.width))
        piece = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        return piece.encode("utf-8", "replace")


_ENCODERS: dict[str, type[_Encoder]] = {
    "jsonl": _Jsonl,
    "csv": _Csv,
    "parquet": _Parquet,
    "html": _Html,
    "table": _Table,
    "webannotation": _WebAnnotation,
}
