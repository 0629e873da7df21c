"""What a server tells of itself: Prometheus metrics and JSON log lines, users' texts only where asked."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from quoth.records import ModelInfo, Record

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One server's; also the observer of its queue."""

    def __init__(self, model: ModelInfo) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "quoth_requests", "Answers by route and status.", ["route", "status"], registry=registry
        )
        self.refusals = Counter(
            "quoth_refusals", "Requests refused, by reason.", ["reason"], registry=registry
        )
        self.statements = Counter(
            "quoth_statements", "Statements told, by stance.", ["stance"], registry=registry
        )
        self.warnings = Counter("quoth_warnings", "Articles with warnings.", registry=registry)
        self.cancelled = Counter("quoth_cancelled", "Requests whose client left.", registry=registry)
        self._depth = Gauge("quoth_queue_depth", "Articles that wait.", registry=registry)
        self._waited = Histogram(
            "quoth_queue_seconds",
            "From a request's arrival to the start of its work.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._seconds = Histogram(
            "quoth_inference_seconds", "Of an article.", buckets=_SECONDS, registry=registry
        )
        self._characters = Histogram(
            "quoth_article_characters",
            "Of an article.",
            buckets=(1e3, 2e3, 4e3, 1e4, 2e4, 4e4, 1e5),
            registry=registry,
        )
        info = Gauge("quoth_model", "The model in use.", ["name", "version", "hash"], registry=registry)
        info.labels(model.name, model.version, model.hash).set(1)

    def depth(self, n: int) -> None:
        self._depth.set(n)

    def waited(self, seconds: float) -> None:
        self._waited.observe(seconds)

    def worked(self, characters: int, seconds: float) -> None:
        self._characters.observe(characters)
        self._seconds.observe(seconds)

    def told(self, record: Record) -> None:
        """Count what an article was told to say."""
        self.warnings.inc(bool(record.warnings))
        for statement in record.statements:
            self.statements.labels(statement.stance).inc()

    def page(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self._registry)


class Log:
    """JSON lines: one a request, with its id."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr

    def line(self, event: str, **fields: object) -> None:
        """Write one event, the time first."""
        print(
            json.dumps({"time": round(time.time(), 3), "event": event, **fields}), file=self._file, flush=True
        )


class LogLines(logging.Handler):
    """What libraries log, as lines of the same log: without tracebacks, which may hold texts."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info and record.exc_info[0]
        self._log.line(
            "library",
            name=record.name,
            level=record.levelname,
            message=record.getMessage(),
            error=error and error.__name__,
        )
