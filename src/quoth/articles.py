"""Reading of articles from files, folders and standard input: one Article, or the reason why not, at a time."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import math
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from quoth.errors import InputError
from quoth.extras import needs
from quoth.records import Article
from quoth.sources import Source, damage, opened, sources


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the fields that hold id and text in rows of JSON, CSV and Parquet."""

    id: str = "id"
    text: str = "text"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row or file that cannot be read.

    place: "in.jsonl:17" (line, from 1), "in.csv: row 3" (from 1, header not counted), "in.json: item 3" or the
    file alone.  id: the row's own, where it has one.  reason: names the field, what was found and expected.
    """

    place: str
    id: str | None
    reason: str


LONGEST = 1_000_000
"""Characters of a text; a longer one is no article, and would take the memory of all others."""

# The place goes along with an article so that a later duplicate of its id can name it.
_Found = tuple[str, Article | Rejected]
_Reader = Callable[[Iterable[bytes], Source, Columns], Iterator[_Found]]

# Field names of our stand-off article files, read where the usual name is absent.
_STAND_OFF = {"id": "ID", "text": "content_original"}

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(
    inputs: Sequence[str | Path],
    columns: Columns = Columns(),
    stdin: BinaryIO | None = None,
    format: str | None = None,
) -> Iterator[Article | Rejected]:
    """Read files, folders (recursively, in sorted order) and "-" (standard input), each opened when its turn comes.

    A text or HTML file is one article; rows of JSON Lines, CSV, TSV and Parquet are streamed, and only the ids of
    those read are remembered. A row's fields other than id and text go to the metadata as JSON values; a row
    without id is named after its file and place. Encodings: UTF-8, or UTF-16 with a byte order mark (then the file
    is held in memory whole); of HTML the one it declares. Every code point of a text is kept.
    columns: "content_original" and "ID" stand in for the usual names where a row has only those.
    stdin: defaults to the process's own.  format: text, jsonl, json, csv, tsv, parquet or html; overrides the
    suffix, in folders that of every file.

    Raises InputError, at once, for a missing path, an unknown suffix or format, and later at a table whose header
    lacks a column; MissingExtraError at the first Parquet or HTML file whose library is missing.
    """
    if format is not None and format not in _READERS:
        raise InputError(f"format: found {format!r}, expected one of {', '.join(_READERS)}")
    places = [source for given in inputs for source in sources(given, format)]
    return _distinct(itertools.chain.from_iterable(rows_of(source, columns, stdin) for source in places))


def rows_of(source: Source, columns: Columns, stdin: BinaryIO | None = None) -> Iterator[_Found]:
    """The rows of one file, each with its place: "in.jsonl:17"; ids are not checked to be unique."""
    last = None
    try:
        with opened(source, stdin) as stream:
            chunks, format = (stream, source.format) if source.format else _sniffed(stream)
            for place, item in _READERS[format](chunks, source, columns):
                if isinstance(item, Article):
                    item = _fitting(item, place, source)
                yield place, item
                last = place
    except UnicodeDecodeError as error:
        encoding = error.encoding.upper()[:6]  # without the byte order of "utf-16-le"
        reason = f"not {encoding} (byte 0x{error.object[error.start]:02x} at offset {error.start})"
        yield source.name, Rejected(source.name, None, reason)
    except damage() as error:
        after = f" after {last}" if last else ""
        yield source.name, Rejected(source.name, None, f"damaged or unreadable{after}: {error}")


def _fitting(article: Article, place: str, source: Source) -> Article | Rejected:
    if len(article.text) > LONGEST:
        found = f"text of {len(article.text):,} characters"
        return Rejected(place, article.id, f"{found}, expected at most {LONGEST:,}: cut it into articles")
    return replace(article, metadata=source.partition | article.metadata) if source.partition else article


def _sniffed(stream: Iterable[bytes]) -> tuple[Iterable[bytes], str]:
    """The same bytes again, and whether they are JSON Lines or text."""
    head = []
    for line in stream:
        head.append(line)
        if line.removeprefix(codecs.BOM_UTF8).strip():
            break
    first = head[-1].removeprefix(codecs.BOM_UTF8) if head else b""
    try:
        rows = first.lstrip().startswith(b"{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        rows = False
    return itertools.chain(head, stream), "jsonl" if rows else "text"


def _distinct(found: Iterable[_Found]) -> Iterator[Article | Rejected]:
    places: dict[str, str] = {}
    for place, item in found:
        if isinstance(item, Article):
            if item.id in places:
                reason = f"id {item.id!r}: already used at {places[item.id]}, expected one that is unique"
                yield Rejected(place, item.id, reason)
                continue
            places[item.id] = place
        yield item


def _decoded(data: bytes) -> str:
    if data.startswith(_UTF16) and not data.startswith(codecs.BOM_UTF32_LE):
        return data.decode("utf-16")
    return data.decode("utf-8").removeprefix("\ufeff")


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends, split at "\\n" only; bytes that are not UTF-8 become lone surrogates, which the row
    that holds them is rejected for."""
    lines = iter(chunks)
    first = next(lines, b"")
    if first.startswith(_UTF16):
        yield from io.StringIO(_decoded(first + b"".join(lines)), newline="\n")
        return
    for line in itertools.chain([first.removeprefix(codecs.BOM_UTF8)], lines):
        yield line.decode("utf-8", "surrogateescape")


def _text(chunks: Iterable[bytes], source: Source, columns: Columns) -> Iterator[_Found]:
    yield source.name, Article(source.id, _decoded(b"".join(chunks)))


def html_article(page: bytes) -> Article:
    """The article of a news page, without an id; raises InputError where there is none, MissingExtraError without
    trafilatura."""
    with needs("HTML input", "html"):
        import trafilatura
    found = trafilatura.bare_extraction(page, include_comments=False, with_metadata=True)
    if found is None or not found.text:
        raise InputError("found no article text, expected a news page in HTML")
    told = {"title": found.title, "date": found.date, "source": found.sitename or found.hostname}
    text = re.sub(r"\n+", "\n\n", found.text)
    return Article("", text, {name: value for name, value in told.items() if value})


def _html(chunks: Iterable[bytes], source: Source, columns: Columns) -> Iterator[_Found]:
    try:
        article = html_article(b"".join(chunks))
    except InputError as error:
        yield source.name, Rejected(source.name, None, str(error))
    else:
        yield source.name, replace(article, id=source.id)


def _jsonl(chunks: Iterable[bytes], source: Source, columns: Columns) -> Iterator[_Found]:
    for number, line in enumerate(_lines(chunks), 1):
        if not line.strip():
            continue
        place, damage = f"{source.name}:{number}", _damage(line)
        try:
            row = _parsed(line)
        except ValueError as error:
            yield place, Rejected(place, None, damage or str(error))
        else:
            yield place, _article(row, columns, place, f"{source.id}-{number}", damage)


def _json(chunks: Iterable[bytes], source: Source, columns: Columns) -> Iterator[_Found]:
    text = _decoded(b"".join(chunks))
    try:
        content = _parsed(text)
    except ValueError as error:
        yield source.name, Rejected(source.name, None, str(error))
        return
    if not isinstance(content, list):
        yield source.name, _article(content, columns, source.name, source.id)
        return
    for number, row in enumerate(content, 1):
        place = f"{source.name}: item {number}"
        yield place, _article(row, columns, place, f"{source.id}-{number}")


def _parsed(text: str) -> Any:
    """Raises ValueError that says where text stops being JSON."""
    try:
        # Python programs write NaN, which is no JSON, for a missing number.
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        found = f"{error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else error
        raise ValueError(f"not JSON: {found}, expected an object") from error


def _csv(chunks: Iterable[bytes], source: Source, columns: Columns, delimiter: str) -> Iterator[_Found]:
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    # strict: a quotation mark that is not doubled would otherwise vanish from the text without a word.
    rows = csv.reader(_lines(chunks), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise InputError(f"{source.name}: header: {error}") from error
    _check_header(header, columns, source.name)
    for number in itertools.count(1):
        place = f"{source.name}: row {number}"
        try:
            cells = next(row for row in rows if row)
        except StopIteration:
            return
        except csv.Error as error:
            yield place, Rejected(place, None, f"not CSV: {error} (ends at line {rows.line_num})")
            continue
        row = dict(zip(header, cells, strict=False))
        damaged = (f"field {name!r}: {reason}" for name, cell in row.items() if (reason := _damage(cell)))
        damage = next(damaged, None)
        if len(cells) > len(header):
            damage = f"found {len(cells)} cells, expected {len(header)} as in the header"
        yield place, _article(row, columns, place, f"{source.id}-{number}", damage)


def _parquet(chunks: Iterable[bytes], source: Source, columns: Columns) -> Iterator[_Found]:
    with needs("Parquet input", "parquet"):
        import pyarrow
        from pyarrow import parquet
    seekable = isinstance(chunks, io.IOBase) and chunks.seekable()
    try:
        file = parquet.ParquetFile(chunks if seekable else io.BytesIO(b"".join(chunks)))
        names = file.schema_arrow.names
        _check_header(names, columns, source.name)
        numbers = itertools.count(1)
        for batch in file.iter_batches(batch_size=256):
            for index, number in zip(range(batch.num_rows), numbers, strict=False):
                place = f"{source.name}: row {number}"
                try:
                    row = dict(zip(names, (column[index].as_py() for column in batch.columns), strict=True))
                except (ValueError, OverflowError) as error:  # bytes that are not UTF-8, dates past year 9999
                    yield place, Rejected(place, None, f"a value that cannot be read: {error}")
                else:
                    yield place, _article(row, columns, place, f"{source.id}-{number}")
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error


def _check_header(header: Sequence[str], columns: Columns, name: str) -> None:
    for column in [columns.text] if columns.id == "id" else [columns.text, columns.id]:
        if header.count(_field(column, header)) != 1:
            raise InputError(f"{name}: found columns {list(header)}, expected one named {column!r}")


def _field(name: str, row: Container[str]) -> str:
    other = _STAND_OFF.get(name, name)
    return other if other in row and name not in row else name


def _article(
    row: Any, columns: Columns, place: str, spare_id: str, damage: str | None = None
) -> Article | Rejected:
    """damage: why the row is rejected, found before its fields were told apart."""
    if not isinstance(row, dict):
        return Rejected(place, None, f"found {_kind(row)}, expected an object")
    id_field, text_field = _field(columns.id, row), _field(columns.text, row)
    id, text = row.get(id_field), row.get(text_field)
    usable = isinstance(id, (str, int)) and not isinstance(id, bool) and id != ""
    known = str(id) if usable else None
    metadata = {}
    for name, value in row.items():
        try:
            metadata[_plain(name)] = _plain(value)
        except UnicodeEncodeError as error:
            surrogate = f"lone surrogate U+{ord(error.object[error.start]):04X} at offset {error.start}"
            damage = damage or f"field {name!r}: found {surrogate}, expected Unicode text"
            known = None if name == id_field else known
        except RecursionError:
            damage = damage or f"field {name!r}: nested too deeply"
    if damage is None and text_field not in row:
        damage = f"field {columns.text!r}: missing, expected a string"
    if damage is None and not isinstance(text, str):
        damage = f"field {text_field!r}: found {_kind(text)}, expected a string"
    if damage is None and known is None and id not in (None, ""):
        damage = f"field {id_field!r}: found {_kind(id)}, expected a string or a whole number"
    if damage is not None:
        return Rejected(place, known, damage)
    metadata.pop(id_field, None)
    return Article(known or spare_id, metadata.pop(text_field), metadata)


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def _damage(text: str) -> str | None:
    """The first byte that `_lines` could not decode; offset: in bytes, from the start of text."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        offset = len(text[: error.start].encode())
        return f"not UTF-8 (byte 0x{ord(text[error.start]) - 0xDC00:02x} at offset {offset})"
    return None


def _plain(value: Any) -> Any:
    """The value as JSON has it; raises UnicodeEncodeError at a lone surrogate, which no output could hold."""
    match value:
        case str():
            value.encode()
            return value
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
    return str(value)


_READERS: dict[str, _Reader] = {
    "text": _text,
    "jsonl": _jsonl,
    "json": _json,
    "csv": partial(_csv, delimiter=","),
    "tsv": partial(_csv, delimiter="\t"),
    "parquet": _parquet,
    "html": _html,
}
