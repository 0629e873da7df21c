"""What arrives at the endpoint: a body within its limits, the id of a request, the options of a query."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from quoth.requests import Options, Refusal

T = TypeVar("T")


class Room:
    """Bytes that the bodies of all requests may take together."""

    def __init__(self, size: int) -> None:
        self._free = size

    def take(self, request: Request, size: int) -> None:
        """Raises Refusal where there is no room."""
        if size > self._free:
            raise Refusal(429, "memory", "too many bytes in work at once", retry_after=1)
        self._free -= size
        request.state.held = getattr(request.state, "held", 0) + size

    def leave(self, request: Request) -> None:
        """Give back what a request has taken."""
        self._free += getattr(request.state, "held", 0)
        request.state.held = 0


async def body_of(request: Request, limit: int, seconds: float, room: Room | None = None) -> bytes:
    """limit: bytes.  room: for the bodies of all requests.

    Raises Refusal for a body that is compressed, too large or not there in time, Gone where the client leaves.
    """
    if request.headers.get("content-encoding", "identity").casefold() != "identity":
        raise Refusal(415, "encoding", "found a compressed body, expected a plain one")
    declared = request.headers.get("content-length", "0")
    too_large = Refusal(413, "body_size", f"expected a body of at most {limit:,} bytes")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                if room:
                    room.take(request, len(chunk))
                chunks.append(chunk)
    except ClientDisconnect as error:
        raise Gone from error
    except TimeoutError as error:
        message = f"the body did not arrive within {seconds:g} s"
        raise Refusal(408, "slow", message) from error
    return b"".join(chunks)


class Gone(Exception):
    """The client has left."""


async def while_here(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client leaves: then raises Gone.  The body must have been read."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    doing, leaving = asyncio.create_task(work), asyncio.create_task(left())
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Gone
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()


def request_id(request: Request) -> str:
    """The client's own, if it is a short word of letters, digits and dashes, else a new one."""
    given = request.headers.get("x-request-id", "")
    fit = 0 < len(given) <= 64 and given.isascii() and given.replace("-", "").isalnum()
    return given if fit else secrets.token_hex(8)


def options_of(request: Request) -> Options:
    """From the query: kinds=direct,mixed&min_probability=0.7&include_fragments=false&include_other=false"""
    query: dict[str, Any] = dict(request.query_params)
    if "kinds" in query:
        query["kinds"] = query["kinds"].split(",")
    try:
        return msgspec.convert(query, Options, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise Refusal(422, "invalid", message, "query" + path.removesuffix("`")) from error
