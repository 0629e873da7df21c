"""What a batch run has to do: its input, cut into shards, each with the key of its answer."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Literal

import msgspec

import quoth
from quoth.articles import Columns, Rejected, rows_of
from quoth.errors import InputError
from quoth.records import Article, ModelInfo
from quoth.sources import Source, file_system, raw, sources

_CHUNK = 1 << 20


class Settings(msgspec.Struct, frozen=True):
    """Everything beside input and model that an answer depends on.

    format: of the parts, see `quoth.writing.FORMATS`.  shard_rows: rows of a shard.
    """

    format: str = "parquet"
    shard_rows: int = 1000
    id_column: str = "id"
    text_column: str = "text"
    input_format: str | None = None
    all_cues: bool = False
    min_probability: float = 0.0

    @property
    def columns(self) -> Columns:
        return Columns(self.id_column, self.text_column)


class InputFile(msgspec.Struct, frozen=True):
    """One file of the input.

    name, id, format, partition: as in `quoth.sources.Source`.  size: in bytes.  stamp: what tells without reading
    it that the file was changed.  sha256: of its bytes as stored.  rows: articles and rows that cannot be read.
    """

    name: str
    id: str
    format: str
    partition: dict[str, str]
    size: int
    stamp: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows [first, first + rows) of the whole input.

    key: 12 hexadecimal digits of a sha256 over those rows' files and places, the settings and the model.
    """

    number: int
    first: int
    rows: int
    key: str

    @property
    def name(self) -> str:
        return f"{self.number:06}-{self.key}"


class Plan(msgspec.Struct, frozen=True):
    """The input of a run as it was read at its start."""

    schema: Literal["1"]
    quoth: str
    model: ModelInfo
    settings: Settings
    files: list[InputFile]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def shards(self) -> list[Shard]:
        """In order of the input.  A shard's key does not change when files are added behind it."""
        size, total = self.settings.shard_rows, self.rows
        asked = [self.quoth, msgspec.to_builtins(self.model), msgspec.to_builtins(self.settings)]
        ends = [*accumulate(file.rows for file in self.files)]
        found: list[Shard] = []
        for first in range(0, total, size):
            end = min(first + size, total)
            content: list[Any] = [*asked]
            for k in range(bisect_right(ends, first), len(ends)):
                begin = ends[k] - self.files[k].rows
                if begin >= end:
                    break
                file = self.files[k]
                rows = (max(first - begin, 0), min(end - begin, file.rows))
                content.append([file.id, file.format, file.partition, file.sha256, *rows])
            key = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
            found.append(Shard(len(found), first, end - first, key))
        return found


def make_plan(
    inputs: Sequence[str | Path], settings: Settings, model: ModelInfo, before: Plan | None = None
) -> Plan:
    """Read the input once: count the rows of each file and hash its bytes.

    before: an earlier plan, from which files of the same name, size and stamp are taken over unread.
    Raises InputError for a missing file, standard input, or a file that two inputs name.
    """
    known = {}
    if before and _reading(before.settings) == _reading(settings):
        known = {(file.name, file.size, file.stamp): file for file in before.files}
    found: dict[str, InputFile] = {}
    for given in inputs:
        for source in sources(given, settings.input_format):
            if source.place is None or source.format is None:
                raise InputError("standard input cannot be read again after a stop; name a file or folder")
            if source.name in found:
                raise InputError(f"{source.name}: named twice in the input")
            size, stamp = _size_and_stamp(source)
            same = known.get((source.name, size, stamp))
            found[source.name] = same or InputFile(
                source.name, source.id, source.format, source.partition, size, stamp, *_read(source, settings)
            )
    if not found:
        raise InputError(f"{', '.join(map(str, inputs))}: no file of articles found")
    return Plan("1", quoth.__version__, model, settings, list(found.values()))


def _reading(settings: Settings) -> tuple[Any, ...]:
    return settings.id_column, settings.text_column, settings.input_format


def _read(source: Source, settings: Settings) -> tuple[str, int]:
    """sha256 of the bytes, number of rows."""
    digest = hashlib.sha256()
    try:
        with raw(source) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read: {error.strerror or error}") from error
    if source.format in ("text", "html"):
        return digest.hexdigest(), 1
    return digest.hexdigest(), sum(1 for _ in rows_of(source, settings.columns))


def _size_and_stamp(source: Source) -> tuple[int, str]:
    if isinstance(source.place, Path):
        try:
            status = source.place.stat()
        except OSError as error:
            raise InputError(f"{source.name}: cannot be read: {error.strerror or error}") from error
        return status.st_size, str(status.st_mtime_ns)
    fs, path = file_system(str(source.place))
    info = fs.info(path)
    return int(info["size"]), str(info.get("ETag") or info.get("mtime") or info.get("LastModified") or "")


class Reader:
    """Rows of shards.  The shard after the last one read is read on; another one is sought from its file's start."""

    def __init__(self, plan: Plan, inputs: Sequence[str | Path]) -> None:
        by_name = {s.name: s for given in inputs for s in sources(given, plan.settings.input_format)}
        self._plan = plan
        self._sources = [by_name.get(file.name) for file in plan.files]
        self._ends = [*accumulate(file.rows for file in plan.files)]
        self._at = -1
        self._rows: Iterator[tuple[str, Article | Rejected]] = iter(())

    def rows(self, shard: Shard) -> Iterator[Article | Rejected]:
        """Exactly shard.rows rows; raises InputError where a file is not as it was."""
        if self._at != shard.first:
            self._rows, self._at = self._from(shard.first), shard.first
        for _, row in islice(self._rows, shard.rows):
            self._at += 1
            yield row
        if self._at != shard.first + shard.rows:
            raise InputError(f"row {self._at} of the input: expected {shard.first + shard.rows} rows or more")

    def _from(self, first: int) -> Iterator[tuple[str, Article | Rejected]]:
        begin = bisect_right(self._ends, first)
        for k in range(begin, len(self._sources)):
            file, source = self._plan.files[k], self._sources[k]
            if source is None or _size_and_stamp(source) != (file.size, file.stamp):
                raise InputError(f"{file.name}: has changed since the run began; run again")
            skipped = first - (self._ends[k] - file.rows) if k == begin else 0
            yield from islice(rows_of(source, self._plan.settings.columns), skipped, file.rows)
