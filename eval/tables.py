"""Labels and predictions in CSV: one row a statement, columns named by the caller where they are not ours."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from quoth.articles import Columns
from quoth.errors import InputError
from quoth.eval.gold import (
    KINDS,
    SENTIMENTS,
    STANCES,
    GoldArticle,
    GoldKind,
    GoldSpan,
    GoldStatement,
    Origin,
    SaidKind,
    Spanned,
    Texts,
    check_split,
    check_words,
    checked,
    gold_kind,
    kinds_of,
    read_gold,
)

GOLD_FIELDS = ("article", "start", "end", "stance", "stance2", "kind", "sentiment", "speaker", "target",
               "text", "split", "sha256", "passes", "annotators", "mode", "proposals_shown", "draw", "pool",
               "sampling_probability")  # fmt: skip
OF_ARTICLE = frozenset(("article", "split", "sha256", *GOLD_FIELDS[GOLD_FIELDS.index("passes") :]))
"""Fields that tell of the article, not of the statement; the article's first row counts."""

SUFFIXES = (".csv", ".tsv")

_ALIASES = {"article": ("article", "article_id"), "stance2": ("stance2", "second_stance")}
"""Names of columns that are understood besides the field's own: those of `quoth label --format csv`."""

_COLUMNS = Columns()
Label = TypeVar("Label", bound=str)


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by field, empty ones left out; names: the column of each field.

    The methods give None for an empty cell and raise InputError that names row, field and column.
    """

    place: str
    names: Mapping[str, str]
    cells: Mapping[str, str]

    def wrong(self, field: str, expected: str) -> InputError:
        name = "" if self.names.get(field, field) == field else f" (column {self.names[field]!r})"
        found = repr(self.cells[field]) if field in self.cells else "nothing"
        return InputError(f"{self.place}: field {field!r}{name}: found {found}, expected {expected}")

    def required(self, field: str) -> str:
        if field not in self.cells:
            raise self.wrong(field, "a value")
        return self.cells[field]

    def whole(self, field: str) -> int | None:
        number = self._number(field, "a whole number")
        # Tables that had gaps are often written with 12.0 for 12.
        if number is not None and number != int(number):
            raise self.wrong(field, "a whole number")
        return None if number is None else int(number)

    def share(self, field: str) -> float | None:
        number = self._number(field, "a number from 0 to 1")
        if number is not None and not 0 <= number <= 1:
            raise self.wrong(field, "a number from 0 to 1")
        return number

    def label(self, field: str, labels: Sequence[Label]) -> Label | None:
        cell = self.cells.get(field)
        for label in labels:
            if cell == label:
                return label
        if cell is not None:
            raise self.wrong(field, f"one of {', '.join(labels)}")
        return None

    def span(self, start: str = "start", end: str = "end") -> tuple[int, int] | None:
        """Both ends or neither."""
        first, last = self.whole(start), self.whole(end)
        if first is None and last is None:
            return None
        if first is None or last is None:
            raise self.wrong(start if first is None else end, "a whole number")
        return first, last

    def _number(self, field: str, expected: str) -> float | None:
        if field not in self.cells:
            return None
        try:
            number = float(self.cells[field])
        except ValueError as error:
            raise self.wrong(field, expected) from error
        if not math.isfinite(number):
            raise self.wrong(field, expected)
        return number


def read_rows(
    path: Path, fields: Sequence[str], required: Sequence[str], columns: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """The rows of a table in UTF-8 with a header; commas, semicolons or tabs between the cells.

    columns: the name of a field's column; else the column named like the field, in whatever case.
    Raises InputError for an unknown field, a column that is missing, named twice or meant twice, a row of
    another length than the header, and what is no CSV.
    """
    chosen = columns or {}
    if unknown := [field for field in chosen if field not in fields]:
        raise InputError(f"column mapping: found field {unknown[0]!r}, expected one of {', '.join(fields)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows(path, io.StringIO(lines.read(), newline=""), fields, required, chosen)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found byte 0x{error.object[error.start]:02x}, expected UTF-8") from error


def is_table(path: Path) -> bool:
    """Whether a file is read as a table, by its suffix."""
    return path.suffix.lower() in SUFFIXES


def read_labels(
    labels: Path,
    articles: Path,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    fields: Columns = _COLUMNS,
) -> list[GoldArticle]:
    """Gold of a table or, as `read_gold` has it, of a stand-off JSONL file."""
    if is_table(labels):
        return read_gold_table(labels, articles, columns, split, fields)
    if columns:
        raise InputError(f"{labels}: column mapping: expected a table ({', '.join(SUFFIXES)})")
    return read_gold(labels, articles, split, fields)


def read_gold_table(
    labels: Path,
    articles: Path,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    fields: Columns = _COLUMNS,
) -> list[GoldArticle]:
    """Gold statements from rows of GOLD_FIELDS, of which article, start, end and stance are required.

    articles, split, fields: as `read_gold` takes them.  A row with nothing but an article says that it has no
    statement.  An empty speaker, target or sentiment is not scored; without a kind, a span that lies between
    quotation marks is quoted; kinds of quoth's own tables are understood.  text: compared with the article's at the span.  Raises InputError, naming row,
    field and what is expected, as `read_gold` does.
    """
    found = joined_rows(labels, articles, columns, split, fields)
    return [replace(article, statements=spans(article, rows, _statement)) for article, rows in found]


def joined_rows(
    labels: Path,
    articles: Path,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    fields: Columns = _COLUMNS,
    label: str = "stance",
) -> Iterator[tuple[GoldArticle, list[Row]]]:
    """The articles of a table of labels with their texts, and the rows of each.

    Arguments and errors as of `read_gold_table`, which looks into the rows.  label: the field of them that has to be there.
    """
    by_article: dict[str, list[Row]] = {}
    known = tuple(dict.fromkeys((*GOLD_FIELDS, label)))
    for row in read_rows(labels, known, ("article", "start", "end", label), columns):
        by_article.setdefault(row.required("article"), []).append(row)
    texts = Texts(articles, set(by_article), fields)
    for article, rows in by_article.items():
        yield _article(article, rows, texts, split), rows


def _article(article: str, rows: Sequence[Row], texts: Texts, stated: str | None) -> GoldArticle:
    text, metadata = "", dict[str, Any]()
    for row in rows:
        text, metadata = texts.row(article, f"{row.place}, article {article}", row.cells.get("sha256"))
    split = rows[0].cells.get("split", "")
    for row in rows:
        if row.cells.get("split", "") != split:
            raise row.wrong("split", f"{split!r} as in the article's first row")
    check_split(split, stated, f"{rows[0].place}, article {article}")
    passes = rows[0].whole("passes") or 1
    return GoldArticle(article, text, split, [], metadata, passes, _origin(rows[0]))


def spans(
    article: GoldArticle, rows: Sequence[Row], label: Callable[[Row, GoldSpan], Spanned | None]
) -> list[Spanned]:
    """The labelled spans of an article's rows; label: what to make of a row and its span, None: no label."""
    text = article.text
    kind_of = kinds_of(text)
    items = []
    for row in rows:
        if not row.cells.keys() - OF_ARTICLE:
            continue
        span = row.span()
        if span is None:
            raise row.wrong("start", "a whole number")
        inside = 0 <= span[0] < span[1] <= len(text)
        passage = gold_kind(kind_of(*span)) if inside else "indirect"
        labelled = label(row, GoldSpan(*span, _kind(row) or passage))
        if labelled is None:
            continue
        place = f"{row.place}, article {article.id}"
        if inside:
            check_words(span, row.cells.get("text"), text, place)
        items.append((place, labelled))
    return checked(items, text)


def _kind(row: Row) -> GoldKind | None:
    """Tables that quoth wrote have its own kinds."""
    kinds: tuple[SaidKind, ...] = (*KINDS, "direct", "mixed")
    kind = row.label("kind", kinds)
    return None if kind is None else gold_kind(kind)


def _statement(row: Row, span: GoldSpan) -> GoldStatement:
    stance = row.label("stance", STANCES)
    if stance is None:
        raise row.wrong("stance", f"one of {', '.join(STANCES)}")
    return GoldStatement(
        span.start,
        span.end,
        span.kind,
        stance=stance,
        stance2=row.label("stance2", STANCES),
        sentiment=row.label("sentiment", SENTIMENTS),
        speaker=row.cells.get("speaker"),
        target=row.cells.get("target"),
    )


def _origin(row: Row) -> Origin | None:
    if "mode" not in row.cells:
        return None
    return Origin(
        annotators=row.cells.get("annotators", "").split(),
        mode=row.cells["mode"],
        proposals_shown=row.label("proposals_shown", ("true", "false")) == "true",
        draw=row.whole("draw"),
        pool=row.whole("pool"),
        sampling_probability=row.share("sampling_probability"),
    )


def _rows(
    path: Path, lines: io.StringIO, fields: Sequence[str], required: Sequence[str], chosen: Mapping[str, str]
) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))
    head = lines.readline()
    lines.seek(0)
    # strict: a quotation mark that is not doubled would otherwise vanish without a word.
    reader = csv.reader(lines, delimiter=max(",;\t", key=head.count), strict=True)
    number = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        names = _names(path, header, fields, required, chosen)
        places = {field: header.index(name) for field, name in names.items()}
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            place = f"{path}, row {number} (line {reader.line_num})"
            if len(cells) != len(header):
                raise InputError(
                    f"{place}: found {len(cells)} cells, expected {len(header)} as in the header"
                )
            found = {field: _unguarded(cells[k].strip()) for field, k in places.items()}
            yield Row(place, names, {field: cell for field, cell in found.items() if cell})
    except csv.Error as error:
        raise InputError(f"{path}, row {number + 1} (line {reader.line_num}): not CSV: {error}") from error


def _unguarded(cell: str) -> str:
    """Without the "'" that quoth's tables put before a text that a spreadsheet would run as a formula."""
    return cell[1:] if cell.startswith(("'=", "'+", "'-", "'@")) else cell


def _names(
    path: Path,
    header: Sequence[str],
    fields: Sequence[str],
    required: Sequence[str],
    chosen: Mapping[str, str],
) -> dict[str, str]:
    names: dict[str, str] = {}
    there = f"{path}, header: found columns {', '.join(map(repr, header)) or 'none'}"
    for field in fields:
        wanted = (chosen[field],) if field in chosen else _ALIASES.get(field, (field,))
        found = [n for n in header if n in wanted or field not in chosen and n.casefold() in wanted]
        if len(found) > 1:
            raise InputError(f"{there}; expected one for field {field!r}, found {len(found)}")
        if found:
            names[field] = found[0]
        elif field in chosen or field in required:
            raise InputError(
                f"{there}; expected one named {' or '.join(map(repr, wanted))} for field {field!r}"
            )
    return names
