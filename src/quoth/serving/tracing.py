"""OpenTelemetry traces of requests, by the usual instrumentation of FastAPI."""

from __future__ import annotations

from fastapi import FastAPI

from quoth.extras import needs


def trace(app: FastAPI) -> None:
    """Send a span for each request, as the environment variables `OTEL_*` say; raise MissingExtraError without the extra."""
    with needs("Tracing", "otel"):
        from opentelemetry import trace as api
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    api.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(app, excluded_urls="health,metrics", tracer_provider=provider)
