from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from serving_support import client, refused


@pytest.fixture
def served() -> Iterator[Any]:
    with client() as made:
        yield made


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
        (b'{"text": "x", "texts": "y"}', "invalid", "$.texts"),
        (b'{"text": "x", "options": {"include_other": "yes"}}', "invalid", "$.options.include_other"),
        (b"[]", "invalid", "$"),
        (json.dumps({str(k): k for k in range(10_000)}).encode(), "invalid", "$.0"),
        (
            json.dumps({"text": "x", "metadata": {str(k): k for k in range(10_000)}}).encode(),
            "invalid",
            "$.metadata",
        ),
        (b"\x00" * 100, "not_json", "$"),
        (b'{"text": NaN}', "not_json", "$"),
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
    served.service.draining = True
    assert refused(served.get("/health/ready"), 503, "draining")
    assert served.post("/v1/label", json={"text": "x"}).status_code == 200  # until balancers have seen it
    assert served.get("/health/live").status_code == 200


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
    posts = {"/v1/label", "/v1/label/batch", "/v1/label/stream", "/v1/stance"}
    assert set(told["paths"]) == posts | {"/v1/model", "/health/live", "/health/ready", "/metrics"}
    names = set(told["components"]["schemas"])
    references = {
        ref.rsplit("/", 1)[1]
        for ref in json.dumps(told).split('"')
        if ref.startswith("#/components/schemas/")
    }
    assert references <= names and "Record" in references
    example = told["components"]["schemas"]["StanceRequest"]["example"]
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
