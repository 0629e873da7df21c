"""The endpoint with the model of the package, under load."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import random
from pathlib import Path

import pytest

from quoth.labeler import Labeler
from quoth.records import Article, Record, from_json

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from quoth.observing import Log
from quoth.requests import Settings
from quoth.server import Endpoint

EXAMPLES = Path(__file__).parent.parent / "examples" / "articles.jsonl"


def articles(n: int) -> list[Article]:
    """Short ones, of one to three paragraphs of the examples, with blanks of their own, so that no two are the same."""
    paragraphs = [
        paragraph
        for line in EXAMPLES.read_text().splitlines()
        for paragraph in json.loads(line)["text"].split("\n\n")
        if 60 < len(paragraph) < 400
    ]
    rng = random.Random(5)
    texts = ("\n\n".join(rng.sample(paragraphs, rng.randint(1, 3))) for _ in itertools.count())
    return [Article(str(k), text) for k, text in zip(range(n), texts, strict=False)]


@pytest.mark.slow
def test_shuffled_requests_at_once_are_answered_as_each_alone() -> None:
    some = articles(2_000)
    labeler = Labeler.from_pretrained("small")
    alone = {article.id: labeler.label_one(article) for article in some}
    shuffled = random.Random(6).sample(some, len(some))
    endpoint = Endpoint(
        labeler, Settings(queue=5_000, concurrent=5_000, answer_seconds=600), log=Log(io.StringIO())
    )

    async def ask() -> dict[str, Record]:
        transport = httpx.ASGITransport(endpoint.app)
        async with (
            endpoint.app.router.lifespan_context(endpoint.app),
            httpx.AsyncClient(transport=transport, base_url="http://quoth", timeout=None) as client,
        ):
            asked = (client.post("/v1/label", json={"id": a.id, "text": a.text}) for a in shuffled)
            answers = await asyncio.gather(*asked)
        return {record.id: record for record in (from_json(answer.content) for answer in answers)}

    together = asyncio.run(ask())
    assert together.keys() == alone.keys()
    apart = 0.0
    for id, one in alone.items():
        other = together[id]
        assert [
            (s.id, s.stance, s.sentiment, s.speaker and s.speaker.name, s.target) for s in other.statements
        ] == [(s.id, s.stance, s.sentiment, s.speaker and s.speaker.name, s.target) for s in one.statements]
        for s, t in zip(one.statements, other.statements, strict=True):
            pairs = zip(s.stance_probabilities.values(), t.stance_probabilities.values(), strict=True)
            apart = max([apart, *(abs(p - q) for p, q in pairs)])
    assert apart <= 1e-3
    assert endpoint.metrics.page().count(b"quoth_batch_articles_bucket")
