"""What the endpoint is asked and answers, beside the record: shapes, limits and the one shape of an error."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import msgspec

from quoth.records import Kind, Record, Sentiment, Stance

Asked = TypeVar("Asked")
_MARK = re.compile("[“”„‟«»〝〞〟\"‘]|(?<!\\w)'")
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a server.

    body_bytes: of a request.  batch_bytes, batch_articles: of a request to /v1/label/batch.  characters, quotation_marks: of an
    article.  spans: of a request to /v1/stance.  queue: articles that may wait.  wait_seconds: that they may wait, by the pace of late.  concurrent: requests in work or waiting.  bytes_at_once: of the bodies of
    all of these.  connections: open at once, with or without a request.  read_seconds: for the head of a request to
    arrive, for its body, and for a client to take what it is sent.  answer_seconds: for an answer.
    drain_seconds: between SIGTERM and the end of accepting, for load balancers to look elsewhere.
    log_texts: write articles into the log.
    """

    body_bytes: int = 2_000_000
    batch_bytes: int = 50_000_000
    batch_articles: int = 1_000
    characters: int = 200_000
    quotation_marks: int = 4_000
    spans: int = 500
    queue: int = 256
    wait_seconds: float = 3.0
    concurrent: int = 512
    bytes_at_once: int = 500_000_000
    connections: int = 900
    read_seconds: float = 30.0
    answer_seconds: float = 60.0
    drain_seconds: float = 0.0
    log_texts: bool = False

    def check(self, text: str, field: str) -> None:
        """Raises Refusal for a text that is too long, or that takes many times as long as an article of its length."""
        if len(text) > self.characters:
            message = f"found {len(text):,} characters, expected at most {self.characters:,}"
            raise Refusal(413, "article_length", message, field)
        most = self.quotation_marks
        if len(text) > most and sum(1 for _ in itertools.islice(_MARK.finditer(text), most + 1)) > most:
            raise Refusal(413, "quotation_marks", f"expected at most {most:,} quotation marks", field)


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

    def check(self, settings: Settings) -> None:
        """Raises Refusal for too much of it, and for a span that holds no word."""
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


class ToldStance(msgspec.Struct, frozen=True):
    """What the classifier says of one span; the fields as in `quoth.records.Statement`."""

    start: int
    end: int
    stance: Stance
    stance_probabilities: dict[Stance, float]
    second_stance: Stance | None
    sentiment: Sentiment
    sentiment_probabilities: dict[Sentiment, float]
    label: str | msgspec.UnsetType = msgspec.UNSET
    label_probabilities: dict[str, float] | msgspec.UnsetType = msgspec.UNSET


class Failure(msgspec.Struct, frozen=True):
    """Every error has this shape.  reason: a word for programs.  field: where in the request, as `$.spans[3]`."""

    status: int
    reason: str
    message: str
    request_id: str
    field: str | None = None


class Refused(msgspec.Struct, frozen=True):
    """What is answered in place of what was asked for."""

    error: Failure


class FailedLine(msgspec.Struct, frozen=True):
    """What is answered in place of a record, to one line of a batch; the first is 1, blank ones do not count."""

    line: int
    error: Failure


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


SHAPES: Sequence[type] = (LabelRequest, BatchLine, StanceRequest, ToldStance, Refused, FailedLine, Record)
"""What OpenAPI tells of."""
