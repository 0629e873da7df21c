"""quoth as a component of a spaCy pipeline: `nlp.add_pipe("quoth")`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from quoth.errors import InputError
from quoth.extras import needs
from quoth.labeler import document_hash, shared_labeler
from quoth.records import Article, Record, Statement, from_json, to_json

with needs("quoth.spacy", "spacy"):
    from spacy.language import Language
    from spacy.tokens import Doc, Span

if TYPE_CHECKING:
    from quoth.labeler import Labeler

KEY = "quoth"
"""Of the record in `doc.user_data`, as JSON that spaCy can store, and of the statements in `doc.spans`."""


class QuothComponent:
    """Labels a Doc's text; keeps the record with it, and its statements as spans.

    A span has the tokens that the statement touches, so it may begin or end beside it where a token holds more than the
    statement: `span._.statement` has the exact code points.  Its label is the stance, its id the statement's.
    """

    def __init__(self, name: str, model: str, all_cues: bool, min_probability: float) -> None:
        """See `quoth.Labeler`; the model is opened at the first Doc, once in a process."""
        self.name = name
        self._options: dict[str, Any] = {"all_cues": all_cues, "min_probability": min_probability}
        self._model = model

    def __call__(self, doc: Doc) -> Doc:
        """Raises InputError for a Doc that no span of a statement fits into."""
        attach(doc, self._labeler.label_one(Article(document_hash(doc.text), doc.text)))
        return doc

    @property
    def _labeler(self) -> Labeler:
        return shared_labeler(self._model, **self._options)


def make(nlp: Language, name: str, model: str, all_cues: bool, min_probability: float) -> QuothComponent:
    """model: the name of a model in the package, or the path of a model folder."""
    return QuothComponent(name, model, all_cues, min_probability)


Language.factory(
    "quoth",
    assigns=["doc._.quoth", "doc._.statements", "doc.spans"],
    default_config={"model": "small", "all_cues": False, "min_probability": 0.0},
    func=make,
)


def attach(doc: Doc, record: Record) -> None:
    """Give a Doc the record of its text, however it was made.

    Raises InputError where a statement is not in the text.
    """
    spans = []
    for s in record.statements:
        span = doc.char_span(s.start, s.end, label=s.stance, span_id=s.id, alignment_mode="expand")
        if span is None or doc.text[s.start : s.end] != s.text:
            raise InputError(
                f"record {record.id}: statement {s.id} is not in the Doc's text: {s.text[:60]!r}"
            )
        spans.append(span)
    doc.user_data[KEY] = to_json(record).decode()
    doc.spans[KEY] = spans


def _record(doc: Doc) -> Record | None:
    stored = doc.user_data.get(KEY)
    return None if stored is None else _decoded(stored)


@functools.lru_cache(maxsize=256)
def _decoded(stored: str) -> Record:
    return from_json(stored)


def _statements(doc: Doc) -> list[Statement]:
    record = _record(doc)
    return record.statements if record else []


def _statement(span: Span) -> Statement | None:
    """The statement that the span was made for; None: for none."""
    return next((s for s in _statements(span.doc) if s.id == span.id_), None)


def _of(field: Callable[[Statement], Any]) -> Callable[[Span], Any]:
    def get(span: Span) -> Any:
        statement = _statement(span)
        return None if statement is None else field(statement)

    return get


Doc.set_extension("quoth", getter=_record)
Doc.set_extension("statements", getter=_statements)
Span.set_extension("statement", getter=_statement)
for _name, _field in {
    "speaker": lambda s: s.speaker and s.speaker.name,
    "stance": lambda s: s.stance,
    "stance_probabilities": lambda s: s.stance_probabilities,
    "target": lambda s: s.target and (s.target.name or s.target.text),
    "sentiment": lambda s: s.sentiment,
}.items():
    Span.set_extension(_name, getter=_of(_field))
