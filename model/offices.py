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
    commissioner prosecutor counsel""".split()
)
_FORMER = frozenset("former ex then late".split())


def titles_of(text: str, entity: Entity) -> frozenset[str]:
    """What stands before the names of a person: president, senator, ..."""
    if entity.type != "person":
        return frozenset()
    before = [_WORD.findall(text[max(0, m.start - 40) : m.start])[-4:] for m in entity.mentions]
    held = (
        words[-1].casefold()
        for words in before
        if words and not _FORMER.intersection(map(str.casefold, words[:-1]))
    )
    return frozenset(_FULL.get(word.strip("."), word) for word in held)


def title_in(phrase: str) -> str | None:
    """ "senator" of "the Ohio senator", "the senator from Ohio"; None for what is no title of a person."""
    head = regex.split(r"\s(?:of|for|at|in|from|with|to|on)\s", describe(phrase).casefold())[0].split()
    return head[-1] if len(head) > 1 and head[-1] in _HELD and not _FORMER.intersection(head) else None
