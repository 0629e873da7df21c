"""The order in which articles are annotated: by chance, each with its probability of being drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quoth.annotation_log import Draw
from quoth.eval.gold import text_hash
from quoth.records import Article, Record

SHARPNESS = 6.0
"""An article of score 1 is exp(6) times as likely to be the next as one of score 0."""

MOST_TELLING = 3
"""So many of an article's statements make its score: long articles are not preferred for their length."""


def draws(articles: Sequence[Article], seed: int, scores: NDArray[np.float64] | None = None) -> list[Draw]:
    """All articles in a random order, without replacement.

    scores: by article, see `scores_of`; None draws each with the same probability.  The k-th is drawn among those
    left with probability exp(SHARPNESS * score) / sum of these, which is what weights that undo the choice need
    (Farquhar, Gal and Rainforth, On Statistical Bias in Active Learning, ICLR 2021).
    """
    weights = np.ones(len(articles)) if scores is None else np.exp(SHARPNESS * scores)
    # The largest log-weight plus Gumbel noise is a draw by weight, the second largest one from the rest, ...
    noise = np.random.default_rng(seed).gumbel(size=len(articles))
    order = np.argsort(-(np.log(weights) + noise), kind="stable")
    left = np.cumsum(weights[order][::-1])[::-1]
    return [
        Draw(articles[k].id, text_hash(articles[k].text), float(weights[k] / total))
        for k, total in zip(order.tolist(), left, strict=True)
    ]


def scores_of(records: Sequence[Record]) -> NDArray[np.float64]:
    """(records,) from 0 to 1: how unsure a model is of an article's stances, and how rare they are.

    A statement scores the mean of its stance's entropy over log 5, and of the rarity that it can expect: the sum
    over stances of probability times (1 - share of that stance in all records, by expectation).
    An article scores the mean of its MOST_TELLING best statements, 0 without any.
    """
    told: list[dict[Any, float]] = [s.stance_probabilities for r in records for s in r.statements]
    shares: dict[str, float] = {}
    for probabilities in told:
        for stance, p in probabilities.items():
            shares[stance] = shares.get(stance, 0.0) + p / len(told)

    def score(probabilities: dict[Any, float]) -> float:
        entropy = -sum(p * math.log(p) for p in probabilities.values() if p > 0) / math.log(5)
        rarity = sum(p * (1 - shares[stance]) for stance, p in probabilities.items())
        return (entropy + rarity) / 2

    def of(record: Record) -> float:
        best = sorted((score(s.stance_probabilities) for s in record.statements), reverse=True)[:MOST_TELLING]
        return sum(best) / len(best) if best else 0.0

    return np.array([of(record) for record in records], dtype=np.float64)
