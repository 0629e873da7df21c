"""Clients of `quoth serve`: records as the library gives them, retries where the server asks for patience."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Self

import msgspec

from quoth.errors import QuothError
from quoth.extras import needs
from quoth.records import Article, Record, from_json

with needs("quoth.Client", "client"):
    import httpx

RETRIED = frozenset({429, 502, 503})
"""Statuses after which a request is sent again: the queue is full, or a server starts or ends."""
BATCH = 32
"""Articles in one request of `label_many`: few enough that a request does not wait long."""
PATIENCE = 60.0
"""Most seconds between two attempts."""


class ServerError(QuothError):
    """An answer that is an error, or none. `status` is 0 where the server was not reached."""

    def __init__(self, status: int, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(f"server: {reason}: {message}" + (f" ({field})" if field else ""))
        self.status, self.reason, self.field = status, reason, field


class _Base:
    """What both clients share: settings, requests and answers."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        timeout: float = 300.0,
        retries: int = 8,
        transport: Any = None,
    ) -> None:
        """Prepare a client; it connects with the first request.

        Args:
            url: where the server is.
            key: an API key of the server.
            timeout: seconds to wait for an answer; the server stops working on it then.
            retries: further attempts after 429, 502, 503 or a connection that fails.
            transport: of httpx, in place of its own.
        """
        headers = {"x-request-timeout": f"{timeout:g}"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._settings: dict[str, Any] = {
            "base_url": url, "headers": headers, "timeout": timeout + 5, "transport": transport,
        }  # fmt: skip
        self._retries = retries

    def _waits(self, attempt: int, found: httpx.Response | httpx.TransportError) -> float:
        """Return the seconds before the next attempt; raise ServerError if there is to be none."""
        response = found if isinstance(found, httpx.Response) else None
        last = attempt >= self._retries
        if response is None:
            if last or not isinstance(found, httpx.NetworkError | httpx.RemoteProtocolError):
                assert isinstance(found, httpx.TransportError)
                raise ServerError(0, "connection", str(found) or type(found).__name__) from found
        elif last or response.status_code not in RETRIED:
            raise _error(response)
        asked = response.headers.get("retry-after", "") if response is not None else ""
        least = float(asked) if asked.isdecimal() else 0.1 * 2**attempt
        return min(PATIENCE, least) * random.uniform(1.0, 1.5)


class Client(_Base):
    """A client for ordinary code. Use it as a context, or call `close`.

    >>> with quoth.Client("http://127.0.0.1:8000") as client:
    ...     client.label("“They lied,” said Ann Ode.").statements
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._http = httpx.Client(**self._settings)

    def label(self, article: str | Article, **options: Any) -> Record:
        """Label one article.

        Args:
            article: a text, or an article with id and metadata.
            options: `kinds`, `min_probability`, `include_fragments`, `include_other`.

        Raises:
            ServerError: the server refuses the article, or does not answer.
        """
        return from_json(self._post("/v1/label", json=_asked(article) | {"options": options}).content)

    def label_many(
        self, articles: Iterable[str | Article], batch: int = BATCH, **options: Any
    ) -> Iterator[Record | ServerError]:
        """Label articles in their order, `batch` in a request. An article that fails gives its error."""
        rest = iter(articles)
        while some := list(itertools.islice(rest, batch)):
            response = self._post("/v1/label/batch", content=_lines(some), params=_query(options))
            yield from map(_record, response.content.splitlines())

    def model(self) -> dict[str, Any]:
        """Return name, version and limits of the server's model."""
        return _object(self._send("GET", "/v1/model"))

    def _post(self, path: str, **request: Any) -> httpx.Response:
        return self._send("POST", path, **request)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for attempt in itertools.count():
            found: httpx.Response | httpx.TransportError
            try:
                found = self._http.request(method, path, **request)
                if found.is_success:
                    return found
            except httpx.TransportError as error:
                found = error
            time.sleep(self._waits(attempt, found))
        raise AssertionError

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(_Base):
    """The same for asyncio: `async with quoth.AsyncClient(...) as client: await client.label(...)`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._http = httpx.AsyncClient(**self._settings)

    async def label(self, article: str | Article, **options: Any) -> Record:
        """Label one article; see `Client.label`."""
        response = await self._send("POST", "/v1/label", json=_asked(article) | {"options": options})
        return from_json(response.content)

    async def label_many(
        self, articles: Iterable[str | Article], batch: int = BATCH, **options: Any
    ) -> AsyncIterator[Record | ServerError]:
        """Label articles in their order; see `Client.label_many`."""
        rest = iter(articles)
        while some := list(itertools.islice(rest, batch)):
            response = await self._send(
                "POST", "/v1/label/batch", content=_lines(some), params=_query(options)
            )
            for line in response.content.splitlines():
                yield _record(line)

    async def model(self) -> dict[str, Any]:
        """Return name, version and limits of the server's model."""
        return _object(await self._send("GET", "/v1/model"))

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for attempt in itertools.count():
            found: httpx.Response | httpx.TransportError
            try:
                found = await self._http.request(method, path, **request)
                if found.is_success:
                    return found
            except httpx.TransportError as error:
                found = error
            await asyncio.sleep(self._waits(attempt, found))
        raise AssertionError

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def _asked(article: str | Article) -> dict[str, Any]:
    if isinstance(article, str):
        return {"text": article}
    return {"id": article.id, "text": article.text, "metadata": article.metadata}


def _lines(articles: list[str | Article]) -> bytes:
    return b"\n".join(msgspec.json.encode(_asked(article)) for article in articles)


def _query(options: Mapping[str, Any]) -> dict[str, str]:
    """Write options as a query, where lists and truth values are words."""
    return {
        name: ",".join(value) if isinstance(value, list | tuple) else str(value).lower()
        for name, value in options.items()
    }


def _record(line: bytes) -> Record | ServerError:
    failed = msgspec.json.decode(line)
    return _failure(failed["error"]) if "error" in failed else from_json(line)


def _error(response: httpx.Response) -> ServerError:
    try:
        return _failure(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return ServerError(response.status_code, "status", f"found status {response.status_code}")


def _failure(error: Mapping[str, Any]) -> ServerError:
    return ServerError(error["status"], error["reason"], error["message"], error["field"])


def _object(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    return found
