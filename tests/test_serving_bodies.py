"""Bodies that are too large are answered in a way that ordinary clients read, while they still send."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_support import Served, asks, next_answer, served, told

httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")

MEGABYTES = 50


@pytest.fixture(scope="module")
def at() -> Iterator[Served]:
    with served() as running:
        yield running
        running.unharmed()


def parts() -> Iterator[bytes]:
    yield from (b"x" * 1_000_000 for _ in range(MEGABYTES))


def by_requests(url: str, chunked: bool) -> Any:
    response = requests.post(url, data=parts() if chunked else b"".join(parts()), timeout=60)
    return response.status_code, response.json()


def by_httpx(url: str, chunked: bool) -> Any:
    response = httpx.post(url, content=parts() if chunked else b"".join(parts()), timeout=60)
    return response.status_code, response.json()


def by_curl(url: str, chunked: bool) -> Any:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("needs curl")
    command = [curl, "-sS", "-X", "POST", "--data-binary", "@-", "-w", "\n%{http_code}", url]
    if chunked:
        command += ["-H", "transfer-encoding: chunked"]
    told = subprocess.run(command, input=b"".join(parts()), capture_output=True, check=True).stdout
    body, _, status = told.rpartition(b"\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("ask", [by_requests, by_httpx, by_curl])
def test_too_large_a_body_is_answered_with_json(at: Served, ask: Any, chunked: bool) -> None:
    status, answer = ask(f"{at.address}/v1/label", chunked)
    assert status == 413
    error = answer["error"]
    assert (error["status"], error["reason"]) == (413, "body_size") and "2,000,000" in error["message"]


def test_the_answer_comes_while_the_client_still_sends(at: Served) -> None:
    with at.open() as client:
        client.sendall(asks(b"x" * 3_000_000, "content-length: 9000000"))
        answer = next_answer(client)
        told(answer, 413, "body_size")
        assert answer["headers"]["connection"] == "close"
        client.sendall(b"x" * 6_000_000)
        assert client.recv(1) == b""


def test_a_client_that_asks_first_need_not_send(at: Served) -> None:
    with at.open() as client:
        client.sendall(asks(b"", "content-length: 9000000", "expect: 100-continue"))
        told(next_answer(client), 413, "body_size")
        assert client.recv(1) == b""


def test_other_refusals_are_read_before_the_body_is_sent_too(tmp_path: Path) -> None:
    from quoth.serving.authentication import Keys, new_key

    new_key(tmp_path / "keys", "desk")
    with served(keys=Keys(tmp_path / "keys")) as at:
        status, answer = by_requests(f"{at.address}/v1/label/batch", False)
        assert (status, answer["error"]["reason"]) == (401, "key")
