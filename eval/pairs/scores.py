"""Compare records with human judgements of who is for or against whom.

The annotators of these corpora did not mark every statement, so a statement without a judgement says nothing:
no measure here is a precision of finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from quoth.eval import scores
from quoth.eval.draws import Draws, Figure
from quoth.eval.pairs.corpora import Pair, PairArticle, Polarity
from quoth.records import ModelInfo, Record, Statement, Target
from quoth.titles import plain_name

POLARITY: dict[str, Polarity] = {
    "accusation": "negative",
    "condemnation": "negative",
    "denial": "negative",
    "solidarity": "positive",
}
"""The polarity that a stance has toward its target."""

BANDS = (0.0, 0.5, 0.7, 0.9)
"""Lower bounds of the bands of stance probability."""

_WORD = re.compile(r"[\w’']+")


class Share(msgspec.Struct, frozen=True):
    """A share of n cases, with its interval over stories; `right` cases are counted in its numerator."""

    n: int
    right: int
    share: Figure


class PairScores(msgspec.Struct, frozen=True):
    """How records agree with the judgements of one corpus.

    Attributes:
        corpus: Its name.
        model: That made the records.
        articles, stories, pairs: Counts of the corpus.
        speaker: Of spans marked as the words of a named speaker and found, the speaker's name agrees (BASIL).
        target: Of statements with one of the four stances whose speaker and place agree with a judgement, the
            target agrees with one of these.
        polarity: Of statements whose speaker and target agree with a judgement, the stance has its polarity.
        by_stance, by_kind, by_band: The same by stance, kind of statement and stance probability.
        praised: Of accusations and condemnations among these, those that are positive in the gold.
        negative_pairs: Of judgements with named source and target, the share of negative ones for which some
            statement has that speaker, target and polarity.
    """

    corpus: str
    model: ModelInfo
    articles: int
    stories: int
    pairs: int
    speaker: Share
    target: Share
    polarity: Share
    by_stance: dict[str, Share]
    by_kind: dict[str, Share]
    by_band: dict[str, Share]
    praised: Share
    negative_pairs: Share


@dataclass(frozen=True, slots=True)
class _Case:
    """One decision: in which story, whether it is right, and the statement it is about."""

    story: str
    right: bool
    statement: Statement | None = None


def score_pairs(
    corpus: str, articles: Sequence[PairArticle], records: Iterable[Record], draws: Draws
) -> PairScores:
    """Score records against judgements.

    Args:
        corpus: Name of the corpus.
        articles: With their judgements.
        records: One for each article, in order.
        draws: How intervals are made; stories are resampled.
    """
    speakers: list[_Case] = []
    targets: list[_Case] = []
    polarities: list[_Case] = []
    found: list[_Case] = []
    model = ModelInfo("", "", "")
    for article, record in zip(articles, records, strict=True):
        model = record.model
        speakers += _speaker_cases(article, record)
        for statement in record.statements:
            told = _statement_cases(article, statement)
            targets += told[0]
            polarities += told[1]
        found += _pair_cases(article, record)
    stories = sorted({a.story for a in articles})

    def share(cases: list[_Case]) -> Share:
        return _share(cases, stories, draws)

    def split(key: Callable[[Statement], str]) -> dict[str, Share]:
        groups: dict[str, list[_Case]] = {}
        for case in polarities:
            assert case.statement is not None
            groups.setdefault(key(case.statement), []).append(case)
        return {name: share(groups[name]) for name in sorted(groups)}

    blamed = [
        _Case(c.story, not c.right)
        for c in polarities
        if c.statement is not None and c.statement.stance in ("accusation", "condemnation")
    ]
    return PairScores(
        corpus, model, len(articles), len(stories), sum(len(a.pairs) for a in articles),
        share(speakers), share(targets), share(polarities),
        split(lambda s: s.stance), split(lambda s: s.kind), split(_band), share(blamed), share(found),
    )  # fmt: skip


def same_party(one: str, other: str) -> bool:
    """Tell whether two names may be of one party: the words of one are all among the other's."""
    a, b = (set(_WORD.findall(plain_name(name))) for name in (one, other))
    return bool(a and b) and (a <= b or b <= a)


def _names(target: Target, party: str) -> bool:
    """Tell whether a target names a party, by its name or by its words."""
    if target.name and same_party(target.name, party):
        return True
    return same_party(target.text, party)


def _speaker_cases(article: PairArticle, record: Record) -> list[_Case]:
    cases = []
    for pair in article.pairs:
        if not pair.quoted or pair.source is None:
            continue
        around = [s for s in record.statements if _overlap(s, pair)]
        best = max(around, key=lambda s: (_overlap(s, pair), s.start - s.end), default=None)
        if best is not None and best.speaker is not None and best.speaker.name:
            cases.append(_Case(article.story, same_party(best.speaker.name, pair.source), best))
    return cases


def _statement_cases(article: PairArticle, statement: Statement) -> tuple[list[_Case], list[_Case]]:
    """Whether the target is right, given place and speaker; whether the polarity is, given the target."""
    speaker = statement.speaker.name if statement.speaker else None
    if statement.stance == "other" or speaker is None:
        return [], []
    judged = [
        p
        for p in article.pairs
        if _overlap(statement, p) and p.source and p.target and same_party(p.source, speaker)
    ]
    if not judged:
        return [], []
    target = statement.target
    agreeing = [p for p in judged if target and p.target and _names(target, p.target)]
    polarity = [
        _Case(article.story, any(p.polarity == POLARITY[statement.stance] for p in agreeing), statement)
    ]
    return [_Case(article.story, bool(agreeing), statement)], polarity if agreeing else []


def _pair_cases(article: PairArticle, record: Record) -> list[_Case]:
    cases = []
    for pair in article.pairs:
        if pair.polarity != "negative" or pair.source is None or pair.target is None:
            continue
        cases.append(_Case(article.story, any(_tells(s, pair) for s in record.statements)))
    return cases


def _tells(statement: Statement, pair: Pair) -> bool:
    """Whether a statement says what a judgement does."""
    speaker, target = statement.speaker, statement.target
    return (
        POLARITY.get(statement.stance) == pair.polarity
        and bool(_overlap(statement, pair))
        and speaker is not None
        and speaker.name is not None
        and target is not None
        and same_party(speaker.name, pair.source or "")
        and _names(target, pair.target or "")
    )


def _overlap(statement: Statement, pair: Pair) -> int:
    return max(0, min(statement.end, pair.end) - max(statement.start, pair.start))


def _band(statement: Statement) -> str:
    probability = statement.stance_probabilities[statement.stance]
    low = max(bound for bound in BANDS if bound <= probability)
    high = min([bound for bound in BANDS if bound > low], default=1.0)
    return f"{low:.1f} to {high:.1f}"


def _share(cases: list[_Case], stories: list[str], draws: Draws) -> Share:
    place = {story: k for k, story in enumerate(stories)}
    counts = np.zeros((len(stories), 2))
    for case in cases:
        counts[place[case.story]] += (case.right, 1)
    right, n = (int(total) for total in counts.sum(0))
    return Share(n, right, draws.figure(counts, scores.ratio))
