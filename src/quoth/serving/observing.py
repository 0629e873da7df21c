"""Middleware that counts and logs every request, and answers for errors that nobody foresaw."""

from __future__ import annotations

import time

from asgi_correlation_id import correlation_id
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quoth.serving.service import Service


class Observed:
    """Around the application; the status of a request whose client left is 499."""

    def __init__(self, app: ASGIApp, service: Service, headers: dict[str, str]) -> None:
        """headers: of every answer."""
        self._app, self._service, self._headers = app, service, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        state = scope.setdefault("state", {})
        state["arrived"] = time.perf_counter()
        begun, status = False, 499

        async def sending(message: Message) -> None:
            nonlocal begun, status
            if message["type"] == "http.response.start":
                begun, state["status"] = True, message["status"]
                MutableHeaders(scope=message).update(self._headers)
            elif not message.get("more_body") and not state["gone"].is_set():
                status = state["status"]
            await send(message)

        self._service.in_work += 1
        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001  the client gets an id, the log the kind of error
            refusal = self._service.unforeseen(error, scope["path"])
            if not begun:
                await self._service.refused(refusal)(scope, receive, sending)
        finally:
            self._service.in_work -= 1
            self._end(scope, status)

    def _end(self, scope: Scope, status: int) -> None:
        metrics, state = self._service.metrics, scope["state"]
        route = getattr(scope.get("route"), "path", "none")
        metrics.requests.labels(route, str(status)).inc()
        metrics.cancelled.inc(status == 499)
        if scope["path"].startswith("/v1/"):
            self._service.log.line(
                "request", request_id=correlation_id.get(), path=scope["path"], status=status,
                seconds=round(time.perf_counter() - state["arrived"], 4), key=state.get("key"),
            )  # fmt: skip
