"""Statements as annotations of the W3C's Web Annotation Data Model (2017), in JSON-LD."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from quoth.records import Article, ModelInfo, Record, Statement

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
AROUND = 32
"""Code points before and after a passage that tell it from another with the same words."""

_SURROGATE = re.compile("[\ud800-\udfff]")

Json = dict[str, Any]


def web_annotations(record: Record, article: Article) -> list[Json]:
    """An annotation for each statement; its target is the passage, a body each what is said of it.

    The bodies are told apart by schema.org's `name`; what else is known of each, its probability among it, stands in
    `additionalProperty`.  They belong into a page, see `page_id`.
    """
    source = _source(article)
    text = _SURROGATE.sub("\ufffd", article.text)
    return [_annotation(statement, text, source, record.model) for statement in record.statements]


def page_id(ids: str) -> str:
    """An IRI for a page of annotations, made of theirs."""
    return _iri(ids)


def _annotation(statement: Statement, text: str, source: Json, model: ModelInfo) -> Json:
    named = f"{model.name} {model.version} {model.hash}"
    return {
        "id": _iri(f"{source['id']} {statement.id} {named}"),
        "type": "Annotation",
        "motivation": "classifying",
        "generator": {"type": "Software", "name": f"quoth {named}"},
        "body": _bodies(statement),
        "target": {
            "type": "SpecificResource",
            "source": source,
            "selector": _selectors(text, statement.start, statement.end),
        },
    }


def _selectors(text: str, start: int, end: int) -> list[Json]:
    return [
        {"type": "TextPositionSelector", "start": start, "end": end},
        {
            "type": "TextQuoteSelector",
            "exact": text[start:end],
            "prefix": text[max(0, start - AROUND) : start],
            "suffix": text[end : end + AROUND],
        },
    ]


def _bodies(statement: Statement) -> list[Json]:
    bodies = [
        _body("stance", "classifying", statement.stance, statement.stance_probabilities),
        _body("sentiment", "classifying", statement.sentiment, statement.sentiment_probabilities),
    ]
    if statement.labelled is not None:
        bodies.append(_body("label", "classifying", *statement.labelled))
    speaker, target = statement.speaker, statement.target
    if speaker and speaker.name:
        known = {"type": speaker.type, "probability": speaker.probability}
        bodies.insert(0, _body("speaker", "identifying", speaker.name, known))
    if target:
        place = {"text": target.text, "start": target.start, "end": target.end}
        bodies.append(_body("target", "identifying", target.name or target.text, place))
    return bodies


def _body(name: str, purpose: str, value: str, known: Mapping[Any, Any]) -> Json:
    more = [
        {"type": "schema:PropertyValue", "schema:name": key, "schema:value": of}
        for key, of in known.items()
        if of is not None
    ]
    body = {"type": "TextualBody", "purpose": purpose, "format": "text/plain", "value": value}
    return body | {"schema:name": name, "schema:additionalProperty": more}


def _source(article: Article) -> Json:
    """The text that was annotated: by its address, if its id or the field `url` is one, else by its hash (RFC 6920)."""
    digest = hashlib.sha256(article.text.encode("utf-8", "replace")).digest()
    name = "ni:///sha-256;" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    address = next(filter(_is_address, (article.id, article.metadata.get("url"))), name)
    source = {"id": address, "type": "Text", "format": "text/plain", "language": "en"}
    return source | {"dcterms:identifier": article.id}


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _iri(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).urn
