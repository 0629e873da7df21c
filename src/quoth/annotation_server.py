"""The local server of `quoth annotate`: one session, one page, nothing for anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from quoth.adjudicating import Adjudication
from quoth.annotating import Edit, Session, Stale
from quoth.errors import QuothError
from quoth.pages import HEADERS, codebook, page_file

BODY_BYTES = 1_000_000
READ_SECONDS = 30.0
FILES = ("page.css", "annotate.css", "annotate.js", "asking.js", "marks.js", "adjudicate.js", "icon.svg")
HOSTS = ["127.0.0.1", "localhost"]

Call = Callable[[Request], Awaitable[Response]]
Asked = TypeVar("Asked")


class Refusal(Exception):
    """Ends a request with a status and a message for the page."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class At(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An article, and the version of it that the page shows."""

    article: str
    version: int


class AnnotationServer:
    """The application around a session; it writes the label file when it starts and when it ends."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # One change after the other; a labeler at work does not keep the page from loading.
        self._turn = asyncio.Lock()
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._lifespan)
        # A page of elsewhere that makes its name point at this machine is none of ours.
        self.app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
        written = codebook().encode()
        calls: list[tuple[str, str, Call]] = [
            ("GET", "/", self._file("annotate.html")),
            *(("GET", f"/{name}", self._file(name)) for name in FILES),
            ("GET", "/codebook", self._content(written, "text/html; charset=utf-8")),
            ("GET", "/overview", self._overview),
            ("POST", "/open", self._open),
            ("POST", "/edit", self._edit),
            ("POST", "/undo", self._undo),
            ("POST", "/done", self._done),
        ]
        if isinstance(session, Adjudication):
            calls.append(("GET", "/agreement", self._agreement))
        for method, path, call in calls:
            self.app.add_api_route(path, _guarded(call), methods=[method])

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._session.write()
        yield
        self._session.write()
        self._session.close()

    def _file(self, name: str) -> Call:
        return self._content(*page_file(name))

    def _content(self, content: bytes, kind: str) -> Call:
        async def answer(request: Request) -> Response:
            return Response(content, media_type=kind)

        return answer

    async def _overview(self, request: Request) -> Response:
        return await self._answer(self._session.overview)

    async def _open(self, request: Request) -> Response:
        asked = await _asked(request, At)
        return await self._answer(lambda: self._session.opened(asked.article))

    async def _edit(self, request: Request) -> Response:
        edit = await _asked(request, Edit)
        return await self._answer(lambda: self._session.edit(edit))

    async def _undo(self, request: Request) -> Response:
        asked = await _asked(request, At)
        return await self._answer(lambda: self._session.undo(asked.article, asked.version))

    async def _done(self, request: Request) -> Response:
        asked = await _asked(request, At)
        return await self._answer(lambda: self._session.finish(asked.article, asked.version))

    async def _agreement(self, request: Request) -> Response:
        assert isinstance(self._session, Adjudication)
        return await self._answer(self._session.agreement)

    async def _answer(self, call: Callable[[], Any]) -> Response:
        async with self._turn:
            return _json(await asyncio.to_thread(call))


def _guarded(call: Call) -> Call:
    """A route with the page's headers, and errors that the page can show."""

    async def answer(request: Request) -> Response:
        try:
            response = await call(request)
        except Refusal as refusal:
            response = _json({"error": str(refusal)}, refusal.status)
        except Stale as error:
            response = _json({"error": str(error)}, 409)
        except QuothError as error:
            response = _json({"error": str(error)}, 422)
        response.headers.update(HEADERS)
        return response

    return answer


async def _asked(request: Request, kind: type[Asked]) -> Asked:
    """Read the JSON body of a request; raise Refusal for one that is too large, too slow or of another shape."""
    # Other pages can send a form to this machine without asking, but no JSON.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "expected a body of type application/json")
    body = b""
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES:
                    raise Refusal(413, f"expected a body of at most {BODY_BYTES:,} bytes")
        return msgspec.json.decode(body, type=kind)
    except TimeoutError as error:
        raise Refusal(408, f"the body did not arrive within {READ_SECONDS:g} s") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(422, str(error)) from error


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
