"""Records as a data frame, one row a statement, for pandas and Polars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from quoth.records import Record
from quoth.writing import COLUMNS, METADATA_COLUMNS, flat

if TYPE_CHECKING:
    import pandas
    import polars


def _type(column: str) -> type:
    if column in ("start", "end"):
        return int
    if column in ("fragment", "abstained"):
        return bool
    return float if column.startswith("p_") or "probability" in column else str


TYPES: dict[str, type] = {column: _type(column) for column in COLUMNS}
"""Of each column of the flat view, in their order; every one but int and bool may be missing."""


def rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """One row a statement, as `TYPES` has it: what came with the article (a date, a number) is text."""
    for record in records:
        for row in flat(record):
            given = {name: str(row[name]) for name in METADATA_COLUMNS if row[name] is not None}
            yield row | given


def to_pandas(records: Iterable[Record]) -> pandas.DataFrame:
    """One row a statement, columns as in `quoth.writing.COLUMNS`; raises ModuleNotFoundError without pandas."""
    import pandas as pd

    names = {str: "string", int: "int64", float: "float64", bool: "bool"}
    frame = pd.DataFrame(rows(records), columns=list(TYPES))
    return frame.astype({column: names[kind] for column, kind in TYPES.items()})


def to_polars(records: Iterable[Record]) -> polars.DataFrame:
    """One row a statement, columns as in `quoth.writing.COLUMNS`; raises ModuleNotFoundError without Polars."""
    import polars as pl

    return pl.DataFrame(list(rows(records)), schema=TYPES, orient="row")
