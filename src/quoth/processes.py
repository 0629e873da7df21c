"""The processes of a batch run: each has the model and works through shards; one that dies is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from quoth.batch import Deadly, labeler_of, work
from quoth.errors import QuothError
from quoth.folder import open_folder
from quoth.plan import Plan, Shard
from quoth.summary import Summary

LOOK = 0.25
"""Seconds between looks at the processes."""

CELLS = 6
_ARTICLES, _STATEMENTS, _REJECTED, _SHARDS, _SHARD, _ROW = range(CELLS)
"""What a process tells of itself, in memory that all share: sums over its shards, and where it is."""


@dataclass
class Progress:
    """What the processes of this run have done, shards in work left out."""

    articles: int = 0
    statements: int = 0
    rejected: int = 0
    shards: int = 0

    def add(self, articles: int, statements: int, rejected: int, shards: int) -> None:
        """Count further ones."""
        self.articles += articles
        self.statements += statements
        self.rejected += rejected
        self.shards += shards


MOST_DEATHS = 12
"""In one shard, before the run is given up."""


@dataclass
class _Worker:
    number: int
    process: BaseProcess
    cells: Any
    failure: Any


@dataclass
class _Deaths:
    """Where processes died: a row at which two did, labelled one by one, is given up."""

    shards: set[int] = field(default_factory=set)
    rows: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, shard: int, row: int) -> None:
        """Raises QuothError where the deaths in a shard come to no end."""
        if shard in self.shards:
            self.rows[shard, row] += 1
        self.shards.add(shard)
        if sum(n for (at, _), n in self.rows.items() if at == shard) > MOST_DEATHS:
            raise QuothError(f"shard {shard}: {MOST_DEATHS} processes died in it; is there memory enough?")

    def deadly(self) -> Deadly:
        return Deadly(frozenset(row for row, n in self.rows.items() if n > 1), frozenset(self.shards))


def run(
    plan: Plan,
    inputs: Sequence[str | Path],
    out: str | Path,
    model: str | Path,
    workers: int,
    threads: int,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Work through a plan with `workers` processes of `threads` threads each, and return when all shards are done.

    watch: called a few times a second.  Raises QuothError with the message of a process that failed by one.
    """
    context = multiprocessing.get_context("spawn")
    deaths = _Deaths()
    gone = Progress()

    def start(number: int) -> _Worker:
        cells = context.RawArray("q", [0] * (CELLS - 2) + [-1, 0])
        sender = context.SimpleQueue()
        arguments = (
            msgspec.json.encode(plan), list(map(str, inputs)), str(out), str(model), threads,
            number / workers, deaths.deadly(), cells, sender, os.getpid(),
        )  # fmt: skip
        process = context.Process(target=_worker, args=arguments, daemon=True)
        process.start()
        return _Worker(number, process, cells, sender)

    alive = [start(k) for k in range(workers)]
    try:
        while alive:
            time.sleep(LOOK)
            for worker in list(alive):
                if worker.process.is_alive():
                    continue
                worker.process.join()
                alive.remove(worker)
                gone.add(*worker.cells[:_SHARD])
                if not worker.failure.empty():
                    raise QuothError(worker.failure.get())
                if worker.process.exitcode != 0:
                    if worker.cells[_SHARD] >= 0:
                        deaths.add(worker.cells[_SHARD], worker.cells[_ROW])
                    elif not worker.cells[_SHARDS]:
                        raise QuothError(
                            f"a process ended with {_ending(worker.process)} before its first article"
                        )
                    alive.append(start(worker.number))
            now = replace(gone)
            for worker in alive:
                now.add(*worker.cells[:_SHARD])
            watch(now)
    finally:
        for worker in alive:
            worker.process.terminate()
        for worker in alive:
            worker.process.join()


def _ending(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"status {code}"


class _Cells:
    """Tells the process that started this one how far it is."""

    def __init__(self, cells: Any) -> None:
        self._cells = cells

    def shard(self, shard: Shard, row: int) -> None:
        self._cells[_ROW] = row
        self._cells[_SHARD] = shard.number

    def done(self, summary: Summary) -> None:
        self._cells[_SHARD] = -1
        self._cells[_ARTICLES] += summary.articles
        self._cells[_STATEMENTS] += summary.statements
        self._cells[_REJECTED] += summary.rejected
        self._cells[_SHARDS] += 1


def _worker(
    plan: bytes,
    inputs: list[str],
    out: str,
    model: str,
    threads: int,
    start: float,
    deadly: Deadly,
    cells: Any,
    failure: Any,
    parent: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process ends it
    if sys.platform != "win32":
        _end_with(parent)
    asked = msgspec.json.decode(plan, type=Plan)
    try:
        work(
            asked,
            inputs,
            open_folder(out),
            labeler_of(asked, model, threads),
            _Cells(cells),
            start,
            deadly,
        )
    except QuothError as error:
        failure.put(str(error))
    except Exception as error:  # noqa: BLE001  no row's fault: those are caught where they are labelled
        failure.put(f"{type(error).__name__}: {error}")


def _end_with(parent: int) -> None:
    """End this process soon after the one that started it, which may be killed without a word."""
    import threading

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
