"""quoth's files as data sets of Hugging Face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

datasets = pytest.importorskip("datasets", reason="needs datasets: pip install datasets")

from quoth.records import Article, Record
from quoth.writing import open_writer


@pytest.fixture
def records(raid_record: Record, record: Callable[..., Record]) -> list[Record]:
    """The first without a statement, so that types cannot be read off it; the others' metadata differ."""
    return [
        record(article="rain"),
        replace(raid_record, metadata={"title": "Raid", "page": 3}),
        replace(raid_record, id="b", metadata={"desk": "north"}),
    ]


def loaded(records: list[Record], folder: Path, format: str) -> Any:
    path = folder / f"statements.{format}"
    with open_writer(path, format) as writer:
        for one in records:
            writer.write(one, Article(one.id, ""))
    builder = {"jsonl": "json"}.get(format, format)
    return datasets.load_dataset(
        builder, data_files=str(path), split="train", cache_dir=str(folder / "cache")
    )


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_row_is_a_record(records: list[Record], tmp_path: Path, format: str) -> None:
    rows = loaded(records, tmp_path, format)
    assert [row["id"] for row in rows] == ["rain", "a", "b"]
    for row, one in zip(rows, records, strict=True):
        told = [(s["start"], s["end"], s["stance"], s["speaker"]["name"]) for s in row["statements"] or []]
        assert told == [(s.start, s.end, s.stance, s.speaker and s.speaker.name) for s in one.statements]
        targets = [s["target"] and s["target"]["text"] for s in row["statements"] or []]
        assert targets == [s.target and s.target.text for s in one.statements]


def test_parquet_has_one_schema_whatever_was_found(records: list[Record], tmp_path: Path) -> None:
    found = loaded(records, tmp_path, "parquet")
    (tmp_path / "few").mkdir()
    nothing = loaded(records[:1], tmp_path / "few", "parquet")
    assert nothing.features == found.features
    assert msgspec.json.decode(found[1]["metadata"]) == {"title": "Raid", "page": 3}
