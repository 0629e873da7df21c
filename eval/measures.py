"""What the items of an evaluation add up to: every measure of a result, with its interval over articles.

Abstention is not looked at: the stance of an abstained statement counts like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import get_args

import numpy as np

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import SENTIMENTS, STANCES, GoldKind
from quoth.eval.items import Answer, Item, Judged
from quoth.eval.matching import token_f1
from quoth.eval.power import too_few
from quoth.eval.result import (
    ClassScores,
    Confusion,
    Invented,
    Scope,
    SentimentScores,
    Setting,
    SpeakerScores,
    StanceScores,
    TargetScores,
)
from quoth.titles import plain_name

NO_GOLD = "none"
"""The row of predicted stances that lie on no gold statement."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

LABELS = (*STANCES, NO_GOLD)
"""The labels of `stance_pairs`."""

FOUR = tuple(k for k, stance in enumerate(STANCES) if stance != "other")
"""The stances that macro-F1 is over, as indices."""

Rows = Sequence[Judged]
Pairs = Sequence[Sequence[tuple[str, str]]]
"""Article by article, the (gold, predicted) labels of its items."""


def answer(item: Item, setting: Setting) -> Answer | None:
    """What the system says of an item in a setting; None for missed, and for not asked."""
    return item.found if setting == "end_to_end" else item.told


def asked(rows: Rows) -> bool:
    """Whether the classifier was asked on the gold spans, of which there are some."""
    told = [item.told is not None for row in rows for _, item in row.gold()]
    return bool(told) and all(told)


def stance_pairs(rows: Rows, kind: GoldKind, setting: Setting) -> list[list[tuple[str, str]]]:
    """(gold, predicted) stances of the articles' items of a kind.

    A gold statement that no prediction covers counts as predicted `other`.  End to end, a predicted direct
    statement with another stance that lies on no gold statement is a row of gold NO_GOLD: it counts against
    precision on quoted ones (every quoted passage has a gold label); such a paraphrase does not, since not
    every paraphrase has one.
    """
    pairs = []
    for row in rows:
        said = [(gold.stance, answer(item, setting)) for gold, item in row.gold(kind)]
        strays = row.strays(kind) if setting == "end_to_end" and kind == "quoted" else []
        labels: list[tuple[str, str]] = [(g, a.stance if a else "other") for g, a in said]
        pairs.append(labels + [(NO_GOLD, stray.stance) for stray in strays])
    return pairs


def lenient(rows: Rows, kind: GoldKind, setting: Setting) -> list[list[tuple[str, str]]]:
    """`stance_pairs`, where gold's second stance takes the first's place if it was predicted."""
    firm = stance_pairs(rows, kind, setting)
    for row, pairs in zip(rows, firm, strict=True):
        for k, (gold, _) in enumerate(row.gold(kind)):
            if gold.stance2 == pairs[k][1]:
                pairs[k] = (pairs[k][1], pairs[k][1])
    return firm


def stance(rows: Rows, kind: GoldKind, setting: Setting, draws: Draws) -> StanceScores:
    """Stance of the gold statements of a kind."""
    missed = sum(answer(item, setting) is None for row in rows for _, item in row.gold(kind))
    return stance_scores(
        stance_pairs(rows, kind, setting), lenient(rows, kind, setting), draws, missed=missed
    )


def stance_scores(pairs: Pairs, lenient_pairs: Pairs, draws: Draws, missed: int = 0) -> StanceScores:
    """pairs: (gold, predicted) stances, gold NO_GOLD allowed; raises InputError for an unknown label."""
    counts = confusions(pairs, LABELS)
    total = counts.sum(0)
    if total[:, -1].any():
        raise InputError(f"label {NO_GOLD!r} is none of {', '.join(STANCES)}")
    four = partial(scores.macro_f1_of, classes=FOUR)
    return StanceScores(
        n=int(total[:-1].sum()),
        missed=missed,
        macro_f1_four=draws.figure(counts, four),
        macro_f1_five=draws.figure(counts, partial(scores.macro_f1_of, classes=range(len(STANCES)))),
        lenient_macro_f1_four=draws.figure(confusions(lenient_pairs, LABELS), four),
        accuracy=draws.figure(counts, _accuracy),
        classes=classes(counts, STANCES, draws),
        confusion=Confusion(list(LABELS), list(STANCES), total[:, :-1].astype(int).tolist()),
    )


def invented(rows: Rows) -> Invented:
    """Predicted stances on paraphrases that no reader gave one."""
    by_stance = Counter[str](a.stance for row in rows for a in row.strays("indirect"))
    return Invented(by_stance.total(), dict(by_stance))


def speaker(rows: Rows, scope: Scope, draws: Draws, naming: str | None = None) -> SpeakerScores:
    """Names equal up to `plain_name`, over found gold statements with a speaker.

    A null prediction is told from a wrong name.  naming: only items with that trait.
    """
    outcomes = [
        Counter(
            speaker_outcome(gold.speaker, item.found)
            for gold, item in row.gold(_kind(scope))
            if gold.speaker is not None and naming in (None, item.traits.get("naming"))
        )
        for row in rows
    ]
    total = sum(outcomes, Counter[str]())
    right = np.array([(c["right"], c.total() - c["missed"]) for c in outcomes])
    found = total.total() - total["missed"]
    return SpeakerScores(
        n=total.total(),
        coverage=found / total.total() if total else None,
        accuracy=draws.figure(right, scores.ratio),
        right=total["right"],
        wrong=total["wrong"],
        null=total["null"],
    )


def speaker_outcome(name: str, said: Answer | None) -> str:
    """right, wrong, null (no name given) or missed."""
    if said is None:
        return "missed"
    if said.speaker is None:
        return "null"
    return "right" if plain_name(said.speaker) == plain_name(name) else "wrong"


def speaker_counts(rows: Rows) -> scores.Floats:
    """(articles, 2) right names, and gold statements with a speaker: a missed one is not right."""
    right = [
        [speaker_outcome(g.speaker, item.found) == "right" for g, item in row.gold() if g.speaker is not None]
        for row in rows
    ]
    return np.array([(sum(r), len(r)) for r in right], dtype=np.float64)


def sentiment(rows: Rows, scope: Scope, setting: Setting, draws: Draws) -> SentimentScores:
    """Sentiment of found gold statements (or all, on gold spans) that have one."""
    pairs = [
        [
            (gold.sentiment, said.sentiment)
            for gold, item in row.gold(_kind(scope))
            if gold.sentiment and (said := answer(item, setting))
        ]
        for row in rows
    ]
    counts = confusions(pairs, SENTIMENTS)
    total = counts.sum(0)
    return SentimentScores(
        n=int(total.sum()),
        macro_f1=draws.figure(counts, partial(scores.macro_f1_of, classes=range(len(SENTIMENTS)))),
        classes=classes(counts, SENTIMENTS, draws),
        confusion=Confusion(list(SENTIMENTS), list(SENTIMENTS), total.astype(int).tolist()),
    )


def target(rows: Rows, scope: Scope, draws: Draws) -> TargetScores:
    """Mean `token_f1` over gold statements with a target, 0 where it or the statement is missed."""
    values = [
        [
            token_f1(gold.target, item.found.target) if item.found and item.found.target else 0.0
            for gold, item in row.gold(_kind(scope))
            if gold.target is not None
        ]
        for row in rows
    ]
    sums = np.array([(sum(v), len(v)) for v in values])
    return TargetScores(n=int(sums[:, 1].sum()), token_f1=draws.figure(sums, scores.ratio))


def confusions(pairs: Pairs, labels: Sequence[str]) -> scores.Floats:
    """(articles, k, k) counts; raises InputError for a label that `labels` lacks."""
    return np.array([scores.confusion(*_columns(rows), labels) for rows in pairs], dtype=np.float64)


def classes(counts: scores.Floats, labels: Sequence[str], draws: Draws) -> dict[str, ClassScores]:
    """counts: (articles, k, k), of which the first classes are `labels`."""
    few = too_few(counts, labels)
    gold = counts.sum((0, 2))

    def figure(which: int, k: int) -> Figure:
        return draws.figure(counts, lambda table: scores.precision_recall_f1(table)[which][..., k])

    return {
        label: ClassScores(figure(0, k), figure(1, k), figure(2, k), int(gold[k]), few.get(label))
        for k, label in enumerate(labels)
    }


def _kind(scope: Scope) -> GoldKind | None:
    return None if scope == "all" else scope


def _columns(rows: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [gold for gold, _ in rows], [said for _, said in rows]


def _accuracy(table: scores.Floats) -> scores.Floats:
    # A stray prediction is no gold item: it has no part in accuracy.
    gold = table[..., : len(STANCES), :]
    right = np.trace(gold, axis1=-2, axis2=-1)
    return scores.ratio(np.stack([right, gold.sum((-2, -1))], axis=-1))
