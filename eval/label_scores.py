"""What the labels of a set that a model tells are worth, and the tables that `quoth eval` prints of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from quoth.eval import measures, scores
from quoth.eval.calibration import calibration
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import GoldArticle
from quoth.eval.markdown import table
from quoth.eval.provenance import named
from quoth.eval.report import cell, class_row, decimals, few_notes, percent
from quoth.eval.result import Calibration, ClassScores, Confusion, LabelScores


class Measured(TypedDict):
    """Fields of `quoth.eval.result.LabelScores`."""

    n: int
    macro_f1: Figure
    accuracy: Figure
    classes: dict[str, ClassScores]
    confusion: Confusion
    calibration: Calibration


def measured(
    gold: Sequence[GoldArticle], labels: Sequence[str], told: Sequence[NDArray[np.float32]], draws: Draws
) -> Measured:
    """told: (labels,) probabilities of each labelled statement, in their order; there is one at least."""
    probabilities = np.array(told, dtype=np.float64)
    article, right = zip(
        *((k, labels.index(s.label)) for k, of in enumerate(gold) for s in of.coded), strict=True
    )
    pairs: list[list[tuple[str, str]]] = [[] for _ in gold]
    for k, is_, said in zip(article, right, probabilities.argmax(1), strict=True):
        pairs[k].append((labels[is_], labels[said]))
    counts = measures.confusions(pairs, labels)
    return {
        "n": len(right),
        "macro_f1": draws.figure(counts, partial(scores.macro_f1_of, classes=range(len(labels)))),
        "accuracy": draws.figure(counts, _accuracy),
        "classes": measures.classes(counts, labels, draws),
        "confusion": Confusion(list(labels), list(labels), counts.sum(0).astype(int).tolist()),
        "calibration": calibration(
            probabilities, right, article, draws.resamples, seed=draws.seed, labels=labels
        ),
    }


def markdown(found: LabelScores) -> str:
    """Every figure, as percentages with their 95 % intervals over articles."""
    run, c, labels = found.run, found.calibration, found.label_set.names
    heading = [
        f"# {run.model} on {run.gold}",
        (
            f"{found.articles} articles ({named(run.splits)}), {found.n} statements, told where the labels have them. Labels: "
            f"{found.label_set}. Percentages with 95 % intervals: {run.resamples} resamples of articles, seed {run.seed}."
        ),
        *(f"Note: {note}." for note in found.notes),
    ]
    classes = [
        *(class_row(label, of) for label, of in found.classes.items()),
        ["macro", "", "", cell(found.macro_f1), ""],
        ["accuracy", "", "", cell(found.accuracy), ""],
    ]
    certain = [
        [str(c.n), cell(c.ece), f"{percent(c.perfect)}, {percent(c.perfect_high)}", decimals(c.brier), decimals(c.log_loss)]
    ]  # fmt: skip
    confused = [
        [label, *map(str, counts)] for label, counts in zip(labels, found.confusion.counts, strict=True)
    ]
    tables = [
        table([f"labels ({found.n})", "P", "R", "F1", "n"], classes) + few_notes(found.classes),
        table(["n", "ECE", "a perfect model's: mean, 95th percentile", "Brier", "log-loss"], certain),
        table(["label; told as", *labels], confused),
    ]
    return "\n\n".join([*heading, *tables]) + "\n"


def _accuracy(counts: scores.Floats) -> scores.Floats:
    right = np.trace(counts, axis1=-2, axis2=-1)
    return scores.ratio(np.stack([right, counts.sum((-2, -1))], axis=-1))
