"""Fit the numbers that turn a model's scores into probabilities, on dev."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from quoth.model.attributions import Reading, read
from quoth.model.checkpoint import Calibration, Checkpoint
from quoth.model.entities import entities
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.speakers import name_speakers
from quoth.model.stances import Told, tell_stances
from quoth.model.statements import Found, find_statements
from quoth.model.windows import Tokens
from quoth.titles import plain_name
from quoth.training.examples import GoldArticle, placed, touching

READ_PARAPHRASES = Path(__file__).with_name("read_paraphrases.jsonl")
"""Stances, told by a reader, of paraphrases in dev that were not labelled and that a classifier gave a stance."""
TEMPERATURES = np.geomspace(0.5, 4.0, 200)
FoundIn = tuple[GoldArticle, list[Found], Tokens, Reading]
SLOPES, OFFSETS = np.linspace(0.3, 1.5, 61), np.linspace(0.0, 4.0, 81)


def calibrate(
    checkpoint: Checkpoint, labelled: list[GoldArticle], attributed: list[GoldArticle]
) -> Calibration:
    """labelled: dev articles with stances and speakers; attributed: with contents, cues and sources.

    The checkpoint must be uncalibrated (temperatures of 1).
    """
    stance, sentiment = _temperatures(checkpoint, labelled)
    found = list(_found(checkpoint, labelled))
    return Calibration(
        stance,
        sentiment,
        _statement_line(checkpoint, attributed),
        _speaker_line(checkpoint, found),
        _paraphrase_line(checkpoint, found, stance),
    )


def _temperatures(checkpoint: Checkpoint, articles: list[GoldArticle]) -> tuple[float, float]:
    told: list[Told] = []
    gold: list[tuple[int, int]] = []
    for article, tokens in zip(articles, checkpoint.pieces([a.text for a in articles]), strict=True):
        spans = []
        for s, span in placed(article, tokens):
            spans.append(span)
            gold.append((STANCE_LABELS.index(s["stance"]), SENTIMENT_LABELS.index(s["sentiment"])))
        told += tell_stances(checkpoint, tokens, spans)
    right = np.array(gold)
    return (
        temperature(np.log(np.array([t.stance for t in told])), right[:, 0]),
        temperature(np.log(np.array([t.sentiment for t in told])), right[:, 1]),
    )


def temperature(logits: NDArray[np.float64], gold: NDArray[np.int64]) -> float:
    """The divisor of the logits (n, k) that makes the gold classes (n,) likeliest (Guo et al., ICML 2017)."""

    def loss(t: float) -> float:
        return float(_log_losses(logits / t, gold).mean())

    return round(float(min(TEMPERATURES, key=loss)), 3)


def platt(scores: list[float], right: list[bool]) -> tuple[float, float]:
    """(slope, offset) of sigmoid(slope * logit(score) + offset) (Platt 1999)."""
    p = np.clip(np.array(scores), 1e-4, 1 - 1e-4)
    model = LogisticRegression(C=1e3).fit(np.log(p / (1 - p))[:, None], np.array(right))
    return round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4)


def _statement_line(checkpoint: Checkpoint, articles: list[GoldArticle]) -> tuple[float, float]:
    """A statement is right when gold contents cover at least half of it."""
    scores: list[float] = []
    right: list[bool] = []
    for article, found, *_ in _found(checkpoint, articles):
        covered = np.zeros(len(article.text), dtype=bool)
        for s in article.statements:
            for a, b in s["content"]:  # type: ignore[attr-defined]
                covered[a:b] = True
        for f in found:
            scores.append(f.score)
            right.append(bool(covered[f.start : f.end].mean() >= 0.5))
    return platt(scores, right)


def _log_losses(logits: NDArray[np.float64], gold: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, k) and (n,) -> (n,)"""
    losses: NDArray[np.float64] = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(gold)), gold]
    return losses


def _speaker_line(checkpoint: Checkpoint, articles: list[FoundIn]) -> tuple[float, float]:
    scores: list[float] = []
    right: list[bool] = []
    for article, found, tokens, reading in articles:
        told = tell_stances(checkpoint, tokens, [f.clause for f in found], reading)
        named = name_speakers(article.text, tokens, reading, found, entities(article.text), told)
        gold = {(s["start"], s["end"]): s["speaker"] for s in article.statements if s["kind"] == "quoted"}
        for f in found:
            name = named[f.group].name
            if name is not None and (f.start, f.end) in gold:
                expected = gold[f.start, f.end]
                scores.append(named[f.group].score)
                right.append(expected is not None and plain_name(name) == plain_name(str(expected)))
    return platt(scores, right)


def _paraphrase_line(checkpoint: Checkpoint, articles: list[FoundIn], stance: float) -> tuple[float, float]:
    """Paraphrases as they are found.  One that no labelled statement touches is `other`: those who labelled dev were
    asked for every paraphrase of the four stances.

    They missed some.  Where READ_PARAPHRASES tells of the articles, of the unlabelled ones that are given a stance only
    those that it holds count, each for as many as were not read.
    """
    told: list[Told] = []
    gold: list[str | None] = []
    labelled: list[bool] = []
    read_later = _read_paraphrases()
    for article, found, tokens, _ in articles:
        clauses = []
        for f in found:
            stances = [s["stance"] for s in touching(article.statements, f.start, f.end)]
            if f.kind == "direct" or not f.is_reported() or len(set(stances)) > 1:
                continue
            clauses.append(f.clause)
            labelled.append(bool(stances))
            later = [s["stance"] for s in touching(read_later.get(article.id, []), f.start, f.end)]
            gold.append(next(iter(stances or later), None))
        told += tell_stances(checkpoint, tokens, clauses)
    logits = np.log(np.array([t.stance for t in told])) / stance
    other = STANCE_LABELS.index("other")
    in_doubt = ~np.array(labelled) & (logits.argmax(1) != other)
    read = in_doubt & np.array([label is not None for label in gold])
    weights = np.ones(len(gold))
    if read.any():
        weights[in_doubt] = np.where(read, in_doubt.sum() / read.sum(), 0)[in_doubt]
    right = np.array([other if label is None else STANCE_LABELS.index(label) for label in gold])
    return paraphrase_line(logits, right, weights)


def _read_paraphrases() -> dict[str, list[dict[str, Any]]]:
    rows = map(json.loads, READ_PARAPHRASES.read_text("utf-8").splitlines())
    return {row["article"]: row["statements"] for row in rows}


def paraphrase_line(
    logits: NDArray[np.float64], gold: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """(slope, what is added to the logit of `other`) that make the gold classes (n,) of logits (n, 5) likeliest."""
    other = np.arange(logits.shape[1]) == STANCE_LABELS.index("other")

    def loss(line: tuple[float, float]) -> float:
        return float((weights * _log_losses(line[0] * logits + line[1] * other, gold)).mean())

    slope, offset = min(itertools.product(SLOPES, OFFSETS), key=loss)
    return round(float(slope), 3), round(float(offset), 3)


def _found(checkpoint: Checkpoint, articles: list[GoldArticle]) -> Iterator[FoundIn]:
    for article, tokens in zip(articles, checkpoint.pieces([a.text for a in articles]), strict=True):
        reading = read(checkpoint, tokens)
        yield article, find_statements(article.text, tokens, reading), tokens, reading
