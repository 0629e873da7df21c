"""What the routes share: the queue, the settings, the metrics, the log, and how an article is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import Response

from quoth.articles import html_article
from quoth.errors import QuothError
from quoth.labeler import Labeler, document_hash
from quoth.records import Article, Record, to_json
from quoth.serving.logging import Log
from quoth.serving.metrics import Metrics
from quoth.serving.queue import Overloaded, Queue, Turn
from quoth.serving.schemas import (
    BatchLine,
    FailedLine,
    Failure,
    LabelRequest,
    Options,
    Refusal,
    Refused,
    Settings,
    parsed,
)
from quoth.serving.streaming import Line
from quoth.serving.workers import Answer, ProcessWorkers, Spans, ThreadWorker, Workers


class Service:
    """A model that is served."""

    def __init__(
        self, labeler: Labeler | ProcessWorkers, settings: Settings | None = None, log: Log | None = None
    ) -> None:
        """labeler: is asked in a thread of this process, unless it is in processes of its own."""
        self.workers: Workers = labeler if isinstance(labeler, ProcessWorkers) else ThreadWorker(labeler)
        self.settings, self.log = settings or Settings(), log or Log()
        self.metrics = Metrics(self.workers.model)
        self.workers.died = self.metrics.restarts.inc
        self.queue = Queue(self.workers, self.metrics, self.settings)
        self.draining = self.warm = False
        self.in_work, self.free_bytes = 0, self.settings.bytes_at_once
        # A page that is made to take long delays other pages, never articles.
        self._pages = ThreadPoolExecutor(1, thread_name_prefix="page")

    async def start(self) -> None:
        """Start the workers, and answer two articles: the first inference is slow, the second tells the pace."""
        self.queue.start()
        for times in (1, 80):
            article = Article("warm-up", "“We begin,” said Ann Ode. " * times)
            await self.queue.ask(article, Turn("", times, time.perf_counter()))
        self.warm = True

    async def stop(self) -> None:
        """End when the articles in work are done."""
        self._pages.shutdown(wait=False, cancel_futures=True)
        await self.queue.stop()

    def refused(self, refusal: Refusal) -> Response:
        """Return the answer to a request that is refused."""
        body = Refused(error=self.failure(refusal)).model_dump_json()
        return Response(body, refusal.status_code, refusal.headers, "application/json")

    def failure(self, refusal: Refusal) -> Failure:
        """Count a refusal and return it as the client sees it."""
        self.metrics.refusals.labels(refusal.reason).inc()
        return refusal.failure(correlation_id.get() or "")

    def unforeseen(self, error: Exception, path: str) -> Refusal:
        """Log an error of ours; its message may hold text, so it is told to nobody."""
        self.log.line("failure", request_id=correlation_id.get(), path=path, error=type(error).__name__)
        return Refusal(500, "internal", "the server failed; its log has the request id")

    async def article(self, asked: LabelRequest, turn: Turn) -> Article:
        """Return the article of a request; raise Refusal for what is none."""
        if (asked.text is None) == (asked.html is None):
            raise Refusal(422, "invalid", "expected either text or html", "$.text")
        if asked.text is not None:
            return self._article(asked.text, asked.id, asked.metadata, "$.text")
        assert asked.html is not None
        page = asked.html.encode("utf-8", "replace")
        try:
            async with self._in_time(turn):
                found = await asyncio.get_running_loop().run_in_executor(self._pages, html_article, page)
        except QuothError as error:
            raise Refusal(422, "html", str(error), "$.html") from error
        return self._article(found.text, asked.id, found.metadata | asked.metadata, "$.html")

    def _article(self, text: str, id: str | None, metadata: dict[str, Any], field: str) -> Article:
        self.settings.check(text, field)
        return Article(id or document_hash(text), text, metadata)

    @asynccontextmanager
    async def _in_time(self, turn: Turn) -> AsyncIterator[None]:
        seconds = min(turn.seconds or self.settings.answer_seconds, self.settings.answer_seconds)
        try:
            async with asyncio.timeout(seconds - (time.perf_counter() - turn.arrived)):
                yield
        except TimeoutError as error:
            raise Refusal(504, "timeout", f"no answer within {seconds:g} s") from error

    async def answer(self, asked: Article | Spans, turn: Turn) -> Answer:
        """Ask the model; raise Refusal where the queue is full, time is up, or the labeler cannot read what is asked."""
        if self.settings.log_texts:
            id, text = (asked.id, asked.text) if isinstance(asked, Article) else (None, asked[0])
            self.log.line("article", request_id=correlation_id.get(), id=id, text=text)
        try:
            async with self._in_time(turn):
                answer = await self.queue.ask(asked, turn)
        except Overloaded as full:
            raise Refusal(429, "queue", str(full), None, full.seconds, full.depth) from full
        except QuothError as error:
            raise Refusal(422, "invalid", str(error)) from error
        if isinstance(answer, Record):
            self.metrics.labelled(answer)
        return answer

    async def line(self, number: int, line: Line, options: Options, turn: Turn) -> bytes:
        """Answer a line of a batch: its record, or the error that it alone has."""
        try:
            if isinstance(line, Refusal):
                raise line
            asked = parsed(line, BatchLine)
            article = self._article(asked.text, asked.id, asked.metadata, "$.text")
            await self.queue.room(len(article.text))
            # The time of a line begins when it enters the queue, unless its client has set a time for the whole.
            own = turn if turn.seconds else replace(turn, arrived=time.perf_counter())
            return encoded(options, await self.answer(article, own))
        except Refusal as error:
            refusal = error
        except Exception as error:  # noqa: BLE001  of one article, not of the others
            refusal = self.unforeseen(error, "batch")
        return FailedLine(line=number, error=self.failure(refusal)).model_dump_json().encode()


def encoded(options: Options, answer: Answer) -> bytes:
    """Return a record as JSON, with the statements asked for."""
    assert isinstance(answer, Record)
    try:
        return to_json(options.applied(answer))
    except UnicodeEncodeError as error:
        raise Refusal(422, "invalid", "found half a surrogate pair, expected Unicode text") from error
