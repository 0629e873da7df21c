from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

from quoth.frames import TYPES, rows, to_pandas, to_polars
from quoth.records import Article, Record
from quoth.writing import COLUMNS, flat, open_writer


@pytest.fixture
def records(raid_record: Record, record: Callable[..., Record]) -> list[Record]:
    """The second without a statement, the third's metadata of other types than text."""
    given = {"title": "Raid", "date": datetime.date(2031, 5, 4), "source": 7}
    return [raid_record, record(article="b"), replace(raid_record, id="c", metadata=given)]


@pytest.mark.parametrize("frame", [to_pandas, to_polars])
def test_a_row_is_a_statement_and_a_column_one_of_the_flat_view(
    frame: Callable[..., Any], records: list[Record]
) -> None:
    table = frame(iter(records))
    assert list(table.columns) == list(COLUMNS)
    assert table["article_id"].to_list() == ["a"] * 6 + ["c"] * 6
    assert table["stance"].to_list()[:3] == ["accusation", "accusation", "condemnation"]
    assert table["date"].to_list()[6:] == ["2031-05-04"] * 6 and table["source"].to_list()[-1] == "7"


def test_values_are_those_of_the_flat_view_none_missing(records: list[Record]) -> None:
    plain = flat(records[0])
    assert to_polars(records[:1]).to_dicts() == plain
    ours = to_pandas(records[:1])
    assert ours.isna().to_numpy().tolist() == [[row[c] is None for c in COLUMNS] for row in plain]
    assert ours["text"].to_list() == [row["text"] for row in plain]


@pytest.mark.parametrize("some", [[], None], ids=["no record", "no statement"])
def test_types_do_not_depend_on_what_was_found(some: Any, records: list[Record]) -> None:
    few = records[1:2] if some is None else []
    assert to_polars(few).schema == to_polars(records).schema
    assert to_pandas(few).dtypes.to_dict() == to_pandas(records).dtypes.to_dict()
    assert to_pandas(few).shape == (0, len(COLUMNS))
    assert {polars.DataFrame(schema=TYPES).schema[c] for c in ("start", "p_denial", "abstained", "text")} == {
        polars.Int64, polars.Float64, polars.Boolean, polars.String
    }  # fmt: skip


def test_a_frame_is_what_its_csv_holds(records: list[Record], tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.csv", "csv") as writer:
        for one in records:
            writer.write(one, Article(one.id, ""))
    read = polars.read_csv(io.BytesIO((tmp_path / "out.csv").read_bytes()), schema=to_polars([]).schema)
    assert read.equals(to_polars(records))
    assert list(rows(records)) == read.to_dicts()
