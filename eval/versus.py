"""Two systems' items on the same gold, compared measure by measure: `quoth eval --compare A B`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from quoth.eval import scores
from quoth.eval.comparison import Comparison, compare_counts
from quoth.eval.draws import Draws
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldKind, GoldStatement
from quoth.eval.items import Item
from quoth.eval.measures import (
    FOUR,
    LABELS,
    NO_GOLD,
    Rows,
    answer,
    asked,
    confusions,
    speaker_counts,
    speaker_outcome,
    stance_pairs,
)
from quoth.eval.power import too_few
from quoth.eval.result import Setting

Right = Callable[[GoldStatement, Item], bool | None]
"""Whether a gold statement is got right; None where gold does not tell."""


@dataclass(frozen=True)
class _Measure:
    """counts: (articles, ...) of a system's rows; few: gold classes, for the warning of small ones."""

    name: str
    counts: Callable[[Rows], scores.Floats]
    metric: scores.Metric
    right: Right
    kind: GoldKind | None = None
    classes: tuple[str, ...] = ()


def versus(a: Rows, b: Rows, draws: Draws, without: frozenset[str] = frozenset()) -> list[Comparison]:
    """Macro-F1 over the four stances by kind and setting, accuracy of speakers, macro-F1 of sentiment.

    a, b: of the same gold articles, in the same order.  without: fields that one of them does not tell.  A missed statement's stance is `other`, its speaker
    and sentiment are wrong: unlike the scores of one system, both are judged on the same statements.
    """
    both = asked(a) and asked(b)
    settings: tuple[Setting, ...] = ("end_to_end", "gold_spans") if both else ("end_to_end",)
    stances = [_stance(kind, setting) for setting in settings for kind in KINDS]
    speaker = _Measure("speaker: accuracy", speaker_counts, scores.ratio, _speaker)
    macro = partial(scores.macro_f1_of, classes=range(len(SENTIMENTS)))
    sentiment = _Measure("sentiment: macro-F1", _sentiments, macro, _sentiment)
    measures = [*stances, speaker, sentiment]
    told = [m for m in measures if m.name.partition(",")[0].partition(":")[0] not in without]
    return [_compared(a, b, measure, draws) for measure in told]


def _compared(a: Rows, b: Rows, measure: _Measure, draws: Draws) -> Comparison:
    ours, theirs = measure.counts(a), measure.counts(b)
    few = {**too_few(theirs, measure.classes), **too_few(ours, measure.classes)}
    return compare_counts(
        ours,
        theirs,
        measure.metric,
        [right for row in _rights(a, measure.right, measure.kind) for right in row],
        [right for row in _rights(b, measure.right, measure.kind) for right in row],
        name=measure.name,
        warnings=[f"{label}: {few[label]}" for label in measure.classes if label in few and label != "other"],
        resamples=draws.resamples,
        seed=draws.seed,
    )


def _stance(kind: GoldKind, setting: Setting) -> _Measure:
    def right(gold: GoldStatement, item: Item) -> bool:
        said = answer(item, setting)
        return gold.stance == (said.stance if said else "other")

    return _Measure(
        f"stance, {kind}, {setting.replace('_', ' ')}: macro-F1, four",
        lambda rows: confusions(stance_pairs(rows, kind, setting), LABELS),
        partial(scores.macro_f1_of, classes=FOUR),
        right,
        kind,
        STANCES,
    )


def _speaker(gold: GoldStatement, item: Item) -> bool | None:
    return None if gold.speaker is None else speaker_outcome(gold.speaker, item.found) == "right"


def _sentiment(gold: GoldStatement, item: Item) -> bool | None:
    if gold.sentiment is None:
        return None
    return item.found is not None and item.found.sentiment == gold.sentiment


def _sentiments(rows: Rows) -> scores.Floats:
    pairs = [
        [
            (gold.sentiment, item.found.sentiment if item.found else NO_GOLD)
            for gold, item in row.gold()
            if gold.sentiment
        ]
        for row in rows
    ]
    return confusions(pairs, (*SENTIMENTS, NO_GOLD))


def _rights(rows: Rows, right: Right, kind: GoldKind | None) -> Iterator[list[bool]]:
    for row in rows:
        yield [r for gold, item in row.gold(kind) if (r := right(gold, item)) is not None]
