"""How much gold it takes: what a test can find, how many articles an interval needs, which classes are too few.

Articles, not statements, are drawn: statements of one article go right and wrong together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval.scores import Floats, Metric
from quoth.extras import needs

FEWEST_ITEMS, WIDEST, FEWEST_ARTICLES = 30, 0.30, 9
"""The bounds of `too_few`."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How many articles to annotate for an interval that reaches `half_width` to either side.

    low, high: what the pilot leaves open of `articles`; high is infinite where it sets no bound.
    pilot, pilot_half_width: the pilot's articles and what they give.  checked: the half-width of the
    pilot's articles resampled to `articles` of them.
    """

    articles: int
    low: float
    high: float
    half_width: float
    checked: float
    pilot: int
    pilot_half_width: float


def minimum_detectable_effect(
    counts_a: ArrayLike,
    counts_b: ArrayLike,
    metric: Metric,
    power: float = 0.8,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> float:
    """The true difference that a two-sided test at level `alpha` finds with probability `power`.

    (z_{1 - alpha/2} + z_power) SE (Bloom, Evaluation Review 1995; on power in NLP, Card et al., EMNLP 2020);
    SE is the standard deviation of metric(A) - metric(B) over the draws of `paired_bootstrap`.  Arguments
    as `permutation_p`.
    """
    if not (0 < power < 1 and 0 < alpha < 1):
        raise InputError(f"power and level lie between 0 and 1, found {power} and {alpha}")
    a, b = paired(counts_a, counts_b)
    differences = metric(_sums(a, len(a), resamples, seed)) - metric(_sums(b, len(b), resamples, seed))
    known = differences[~np.isnan(differences)]
    normal = NormalDist()
    factor = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return factor * float(known.std(ddof=1)) if len(known) > 1 else math.nan


def articles_needed(
    counts: ArrayLike,
    metric: Metric,
    half_width: float,
    level: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> SampleSize:
    """How many articles must be annotated to know a figure within +- `half_width`, from a pilot.

    The half-width h(n) of the percentile bootstrap interval over n articles falls as 1 / sqrt(n), so
    n' = n (h(n) / half_width)^2 (Cochran 1977, ch. 4).  That is checked by drawing n' articles from the
    pilot; where h(n') is off by more than 5 %, n' is projected again from there.  The further articles have
    to be of the pilot's kind.

    low, high: n' is proportional to the variance of one article's share in the figure, which the pilot
    knows only roughly; they are its `level` interval, from bootstrapping the log of its jackknife
    variance (Efron & Tibshirani 1993, ch. 11; basic interval: Davison & Hinkley 1997, section 5.2).

    counts: (articles, ...) per-article counts; metric as `permutation_p`.  Raises InputError for fewer than
    two articles, and for a figure that is undefined or the same in all resamples.
    """
    table = np.asarray(counts, dtype=np.float64)
    if len(table) < 2 or not half_width > 0:
        raise InputError(f"cannot project {len(table)} articles (two at least) to +- {half_width} (above 0)")
    first = found = _half_width(table, metric, len(table), level, resamples, seed)
    if not found > 0:
        raise InputError(f"the pilot of {len(table)} articles does not show how the figure varies")
    articles = len(table)
    for _ in range(6):
        articles = max(1, math.ceil(articles * (found / half_width) ** 2))
        found = _half_width(table, metric, articles, level, resamples, seed)
        if not found > 0 or abs(found / half_width - 1) < 0.05:
            break
    shortest, longest = _variance_ratios(table, metric, level, resamples // 10, seed)
    return SampleSize(
        articles=articles,
        low=math.ceil(articles / longest),
        high=math.ceil(articles / shortest) if shortest > 0 else math.inf,
        half_width=half_width,
        checked=found,
        pilot=len(table),
        pilot_half_width=first,
    )


def too_few(counts: ArrayLike, labels: Sequence[str]) -> dict[str, str]:
    """The classes with too few gold items to conclude anything about them, and why.

    The US National Center for Health Statistics' standard for showing a proportion (Parker et al., Vital and
    Health Statistics 2(175), 2017), here for recall R, whose denominator the gold items are: too few if

    - they are worth fewer than 30 independent ones: n_e = R (1 - R) / var(R), at most n, with
      var(R) = m / (m - 1) sum_i (hits_i - R n_i)^2 / n^2 over the m articles that have any (Cochran 1977,
      section 3.12), and n where that is 0;
    - or the 95 % interval of R is 0.30 wide or wider: Clopper-Pearson on n_e (t_{n-1} / t_{m-1})^2 items, at
      most n (Korn & Graubard, Survey Methodology 1998);
    - or they lie in fewer than 9 articles (fewer than 8 degrees of freedom).

    The standard's bound on the relative width is left out: it is for rare proportions.  counts: (articles,
    k, k), gold by row; labels: of the first rows.  Raises MissingExtraError without scipy.
    """
    table = np.asarray(counts, dtype=np.float64)
    reasons = {label: _why_few(table[:, k, k], table[:, k].sum(-1)) for k, label in enumerate(labels)}
    return {label: reason for label, reason in reasons.items() if reason}


def _why_few(hits: Floats, gold: Floats) -> str:
    held = gold > 0
    hits, gold = hits[held], gold[held]
    items, articles = int(gold.sum()), len(gold)
    if not items:
        return "no gold item"
    recall = float(hits.sum() / items)
    variance = float(((hits - recall * gold) ** 2).sum()) * articles / max(1, articles - 1) / items**2
    worth = min(items, recall * (1 - recall) / variance) if variance > 0 else items
    low, high = _korn_graubard(recall, worth, items, articles)
    found = []
    if worth < FEWEST_ITEMS:
        found.append(f"worth {worth:.0f} independent ones, fewer than {FEWEST_ITEMS}")
    if high - low >= WIDEST:
        found.append(
            f"recall between {100 * low:.1f} and {100 * high:.1f}, {100 * WIDEST:.0f} points or more"
        )
    if articles < FEWEST_ARTICLES:
        found.append(f"fewer than {FEWEST_ARTICLES} articles")
    return f"{items} gold items in {articles} articles: {'; '.join(found)}" if found else ""


def _korn_graubard(share: float, worth: float, items: int, clusters: int) -> tuple[float, float]:
    with needs("The warning of small classes", "eval"):
        from scipy import stats
    if 0 < share < 1:
        if clusters < 2:
            return 0.0, 1.0
        factor = stats.t.ppf(0.975, items - 1) / stats.t.ppf(0.975, clusters - 1)
        worth = min(items, worth * float(factor) ** 2)
    hits, misses = worth * share, worth * (1 - share)
    low = float(stats.beta.ppf(0.025, hits, misses + 1)) if hits else 0.0
    return low, float(stats.beta.ppf(0.975, hits + 1, misses)) if misses else 1.0


def _sums(counts: Floats, articles: int, resamples: int, seed: int) -> Floats:
    """Summed counts of resamples of `articles` articles, however many `counts` has."""
    weights = np.random.default_rng(seed).multinomial(
        articles, np.full(len(counts), 1 / len(counts)), size=resamples
    )
    sums: Floats = weights.astype(np.float64) @ counts.reshape(len(counts), -1)
    return sums.reshape(resamples, *counts.shape[1:])


def _half_width(
    counts: Floats, metric: Metric, articles: int, level: float, resamples: int, seed: int
) -> float:
    values = metric(_sums(counts, articles, resamples, seed))
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(high - low) / 2


def _variance_ratios(
    counts: Floats, metric: Metric, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Quantiles, over resamples of the articles, of the figure's variance by its variance in `counts`."""
    n = len(counts)
    whole = _jackknife(counts, metric, np.ones(n))
    if not whole > 0:
        return 0.0, math.inf
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    ratios = np.array([_jackknife(counts, metric, w) for w in weights.astype(np.float64)]) / whole
    low, high = np.quantile(ratios[~np.isnan(ratios)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _jackknife(counts: Floats, metric: Metric, times: Floats) -> float:
    """Jackknife variance of the figure of articles that each occur so many times, but for (n - 1) / n."""
    values, times = metric(np.tensordot(times, counts, 1) - counts[times > 0]), times[times > 0]
    return float(times @ (values - times @ values / times.sum()) ** 2)


def paired(counts_a: ArrayLike, counts_b: ArrayLike) -> tuple[Floats, Floats]:
    """Both as arrays; raises InputError unless they are of the same documents, of which there is one at least."""
    a, b = np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64)
    if a.shape != b.shape:
        raise InputError(f"{len(a)} documents of one system against {len(b)} of the other")
    if not len(a):
        raise InputError("a comparison needs at least one document")
    return a, b
