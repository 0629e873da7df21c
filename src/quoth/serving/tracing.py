"""OpenTelemetry traces of requests, by the usual instrumentation of FastAPI."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from quoth.extras import needs


def trace(app: FastAPI, exporter: Any = None) -> Any:
    """Send a span for each request.

    Args:
        app: the application of `quoth.serving.app`.
        exporter: where spans go; by default to an OTLP endpoint, as the environment variables `OTEL_*` say.

    Returns:
        The tracer provider.
    """
    with needs("Tracing", "otel"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(app, excluded_urls="health,metrics", tracer_provider=provider)
    return provider
