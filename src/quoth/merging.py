"""Several annotators' work on the same articles: what becomes gold, what differs, how far they agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import msgspec

from quoth.annotation_log import (
    ADJUDICATED,
    UNKNOWN,
    Ends,
    Labels,
    Progress,
    Work,
    annotators_of,
    log_path,
    read_log,
)
from quoth.errors import InputError
from quoth.eval.gold import Origin
from quoth.label_files import LabelRow, gold_of
from quoth.records import Stance
from quoth.titles import plain_name

FIELDS = ("kind", "stance", "stance2", "sentiment", "speaker", "target")
FOUR: tuple[Stance, ...] = get_args(Stance)[:4]


@dataclass(frozen=True, slots=True)
class Compared:
    """One span, as two annotators label it, None by who did not mark it; differing: the fields in which they differ."""

    ends: Ends
    a: Labels | None
    b: Labels | None
    differing: tuple[str, ...]

    def opening(self) -> Labels:
        """What an adjudicator finds: the labels that both give; without a stance if there is something to decide."""
        given = self.a or self.b
        assert given is not None
        if self.a is None or self.b is None:
            return Labels(*self.ends, given.kind)
        agreed = {name: getattr(given, name) for name in FIELDS if name not in (*self.differing, "kind")}
        return Labels(*self.ends, given.kind, **agreed | ({"stance": None} if self.differing else {}))


@dataclass
class Merged:
    """rows: labels that nobody disputes.  waiting: articles to adjudicate."""

    rows: list[LabelRow] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def progress_of(out: Path) -> dict[str, Progress]:
    """What each annotator with a log beside `out` did."""
    return {name: read_log(log_path(out, name)) for name in annotators_of(out)}


def compared(a: Work, b: Work) -> list[Compared]:
    """Every span that one of them marked, in order."""
    spans = sorted({*a.statements, *b.statements}, key=lambda ends: (ends[0], -ends[1]))
    return [_compared(ends, a.statements.get(ends), b.statements.get(ends)) for ends in spans]


def _compared(ends: Ends, a: Labels | None, b: Labels | None) -> Compared:
    if a is None or b is None:
        return Compared(ends, a, b, ("marked",))
    return Compared(ends, a, b, tuple(name for name in FIELDS if _plain(name, a) != _plain(name, b)))


def _plain(name: str, labels: Labels) -> Any:
    value = getattr(labels, name)
    if name == "target" and value:
        return " ".join(value.casefold().split())
    return plain_name(value) if name == "speaker" and value and value != UNKNOWN else value


def merged(logs: Mapping[str, Progress], split: str) -> Merged:
    """The labels of the articles that are done, in the order of their draws.

    Adjudicated ones as adjudicated; else those that all who did the article give alike, twice labelled if two did.
    """
    order = {draw.article: draw for log in logs.values() for draw in log.draws()}
    found = Merged()
    decided = logs.get(ADJUDICATED, Progress())
    for article in order:
        done = {name: work for name, log in logs.items() if (work := log.works.get(article)) and work.done}
        if not done:
            continue
        if len({work.sha256 for work in done.values()}) > 1:
            raise InputError(f"article {article}: {', '.join(done)} labelled different texts under this id")
        pair = decided.begins[0].of if decided.begins else []
        names = pair if ADJUDICATED in done else list(done)
        work = done.get(ADJUDICATED, next(iter(done.values())))
        if ADJUDICATED not in done and any(
            c.differing for other in done.values() for c in compared(work, other)
        ):
            found.waiting.append(article)
            continue
        statements = [gold_of(labels) for labels in work.statements.values()]
        origin = _origin(article, names, logs)
        found.rows.append(LabelRow(article, work.sha256, split, len(names), origin, statements))
    return found


def _origin(article: str, names: list[str], logs: Mapping[str, Progress]) -> Origin:
    log = next(logs[name] for name in names if name in logs)
    mode = log.begins[0].mode
    place, draw = next((k, draw) for k, draw in enumerate(log.draws(), 1) if draw.article == article)
    pool = next(begin.pool for begin in log.begins if draw in begin.draws)
    return Origin(names, mode, mode == "training", place, pool, draw.probability)


def passes_of(logs: Mapping[str, Progress]) -> list[dict[str, Any]]:
    """Each span that two or more have marked in articles that they have done, as `quoth eval --passes` reads it."""
    rows: dict[tuple[str, Ends], dict[str, Any]] = {}
    for name, log in logs.items():
        for article, work in log.works.items():
            if name == ADJUDICATED or not work.done:
                continue
            for ends, labels in work.statements.items():
                row = rows.setdefault((article, ends), {"article": article, "start": ends[0], "end": ends[1]})
                told = msgspec.to_builtins(gold_of(labels))
                row[name] = {field: told[field] for field in FIELDS if field != "kind"}
    return [row for _, row in sorted(rows.items()) if len(row) > 4]


def agreement_of(a: str, b: str, logs: Mapping[str, Progress]) -> dict[str, Any]:
    """Krippendorff's alpha, Cohen's kappa and raw agreement by field, on the articles that both have done.

    fields: over spans that both marked, empty where there are none; alone: how many only one did.  Empty where they
    share no article.
    """
    from quoth.eval.agreement import FIELDS as SCORED
    from quoth.eval.agreement import Annotations, Item, agreement

    shared = both_done(a, b, logs)
    if not shared:
        return {}
    spans = [(article, c) for article, (one, other) in shared.items() for c in compared(one, other)]
    marked = [(article, c.ends, c.a, c.b) for article, c in spans if c.a and c.b]
    scored = {}
    for name in SCORED if marked else ():
        items = [
            Item(article, *ends, (_told(name, one), _told(name, other)))
            for article, ends, one, other in marked
        ]
        found = agreement(Annotations((a, b), items), FOUR if name == "stance" else ())
        scored[name] = {
            "n": found.n,
            "alpha": msgspec.to_builtins(found.alpha),
            "kappa": msgspec.to_builtins(found.pairs[0].kappa),
            "raw": msgspec.to_builtins(found.pairs[0].raw),
        }
    alone = {
        a: sum(c.b is None for _, c in spans),
        b: sum(c.a is None for _, c in spans),
    }
    return {"articles": len(shared), "both": len(marked), "alone": alone, "fields": scored}


def both_done(a: str, b: str, logs: Mapping[str, Progress]) -> dict[str, tuple[Work, Work]]:
    """By article, the work of two who have done it, in the order of a's draws."""
    one, other = (logs.get(name, Progress()).works for name in (a, b))
    order: Iterable[str] = [draw.article for draw in logs.get(a, Progress()).draws()]
    return {
        article: (one[article], other[article])
        for article in order
        if article in one and article in other and one[article].done and other[article].done
    }


def _told(name: str, labels: Labels | None) -> str | None:
    value = _plain(name, labels) if labels else None
    return None if value is None else str(value)
