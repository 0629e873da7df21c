"""Who holds which office, by the titles before names: "the senator" is Sen. Ode."""

from __future__ import annotations

import regex

from quoth.model.descriptions import describe
from quoth.model.entities import Entity

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")
_FULL = {
    "sen": "senator",
    "rep": "congressman",
    "gov": "governor",
    "gen": "general",
    "prof": "professor",
    "amb": "ambassador",
}
_HELD = frozenset(
    """president senator congressman governor general professor ambassador minister chancellor mayor judge justice sheriff
    king queen prince pope bishop archbishop cardinal chairman chairwoman speaker spokesman spokeswoman coach
    commissioner prosecutor""".split()
)


def titles_of(text: str, entity: Entity) -> frozenset[str]:
    """What stands before the names of a person: president, senator, ..."""
    if entity.type != "person":
        return frozenset()
    before = (_WORD.findall(text[max(0, m.start - 30) : m.start])[-1:] for m in entity.mentions)
    return frozenset(_FULL.get(w.casefold().strip("."), w.casefold()) for words in before for w in words)


def title_in(phrase: str) -> str | None:
    """ "senator" of "the Ohio senator", "the senator from Ohio"; None for what is no title of a person."""
    head = regex.split(r"\s(?:of|for|at|in|from|with|to|on)\s", describe(phrase).casefold())[0].split()
    former = {"former", "ex", "then", "late"}.intersection(head)
    return head[-1] if len(head) > 1 and head[-1] in _HELD and not former else None
