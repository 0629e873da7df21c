"""From articles to records: the whole way in one class."""

from __future__ import annotations

import functools
import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import regex
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.label_sets import LabelSet
from quoth.language import english_warning
from quoth.model.attributions import read
from quoth.model.checkpoint import Calibration, Checkpoint, model_folder
from quoth.model.entities import Entity, entities
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.speakers import Named, name_speakers
from quoth.model.stances import Pooled, Told, among_paraphrases, pool, tell_stances
from quoth.model.statements import SENTENCE_END, Found, find_statements
from quoth.model.targets import party
from quoth.model.windows import Tokens
from quoth.records import SCHEMA_VERSION, Article, ModelInfo, Record, Span, Speaker, Statement, Target
from quoth.repeats import answer_once

Answer = TypeVar("Answer")

_SURROGATE = regex.compile("[\ud800-\udfff]")
_PHRASE = regex.compile(r"[\p{L}\p{N}$#@](?:[^\n\r\u2028\u2029“”„«»\"]*[\p{L}\p{M}\p{N}%])?")
_OF_HIS = regex.compile(r"['’]|\s(?:of|for|in|and)\s|(?:\S+\s){4}")
_CLUSTER = regex.compile(r"\X")


class Labeler:
    """Labels articles with one model, which is loaded once.

    >>> Labeler.from_pretrained("small").label_one("A text.").statements
    """

    def __init__(self, checkpoint: Checkpoint, all_cues: bool = False, min_probability: float = 0.0) -> None:
        """all_cues: also report beliefs and plans ("wants", "hopes"), not only what is said.
        min_probability: a stance less certain than this is marked as abstained."""
        self._checkpoint = checkpoint
        self._all_cues = all_cues
        self._min_probability = min_probability
        manifest = checkpoint.manifest
        self.model = ModelInfo(manifest.name, manifest.version, checkpoint.hash)

    @classmethod
    def from_pretrained(
        cls, model: str | Path = "small", threads: int | None = None, **options: Any
    ) -> Labeler:
        """model: the name of a model in the package, or the path of a model folder.

        Raises ModelError where there is none.
        """
        return cls(Checkpoint(model_folder(model), threads), **options)

    def label(self, articles: Iterable[Article]) -> Iterator[Record]:
        """One record an article, in order, each made when it is asked for."""
        return map(self.label_one, articles)

    def label_one(self, article: Article | str) -> Record:
        """The record of one article or bare text."""
        if not isinstance(article, Article):
            article = Article(id=document_hash(article) if isinstance(article, str) else "?", text=article)
        if not isinstance(article.text, str):
            found = type(article.text).__name__
            raise InputError(f"article {article.id}: text: found {found}, expected a string")
        warning = english_warning(article.text)
        statements = [] if warning else self._statements(article.text)
        return Record(
            SCHEMA_VERSION,
            article.id,
            article.metadata,
            [warning] if warning else [],
            self.model,
            statements,
        )

    def classify(self, spans: Iterable[tuple[str, int, int]]) -> list[Told]:
        """What the classifier says of given spans, each (text, start, end) in code points, in order.

        Spans of one text are told as the statements of an article are.
        Raises InputError for a span that holds no word.
        """
        return self._of_spans(tell_stances, spans)

    def states(self, spans: Iterable[tuple[str, int, int]]) -> NDArray[np.float32]:
        """What the classifier's heads read of given spans, (n, width), in order; see `classify`."""
        return np.array([pooled.state for pooled in self.pool(spans)], dtype=np.float32)

    def pool(self, spans: Iterable[tuple[str, int, int]]) -> list[Pooled]:
        """`states` with the logits that are made of them, see `quoth.model.stances.Pooled`."""
        return self._of_spans(pool, spans)

    @property
    def calibration(self) -> Calibration:
        """What turns the model's scores into probabilities."""
        return self._checkpoint.manifest.calibration

    @property
    def label_set(self) -> LabelSet | None:
        """What the model tells beside stances; None: nothing."""
        found = self._checkpoint.manifest.label_set
        return found if isinstance(found, LabelSet) else None

    def _of_spans(
        self,
        ask: Callable[[Checkpoint, Tokens, list[tuple[int, int]]], list[Answer]],
        spans: Iterable[tuple[str, int, int]],
    ) -> list[Answer]:
        order: list[tuple[str, int]] = []
        asked: dict[str, tuple[Tokens, list[tuple[int, int]]]] = {}
        for text, start, end in spans:
            if text not in asked:
                asked[text] = (self._checkpoint.pieces([text])[0], [])
            tokens, ranges = asked[text]
            first, last = tokens.between(start, end)
            if first == last:
                raise InputError(f"span [{start}, {end}) of a text of {len(text)} holds no word")
            order.append((text, len(ranges)))
            ranges.append((first, last))
        answers = {text: ask(self._checkpoint, *where) for text, where in asked.items()}
        return [answers[text][n] for text, n in order]

    def _statements(self, text: str) -> list[Statement]:
        # Half a surrogate pair is no character, and no file can hold it.
        text = _SURROGATE.sub("\ufffd", text)
        (tokens,) = self._checkpoint.pieces([text])
        reading = read(self._checkpoint, tokens)
        found = [f for f in find_statements(text, tokens, reading) if f.is_reported(self._all_cues)]
        told = tell_stances(self._checkpoint, tokens, [f.clause for f in found], reading)
        people = entities(text) if found else []
        named = name_speakers(text, tokens, reading, found, people, told)
        build = _Builder(text, tokens, people, named, self._checkpoint.manifest.calibration, self.label_set)
        statements = [
            build.statement(f, answer, self._min_probability) for f, answer in zip(found, told, strict=True)
        ]
        return answer_once(text, statements)


class _Builder:
    """Puts together the statements of one article."""

    def __init__(
        self,
        text: str,
        tokens: Tokens,
        people: list[Entity],
        named: dict[int, Named],
        calibration: Calibration,
        label_set: LabelSet | None,
    ) -> None:
        self._text = text
        self._tokens = tokens
        self._people = people
        self._named = named
        self._calibration = calibration
        self._label_set = label_set
        self._document = document_hash(text)
        self._first: dict[int, str] = {}

    def statement(self, found: Found, told: Told, min_probability: float) -> Statement:
        start, end = found.start, whole_grapheme(self._text, found.end)
        if found.kind != "direct":
            told = among_paraphrases(told, self._calibration.paraphrase)
        identity = f"{self._document}:{start}-{end}"
        speaker = self._speaker(found)
        return Statement(
            id=identity,
            quotation=self._first.setdefault(found.group, identity),
            start=start,
            end=end,
            text=self._text[start:end],
            kind=found.kind,
            fragment=found.fragment,
            probability=calibrated(found.score, self._calibration.statement),
            cue=self._span(found.cue),
            speaker=speaker,
            stance=told.best_stance,
            stance_probabilities=probabilities(STANCE_LABELS, told.stance),
            second_stance=told.second,
            abstained=bool(told.stance.max() < min_probability),
            sentiment=told.best_sentiment,
            sentiment_probabilities=probabilities(SENTIMENT_LABELS, told.sentiment),
            target=self._target(told.target, speaker),
            **label_fields(self._label_set, told),
        )

    def _speaker(self, found: Found) -> Speaker | None:
        named = self._named[found.group]
        if named.name is None and found.source is None:
            return None
        probability = calibrated(named.score, self._calibration.speaker)
        return Speaker(
            named.name, named.type, self._span(named.mention), self._span(found.source), probability
        )

    def _target(self, tokens: tuple[int, int] | None, speaker: Speaker | None) -> Target | None:
        if tokens is None:
            return None
        start, end = self._tokens.starts[tokens[0]], self._tokens.ends[tokens[1] - 1]
        start, end = whole_words(self._text, int(start), int(end))
        ends = (m.end() for m in SENTENCE_END.finditer(self._text, start, end) if "\n" not in m[0])
        start = max([start, *ends])
        # A phrase ends with its paragraph, and stands on one side of a quotation mark.
        phrase = _PHRASE.search(self._text, start, whole_grapheme(self._text, end))
        if phrase is None:
            return None
        start, end = phrase.span()
        name = party(self._people, self._text, start, end)
        if name and speaker and name == speaker.name:
            # Nobody accuses himself, nor comforts: a phrase that is nothing but his name is no target, of another ("Ode’s aides") the
            # name is left out.
            if not _OF_HIS.search(self._text, start, end):
                return None
            name = None
        return Target(self._text[start:end], start, end, name)

    def _span(self, ends: tuple[int, int] | None) -> Span | None:
        return Span.of(self._text, ends[0], whole_grapheme(self._text, ends[1])) if ends else None


def shared_labeler(model: str | Path = "small", threads: int | None = None, **options: Any) -> Labeler:
    """As `Labeler.from_pretrained`, opened once in a process: for objects that are copied, or sent to other processes."""
    # A session's threads do not outlive a fork.
    return _opened(os.getpid(), model, threads, **options)


@functools.lru_cache(maxsize=4)
def _opened(process: int, model: str | Path, threads: int | None, **options: Any) -> Labeler:
    return Labeler.from_pretrained(model, threads, **options)


def probabilities(labels: tuple[str, ...], values: NDArray[np.float32]) -> dict[Any, float]:
    """By label, as records have them."""
    return {label: round(float(p), 4) for label, p in zip(labels, values, strict=True)}


def label_fields(label_set: LabelSet | None, told: Told) -> dict[str, Any]:
    """The fields of an answer that only a model with a label set gives: the most probable label, and all probabilities."""
    if label_set is None or told.label is None:
        return {}
    best = label_set.names[int(told.label.argmax())]
    return {"label": best, "label_probabilities": probabilities(label_set.names, told.label)}


def calibrated(score: float, line: tuple[float, float]) -> float:
    """sigmoid(slope * logit(score) + offset), the score kept a hair away from 0 and 1 (Platt 1999)."""
    score = min(max(score, 1e-4), 1 - 1e-4)
    slope, offset = line
    return round(1 / (1 + math.exp(-(slope * math.log(score / (1 - score)) + offset))), 4)


def document_hash(text: str) -> str:
    """The first 12 hexadecimal digits of the text's sha256 (lone surrogates replaced)."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def whole_grapheme(text: str, end: int) -> int:
    """The next place at or after `end` that splits no grapheme cluster (UAX 29)."""
    if end >= len(text) or text[end].isascii():
        return end
    for cluster in _CLUSTER.finditer(text, max(text.rfind("\n", 0, end) + 1, end - 64)):
        if cluster.end() >= end:
            return int(cluster.end())
    return end


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Grow a span until its ends cut no word."""
    while start > 0 and text[start].isalnum() and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return start, end
