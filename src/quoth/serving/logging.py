"""JSON log lines. They hold the text of articles only with `--log-texts`."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO


class Log:
    """JSON lines on standard error or in `file`."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file or sys.stderr

    def line(self, event: str, **fields: object) -> None:
        """Write one event."""
        print(
            json.dumps({"time": round(time.time(), 3), "event": event, **fields}), file=self.file, flush=True
        )


class LibraryLog(logging.Handler):
    """Writes what libraries log to the same log, without tracebacks: these may hold texts."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        error = record.exc_info and record.exc_info[0]
        self._log.line(
            "library", name=record.name, level=record.levelname, message=record.getMessage(),
            error=error and error.__name__,
        )  # fmt: skip
