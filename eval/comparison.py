"""Two systems on the same gold: which is better, how sure that is, and how much gold would settle it.

Articles, not statements, are drawn and swapped throughout: statements of one article go right and wrong
together.  Only McNemar's test takes every item for independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval.gold import STANCES
from quoth.eval.scores import Difference, Floats, Metric, confusion, macro_f1_of, mcnemar, paired_bootstrap
from quoth.extras import needs

Labels = Mapping[str, Sequence[str]]
"""Article id -> its items' labels, in the order of gold."""

FEWEST_ITEMS, WIDEST, FEWEST_ARTICLES = 30, 0.30, 9
"""The bounds of `too_few`."""

_FOUR = tuple(stance for stance in STANCES if stance != "other")
# Cells of the table of swaps that are held at a time.
_BLOCK = 1 << 21


@dataclass(frozen=True, slots=True)
class Comparison:
    """Macro-F1 of system A less that of system B on the same items.

    a, b: the two figures.  difference: with its interval at 1 - alpha and the bootstrap's p.
    permutation_p: of `permutation_p`, the one to go by.  mcnemar_p: that both are right equally often, over
    all labels, every item for itself: too small where an article's items go right and wrong together
    (Durkalski et al., Statistics in Medicine 2003).  detectable: `minimum_detectable_effect` at `power` and
    `alpha`.  warnings: of `too_few`, for either system.
    """

    name: str
    articles: int
    items: int
    a: float
    b: float
    difference: Difference
    permutation_p: float
    mcnemar_p: float
    detectable: float
    power: float
    alpha: float
    warnings: tuple[str, ...]


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


def compare(
    gold: Labels,
    a: Labels,
    b: Labels,
    name: str = "",
    labels: Sequence[str] = STANCES,
    classes: Sequence[str] = _FOUR,
    power: float = 0.8,
    alpha: float = 0.05,
    resamples: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems' labels, article by article, by macro-F1 over `classes`.

    labels: all that may occur, `classes` among them.  Raises InputError for an unknown label, an article
    that not all three have, and one for which they have different numbers of items.
    """
    ours, theirs = _tables(gold, a, labels, "A"), _tables(gold, b, labels, "B")
    metric = partial(macro_f1_of, classes=[labels.index(label) for label in classes])
    right_a, right_b = (
        [g == p for article in gold for g, p in zip(gold[article], predicted[article], strict=True)]
        for predicted in (a, b)
    )
    few = {**too_few(theirs, labels), **too_few(ours, labels)}
    return Comparison(
        name=name,
        articles=len(gold),
        items=len(right_a),
        a=float(metric(ours.sum(0))),
        b=float(metric(theirs.sum(0))),
        difference=paired_bootstrap(ours, theirs, metric, resamples, seed, 1 - alpha),
        permutation_p=permutation_p(ours, theirs, metric, permutations, seed),
        mcnemar_p=mcnemar(right_a, right_b),
        detectable=minimum_detectable_effect(ours, theirs, metric, power, alpha, resamples, seed),
        power=power,
        alpha=alpha,
        warnings=tuple(f"{label}: {few[label]}" for label in classes if label in few),
    )


def markdown(comparisons: Sequence[Comparison]) -> str:
    """A table of comparisons, with the permutation test's p adjusted by Holm over all of them.

    Raises InputError without a comparison and for comparisons at different levels or powers.
    """
    if len({(c.alpha, c.power) for c in comparisons}) != 1:
        raise InputError("a table of comparisons needs at least one, all at the same level and power")
    alpha, power = comparisons[0].alpha, comparisons[0].power
    head = ["macro-F1", "articles", "items", "A", "B", f"A less B [{1 - alpha:.0%}]", "p, bootstrap"]
    rows = [[*head, "p, permutation", "p, Holm", "p, McNemar", "detectable"], ["---"] * 11]
    holms = holm([c.permutation_p for c in comparisons])
    for c, adjusted in zip(comparisons, holms, strict=True):
        d = c.difference
        difference = f"{_percent(d.value, '+')} [{_percent(d.low, '+')}, {_percent(d.high, '+')}]"
        tests = [_p(p) for p in (d.p, c.permutation_p, float(adjusted), c.mcnemar_p)]
        what = [c.name.replace("|", r"\|"), str(c.articles), str(c.items), _percent(c.a), _percent(c.b)]
        rows.append([*what, difference, *tests, _percent(c.detectable)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    remark = (
        f"Holm: the permutation test's p, adjusted for {np.isfinite(holms).sum()} comparisons. Detectable: "
        f"the true difference that a test at level {alpha:g} finds with a probability of {power:.0%}. "
        "McNemar's test is of accuracy, every item for itself."
    )
    few = [f"- {c.name + ', ' if c.name else ''}{warning}" for c in comparisons for warning in c.warnings]
    parts = [table, remark, *(["Too few gold items to conclude:", "\n".join(few)] if few else [])]
    return "\n\n".join(parts) + "\n"


def permutation_p(
    counts_a: ArrayLike, counts_b: ArrayLike, metric: Metric, permutations: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p of no difference, by swapping the two systems' counts document by document at random.

    p = (#{|d*| >= |d|} + 1) / (permutations + 1), d* being metric(A) - metric(B) after a swap of a random
    half of the documents (approximate randomization: Noreen 1989; for F1, Yeh, COLING 2000; for the + 1,
    Phipson & Smyth 2010).  Documents with equal counts are left alone; where all swaps of the others are no
    more than `permutations`, each is made once and p = #{|d*| >= |d|} / #swaps is exact.  Swaps for which
    the metric is not defined are left out.

    counts_a, counts_b: (documents, ...) per-document counts; metric: (swaps, ...) summed counts -> (swaps,).
    """
    a, b = _pair(counts_a, counts_b)
    sum_a, sum_b = a.sum(0), b.sum(0)
    value_a, value_b = metric(np.stack([sum_a, sum_b]))
    if math.isnan(value_a - value_b):
        return math.nan
    # Swaps that tie with what was seen may miss it by rounding.
    least = abs(value_a - value_b) - 1e-12 * max(abs(value_a), abs(value_b))
    change = (b - a).reshape(len(a), -1)
    change = change[change.any(1)]
    exact = 2 ** len(change) <= permutations
    extreme = known = 0
    for swaps in _swaps(len(change), 2 ** len(change) if exact else permutations, exact, seed):
        moved = (swaps @ change).reshape(len(swaps), *a.shape[1:])
        differences = np.abs(metric(sum_a + moved) - metric(sum_b - moved))
        known += int((~np.isnan(differences)).sum())
        extreme += int((differences >= least).sum())
    return extreme / known if exact else (extreme + 1) / (known + 1)


def holm(p: ArrayLike) -> Floats:
    """Adjusted p of m tests: the i-th smallest becomes max_{j <= i} min(1, (m - j + 1) p_(j)).

    Those at most alpha are significant with a family-wise error of at most alpha, however the tests depend
    on each other (Holm, Scandinavian Journal of Statistics 1979).  NaN stays NaN and is no test.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values)[: int((~np.isnan(values)).sum())]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted


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
    a, b = _pair(counts_a, counts_b)
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
            f"recall between {_percent(low)} and {_percent(high)}, {100 * WIDEST:.0f} points or more"
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


def _tables(gold: Labels, predicted: Labels, labels: Sequence[str], system: str) -> Floats:
    """(articles, k, k)"""
    if lone := sorted(gold.keys() ^ predicted.keys()):
        raise InputError(f"{len(lone)} articles in only one of gold and {system}: {', '.join(lone[:5])}")
    tables = []
    for article, right in gold.items():
        guess = predicted[article]
        if len(guess) != len(right):
            raise InputError(f"article {article}: {len(right)} labels in gold, {len(guess)} of {system}")
        try:
            tables.append(confusion(right, guess, labels))
        except InputError as error:
            raise InputError(f"article {article}, gold or {system}: {error}") from error
    return np.array(tables, dtype=np.float64).reshape(-1, len(labels), len(labels))


def _pair(counts_a: ArrayLike, counts_b: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(counts_a, dtype=np.float64), np.asarray(counts_b, dtype=np.float64)
    if a.shape != b.shape:
        raise InputError(f"{len(a)} documents of one system against {len(b)} of the other")
    if not len(a):
        raise InputError("a comparison needs at least one document")
    return a, b


def _swaps(documents: int, count: int, every: bool, seed: int) -> Iterator[Floats]:
    """(count, documents) of 0 and 1, a block at a time: every one there is, or at random."""
    rng, rows = np.random.default_rng(seed), max(1, _BLOCK // max(1, documents))
    for start in range(0, count, rows):
        numbers = np.arange(start, min(start + rows, count))[:, None]
        shape = len(numbers), documents
        swaps = numbers >> np.arange(documents) & 1 if every else rng.integers(0, 2, shape, dtype=np.int8)
        yield swaps.astype(np.float64)


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


def _percent(share: float, sign: str = "") -> str:
    return "-" if math.isnan(share) else f"{100 * share:{sign}.1f}"


def _p(p: float) -> str:
    return "-" if math.isnan(p) else "< 0.0001" if p < 0.00005 else f"{p:.4f}"
