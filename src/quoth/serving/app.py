"""The HTTP application: routes and middleware around a `Service`. Every answer is the record of the library."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import msgspec
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

import quoth
from quoth.labeler import label_fields, probabilities
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.pages import HEADERS, page_file
from quoth.records import Record
from quoth.serving import schemas
from quoth.serving.authentication import KeyBackend, Keys
from quoth.serving.limits import Limits
from quoth.serving.observing import Observed
from quoth.serving.queue import Turn
from quoth.serving.schemas import LabelRequest, QueryOptions, Refusal, StanceAnswer, StanceRequest
from quoth.serving.service import Service, encoded
from quoth.serving.streaming import LINE, Lines, answered, lines_of

AHEAD = 8
"""Lines of a batch or stream that are in the queue at once."""
NDJSON = "application/x-ndjson"
PAGES = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js", "/icon.svg": "icon.svg"}
_ID = re.compile("[A-Za-z0-9-]{1,64}")
_REFUSALS = {
    400: "not a request of HTTP",
    401: "no known key",
    408: "the body came too slowly",
    413: "body, article or batch too large",
    415: "a compressed body",
    422: "the body is not as it should be; `field` names the place",
    429: "too much at once; Retry-After tells when to try again",
    503: "starting or ending",
    504: "no answer in time",
}


class AnyContentType(APIRoute):
    """A route that reads every body as strict JSON, also that of `curl -d`, which calls it a form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
            return await handler(_Request({**request.scope, "headers": headers}, request.receive))

        return handle


class _Request(Request):
    async def json(self) -> Any:
        return schemas.read_json(await self.body())


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _turn(
    request: Request,
    seconds: Annotated[
        float | None,
        Header(
            alias="x-request-timeout", gt=0, allow_inf_nan=False, description="Seconds to wait for an answer."
        ),
    ] = None,
) -> Turn:
    host = request.client.host if request.client else ""
    client = getattr(request.state, "key", host)
    return Turn(client, id(request.scope["state"]), request.state.arrived, seconds)


Served = Annotated[Service, Depends(_service)]
Asking = Annotated[Turn, Depends(_turn)]
_RECORD = {"$ref": "#/components/schemas/Record"}
_LINES: dict[str, Any] = {
    "responses": {200: {"content": {NDJSON: {"schema": {"oneOf": [_RECORD, {"$ref": "#/components/schemas/FailedLine"}]}}}}},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/BatchLine"}, "example": {"text": "A text."}}},
        }
    },
}  # fmt: skip
_refusals: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Refused, "description": description}
    for status, description in _REFUSALS.items()
}
api = APIRouter(route_class=AnyContentType, responses=_refusals)
router = APIRouter()


@api.post(
    "/v1/label",
    summary="Label one article",
    responses={200: {"content": {"application/json": {"schema": _RECORD}}}},
)
async def label(asked: LabelRequest, service: Served, turn: Asking) -> Response:
    """Answer one article with its record."""
    answer = await service.answer(await service.article(asked, turn), turn)
    return _json(encoded(asked.options, answer))


@api.post("/v1/label/batch", summary="Label an article a line; the schemas are those of a line", **_LINES)
async def label_batch(
    request: Request, options: Annotated[QueryOptions, Query()], service: Served, turn: Asking
) -> Response:
    """Read the whole batch, then answer each line as soon as it is ready."""
    most, body = service.settings.batch_articles, await request.body()
    lines = [found.group() for found in itertools.islice(LINE.finditer(body), most + 1)]
    if len(lines) > most:
        raise Refusal(413, "batch_length", f"expected at most {most:,} articles")

    async def each() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    return Lines(answered(each(), partial(service.line, options=options, turn=turn), AHEAD))


@api.post(
    "/v1/label/stream", summary="The same without end: each line is answered while others come", **_LINES
)
async def label_stream(
    request: Request, options: Annotated[QueryOptions, Query()], service: Served, turn: Asking
) -> Response:
    """Answer lines as they come. The client reads while it sends, or both wait for each other."""
    lines = lines_of(request.stream(), service.settings.body_bytes)
    return Lines(answered(lines, partial(service.line, options=options, turn=turn), AHEAD))


@api.post("/v1/stance", summary="Stance and sentiment of given statements", response_model=StanceAnswer)
async def stance(asked: StanceRequest, service: Served, turn: Asking) -> Response:
    """Classify spans that the client has found."""
    asked.check(service.settings)
    found = await service.answer((asked.text, tuple(asked.spans)), turn)
    assert isinstance(found, list)
    statements = [
        {
            "start": start,
            "end": end,
            "stance": one.best_stance,
            "stance_probabilities": probabilities(STANCE_LABELS, one.stance),
            "second_stance": one.second,
            "sentiment": one.best_sentiment,
            "sentiment_probabilities": probabilities(SENTIMENT_LABELS, one.sentiment),
            **label_fields(service.workers.label_set, one),
        }
        for (start, end), one in zip(asked.spans, found, strict=True)
    ]
    return _json(msgspec.json.encode({"model": service.workers.model, "statements": statements}))


@api.get("/v1/model", summary="Model, version and limits")
async def model(service: Served) -> Response:
    """Describe the model and the limits of this server."""
    limits = asdict(service.settings)
    del limits["log_texts"]
    described = {"model": service.workers.model, "quoth": quoth.__version__, "limits": limits}
    if service.workers.label_set is not None:
        described["label_set"] = service.workers.label_set
    return _json(msgspec.json.encode(described))


@router.get("/health/live", summary="The process runs")
async def live() -> Response:
    """Answer while the event loop runs."""
    return _json(b'{"status":"live"}')


@router.get(
    "/health/ready",
    summary="The model has answered once and the server is not ending",
    responses={503: _refusals[503]},
)
async def ready(service: Served) -> Response:
    """Tell a load balancer whether to send requests here."""
    if service.draining:
        raise Refusal(503, "draining", "the server is ending", retry_after=1)
    if not (service.warm and service.queue.works):
        raise Refusal(503, "starting", "the model is not warm yet", retry_after=1)
    return _json(b'{"status":"ready"}')


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(service: Served) -> Response:
    """Return the counters of this server."""
    return Response(service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def create_app(service: Service, keys: Keys | None = None, origins: tuple[str, ...] = ()) -> FastAPI:
    """Return the ASGI application.

    Args:
        service: the model and its queue; starts and ends with the application.
        keys: of the clients that may ask; None: everybody may.
        origins: sites whose pages may ask, `*` for all.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="quoth", version=quoth.__version__, docs_url=None, redoc_url=None, lifespan=lifespan,
        strict_content_type=False,
    )  # fmt: skip
    app.state.service = service
    # The middleware asks for the key, before a body is read; this describes it.
    app.include_router(api, dependencies=[Depends(HTTPBearer(auto_error=False))] if keys else [])
    app.include_router(router)
    for path, name in PAGES.items():
        app.add_route(path, partial(_page, *page_file(name)), include_in_schema=False)
    app.add_exception_handler(RequestValidationError, partial(_failed, service))
    app.add_exception_handler(HTTPException, partial(_failed, service))
    make, app.openapi = app.openapi, lambda: _with_records(make())  # type: ignore[method-assign]
    _add_middleware(app, service, keys, origins)
    return app


async def _page(content: bytes, kind: str, request: Request) -> Response:
    return Response(content, media_type=kind)


async def _failed(service: Service, request: Request, error: Exception) -> Response:
    """Answer every error in the one shape of errors."""
    if isinstance(error, RequestValidationError):
        error = schemas.refusal_of(error.errors())
    if isinstance(error, Refusal):
        return service.refused(error)
    assert isinstance(error, HTTPException)
    known = {404: ("path", "no such path"), 405: ("method", "no such method here")}
    reason, message = known.get(error.status_code, ("malformed", error.detail))
    response = service.refused(Refusal(error.status_code, reason, message))
    response.headers.update(error.headers or {})
    return response


def _with_records(document: dict[str, Any]) -> dict[str, Any]:
    """Add the shapes that FastAPI does not see: the record, which msgspec knows, and lines of a batch."""
    template = "#/components/schemas/{name}"
    _, records = msgspec.json.schema_components((Record,), ref_template=template)
    kinds: Any = [(schemas.BatchLine, "validation"), (schemas.FailedLine, "serialization")]
    _, lines = models_json_schema(kinds, ref_template="#/components/schemas/{model}")
    document["components"]["schemas"].update(records | lines["$defs"])
    return document


def _add_middleware(app: FastAPI, service: Service, keys: Keys | None, origins: tuple[str, ...]) -> None:
    """Wrap the application; what is added last is outermost."""
    info = service.workers.model
    headers = HEADERS | {"x-quoth-model": f"{info.name} {info.version} {info.hash}"}
    app.add_middleware(
        AuthenticationMiddleware,
        backend=KeyBackend(keys),
        on_error=lambda _, error: service.refused(error.refusal),  # type: ignore[attr-defined]
    )
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "x-quoth-model", "retry-after"],
        )
    app.add_middleware(Limits, service=service)
    app.add_middleware(Observed, service=service, headers=headers)
    app.add_middleware(
        CorrelationIdMiddleware,
        generator=lambda: secrets.token_hex(8),
        validator=lambda given: bool(_ID.fullmatch(given)),
    )
