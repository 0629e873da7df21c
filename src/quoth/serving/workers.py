"""Where the model runs: in one thread of this process, or in processes that are replaced when they die."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from quoth.label_sets import LabelSet
from quoth.labeler import Labeler
from quoth.model.stances import Told
from quoth.records import Article, ModelInfo, Record

Spans = tuple[str, tuple[tuple[int, int], ...]]
"""A text, and (start, end) of the statements in it."""

Answer = Record | list[Told]

MODEL = "QUOTH_WORKER_MODEL"
"""Environment variable: the model that is opened before processes are forked, which share its weights."""


class Workers(Protocol):
    """`count` workers, which label one article each at a time."""

    model: ModelInfo
    label_set: LabelSet | None
    count: int
    died: Callable[[], None]
    """Called when a worker has been replaced."""

    async def work(self, worker: int, asked: Article | Spans) -> Answer:
        """Return the answer of one worker, or raise what its labeler raised."""

    async def stop(self) -> None:
        """End when the articles in work are done."""


class ThreadWorker:
    """A labeler in a thread."""

    count = 1

    def __init__(self, labeler: Labeler) -> None:
        self.died: Callable[[], None] = lambda: None
        self.model, self.label_set = labeler.model, labeler.label_set
        self._labeler = labeler
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def work(self, worker: int, asked: Article | Spans) -> Answer:
        """Label in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, answer, self._labeler, asked)

    async def stop(self) -> None:
        """End the thread."""
        await asyncio.to_thread(self._thread.shutdown)


class ProcessWorkers:
    """Labelers in processes of their own.

    With one thread each, they are forked from one process that has opened the model, so that all share one copy of its
    weights. More threads do not survive a fork: then each process opens the model itself.
    """

    def __init__(self, model: str, count: int, threads: int) -> None:
        self.count = count
        self.died: Callable[[], None] = lambda: None
        self._start = (model, threads)
        shares = threads == 1 and "forkserver" in multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if shares else "spawn")
        if shares:
            os.environ[MODEL] = model
            self._context.set_forkserver_preload(["quoth.serving.preloaded"])
        self._processes: list[Executor] = [self._process() for _ in range(count)]
        opened = [process.submit(_described) for process in self._processes]
        self.model, self.label_set = opened[0].result()

    def _process(self) -> Executor:
        return ProcessPoolExecutor(1, self._context, initializer=_open, initargs=self._start)

    async def work(self, worker: int, asked: Article | Spans) -> Answer:
        """Label in a process. One that dies is replaced, and asked a second time."""
        loop = asyncio.get_running_loop()
        for last in (False, True):
            try:
                return await loop.run_in_executor(self._processes[worker], _answer, asked)
            except BrokenProcessPool:
                self._processes[worker] = self._process()
                self.died()
                if last:
                    raise
        raise AssertionError

    async def stop(self) -> None:
        """End the processes."""
        for process in self._processes:
            await asyncio.to_thread(process.shutdown)


def answer(labeler: Labeler, asked: Article | Spans) -> Answer:
    """Label an article, or classify spans of a text."""
    if isinstance(asked, Article):
        return labeler.label_one(asked)
    text, spans = asked
    return labeler.classify((text, *span) for span in spans)


_labeler: Labeler | None = None
"""Of a process; see `quoth.serving.preloaded` too."""


def _open(model: str, threads: int) -> None:
    global _labeler
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the server, which ends when its work is done
    if _labeler is None:
        _labeler = Labeler.from_pretrained(model, threads)
        _labeler.label_one("“We begin,” said Ann Ode.")


def _described() -> tuple[ModelInfo, LabelSet | None]:
    assert _labeler
    return _labeler.model, _labeler.label_set


def _answer(asked: Article | Spans) -> Answer:
    assert _labeler
    return answer(_labeler, asked)
