"""What a batch run has counted: one summary a shard, and their sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import regex

from quoth.records import Article, Record
from quoth.writing import Writer

_MONTH = regex.compile(r"\d{4}-\d{2}(?!\d)")
MOST = 20
"""So many speakers and outlets are told."""


class Summary(msgspec.Struct):
    """Counts of rows and statements.

    seconds: of labelling, summed over processes.  speakers: statements of the four stances by their speaker.
    reasons: rejected rows by reason, numbers and quoted words left out.
    """

    articles: int = 0
    statements: int = 0
    warned: int = 0
    rejected: int = 0
    seconds: float = 0.0
    stances: dict[str, int] = {}
    speakers: dict[str, int] = {}
    outlets: dict[str, int] = {}
    months: dict[str, int] = {}
    reasons: dict[str, int] = {}

    def add(self, record: Record) -> None:
        """Count one record; outlet and month are its metadata's "source" and "date"."""
        n = len(record.statements)
        self.articles += 1
        self.statements += n
        self.warned += bool(record.warnings)
        outlet, date = record.metadata.get("source"), record.metadata.get("date")
        if isinstance(outlet, str):
            _count(self.outlets, outlet, n)
        if isinstance(date, str) and (month := _MONTH.match(date)):
            _count(self.months, month[0], n)
        for statement in record.statements:
            _count(self.stances, statement.stance)
            if statement.stance != "other" and statement.speaker and statement.speaker.name:
                _count(self.speakers, statement.speaker.name)

    def reject(self, reason: str) -> None:
        """Count one row that could not be labelled."""
        self.rejected += 1
        _count(self.reasons, regex.sub(r"'[^']*'|\d+", "…", reason))


def _count(counts: dict[str, int], name: str, n: int = 1) -> None:
    counts[name] = counts.get(name, 0) + n


class Counting:
    """A writer that counts what goes through it."""

    def __init__(self, writer: Writer, summary: Summary) -> None:
        self._writer, self._summary = writer, summary

    def write(self, record: Record, article: Article) -> None:
        self._writer.write(record, article)
        self._summary.add(record)


def total(summaries: Iterable[Summary]) -> Summary:
    """The sum; of speakers and outlets all are kept."""
    whole = Summary()
    for one in summaries:
        for name in Summary.__struct_fields__:
            value = getattr(one, name)
            if isinstance(value, dict):
                for key, n in value.items():
                    _count(getattr(whole, name), key, n)
            else:
                setattr(whole, name, getattr(whole, name) + value)
    return whole


def told(summary: Summary) -> dict[str, Any]:
    """As JSON has it; of speakers, outlets and reasons the MOST frequent, these first."""
    content: dict[str, Any] = msgspec.to_builtins(summary)
    for name in ("speakers", "outlets", "reasons"):
        content[name] = dict(Counter(content[name]).most_common(MOST))
    for name in ("stances", "months"):
        content[name] = dict(sorted(content[name].items()))
    content["seconds"] = round(summary.seconds, 1)
    return content
