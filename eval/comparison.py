"""Two systems on the same gold: which is better, and how sure that is.

Articles, not statements, are drawn and swapped throughout: statements of one article go right and wrong
together.  Only McNemar's test takes every item for independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval.gold import STANCES
from quoth.eval.markdown import table
from quoth.eval.power import minimum_detectable_effect, paired, too_few
from quoth.eval.scores import Difference, Floats, Metric, confusion, macro_f1_of, mcnemar, paired_bootstrap

Labels = Mapping[str, Sequence[str]]
"""Article id -> its items' labels, in the order of gold."""

_FOUR = tuple(stance for stance in STANCES if stance != "other")
# Cells of the table of swaps that are held at a time.
_BLOCK = 1 << 21


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of system A less that of system B on the same gold; compare: macro-F1.

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
    warnings = [f"{label}: {few[label]}" for label in classes if label in few]
    return compare_counts(
        ours, theirs, metric, right_a, right_b, name, warnings, power, alpha, resamples, permutations, seed
    )


def compare_counts(
    a: ArrayLike,
    b: ArrayLike,
    metric: Metric,
    right_a: Sequence[bool],
    right_b: Sequence[bool],
    name: str = "",
    warnings: Sequence[str] = (),
    power: float = 0.8,
    alpha: float = 0.05,
    resamples: int = 2000,
    permutations: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems by a metric of counts that add up over articles.

    a, b: (articles, ...) counts; metric: (n, ...) summed counts -> (n,).  right_a, right_b: for McNemar's
    test, whether each gold item was right.
    """
    ours, theirs = paired(a, b)
    return Comparison(
        name=name,
        articles=len(ours),
        items=len(right_a),
        a=float(metric(ours.sum(0, keepdims=True))[0]),
        b=float(metric(theirs.sum(0, keepdims=True))[0]),
        difference=paired_bootstrap(ours, theirs, metric, resamples, seed, 1 - alpha),
        permutation_p=permutation_p(ours, theirs, metric, permutations, seed),
        mcnemar_p=mcnemar(right_a, right_b),
        detectable=minimum_detectable_effect(ours, theirs, metric, power, alpha, resamples, seed),
        power=power,
        alpha=alpha,
        warnings=tuple(warnings),
    )


def markdown(comparisons: Sequence[Comparison]) -> str:
    """A table of comparisons, with the permutation test's p adjusted by Holm over all of them.

    Raises InputError without a comparison and for comparisons at different levels or powers.
    """
    if len({(c.alpha, c.power) for c in comparisons}) != 1:
        raise InputError("a table of comparisons needs at least one, all at the same level and power")
    alpha, power = comparisons[0].alpha, comparisons[0].power
    head = ["figure", "articles", "items", "A", "B", f"A less B [{1 - alpha:.0%}]", "p, bootstrap"]
    head += ["p, permutation", "p, Holm", "p, McNemar", "detectable"]
    rows = []
    holms = holm([c.permutation_p for c in comparisons])
    for c, adjusted in zip(comparisons, holms, strict=True):
        d = c.difference
        difference = f"{_percent(d.value, '+')} [{_percent(d.low, '+')}, {_percent(d.high, '+')}]"
        tests = [_p(p) for p in (d.p, c.permutation_p, float(adjusted), c.mcnemar_p)]
        what = [c.name, str(c.articles), str(c.items), _percent(c.a), _percent(c.b)]
        rows.append([*what, difference, *tests, _percent(c.detectable)])
    remark = (
        f"Holm: the permutation test's p, adjusted for {np.isfinite(holms).sum()} comparisons. Detectable: "
        f"the true difference that a test at level {alpha:g} finds with a probability of {power:.0%}. "
        "McNemar's test is of accuracy, every item for itself."
    )
    few = [f"- {c.name + ', ' if c.name else ''}{warning}" for c in comparisons for warning in c.warnings]
    parts = [table(head, rows), remark, *(["Too few gold items to conclude:", "\n".join(few)] if few else [])]
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
    a, b = paired(counts_a, counts_b)
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


def _swaps(documents: int, count: int, every: bool, seed: int) -> Iterator[Floats]:
    """(count, documents) of 0 and 1, a block at a time: every one there is, or at random."""
    rng, rows = np.random.default_rng(seed), max(1, _BLOCK // max(1, documents))
    for start in range(0, count, rows):
        numbers = np.arange(start, min(start + rows, count))[:, None]
        shape = len(numbers), documents
        swaps = numbers >> np.arange(documents) & 1 if every else rng.integers(0, 2, shape, dtype=np.int8)
        yield swaps.astype(np.float64)


def _percent(share: float, sign: str = "") -> str:
    return "-" if math.isnan(share) else f"{100 * share:{sign}.1f}"


def _p(p: float) -> str:
    return "-" if math.isnan(p) else "< 0.0001" if p < 0.00005 else f"{p:.4f}"
