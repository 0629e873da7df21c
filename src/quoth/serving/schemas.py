"""Requests, answers, errors and limits of the endpoint; FastAPI makes the OpenAPI document of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from starlette.exceptions import HTTPException

from quoth.records import Kind, Record, Sentiment, Stance

Model = TypeVar("Model", bound=BaseModel)
_MARK = re.compile("[“”„‟«»〝〞〟\"‘]|(?<!\\w)'")


class Failure(BaseModel):
    """An error. `reason` is a word for programs, `field` a place in the request such as `$.spans[3]`."""

    status: int
    reason: str
    message: str
    request_id: str
    field: str | None = None
    queue_depth: int | None = Field(None, description="Articles that wait; only where the queue is full.")


class Refused(BaseModel):
    """The body of every answer that is an error."""

    error: Failure


class FailedLine(BaseModel):
    """The answer to a line that has no record. The first line is 1; blank lines do not count."""

    line: int
    error: Failure


class Refusal(HTTPException):
    """Ends a request with a `Failure`. FastAPI passes an HTTPException through while it reads a body."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        field: str | None = None,
        retry_after: int | None = None,
        queue_depth: int | None = None,
    ) -> None:
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        if retry_after is not None:
            headers["retry-after"] = str(retry_after)
        super().__init__(status, message, headers)
        self.reason, self.field, self.queue_depth = reason, field, queue_depth

    def failure(self, request_id: str) -> Failure:
        """Return the error as the client sees it."""
        return Failure(
            status=self.status_code, reason=self.reason, message=self.detail, request_id=request_id,
            field=self.field, queue_depth=self.queue_depth,
        )  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Limits of a server; `docs/serving.md` describes each beside its option."""

    body_bytes: int = 2_000_000
    batch_bytes: int = 50_000_000
    batch_articles: int = 1_000
    characters: int = 200_000
    quotation_marks: int = 4_000
    spans: int = 500
    queue: int = 512
    queue_characters: int = 5_000_000
    concurrent: int = 800
    bytes_at_once: int = 500_000_000
    connections: int = 900
    read_seconds: float = 30.0
    answer_seconds: float = 300.0
    drain_seconds: float = 0.0
    log_texts: bool = False

    def check(self, text: str, field: str) -> None:
        """Raise Refusal for a text with too many characters or quotation marks.

        Each quotation takes time, so a text of nothing but quotation marks is slow for its length.
        """
        if len(text) > self.characters:
            message = f"found {len(text):,} characters, expected at most {self.characters:,}"
            raise Refusal(413, "article_length", message, field)
        most = self.quotation_marks
        if len(text) > most and sum(1 for _ in itertools.islice(_MARK.finditer(text), most + 1)) > most:
            raise Refusal(413, "quotation_marks", f"expected at most {most:,} quotation marks", field)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Options(_Body):
    """Which statements a record keeps, and which of them are marked as abstained."""

    kinds: list[Kind] | None = None
    min_probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    include_fragments: bool = True
    include_other: bool = True

    def applied(self, record: Record) -> Record:
        """Return the record with the statements asked for. Ids and quotations stay as they were."""
        kept = [
            replace(s, abstained=s.abstained or s.stance_probabilities[s.stance] < self.min_probability)
            for s in record.statements
            if (self.kinds is None or s.kind in self.kinds)
            and (self.include_fragments or not s.fragment)
            and (self.include_other or s.stance != "other")
        ]
        return replace(record, statements=kept)


def _split(values: Any) -> Any:
    """Split `kinds=direct,mixed`; `kinds=direct&kinds=mixed` is a list already."""
    return [word for value in values for word in value.split(",")] if isinstance(values, list) else values


class QueryOptions(Options):
    """The same options in a query, where every value is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
    kinds: Annotated[list[Kind] | None, BeforeValidator(_split)] = None


Metadata = Annotated[dict[str, Any], Field(max_length=1_000)]


class LabelRequest(_Body):
    """An article: its text, or the HTML of a page that holds it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "text": "Mayor Hilda Condori accused the water company of ignoring warnings. “They sent one man,” she said.",
                "options": {"include_other": False},
            }
        }
    )
    text: str | None = None
    html: str | None = None
    id: str | None = None
    metadata: Metadata = {}
    options: Options = Field(default_factory=Options)


class BatchLine(_Body):
    """One line of a batch or a stream."""

    text: str
    id: str | None = None
    metadata: Metadata = {}


class StanceRequest(_Body):
    """A text and its statements, each as [start, end) in code points."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": "The mayor rose. “They sent one man,” she said.", "spans": [[16, 36]]}}
    )  # fmt: skip
    text: str
    spans: list[Annotated[tuple[int, int], Strict(False)]]

    def check(self, settings: Settings) -> None:
        """Raise Refusal for too many spans, and for one that holds no word."""
        settings.check(self.text, "$.text")
        if len(self.spans) > settings.spans:
            message = f"found {len(self.spans):,} spans, expected at most {settings.spans:,}"
            raise Refusal(413, "spans", message, "$.spans")
        for k, (start, end) in enumerate(self.spans):
            if not 0 <= start < end <= len(self.text) or not any(map(str.isalnum, self.text[start:end])):
                message = (
                    f"found [{start}, {end}) of a text of {len(self.text)}, expected a span that holds a word"
                )
                raise Refusal(422, "invalid", message, f"$.spans[{k}]")


class StanceOfSpan(BaseModel):
    """What the classifier says of one span; the fields are those of `quoth.records.Statement`."""

    start: int
    end: int
    stance: Stance
    stance_probabilities: dict[Stance, float]
    second_stance: Stance | None
    sentiment: Sentiment
    sentiment_probabilities: dict[Sentiment, float]
    label: str | None = None
    label_probabilities: dict[str, float] | None = None


class ModelName(BaseModel):
    """Which model gave an answer."""

    name: str
    version: str
    hash: str


class StanceAnswer(BaseModel):
    """The spans of a request, in its order."""

    model: ModelName
    statements: list[StanceOfSpan]


def read_json(body: bytes) -> Any:
    """Decode JSON; raise Refusal 422 for what is none, lone surrogates, NaN and deep nesting included."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refusal(422, "not_json", str(error), "$") from error
    except RecursionError as error:
        raise Refusal(422, "not_json", "nested too deeply", "$") from error


def parsed(body: bytes, model: type[Model]) -> Model:
    """Decode JSON as `model`; raise Refusal 422 that names the field."""
    value = read_json(body)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refusal_of([{**found, "loc": ("body", *found["loc"])} for found in error.errors()]) from error


def refusal_of(errors: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return a Refusal 422 with the first of pydantic's errors; the message tells how many follow."""
    place, *path = errors[0]["loc"]
    field = "$" if place == "body" else str(place)
    for part in path:
        field += f"[{part}]" if isinstance(part, int) else f".{part[:100]}"
    more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
    return Refusal(422, "invalid", errors[0]["msg"] + more, field)
