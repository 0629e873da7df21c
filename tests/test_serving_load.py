"""The endpoint with the model of the package, under load."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from quoth.labeler import Labeler
from quoth.records import Article, Record, Statement, from_json

httpx = pytest.importorskip("httpx")
from serving_support import service_of

from quoth.serving.app import create_app
from quoth.serving.service import Service

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


@pytest.mark.parametrize("n", [40, pytest.param(2_000, marks=pytest.mark.slow)])
def test_shuffled_requests_at_once_are_answered_as_each_alone(n: int) -> None:
    some = articles(n)
    labeler = Labeler.from_pretrained("small", threads=1)
    alone = {article.id: labeler.label_one(article) for article in some}
    shuffled = random.Random(6).sample(some, len(some))
    service = service_of(labeler, queue=5_000, concurrent=5_000, answer_seconds=600)
    app = create_app(service)

    async def ask() -> dict[str, Record]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://quoth", timeout=None) as client,
        ):
            asked = (client.post("/v1/label", json={"id": a.id, "text": a.text}) for a in shuffled)
            answers = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} == {200}
        return {record.id: record for record in (from_json(answer.content) for answer in answers)}

    together = asyncio.run(ask())
    assert sum(len(record.statements) for record in alone.values()) > n
    assert different(alone, together) == []
    assert figure(service, "quoth_article_characters_count") == n + WARM_UP


WARM_UP = 2


def figure(service: Service, name: str) -> float:
    (value,) = (float(line.split()[1]) for line in service.metrics.page().decode().splitlines() if line.startswith(name + " "))  # fmt: skip
    return value


def different(alone: dict[str, Record], together: dict[str, Record]) -> list[str]:
    """The ids of articles that were not answered alike: probabilities may be a thousandth apart."""
    return [id for id in alone.keys() | together.keys() if not alike(alone.get(id), together.get(id))]


def alike(one: Record | None, other: Record | None) -> bool:
    if one is None or other is None or one.warnings != other.warnings:
        return False
    near = [
        abs(p - q) <= 1e-3
        for s, t in zip(one.statements, other.statements, strict=False)
        for p, q in zip(figures(s), figures(t), strict=False)
    ]
    return all(near) and [*map(words, one.statements)] == [*map(words, other.statements)]


def figures(s: Statement) -> list[float]:
    speaker = [s.speaker.probability] if s.speaker else []
    return [s.probability, *s.stance_probabilities.values(), *s.sentiment_probabilities.values(), *speaker]


def words(s: Statement) -> list[object]:
    """Everything of a statement that is no probability."""
    speaker = s.speaker and replace(s.speaker, probability=0.0)
    return [
        s.id,
        s.quotation,
        s.start,
        s.end,
        s.text,
        s.kind,
        s.fragment,
        s.cue,
        speaker,
        s.stance,
        s.sentiment,
        s.target,
    ]


def test_an_answer_of_another_article_and_a_moved_probability_are_found() -> None:
    labeler = Labeler.from_pretrained("small", threads=1)
    texts = ["“They lied,” said Ann Ode.", "“We never lied,” said Bo Ek."]
    alone = {str(k): labeler.label_one(Article(str(k), text)) for k, text in enumerate(texts)}
    assert different(alone, alone) == [] and all(record.statements for record in alone.values())
    first, second = alone["0"], alone["1"]
    assert different(alone, {"0": second, "1": second}) == ["0"]
    assert different(alone, {"0": first}) == ["1"]
    (told,) = first.statements
    moved = {stance: p + 0.01 * (stance == "other") for stance, p in told.stance_probabilities.items()}
    for other in (
        replace(told, stance_probabilities=moved),
        replace(told, end=told.end - 1),
        replace(told, target=None, cue=None),
    ):
        assert different(alone, {"0": replace(first, statements=[other]), "1": second}) == ["0"]
    assert different(alone, {"0": replace(first, statements=[]), "1": second}) == ["0"]
