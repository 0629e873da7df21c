"""`quoth.Client`, `quoth.AsyncClient` and `quoth label --server` against a server in a thread."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from serving_support import Served, served

import quoth
from quoth.cli import main
from quoth.records import Article, Record, json_schema

httpx = pytest.importorskip("httpx")

from quoth.serving import client as clients
from quoth.serving.authentication import Keys, new_key
from quoth.serving.client import ServerError


@pytest.fixture(scope="module")
def at() -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that clients wait, instead of waiting."""
    waited: list[float] = []

    async def asleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(clients, "time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr(clients, "asyncio", SimpleNamespace(sleep=asleep))
    return waited


def answering(*responses: Any) -> Any:
    rest = iter(responses)

    def answer(request: Any) -> Any:
        response = next(rest)
        if isinstance(response, Exception):
            raise response
        return response

    return httpx.MockTransport(answer)


def failed(status: int, **headers: str) -> Any:
    error = {"status": status, "reason": "why", "message": "what", "request_id": "1", "field": None}
    return httpx.Response(
        status, json={"error": error}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def test_importing_quoth_loads_no_http() -> None:
    code = "import sys, quoth; assert not {'httpx', 'fastapi', 'onnxruntime'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_record_comes_back_as_one(at: Served) -> None:
    with quoth.Client(at.address) as client:
        record = client.label(Article("a", "Ann", {"source": "Post"}), include_other=False)
        assert isinstance(record, Record) and (record.id, record.metadata) == ("a", {"source": "Post"})
        assert [s.id for s in record.statements] == ["x:0", "x:2"]
        assert client.label("Ann", kinds=["indirect"]).statements[0].kind == "indirect"
        assert client.model()["model"]["name"] == "m"
        with pytest.raises(ServerError, match=r"expected at most 200,000 \(\$.text\)") as caught:
            client.label("x" * 200_001)
        assert (caught.value.status, caught.value.reason) == (413, "article_length")


def test_many_articles_come_back_in_their_order(at: Served) -> None:
    articles = [Article(str(k), "unfit" if k == 4 else "x") for k in range(10)]

    async def asked() -> list[Any]:
        async with quoth.AsyncClient(at.address) as client:
            assert (await client.model())["model"]["name"] == "m"
            assert (await client.label("Ann")).statements
            return [found async for found in client.label_many(articles, batch=3)]

    with quoth.Client(at.address) as client:
        for found in (list(client.label_many(articles, batch=3)), asyncio.run(asked())):
            assert [r.id if isinstance(r, Record) else r.reason for r in found] == [
                "0",
                "1",
                "2",
                "3",
                "invalid",
                *"56789",
            ]
        short = list(client.label_many(["x", "y"], kinds=["direct"], include_fragments=False))
        assert [len(r.statements) for r in short if isinstance(r, Record)] == [1, 1]


def test_answers_are_valid_by_the_published_schema(at: Served) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    alone = httpx.post(f"{at.address}/v1/label", json={"text": "Ann"}).json()
    among = httpx.post(f"{at.address}/v1/label/batch", content=b'{"text": "Ann"}').json()
    document = httpx.get(f"{at.address}/openapi.json").json()
    own = jsonschema.Draft202012Validator(document | {"$ref": "#/components/schemas/Record"})
    for record in (alone, among):
        validator.validate(record)
        own.validate(record)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(alone | {"statements": [{}]})


def test_a_busy_server_is_asked_again_when_it_says(at: Served, waits: list[float]) -> None:
    content = httpx.post(f"{at.address}/v1/label", json={"text": "x"}).content

    def fine() -> Any:
        return httpx.Response(200, content=content)

    responses = (failed(429, retry_after="7"), failed(503), httpx.ConnectError("refused"), fine())
    with quoth.Client(transport=answering(*responses)) as client:
        assert client.label("x").statements
    assert 7 <= waits[0] <= 10.5 and 0.2 <= waits[1] <= 0.3 and 0.4 <= waits[2] <= 0.6

    async def asked() -> Record:
        async with quoth.AsyncClient(transport=answering(failed(429), fine())) as client:
            return await client.label("x")

    assert asyncio.run(asked()).statements and len(waits) == 4


@pytest.mark.parametrize(
    ("response", "reason", "tries"),
    [
        (failed(422), "why", 1),
        (failed(504), "why", 1),
        (failed(429), "why", 3),
        (httpx.Response(502, text="<html>"), "status", 3),
        (httpx.ConnectError("refused"), "connection", 3),
        (httpx.ReadTimeout("late"), "connection", 1),
    ],
)
def test_what_does_not_get_better_is_raised(
    response: Any, reason: str, tries: int, waits: list[float]
) -> None:
    client = quoth.Client(transport=answering(*[response] * 9), retries=2)
    with client, pytest.raises(ServerError) as caught:
        client.label("x")
    assert caught.value.reason == reason and len(waits) == tries - 1


def test_the_command_labels_by_a_server_as_by_itself(tmp_path: Path) -> None:
    from quoth.labeler import Labeler

    new = new_key(tmp_path / "keys", "desk")
    rows = [
        {"id": "a", "text": "“They lied,” said Ann Ode."},
        {"id": "b", "text": "x" * 200_001},
        {"id": "c", "text": "No."},
    ]
    given = tmp_path / "in.jsonl"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with served(Labeler.from_pretrained("fast", 1), Keys(tmp_path / "keys")) as at:
        run = CliRunner().invoke(
            main,
            [
                "label",
                str(given),
                "-o",
                str(tmp_path / "theirs.jsonl"),
                "--server",
                at.address,
                "--min-probability",
                "0.9",
            ],
            env={"QUOTH_KEY": new},
        )
        assert run.exit_code == 3, run.output
        refused = CliRunner().invoke(main, ["label", str(given), "--server", at.address])
        assert refused.exit_code == 1 and "Authorization" in refused.output
        odd = CliRunner().invoke(main, ["label", str(given), "--server", at.address, "--model", "base"])
        assert odd.exit_code == 2 and "--server does not go with --model" in odd.output
    assert "article_length" in (tmp_path / "theirs.jsonl.errors.jsonl").read_text()
    given.write_text("".join(json.dumps(row) + "\n" for row in (rows[0], rows[2])))
    own = [
        "label",
        str(given),
        "-o",
        str(tmp_path / "ours.jsonl"),
        "--model",
        "fast",
        "--min-probability",
        "0.9",
    ]
    assert CliRunner().invoke(main, own).exit_code == 0
    assert (tmp_path / "theirs.jsonl").read_bytes() == (tmp_path / "ours.jsonl").read_bytes()
