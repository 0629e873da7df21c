"""Which statements moved between two runs on the same gold: `quoth diff A.json B.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from quoth.errors import InputError
from quoth.eval.items import Item
from quoth.eval.markdown import table
from quoth.eval.report import line, p_value
from quoth.eval.result import Result
from quoth.eval.scores import mcnemar
from quoth.titles import plain_name

Field = Literal["stance", "stance on the gold span", "speaker", "sentiment"]
Way = Literal["fixed", "broken", "moved"]

FIELDS: tuple[Field, ...] = get_args(Field)
MISSED = "missed"


class Move(msgspec.Struct, frozen=True):
    """A statement of which two runs say different things.

    gold: None for a predicted statement where gold has none.  a, b: what each says, `missed` where it has no
    such statement.  way: fixed (A wrong, B right), broken (the reverse), moved (both wrong).
    """

    article: str
    start: int
    end: int
    field: Field
    way: Way
    gold: str | None
    a: str | None
    b: str | None
    text: str


def read_result(path: Path) -> Result:
    """What `quoth eval --json` wrote; raises InputError that names file and field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InputError(f"{path}: {error}; expected what `quoth eval --json` wrote") from error


def diff(a: Result, b: Result) -> list[Move]:
    """In the order of A's items, then those that only B has.

    Speakers are the same up to `plain_name`.  Raises InputError for runs on other gold or without items.
    """
    for what in ("gold", "articles"):
        hashes = [getattr(run.run, f"{what}_hash") for run in (a, b)]
        if hashes[0] != hashes[1]:
            raise InputError(f"runs on different {what}: sha256 {' and '.join(hashes)}; expected the same")
    if not (a.items and b.items):
        raise InputError("a result without items; `quoth eval --json` writes them, --release leaves them out")
    ours, theirs = ({item.name: item for item in run.items} for run in (a, b))
    told = [field for field in FIELDS if _tells(a, field) and _tells(b, field)]
    moves = []
    for name in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(name), theirs.get(name)
        item = one or other
        assert item is not None
        for field in told:
            gold, said_a, said_b = _gold(item, field), _said(one, field), _said(other, field)
            if _same(field, said_a, said_b) or not _judged(field, item, said_a, said_b):
                continue
            right_a, right_b = (_right(field, item, gold, said) for said in (said_a, said_b))
            if right_a and right_b:
                continue
            way: Way = "broken" if right_a else "fixed" if right_b else "moved"
            moves.append(
                Move(item.article, item.start, item.end, field, way, gold, said_a, said_b, item.text)
            )
    return moves


def markdown(moves: Sequence[Move], a: Result, b: Result, most: int = 25) -> str:
    """How many statements were fixed and broken, and which, `most` of each field; gold "-": no statement."""
    counts = Counter((m.field, m.way) for m in moves)
    fields = [f for f in FIELDS if any(m.field == f for m in moves)]
    rows = []
    for field in fields:
        fixed, broken, moved = (counts[field, way] for way in get_args(Way))
        p = mcnemar([True] * broken + [False] * fixed, [False] * broken + [True] * fixed)
        rows.append([field, str(fixed), str(broken), str(moved), p_value(p)])
    parts = [
        f"A: {_system(a)}; B: {_system(b)}; gold {a.run.gold}, {a.articles.gold} articles.",
        table(["from A to B", "fixed", "broken", "moved, both wrong", "p, McNemar"], rows)
        if rows
        else "No statement moved.",
    ]
    for field in fields:
        found = sorted((m for m in moves if m.field == field), key=lambda m: get_args(Way).index(m.way))
        rows = [[m.way, m.gold or "-", m.a or "-", m.b or "-", line(m.text), f"{m.article}:{m.start}-{m.end}"]
                for m in found[:most]]  # fmt: skip
        parts.append(table([field, "gold", "A", "B", "statement", "where"], rows))
        if len(found) > most:
            parts.append(f"{len(found) - most} more; --most shows them, --json writes all.")
    return "\n\n".join(parts) + "\n"


def _judged(field: Field, item: Item, *said: str | None) -> bool:
    """Whether gold tells the field, and both systems were asked.

    A stray stance of a quoted statement is judged without gold, that of a paraphrase is no error in any measure.
    """
    if item.gold is None:
        return field == "stance" and item.kind == "quoted"
    if field == "sentiment":
        return item.gold.sentiment is not None
    return field != "stance on the gold span" or None not in said


def _tells(run: Result, field: Field) -> bool:
    """Whether the system of a run has an opinion on the field at all."""
    if field == "speaker":
        return bool(run.speaker)
    return bool(run.sentiment if field == "sentiment" else run.stance)


def _gold(item: Item, field: Field) -> str | None:
    if item.gold is None:
        return None
    return item.gold.stance if field.startswith("stance") else getattr(item.gold, field)


def _said(item: Item | None, field: Field) -> str | None:
    if item is None:
        return MISSED
    if field == "stance on the gold span":
        return item.told.stance if item.told else None
    return getattr(item.found, field) if item.found else MISSED


def _same(field: Field, one: str | None, other: str | None) -> bool:
    if field == "speaker" and one and other:
        return plain_name(one) == plain_name(other)
    return one == other


def _right(field: Field, item: Item, gold: str | None, said: str | None) -> bool:
    if item.gold is None:
        # A predicted stance where gold has no statement: right only if it is not made.
        return said == MISSED
    # Missed is `other`, as in the scores.
    return _same(field, gold, "other" if field == "stance" and said == MISSED else said)


def _system(run: Result) -> str:
    model = run.run.model
    return str(model or run.run.predictions)
