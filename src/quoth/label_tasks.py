"""Labels of one's own as a head is fitted to them: the stance and the sentiment of statements as the start model reads them, or a
label of a set that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldSpan
from quoth.label_sets import LabelSet
from quoth.labeler import Labeler
from quoth.model.heads import LABEL
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.stances import Pooled
from quoth.training.heads import Floats, Statements

_OTHER = STANCE_LABELS.index("other")
_FOUR = tuple(k for k in range(len(STANCE_LABELS)) if k != _OTHER)


@dataclass(frozen=True)
class Task:
    """What is told of labelled statements: their stance, their sentiment, or a label of a set.

    classes: indices of labels that macro-F1 is over.  kinds: (n,) quoted or indirect.  among_paraphrases: of stances, see
    `stance_task`.
    """

    name: str
    labels: tuple[str, ...]
    classes: tuple[int, ...]
    statements: Statements
    kinds: NDArray[np.str_]
    among_paraphrases: bool = False

    def part(self, rows: NDArray[np.intp]) -> Task:
        return replace(self, statements=self.statements.part(rows), kinds=self.kinds[rows])


def read_tasks(labeler: Labeler, gold: Sequence[GoldArticle], labels: Path) -> list[Task]:
    """The stance, and the sentiment where the labels tell of it at least two kinds, in two articles.

    labels: the file that `gold` was read from, for messages.  Raises InputError for a span without a word.
    """
    rows = [s for article in gold for s in article.statements]
    pooled, states, documents = _read(labeler, [(article, article.statements) for article in gold], labels)
    kinds = np.array([s.kind for s in rows])

    def statements(logits: list[NDArray[np.float32]], temperature: float, gold: list[int]) -> Statements:
        told = np.array(logits, dtype=np.float64) / temperature
        return Statements(states, told, np.array(gold), documents, np.ones(len(told)), np.zeros_like(told))

    calibration = labeler.calibration
    stances = [STANCE_LABELS.index(s.stance) for s in rows]
    stance = statements([p.stance for p in pooled], calibration.stance, stances)
    # -1: not labelled.
    felt = [-1 if s.sentiment is None else SENTIMENT_LABELS.index(s.sentiment) for s in rows]
    sentiment = statements([p.sentiment for p in pooled], calibration.sentiment, felt)
    every = tuple(range(len(SENTIMENT_LABELS)))
    told = Task("sentiment", SENTIMENT_LABELS, every, sentiment, kinds).part(
        np.flatnonzero(sentiment.gold >= 0)
    )
    enough = all(len(np.unique(x)) > 1 for x in (told.statements.gold, told.statements.documents))
    return [stance_task(stance, kinds, calibration.paraphrase), *([told] if enough else [])]


def label_task(labeler: Labeler, gold: Sequence[GoldArticle], label_set: LabelSet, labels: Path) -> Task:
    """The labels of a set, see `quoth.eval.coded`; arguments and errors as of `read_tasks`."""
    rows = [s for article in gold for s in article.coded]
    _, states, documents = _read(labeler, [(article, article.coded) for article in gold], labels)
    names = label_set.names
    nought = np.zeros((len(rows), len(names)))
    told = np.array([names.index(s.label) for s in rows])
    statements = Statements(states, nought, told, documents, np.ones(len(rows)), nought, known=False)
    return Task(LABEL, names, tuple(range(len(names))), statements, np.array([s.kind for s in rows]))


def against(task: Task, logits: Floats) -> Task:
    """As if the start model gave these logits, (n, k) or (k,): the shares of labels are what a head has to be better than."""
    told = np.broadcast_to(logits, task.statements.logits.shape)
    return replace(task, statements=replace(task.statements, logits=told))


def _read(
    labeler: Labeler, spans: Sequence[tuple[GoldArticle, Sequence[GoldSpan]]], labels: Path
) -> tuple[list[Pooled], Floats, NDArray[np.intp]]:
    """What the model reads of the spans of each article; (n, width + 1) the states with a last column of ones; (n,) the number of the
    article."""
    pooled: list[Pooled] = []
    for article, of in spans:
        try:
            pooled += labeler.pool((article.text, s.start, s.end) for s in of)
        except InputError as error:
            raise InputError(f"{labels}, article {article.id}: {error}") from error
    states = np.array([[*p.state, 1.0] for p in pooled], dtype=np.float64)
    documents = np.repeat(np.arange(len(spans)), [len(of) for _, of in spans])
    return pooled, states, documents


def stance_task(statements: Statements, kinds: NDArray[np.str_], line: tuple[float, float]) -> Task:
    """The start model tells paraphrases in two ways: as they are given, and, where it found them itself, as `line` moves them,
    since most of those are `other` (`quoth.model.stances.among_paraphrases`).

    Whichever fits the labels better stands, so that a head neither learns once more what `line` does already, nor is praised
    for it.
    """
    indirect = kinds == "indirect"
    moved = replace(
        statements,
        slopes=np.where(indirect, line[0], 1.0),
        shifts=np.outer(indirect * line[1], np.arange(len(STANCE_LABELS)) == _OTHER),
    )
    among = moved.loss(moved.logits) < statements.loss(statements.logits)
    return Task("stance", STANCE_LABELS, _FOUR, moved if among else statements, kinds, among)
