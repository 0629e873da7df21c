"""What a batch run found, read back: its records, and one row a statement."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from quoth.batch import part_of, read_plan
from quoth.errors import InputError
from quoth.extras import needs
from quoth.folder import Folder, open_folder
from quoth.frames import TYPES, rows
from quoth.records import Article, Record, from_json
from quoth.writing import open_writer, whole

RECORDS_AT_ONCE = 2_000
_NO_ARTICLE = Article("", "")
"""The flat view takes everything from the record."""


def records(folder: Folder, place: str) -> Iterator[Record]:
    """The records of a finished run in the order of its input.

    place: what messages call the folder.  Raises InputError where no run has begun, where it is not finished, and
    for parts in CSV, which hold no records.
    """
    plan = read_plan(folder)
    if plan is None:
        raise InputError(f"{place}: no batch run has begun here")
    if plan.settings.format == "csv":
        raise InputError(f"{place}: its parts are CSV, one row a statement already")
    for shard in plan.shards():
        content = folder.get(part_of(plan, shard))
        if content is None:
            raise InputError(f"{place}: {part_of(plan, shard)} is missing; run the batch again to finish it")
        yield from _lines(content) if plan.settings.format == "jsonl" else _rows(content)


def _lines(content: bytes) -> Iterator[Record]:
    return map(from_json, content.splitlines())


def _rows(content: bytes) -> Iterator[Record]:
    with needs("Parquet input", "parquet"):
        from pyarrow import parquet
    for batch in parquet.ParquetFile(io.BytesIO(content)).iter_batches(batch_size=256):
        yield from map(record_of, batch.to_pylist())


def record_of(row: dict[str, Any]) -> Record:
    """The record of a row of nested Parquet, in which null stands for no label set, and labels are a list."""
    for statement in row["statements"]:
        label, given = statement.pop("label", None), statement.pop("label_probabilities", None)
        if label is not None:
            statement |= {
                "label": label,
                "label_probabilities": {p["label"]: p["probability"] for p in given},
            }
    return msgspec.convert(row | {"metadata": msgspec.json.decode(row["metadata"])}, Record)


def write_statements(folder: str, out: Path) -> None:
    """Write one row a statement, columns as in `quoth.writing.COLUMNS`, whole or not at all.

    Raises InputError for another suffix than .csv and .parquet, and as `records` does.
    """
    found = records(open_folder(folder, new=False), folder)
    if out.suffix == ".csv":
        with open_writer(out, "csv") as writer:
            for record in found:
                writer.write(record, _NO_ARTICLE)
    elif out.suffix == ".parquet":
        with needs("Parquet output", "parquet"):
            import pyarrow as pa
            from pyarrow import parquet
        kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        schema = pa.schema((name, kinds[kind]) for name, kind in TYPES.items())
        with whole(out) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            while chunk := list(islice(found, RECORDS_AT_ONCE)):
                writer.write_table(pa.Table.from_pylist(list(rows(chunk)), schema=schema))
    else:
        raise InputError(f"{out}: found suffix {out.suffix!r}, expected .csv or .parquet")
