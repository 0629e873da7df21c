"""The OpenAPI description of the endpoint, made of the types that it decodes and encodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI

from quoth.requests import SHAPES, Options

_ARTICLE = (
    "Mayor Hilda Condori accused the water company of ignoring warnings. “They sent one man,” she said."
)
_EXAMPLE = {"text": _ARTICLE, "options": {"include_other": False}}
_REFUSALS = {
    "400": "not a request of HTTP", "401": "no known key", "408": "the body came too slowly", "413": "body, article or batch too large",
    "415": "a compressed body", "422": "the body is not as it should be; `field` tells where",
    "429": "too much at once; Retry-After tells when", "503": "starting or ending", "504": "no answer in time",
}  # fmt: skip


def described(app: FastAPI) -> dict[str, Any]:
    """The description, in OpenAPI 3.1."""
    _, components = msgspec.json.schema_components(SHAPES, ref_template="#/components/schemas/{name}")
    stances = {"type": "array", "items": _ref("ToldStance")}
    line = {"oneOf": [_ref("Record"), _ref("FailedLine")]}
    return {
        "openapi": "3.1.0",
        "info": {"title": app.title, "version": app.version},
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}, {}],
        "paths": {
            "/v1/label": _post("Label one article", "application/json", "LabelRequest", _EXAMPLE, _ref("Record")),
            "/v1/label/batch": _post(
                "Label an article a line, answered a line each; the schemas are those of a line", "application/x-ndjson",
                "BatchLine", {"text": _ARTICLE}, line, _query(),
            ),
            "/v1/stance": _post(
                "Stance and sentiment of given statements", "application/json", "StanceRequest",
                {"text": _ARTICLE, "spans": [[68, 88]]}, {"type": "object", "properties": {"statements": stances}},
            ),
            "/v1/model": _get("Model, version and limits", refusals=("401", "429", "503")),
            "/health/live": _get("The process runs"),
            "/health/ready": _get("The model has answered once and the server is not ending", refusals=("503",)),
            "/metrics": _get("Metrics for Prometheus", "text/plain"),
        },
    }  # fmt: skip


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query() -> list[dict[str, Any]]:
    """The options of a record, as parameters of a query."""
    _, shapes = msgspec.json.schema_components((Options,))
    return [
        {"name": name, "in": "query", "schema": schema, "style": "form", "explode": False}
        for name, schema in shapes["Options"]["properties"].items()
    ]


def _post(
    summary: str, kind: str, shape: str, example: Any, answer: dict[str, Any], parameters: Sequence[Any] = ()
) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "parameters": [*parameters],
            "requestBody": {"required": True, "content": {kind: {"schema": _ref(shape), "example": example}}},
            "responses": _responses(summary, {kind: {"schema": answer}}, _REFUSALS),
        }
    }


def _get(summary: str, kind: str = "application/json", refusals: Sequence[str] = ()) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": _responses(summary, {kind: {}}, refusals)}}


def _responses(summary: str, answer: dict[str, Any], refusals: Iterable[str]) -> dict[str, Any]:
    failure = {"application/json": {"schema": _ref("Refused")}}
    return {
        "200": {"description": summary, "content": answer},
        **{status: {"description": _REFUSALS[status], "content": failure} for status in refusals},
    }
