"""What labels of one's own are worth: heads fitted to some of them (`quoth.training.heads`), judged on the rest.

Nothing is written; `quoth train --labels` makes the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.gold import GoldArticle
from quoth.eval.markdown import table
from quoth.eval.power import FEWEST_ITEMS
from quoth.gains import Gain, confusions, log_loss, losses, macro_f1, markdown
from quoth.label_sets import LabelSet
from quoth.label_tasks import Task, against, label_task, read_tasks
from quoth.labeler import Labeler
from quoth.records import ModelInfo
from quoth.training.heads import Floats, Statements, fit, folds, share, shares

FEWEST = 50
"""Statements of the curve's first point; the next ones have twice as many each."""

FOLDS = 5
DRAWS = 3

REST = "(all others)"
"""In place of values that have few statements."""


class Spread(msgspec.Struct, frozen=True):
    """Mean, lowest and highest over the draws."""

    mean: float
    low: float
    high: float


class Point(msgspec.Struct, frozen=True):
    """statements, articles: that a head was fitted to, on average; none: the start model.  Both figures are of stances, or of the
    labels of a set, over all statements, each told by a head that has not seen its article."""

    statements: float
    articles: float
    macro_f1: Spread
    log_loss: Spread


class Curve(msgspec.Struct, frozen=True):
    """The start model first, of a label set the shares of its labels, then more and more labels."""

    start: ModelInfo
    judged: int
    draws: int
    folds: int
    seed: int
    points: list[Point]
    label_set: LabelSet | None = None


class Transfer(msgspec.Struct, frozen=True):
    """By value of a field of the articles' metadata: log-loss and macro-F1 of a head fitted to all other articles, on those that
    have this one."""

    start: ModelInfo
    field: str
    folds: int
    seed: int
    values: dict[str, list[Gain]]
    label_set: LabelSet | None = None


def curve(model: str, gold: Sequence[GoldArticle], labels: Path, seed: int = 0) -> Curve:
    """Heads fitted to 50, 100, 200, ... statements, drawn by article, and to all of the part that is not judged.

    The articles are divided into folds; what is told of a fold is learned from articles drawn among the others.
    Raises InputError where the articles cannot be divided.
    """
    labeler, task = _opened(model, gold, labels)
    statements = task.statements
    if not folds(statements, FOLDS, seed):
        raise InputError(f"{labels}: found too few articles or statements to divide, expected two at least")
    most = len(statements) * (FOLDS - 1) // FOLDS
    sizes = [FEWEST * 2**k for k in range(20) if FEWEST * 2**k < most]
    first = statements.logits if statements.known else shares(statements, FOLDS, seed)
    points = [_point(task, [(first, 0, 0)])]
    for size in sizes:
        points.append(_point(task, [_told(statements, size, seed, draw) for draw in range(DRAWS)]))
    # All of them can be drawn in one way.
    points.append(_point(task, [_told(statements, len(statements), seed, 0)]))
    return Curve(labeler.model, len(statements), DRAWS, FOLDS, seed, points, labeler.label_set)


def leave_out(model: str, field: str, gold: Sequence[GoldArticle], labels: Path, seed: int = 0) -> Transfer:
    """Whether what is learned from some topics, sources, ... holds for another one.

    Values with fewer than 30 statements are left out together.  Raises InputError where the articles have no two values.
    """
    value_of = [str(article.metadata.get(field, "")) for article in gold]
    counts: Counter[str] = Counter()
    for value, article in zip(value_of, gold, strict=True):
        counts[value] += len(article.coded or article.statements)
    frequent = [value for value, n in counts.most_common() if value and n >= FEWEST_ITEMS]
    rest = counts.total() - sum(counts[value] for value in frequent)
    if len(frequent) + bool(rest) < 2:
        raise InputError(
            f"--leave-out {field}: found {len(frequent)} values with {FEWEST_ITEMS} statements, expected two at least; fields are "
            f"{', '.join(sorted({name for article in gold for name in article.metadata})) or 'none'}"
        )
    labeler, task = _opened(model, gold, labels)
    values = np.array([value_of[k] if value_of[k] in frequent else REST for k in task.statements.documents])
    found: dict[str, list[Gain]] = {}
    for value in (*frequent, *([REST] if rest else [])):
        others = task.statements.part(np.flatnonzero(values != value))
        part = task.part(np.flatnonzero(values == value))
        told = fit(others, FOLDS, seed).logits(part.statements)
        part = part if others.known else against(part, share(others))
        found[value] = [g for of in (log_loss, macro_f1) if (g := of(value, part, told, seed)).is_known]
    return Transfer(labeler.model, field, FOLDS, seed, found, labeler.label_set)


def curve_table(curve: Curve) -> str:
    """In Markdown, the start model's line first."""
    rows = [
        [
            (str(curve.start) if curve.label_set is None else "shares of the labels alone")
            if not p.statements
            else f"{p.statements:.0f} statements, {p.articles:.0f} articles",
            _spread(p.macro_f1, 100, 1),
            _spread(p.log_loss, 1, 3),
        ]
        for p in curve.points
    ]
    what, f1 = ("Stances", "macro-F1, four") if curve.label_set is None else ("Labels", "macro-F1")
    remark = (
        f"{what} of {curve.judged} statements, each told by a head that has not seen its article: mean of {curve.draws} draws, lowest "
        f"and highest in brackets; {curve.folds} folds, seed {curve.seed}."
    )
    return table(["learned from", f1, "log-loss"], rows) + f"\n\n{remark}\n"


def transfer_table(transfer: Transfer) -> str:
    """In Markdown."""
    what, start = "Stances", str(transfer.start)
    if transfer.label_set is not None:
        what, start = "Labels", "the shares of the others' labels"
    remark = (
        f"{what} of articles by their {transfer.field}, told by {start} and by a head that was fitted to those with "
        f"another {transfer.field}. p: permutation test by article."
    )
    found = [gain for of in transfer.values.values() for gain in of]
    names = ("start", "retrained") if transfer.label_set is None else ("shares", "head")
    return markdown(found, *names) + f"\n\n{remark}\n"


def _opened(model: str, gold: Sequence[GoldArticle], labels: Path) -> tuple[Labeler, Task]:
    if not any(article.coded or article.statements for article in gold):
        raise InputError(f"{labels}: found no labelled statement, expected some to learn from")
    labeler = Labeler.from_pretrained(model)
    if labeler.label_set is not None:
        return labeler, label_task(labeler, gold, labeler.label_set, labels)
    return labeler, read_tasks(labeler, gold, labels)[0]


def _told(statements: Statements, size: int, seed: int, draw: int) -> tuple[Floats, float, float]:
    """Logits of all statements, and how many statements and articles they were learned from, on average."""
    rng, logits = np.random.default_rng((seed, draw)), statements.logits.copy()
    learned: list[tuple[int, int]] = []
    for shown, left in folds(statements, FOLDS, seed):
        rows = _drawn(statements.documents, shown, size, rng)
        head = fit(statements.part(rows), FOLDS, seed)
        logits[left] = head.logits(statements.part(left))
        learned.append((len(rows), len(np.unique(statements.documents[rows]))))
    n, articles = np.mean(learned, axis=0)
    return logits, float(n), float(articles)


def _drawn(
    documents: NDArray[np.intp], shown: NDArray[np.intp], size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Rows of whole documents, drawn at random until `size` rows are there or none are left."""
    order = rng.permutation(np.unique(documents[shown]))
    counts = np.array([(documents[shown] == d).sum() for d in order]).cumsum()
    taken = order[: int(np.searchsorted(counts, size)) + 1]
    return shown[np.isin(documents[shown], taken)]


def _point(task: Task, draws: Sequence[tuple[Floats, float, float]]) -> Point:
    def figures() -> Iterator[tuple[float, float]]:
        for logits, *_ in draws:
            counts = confusions(task.statements, logits).sum(0)
            yield (
                float(scores.macro_f1_of(counts, task.classes)),
                float(scores.ratio(losses(task.statements, logits).sum(0))),
            )

    f1, loss = zip(*figures(), strict=True)
    n, articles = np.mean([learned for _, *learned in draws], axis=0)
    return Point(float(n), float(articles), _over(f1), _over(loss))


def _over(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), min(values), max(values))


def _spread(found: Spread, factor: int, digits: int) -> str:
    mean, low, high = (f"{factor * value:.{digits}f}" for value in (found.mean, found.low, found.high))
    return mean if low == high else f"{mean} [{low}, {high}]"
