"""The records that quoth reads and writes: one shape for library, command line, server and evaluation."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from quoth.errors import InputError

SCHEMA_VERSION: Literal["1"] = "1"

Stance = Literal["accusation", "denial", "condemnation", "solidarity", "other"]
Sentiment = Literal["negative", "neutral", "positive"]
Kind = Literal["direct", "mixed", "indirect"]
SpeakerType = Literal["person", "organization", "country", "group", "unnamed"]


@dataclass(frozen=True, slots=True)
class Article:
    """A text to label.

    id: unique within a run.  text: as given; every offset counts its code points.
    metadata: fields carried through to the answer (title, date, source, whatever the row had).
    """

    id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """text == article.text[start:end]."""

    start: int
    end: int
    text: str

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Span:
        return cls(start, end, text[start:end])


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who makes a statement.

    name: the fullest name in the article; for the unnamed their description ("a senior official");
    None only where the text does not tell.  mention: the words nearest to the statement that name or stand
    for the speaker.  source: the whole phrase that the reporting clause gives, if it has one.
    probability: that name is right.
    """

    name: str | None
    type: SpeakerType
    mention: Span | None
    source: Span | None
    probability: float


@dataclass(frozen=True, slots=True)
class Target:
    """Toward whom a stance is: a phrase of the article; name: the party meant, as fully as the article
    names it, where the phrase names or implies one."""

    text: str
    start: int
    end: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One contiguous span that a speaker says: a passage between quotation marks, marks included, or one
    paraphrased clause.

    quotation: shared by the pieces of one utterance.  fragment: a scare quote, title, slogan or term of up
    to three words.  probability: that this is a statement of a speaker at all.  stance: codebook v1.2;
    stance_probabilities and sentiment_probabilities each sum to 1.  abstained: the stance is not certain
    enough to be used.  label, label_probabilities: of the model's label set; absent where it has none.
    """

    id: str
    quotation: str
    start: int
    end: int
    text: str
    kind: Kind
    fragment: bool
    probability: float
    cue: Span | None
    speaker: Speaker | None
    stance: Stance
    stance_probabilities: dict[Stance, float]
    second_stance: Stance | None
    abstained: bool
    sentiment: Sentiment
    sentiment_probabilities: dict[Sentiment, float]
    target: Target | None
    label: str | msgspec.UnsetType = msgspec.UNSET
    label_probabilities: dict[str, float] | msgspec.UnsetType = msgspec.UNSET

    @property
    def labelled(self) -> tuple[str, dict[str, float]] | None:
        """`label` and `label_probabilities`; None where the model has no label set."""
        if self.label is msgspec.UNSET or self.label_probabilities is msgspec.UNSET:
            return None
        return self.label, self.label_probabilities


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model gave an answer; hash: sha256 over its files, shortened to 12 hexadecimal digits."""

    name: str
    version: str
    hash: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.hash})"


@dataclass(frozen=True, slots=True)
class Record:
    """Everything quoth says about one article: one line of JSON."""

    schema: Literal["1"]
    id: str
    metadata: dict[str, Any]
    warnings: list[str]
    model: ModelInfo
    statements: list[Statement]


def to_json(record: Record) -> bytes:
    """One line of UTF-8 JSON, without the line end."""
    return msgspec.json.encode(record)


def from_json(line: bytes | str) -> Record:
    """The inverse of `to_json`; raises InputError that names the field."""
    try:
        return msgspec.json.decode(line, type=Record)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"not a quoth record: {error}") from error


def undent(types: dict[str, dict[str, Any]]) -> None:
    """Descriptions, which are docstrings, as Python 3.13 and newer keep them: without the indent of the source."""
    for described in types.values():
        if "description" in described:
            described["description"] = inspect.cleandoc(described["description"])


@functools.cache
def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `Record`, generated from the types above."""
    schema = msgspec.json.schema(Record)
    undent(schema["$defs"])
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"quoth record, version {SCHEMA_VERSION}"
    return schema
