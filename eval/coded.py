"""Labels of a codebook of one's own joined with their texts, read and checked as those of stances are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from quoth.articles import Columns
from quoth.errors import InputError
from quoth.eval.gold import (
    CodedSpan,
    GoldArticle,
    GoldKind,
    GoldSpan,
    check_span,
    checked,
    decoded,
    gold_kind,
    joined,
    kinds_of,
)
from quoth.eval.tables import Row, is_table, joined_rows, spans
from quoth.label_sets import LabelSet

_COLUMNS = Columns()


class _Statement(msgspec.Struct):
    start: int
    end: int
    kind: GoldKind | None = None
    label: str | None = None


def read_coded(
    labels: Path,
    articles: Path,
    label_set: LabelSet,
    columns: Mapping[str, str] | None = None,
    split: str | None = None,
    fields: Columns = _COLUMNS,
) -> list[GoldArticle]:
    """Gold whose statements have a `label` of the set, in files as `quoth.eval.tables.read_labels` takes them.

    A statement without a label is passed over; without a kind, one that lies between quotation marks is quoted.  Raises InputError
    as `read_labels` does, for a label that is not of the set, and where no statement has one.
    """
    if is_table(labels):

        def label(row: Row, span: GoldSpan) -> CodedSpan | None:
            found = row.label("label", label_set.names)
            return None if found is None else CodedSpan(span.start, span.end, span.kind, found)

        rows = joined_rows(labels, articles, columns, split, fields, "label")
        gold = [replace(article, coded=spans(article, of, label)) for article, of in rows]
    else:
        if columns:
            raise InputError(f"{labels}: column mapping: expected a table (.csv, .tsv)")
        gold = [
            replace(article, coded=checked(_coded(items, article.text, label_set), article.text))
            for article, items in joined(labels, articles, split, fields)
        ]
    if not any(article.coded for article in gold):
        raise InputError(
            f"{labels}: found no statement with a field 'label', expected labels of {label_set.name}: "
            f"{', '.join(label_set.names)}"
        )
    return gold


def _coded(
    items: Iterable[tuple[str, msgspec.Raw]], text: str, label_set: LabelSet
) -> Iterator[tuple[str, CodedSpan]]:
    kind_of = kinds_of(text)
    for place, raw in items:
        s = decoded(raw, _Statement, place)
        if s.label is None:
            continue
        if s.label not in label_set.labels:
            raise InputError(
                f"{place}: field 'label': found {s.label!r}, expected one of {', '.join(label_set.names)}"
            )
        check_span((s.start, s.end), text, place)
        kind = s.kind or gold_kind(kind_of(s.start, s.end))
        yield place, CodedSpan(s.start, s.end, kind, s.label)
