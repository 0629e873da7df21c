"""Clients that do harm, over real sockets of this machine; meanwhile an ordinary client is answered rightly and soon."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import serving_support
from serving_support import Served, answers, asks, everything, next_answer, post, resident, told, until


@pytest.fixture
def serving() -> Iterator[Callable[..., Served]]:
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving_support.served(**settings))


MALFORMED = {
    "many headers": b"GET / HTTP/1.1\r\nhost: quoth\r\n" + b"x: y\r\n" * 50_000,
    "one huge header": b"GET / HTTP/1.1\r\nhost: quoth\r\nx: " + b"y" * 5_000_000 + b"\r\n\r\n",
    "a huge path": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: quoth\r\n\r\n",
    "a header of no end": b"GET / HTTP/1.1\r\n" + b"y" * 5_000_000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "no HTTP": b"quit\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nhost: quoth\r\nx: \x00\r\n\r\n",
    "a negative length": asks(b"{}", "content-length: -1"),
    "a length of letters": asks(b"{}", "content-length: two"),
    "two lengths": asks(b"{}", "content-length: 2", "content-length: 3"),
    "an unknown coding": asks(b"{}", "transfer-encoding: gzip"),
    "a chunk of no length": asks(b"zz\r\n", "transfer-encoding: chunked"),
    "a chunk of an endless length": asks(b"f" * 100_000, "transfer-encoding: chunked"),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_ends_at_once(serving: Callable[..., Served], sent: bytes) -> None:
    served = serving()
    with served.in_use():
        for _ in range(5):
            with served.open() as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(sent)
                received = everything(client)
            # uvicorn closes the connection with the rest unread: of a large one the answer may be lost.
            assert received.startswith(b"HTTP/1.1 400 ") or (not received and len(sent) > 60_000)
    served.unharmed()


def test_a_head_that_comes_a_byte_at_a_time_is_given_up(serving: Callable[..., Served]) -> None:
    served = serving(read_seconds=0.6)
    began = time.monotonic()
    with served.in_use():
        slow = [served.open() for _ in range(50)]
        for letter in b"POST /v1/label HTTP/1.1\r\n":
            for client in slow:
                with contextlib.suppress(ConnectionError):
                    client.send(bytes([letter]))
            time.sleep(0.1)
    assert time.monotonic() - began > 1.5
    for client in slow:
        (answer,) = answers(everything(client))
        told(answer, 408, "slow")
        client.close()
    assert until(lambda: served.open_connections() == 0)
    served.unharmed()


def test_a_second_request_that_comes_slowly_is_given_up_too(serving: Callable[..., Served]) -> None:
    served = serving(read_seconds=0.5)
    with served.open() as client:
        client.sendall(asks())
        assert next_answer(client)["status"] == 200
        for letter in b"POST /v1":
            with contextlib.suppress(ConnectionError):
                client.send(bytes([letter]))
            time.sleep(0.1)
        told(answers(everything(client))[-1], 408, "slow")


@pytest.mark.parametrize("length", ["content-length: 1000", "transfer-encoding: chunked"])
def test_a_body_that_comes_a_byte_at_a_time_is_given_up(serving: Callable[..., Served], length: str) -> None:
    served = serving(read_seconds=0.6)
    piece = b"1\r\nx\r\n" if "chunked" in length else b"x"
    with served.in_use():
        slow = [served.open() for _ in range(30)]
        for client in slow:
            client.sendall(asks(b"", length))
        for _ in range(12):
            for client in slow:
                with contextlib.suppress(ConnectionError):
                    client.send(piece)
            time.sleep(0.1)
    for client in slow:
        (answer,) = answers(everything(client))
        told(answer, 408, "slow")
        client.close()
    served.unharmed()


def test_idle_connections_take_no_place_and_end(serving: Callable[..., Served]) -> None:
    served = serving(read_seconds=0.8)
    with served.in_use():
        idle = [served.open() for _ in range(300)]
        assert until(lambda: served.open_connections() >= 300)
        time.sleep(0.3)
    assert until(lambda: served.open_connections() == 0)
    assert all(client.recv(1) == b"" for client in idle)
    for client in idle:
        client.close()
    served.unharmed()


def test_of_too_many_connections_the_longest_silent_goes(serving: Callable[..., Served]) -> None:
    served = serving(connections=50)
    with served.open() as waiting:
        waiting.sendall(asks(b'{"text": "held, I wait"}'))
        assert until(lambda: served.service.in_work == 1)
        first = served.open()
        assert until(lambda: len(served.server._since) == 2)
        idle = [served.open() for _ in range(200)]
        assert until(lambda: served.open_connections() <= 50)
        served.labeler.held.set()
        answer = next_answer(waiting)
        assert answer["status"] == 200 and b"I wait" in answer["content"]
    assert first.recv(1) == b""
    open_still = len(idle) - len(select.select(idle, [], [], 0)[0])
    assert 40 <= open_still <= 50
    for client in (first, *idle):
        client.close()
    assert served.figure('quoth_refusals_total{reason="connections"}') >= 150
    served.unharmed()


def test_clients_that_leave_while_they_send_are_counted_and_forgotten(serving: Callable[..., Served]) -> None:
    served = serving()
    with served.in_use():
        for _ in range(20):
            with served.open() as client:
                client.sendall(asks(b'{"text": ', "content-length: 1000000"))
        assert until(lambda: served.figure("quoth_cancelled_total") == 20)
    served.unharmed()
    assert served.figure('quoth_requests_total{route="/v1/label",status="5') == 0


def test_clients_that_leave_while_they_wait_take_their_work_along(serving: Callable[..., Served]) -> None:
    served = serving()
    served.labeler.pause = 0.2
    for _ in range(20):
        with served.open() as client:
            client.sendall(asks(json.dumps({"text": "x" * 100}).encode()))
            time.sleep(0.01)
    assert until(lambda: served.figure("quoth_cancelled_total") == 20)
    time.sleep(0.5)
    assert len(served.labeler.asked) < 5
    served.unharmed()


def test_a_client_that_leaves_midway_in_an_answer_takes_its_work_along(
    serving: Callable[..., Served],
) -> None:
    served = serving()
    served.labeler.pause = 0.05
    body = b"\n".join(json.dumps({"text": f"{k} " + "x" * 100}).encode() for k in range(200))
    with served.in_use():
        with served.open() as client:
            client.sendall(asks(body, f"content-length: {len(body)}", path="/v1/label/batch"))
            received = b""
            while b"3 xxx" not in received:
                received += client.recv(65536)
        assert until(lambda: served.figure("quoth_cancelled_total") == 1)
    begun = len(served.labeler.asked)
    time.sleep(0.5)
    assert len(served.labeler.asked) <= begun + 1 < 100
    assert served.figure('quoth_requests_total{route="/v1/label/batch",status="499"}') == 1
    assert served.figure("quoth_queue_depth") == 0
    served.unharmed()


def test_a_client_that_does_not_take_its_answer_is_dropped(serving: Callable[..., Served]) -> None:
    served = serving(read_seconds=0.5)
    served.labeler.pause = 0.03
    line = json.dumps({"text": "x", "metadata": {"a": "y" * 150_000}}).encode()
    body = b"\n".join([line] * 100)
    with served.in_use(), served.open(receive_bytes=4096) as client:
        client.sendall(asks(body, f"content-length: {len(body)}", path="/v1/label/batch"))
        assert until(lambda: served.figure("quoth_cancelled_total") == 1)
        assert until(lambda: served.figure('quoth_refusals_total{reason="slow_reader"}') == 1)
    assert len(served.labeler.asked) < 100 + len(served.seconds)
    served.unharmed()


def test_answers_that_lie_untaken_when_a_connection_ends_are_thrown_away(
    serving: Callable[..., Served],
) -> None:
    # Each of them fits into a buffer, so that no answer ever waits; together they fill what the kernel keeps.
    served = serving(read_seconds=0.7)
    ask = asks(json.dumps({"text": "x", "metadata": {"a": "y" * 45_000}}).encode())
    with served.open(receive_bytes=4096) as client:
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(2000):
                client.sendall(ask)
        assert until(lambda: served.open_connections() == 0)
    assert served.figure('quoth_refusals_total{reason="slow_reader"}') == 1


CONTENT = {
    "deep JSON": (asks(b'{"metadata": {"a": ' + b"[" * 1_000_000), 422, "not_json"),
    "deep metadata": (asks(b'{"text": "x", "metadata": {"a":' + b'{"a":' * 300_000 + b"1" + b"}" * 300_001 + b"}"), 422, "not_json"),
    "invalid UTF-8": (asks(b'{"text": "\xc3\x28"}'), 422, "not_json"),
    "NULs": (asks(b"\x00" * 100_000), 422, "not_json"),
    "a gzip bomb": (asks(gzip.compress(b"x" * 10_000_000), "content-encoding: gzip", "content-length: 9742"), 415, "encoding"),
    "a length above the limit": (asks(b"", "content-length: 99999999999999999999"), 413, "body_size"),
    "chunks of no end": (asks(b"ffff\r\n" + b"x" * 65535 + b"\r\n", "transfer-encoding: chunked") + (b"ffff\r\n" + b"x" * 65535 + b"\r\n") * 100, 413, "body_size"),
    "more lines than are read": (asks(b"x\n" * 10_000_000, path="/v1/label/batch"), 413, "batch_length"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTENT.values(), ids=CONTENT)
def test_harmful_bodies_are_refused(serving: Callable[..., Served], case: tuple[bytes, int, str]) -> None:
    served, (sent, status, reason) = serving(read_seconds=2), case
    with served.in_use():
        for _ in range(2):
            with served.open() as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(sent)
                told(next_answer(client), status, reason)
    served.unharmed()


def test_blank_lines_without_number_are_no_work(serving: Callable[..., Served]) -> None:
    served = serving()
    body = b"\n" * 10_000_000 + b" " * 10_000_000
    with served.in_use():
        (answer,) = answers(
            everything_of(
                served,
                asks(body, f"content-length: {len(body)}", "connection: close", path="/v1/label/batch"),
            )
        )
    assert answer["status"] == 200
    served.unharmed()


def everything_of(served: Served, sent: bytes) -> bytes:
    with served.open() as client:
        client.sendall(sent)
        return everything(client).replace(b"\r\n\r\n0\r\n\r\n", b"\r\n\r\n")


def test_what_follows_a_refused_body_is_not_read_for_ever(serving: Callable[..., Served]) -> None:
    served = serving(body_bytes=1000)
    began = time.monotonic()
    with served.in_use(), served.open() as client:
        client.sendall(asks(b"", "transfer-encoding: chunked"))
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 5:
                client.sendall(b"ffff\r\n" + b"x" * 65535 + b"\r\n")
    served.unharmed()


def test_a_length_that_is_not_the_body_s(serving: Callable[..., Served]) -> None:
    served = serving(read_seconds=0.5)
    with served.in_use():
        (short,) = served.talk(asks(b'{"text": "x"}', "content-length: 14"))
        told(short, 408, "slow")
        with served.open() as client:
            client.sendall(asks(b'{"text": "x"} and more\r\n\r\n', "content-length: 13"))
            assert next_answer(client)["status"] == 200
            assert next_answer(client)["status"] == 400
    served.unharmed()


def test_pipelined_requests_are_answered_in_order_and_garbage_ends_them(
    serving: Callable[..., Served],
) -> None:
    served = serving()
    with served.in_use():
        sent = [asks(json.dumps({"id": str(k), "text": "x"}).encode()) for k in range(100)]
        with served.open() as client:
            client.sendall(b"".join(sent) + b"garbage \x00\r\n\r\n")
            received = everything(client)
    *got, last = received.split(b"HTTP/1.1 ")[1:]
    ids = [json.loads(answer.partition(b"\r\n\r\n")[2])["id"] for answer in got]
    assert ids == [str(k) for k in range(100)] and last.startswith(b"400 ")
    served.unharmed()


def test_bodies_together_take_a_bounded_memory(serving: Callable[..., Served]) -> None:
    served = serving(bytes_at_once=1_000_000)
    holding = [served.open() for _ in range(3)]
    with served.in_use():
        for client in holding:
            client.sendall(asks(b"x" * 300_000, "content-length: 600000"))
        assert until(lambda: served.service.free_bytes <= 100_000)
        (answer,) = served.talk(asks(b"x" * 300_000, "connection: close", "content-length: 300000"))
        told(answer, 429, "memory")
        for client in holding:
            client.close()
    served.unharmed()


@pytest.mark.parametrize("page", ["<div>" * 200_000, "<p><b>" * 20_000 + "a b c", "<" * 500_000, "<table><tr><td>" * 50_000], ids=["deep", "unclosed", "angles", "tables"])  # fmt: skip
def test_pages_made_to_take_long_do_not(serving: Callable[..., Served], page: str) -> None:
    pytest.importorskip("trafilatura")
    served = serving()
    with served.in_use():
        (answer,) = served.talk(asks(body := json.dumps({"html": page}).encode(), "connection: close", f"content-length: {len(body)}"))  # fmt: skip
    assert answer["status"] in (200, 413, 422)
    served.unharmed()


def test_the_threads_of_a_flood_of_batches_leave_room_for_one_article(serving: Callable[..., Served]) -> None:
    served = serving(queue=32)
    served.labeler.pause = 0.002
    body = b"\n".join(json.dumps({"text": f"{k} " + "x" * 100}).encode() for k in range(500))
    sent = asks(body, f"content-length: {len(body)}", path="/v1/label/batch")
    flood = [served.open() for _ in range(10)]
    for client in flood:
        client.sendall(sent)
    with served.in_use():
        time.sleep(1)
    for client in flood:
        client.close()
    served.unharmed()


@pytest.mark.slow
def test_all_at_once_for_a_minute_against_the_command() -> None:
    """`quoth serve` as it is installed, its model and its settings."""
    command = [sys.executable, "-m", "quoth.cli", "serve", "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) as process:
        assert process.stderr
        port = int(process.stderr.readline().rsplit(b":", 1)[1])
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            assert until(lambda: ready(port), 60)
            _besiege(port, process.pid, 60)
        finally:
            process.terminate()
        assert process.wait(90) == 0


def ready(port: int) -> bool:
    try:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        client.request("GET", "/health/ready")
        return client.getresponse().status == 200
    except OSError:
        return False


def _besiege(port: int, pid: int, seconds: float) -> None:
    asked = {"id": "a", "text": "“We never hid the leak,” said Ann Ode, who runs the Velm plant."}
    right, before = post(port, asked), resident(pid)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(400)]
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    for client in slow[100:]:
        client.sendall(asks(b"", "content-length: 1000000"))
    end, worst = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        for client in slow:
            with contextlib.suppress(OSError):
                client.send(b"x")
        for sent in (*MALFORMED.values(), asks(b'{"text": ' + b"[" * 1_000_000)):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(sent)
        began = time.perf_counter()
        assert post(port, asked) == right
        worst = max(worst, time.perf_counter() - began)
        time.sleep(0.5)
    assert worst < 5
    assert resident(pid) < before + 200e6
    left = select.select(idle + slow, [], [], 0)[0]
    assert len(left) == 600, "every one of them has been closed, so that all can be read"
    for client in idle + slow:
        client.close()
