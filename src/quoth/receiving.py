"""What arrives at the endpoint: a body within its limits, the id of a request, the options of a query."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec
from fastapi import Request

from quoth.requests import Options, Refusal


async def body_of(request: Request, limit: int, seconds: float) -> bytes:
    """limit: bytes.  Raises Refusal for a body that is compressed, too large or not there in time."""
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
                chunks.append(chunk)
    except TimeoutError as error:
        message = f"the body did not arrive within {seconds:g} s"
        raise Refusal(408, "slow", message) from error
    return b"".join(chunks)


class Gone(Exception):
    """The client has left."""


async def gone(request: Request) -> None:
    """Returns when the client has left; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
