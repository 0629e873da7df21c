"""A batch run: shards of articles in, one whole file of records a shard out; stop it anywhere, run it again.

A shard is done when its part is there.  The part's name holds the key of its input, settings and model, so that a
part is the answer to one question only, and two processes that work on one shard write the same file.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from quoth.articles import Rejected
from quoth.errors import ConfigError, InputError
from quoth.folder import Folder
from quoth.labeler import Labeler
from quoth.plan import Plan, Reader, Shard
from quoth.records import Article
from quoth.stream import Counts, stream
from quoth.summary import Counting, Summary, total
from quoth.writing import writer_into

PLAN = "_plan.json"

WAIT = 2.0
"""Seconds between looks at shards that other processes have claimed."""


class Watch(Protocol):
    """Told how far a worker is."""

    def shard(self, shard: Shard, row: int) -> None:
        """Rows [0, row) of a shard are done."""

    def done(self, summary: Summary) -> None:
        """A shard is done."""


@dataclass(frozen=True)
class Deadly:
    """Rows (shard, row of the shard) that end the process which labels them; and shards in which there is one, which
    are to be labelled article by article."""

    rows: frozenset[tuple[int, int]] = frozenset()
    shards: frozenset[int] = frozenset()


NOTHING_DEADLY = Deadly()


def part_of(plan: Plan, shard: Shard) -> str:
    """The file that holds a shard's answer."""
    return f"part-{shard.name}.{plan.settings.format}"


def errors_of(shard: Shard) -> str:
    """The file of a shard's rows that could not be labelled; JSON lines of place, id and reason."""
    return f"_errors-{shard.name}.jsonl"


def summary_of(shard: Shard) -> str:
    return f"_summaries/{shard.name}.json"


def read_plan(folder: Folder) -> Plan | None:
    """The plan that a folder was begun with, None if it has none; raises InputError for another file of that name."""
    content = folder.get(PLAN)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Plan)
    except msgspec.DecodeError as error:
        raise InputError(f"{PLAN}: not the plan of a batch run of this version: {error}") from error


def begin(folder: Folder, plan: Plan, before: Plan | None, update: bool) -> list[Shard]:
    """Write the plan down; the shards that are not done.

    before: the plan that the folder has.  Where it asked something else, raises ConfigError that says what has
    changed, unless `update`: then the parts that are no answers any more are removed.
    """
    shards = plan.shards()
    wanted = {part_of(plan, shard): shard for shard in shards}
    there = folder.names()
    stale = {name for name in there if name.startswith("part-")} - wanted.keys()
    if stale and not update:
        raise ConfigError(
            f"the folder holds {len(stale)} parts of another run: {_changes(before, plan)}."
            " Name a new folder, or give --update to remove them and label what has changed"
        )
    if plan != before:
        folder.put(PLAN, msgspec.json.format(msgspec.json.encode(plan), indent=1))
    errors = {name for name in there if name.startswith("_errors-")} - {errors_of(s) for s in shards}
    counted = folder.names("_summaries/") - {summary_of(s) for s in shards}
    for name in stale | errors | counted:
        folder.remove(name)
    return [shard for part, shard in wanted.items() if part not in there]


def _changes(before: Plan | None, plan: Plan) -> str:
    if before is None:
        return "its plan is missing"
    changes = []
    if (before.model, before.quoth) != (plan.model, plan.quoth):
        old, new = (
            f"{p.model.name} {p.model.version} {p.model.hash}, quoth {p.quoth}" for p in (before, plan)
        )
        changes.append(f"the model was {old} and is {new}")
    old_settings, new_settings = (msgspec.to_builtins(p.settings) for p in (before, plan))
    changes += [
        f"{name} was {old_settings[name]!r} and is {value!r}"
        for name, value in new_settings.items()
        if old_settings[name] != value
    ]
    old_files, new_files = ({f.name: f.sha256 for f in p.files} for p in (before, plan))
    for name in sorted(old_files.keys() | new_files.keys()):
        if name not in new_files:
            changes.append(f"{name} is no longer in the input")
        elif name not in old_files:
            changes.append(f"{name} is new")
        elif old_files[name] != new_files[name]:
            changes.append(f"{name} has changed")
    shown = "; ".join(changes[:5]) or "its files are in another order"
    return shown + (f"; and {len(changes) - 5} more changes" if len(changes) > 5 else "")


def labeler_of(plan: Plan, model: str | Path, threads: int) -> Labeler:
    """The model, set as the plan asks."""
    settings = plan.settings
    return Labeler.from_pretrained(
        model, threads, all_cues=settings.all_cues, min_probability=settings.min_probability
    )


def work(
    plan: Plan,
    inputs: Sequence[str | Path],
    folder: Folder,
    labeler: Labeler,
    watch: Watch | None = None,
    start: float | None = None,
    deadly: Deadly = NOTHING_DEADLY,
) -> None:
    """Label shards until all are done, by this process or others that work on the same folder.

    start: share of the shards to begin after, so that several processes meet late; None: by chance.
    Raises InputError where the input has changed or the folder fails.
    """
    reader = Reader(plan, inputs)
    shards = plan.shards()
    first = int(len(shards) * (random.random() if start is None else start))
    order = shards[first:] + shards[:first]
    while pending := _pending(plan, folder, order):
        worked = [attempt(plan, shard, reader, folder, labeler, watch, deadly) for shard in pending]
        if not any(worked):
            time.sleep(WAIT)


def attempt(
    plan: Plan,
    shard: Shard,
    reader: Reader,
    folder: Folder,
    labeler: Labeler,
    watch: Watch | None = None,
    deadly: Deadly = NOTHING_DEADLY,
) -> bool:
    """Label a shard, unless its part is there or another process has claimed it; whether this one did."""
    part = part_of(plan, shard)
    if folder.has(part) or not folder.claim(shard.name):
        return False
    try:
        if not folder.has(part):
            summary = _label(plan, shard, reader, folder, labeler, watch, deadly)
            if watch:
                watch.done(summary)
    finally:
        folder.release(shard.name)
    return True


def _pending(plan: Plan, folder: Folder, order: list[Shard]) -> list[Shard]:
    there = folder.names()
    return [shard for shard in order if part_of(plan, shard) not in there]


class _Rejects:
    def __init__(self, summary: Summary) -> None:
        self.lines, self._summary = io.BytesIO(), summary

    def add(self, rejected: Rejected) -> None:
        self.lines.write(msgspec.json.encode(rejected) + b"\n")
        self._summary.reject(rejected.reason)


def _label(
    plan: Plan,
    shard: Shard,
    reader: Reader,
    folder: Folder,
    labeler: Labeler,
    watch: Watch | None,
    deadly: Deadly,
) -> Summary:
    """Write a shard's files, the part last."""
    began = time.monotonic()
    summary, content = Summary(), io.BytesIO()
    rejects = _Rejects(summary)
    rows = _without(deadly, shard, reader.rows(shard))
    done = 0

    def tell(counts: Counts) -> None:
        nonlocal done
        done += 1
        if watch:
            watch.shard(shard, done)

    with writer_into(content, part_of(plan, shard), plan.settings.format) as writer:
        counting = Counting(writer, summary)
        alone = shard.number in deadly.shards
        for chunk in ([row] for row in rows) if alone else [rows]:
            if watch:
                watch.shard(shard, done)
            stream(iter(chunk), labeler, counting, rejects, watch=tell)
    summary.seconds = time.monotonic() - began
    if summary.rejected:
        folder.put(errors_of(shard), rejects.lines.getvalue())
    folder.put(summary_of(shard), msgspec.json.encode(summary))
    folder.put(part_of(plan, shard), content.getvalue())
    return summary


def _without(
    deadly: Deadly, shard: Shard, rows: Iterator[Article | Rejected]
) -> Iterator[Article | Rejected]:
    for k, row in enumerate(rows):
        if (shard.number, k) in deadly.rows and isinstance(row, Article):
            yield Rejected(f"article {row.id}", row.id, "labelling it ended the process, twice")
        else:
            yield row


def summaries(plan: Plan, folder: Folder) -> tuple[int, Summary]:
    """How many shards are done, and what they hold together."""
    there = folder.names()
    found = []
    for shard in plan.shards():
        if part_of(plan, shard) in there and (content := folder.get(summary_of(shard))):
            found.append(msgspec.json.decode(content, type=Summary))
    return len(found), total(found)
