"""Prometheus metrics of the server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from quoth.records import ModelInfo, Record

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The metrics of one server."""

    def __init__(self, model: ModelInfo) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, description: str, *labels: str) -> Counter:
            return Counter(f"quoth_{name}", description, labels, registry=registry)

        def histogram(name: str, description: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(f"quoth_{name}", description, buckets=buckets, registry=registry)

        self.requests = counter("requests", "Answers by route and status.", "route", "status")
        self.refusals = counter("refusals", "Requests refused, by reason.", "reason")
        self.statements = counter("statements", "Statements found, by stance.", "stance")
        self.warnings = counter("warnings", "Articles with warnings.")
        self.cancelled = counter("cancelled", "Requests whose client left.")
        self.depth = Gauge("quoth_queue_depth", "Articles that wait.", registry=registry)
        self.waited = histogram("queue_seconds", "From the arrival of a request to the start of its work.")
        self.seconds = histogram("inference_seconds", "Time to label an article.")
        self.characters = histogram(
            "article_characters", "Length of an article.", (1e3, 2e3, 4e3, 1e4, 2e4, 4e4, 1e5)
        )
        self.restarts = counter("worker_restarts", "Workers that died and were replaced.")
        info = Gauge("quoth_model", "The model in use.", ["name", "version", "hash"], registry=registry)
        info.labels(model.name, model.version, model.hash).set(1)

    def labelled(self, record: Record) -> None:
        """Count the statements of an answer."""
        self.warnings.inc(bool(record.warnings))
        for statement in record.statements:
            self.statements.labels(statement.stance).inc()

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
