"""Connections of the endpoint: uvicorn's, with the limits that uvicorn leaves to others."""

from __future__ import annotations

import asyncio
import secrets
from typing import ClassVar

import h11
import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from quoth.observing import Metrics
from quoth.requests import Failure, Refused, Settings
from quoth.server import Endpoint

HEAD_BYTES = 16_384
KEEP_ALIVE = 15
"""Seconds that a connection may be silent after an answer."""
LINGER = 2.0
"""Seconds to go on reading what was refused: a connection that ends with bytes unread takes its answer along."""


class Connection(H11Protocol):
    """One client's: its requests come in time and it takes its answers in time, or it ends."""

    settings: ClassVar[Settings]
    metrics: ClassVar[Metrics]
    silent_since: float
    _leaving = False
    _refused = False
    _overdue: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    @property
    def in_work(self) -> bool:
        """Whether a request's head has come and its answer has not been sent."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request(self.settings.read_seconds)
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._overdue, self._stuck):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self.in_work and self._overdue:
            self._overdue.cancel()

    def on_response_complete(self) -> None:
        self._expect_request(LINGER if self.cycle.more_body else self.settings.read_seconds)
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(self.settings.read_seconds, self._drop, "slow_reader")

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck:
            self._stuck.cancel()

    def send_400_response(self, msg: str) -> None:
        self._refuse(
            400, "malformed", f"expected a request in HTTP/1.1, its head of at most {HEAD_BYTES:,} bytes"
        )

    def _expect_request(self, seconds: float) -> None:
        """Within so many seconds from now; bytes of it that come do not make it longer."""
        self.silent_since = self.loop.time()
        if self._overdue:
            self._overdue.cancel()
        self._overdue = self.loop.call_later(seconds, self._end)

    def _end(self) -> None:
        if self.transport.is_closing():  # what was sent last is not taken
            self._drop("slow_reader")
        elif self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            message = f"the head of the request did not arrive within {self.settings.read_seconds:g} s"
            self._refuse(408, "slow", message)
        else:
            self.transport.close()
            self._expect_request(self.settings.read_seconds)

    def _refuse(self, status: int, reason: str, message: str) -> None:
        """Answer without a request, in the one shape of errors, and end."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever is at work on the request must not answer it too
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.metrics.refusals.labels(reason).inc()
            failure = Failure(status, reason, message, secrets.token_hex(8))
            body = msgspec.json.encode(Refused(failure))
            head = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("x-request-id", failure.request_id),
                ("connection", "close"),
            ]
            for event in (
                h11.Response(status_code=status, headers=head),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self._refused = True
        self.transport.write_eof()
        self._expect_request(LINGER)

    def _drop(self, reason: str) -> None:
        self.metrics.refusals.labels(reason).inc()
        self._leaving = True
        self.transport.abort()

    def _make_room(self) -> None:
        """Where too many are open, the one goes that has been silent longest."""
        staying = [c for c in self.connections if isinstance(c, Connection) and not c._leaving]
        if len(staying) > self.settings.connections:
            silent = (c for c in staying if not c.in_work)
            min(silent, key=lambda c: c.silent_since, default=self)._drop("connections")


def config(endpoint: Endpoint, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How uvicorn serves an endpoint."""
    limits = {"settings": endpoint.settings, "metrics": endpoint.metrics}
    return uvicorn.Config(
        endpoint.app, host=host, port=port, log_config=None, access_log=False, server_header=False,
        http=type("Connection", (Connection,), limits), ws="none",
        h11_max_incomplete_event_size=HEAD_BYTES, timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(endpoint.settings.answer_seconds) + 1,
    )  # fmt: skip
