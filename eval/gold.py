"""Gold labels joined with their texts, and predicted records, read from files and checked."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from quoth import articles as article_files
from quoth.articles import Columns
from quoth.errors import InputError
from quoth.model.quotes import passages
from quoth.records import Kind, Sentiment, Stance

GoldKind = Literal["quoted", "indirect"]
SaidKind = Literal["direct", "mixed", "indirect", "quoted"]
"""Those of records, and those of gold."""

KINDS: tuple[GoldKind, ...] = get_args(GoldKind)
STANCES: tuple[Stance, ...] = get_args(Stance)
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)

T = TypeVar("T")
_Row = tuple[str | None, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """Code points [start, end) of an article.  kind: a passage between quotation marks, marks included, or a paraphrase."""

    start: int
    end: int
    kind: GoldKind


@dataclass(frozen=True, slots=True)
class GoldStatement(GoldSpan):
    """One labelled span.

    speaker: the fullest name in the article, None where the text does not tell.  sentiment: None where the labels have
    none.  target: a phrase of the article.
    """

    stance: Stance
    stance2: Stance | None
    sentiment: Sentiment | None
    speaker: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class CodedSpan(GoldSpan):
    """One span with a label of a codebook of one's own."""

    label: str


Spanned = TypeVar("Spanned", bound=GoldSpan)


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an article came to be labelled, as `quoth annotate` tells it.

    annotators: whose labels these are.  mode: evaluation or training.  proposals_shown: whether they saw a
    model's labels first.  draw: the article was the draw-th (from 1) to be taken from `pool` articles, with
    `sampling_probability` among those that were left.
    """

    annotators: list[str]
    mode: str
    proposals_shown: bool
    draw: int | None = None
    pool: int | None = None
    sampling_probability: float | None = None


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """A text and its labelled statements, in the order of the label file.

    metadata: what else the text's row or file says of it (title, date, source, ...).  passes: how often it was
    labelled independently.  origin: None where the labels do not tell.  coded: the labels of a codebook of one's own,
    see `quoth.eval.coded`, which reads no statements beside them.
    """

    id: str
    text: str
    split: str
    statements: list[GoldStatement]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    origin: Origin | None = None
    coded: list[CodedSpan] = field(default_factory=list)


class _LabelLine(msgspec.Struct):
    article: str
    sha256: str
    split: str
    statements: list[msgspec.Raw]
    passes: int = 1
    annotation: Origin | None = None


class _TextRow(msgspec.Struct):
    id: str = ""
    content_original: str | None = None
    text: str | None = None


_COLUMNS = Columns()
_TEXT_FIELDS = {"id", "ID", "text", "content", "content_original"}


def read_gold(
    labels: Path, articles: Path, split: str | None = None, fields: Columns = _COLUMNS
) -> list[GoldArticle]:
    """Join a stand-off label file (JSONL) with its texts.

    articles, fields: as in `Texts`.  split: that all articles must be of.  Raises InputError, naming file, line, article and item (counted from 0), for a
    label that is not in the codebook, a span outside its text or given twice, quoted spans that cross, an
    article labelled twice or without a text, and a text whose sha256 is not the labels'.
    """
    return [
        replace(
            article,
            statements=checked(((place, _statement(raw, place)) for place, raw in items), article.text),
        )
        for article, items in joined(labels, articles, split, fields)
    ]


def joined(
    labels: Path, articles: Path, split: str | None = None, fields: Columns = _COLUMNS
) -> Iterator[tuple[GoldArticle, list[tuple[str, msgspec.Raw]]]]:
    """The articles of a stand-off label file with their texts, and of each the (place, content) of its statements.

    Arguments and errors as of `read_gold`, which looks into the statements.
    """
    rows = list(unique(labels, ((n, row.article, row) for n, row in _rows(labels, _LabelLine))))
    texts = Texts(articles, {row.article for _, row in rows}, fields)
    for number, row in rows:
        where = f"{labels}, line {number}, article {row.article}"
        check_split(row.split, split, where)
        text, metadata = texts.row(row.article, where, row.sha256)
        items = [(f"{where}, item {k}", raw) for k, raw in enumerate(row.statements)]
        yield GoldArticle(row.article, text, row.split, [], metadata, row.passes, row.annotation), items


def origin_notes(gold: Sequence[GoldArticle]) -> list[str]:
    """What a reader of figures on this gold must know of how it was made."""
    origins = [article.origin for article in gold if article.origin]
    notes = []
    if shown := sum(origin.proposals_shown for origin in origins):
        notes.append(
            f"{shown} of {len(gold)} gold articles were labelled with a model's proposals in view, which annotators "
            "tend to keep: figures on them flatter that model and its kin"
        )
    if chosen := sum(origin.mode == "training" for origin in origins):
        notes.append(
            f"{chosen} of {len(gold)} gold articles were chosen for what a model is unsure of and for rare stances: "
            "figures on them are not those of all articles; label with --mode evaluation to judge a model"
        )
    return notes


class Texts:
    """The texts of labelled articles, found by id."""

    def __init__(self, articles: Path, wanted: set[str], fields: Columns = _COLUMNS) -> None:
        """articles: a folder of ID.json or ID.txt, or a file of rows with an `id` (JSONL, or another format
        of `quoth.articles`).  The text of a row or JSON file is in `content_original` or `text`.  wanted:
        the ids that will be asked for; of a file the rest is not kept.  fields: what rows of a file call id
        and text."""
        self._articles = articles
        self._rows: dict[str, _Row] | None = None if articles.is_dir() else _texts(articles, wanted, fields)

    def row(self, article: str, where: str, sha256: str | None = None) -> tuple[str, dict[str, Any]]:
        """Text and metadata.

        Raises InputError, which starts with `where`, for no text, or another than sha256 is of.
        """
        if self._rows is None:
            text, metadata = _row_in(self._articles, article, where)
        else:
            text, metadata = self._rows.get(article, (None, {}))
        if text is None:
            raise InputError(f"{where}: no text in {self._articles}")
        check_hash(text, sha256, f"{where}: the text in {self._articles}")
        return text, metadata


def check_split(found: str, stated: str | None, where: str) -> None:
    """Raises InputError, which starts with `where`, if another split was stated."""
    if stated is not None and found != stated:
        raise InputError(f"{where}: field 'split': found {found!r}, expected {stated!r} as stated")


def text_hash(text: str) -> str:
    """sha256 in hexadecimal digits, by which label files tie offsets to a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_hash(text: str, sha256: str | None, what: str) -> None:
    """Raises InputError, which starts with `what`, if sha256 is of another text."""
    found = text_hash(text)
    if sha256 is not None and found != sha256:
        raise InputError(f"{what} has sha256 {found}, labels are for {sha256}")


def checked(items: Iterable[tuple[str, Spanned]], text: str) -> list[Spanned]:
    """The statements of (place, statement) of one article.

    Raises InputError, which starts with the place, for a span outside the text or given twice, and for
    quoted spans that overlap without one lying in the other, as quotation marks cannot.  Paraphrases may.
    """
    statements: dict[tuple[int, int], Spanned] = {}
    for place, statement in items:
        span = statement.start, statement.end
        check_span(span, text, place)
        if span in statements:
            raise InputError(f"{place}: span {span} is labelled twice")
        if statement.kind == "quoted":
            for other, earlier in statements.items():
                if earlier.kind == "quoted" and _cross(span, other):
                    raise InputError(
                        f"{place}: quoted span {span} overlaps the quoted span {other}, expected spans that "
                        "lie apart or one in the other"
                    )
        statements[span] = statement
    return list(statements.values())


def _cross(one: tuple[int, int], other: tuple[int, int]) -> bool:
    (_, end), (start, last) = sorted((one, other))
    return start < end < last and one[0] != other[0]


def check_span(span: tuple[int, int], text: str, place: str) -> None:
    """Raises InputError, which starts with `place`, for an empty span or one outside the text."""
    if not 0 <= span[0] < span[1] <= len(text):
        raise InputError(f"{place}: span {span} does not lie in a text of {len(text)}")


def check_words(span: tuple[int, int], given: str | None, text: str, place: str) -> None:
    """Raises InputError, which starts with `place`, if `given` is not the text at the span.

    White space does not matter, nor the "'" that tables put before a sign.
    """
    found = text[slice(*span)]
    if given is not None and given.removeprefix("'").split() != found.removeprefix("'").split():
        raise InputError(
            f"{place}: field 'text': found {given[:60]!r}, expected {found[:60]!r} as at {span} of the "
            "article; offsets count its code points, not bytes"
        )


def kinds_of(text: str) -> Callable[[int, int], Kind]:
    """By span: direct if all its letters and digits lie between quotation marks, indirect if none do."""
    quoted = [(p.start, p.end) for p in passages(text)]

    def kind(start: int, end: int) -> Kind:
        near = [(a, b) for a, b in quoted if a < end and start < b]
        inside = {any(a <= k < b for a, b in near) for k in range(start, end) if text[k].isalnum()}
        return "mixed" if len(inside) == 2 else "direct" if True in inside else "indirect"

    return kind


def gold_kind(kind: SaidKind) -> GoldKind:
    """Gold knows two kinds: a `mixed` clause is a paraphrase that holds quotations."""
    return "quoted" if kind in ("direct", "quoted") else "indirect"


def decoded(raw: bytes | msgspec.Raw, kind: type[T], where: str, hint: str = "") -> T:
    """JSON as `kind`; raises InputError that begins with `where` and ends with `hint`."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"{where}: {error}{hint}") from error


def _statement(raw: msgspec.Raw, place: str) -> GoldStatement:
    kinds, stances, sentiments = (", ".join(labels) for labels in (KINDS, STANCES, SENTIMENTS))
    hint = f"; kinds are {kinds}, stances {stances}, sentiments {sentiments}"
    return decoded(raw, GoldStatement, place, hint)


def _row_in(folder: Path, article: str, where: str) -> _Row:
    path = folder / f"{article}.json"
    try:
        if path.exists():
            return _row(path.read_bytes())
        path = folder / f"{article}.txt"
        return (path.read_bytes().decode("utf-8-sig") if path.exists() else None), {}
    except (OSError, UnicodeError, msgspec.DecodeError) as error:
        raise InputError(f"{where}: {path}: {error}") from error


def _texts(path: Path, wanted: set[str], fields: Columns) -> dict[str, _Row]:
    if path.suffix in (".jsonl", ".ndjson") and fields == _COLUMNS:
        rows = (
            (n, row.id, (row.id, _row(line)))
            for n, line in read_lines(path)
            if (row := decoded(line, _TextRow, f"{path}, line {n}")).id in wanted
        )
        return dict(row for _, row in unique(path, rows))
    texts: dict[str, _Row] = {}
    for item in article_files.read([path], fields):
        if isinstance(item, article_files.Rejected):
            if item.id is None or item.id in wanted:
                raise InputError(f"{item.place}: {item.reason}")
        elif item.id in wanted:
            texts[item.id] = item.text, item.metadata
    return texts


def _row(raw: bytes) -> _Row:
    row = msgspec.json.decode(raw, type=_TextRow)
    rest = {k: v for k, v in msgspec.json.decode(raw, type=dict[str, Any]).items() if k not in _TEXT_FIELDS}
    return (row.text if row.content_original is None else row.content_original), rest


def unique(path: Path, rows: Iterable[tuple[int, str, T]]) -> Iterator[tuple[int, T]]:
    """(line, item) of (line, article, item); raises InputError that names both lines of an article."""
    lines: dict[str, int] = {}
    for number, article, row in rows:
        if article in lines:
            raise InputError(f"{path}, line {number}: article {article} is on line {lines[article]} already")
        lines[article] = number
        yield number, row


def _rows(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    for number, line in read_lines(path):
        yield number, decoded(line, kind, f"{path}, line {number}")


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, with their numbers from 1."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1:
                    line = line.removeprefix(BOM_UTF8)
                if line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
