"""Whether probabilities mean what they say, and what is gained by leaving out the least certain answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.draws import Figure, known
from quoth.eval.result import Bin, Calibration, OperatingPoint, Point
from quoth.model.layout import STANCE_LABELS

BINS = 15
POINTS = 20
"""Of the risk-coverage curve: every 5 % of coverage."""

PRECISION = 0.95
"""That an operating point has to reach."""

SUM_WITHIN = 0.01
"""How far the sum of an item's probabilities may be from 1: records round them to four digits."""


def calibration(
    probabilities: ArrayLike,
    gold: ArrayLike,
    articles: ArrayLike,
    resamples: int = 2000,
    draws: int = 1000,
    seed: int = 0,
    labels: Sequence[str] = STANCE_LABELS,
) -> Calibration:
    """Calibration of the likeliest class, proper scores, and accuracy by coverage.

    probabilities: (n, k); gold: (n,) class indices; articles: (n,) any number for each item's article; labels: the classes.  The
    order of the items does not matter, of equally likely classes the first is taken, and items of equal
    confidence are never parted.

    - ece: `quoth.eval.scores.ece` on 15 bins of equal mass.  A draw of articles adds the noise of its own to
      that of the items, and an absolute value only grows by it: the interval is that of the draws less
      their mean's excess over the figure, in the same 15 bins, and not below 0.  Hold it against `perfect` and
      `perfect_high`, mean and 95th percentile of `quoth.eval.scores.ece_by_chance`, not against 0.
    - bins: a bin may well be all right, of which a bootstrap would be certain: the interval of its accuracy is
      Wilson's, every item for itself.
    - risk_coverage: accuracy over the items at least as confident as `threshold`, for the highest threshold
      that accepts 5 %, 10 %, ..., 100 % of the items (El-Yaniv & Wiener, JMLR 2010); `coverage` is the share
      that it accepts, more than that where confidences are equal.  Intervals: with the threshold fixed.
    - operating: of each class, the lowest threshold on its probability above which PRECISION of those given it
      are right, if there is one.  It was chosen on these items: on others precision may fall short, as the
      lower end of its interval (Wilson's) tells.

    Other intervals are percentiles of `resamples` bootstrap draws of the articles that have items.
    Raises InputError for no item, shapes that do not fit, a class out of range, and an item whose
    probabilities are negative or do not sum to 1.
    """
    p, right, article = _checked(probabilities, gold, articles)
    order = np.argsort(-p.max(1), kind="stable")
    p, right, article = p[order], right[order], article[order]
    confidence, correct = p.max(1), (p.argmax(1) == right).astype(np.float64)
    per_article = partial(_sums, article=article)

    def mean(values: scores.Floats) -> Figure:
        counts = np.stack([per_article(values), per_article(np.ones(len(p)))], axis=-1)
        return _figure(scores.bootstrap(counts, scores.ratio, resamples, seed))

    chance = scores.ece_by_chance(confidence, BINS, draws, seed)
    return Calibration(
        n=len(p),
        ece=_ece(confidence, correct, article, resamples, seed),
        perfect=float(chance.mean()),
        perfect_high=float(np.quantile(chance, 0.95)),
        brier=mean(scores.briers(p, right)),
        log_loss=mean(scores.log_losses(p, right)),
        bins=_bins(confidence, correct),
        risk_coverage=_risk_coverage(confidence, correct, article, resamples, seed),
        aurc=scores.aurc(confidence, correct),
        operating=_operating(p, right, labels),
    )


def _ece(
    confidence: scores.Floats, correct: scores.Floats, article: NDArray[np.intp], resamples: int, seed: int
) -> Figure:
    # Last column: the items, to divide by.
    columns = np.eye(BINS + 1)[scores.equal_mass(confidence, BINS)] * (correct - confidence)[:, None]
    columns[:, -1] = 1
    counts = _sums(columns, article)

    def metric(table: scores.Floats) -> scores.Floats:
        gaps: scores.Floats = np.abs(table[..., :-1]).sum(-1) / table[..., -1]
        return gaps

    value = float(metric(counts.sum(0)))
    draws = metric(scores.resampled(counts, resamples, seed))
    return _figure(scores.interval(value, np.maximum(0, draws - (draws.mean() - value))))


def _bins(confidence: scores.Floats, correct: scores.Floats) -> list[Bin]:
    """From the least confident one."""
    of = scores.equal_mass(confidence, BINS)
    return [
        Bin(
            n=int(inside.sum()),
            confidence=float(confidence[inside].mean()),
            accuracy=_figure(scores.wilson(int(correct[inside].sum()), int(inside.sum()))),
        )
        for inside in (of == k for k in np.unique(of))
    ]


def _risk_coverage(
    confidence: scores.Floats, correct: scores.Floats, article: NDArray[np.intp], resamples: int, seed: int
) -> list[Point]:
    """confidence: falling."""
    n = len(confidence)
    least = -(-np.arange(1, POINTS + 1) * n // POINTS)
    thresholds = confidence[least - 1]
    accepted = (confidence[:, None] >= thresholds).astype(np.float64)
    counts = np.stack([_sums(accepted * correct[:, None], article), _sums(accepted, article)], axis=-1)
    accuracy = scores.ratio(counts.sum(0))
    drawn = scores.ratio(scores.resampled(counts, resamples, seed))
    return [
        Point(
            coverage=float(accepted[:, k].mean()),
            threshold=float(thresholds[k]),
            accuracy=_figure(scores.interval(float(accuracy[k]), drawn[:, k])),
        )
        for k in range(POINTS)
    ]


def _operating(p: scores.Floats, gold: NDArray[np.int64], labels: Sequence[str]) -> list[OperatingPoint]:
    """p: (n, k), surest items first."""
    points = []
    for k, label in enumerate(labels[: p.shape[1]]):
        given = np.flatnonzero(p.argmax(1) == k)
        right = gold[given] == k
        enough = np.cumsum(right) >= PRECISION * np.arange(1, len(given) + 1)
        # Items of equal probability are taken together or not at all.
        last = np.append(np.diff(p[given, k]) != 0, True)[: len(given)]
        if not (enough & last).any():
            continue
        taken = int(np.flatnonzero(enough & last)[-1]) + 1
        hits = int(right[:taken].sum())
        points.append(
            OperatingPoint(
                label=label,
                threshold=float(p[given[taken - 1], k]),
                precision=_figure(scores.wilson(hits, taken)),
                recall=hits / int((gold == k).sum()),
                n=taken,
            )
        )
    return points


def _sums(values: scores.Floats, article: NDArray[np.intp]) -> scores.Floats:
    """(n, ...) -> (articles, ...)"""
    sums = np.zeros((int(article.max()) + 1, *values.shape[1:]))
    np.add.at(sums, article, values)
    return sums


def _figure(interval: scores.Interval) -> Figure:
    return Figure(known(interval.value), known(interval.low), known(interval.high))


def _checked(
    probabilities: ArrayLike, gold: ArrayLike, articles: ArrayLike
) -> tuple[scores.Floats, NDArray[np.int64], NDArray[np.intp]]:
    p, right = np.asarray(probabilities, dtype=np.float64), np.asarray(gold, dtype=np.int64)
    places = np.asarray(articles)
    if p.ndim != 2 or not p.size or right.shape != p.shape[:1] or places.shape != p.shape[:1]:
        raise InputError(
            f"probabilities of shape {p.shape}, gold of {right.shape} and articles of {places.shape}: expected "
            "(n, k), (n,) and (n,) with at least one item"
        )
    for item in np.flatnonzero((right < 0) | (right >= p.shape[1])):
        raise InputError(f"item {item}: class {right[item]}, expected 0 to {p.shape[1] - 1}")
    for item in np.flatnonzero(~((p >= 0).all(1) & (np.abs(p.sum(1) - 1) < SUM_WITHIN))):
        raise InputError(f"item {item}: probabilities {p[item].tolist()}, expected shares that sum to 1")
    return p, right, np.unique(places, return_inverse=True)[1]
