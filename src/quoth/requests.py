"""What the endpoint is asked and answers, beside the record: shapes, limits and the one shape of an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import msgspec

from quoth.records import Kind, Record, Sentiment, Stance

Asked = TypeVar("Asked")
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a server.

    body_bytes: of a request.  batch_bytes, batch_articles: of a request to /v1/label/batch.  characters: of an
    article.  queue: articles that may wait.  concurrent: requests in work or waiting.  bytes_at_once: of the bodies of
    all of these.  connections: open at once, with or without a request.  read_seconds: for the head of a request to
    arrive, for its body, and for a client to take what it is sent.  answer_seconds: for an answer.
    window_seconds, characters_at_once: see `quoth.gathering`.
    drain_seconds: between SIGTERM and the end of accepting, for load balancers to look elsewhere.
    log_texts: write articles into the log.
    """

    body_bytes: int = 2_000_000
    batch_bytes: int = 50_000_000
    batch_articles: int = 1_000
    characters: int = 200_000
    spans: int = 500
    queue: int = 256
    concurrent: int = 512
    bytes_at_once: int = 500_000_000
    connections: int = 900
    read_seconds: float = 30.0
    answer_seconds: float = 60.0
    window_seconds: float = 0.004
    characters_at_once: int = 40_000
    drain_seconds: float = 0.0
    log_texts: bool = False


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which statements a record keeps, and which it marks as abstained."""

    kinds: list[Kind] | None = None
    min_probability: Probability = 0.0
    include_fragments: bool = True
    include_other: bool = True

    def applied(self, record: Record) -> Record:
        """The record with the statements asked for; ids and quotations are as in the whole one."""
        kept = [
            replace(s, abstained=s.abstained or s.stance_probabilities[s.stance] < self.min_probability)
            for s in record.statements
            if (self.kinds is None or s.kind in self.kinds)
            and (self.include_fragments or not s.fragment)
            and (self.include_other or s.stance != "other")
        ]
        return replace(record, statements=kept)


class LabelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One article: either its text, or a page's HTML, of which the article's text is taken."""

    text: str | None = None
    html: str | None = None
    id: str | None = None
    metadata: dict[str, Any] = {}
    options: Options = Options()


class BatchLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a batch."""

    text: str
    id: str | None = None
    metadata: dict[str, Any] = {}


class StanceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text and the statements in it, as [start, end) in code points."""

    text: str
    spans: list[tuple[int, int]]


class ToldStance(msgspec.Struct, frozen=True):
    """What the classifier says of one span."""

    start: int
    end: int
    stance: Stance
    stance_probabilities: dict[Stance, float]
    second_stance: Stance | None
    sentiment: Sentiment
    sentiment_probabilities: dict[Sentiment, float]


class Failure(msgspec.Struct, frozen=True):
    """Every error has this shape.  reason: a word for programs.  field: where in the request, as `$.spans[3]`."""

    status: int
    reason: str
    message: str
    request_id: str
    field: str | None = None


class Refusal(Exception):
    """Raised to answer with a `Failure`; retry_after: seconds."""

    def __init__(
        self, status: int, reason: str, message: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.field = status, reason, message, field
        self.retry_after = retry_after


def decoded(body: bytes, kind: type[Asked]) -> Asked:
    """A JSON body as `kind`; raises Refusal 422 that names the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise Refusal(422, "invalid", message, path.removesuffix("`") or "$") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Refusal(422, "not_json", str(error), "$") from error
    except RecursionError as error:
        raise Refusal(422, "not_json", "nested too deeply", "$") from error


SHAPES: Sequence[type] = (LabelRequest, BatchLine, StanceRequest, ToldStance, Failure, Record)
"""What OpenAPI tells of."""
