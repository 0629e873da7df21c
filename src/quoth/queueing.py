"""The articles of all requests, one after the other, for the one thread that has the model.

There are no batches: the graphs read one window at a time, so that batches would save nothing, and an article would wait
for its neighbours to be done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from quoth.labeler import Labeler
from quoth.model.stances import Told
from quoth.records import Article, Record

Spans = tuple[str, tuple[tuple[int, int], ...]]
"""A text, and (start, end) of the statements in it."""

Answer = Record | list[Told]


ARTICLE = 500
"""Characters that an article costs beside its own."""
MEMORY = 200_000
"""Characters of the latest work, by which the pace is told."""


class Overloaded(Exception):
    """The queue is full; seconds: when it may have room again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the queue is full; try again in {seconds} s")
        self.seconds = seconds


class Observer(Protocol):
    """Told what the queue does."""

    def depth(self, n: int) -> None:
        """So many articles wait."""

    def waited(self, seconds: float) -> None:
        """From the arrival of a request to the start of its work."""

    def worked(self, characters: int, seconds: float) -> None:
        """An article was answered."""


@dataclass(eq=False)
class _Job:
    asked: Article | Spans
    arrived: float
    answer: asyncio.Future[Answer]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.asked.text if isinstance(self.asked, Article) else self.asked[0])


class Queue:
    """Articles in the order in which they came, each answered as soon as it is done."""

    def __init__(self, labeler: Labeler, observer: Observer, longest: int = 256, wait: float = 3.0) -> None:
        """longest: articles that may wait.  wait: seconds that they may wait, as far as the pace of late tells."""
        self._labeler, self._observer = labeler, observer
        self._longest, self._wait = longest, wait
        self._queue: deque[_Job] = deque()
        self._filled = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._pace, self._paced = 0.0, 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._task = asyncio.create_task(self._run())

    @property
    def works(self) -> bool:
        """Whether there is somebody to answer."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """End when the article in work is done; what waits is cancelled."""
        if self._task:
            self._task.cancel()
        for job in self._queue:
            job.answer.cancel()
        await asyncio.to_thread(self._thread.shutdown)

    def ask(self, asked: Article | Spans, arrived: float, patient: bool = False) -> asyncio.Future[Answer]:
        """The answer to come; cancel it, and its work is left out if it has not begun.

        arrived: when the request did, by time.perf_counter().  patient: leave half of the room to others.  Raises
        Overloaded where too much waits.
        """
        share = 0.5 if patient else 1.0
        seconds = self._pace * sum(job.size + ARTICLE for job in self._queue)
        if len(self._queue) >= max(1.0, share * self._longest) or (
            self._queue and seconds > share * self._wait
        ):
            # Half of the way: whoever waits until nothing is left to do lets the model stand idle.
            raise Overloaded(max(1, round(seconds / 2)))
        job = _Job(asked, arrived, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._observer.depth(len(self._queue))
        self._filled.set()
        return job.answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._filled.wait()
            job = self._next()
            if job is None:
                continue
            began = time.perf_counter()
            self._observer.waited(began - job.arrived)
            answer = await loop.run_in_executor(self._thread, self._told, job.asked)
            seconds = time.perf_counter() - began
            self._observer.worked(job.size, seconds)
            self._keep_pace(job.size + ARTICLE, seconds)
            if job.answer.done():
                continue
            if isinstance(answer, Exception):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    def _keep_pace(self, cost: int, seconds: float) -> None:
        """A mean of seconds per character, in which the latest MEMORY characters count most."""
        self._paced = min(MEMORY, self._paced + cost)
        self._pace += min(1.0, cost / self._paced) * (seconds / cost - self._pace)

    def _next(self) -> _Job | None:
        """The first whose client still waits."""
        found = None
        while self._queue and found is None:
            job = self._queue.popleft()
            found = None if job.answer.done() else job
        if not self._queue:
            self._filled.clear()
        self._observer.depth(len(self._queue))
        return found

    def _told(self, asked: Article | Spans) -> Answer | Exception:
        """In the model's thread."""
        try:
            if isinstance(asked, Article):
                return self._labeler.label_one(asked)
            text, spans = asked
            return self._labeler.classify((text, *span) for span in spans)
        except Exception as error:  # noqa: BLE001  whatever the model raises belongs to one article
            return error
