"""Where a system is worse than elsewhere: its measures on the items of each trait, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from quoth.eval import scores
from quoth.eval.comparison import holm
from quoth.eval.draws import Figure, known
from quoth.eval.gold import SENTIMENTS
from quoth.eval.items import Item, Judged
from quoth.eval.measures import FOUR, LABELS, NO_GOLD, speaker_outcome
from quoth.eval.result import Slice

REACHABLE = 0.025
"""A p_holm that enough draws are made for: p, of B draws, is at least 2 / (B + 1)."""

_OUTCOMES = ("right", "wrong", "null")


@dataclass(frozen=True, slots=True)
class _Measure:
    """cell: the labels that an item counts under, None where it has no part in the measure.

    rows, columns: all labels there are; metric: of their tables of counts, (..., rows, columns) -> (...).
    """

    name: str
    cell: Callable[[Item], tuple[str, str] | None]
    rows: Sequence[str]
    columns: Sequence[str]
    metric: scores.Metric


@dataclass(frozen=True, slots=True)
class _Counted:
    """The items of a measure: by item (n,) its article, its cell of the table and whether gold has it."""

    items: list[Item]
    article: NDArray[np.intp]
    cell: NDArray[np.intp]
    gold: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Values:
    """A trait's values: gold items and articles of each, and those that have enough of both."""

    trait: str
    n: Counter[str]
    articles: Counter[str]
    enough: list[str]

    @property
    def sliced(self) -> list[str]:
        """A single value has no rest."""
        return self.enough if len(self.n) > 1 else []


def slices(
    rows: Sequence[Judged],
    resamples: int = 2000,
    seed: int = 0,
    fewest: int = 30,
    fewest_articles: int = 2,
) -> list[Slice]:
    """Each measure on the items of each trait's value, beside the items of the trait's other values.

    Measures:

    - "stance, gold spans" (only where the classifier was asked), "stance, end to end": F1 of the four
      stances pooled (`quoth.eval.scores.micro_f1_of`: small slices lack some of them), quoted statements and paraphrases together.  End to end, a missed statement counts as predicted
      `other`, and a stray quoted stance against precision, as in `quoth.eval.measures.stance_pairs`.
    - "speaker": accuracy over found gold statements with a speaker.
    - "sentiment": macro-F1 of three over found gold statements that have one.

    A value is sliced where at least `fewest` gold items, in at least `fewest_articles` articles, have it and
    some gold item has another; `left_out` counts those that are not.  Items without the trait (marks, of a
    paraphrase; a topic, of an article without one) are on neither side.

    Intervals are of `resamples` bootstrap draws of articles, the same for a slice and its rest, and so is p,
    with more draws where a p_holm of `REACHABLE` needs them.  p_holm is adjusted over the measure's slices
    (`quoth.eval.comparison.holm`).  Measure by measure, the slice that falls furthest below its rest first.

    A bootstrap is too sure of few articles: with articles of 15 statements, right in 80 % on average (beta(8, 2)
    between articles), and no difference from the rest, p was below 0.05 in 38 % of slices of two articles,
    11 % of five and 8 % of nine.
    """
    traits = _traits(rows)
    counted = [_count(rows, measure) for measure in _MEASURES]
    values = [[_values(c, trait, fewest, fewest_articles) for trait in traits] for c in counted]
    tests = max(sum(len(v.sliced) for v in of) for of in values)
    draws = max(resamples, round(2 * tests / REACHABLE))
    found: list[Slice] = []
    for measure, c, of in zip(_MEASURES, counted, values, strict=True):
        sliced = [s for v in of for s in _slices(measure, c, v, len(rows), resamples, draws, seed)]
        adjusted = holm([np.nan if s.p is None else s.p for s in sliced])
        found += sorted(
            (
                msgspec.structs.replace(s, p_holm=known(float(p)))
                for s, p in zip(sliced, adjusted, strict=True)
            ),
            key=_worst,
        )
    return found


def left_out(rows: Sequence[Judged], fewest: int = 30, fewest_articles: int = 2) -> dict[str, dict[str, int]]:
    """By measure, then trait: how many of its values `slices` leaves out for too few items or articles."""
    counts: dict[str, dict[str, int]] = {}
    for measure in _MEASURES:
        counted = _count(rows, measure)
        for trait in _traits(rows):
            values = _values(counted, trait, fewest, fewest_articles)
            if few := len(values.n) - len(values.enough):
                counts.setdefault(measure.name, {})[trait] = few
    return counts


def _slices(
    measure: _Measure,
    counted: _Counted,
    values: _Values,
    articles: int,
    resamples: int,
    draws: int,
    seed: int,
) -> Iterator[Slice]:
    """draws: for p; the first `resamples` of them for the intervals."""
    if not values.sliced:
        return
    # The values that are left out share the last column: they are in the rest of each slice.
    column = {value: k for k, value in enumerate(values.sliced)}
    given = [item.traits.get(values.trait) for item in counted.items]
    having = np.array([value is not None for value in given])
    of = np.array([column.get(value, -1) for value in given if value is not None])
    table = np.zeros((articles, len(column) + 1, len(measure.rows) * len(measure.columns)))
    np.add.at(table, (counted.article[having], of, counted.cell[having]), 1)
    shape = len(measure.rows), len(measure.columns)

    def figures(counts: scores.Floats) -> tuple[scores.Floats, scores.Floats]:
        """(..., values + 1, cells) -> (..., values) twice: of the slices and of their rests."""
        inside = counts[..., :-1, :]
        rest = counts.sum(-2, keepdims=True) - inside
        here, there = (part.reshape(*part.shape[:-1], *shape) for part in (inside, rest))
        return measure.metric(here), measure.metric(there)

    figure, rest = figures(table.sum(0))
    drawn, rest_drawn = figures(scores.resampled(table, draws, seed))
    less = drawn - rest_drawn
    for value, k in column.items():
        own = scores.interval(float(figure[k]), drawn[:resamples, k])
        gap = scores.interval(float(figure[k] - rest[k]), less[:resamples, k])
        yield Slice(
            measure=measure.name,
            trait=values.trait,
            value=value,
            articles=values.articles[value],
            n=values.n[value],
            figure=Figure(known(own.value), known(own.low), known(own.high)),
            difference=Figure(known(gap.value), known(gap.low), known(gap.high)),
            p=known(scores.difference(gap.value, less[:, k]).p),
            p_holm=None,
        )


def _count(rows: Sequence[Judged], measure: _Measure) -> _Counted:
    items: list[Item] = []
    article, cell = [], []
    for k, row in enumerate(rows):
        for item in row.items:
            if labels := measure.cell(item):
                items.append(item)
                article.append(k)
                cell.append(
                    measure.rows.index(labels[0]) * len(measure.columns) + measure.columns.index(labels[1])
                )
    gold = np.array([item.gold is not None for item in items], dtype=bool)
    return _Counted(items, np.array(article, dtype=np.intp), np.array(cell, dtype=np.intp), gold)


def _traits(rows: Sequence[Judged]) -> list[str]:
    return list(dict.fromkeys(trait for row in rows for item in row.items for trait in item.traits))


def _values(counted: _Counted, trait: str, fewest: int, fewest_articles: int) -> _Values:
    places = [
        (item.traits[trait], int(article))
        for item, article, gold in zip(counted.items, counted.article, counted.gold, strict=True)
        if gold and trait in item.traits
    ]
    n, articles = Counter(value for value, _ in places), Counter(value for value, _ in set(places))
    enough = [value for value in n if n[value] >= fewest and articles[value] >= fewest_articles]
    return _Values(trait, n, articles, enough)


def _worst(s: Slice) -> tuple[bool, float]:
    return s.difference.value is None, s.difference.value or 0.0


def _told_stance(item: Item) -> tuple[str, str] | None:
    return (item.gold.stance, item.told.stance) if item.gold and item.told else None


def _found_stance(item: Item) -> tuple[str, str] | None:
    if item.gold is None:
        return (NO_GOLD, item.found.stance) if item.found and item.kind == "quoted" else None
    return item.gold.stance, item.found.stance if item.found else "other"


def _speaker(item: Item) -> tuple[str, str] | None:
    if item.gold is None or item.gold.speaker is None or item.found is None:
        return None
    return "speaker", speaker_outcome(item.gold.speaker, item.found)


def _sentiment(item: Item) -> tuple[str, str] | None:
    if item.gold is None or item.gold.sentiment is None or item.found is None:
        return None
    return item.gold.sentiment, item.found.sentiment


def _right(counts: scores.Floats) -> scores.Floats:
    """(..., 1, 3) counts of _OUTCOMES -> (...)"""
    outcomes = counts[..., 0, :]
    return scores.ratio(np.stack([outcomes[..., 0], outcomes.sum(-1)], axis=-1))


_STANCE = partial(scores.micro_f1_of, classes=FOUR)
_MEASURES = (
    _Measure("stance, gold spans", _told_stance, LABELS, LABELS, _STANCE),
    _Measure("stance, end to end", _found_stance, LABELS, LABELS, _STANCE),
    _Measure("speaker", _speaker, ["speaker"], _OUTCOMES, _right),
    _Measure("sentiment", _sentiment, SENTIMENTS, SENTIMENTS,
             partial(scores.macro_f1_of, classes=range(len(SENTIMENTS)))),
)  # fmt: skip
