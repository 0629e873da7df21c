from __future__ import annotations

import pytest
from serving_support import Labeler, service_of

pytest.importorskip("opentelemetry.instrumentation.fastapi", reason="needs pip install '.[otel]'")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from quoth.serving.app import create_app
from quoth.serving.tracing import trace


def test_a_request_has_a_span_with_its_route() -> None:
    kept = InMemorySpanExporter()
    app = create_app(service_of(Labeler()))
    provider = trace(app, kept)
    with TestClient(app) as client:
        client.get("/health/live")
        client.post("/v1/label", json={"text": "x"}, headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    provider.force_flush()
    (span,) = [span for span in kept.get_finished_spans() if span.kind.name == "SERVER"]
    assert span.name == "POST /v1/label" and format(span.context.trace_id, "032x") == "a" * 32
