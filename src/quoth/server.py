"""The HTTP endpoint: the model in one thread, requests in a queue; every answer is the library's record."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

import quoth
from quoth.articles import html_article
from quoth.errors import QuothError
from quoth.keys import Keys
from quoth.labeler import Labeler, document_hash, label_fields, probabilities
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.observing import Log, Metrics
from quoth.openapi import described
from quoth.pages import HEADERS, page_file
from quoth.queueing import Answer, Overloaded, Queue, Spans
from quoth.receiving import Gone, Room, body_of, options_of, request_id, while_here
from quoth.records import Article, Record, to_json
from quoth.requests import (
    BatchLine,
    FailedLine,
    Failure,
    LabelRequest,
    Options,
    Refusal,
    Refused,
    Settings,
    StanceRequest,
    ToldStance,
    decoded,
)

_OPEN = ("/", "/page.css", "/page.js", "/icon.svg", "/health/live", "/health/ready", "/metrics")
"""Answered without a key."""

Call = Callable[[Request], Awaitable[Response]]
DEFAULTS = Settings()


_LINE = re.compile(rb"\S[^\r\n]*")


class _Lines(StreamingResponse):
    """JSON lines; ended: called when the last is sent (with True), or when the client has left (with False)."""

    def __init__(self, lines: AsyncGenerator[bytes, None], ended: Callable[[bool], None]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._lines, self.ended, self._whole = lines, ended, False

    async def stream_response(self, send: Send) -> None:
        await super().stream_response(send)
        self._whole = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await (
                self._lines.aclose()
            )  # where the client left while a line was sent, the rest is still at work
            self.ended(self._whole)


class Endpoint:
    """The application and what it holds."""

    def __init__(
        self,
        labeler: Labeler,
        settings: Settings = DEFAULTS,
        keys: Keys | None = None,
        log: Log | None = None,
    ) -> None:
        self.labeler, self.settings = labeler, settings
        self.metrics = Metrics(labeler.model)
        self.draining = False
        self._keys, self.log = keys, log or Log()
        self._ready = False
        self._in_work = 0
        self._room = Room(settings.bytes_at_once)
        # Pages made for it take many seconds: they wait for each other, and never for or before articles.
        self._pages = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._batches = asyncio.Semaphore(max(1, settings.queue // 2))
        self._queue = Queue(labeler, self.metrics, settings.queue, settings.wait_seconds)
        self.app = FastAPI(
            title="quoth", version=quoth.__version__, docs_url=None, redoc_url=None, lifespan=self._lifespan
        )
        for method, path, call in (
            ("POST", "/v1/label", self._label),
            ("POST", "/v1/label/batch", self._label_batch),
            ("POST", "/v1/stance", self._stance),
            ("GET", "/v1/model", self._model),
            ("GET", "/health/live", self._live),
            ("GET", "/health/ready", self._readiness),
            ("GET", "/metrics", self._metrics),
            ("GET", "/", self._page("index.html")),
            ("GET", "/page.css", self._page("page.css")),
            ("GET", "/page.js", self._page("page.js")),
            ("GET", "/icon.svg", self._page("icon.svg")),
        ):
            self.app.add_api_route(path, self._guarded(path, call), methods=[method], include_in_schema=False)
        self.app.openapi = lambda: described(self.app)  # type: ignore[method-assign]
        self.app.add_exception_handler(404, self._absent)
        self.app.add_exception_handler(405, self._absent)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._queue.start()
        # The first inference is slow, and no request should wait for it; the second tells the pace.
        for times in (1, 80):
            text = "“We begin,” said Ann Ode. " * times
            await self._queue.ask(Article("warm-up", text), time.perf_counter())
        self._ready = True
        yield
        self._pages.shutdown(wait=False, cancel_futures=True)
        await self._queue.stop()

    def _guarded(self, path: str, call: Call) -> Call:
        """A route with a request id, limits, key, log line, metrics and the one shape of errors."""

        async def answer(request: Request) -> Response:
            request.state.arrived, request.state.id = time.perf_counter(), request_id(request)
            self._in_work += 1
            try:
                self._admit(request, path)
                response = await call(request)
            except Refusal as refusal:
                response = self._refused(refusal, request)
            except Gone:
                response = Response(status_code=499)
            except Exception as error:  # noqa: BLE001  the client gets an id, the log the kind of error
                response = self._refused(self._unforeseen(error, request, path), request)
            except BaseException:
                self._ended(request, path, 499)
                raise
            response.headers.update(
                HEADERS | {"x-request-id": request.state.id, "x-quoth-model": self._named()}
            )
            if isinstance(response, _Lines):
                response.ended = lambda whole: self._ended(request, path, 200 if whole else 499)
            else:
                self._ended(request, path, response.status_code)
            return response

        return answer

    def _ended(self, request: Request, path: str, status: int) -> None:
        """Free what a request held, and tell of it; 499: its client has left."""
        self._in_work -= 1
        self._room.leave(request)
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.cancelled.inc(status == 499)
        if path not in _OPEN:
            self.log.line(
                "request", request_id=request.state.id, path=path, status=status,
                seconds=round(time.perf_counter() - request.state.arrived, 4), key=getattr(request.state, "key", None),
            )  # fmt: skip

    def _admit(self, request: Request, path: str) -> None:
        if path in _OPEN:
            return
        if self.draining:
            raise Refusal(503, "draining", "the server is ending", retry_after=1)
        if self._in_work > self.settings.concurrent:
            raise Refusal(429, "concurrency", "too many requests at once", retry_after=1)
        if self._keys:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            request.state.key = self._keys.owner(key.strip()) if scheme.casefold() == "bearer" else None
            if request.state.key is None:
                raise Refusal(401, "key", "expected the header Authorization: Bearer KEY with a known key")

    def _unforeseen(self, error: Exception, request: Request, path: str) -> Refusal:
        self.log.line("failure", request_id=request.state.id, path=path, error=type(error).__name__)
        return Refusal(500, "internal", "the server failed; its log knows the request id")

    def _failure(self, refusal: Refusal, request: Request) -> Failure:
        self.metrics.refusals.labels(refusal.reason).inc()
        return Failure(refusal.status, refusal.reason, refusal.message, request.state.id, refusal.field)

    def _refused(self, refusal: Refusal, request: Request) -> Response:
        response = _json(Refused(self._failure(refusal, request)), refusal.status)
        if refusal.retry_after is not None:
            response.headers["retry-after"] = str(refusal.retry_after)
        if refusal.status == 401:
            response.headers["www-authenticate"] = "Bearer"
        return response

    async def _absent(self, request: Request, error: Exception) -> Response:
        request.state.id = request_id(request)
        status = getattr(error, "status_code", 404)
        reason, message = ("method", "no such method here") if status == 405 else ("path", "no such path")
        response = self._refused(Refusal(status, reason, message), request)
        response.headers.update(getattr(error, "headers", None) or {})
        response.headers.update(HEADERS | {"x-request-id": request.state.id})
        return response

    def _named(self) -> str:
        model = self.labeler.model
        return f"{model.name} {model.version} {model.hash}"

    async def _label(self, request: Request) -> Response:
        asked = decoded(await self._body(request, self.settings.body_bytes), LabelRequest)
        record = await while_here(request, self._labelled(request, asked))
        return Response(_encoded(asked.options.applied(record)), media_type="application/json")

    async def _labelled(self, request: Request, asked: LabelRequest) -> Record:
        return await self._record(request, await self._article(asked))

    async def _article(self, asked: LabelRequest) -> Article:
        if (asked.text is None) == (asked.html is None):
            raise Refusal(422, "invalid", "expected either text or html", "$.text")
        if asked.text is not None:
            self.settings.check(asked.text, "$.text")
            return Article(asked.id or document_hash(asked.text), asked.text, asked.metadata)
        assert asked.html is not None
        page = asked.html.encode("utf-8", "replace")
        try:
            async with asyncio.timeout(self.settings.answer_seconds):
                found = await asyncio.get_running_loop().run_in_executor(self._pages, html_article, page)
        except QuothError as error:
            raise Refusal(422, "html", str(error), "$.html") from error
        except TimeoutError as error:
            raise self._late() from error
        self.settings.check(found.text, "$.html")
        return Article(asked.id or document_hash(found.text), found.text, found.metadata | asked.metadata)

    def _late(self) -> Refusal:
        return Refusal(504, "timeout", f"no answer within {self.settings.answer_seconds:g} s")

    async def _body(self, request: Request, limit: int) -> bytes:
        return await body_of(request, limit, self.settings.read_seconds, self._room)

    async def _record(self, request: Request, article: Article, patient: bool = False) -> Record:
        answer = await self._answer(request, article, patient)
        assert isinstance(answer, Record)
        self.metrics.told(answer)
        return answer

    async def _answer(self, request: Request, asked: Article | Spans, patient: bool = False) -> Answer:
        """patient: wait for room in the queue.  Raises Refusal where there is none, where time is up, or where the
        labeler cannot read what is asked."""
        if self.settings.log_texts:
            id, text = (asked.id, asked.text) if isinstance(asked, Article) else (None, asked[0])
            self.log.line("article", request_id=request.state.id, id=id, text=text)
        arrived = time.perf_counter() if patient else request.state.arrived
        full: Overloaded | None = None
        try:
            async with asyncio.timeout(self.settings.answer_seconds):
                while True:
                    try:
                        answer, full = self._queue.ask(asked, arrived, patient), None
                        return await answer
                    except Overloaded as error:
                        full = error
                        if not patient:
                            raise
                        await asyncio.sleep(0.05)
        except Overloaded as error:
            raise Refusal(429, "queue", str(error), retry_after=error.seconds) from error
        except TimeoutError as error:
            if full:
                raise Refusal(429, "queue", str(full), retry_after=full.seconds) from full
            raise self._late() from error
        except QuothError as error:
            raise Refusal(422, "invalid", str(error)) from error

    async def _label_batch(self, request: Request) -> Response:
        """JSON lines in, a line out for each, in their order, as soon as it is ready."""
        options = options_of(request)
        body = await self._body(request, self.settings.batch_bytes)
        most = self.settings.batch_articles
        lines = [found.group() for found in itertools.islice(_LINE.finditer(body), most + 1)]
        if len(lines) > most:
            raise Refusal(413, "batch_length", f"expected at most {most:,} articles")
        return _Lines(self._answers(request, lines, options), lambda whole: None)

    async def _answers(
        self, request: Request, lines: list[bytes], options: Options
    ) -> AsyncGenerator[bytes, None]:
        ahead = asyncio.Semaphore(max(1, self.settings.queue // 8))  # a batch leaves room for other batches

        async def one(number: int, line: bytes) -> bytes:
            async with ahead, self._batches:
                try:
                    asked = decoded(line, BatchLine)
                    self.settings.check(asked.text, "$.text")
                    article = Article(asked.id or document_hash(asked.text), asked.text, asked.metadata)
                    return _encoded(options.applied(await self._record(request, article, patient=True)))
                except Refusal as refusal:
                    failed = refusal
                except Exception as error:  # noqa: BLE001  of one article, not of the others
                    failed = self._unforeseen(error, request, "/v1/label/batch")
                return msgspec.json.encode(FailedLine(number, self._failure(failed, request)))

        tasks = [asyncio.create_task(one(number, line)) for number, line in enumerate(lines, 1)]
        try:
            for task in tasks:
                yield await task + b"\n"
        finally:
            for task in tasks:
                task.cancel()

    async def _stance(self, request: Request) -> Response:
        asked = decoded(await self._body(request, self.settings.body_bytes), StanceRequest)
        asked.check(self.settings)
        told = await while_here(request, self._answer(request, (asked.text, tuple(asked.spans))))
        assert isinstance(told, list)
        answers = [
            ToldStance(
                start, end, t.best_stance, probabilities(STANCE_LABELS, t.stance), t.second,
                t.best_sentiment, probabilities(SENTIMENT_LABELS, t.sentiment),
                **label_fields(self.labeler.label_set, t),
            )
            for (start, end), t in zip(asked.spans, told, strict=True)
        ]  # fmt: skip
        return _json({"model": self.labeler.model, "statements": answers})

    async def _model(self, request: Request) -> Response:
        limits = {
            name: value for name, value in msgspec.to_builtins(self.settings).items() if name != "log_texts"
        }
        told = {"model": self.labeler.model, "quoth": quoth.__version__, "limits": limits}
        if self.labeler.label_set is not None:
            told["label_set"] = self.labeler.label_set
        return _json(told)

    async def _live(self, request: Request) -> Response:
        return _json({"status": "live"})

    async def _readiness(self, request: Request) -> Response:
        if self.draining:
            raise Refusal(503, "draining", "the server is ending", retry_after=1)
        if not (self._ready and self._queue.works):
            raise Refusal(503, "starting", "the model is not warm yet", retry_after=1)
        return _json({"status": "ready"})

    async def _metrics(self, request: Request) -> Response:
        return Response(self.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _page(self, name: str) -> Call:
        content, kind = page_file(name)

        async def page(request: Request) -> Response:
            return Response(content, media_type=kind)

        return page


def _encoded(record: Record) -> bytes:
    try:
        return to_json(record)
    except UnicodeEncodeError as error:
        raise Refusal(422, "invalid", "found half a surrogate pair, expected Unicode text") from error


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
