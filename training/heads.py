"""Fit the head of a model that starts from another: multinomial logistic regression on frozen states, numpy and scipy only.

The start model's calibrated logits are an offset, and the correction of them is drawn to zero by an L2 penalty: with few
labels the model stays with its start.  Of labels that the start model does not know, what the penalty draws to is the share of
each.  The loss is convex and the penalty is chosen on documents left out, so there are no
epochs to count and nothing to stop early.  The same data and seed give the same head.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quoth.extras import needs

with needs("Training a head", "eval"):
    from scipy.optimize import minimize
    from scipy.special import log_softmax
    from sklearn.model_selection import StratifiedGroupKFold
    from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows to fit to, and rows left out."""

STRENGTHS = tuple(10.0 ** (k / 2) for k in range(10, 1, -1))
"""Of the penalty, strongest first: strength / 2 times the sum of the correction's squares, beside the sum of the log-losses."""

OF_SHARES = 1.0
"""The penalty of the bias where classes start from their shares: enough to leave a class possible that no document shows."""

WORSE = 2
"""Weaker penalties that are tried after the best one so far."""

TEMPERATURES = np.geomspace(0.5, 2.0, 57)
SPREAD = 0.1
"""Of the temperature's logarithm: few statements leave it near 1, as a normal prior of this standard deviation does."""


@dataclass(frozen=True)
class Statements:
    """Labelled statements, as the fitting sees them.

    states: (n, width), with a last column of ones; logits: (n, k) of the start model, calibrated; gold: (n,) classes;
    documents: (n,) any number for each statement's document.  slopes: (n,), shifts: (n, k): what a statement's logits are
    multiplied with and what is added, after all else, before they are probabilities; see `quoth.model.stances.among_paraphrases`.
    known: whether the start model tells these classes; if not, the logits are nought.
    """

    states: Floats
    logits: Floats
    gold: NDArray[np.int64]
    documents: NDArray[np.intp]
    slopes: Floats
    shifts: Floats
    known: bool = True

    def __len__(self) -> int:
        return len(self.gold)

    def part(self, rows: NDArray[np.intp]) -> Statements:
        return Statements(
            self.states[rows],
            self.logits[rows],
            self.gold[rows],
            self.documents[rows],
            self.slopes[rows],
            self.shifts[rows],
            self.known,
        )

    def told(self, logits: Floats) -> Floats:
        """(n, k) log-probabilities of logits (n, k)."""
        answers: Floats = log_softmax(self.slopes[:, None] * logits + self.shifts, axis=1)
        return answers

    def loss(self, logits: Floats) -> float:
        """Mean log-loss of logits (n, k)."""
        return float(-self.told(logits)[np.arange(len(self)), self.gold].mean())


@dataclass(frozen=True)
class Fitted:
    """weight: (width + 1, k), the bias last; temperature: that divides the corrected logits."""

    weight: Floats
    strength: float
    temperature: float

    def logits(self, statements: Statements) -> Floats:
        """(n, k)"""
        found: Floats = (statements.logits + statements.states @ self.weight) / self.temperature
        return found


def fit(statements: Statements, n_folds: int, seed: int) -> Fitted:
    """The penalty and the temperature are those of least log-loss on documents left out.

    Of two documents that cannot be parted, the strongest penalty and no temperature.
    """
    # Products as small as these take longer on several threads, which wait for each other.
    with threadpool_limits(1, user_api="blas"):
        splits = folds(statements, n_folds, seed)
        if not splits:
            return Fitted(next(_path(statements, STRENGTHS[:1])), STRENGTHS[0], 1.0)
        paths = [(_path(statements.part(shown), STRENGTHS), left) for shown, left in splits]
        found: list[tuple[float, Floats]] = []
        for _ in STRENGTHS:
            logits = np.empty_like(statements.logits)
            for path, left in paths:
                logits[left] = statements.logits[left] + statements.states[left] @ next(path)
            found.append((statements.loss(logits), logits))
            best = min(range(len(found)), key=lambda k: found[k][0])
            if len(found) - best > WORSE:
                break
        doubt = (np.log(TEMPERATURES) / SPREAD) ** 2 / 2 / len(statements)
        cooled = [
            (statements.loss(found[best][1] / t) + d, t) for t, d in zip(TEMPERATURES, doubt, strict=True)
        ]
        *_, weight = _path(statements, STRENGTHS[: best + 1])
        return Fitted(weight, STRENGTHS[best], float(min(cooled)[1]))


def cross_fitted(statements: Statements, n_folds: int, seed: int) -> Floats:
    """(n, k) the logits that heads give which saw nothing of a statement's document, neither for their penalty nor their
    temperature.  Without two documents that can be parted, the start model's."""
    logits = statements.logits.copy()
    for shown, left in folds(statements, n_folds, seed):
        logits[left] = fit(statements.part(shown), n_folds, seed).logits(statements.part(left))
    return logits


def shares(statements: Statements, n_folds: int, seed: int) -> Floats:
    """(n, k) the `share` of each class in the folds that a statement's document is not of; in all, if they cannot be parted."""
    every = np.arange(len(statements))
    logits = np.empty_like(statements.logits)
    for shown, left in folds(statements, n_folds, seed) or [(every, every)]:
        logits[left] = share(statements.part(shown))
    return logits


def share(statements: Statements) -> Floats:
    """(k,) logits: each class as probable as it is frequent, beside one more statement of each (Laplace's rule), so that none is
    impossible."""
    counts: Floats = np.log(np.bincount(statements.gold, minlength=statements.logits.shape[1]) + 1.0)
    return counts


def folds(statements: Statements, n_folds: int, seed: int) -> list[Split]:
    """By document, with like shares of the classes; empty where there are too few of either."""
    n = min(n_folds, len(np.unique(statements.documents)), int(np.bincount(statements.gold).max()))
    if n < 2:
        return []
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return [
            (shown, left)
            for shown, left in splitter.split(statements.gold, statements.gold, statements.documents)
            if len(shown) and len(left)
        ]


def _path(statements: Statements, strengths: tuple[float, ...]) -> Iterator[Floats]:
    """The correction of least loss for each strength, strongest first; each search begins where the last one ended."""
    k, width = statements.logits.shape[1], statements.states.shape[1]
    right = np.eye(k)[statements.gold]
    weight = np.zeros((width, k))

    def loss(flat: Floats, strength: float) -> tuple[float, Floats]:
        tried = flat.reshape(width, k)
        told = statements.told(statements.logits + statements.states @ tried)
        penalty = np.full((width, 1), strength)
        if not statements.known:
            penalty[-1] = OF_SHARES
        slope = statements.states.T @ (statements.slopes[:, None] * (np.exp(told) - right)) + penalty * tried
        return float((penalty * tried**2).sum() / 2 - (told * right).sum()), slope.ravel()

    for strength in strengths:
        found = minimize(loss, weight.ravel(), (strength,), "L-BFGS-B", jac=True, options={"maxiter": 500})
        weight = found.x.reshape(width, k)
        yield weight
