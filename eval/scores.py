"""Scores of labels and probabilities, and how sure we are of them: numpy only, no opinion on what is scored.

A metric is a function of summed counts, vectorised over leading axes, so that the same function gives the
figure (one sum over all documents) and its bootstrap distribution (one sum a resample).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quoth.errors import InputError

Floats = NDArray[np.float64]
Metric = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its percentile bootstrap interval; NaN where the figure is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of system A less that of system B, its interval, and the two-sided p of no difference."""

    value: float
    low: float
    high: float
    p: float


def confusion(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """(k, k) counts, gold by row, predicted by column; raises InputError for a label that `labels` lacks."""
    index = {label: k for k, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for pair in zip(gold, predicted, strict=True):
        for label in pair:
            if label not in index:
                raise InputError(f"label {label!r} is none of {', '.join(labels)}")
        counts[index[pair[0]], index[pair[1]]] += 1
    return counts


def precision_recall_f1(counts: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(..., k, k) counts -> P, R and F1, each (..., k).

    P = TP / (TP + FP), R = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979, ch. 7);
    P is NaN for a class never predicted, R for one not in gold, F1 for a class that is neither.
    """
    table = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    predicted, gold = table.sum(-2), table.sum(-1)
    f1 = np.where(predicted + gold > 0, 2 * _share(hits, predicted + gold), np.nan)
    p, r = (np.where(whole > 0, _share(hits, whole), np.nan) for whole in (predicted, gold))
    return p, r, f1


def macro_f1_of(counts: ArrayLike, classes: Sequence[int]) -> Floats:
    """(..., k, k) counts -> (...) mean of the F1 of `classes`; see `macro_f1`."""
    f1 = precision_recall_f1(counts)[2][..., list(classes)]
    present = ~np.isnan(f1)
    total = np.where(present, f1, 0.0).sum(-1)
    return np.where(present.any(-1), _share(total, present.sum(-1)), np.nan)


def micro_f1_of(counts: ArrayLike, classes: Sequence[int]) -> Floats:
    """(..., k, k) counts -> (...) F1 of `classes` pooled: 2 TP / (2 TP + FP + FN) with counts summed over them.

    Unlike the macro-F1 it is defined where some of the classes are rare or missing; NaN only if all are.
    """
    table, of = np.asarray(counts, dtype=np.float64), list(classes)
    hits = np.diagonal(table, axis1=-2, axis2=-1)[..., of].sum(-1)
    both = table.sum(-2)[..., of].sum(-1) + table.sum(-1)[..., of].sum(-1)
    return np.where(both > 0, 2 * _share(hits, both), np.nan)


def macro_f1(gold: Sequence[str], predicted: Sequence[str], classes: Sequence[str]) -> float:
    """Unweighted mean of the F1 of `classes`; other labels may occur and count as errors against them.

    A class that is neither in gold nor predicted is left out of the mean (an F1 of 0 or 1 for it would be
    an invention); NaN if all are.
    """
    labels = [*classes, *sorted({*gold, *predicted} - {*classes})]
    return float(macro_f1_of(confusion(gold, predicted, labels), range(len(classes))))


def ratio(counts: ArrayLike) -> Floats:
    """(..., 2) counts -> (...) the first by the second; NaN where the second is 0."""
    table = np.asarray(counts, dtype=np.float64)
    return np.where(table[..., 1] > 0, _share(table[..., 0], table[..., 1]), np.nan)


def brier(probabilities: ArrayLike, gold: ArrayLike) -> float:
    """Mean of `briers`."""
    return float(briers(probabilities, gold).mean())


def briers(probabilities: ArrayLike, gold: ArrayLike) -> Floats:
    """(n,) sum_k (p_k - [gold = k])^2 of each item, from 0 to 2 (Brier, Monthly Weather Review 1950).

    probabilities: (n, k); gold: (n,) class indices.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    squares: Floats = ((p - np.eye(p.shape[1])[np.asarray(gold)]) ** 2).sum(1)
    return squares


def log_loss(probabilities: ArrayLike, gold: ArrayLike) -> float:
    """Mean of `log_losses`."""
    return float(log_losses(probabilities, gold).mean())


def log_losses(probabilities: ArrayLike, gold: ArrayLike) -> Floats:
    """(n,) -ln p(gold) of each item, probabilities no smaller than the float epsilon (Good 1952).

    probabilities: (n, k); gold: (n,) class indices.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    of_gold = p[np.arange(len(p)), np.asarray(gold)]
    losses: Floats = -np.log(np.maximum(of_gold, np.finfo(np.float64).eps))
    return losses


def ece(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error: sum_b n_b / n * |accuracy_b - mean confidence_b|.

    Formula of Guo et al. (ICML 2017) on bins of equal mass (Nguyen & O'Connor, EMNLP 2015).  Equal
    confidences share a bin, so the order of the items does not matter.  Both arguments: (n,).
    """
    p = np.asarray(confidence, dtype=np.float64)
    gaps = np.bincount(equal_mass(p, bins), weights=np.asarray(correct, dtype=np.float64) - p)
    return float(np.abs(gaps).sum() / len(p))


def ece_by_chance(
    confidence: ArrayLike, bins: int = 15, draws: int = 1000, seed: int = 0, block: int = 1 << 20
) -> Floats:
    """(draws,) the `ece` of a perfectly calibrated model with these confidences: what chance alone gives.

    The answers are drawn as Bernoulli(confidence) (consistency resampling; Bröcker & Smith, Weather and
    Forecasting 2007).  block: answers that are held at a time.
    """
    p = np.asarray(confidence, dtype=np.float64)
    rng, bin_of = np.random.default_rng(seed), equal_mass(p, bins)
    order = np.argsort(bin_of, kind="stable")
    starts = np.unique(bin_of[order], return_index=True)[1]
    rows = max(1, block // len(p))
    found = []
    for start in range(0, draws, rows):
        surplus = (rng.random((min(rows, draws - start), len(p))) < p) - p
        found.append(np.abs(np.add.reduceat(surplus[:, order], starts, axis=1)).sum(1) / len(p))
    return np.concatenate(found)


def expected_ece(confidence: ArrayLike, bins: int = 15, draws: int = 1000, seed: int = 0) -> float:
    """Mean of `ece_by_chance`."""
    return float(ece_by_chance(confidence, bins, draws, seed).mean())


def equal_mass(confidence: ArrayLike, bins: int = 15) -> NDArray[np.intp]:
    """(n,) -> (n,) the bin of each item, of bins that hold as many items as equal confidences allow."""
    p = np.asarray(confidence, dtype=np.float64)
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, p, side="right")


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Area under the risk-coverage curve: mean over items of the risk among those at least as confident.

    Risk is the share of errors; 0 is best (Geifman, Uziel & El-Yaniv, ICLR 2019, section 2).  Equal
    confidences are accepted together, so the order of the items does not matter.  Both arguments: (n,).
    """
    p, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    _, group, sizes = np.unique(-p, return_inverse=True, return_counts=True)
    errors = np.bincount(group, weights=1 - right)
    return float((sizes * errors.cumsum() / sizes.cumsum()).sum() / len(p))


def wilson(hits: int, n: int, level: float = 0.95) -> Interval:
    """A share and its score interval, every item for itself (Wilson, JASA 1927); NaN for no item.

    Unlike a bootstrap's it is not of width zero where all or none are hits.
    """
    if not n:
        return Interval(math.nan, math.nan, math.nan)
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    middle = (hits + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (hits * (n - hits) / n + z2 / 4)) / (n + z2)
    return Interval(hits / n, max(0.0, middle - half), min(1.0, middle + half))


def bootstrap(
    counts: ArrayLike, metric: Metric, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Percentile interval of a metric with whole documents resampled (Efron & Tibshirani 1993, ch. 13).

    counts: (documents, ...) per-document counts; metric: (resamples, ...) summed counts -> (resamples,).
    Resamples for which the metric is not defined are left out.  Raises InputError without documents.
    """
    table = np.asarray(counts, dtype=np.float64)
    return interval(_whole(table, metric), metric(resampled(table, resamples, seed)), level)


def paired_bootstrap(
    counts_a: ArrayLike,
    counts_b: ArrayLike,
    metric: Metric,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """metric(A) - metric(B) of two systems, the same documents drawn for both; arguments as `bootstrap`.

    Interval and p are those of `difference`.
    """
    a, b = np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64)
    if len(a) != len(b):
        raise InputError(f"{len(a)} documents of one system against {len(b)} of the other")
    draws = metric(resampled(a, resamples, seed)) - metric(resampled(b, resamples, seed))
    return difference(_whole(a, metric) - _whole(b, metric), draws, level)


def interval(value: float, draws: Floats, level: float = 0.95) -> Interval:
    """A figure with the percentile interval of its bootstrap draws (resamples,), of which NaN are left out."""
    return Interval(value, *_quantiles(draws, level))


def difference(value: float, draws: Floats, level: float = 0.95) -> Difference:
    """A difference with the percentile interval and p of its bootstrap draws (resamples,), NaN left out.

    p = 2 min(#{d <= 0} + 1, #{d >= 0} + 1) / (resamples + 1), at most 1: the level at which the percentile
    interval reaches 0 (Davison & Hinkley 1997, eq. 4.11 for the + 1).
    """
    known = draws[~np.isnan(draws)]
    tail = min((known <= 0).sum(), (known >= 0).sum()) + 1
    p = min(1.0, float(2 * tail / (len(known) + 1))) if len(known) else math.nan
    return Difference(value, *_quantiles(known, level), p)


def resampled(counts: Floats, resamples: int, seed: int) -> Floats:
    """(documents, ...) counts -> (resamples, ...) their sums over the documents drawn, by `weights`."""
    sums = weights(len(counts), resamples, seed) @ counts.reshape(len(counts), -1)
    return sums.reshape(resamples, *counts.shape[1:])


# Every figure of an evaluation draws the same articles.
@lru_cache(maxsize=2)
def weights(documents: int, resamples: int, seed: int) -> Floats:
    """(resamples, documents) how often each document is drawn; read-only.

    Raises InputError without documents.
    """
    if not documents:
        raise InputError("a bootstrap needs at least one document")
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(documents, np.full(documents, 1 / documents), size=resamples)
    times = drawn.astype(np.float64)
    times.flags.writeable = False
    return times


def mcnemar(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """Exact two-sided p that two systems are right equally often on the same items (McNemar 1947).

    With b and c the items that only one of them has right, n = b + c:
    p = 2 sum_{i <= min(b, c)} C(n, i) / 2^n, at most 1.
    """
    a, b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    if a.shape != b.shape:
        raise InputError(f"{len(a)} items of one system against {len(b)} of the other")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n = only_a + only_b
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1)) / (1 << n))


def _share(part: ArrayLike, whole: ArrayLike) -> Floats:
    above, below = np.broadcast_arrays(np.asarray(part, dtype=np.float64), whole)
    shares = np.zeros(above.shape)
    np.divide(above, below, out=shares, where=below > 0)
    return shares


def _whole(counts: Floats, metric: Metric) -> float:
    return float(metric(counts.sum(0, keepdims=True))[0])


def _quantiles(values: Floats, level: float) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
