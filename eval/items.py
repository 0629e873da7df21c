"""Gold joined with what a system said: the rows that measures count, slices group and the report shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldKind, GoldStatement, gold_kind
from quoth.eval.matching import match
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.stances import Told
from quoth.records import Kind, Record, Sentiment, Stance, Statement


class Answer(msgspec.Struct, frozen=True):
    """A system's labels of the characters [start, end).

    stance_probabilities, sentiment_probabilities: by label; empty where the system gives none.  speaker: a
    name.  target: a phrase.  probability: that this is a statement at all.
    """

    start: int
    end: int
    kind: Kind | None
    stance: Stance
    stance2: Stance | None
    stance_probabilities: dict[Stance, float]
    sentiment: Sentiment
    sentiment_probabilities: dict[Sentiment, float]
    speaker: str | None
    target: str | None
    probability: float


class Item(msgspec.Struct, frozen=True):
    """One gold statement, or a predicted stance where gold has no statement.

    kind: quoted or indirect, of gold; of a stray prediction: quoted if it is direct.  gold: None for a stray
    one.  found: what the system says end to end, None where it missed the statement.  told: what its
    classifier says of the gold span, None where it was not asked.  traits: what slices group by.
    """

    article: str
    start: int
    end: int
    kind: GoldKind
    text: str
    gold: GoldStatement | None
    found: Answer | None
    told: Answer | None
    traits: dict[str, str]

    @property
    def name(self) -> str:
        """Unique in a run: article:start-end, with an asterisk for a stray prediction."""
        return f"{self.article}:{self.start}-{self.end}" + ("" if self.gold else "*")


@dataclass(frozen=True, slots=True)
class Judged:
    """One gold article with its items and all that was predicted in it.

    items: one a gold statement, in gold's order, then the stray predictions of another stance than `other`.
    """

    article: GoldArticle
    statements: Sequence[Statement]
    items: list[Item]

    def gold(self, kind: GoldKind | None = None) -> Iterator[tuple[GoldStatement, Item]]:
        """The gold statements of a kind, or all, each with its item."""
        for item in self.items:
            if item.gold and kind in (None, item.kind):
                yield item.gold, item

    def strays(self, kind: GoldKind) -> list[Answer]:
        """Predicted stances on no gold statement."""
        return [i.found for i in self.items if i.gold is None and i.found and i.kind == kind]


def judged(gold: Sequence[GoldArticle], records: Mapping[str, Record]) -> list[Judged]:
    """Match each article's gold with its record, see `quoth.eval.matching.match`.

    An article without a record counts as one without statements.  Raises InputError where there is no gold
    article, no record for any, or a statement that is not from its gold article's text.
    """
    if not gold:
        raise InputError("no gold article to evaluate on: the labels are empty")
    if records and not any(article.id in records for article in gold):
        raise InputError(
            f"none of {len(records)} predicted ids is a gold article's: "
            f"predicted {next(iter(records))!r}, gold {gold[0].id!r}"
        )
    return [_judged(article, records.get(article.id)) for article in gold]


def with_told(rows: Sequence[Judged], told: Sequence[Told]) -> list[Judged]:
    """The same with the classifier's answers on the gold spans: one a gold statement, article by article.

    Raises InputError for a wrong number of them.
    """
    expected = sum(len(row.article.statements) for row in rows)
    if len(told) != expected:
        raise InputError(f"{len(told)} answers for {expected} gold statements")
    rest = iter(told)

    def answered(item: Item) -> Item:
        return msgspec.structs.replace(item, told=_told(item, next(rest))) if item.gold else item

    return [Judged(row.article, row.statements, [answered(item) for item in row.items]) for row in rows]


def _judged(article: GoldArticle, record: Record | None) -> Judged:
    statements = record.statements if record else []
    for s in statements:
        found = article.text[s.start : s.end]
        if found != s.text:
            raise InputError(
                f"article {article.id}, statement {s.id}: the gold text has {found[:60]!r} at "
                f"[{s.start}, {s.end}), the record {s.text[:60]!r}; was it made from another text?"
            )
    matches = match(article.statements, statements)
    items = [_item(article, g, p) for g, p in matches.pairs()]
    strays = [_stray(article, p) for p in matches.stray if p.stance != "other"]
    return Judged(article, statements, items + strays)


def _item(article: GoldArticle, gold: GoldStatement, taken: Statement | None) -> Item:
    text = article.text[gold.start : gold.end]
    answer = _answer(taken) if taken else None
    return Item(article.id, gold.start, gold.end, gold.kind, text, gold, answer, None, {})


def _stray(article: GoldArticle, stray: Statement) -> Item:
    kind = gold_kind(stray.kind)
    return Item(article.id, stray.start, stray.end, kind, stray.text, None, _answer(stray), None, {})


def _answer(s: Statement) -> Answer:
    return Answer(
        start=s.start,
        end=s.end,
        kind=s.kind,
        stance=s.stance,
        stance2=s.second_stance,
        stance_probabilities=s.stance_probabilities,
        sentiment=s.sentiment,
        sentiment_probabilities=s.sentiment_probabilities,
        speaker=s.speaker.name if s.speaker else None,
        target=s.target.text if s.target else None,
        probability=s.probability,
    )


def _told(item: Item, told: Told) -> Answer:
    return Answer(
        start=item.start,
        end=item.end,
        kind=None,
        stance=told.best_stance,
        stance2=told.second,
        stance_probabilities={k: float(p) for k, p in zip(STANCE_LABELS, told.stance, strict=True)},
        sentiment=told.best_sentiment,
        sentiment_probabilities={k: float(p) for k, p in zip(SENTIMENT_LABELS, told.sentiment, strict=True)},
        speaker=None,
        target=None,
        probability=1.0,
    )
