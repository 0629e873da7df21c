"""Fake labelers and a server in a thread, for the tests of serving."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from quoth.errors import InputError
from quoth.model.stances import Told
from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement

for package in ("fastapi", "uvicorn", "prometheus_client", "asgi_correlation_id"):
    pytest.importorskip(package, reason="needs pip install '.[serve]'")

from quoth.serving.app import create_app
from quoth.serving.authentication import Keys
from quoth.serving.logging import Log
from quoth.serving.schemas import Settings
from quoth.serving.server import Server
from quoth.serving.service import Service

MODEL = ModelInfo("m", "1", "0" * 12)
STANCES = ("accusation", "denial", "condemnation", "solidarity", "other")
SOON = 2.0
"""Seconds; without an attack an answer takes a hundredth of one."""


def statement(k: int, text: str, stance: Any, kind: Any = "direct", fragment: bool = False) -> Statement:
    probabilities: Any = dict.fromkeys(STANCES, 0.1) | {stance: 0.6}
    sentiment: Any = {"negative": 0.2, "neutral": 0.6, "positive": 0.2}
    speaker = Speaker("Ann Ode", "person", Span(0, 1, text[:1]), None, 0.9)
    return Statement(
        f"x:{k}", "x:0", 0, len(text), text, kind, fragment, 0.9, None, speaker, stance, probabilities,
        None, False, "neutral", sentiment, None,
    )  # fmt: skip


class Labeler:
    """Finds the same three statements in every text; slow, or raising, when the text asks for it."""

    model = MODEL
    label_set = None
    pause = 0.0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held = threading.Event()
        """What a text that begins with "held" waits for."""

    def label_one(self, article: Article) -> Record:
        self.asked.append(article.id)
        time.sleep(self.pause)
        if article.text == "bad":
            raise ValueError("seven")
        if article.text == "unfit":
            raise InputError(f"article {article.id}: text: found no words")
        if article.text.startswith("held"):
            assert self.held.wait(20)
        found = [
            statement(0, article.text, "accusation"),
            statement(1, article.text, "other", "indirect"),
            statement(2, article.text, "denial", "direct", True),
        ]
        return Record("1", article.id, article.metadata, [], MODEL, found)

    def classify(self, spans: Iterable[tuple[str, int, int]]) -> list[Told]:
        sure = np.array([0.6, 0.1, 0.1, 0.1, 0.1], dtype=np.float32)
        return [Told(sure, None, sure[:3] / sure[:3].sum(), None) for _ in spans]


def service_of(labeler: Any, log: io.StringIO | None = None, **settings: Any) -> Service:
    return Service(labeler, Settings(**settings), Log(log or io.StringIO()))


def client(keys: Keys | None = None, log: io.StringIO | None = None, **settings: Any) -> Any:
    """A client in this process, with its service and labeler; use it as a context."""
    from fastapi.testclient import TestClient

    labeler = Labeler()
    service = service_of(labeler, log, **settings)
    made: Any = TestClient(create_app(service, keys), raise_server_exceptions=False)
    made.service, made.labeler = service, labeler
    return made


def refused(response: Any, status: int, reason: str, field: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    found = (response.status_code, error["status"], error["reason"], error["field"])
    assert found == (status, status, reason, field), error
    assert error["request_id"] == response.headers["x-request-id"]
    return error


@dataclass
class Served:
    """A server in a thread, and what an ordinary client of it saw."""

    service: Service
    server: Any
    port: int
    labeler: Any
    seconds: list[float] = field(default_factory=list)
    wrong: list[object] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, receive_bytes: int | None = None) -> socket.socket:
        made = socket.socket()
        if receive_bytes:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.settimeout(10)
        made.connect(("127.0.0.1", self.port))
        return made

    def talk(self, *parts: bytes) -> list[dict[str, Any]]:
        """What comes back until the server closes: status, headers in lower case, and content of each answer."""
        with self.open() as client:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    client.sendall(part)
            return answers(everything(client))

    def figure(self, name: str) -> float:
        lines = self.service.metrics.page().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def open_connections(self) -> int:
        return len(self.server.server_state.connections)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """An ordinary client asks meanwhile, on a new connection each time."""
        ended = threading.Event()

        def ask() -> None:
            k = 0
            while not ended.wait(0.02) or not k:
                began = time.perf_counter()
                text = f"“Number {k} is false,” said Ann Ode."
                try:
                    told = post(self.port, {"id": str(k), "text": text})
                    if told["statements"][0]["text"] != text or told["id"] != str(k):
                        self.wrong.append(told)
                except (OSError, ValueError, http.client.HTTPException) as error:
                    self.wrong.append(error)
                self.seconds.append(time.perf_counter() - began)
                k += 1

        client = threading.Thread(target=ask)
        client.start()
        try:
            yield
        finally:
            ended.set()
            client.join()
        assert self.wrong == []
        assert max(self.seconds) < SOON

    def unharmed(self) -> None:
        """Nothing is held any longer, and the server never failed."""
        assert until(lambda: self.service.in_work == 0)
        assert self.service.free_bytes == self.service.settings.bytes_at_once
        log = self.service.log.file
        assert isinstance(log, io.StringIO)
        events = [json.loads(line) for line in log.getvalue().splitlines()]
        assert [e for e in events if e["event"] == "failure" or e.get("status", 0) >= 500] == []


@contextlib.contextmanager
def served(labeler: Any = None, keys: Keys | None = None, **settings: Any) -> Iterator[Served]:
    """A server in a thread, with a fake labeler unless another is given."""
    labeler = labeler or Labeler()
    service = service_of(labeler, **settings)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = Server(create_app(service, keys))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        assert until(lambda: server.started or not thread.is_alive(), 30) and server.started
        yield Served(service, server, listening.getsockname()[1], labeler)
    finally:
        if isinstance(labeler, Labeler):
            labeler.held.set()
        server.should_exit = server.force_exit = True
        thread.join()


def post(port: int, asked: dict[str, Any]) -> Any:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        client.request("POST", "/v1/label", json.dumps(asked), {"content-type": "application/json"})
        response = client.getresponse()
        assert response.status == 200, response.status
        return json.loads(response.read())
    finally:
        client.close()


def everything(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(65536):
            received += chunk
    return received


def next_answer(client: socket.socket) -> dict[str, Any]:
    """One answer, of a connection that stays open."""
    response = http.client.HTTPResponse(client)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return {"status": response.status, "headers": headers, "content": response.read()}


def answers(received: bytes) -> list[dict[str, Any]]:
    found = []
    file = io.BytesIO(received)
    while line := file.readline():
        headers: dict[str, str] = {}
        while (header := file.readline()).strip():
            name, _, value = header.decode().strip().lower().partition(": ")
            headers[name] = value
        content = file.read(int(headers.get("content-length", 0)))
        found.append({"status": int(line.split()[1]), "headers": headers, "content": content})
    return found


def asks(body: bytes = b'{"text": "x"}', *headers: str, path: str = "/v1/label") -> bytes:
    """A request. If headers are given, they must tell the length too."""
    given = headers or (f"content-length: {len(body)}",)
    return f"POST {path} HTTP/1.1\r\nhost: quoth\r\n".encode() + "\r\n".join([*given, "", ""]).encode() + body


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def told(answer: dict[str, Any], status: int, reason: str) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(answer["content"])["error"]
    assert (answer["status"], error["status"], error["reason"]) == (status, status, reason)
    assert answer["headers"]["x-request-id"] == error["request_id"]
    return error


def resident(pid: int) -> float:
    """Bytes of memory of a process; 0 where /proc does not tell."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * 4096.0
    except OSError:
        return 0.0
