"""Limits on request bodies, as ASGI middleware: bytes, seconds and memory; a client that leaves ends its work.

Starlette's `RequestBodyLimitMiddleware` counts bytes only, and answers as text while the client still sends.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quoth.serving.schemas import Refusal
from quoth.serving.service import Service

DISCARD_BYTES = 500_000_000
"""Bytes of a refused body that are read and thrown away, so that its client gets to read the answer."""
DISCARD_SLOW = 1.0
"""Seconds of the same for a body that came too slowly."""


class Limits:
    """Around the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service
        self._limits = {"/v1/label/batch": service.settings.batch_bytes, "/v1/label/stream": None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application until it has answered or its client has left."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        settings = self._service.settings
        body = _Body(self._service, Headers(scope=scope), receive, send)
        body.limit = self._limits.get(scope["path"], settings.body_bytes)
        scope["state"]["gone"] = body.gone
        work = asyncio.create_task(self._answer(scope, body))
        leaving = asyncio.create_task(body.until_gone())
        try:
            if self._service.in_work > settings.concurrent and scope["path"].startswith("/v1/"):
                raise Refusal(429, "concurrency", "too many requests at once", retry_after=1)
            await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        except Refusal as refusal:
            await self._service.refused(refusal)(scope, receive, body.send)
        finally:
            work.cancel()
            leaving.cancel()
            await asyncio.wait((work, leaving))
            self._service.free_bytes += body.held

    async def _answer(self, scope: Scope, body: _Body) -> None:
        await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body."""

    limit: int | None

    def __init__(self, service: Service, headers: Headers, receive: Receive, send: Send) -> None:
        self._service, self._headers, self._receive, self._send = service, headers, receive, send
        self._seconds = service.settings.read_seconds
        self._due: float | None = None
        self._closing = self._slow = False
        self._whole = asyncio.Event()
        self.size = self.held = 0
        self.gone = asyncio.Event()
        self._comes = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

    @property
    def _unread(self) -> bool:
        return self._comes and not self._whole.is_set() and not self.gone.is_set()

    async def until_gone(self) -> None:
        """Wait until the client leaves, which ASGI tells only to those who read."""
        await self._whole.wait()
        while not self.gone.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self.gone.set()

    async def receive(self) -> Message:
        """The next part of the body. Raise Refusal where it breaks a limit."""
        if self._whole.is_set():
            await self.gone.wait()
            return {"type": "http.disconnect"}
        if self._headers.get("content-encoding", "identity").casefold() != "identity":
            raise Refusal(415, "encoding", "found a compressed body, expected a plain one")
        self._check(int(self._headers.get("content-length", "0")))
        now = asyncio.get_running_loop().time()
        if self._due is None or self.limit is None:  # of a stream, each part has its own time
            self._due = now + self._seconds
        try:
            async with asyncio.timeout_at(self._due):
                message = await self._receive()
        except TimeoutError as error:
            self._slow = True
            raise Refusal(408, "slow", f"the body did not arrive within {self._seconds:g} s") from error
        if message["type"] == "http.disconnect":
            self.gone.set()
            self._whole.set()
            return message
        if not message.get("more_body"):
            self._whole.set()
        self._take(len(message.get("body", b"")))
        return message

    def _check(self, size: int) -> None:
        if self.limit is not None and size > self.limit:
            raise Refusal(413, "body_size", f"expected a body of at most {self.limit:,} bytes")

    def _take(self, size: int) -> None:
        self.size += size
        self._check(self.size)
        if self.limit is None:
            return
        if size > self._service.free_bytes:
            raise Refusal(429, "memory", "too many bytes in work at once", retry_after=1)
        self._service.free_bytes -= size
        self.held += size

    async def send(self, message: Message) -> None:
        """Send an answer. The rest of a refused body is read before the connection ends.

        A connection that ends with bytes unread is reset, and the answer is lost on its way.
        """
        if message["type"] == "http.response.start" and message["status"] >= 400 and self._unread:
            self._closing = True
            MutableHeaders(scope=message)["connection"] = "close"
        elif self._closing and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": "http.response.body"}
        await self._send(message)

    async def _discard(self) -> None:
        if "expect" in self._headers and not self.size:
            return  # the client waits for our answer before it sends
        left = DISCARD_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SLOW if self._slow else self._seconds):
                while left > 0:
                    message = await self._receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body"):
                        return
                    left -= len(message["body"])
