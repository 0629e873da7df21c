"""Predictions of any system, or of a second reader, as quoth records.

JSONL, one line an article; of a statement only the span must be there, in code points, end exclusive:

    {"id": "a1", "statements": [{"start": 0, "end": 19, "stance": "denial", "speaker": "Ida Brandt"}]}

The other fields are those of `Said`.  `article` will do for `id`, so that a file of labels is one of
predictions, and a line with a `sha256` is held against the text.  Full quoth records are taken as they are.

CSV, one row a statement, columns FIELDS, of which article, start and end are required; a row with nothing but
an article says that it has no statement.

What is not given is filled in neutrally: stance other (or the likeliest), sentiment neutral, no speaker, no
target, no probabilities (an empty dict), the kind that the quotation marks tell.  The record's warnings name
the fields that no statement of the file gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import msgspec

from quoth.errors import InputError
from quoth.eval.attribution import pieces_of
from quoth.eval.gold import (
    SENTIMENTS,
    STANCES,
    SaidKind,
    check_hash,
    check_span,
    check_words,
    decoded,
    kinds_of,
    read_lines,
    unique,
)
from quoth.eval.polnear import Document, read_predicted_documents
from quoth.eval.tables import SUFFIXES, Row, is_table, read_rows
from quoth.records import (
    SCHEMA_VERSION,
    Kind,
    ModelInfo,
    Record,
    Sentiment,
    Span,
    Speaker,
    Stance,
    Statement,
    Target,
    from_json,
)

FIELDS = (
    *("article", "start", "end", "stance", "stance2", "kind", "sentiment", "speaker", "target"),
    *("text", "quotation", "probability", "cue_start", "cue_end", "source_start", "source_end"),
    *(f"p_{label}" for label in (*STANCES, *SENTIMENTS)),
)
"""Columns of a table of predictions."""

_SHAPE = (
    '; expected JSON lines {"id": ..., "statements": [{"start", "end", ...}]}, or a table '
    f"whose name ends in {' or '.join(SUFFIXES)}"
)
_ABSENT = ": given by no statement"
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Label = TypeVar("_Label", bound=str)


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """A predicted statement.

    kind: quoted, the label files' word, is direct.  speaker, target: a name and a phrase.  cue, source:
    [start, end].  quotation: shared by the pieces of one utterance, which scores of attribution join.
    probability: that this is a statement.  text: compared with the article's at the span.
    *_probabilities: by label, in sum 1; a label left out has 0.
    """

    start: int
    end: int
    stance: Stance | None = None
    stance2: Stance | None = None
    kind: SaidKind | None = None
    sentiment: Sentiment | None = None
    speaker: str | None = None
    target: str | None = None
    text: str | None = None
    quotation: str | None = None
    probability: _Share | None = None
    cue: tuple[int, int] | None = None
    source: tuple[int, int] | None = None
    stance_probabilities: dict[Stance, _Share] | None = None
    sentiment_probabilities: dict[Sentiment, _Share] | None = None


class _Line(msgspec.Struct):
    statements: list[msgspec.Raw]
    id: str | int | None = None
    article: str | int | None = None
    schema: str | None = None
    sha256: str | None = None
    metadata: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a file says of an article: a record, or statements with what messages call their places."""

    article: str
    metadata: dict[str, Any]
    said: list[tuple[str, Said]]
    record: Record | None = None


def predicted_records(
    path: Path, texts: Mapping[str, str], columns: Mapping[str, str] | None = None
) -> dict[str, Record]:
    """The records of a file of predictions, by article id.

    texts: by article id, those of gold.  An article that is not among them is kept without statements, so
    that it can be counted.  columns: the names of a table's columns by field, where they are not FIELDS.
    Raises InputError that names file, line or row, item (counted from 0), field, what was found and what is
    expected: an unknown label or field, a span outside the text or given twice, other words than the text
    has there, a wrong number, a missing column, an article given twice.
    """
    if is_table(path):
        answers = _from_table(path, columns)
    elif columns:
        raise InputError(f"{path}: column mapping: expected a table ({', '.join(SUFFIXES)})")
    else:
        answers = [answer for _, answer in unique(path, _from_lines(path, texts))]
    if not answers:
        raise InputError(f"{path}: found nothing, expected predictions")
    return _records(path.name, hashlib.sha256(path.read_bytes()).hexdigest()[:12], answers, texts)


def said_records(
    name: str, said: Mapping[str, Sequence[Said]], texts: Mapping[str, str]
) -> dict[str, Record]:
    """What a system named `name` said of articles, by id, held to the same rules as a file of predictions."""
    answers = [
        _Answer(article, {}, [(f"{name}, article {article}, item {k}", s) for k, s in enumerate(statements)])
        for article, statements in said.items()
    ]
    return _records(name, "", answers, texts)


def absent(records: Mapping[str, Record]) -> frozenset[str]:
    """The fields that no statement of a file gives and that its records therefore have no opinion on."""
    notes = (note for record in records.values() for note in record.warnings)
    return frozenset(note.partition(_ABSENT)[0] for note in notes if _ABSENT in note)


def predicted_documents(
    path: Path, gold: Sequence[Document], columns: Mapping[str, str] | None = None
) -> list[Document]:
    """Predictions for the attributions of `gold`, as `quoth.eval.attribution.score` takes them.

    path: lines {"doc", "statements": [{"content", "source", "cue"}]}, or what `predicted_records` takes.
    """
    texts = {document["doc"]: document["text"] for document in gold}
    if not is_table(path) and _holds_documents(path):
        return read_predicted_documents(path, texts)
    records = predicted_records(path, texts, columns)
    return [pieces_of(records[name], text) for name, text in texts.items() if name in records]


def _records(name: str, hash: str, answers: Sequence[_Answer], texts: Mapping[str, str]) -> dict[str, Record]:
    said = [s for answer in answers for _, s in answer.said]
    warnings = [f"{field}{_ABSENT} of {name}" for field in _missing(said)] if said else []
    model = ModelInfo(name, "", hash)
    records = {}
    for answer in answers:
        article, text = answer.article, texts.get(answer.article)
        notes = warnings if text is not None else ["no text of this article: statements left out"]
        statements = [] if text is None else _statements(article, answer.said, text)
        records[article] = answer.record or Record(
            SCHEMA_VERSION, article, answer.metadata, notes, model, statements
        )
    return records


def _holds_documents(path: Path) -> bool:
    first = next((line for _, line in read_lines(path)), b"")
    try:
        return "doc" in msgspec.json.decode(first, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return False


def _from_table(path: Path, columns: Mapping[str, str] | None) -> list[_Answer]:
    answers: dict[str, _Answer] = {}
    for row in read_rows(path, FIELDS, ("article", "start", "end"), columns):
        article = row.required("article")
        answer = answers.setdefault(article, _Answer(article, {}, []))
        if row.cells.keys() - {"article"}:
            answer.said.append((f"{row.place}, article {article}", _said(row)))
    return list(answers.values())


def _from_lines(path: Path, texts: Mapping[str, str]) -> Iterator[tuple[int, str, _Answer]]:
    for number, raw in read_lines(path):
        where = f"{path}, line {number}"
        line = decoded(raw, _Line, where, _SHAPE)
        id = line.article if line.id is None else line.id
        if id is None:
            raise InputError(f"{where}: found fields {', '.join(msgspec.json.decode(raw))}, expected 'id'")
        article = str(id)
        where += f", article {article}"
        if article in texts:
            check_hash(texts[article], line.sha256, f"{where}: the gold text")
        if line.schema is not None:
            record = _record(raw, where, texts.get(article))
            yield number, article, _Answer(article, {}, [], record)
        else:
            said = [(p := f"{where}, item {k}", _decoded(s, p)) for k, s in enumerate(line.statements)]
            yield number, article, _Answer(article, line.metadata, said)


def _record(raw: bytes, where: str, text: str | None) -> Record:
    try:
        record = from_json(raw)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    for item, statement in enumerate(record.statements if text is not None else []):
        place, span = f"{where}, item {item}", (statement.start, statement.end)
        assert text is not None
        check_span(span, text, place)
        check_words(span, statement.text, text, place)
    return record


def _decoded(raw: msgspec.Raw, place: str) -> Said:
    hint = (
        f"; fields are {', '.join(Said.__struct_fields__)}, kinds {', '.join(get_args(SaidKind))}, stances "
        f"{', '.join(STANCES)}, sentiments {', '.join(SENTIMENTS)}"
    )
    return decoded(raw, Said, place, hint)


def _said(row: Row) -> Said:
    span = row.span()
    if span is None:
        raise row.wrong("start", "a whole number")
    return Said(
        *span,
        stance=row.label("stance", STANCES),
        stance2=row.label("stance2", STANCES),
        kind=row.label("kind", get_args(SaidKind)),
        sentiment=row.label("sentiment", SENTIMENTS),
        speaker=row.cells.get("speaker"),
        target=row.cells.get("target"),
        text=row.cells.get("text"),
        quotation=row.cells.get("quotation"),
        probability=row.share("probability"),
        cue=row.span("cue_start", "cue_end"),
        source=row.span("source_start", "source_end"),
        stance_probabilities=_shares(row, STANCES),
        sentiment_probabilities=_shares(row, SENTIMENTS),
    )


def _shares(row: Row, labels: Sequence[_Label]) -> dict[_Label, float] | None:
    shares = {label: row.share(f"p_{label}") for label in labels}
    return {label: p for label, p in shares.items() if p is not None} or None


def _missing(said: Sequence[Said]) -> list[str]:
    given = {
        "stance": (s.stance or s.stance_probabilities for s in said),
        "sentiment": (s.sentiment or s.sentiment_probabilities for s in said),
        "kind": (s.kind for s in said),
        "speaker": (s.speaker for s in said),
        "target": (s.target for s in said),
    }
    return [name for name, values in given.items() if not any(values)]


def _statements(article: str, placed: Sequence[tuple[str, Said]], text: str) -> list[Statement]:
    kind_of = kinds_of(text)
    seen: dict[tuple[int, int, str | None], str] = {}
    statements = []
    for number, (place, said) in enumerate(placed):
        key = said.start, said.end, said.quotation
        if key in seen:
            raise InputError(
                f"{place}: span {key[:2]} is given twice, first at {seen[key]}; expected one statement a "
                "span, or another 'quotation'"
            )
        seen[key] = place
        statements.append(_statement(f"{article}:{number}", said, text, kind_of, place))
    return statements


def _statement(
    name: str, said: Said, text: str, kind_of: Callable[[int, int], Kind], place: str
) -> Statement:
    span = said.start, said.end
    check_span(span, text, place)
    check_words(span, said.text, text, place)
    cue, source = (
        _phrase(s, text, f"{place}, field {role!r}")
        for role, s in (("cue", said.cue), ("source", said.source))
    )
    speaker = None
    if said.speaker or source:
        speaker = Speaker(said.speaker or None, "person" if said.speaker else "unnamed", None, source, 1.0)
    stances = _probabilities(said.stance_probabilities, STANCES, place)
    sentiments = _probabilities(said.sentiment_probabilities, SENTIMENTS, place)
    return Statement(
        id=name,
        quotation=said.quotation or name,
        start=said.start,
        end=said.end,
        text=text[said.start : said.end],
        kind=kind_of(*span) if said.kind is None else "direct" if said.kind == "quoted" else said.kind,
        fragment=False,
        probability=1.0 if said.probability is None else said.probability,
        cue=cue,
        speaker=speaker,
        stance=said.stance or _likeliest(stances, "other"),
        stance_probabilities=stances,
        second_stance=said.stance2,
        abstained=False,
        sentiment=said.sentiment or _likeliest(sentiments, "neutral"),
        sentiment_probabilities=sentiments,
        target=_target(said.target, text, said.start) if said.target else None,
    )


def _likeliest(probabilities: Mapping[_Label, float], neutral: _Label) -> _Label:
    return max(probabilities, key=lambda label: probabilities[label], default=neutral)


def _phrase(span: tuple[int, int] | None, text: str, place: str) -> Span | None:
    if span is None:
        return None
    check_span(span, text, place)
    return Span.of(text, *span)


def _target(phrase: str, text: str, near: int) -> Target:
    """At the phrase's occurrence nearest to the statement; of no length, at its start, if there is none."""
    found = [k for k in (text.rfind(phrase, 0, near), text.find(phrase, near)) if k >= 0]
    if not found:
        return Target(phrase, near, near, None)
    start = min(found, key=lambda k: abs(k - near))
    return Target(phrase, start, start + len(phrase), None)


def _probabilities(
    given: Mapping[_Label, float] | None, labels: Sequence[_Label], place: str
) -> dict[_Label, float]:
    if given is None:
        return {}
    total = sum(given.values())
    if abs(total - 1) > 0.01:
        raise InputError(
            f"{place}: probabilities of {', '.join(labels)}: found a sum of {total:g}, expected 1"
        )
    return {label: given.get(label, 0.0) / total for label in labels}
