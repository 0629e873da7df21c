"""Gold labels that a model's probabilities speak against, worst first.

Confident learning (Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels,
JAIR 2021).  A suspect is a question to a reader, no error yet: where the model is weak, it suspects good labels.
"""

# Why not cleanlab 2.9 (Apache-2.0, 0.3 MB, by the method's authors; last release January 2026): it brings pandas
# (12 MB), scikit-learn, tqdm and termcolor for what is thirty lines of numpy here.  On 40 random data sets these
# gave the suspects of its find_label_issues(filter_by="confident_learning"), in its order by normalised margin.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quoth.errors import InputError
from quoth.eval.gold import SENTIMENTS, STANCES
from quoth.eval.items import Item
from quoth.eval.scores import Floats

Field = Literal["stance", "sentiment"]

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Finding:
    """Item (its number), class suggested instead, and margin; see `confident_errors`."""

    item: int
    suggested: int
    margin: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A gold label to look at; margin: see `confident_errors`."""

    article: str
    start: int
    end: int
    field: Field
    given: str
    suggested: str
    margin: float


def suspects(items: Iterable[Item], field: Field = "stance") -> list[Suspect]:
    """The suspicious labels of gold, worst first.

    Judged by the classifier's probabilities on the gold spans, or where it was not asked by those of found
    statements, in either case of a system that was not trained on these labels; items without are left out.
    """
    labels: Sequence[str] = STANCES if field == "stance" else SENTIMENTS
    asked = [
        (item, str(given), [p.get(label, 0.0) for label in labels])
        for item in items
        if (given := getattr(item.gold, field, None)) and (p := _probabilities(item, field))
    ]
    if not asked:
        return []
    rows = np.array([p for *_, p in asked])
    found = confident_errors(
        [labels.index(given) for _, given, _ in asked], rows / rows.sum(1, keepdims=True)
    )
    return [
        Suspect(item.article, item.start, item.end, field, given, labels[f.suggested], f.margin)
        for f in found
        for item, given, _ in [asked[f.item]]
    ]


def confident_errors(given: ArrayLike, probabilities: ArrayLike) -> list[Finding]:
    """Items that the confident joint counts off its diagonal, by rising margin.

    Item x with given label i is suspected to be a j where j = argmax {p_l(x) : p_l(x) >= t_l} is another class
    and i is not the likeliest; t_l, the threshold of class l, is the mean of p_l over the items given as l, so
    a class of which the model is often unsure asks for less.  margin, the normalised one, is
    p_i(x) - max_{l != i} p_l(x), from -1 to 0.

    given: (n,) class indices; probabilities: (n, k), out of sample.  Raises InputError for shapes that do not
    fit, a class out of range and a row that does not sum to 1.
    """
    labels, p = _labels(given, probabilities)
    confident = _confident(labels, p)
    rows = np.arange(len(labels))
    rivals = p.copy()
    rivals[rows, labels] = -np.inf
    margins = p[rows, labels] - rivals.max(1, initial=-np.inf)
    wrong = np.flatnonzero((confident != _NOBODY) & (confident != labels) & (margins < 0))
    order = wrong[np.argsort(margins[wrong], kind="stable")]
    return [Finding(int(x), int(confident[x]), float(margins[x])) for x in order]


def label_noise(given: ArrayLike, probabilities: ArrayLike) -> Floats:
    """(k, k) estimated joint distribution of given (row) and true (column) labels; arguments as above.

    Q_ij is C_ij / sum_j C_ij times the share of i among the given labels, C the confident joint (ibid.).
    1 - trace(Q) is the estimated share of wrong labels, and a large Q_ij, j != i, a pair of classes to clear up
    in the codebook.
    """
    labels, p = _labels(given, probabilities)
    confident, k = _confident(labels, p), p.shape[1]
    counts = np.zeros((k, k))
    sure = confident != _NOBODY
    np.add.at(counts, (labels[sure], confident[sure]), 1)
    # Of a class without a single confident item nothing is known: taken as right.
    counts[np.diag_indices(k)] += counts.sum(1) == 0
    shares = np.bincount(labels, minlength=k)[:, None] / len(labels)
    joint: Floats = counts / counts.sum(1, keepdims=True) * shares
    return joint


def _probabilities(item: Item, field: Field) -> Mapping[str, float]:
    answer = item.told or item.found
    return getattr(answer, f"{field}_probabilities") if answer else {}


def _confident(labels: NDArray[np.int64], p: Floats) -> NDArray[np.int64]:
    """(n,) the class that each item is confidently in, the likeliest of several, `_NOBODY` for none."""
    given = np.eye(p.shape[1])[labels]
    sizes = given.sum(0)
    # No item is confidently in a class that was never given: nothing says how sure one must be.
    thresholds = np.where(sizes > 0, (given * p).sum(0) / np.maximum(sizes, 1), np.inf)
    # A class whose items all have the same probability must not lose them to the rounding of their mean.
    reached = p >= thresholds - 1e-12
    return np.where(reached.any(1), np.where(reached, p, -1.0).argmax(1), _NOBODY)


def _labels(given: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    labels = np.asarray(given, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    p = _checked(p, len(labels), p.shape[-1] if p.ndim else 0)
    for item in np.flatnonzero((labels < 0) | (labels >= p.shape[1])):
        raise InputError(f"item {item}: class {labels[item]} of {p.shape[1]}")
    return labels, p


def _checked(probabilities: ArrayLike, n: int, k: int) -> Floats:
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape != (n, k) or not p.size:
        raise InputError(f"probabilities of shape {p.shape} for {n} labels of {k} classes")
    for item in np.flatnonzero(~((p >= 0).all(1) & (np.abs(p.sum(1) - 1) < 1e-3))):
        raise InputError(f"item {item}: probabilities {p[item].tolist()} do not sum to 1")
    return p
