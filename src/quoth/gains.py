"""Whether a retrained model is better than the one it starts from, figure by figure, on articles that it has not seen.

Of labels that the start model does not know, what it is held against is the share of each, see `quoth.training.heads.share`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from quoth.eval import scores
from quoth.eval.comparison import compare_counts
from quoth.eval.gold import KINDS
from quoth.eval.markdown import table
from quoth.eval.power import too_few
from quoth.label_tasks import Task
from quoth.training.heads import Floats, Statements

LEVEL = 0.10
"""A log-loss is better if it is lower, with a p below this."""

FEWEST_FOR_LEVEL = 5
"""Articles: of n, the permutation test's p is 2 / 2**n at least."""


class Gain(msgspec.Struct, frozen=True):
    """A figure of the start model and of the retrained one.

    difference: retrained less start, with its 95 % interval (bootstrap over articles).  p: two-sided, of the permutation test
    by article; see `quoth.eval.comparison`.
    """

    name: str
    articles: int
    statements: int
    start: float
    retrained: float
    difference: float
    low: float
    high: float
    p: float

    @property
    def is_known(self) -> bool:
        """Not so where none of the classes is in the labels, nor told."""
        return not math.isnan(self.difference)


def gains(task: Task, told: Floats, seed: int) -> list[Gain]:
    """Log-loss and macro-F1, of stances also by kind; the log-loss over all statements first.

    told: (n, k) logits of heads that did not see the article of a statement.
    """
    scopes = [("", np.arange(len(task.kinds)))]
    if task.name == "stance":
        scopes += [(f", {kind}", np.flatnonzero(task.kinds == kind)) for kind in KINDS]
    # A kind that all statements are of, or none, tells nothing more.
    scopes = [(of, rows) for of, rows in scopes if not of or 0 < len(rows) < len(task.kinds)]
    found = [
        measure(f"{task.name}{of}", task.part(rows), told[rows], seed)
        for measure in (log_loss, macro_f1)
        for of, rows in scopes
    ]
    return [gain for gain in found if gain.is_known]


def is_better(loss: Gain) -> bool:
    """Whether a log-loss is lower, and not by chance."""
    return loss.difference < 0 and loss.p < LEVEL


def log_loss(name: str, task: Task, told: Floats, seed: int) -> Gain:
    """told: logits (n, k), which are held against the start model's."""
    statements = task.statements
    tables = [losses(statements, logits) for logits in (told, statements.logits)]
    return _gain(f"{name}: log-loss", task, told, tables, scores.ratio, seed)


def macro_f1(name: str, task: Task, told: Floats, seed: int) -> Gain:
    """As `log_loss`; over the four stances, or over all sentiments or labels."""
    statements = task.statements
    tables = [confusions(statements, logits) for logits in (told, statements.logits)]
    four = ", four" if task.name == "stance" else ""
    metric = partial(scores.macro_f1_of, classes=task.classes)
    return _gain(f"{name}: macro-F1{four}", task, told, tables, metric, seed)


def _gain(
    name: str, task: Task, told: Floats, tables: list[Floats], metric: scores.Metric, seed: int
) -> Gain:
    statements = task.statements
    right = [list(logits.argmax(1) == statements.gold) for logits in (told, statements.logits)]
    found = compare_counts(tables[0], tables[1], metric, right[0], right[1], name, seed=seed)
    d = found.difference
    return Gain(
        name, found.articles, found.items, found.b, found.a, d.value, d.low, d.high, found.permutation_p
    )


def losses(statements: Statements, logits: Floats) -> Floats:
    """(articles, 2) sums of the log-losses of logits (n, k), and counts."""
    article = _articles(statements)
    of_gold = statements.told(logits)[np.arange(len(statements)), statements.gold]
    return np.stack([np.bincount(article, -of_gold), np.bincount(article)], axis=-1)


def confusions(statements: Statements, logits: Floats) -> Floats:
    """(articles, k, k), gold by row."""
    k = logits.shape[1]
    article = _articles(statements)
    counts = np.zeros((int(article.max()) + 1, k, k))
    np.add.at(counts, (article, statements.gold, statements.told(logits).argmax(1)), 1)
    return counts


def _articles(statements: Statements) -> NDArray[np.intp]:
    return np.unique(statements.documents, return_inverse=True)[1]


def few(task: Task, told: Floats) -> list[str]:
    """Notes on labels that are too few to tell a difference by; told: logits (n, k)."""
    found = too_few(confusions(task.statements, told), task.labels)
    return [f"{task.name} {label}: {found[label]}" for label in task.labels if label in found]


def markdown(found: Sequence[Gain], start: str = "start", retrained: str = "retrained") -> str:
    """A table, a figure a row; start, retrained: what the two are called."""
    head = ["figure", "articles", "statements", start, retrained, "difference [95 %]", "p"]
    rows = [
        [
            g.name,
            str(g.articles),
            str(g.statements),
            f"{g.start:.3f}",
            f"{g.retrained:.3f}",
            f"{g.difference:+.3f} [{g.low:+.3f}, {g.high:+.3f}]",
            f"{g.p:.4f}",
        ]
        for g in found
    ]
    return table(head, rows)
