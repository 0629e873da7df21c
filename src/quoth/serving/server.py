"""uvicorn, with the care for slow connections and for load balancers that it leaves to a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import threading
from collections.abc import Generator
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from quoth.serving.schemas import Refusal, Refused
from quoth.serving.service import Service

HEAD_BYTES = 16_384
KEEP_ALIVE = 15
"""Seconds that a connection may be silent after an answer."""

State = tuple[bool, bool, int]
"""Of a connection: whether a request is in work, whether the client takes what it is sent, and the request."""


class Server(uvicorn.Server):
    """Ends connections that are slow, silent or too many; ends itself with status 0 after SIGTERM."""

    def __init__(self, app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> None:
        service: Service = app.state.service
        self._service, self._settings = service, service.settings
        self._since: dict[Any, tuple[State, float]] = {}
        config = uvicorn.Config(
            app, host=host, port=port, http="h11", ws="none", log_config=None, access_log=False,
            server_header=False, h11_max_incomplete_event_size=HEAD_BYTES, timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=round(service.settings.answer_seconds) + 1,
        )  # fmt: skip
        super().__init__(config)

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections ten times a second, as uvicorn does at its clock."""
        now = asyncio.get_running_loop().time()
        self._since = {c: self._seen(c, now) for c in self.server_state.connections}
        for connection, (state, since) in list(self._since.items()):
            if now - since > self._settings.read_seconds:
                self._overdue(connection, *state[:2])
        self._make_room()
        return await super().on_tick(counter)

    def _seen(self, connection: Any, now: float) -> tuple[State, float]:
        cycle = connection.cycle
        in_work = cycle is not None and not cycle.response_complete
        stuck = connection.flow.write_paused or connection.transport.is_closing()
        state = (in_work, stuck, id(cycle))
        last = self._since.get(connection)
        return last if last and last[0] == state else (state, now)

    def _overdue(self, connection: Any, in_work: bool, stuck: bool) -> None:
        if stuck:
            self._drop(connection, "slow_reader")
        elif not in_work:
            if connection.conn.trailing_data[0]:
                message = f"the head of the request did not arrive within {self._settings.read_seconds:g} s"
                connection.transport.write(self._answer(Refusal(408, "slow", message)))
            connection.transport.close()

    def _answer(self, refusal: Refusal) -> bytes:
        """Return the bytes of an answer to no request."""
        self._service.metrics.refusals.labels(refusal.reason).inc()
        id = secrets.token_hex(8)
        body = Refused(error=refusal.failure(id)).model_dump_json().encode()
        head = (
            f"HTTP/1.1 {refusal.status_code} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {id}\r\nconnection: close\r\n\r\n"
        )
        return head.encode() + body

    def _make_room(self) -> None:
        """Where too many connections are open, end those that have been silent longest."""
        excess = len(self._since) - self._settings.connections
        silent = [c for c, (state, _) in self._since.items() if not state[0]]
        for connection in sorted(silent, key=lambda c: self._since[c][1])[: max(0, excess)]:
            self._drop(connection, "connections")

    def _drop(self, connection: Any, reason: str) -> None:
        self._service.metrics.refusals.labels(reason).inc()
        connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn does, without raising the signal again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell load balancers first; end at once at a second signal."""
        again, self._service.draining = self._service.draining, True
        wait = 0.0 if again or sig == signal.SIGINT else self._settings.drain_seconds
        threading.Timer(wait, super().handle_exit, (sig, frame)).start()
