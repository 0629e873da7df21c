"""Lines in and lines out over one connection, with back-pressure."""

from __future__ import annotations

import itertools
import json
import os
import threading
from typing import Any

import pytest
from serving_support import asks, client, resident, served, until

CHUNKED = ("transfer-encoding: chunked",)


def chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def line(id: str, text: str = "x", **more: Any) -> bytes:
    return json.dumps({"id": id, "text": text} | more).encode() + b"\n"


class Reader:
    """Reads the lines of a chunked answer from a socket."""

    def __init__(self, connection: Any) -> None:
        self._file = connection.makefile("rb")
        while self._file.readline().strip():
            pass

    def __iter__(self) -> Any:
        while size := int(self._file.readline(), 16):
            yield json.loads(self._file.read(size))
            self._file.readline()
        self._file.readline()


def test_an_article_is_answered_before_the_next_is_sent() -> None:
    with served() as at, at.open() as connection:
        connection.sendall(asks(b"", *CHUNKED, path="/v1/label/stream"))
        connection.sendall(chunk(line("a")))
        answers = iter(Reader(connection))
        assert next(answers)["id"] == "a"
        connection.sendall(chunk(line("b")[:9]))
        connection.sendall(chunk(line("b")[9:] + b"\n\n{}\n" + line("c")))
        assert next(answers)["id"] == "b"
        failed = next(answers)
        assert (failed["line"], failed["error"]["field"]) == (3, "$.text")
        assert next(answers)["id"] == "c"
        connection.sendall(b"0\r\n\r\n")
        assert list(answers) == []
        at.unharmed()


def test_a_client_that_does_not_read_is_not_read_either() -> None:
    text = "y" * 50_000
    with served() as at, at.open(receive_bytes=4096) as connection:
        connection.sendall(asks(b"", *CHUNKED, path="/v1/label/stream"))
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for k in range(10_000):
                connection.sendall(chunk(line(str(k), text)))
        begun = len(at.labeler.asked)
        assert begun < 200
        connection.close()
        assert until(lambda: at.service.in_work == 0)
        at.unharmed()


def test_a_stream_that_stops_ends_with_the_reason() -> None:
    with served(read_seconds=0.3) as at, at.open() as connection:
        connection.sendall(asks(b"", *CHUNKED, path="/v1/label/stream"))
        connection.sendall(chunk(line("a")))
        first, last = Reader(connection)
        assert first["id"] == "a" and (last["line"], last["error"]["reason"]) == (2, "slow")
        at.unharmed()


def test_a_line_has_the_limit_of_a_body() -> None:
    with client(body_bytes=1_000) as at:
        sent = line("a") + b"x" * 3_000
        first, last = at.post("/v1/label/stream", content=sent).text.splitlines()
        assert json.loads(first)["id"] == "a"
        assert json.loads(last)["error"]["reason"] == "body_size"
        assert at.post("/v1/label/stream?kinds=loud", content=b"{}").status_code == 422


@pytest.mark.slow
def test_memory_is_flat_over_ten_thousand_articles() -> None:
    text = "“They lied,” said Ann Ode. " * 200
    with served() as at, at.open() as connection:
        connection.settimeout(60)
        connection.sendall(asks(b"", *CHUNKED, path="/v1/label/stream"))

        def send() -> None:
            for k in range(10_000):
                connection.sendall(chunk(line(str(k), text)))
            connection.sendall(b"0\r\n\r\n")

        sending = threading.Thread(target=send)
        sending.start()
        answers = iter(Reader(connection))
        ids = [answer["id"] for answer in itertools.islice(answers, 1_000)]
        before = resident(os.getpid())
        ids += [answer["id"] for answer in answers]
        sending.join()
        assert ids == [str(k) for k in range(10_000)]
        assert resident(os.getpid()) < before + 20e6
        at.unharmed()
