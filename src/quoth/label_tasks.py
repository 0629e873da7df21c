"""Labels of one's own as a head is fitted to them: the stance and the sentiment of statements, as the start model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle
from quoth.labeler import Labeler
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.training.heads import Statements

_OTHER = STANCE_LABELS.index("other")
_FOUR = tuple(k for k in range(len(STANCE_LABELS)) if k != _OTHER)


@dataclass(frozen=True)
class Task:
    """What is told of labelled statements: their stance or their sentiment.

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
    pooled, rows = [], []
    for k, article in enumerate(gold):
        try:
            pooled += labeler.pool((article.text, s.start, s.end) for s in article.statements)
        except InputError as error:
            raise InputError(f"{labels}, article {article.id}: {error}") from error
        rows += [(k, s) for s in article.statements]
    states = np.array([[*p.state, 1.0] for p in pooled], dtype=np.float64)
    kinds = np.array([s.kind for _, s in rows])
    documents = np.array([k for k, _ in rows], dtype=np.intp)

    def statements(logits: list[NDArray[np.float32]], temperature: float, gold: list[int]) -> Statements:
        told = np.array(logits, dtype=np.float64) / temperature
        return Statements(states, told, np.array(gold), documents, np.ones(len(told)), np.zeros_like(told))

    calibration = labeler.calibration
    stances = [STANCE_LABELS.index(s.stance) for _, s in rows]
    stance = statements([p.stance for p in pooled], calibration.stance, stances)
    # -1: not labelled.
    felt = [-1 if s.sentiment is None else SENTIMENT_LABELS.index(s.sentiment) for _, s in rows]
    sentiment = statements([p.sentiment for p in pooled], calibration.sentiment, felt)
    every = tuple(range(len(SENTIMENT_LABELS)))
    told = Task("sentiment", SENTIMENT_LABELS, every, sentiment, kinds).part(
        np.flatnonzero(sentiment.gold >= 0)
    )
    enough = all(len(np.unique(x)) > 1 for x in (told.statements.gold, told.statements.documents))
    return [stance_task(stance, kinds, calibration.paraphrase), *([told] if enough else [])]


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
