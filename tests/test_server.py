from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quoth.errors import ConfigError, InputError
from quoth.keys import Keys, new_key
from quoth.model.stances import Told
from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement

testclient = pytest.importorskip("fastapi.testclient")
pytest.importorskip("prometheus_client")

from quoth.observing import Log, Metrics
from quoth.queueing import Overloaded, Queue
from quoth.requests import Settings
from quoth.server import Endpoint

MODEL = ModelInfo("m", "1", "0" * 12)
STANCES = ("accusation", "denial", "condemnation", "solidarity", "other")


def statement(k: int, stance: Any, kind: Any = "direct", fragment: bool = False) -> Statement:
    probabilities: Any = dict.fromkeys(STANCES, 0.1) | {stance: 0.6}
    sentiment: Any = {"negative": 0.2, "neutral": 0.6, "positive": 0.2}
    speaker = Speaker("Ann Ode", "person", Span(0, 3, "Ann"), None, 0.9)
    return Statement(
        f"x:{k}", "x:0", 0, 3, "Ann", kind, fragment, 0.9, None, speaker, stance, probabilities, None, False, "neutral", sentiment, None
    )  # fmt: skip


class Labeler:
    """Says the same of every text; slow, or raising, when the text asks for it."""

    model = MODEL
    label_set = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def label_one(self, article: Article) -> Record:
        self.asked.append(article.id)
        if article.text == "bad":
            raise ValueError("seven")
        if article.text == "unfit":
            raise InputError(f"article {article.id}: text: found no words")
        if article.text.startswith("slow"):
            time.sleep(0.3)
        found = [
            statement(0, "accusation"),
            statement(1, "other", "indirect"),
            statement(2, "denial", "direct", True),
        ]
        return Record("1", article.id, article.metadata, [], MODEL, found)

    def classify(self, spans: Iterable[tuple[str, int, int]]) -> list[Told]:
        sure = np.array([0.6, 0.1, 0.1, 0.1, 0.1], dtype=np.float32)
        return [Told(sure, None, sure[:3] / sure[:3].sum(), None) for _ in spans]


def client(keys: Keys | None = None, log: io.StringIO | None = None, **settings: Any) -> Any:
    labeler: Any = Labeler()
    endpoint = Endpoint(labeler, Settings(**settings), keys, Log(log or io.StringIO()))
    made = testclient.TestClient(endpoint.app, raise_server_exceptions=False)
    made.endpoint, made.labeler = endpoint, labeler
    return made


@pytest.fixture
def served() -> Iterator[Any]:
    with client() as made:
        yield made


def refused(response: Any, status: int, reason: str, field: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert (response.status_code, error["status"], error["reason"], error["field"]) == (
        status,
        status,
        reason,
        field,
    )
    assert error["request_id"] == response.headers["x-request-id"]
    return error


def test_an_article_is_answered_with_its_record(served: Any) -> None:
    response = served.post("/v1/label", json={"id": "a", "text": "Ann", "metadata": {"source": "Post"}})
    assert response.status_code == 200
    record = response.json()
    assert (record["id"], record["metadata"], len(record["statements"])) == ("a", {"source": "Post"}, 3)
    assert record["model"] == {"name": "m", "version": "1", "hash": "0" * 12}
    assert response.headers["x-quoth-model"] == "m 1 000000000000"
    assert (
        response.headers["x-content-type-options"] == "nosniff"
        and "content-security-policy" in response.headers
    )
    assert "access-control-allow-origin" not in response.headers
    assert (
        served.post("/v1/label", json={"text": "Ann"}, headers={"x-request-id": "abc-1"}).headers[
            "x-request-id"
        ]
        == "abc-1"
    )


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ({"kinds": ["indirect"]}, ["x:1"]),
        ({"include_fragments": False}, ["x:0", "x:1"]),
        ({"include_other": False}, ["x:0", "x:2"]),
        ({}, ["x:0", "x:1", "x:2"]),
    ],
)
def test_options_keep_the_statements_asked_for(served: Any, options: dict[str, Any], ids: list[str]) -> None:
    record = served.post("/v1/label", json={"text": "Ann", "options": options}).json()
    assert [s["id"] for s in record["statements"]] == ids
    unsure = served.post(
        "/v1/label", json={"text": "Ann", "options": options | {"min_probability": 0.7}}
    ).json()
    assert all(s["abstained"] for s in unsure["statements"])


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b'{"text": 5}', "invalid", "$.text"),
        (b'{"text": "x", "options": {"min_probability": 2}}', "invalid", "$.options.min_probability"),
        (b'{"text": "x", "texts": "y"}', "invalid", "$"),
        (b'{"text": "x", "html": "y"}', "invalid", "$.text"),
        (b"{}", "invalid", "$.text"),
        (b'{"text": "x"', "not_json", "$"),
        (b"\xff\xfe", "not_json", "$"),
        (b'{"text": "\xff"}', "not_json", "$"),
        (b'{"metadata": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}, "text": "x"}', "not_json", "$"),
        (b'{"text": "\\ud800"}', "not_json", "$"),
        (b'{"html": "<p>no"}', "html", "$.html"),
    ],
)
def test_a_body_that_is_not_as_it_should_be_names_the_field(
    served: Any, body: bytes, reason: str, field: str
) -> None:
    refused(served.post("/v1/label", content=body), 422, reason, field)


def test_null_characters_are_text(served: Any) -> None:
    assert served.post("/v1/label", json={"text": "Ann \x00 said"}).status_code == 200


def test_limits_have_their_status() -> None:
    with client(body_bytes=1000, characters=100, quotation_marks=10, batch_articles=2, spans=1) as served:
        refused(served.post("/v1/label", json={"text": "x" * 2000}), 413, "body_size")
        chunks = (b"x" * 100 for _ in range(20))
        refused(served.post("/v1/label", content=chunks), 413, "body_size")
        refused(served.post("/v1/label", json={"text": "x" * 101}), 413, "article_length", "$.text")
        refused(served.post("/v1/label/batch", content=b'{"text": "x"}\n' * 3), 413, "batch_length")
        refused(
            served.post("/v1/stance", json={"text": "xy", "spans": [[0, 1], [1, 2]]}), 413, "spans", "$.spans"
        )
        quoted = served.post("/v1/label", json={"text": "“" * 11 + "'tis"})
        refused(quoted, 413, "quotation_marks", "$.text")
        assert served.post("/v1/label", json={"text": "“a” " * 5 + "It's Ann's"}).status_code == 200
        packed = served.post("/v1/label", content=b"x", headers={"content-encoding": "gzip"})
        refused(packed, 415, "encoding")
        refused(served.get("/v2"), 404, "path")
        refused(served.get("/v1/label"), 405, "method")
        page = served.get("/metrics").text
        assert 'quoth_refusals_total{reason="body_size"} 2.0' in page


def test_a_full_queue_says_when_to_come_again() -> None:
    with client(queue=1) as served:
        import threading

        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda: answers.append(served.post("/v1/label", json={"text": "slow"})))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refusals = [a for a in answers if a.status_code == 429]
        assert refusals and len(refusals) < 6
        assert all(int(a.headers["retry-after"]) >= 1 for a in refusals)
        assert {a.status_code for a in answers} == {200, 429}


def test_what_would_wait_too_long_is_refused_and_a_batch_leaves_room() -> None:
    labeler: Any = Labeler()

    async def asked() -> None:
        queue = Queue(labeler, Metrics(MODEL), longest=100, wait=4.0)
        queue._keep_pace(1_000, 1.0)  # so that each of these articles takes half a second
        for _ in range(4):
            queue.ask(Article("a", "x"), 0.0, patient=True)  # until two seconds wait
        with pytest.raises(Overloaded):
            queue.ask(Article("a", "x"), 0.0, patient=True)
        for _ in range(4):
            queue.ask(Article("a", "x"), 0.0)  # until four do
        with pytest.raises(Overloaded) as told:
            queue.ask(Article("a", "x"), 0.0)
        assert told.value.seconds == 2

    asyncio.run(asked())


def test_no_answer_in_time_is_said() -> None:
    with client(answer_seconds=0.05) as served:
        refused(served.post("/v1/label", json={"text": "slow"}), 504, "timeout")


def test_one_article_that_raises_takes_no_other_along(served: Any) -> None:
    lines = [{"id": "a", "text": "x"}, {"id": "b", "text": "bad"}, {"text": 5}, {"id": "c", "text": "y"}]
    body = "\n".join(json.dumps(line) for line in lines)
    response = served.post("/v1/label/batch?include_other=false", content=body)
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [a.get("id") or a["error"]["reason"] for a in answers] == ["a", "internal", "invalid", "c"]
    assert [a.get("line") for a in answers] == [None, 2, 3, None]
    assert len(answers[0]["statements"]) == 2
    alone = served.post("/v1/label", json={"text": "bad"})
    assert refused(alone, 500, "internal") and "seven" not in alone.text


def test_what_the_labeler_refuses_is_told_alike_at_both_doors(served: Any) -> None:
    alone = served.post("/v1/label", json={"id": "a", "text": "unfit"})
    error = refused(alone, 422, "invalid")
    among = served.post("/v1/label/batch", content=b'{"id": "a", "text": "unfit"}\n{"text": "x"}')
    first, second = (json.loads(line) for line in among.text.splitlines())
    mine = {"request_id": among.headers["x-request-id"]}
    assert first == {"line": 1, "error": error | mine} and len(second["statements"]) == 3


def test_a_line_without_an_answer_in_time_is_told_as_an_article_is() -> None:
    with client(answer_seconds=0.05) as served:
        (line,) = served.post("/v1/label/batch", content=b'{"text": "slow"}').text.splitlines()
        error = json.loads(line)["error"]
        assert (error["status"], error["reason"]) == (504, "timeout")


def test_options_of_a_batch_are_checked(served: Any) -> None:
    refused(served.post("/v1/label/batch?kinds=loud", content=b"{}"), 422, "invalid", "query.kinds[0]")


def test_given_spans_are_classified(served: Any) -> None:
    answer = served.post("/v1/stance", json={"text": "Ann lied", "spans": [[0, 3], [4, 8]]}).json()
    assert [(s["start"], s["end"], s["stance"]) for s in answer["statements"]] == [
        (0, 3, "accusation"),
        (4, 8, "accusation"),
    ]
    for spans in ([[3, 4]], [[0, 99]], [[5, 4]]):
        refused(
            served.post("/v1/stance", json={"text": "Ann lied", "spans": spans}), 422, "invalid", "$.spans[0]"
        )


def test_keys_are_asked_for_and_can_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quoth.keys.LOOK", 0.0)
    path = tmp_path / "keys"
    key = new_key(path, "desk")
    assert key not in path.read_text()
    log = io.StringIO()
    with client(Keys(path), log) as served:
        assert refused(served.post("/v1/label", json={"text": "x"}), 401, "key")
        bearer = {"authorization": f"Bearer {key}"}
        assert served.post("/v1/label", json={"text": "x"}, headers=bearer).status_code == 200
        assert (
            served.post("/v1/label", json={"text": "x"}, headers={"authorization": "Bearer no"}).status_code
            == 401
        )
        assert served.get("/health/live").status_code == served.get("/").status_code == 200
        other = new_key(path, "archive")
        assert (
            served.post(
                "/v1/label", json={"text": "x"}, headers={"authorization": f"Bearer {other}"}
            ).status_code
            == 200
        )
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if not line.startswith("desk"))
        )
        time.sleep(0.01)
        assert served.post("/v1/label", json={"text": "x"}, headers=bearer).status_code == 401
    assert [json.loads(line).get("key") for line in log.getvalue().splitlines()] == [
        None,
        "desk",
        None,
        "archive",
        None,
    ]
    with pytest.raises(ConfigError, match="already"):
        new_key(path, "archive")
    path.write_text("desk 12\n")
    with pytest.raises(ConfigError, match="keys:1: expected a name"):
        Keys(path)
    path.write_text("")
    with pytest.raises(ConfigError, match="no key in it"):
        Keys(path)


@pytest.mark.parametrize("asked", [False, True])
def test_texts_are_in_the_log_only_when_asked(asked: bool) -> None:
    log = io.StringIO()
    with client(None, log, log_texts=asked) as served:
        served.post("/v1/label", json={"text": "a secret"})
        served.post("/v1/label/batch", content=b'{"id": "b", "text": "an aside"}\n{"text": "a third"}')
        served.post("/v1/stance", json={"text": "a fourth", "spans": [[0, 1]]})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    texts = ["a secret", "an aside", "a third", "a fourth"]
    assert [line["text"] for line in lines if line["event"] == "article"] == (texts if asked else [])
    assert asked or not any(text in log.getvalue() for text in texts)
    assert [line["status"] for line in lines if line["event"] == "request"] == [200] * 3


def test_ready_means_that_the_model_has_answered(served: Any) -> None:
    assert served.labeler.asked == ["warm-up"] * 2
    assert served.get("/health/ready").json() == {"status": "ready"}
    served.endpoint.draining = True
    assert refused(served.get("/health/ready"), 503, "draining")
    assert refused(served.post("/v1/label", json={"text": "x"}), 503, "draining")
    assert served.get("/health/live").status_code == 200


def test_an_article_does_not_wait_for_those_behind_it(served: Any) -> None:
    async def asked() -> list[str]:
        queue = Queue(served.labeler, Metrics(MODEL))
        answers = [queue.ask(Article(id, text), 0.0) for id, text in (("a", "x"), ("b", "slow"), ("c", "x"))]
        queue.start()
        await answers[0]
        done = [answer.done() for answer in answers]
        assert done == [True, False, False]
        return [record.id for record in await asyncio.gather(*answers)]

    assert asyncio.run(asked()) == ["a", "b", "c"]


def test_the_metrics_tell_of_every_article(served: Any) -> None:
    body = "\n".join(json.dumps({"id": str(k), "text": f"text {k}"}) for k in range(40))
    served.post("/v1/label/batch", content=body)
    assert len(served.labeler.asked[2:]) == 40
    page = served.get("/metrics").text
    assert f"quoth_inference_seconds_count {2 + 40}.0" in page
    assert "quoth_queue_depth 0.0" in page and 'quoth_statements_total{stance="accusation"} 40.0' in page
    assert 'quoth_requests_total{route="/v1/label/batch",status="200"} 1.0' in page


def test_the_description_has_every_route_and_resolves(served: Any) -> None:
    told = served.get("/openapi.json").json()
    pages = {"/openapi.json", "/", "/page.css", "/page.js", "/icon.svg"}
    routes = {route.path for route in served.endpoint.app.routes} - pages
    assert set(told["paths"]) == routes
    names = set(told["components"]["schemas"])
    references = {
        ref.rsplit("/", 1)[1]
        for ref in json.dumps(told).split('"')
        if ref.startswith("#/components/schemas/")
    }
    assert references <= names and "Record" in references
    example = told["paths"]["/v1/stance"]["post"]["requestBody"]["content"]["application/json"]["example"]
    ((start, end),) = example["spans"]
    assert example["text"][start:end] == "“They sent one man,”"
    assert served.post("/v1/stance", json=example).status_code == 200


def test_the_page_asks_nothing_of_others(served: Any) -> None:
    for path in ("/", "/page.css", "/page.js"):
        response = served.get(path)
        assert response.status_code == 200
        assert (
            "http://" not in response.text.replace("http://www.w3.org/2000/svg", "")
            and "https://" not in response.text
        )
    assert "innerHTML" not in served.get("/page.js").text
