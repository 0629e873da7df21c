"""Generated requests, after the endpoint's own description and beside it: none makes it fail."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_support import served

from quoth.labeler import Labeler

requests = pytest.importorskip("requests")
schemathesis = pytest.importorskip("schemathesis", minversion="4.30")

POSTS = ("/v1/label", "/v1/label/batch", "/v1/label/stream", "/v1/stance")
LINES = ("/v1/label/batch", "/v1/label/stream")
TEXT = "“The bridge was never safe,” said Ada Renn. Jonas Ek denied it."
BODIES = (
    {"text": TEXT, "id": "a", "metadata": {"n": [1.5, None, "x"]}, "options": {"kinds": ["direct"], "min_probability": 0.5}},
    {"text": TEXT, "spans": [[0, 28]]},
    {"html": f"<html><body><article><p>{TEXT}</p><p>{TEXT * 3}</p></article></body></html>"},
)  # fmt: skip


@schemathesis.serializer("application/x-ndjson")
def one_line(ctx: Any, value: Any) -> dict[str, Any]:
    return {"data": value if isinstance(value, bytes) else json.dumps(value).encode()}


@schemathesis.deserializer("application/x-ndjson")
def of_one_line(ctx: Any, response: Any) -> Any:
    return json.loads(response.content)


@dataclass
class Fuzzed:
    """A server with the model of the package, and its log."""

    address: str
    schema: Any
    session: Any
    log: io.StringIO

    def failures(self) -> list[Any]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [e for e in lines if e["event"] != "request" or e["status"] >= 500]


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    with served(Labeler.from_pretrained("small", 1)) as at, requests.Session() as session:
        schema = schemathesis.openapi.from_url(f"{at.address}/openapi.json")
        log = at.service.log.file
        assert isinstance(log, io.StringIO)
        yield Fuzzed(at.address, schema, session, log)


def described(fuzzed: Fuzzed, n: int) -> None:
    """n requests to each route and of each mode, that fit the description or do not."""
    calm = settings(
        max_examples=n, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )
    checks = schemathesis.checks
    excluded = [
        checks.positive_data_acceptance,
        checks.ignored_auth,
    ]  # spans can be beyond a text; keys are none
    for found in fuzzed.schema.get_all_operations():
        operation = found.ok()
        if operation.path in ("/metrics", "/health/live"):
            continue
        for mode in schemathesis.GenerationMode:
            if mode.is_negative and operation.path not in POSTS:
                continue  # what a route does not read cannot be wrong

            # A line that is not as it should be is told in its place; the others are answered.
            lines = [checks.negative_data_rejection] if operation.path in LINES else []

            generated(fuzzed, operation, mode, calm, excluded + lines)
    assert fuzzed.failures() == []


def generated(fuzzed: Fuzzed, operation: Any, mode: Any, calm: Any, excluded: list[Any]) -> None:
    """Requests of one mode to one route."""

    @calm
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode.is_positive and case.headers and "x-request-timeout" in case.headers:
            case.headers["x-request-timeout"] = "60"  # after a moment the answer is 504, as it should be
        case.call_and_validate(
            base_url=fuzzed.address, session=fuzzed.session, timeout=120, excluded_checks=excluded
        )

    ask()


def mutated(fuzzed: Fuzzed, n: int, seed: int) -> None:
    """n bodies that were right, with bytes of them changed, doubled or left out."""
    rng = random.Random(seed)
    odd = [b"\x00", b"\xff", b"[", b"{", b'"', b"\\ud800", b"\\u0000", b"1e999", b"-0", b"9" * 400, b"null", b"\n", b"[" * 900, b"\xf0\x9f\x98\x80"]  # fmt: skip
    for k in range(n):
        body = bytearray(json.dumps(rng.choice(BODIES), ensure_ascii=rng.random() < 0.5).encode())
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(body) + 1)
            end = min(len(body), start + rng.choice((0, 0, 1, 2, 10)))
            body[start:end] = rng.choice([*odd, bytes(body[start:end]) * 2, b"", rng.randbytes(3)])
        answer = fuzzed.session.post(fuzzed.address + POSTS[k % 4], data=bytes(body), timeout=120)
        assert answer.status_code in (200, 413, 422), (answer.status_code, bytes(body))
        if answer.status_code != 200:
            assert answer.json()["error"]["status"] == answer.status_code
        else:
            assert [*map(json.loads, answer.content.splitlines())]
    assert fuzzed.failures() == []


def test_requests_after_the_description_are_answered_as_it_says(fuzzed: Fuzzed) -> None:
    described(fuzzed, 12)


def test_bodies_with_damage_are_answered_or_refused(fuzzed: Fuzzed) -> None:
    mutated(fuzzed, 90, seed=1)


@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
@settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
)
def test_any_metadata_comes_back_or_is_refused(fuzzed: Fuzzed, value: Any) -> None:
    answer = fuzzed.session.post(f"{fuzzed.address}/v1/label", json={"text": "x", "metadata": {"a": value}})
    assert answer.status_code == 422 or answer.json()["metadata"]["a"] == value


@pytest.mark.slow
def test_ten_thousand_bodies_make_no_failure(fuzzed: Fuzzed) -> None:
    described(fuzzed, 700)
    mutated(fuzzed, 6_000, seed=2)
    sent = [json.loads(line) for line in fuzzed.log.getvalue().splitlines()]
    assert sum(e.get("path") in POSTS for e in sent) >= 10_000
