"""What the Web Annotation Data Model (W3C Recommendation, 23 February 2017) asks of a page of annotations."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from quoth.annotations import AROUND, web_annotations
from quoth.cli import main
from quoth.labeler import Labeler
from quoth.records import Article, Record
from quoth.writing import writer_into

TEXT = (
    "🔥 “They sank the ferry,” said Ida Brandt of the harbour board.\n"
    "Bo Lund, its head, accused the ferry company of a fraud. “They sank the ferry,” Brandt repeated."
)
MOTIVATIONS = {"classifying", "identifying"}


@pytest.fixture(scope="module")
def labelled() -> list[tuple[Record, Article]]:
    articles = [
        Article("ferry", TEXT),
        Article("rain", "It rained."),
        Article("http://news.example/ferry?day=1", TEXT),
        Article("third", TEXT, {"url": "https://news.example/a"}),
    ]
    return list(zip(Labeler.from_pretrained("small").label(articles), articles, strict=True))


def page(pairs: list[tuple[Record, Article]]) -> dict[str, Any]:
    file = io.BytesIO()
    with writer_into(file, "memory", "webannotation") as writer:
        for pair in pairs:
            writer.write(*pair)
    return dict(json.loads(file.getvalue()))


def is_iri(value: Any) -> bool:
    return isinstance(value, str) and bool(urlsplit(value).scheme) and not any(map(str.isspace, value))


def test_the_page_has_what_the_model_requires(labelled: list[tuple[Record, Article]]) -> None:
    whole = page(labelled)
    assert whole["@context"] == "http://www.w3.org/ns/anno.jsonld"
    assert whole["type"] == "AnnotationPage" and is_iri(whole["id"])
    assert len(whole["items"]) == sum(len(record.statements) for record, _ in labelled) > 5
    ids = [item["id"] for item in whole["items"]]
    assert all(map(is_iri, ids)) and len({*ids, whole["id"]}) == len(ids) + 1
    for item in whole["items"]:
        assert item["type"] == "Annotation" and item["motivation"] in MOTIVATIONS
        assert item["generator"]["type"] == "Software" and item["generator"]["name"].startswith(
            "quoth small "
        )
        assert is_iri(item["target"]["source"]["id"]) and item["target"]["source"]["type"] == "Text"
        for body in item["body"]:
            assert body["type"] == "TextualBody" and isinstance(body["value"], str)
            assert body["purpose"] in MOTIVATIONS and body["format"] == "text/plain"


def test_both_selectors_select_the_statement(labelled: list[tuple[Record, Article]]) -> None:
    for record, article in labelled:
        for item, statement in zip(web_annotations(record, article), record.statements, strict=True):
            position, quote = item["target"]["selector"]
            assert position == {
                "type": "TextPositionSelector",
                "start": statement.start,
                "end": statement.end,
            }
            assert quote["type"] == "TextQuoteSelector" and quote["exact"] == statement.text
            around = quote["prefix"] + quote["exact"] + quote["suffix"]
            assert article.text.count(around) == 1
            assert article.text.index(around) + len(quote["prefix"]) == statement.start
            assert len(quote["prefix"]) == min(AROUND, statement.start)


def test_bodies_say_who_what_and_toward_whom(labelled: list[tuple[Record, Article]]) -> None:
    record, article = labelled[0]
    seen = set()
    for item, statement in zip(web_annotations(record, article), record.statements, strict=True):
        bodies = {body["schema:name"]: body for body in item["body"]}
        known = {
            name: {p["schema:name"]: p["schema:value"] for p in body["schema:additionalProperty"]}
            for name, body in bodies.items()
        }
        assert bodies["stance"]["value"] == statement.stance
        assert known["stance"] == statement.stance_probabilities
        assert bodies["sentiment"]["value"] == statement.sentiment
        assert known["sentiment"] == statement.sentiment_probabilities
        assert ("speaker" in bodies) == bool(statement.speaker and statement.speaker.name)
        if statement.speaker and statement.speaker.name:
            assert bodies["speaker"]["value"] == statement.speaker.name
            assert known["speaker"] == {"type": "person", "probability": statement.speaker.probability}
        assert ("target" in bodies) == bool(statement.target)
        if statement.target:
            assert article.text[known["target"]["start"] : known["target"]["end"]] == statement.target.text
        seen |= set(bodies)
    assert seen == {"speaker", "stance", "sentiment", "target"}


def test_the_source_is_an_address_or_the_name_of_the_text(labelled: list[tuple[Record, Article]]) -> None:
    named = [web_annotations(*pair)[0]["target"]["source"] for pair in labelled if pair[0].statements]
    assert [source["id"] for source in named[1:]] == [
        "http://news.example/ferry?day=1",
        "https://news.example/a",
    ]
    digest = named[0]["id"].removeprefix("ni:///sha-256;")
    assert base64.urlsafe_b64decode(digest + "=") == hashlib.sha256(TEXT.encode()).digest()
    assert [source["dcterms:identifier"] for source in named] == ["ferry", labelled[2][1].id, "third"]


@pytest.mark.parametrize("odd", ["http://[broken", "https://a b.example", "see http://news.example", 7, None])
def test_what_only_looks_like_an_address_is_none(odd: Any, labelled: list[tuple[Record, Article]]) -> None:
    record, _ = labelled[0]
    assert web_annotations(record, Article("a", TEXT, {"url": odd}))[0]["target"]["source"]["id"].startswith(
        "ni:"
    )


def test_a_page_is_the_same_each_time_and_another_for_other_statements(
    labelled: list[tuple[Record, Article]],
) -> None:
    assert page(labelled) == page(labelled)
    assert page(labelled[:1])["id"] != page(labelled[2:3])["id"]
    assert page([])["items"] == []


def test_half_a_character_leaves_the_places_as_they_are() -> None:
    article = Article("half", TEXT.replace("🔥", "\ud83d"))
    (record,) = Labeler.from_pretrained("small").label([article])
    position, quote = page([(record, article)])["items"][0]["target"]["selector"]
    assert (position["start"], quote["prefix"], quote["exact"]) == (2, "\ufffd ", "“They sank the ferry,”")


def test_its_suffix_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "ferry.txt").write_text(TEXT, "utf-8")
    out = tmp_path / "ferry.jsonld"
    result = CliRunner().invoke(main, ["label", str(tmp_path / "ferry.txt"), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text("utf-8"))["items"][0]["target"]["selector"][0]["start"] == 2
