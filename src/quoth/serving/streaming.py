"""Lines of JSON in and out. Each is answered in its order, no faster than the client reads."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from quoth.serving.schemas import Refusal

LINE = re.compile(rb"\S[^\r\n]*")

Line = bytes | Refusal
Answering = Callable[[int, Line], Coroutine[Any, Any, bytes]]
"""Answers a line, or the refusal that ends the lines, by its number."""


class Lines(StreamingResponse):
    """A streamed answer beside a body that is still read, which Starlette would take for a client that leaves."""

    media_type = "application/x-ndjson"

    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Wait for ever: `Limits` ends the work of a client that leaves."""
        await asyncio.Event().wait()

    async def stream_response(self, send: Send) -> None:
        """Send the lines. If the client leaves while one is sent, the work on the others ends too."""
        assert isinstance(self.body_iterator, AsyncGenerator)
        async with aclosing(self.body_iterator):
            await super().stream_response(send)


async def lines_of(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Cut a body into its lines, as they come; raise Refusal for one of more than `limit` bytes."""
    rest = b""
    async for part in parts:
        whole, _, rest = (rest + part).rpartition(b"\n")
        for found in LINE.finditer(whole):
            yield found.group()
        if len(rest) > limit:
            raise Refusal(413, "body_size", f"expected lines of at most {limit:,} bytes")
    for found in LINE.finditer(rest):
        yield found.group()


async def answered(lines: AsyncIterator[bytes], answer: Answering, ahead: int) -> AsyncGenerator[bytes, None]:
    """Answer lines in their order. Reading pauses while `ahead` answers have not been taken.

    A batch sends only so many articles to the queue at once, and a client that does not read sends no more.
    """
    tasks: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(ahead)
    begun: set[asyncio.Task[bytes]] = set()

    async def begin(number: int, line: Line) -> None:
        task = asyncio.create_task(answer(number, line))
        begun.add(task)
        task.add_done_callback(begun.discard)
        await tasks.put(task)

    async def read() -> None:
        number = 0
        try:
            async for line in lines:
                number += 1
                await begin(number, line)
        except Refusal as refusal:
            await begin(number + 1, refusal)
        except ClientDisconnect:
            pass
        await tasks.put(None)

    reading = asyncio.create_task(read())
    try:
        while task := await tasks.get():
            yield await task + b"\n"
        await reading
    finally:
        reading.cancel()
        for started in begun:
            started.cancel()
