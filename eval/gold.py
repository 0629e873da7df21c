"""Gold labels joined with their texts, and predicted records, read from files and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_args

import msgspec

from quoth.errors import InputError
from quoth.records import Record, Sentiment, Stance, from_json

GoldKind = Literal["quoted", "indirect"]

KINDS: tuple[GoldKind, ...] = get_args(GoldKind)
STANCES: tuple[Stance, ...] = get_args(Stance)
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GoldStatement:
    """One labelled span: code points [start, end) of its article.

    kind: a passage between quotation marks, marks included, or a paraphrase.  speaker: the fullest name in
    the article, None where the text does not tell.  target: a phrase of the article.
    """

    start: int
    end: int
    kind: GoldKind
    stance: Stance
    stance2: Stance | None
    sentiment: Sentiment
    speaker: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """A text and its labelled statements, in the order of the label file."""

    id: str
    text: str
    split: str
    statements: list[GoldStatement]


class _LabelLine(msgspec.Struct):
    article: str
    sha256: str
    split: str
    statements: list[msgspec.Raw]


class _TextRow(msgspec.Struct):
    id: str = ""
    content_original: str | None = None
    text: str | None = None


def read_gold(labels: Path, articles: Path) -> list[GoldArticle]:
    """Join a stand-off label file (JSONL) with its texts.

    articles: a folder of ID.json, or a JSONL file of rows with an `id`; the text is in `content_original`
    or `text`.  Raises InputError, naming file, line, article and item (counted from 0), for a label that is
    not in the codebook, a span outside its text or given twice, an article labelled twice or without a
    text, and a text whose sha256 is not the labels'.
    """
    rows = list(_unique(labels, ((n, row.article, row) for n, row in _rows(labels, _LabelLine))))
    texts = {} if articles.is_dir() else _texts(articles, {row.article for _, row in rows})
    gold = []
    for number, row in rows:
        where = f"{labels}, line {number}, article {row.article}"
        text = _text_in(articles, row.article, where) if articles.is_dir() else texts.get(row.article)
        if text is None:
            raise InputError(f"{where}: no text in {articles}")
        found = hashlib.sha256(text.encode()).hexdigest()
        if found != row.sha256:
            raise InputError(
                f"{where}: the text in {articles} has sha256 {found}, labels are for {row.sha256}"
            )
        gold.append(GoldArticle(row.article, text, row.split, _statements(row.statements, text, where)))
    return gold


def read_predictions(path: Path) -> dict[str, Record]:
    """The records of a quoth JSONL file, by article id.

    Raises InputError, naming file and line, for a line that is no record and an id given twice.
    """
    records = ((n, record.id, record) for n, record in _records(path))
    return {record.id: record for _, record in _unique(path, records)}


def _statements(raws: list[msgspec.Raw], text: str, where: str) -> list[GoldStatement]:
    statements: dict[tuple[int, int], GoldStatement] = {}
    for item, raw in enumerate(raws):
        try:
            statement = msgspec.json.decode(raw, type=GoldStatement)
        except msgspec.ValidationError as error:
            raise InputError(
                f"{where}, item {item}: {error}; kinds are {', '.join(KINDS)}, stances {', '.join(STANCES)}, "
                f"sentiments {', '.join(SENTIMENTS)}"
            ) from error
        span = statement.start, statement.end
        if not 0 <= span[0] < span[1] <= len(text):
            raise InputError(f"{where}, item {item}: span {span} does not lie in a text of {len(text)}")
        if span in statements:
            raise InputError(f"{where}, item {item}: span {span} is labelled twice")
        statements[span] = statement
    return list(statements.values())


def _text_in(folder: Path, article: str, where: str) -> str | None:
    path = folder / f"{article}.json"
    try:
        row = msgspec.json.decode(path.read_bytes(), type=_TextRow)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise InputError(f"{where}: {path}: {error}") from error
    return _text(row)


def _texts(path: Path, wanted: set[str]) -> dict[str, str | None]:
    rows = ((n, row.id, row) for n, row in _rows(path, _TextRow) if row.id in wanted)
    return {row.id: _text(row) for _, row in _unique(path, rows)}


def _text(row: _TextRow) -> str | None:
    return row.text if row.content_original is None else row.content_original


def _unique(path: Path, rows: Iterator[tuple[int, str, T]]) -> Iterator[tuple[int, T]]:
    lines: dict[str, int] = {}
    for number, article, row in rows:
        if article in lines:
            raise InputError(f"{path}, line {number}: article {article} is on line {lines[article]} already")
        lines[article] = number
        yield number, row


def _rows(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    decoder = msgspec.json.Decoder(kind)
    for number, line in _lines(path):
        try:
            yield number, decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"{path}, line {number}: {error}") from error


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    for number, line in _lines(path):
        try:
            yield number, from_json(line)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as lines:
            yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
