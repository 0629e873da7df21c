"""Articles in, records out, and nothing lost between: what cannot be labelled is written down with its reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from quoth.articles import Rejected
from quoth.errors import InputError, QuothError
from quoth.labeler import Labeler
from quoth.records import Article, Record
from quoth.writing import Writer


@dataclass
class Counts:
    """What became of a run's rows."""

    labelled: int = 0
    statements: int = 0
    warned: int = 0
    rejected: int = 0


class Rejects(Protocol):
    """Where rows go that cannot be labelled."""

    def add(self, rejected: Rejected) -> None:
        """Keep one row's place, id and reason."""


class Watcher(Protocol):
    """Told of each row that is done."""

    def __call__(self, counts: Counts) -> None:
        """Called after every row."""


def stream(
    rows: Iterator[Article | Rejected],
    labeler: Labeler,
    writer: Writer,
    rejects: Rejects,
    strict: bool = False,
    watch: Watcher | None = None,
) -> Counts:
    """Label all rows in order.

    A row that cannot be read, or that makes the model raise, goes to `rejects`; with `strict` it raises
    InputError instead.
    """
    counts = Counts()
    for row in rows:
        answer = row if isinstance(row, Rejected) else _label(labeler, row)
        if isinstance(row, Article) and isinstance(answer, Record):
            writer.write(answer, row)
            counts.labelled += 1
            counts.statements += len(answer.statements)
            counts.warned += bool(answer.warnings)
        elif isinstance(answer, Rejected):
            if strict:
                raise InputError(f"{answer.place}: {answer.reason}")
            rejects.add(answer)
            counts.rejected += 1
        if watch:
            watch(counts)
    return counts


def _label(labeler: Labeler, article: Article) -> Record | Rejected:
    try:
        return labeler.label_one(article)
    except QuothError:
        raise
    except Exception as error:  # noqa: BLE001  whatever the model raises belongs to one article
        reason = f"labelling failed: {type(error).__name__}: {error}"
        return Rejected(f"article {article.id}", article.id, reason)


class RejectsFile:
    """Writes rejected rows as JSONL: {"place", "id", "reason"}; the file exists only if there are any."""

    def __init__(self, aside: Path) -> None:
        self._aside = aside
        self.count = 0

    def add(self, rejected: Rejected) -> None:
        """Append one row; raises InputError where the file cannot be written."""
        line = msgspec.json.encode(rejected) + b"\n"
        try:
            with self._aside.open("ab") as file:
                file.write(line)
        except OSError as error:
            raise InputError(f"{self._aside}: cannot write the error file: {error.strerror}") from error
        self.count += 1


@contextmanager
def rejects_file(path: Path) -> Iterator[RejectsFile]:
    """An error file under `path`, written aside and renamed at the end, also when the run fails; one left by
    an earlier run is removed."""
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    rejects = RejectsFile(aside)
    try:
        yield rejects
    finally:
        if rejects.count:
            os.replace(aside, path)
