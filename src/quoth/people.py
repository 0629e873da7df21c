"""Speakers and targets across articles: who is counted as one, in a file that a reader can mend."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from quoth.errors import InputError
from quoth.titles import plain_name

HEADER = ["name", "counted_as", "times"]


def merged(names: Iterable[tuple[str, int]]) -> dict[str, str]:
    """A name -> the name it is counted under: the most frequent spelling of the same full name.

    Conservative: titles, articles, capitals and middle initials are passed over, nothing else; a surname alone is no full
    name, since two articles may mean two people by it.
    """
    spelling: dict[str, str] = {}
    under = {}
    for name, _ in sorted(names, key=lambda pair: (-pair[1], pair[0])):
        under[name] = spelling.setdefault(plain_name(name), name)
    return under


def write_names(path: Path, names: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Write which name is counted as which, to be edited; the same as a dictionary."""
    rows = sorted(names, key=lambda pair: (-pair[1], pair[0]))
    under = merged(rows)
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([name, under[name], times] for name, times in rows)
    return under


def read_names(path: Path) -> dict[str, str]:
    """What `write_names` wrote and somebody may have edited.

    Raises InputError that names the line for a row without a name, or without what it is counted as.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if header[:2] != HEADER[:2]:
            raise InputError(f"{path}:1: found columns {header}, expected {HEADER}")
        under = {}
        for row in rows:
            if len(row) < 2 or not row[0] or not row[1]:
                raise InputError(
                    f"{path}:{rows.line_num}: found {row}, expected a name and what it is counted as"
                )
            under[row[0]] = row[1]
    return under
