"""The queue before the model: bounded, and fair among clients and their requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from quoth.records import Article
from quoth.serving.metrics import Metrics
from quoth.serving.schemas import Settings
from quoth.serving.workers import Answer, Spans, Workers

ARTICLE = 500
"""Characters that an article costs beside its own."""
PACE = 200_000
"""Characters of the latest work that tell the pace."""
BATCHES = 0.5
"""Share of the queue that batches and streams may take."""


class Overloaded(Exception):
    """The queue is full. `seconds`: when to try again."""

    def __init__(self, depth: int, seconds: int) -> None:
        super().__init__(f"the queue is full, {depth:,} articles wait; try again in {seconds} s")
        self.depth, self.seconds = depth, seconds


@dataclass(frozen=True)
class Turn:
    """Whose article it is: clients take turns, and so do the requests of a client."""

    client: str
    request: int
    arrived: float
    """By `time.perf_counter`."""
    seconds: float | None = None
    """How long its client waits; None: as long as the server's settings allow."""


@dataclass(eq=False)
class _Job:
    asked: Article | Spans
    turn: Turn
    answer: asyncio.Future[Answer]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.asked.text if isinstance(self.asked, Article) else self.asked[0])


class _Lines:
    """A line of jobs for each request of each client; the next job is of whoever has waited longest for a turn."""

    def __init__(self) -> None:
        self._clients: dict[str, dict[int, list[_Job]]] = {}
        self.depth = self.characters = 0

    def __iter__(self) -> Iterator[_Job]:
        return (job for requests in self._clients.values() for line in requests.values() for job in line)

    def add(self, job: _Job) -> None:
        self._clients.setdefault(job.turn.client, {}).setdefault(job.turn.request, []).append(job)
        self.depth += 1
        self.characters += job.size

    def remove(self, job: _Job) -> None:
        """Take out a job; its client and its request go to the end of their lines. Does nothing if it is out."""
        requests = self._clients.get(job.turn.client, {})
        line = requests.get(job.turn.request, [])
        if job not in line:
            return
        line.remove(job)
        self.depth -= 1
        self.characters -= job.size
        del requests[job.turn.request]
        if line:
            requests[job.turn.request] = line
        del self._clients[job.turn.client]
        if requests:
            self._clients[job.turn.client] = requests

    def next(self) -> _Job:
        job = next(iter(self))
        self.remove(job)
        return job


class Queue:
    """Articles that wait, and the workers that answer them."""

    def __init__(self, workers: Workers, metrics: Metrics, settings: Settings) -> None:
        self._workers, self._metrics, self._settings = workers, metrics, settings
        self._lines = _Lines()
        self._filled, self._freed = asyncio.Semaphore(0), asyncio.Event()
        self._pace, self._paced = 0.0, 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._tasks = [asyncio.create_task(self._work(k)) for k in range(self._workers.count)]

    @property
    def works(self) -> bool:
        """Whether every worker is there to answer."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def stop(self) -> None:
        """End when the articles in work are done. What waits is cancelled."""
        for task in self._tasks:
            task.cancel()
        for job in list(self._lines):
            job.answer.cancel()
        await self._workers.stop()

    def ask(self, asked: Article | Spans, turn: Turn) -> asyncio.Future[Answer]:
        """Return the answer to come. If it is cancelled before its turn, its place is free at once.

        Raises:
            Overloaded: too many articles or characters wait.
        """
        job = _Job(asked, turn, asyncio.get_running_loop().create_future())
        if self._is_full(job.size):
            seconds = self._pace * (self._lines.characters + ARTICLE * self._lines.depth)
            # Half of the time: clients that all wait until the queue is empty leave the model idle.
            raise Overloaded(self._lines.depth, min(60, max(1, round(seconds / 2 / self._workers.count))))
        self._lines.add(job)
        self._metrics.depth.set(self._lines.depth)
        job.answer.add_done_callback(lambda _: self._leave(job))
        self._filled.release()
        return job.answer

    async def room(self, size: int) -> None:
        """Wait until an article of a batch may enter."""
        while self._is_full(size, BATCHES):
            await self._freed.wait()

    def _is_full(self, size: int, share: float = 1.0) -> bool:
        lines, settings = self._lines, self._settings
        return lines.depth > 0 and (
            lines.depth >= share * settings.queue
            or lines.characters + size > share * settings.queue_characters
        )

    def _leave(self, job: _Job) -> None:
        self._lines.remove(job)
        self._metrics.depth.set(self._lines.depth)
        self._freed.set()
        self._freed = asyncio.Event()

    async def _work(self, worker: int) -> None:
        while True:
            await self._filled.acquire()
            if not self._lines.depth:
                continue  # somebody left
            job = self._lines.next()
            self._leave(job)
            began = time.perf_counter()
            self._metrics.waited.observe(began - job.turn.arrived)
            try:
                answer = await self._workers.work(worker, job.asked)
            except Exception as error:  # noqa: BLE001  whatever the model raises belongs to one article
                if not job.answer.done():
                    job.answer.set_exception(error)
                continue
            self._worked(job.size, time.perf_counter() - began)
            if not job.answer.done():
                job.answer.set_result(answer)

    def _worked(self, size: int, seconds: float) -> None:
        """Observe an answer; the pace is a mean of seconds per character, in which the latest count most."""
        self._metrics.characters.observe(size)
        self._metrics.seconds.observe(seconds)
        cost = size + ARTICLE
        self._paced = min(PACE, self._paced + cost)
        self._pace += min(1.0, cost / self._paced) * (seconds / cost - self._pace)
