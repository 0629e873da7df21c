"""Gold labels that a model's probabilities speak against, worst first, with their context.

Confident learning (Northcutt, Jiang and Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels,
JAIR 2021).  A suspect is a question to a reader, no error yet: where the model is weak, it suspects good labels.
"""

# Why not cleanlab 2.9 (Apache-2.0, 0.3 MB, by the method's authors; last release January 2026): it brings pandas
# (12 MB), scikit-learn, tqdm and termcolor for what is thirty lines of numpy here.  On 40 random data sets these
# gave the suspects of its find_label_issues(filter_by="confident_learning"), in its order by normalised margin.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quoth.errors import InputError
from quoth.eval.gold import SENTIMENTS, STANCES, GoldArticle, check_span
from quoth.eval.scores import Floats

_NOBODY = -1


class Placed(Protocol):
    """A span of an article: a suspect, an item to adjudicate, a gold statement that knows its article."""

    @property
    def article(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


P = TypeVar("P", bound=Placed)


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
    given: str
    suggested: str
    margin: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A span's text with what stands around it."""

    before: str
    text: str
    after: str


def suspects(
    gold: Sequence[GoldArticle],
    probabilities: ArrayLike,
    field: Literal["stance", "sentiment"] = "stance",
) -> list[Suspect]:
    """The suspicious labels of gold articles, worst first.

    probabilities: (n, k) of the n gold statements, article by article, over `STANCES` or `SENTIMENTS`, each by a
    model that did not see this article's labels: cross-validate by article, not by statement.  Raises
    InputError as `confident_errors` does.
    """
    labels: Sequence[str] = STANCES if field == "stance" else SENTIMENTS
    places = [(article.id, s) for article in gold for s in article.statements]
    given = [str(getattr(s, field)) for _, s in places]
    p = _checked(probabilities, len(places), len(labels))
    found = confident_errors([labels.index(label) for label in given], p)
    return [
        Suspect(places[f.item][0], places[f.item][1].start, places[f.item][1].end,
                given[f.item], labels[f.suggested], f.margin)
        for f in found
    ]  # fmt: skip


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


def in_context(rows: Iterable[P], texts: Mapping[str, str], characters: int = 80) -> list[tuple[P, Passage]]:
    """Each row with the text around its span; raises InputError for an article or a span that is not there."""
    found = []
    for row in rows:
        if row.article not in texts:
            raise InputError(f"article {row.article}: no text")
        text = texts[row.article]
        check_span((row.start, row.end), text, f"article {row.article}")
        before = text[max(0, row.start - characters) : row.start]
        after = text[row.end : row.end + characters]
        found.append((row, Passage(before, text[row.start : row.end], after)))
    return found


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
