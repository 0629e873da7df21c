"""The party that a target phrase means, by name."""

from __future__ import annotations

import regex

from quoth.model.bodies import named_body
from quoth.model.descriptions import describe, description_type, head_noun
from quoth.model.entities import Entity
from quoth.model.names import is_function
from quoth.model.offices import title_in, titles_of

_THE = regex.compile(r"^[Tt]he ")
_POSSESSIVE = regex.compile(r"['’]s?\b|['’](?=\s)")
_DETERMINED = regex.compile(
    r"(?:the|this|that|these|those|its|his|her|their|an?|some|many|several)\s", regex.IGNORECASE
)
_NO_PARTIES = frozenset(
    "deal plan treaty accord agreement protocol act conference summit prize award festival report exchange project bias".split()
)
"""Head nouns of things that bodies make: a phrase about them names whose they are, or nobody."""


_AGAINST = frozenset(
    "captor critic opponent rival accuser enemy enemie foe detractor killer attacker abuser victim challenger".split()
)
"""Who is told by the name of somebody else, and does not stand for him."""


def party(people: list[Entity], text: str, start: int, end: int) -> str | None:
    """The party that a target phrase at [start, end) means, as fully as the article names it.

    The first person in the phrase, else the first name that is no adjective ("the North Korean government" is
    itself); else the institution that it means ("the embassy’s claims": the embassy, by
    its name where the article gives one), or the only one who holds the office ("the president").  None for
    somebody without a name who is against the one that is named ("Ode’s captors").
    """
    # "U.S." ends behind the phrase, which ends with a letter.
    last = end + text.startswith(".", end)
    inside = [(m, e) for e in people for m in e.mentions if start <= m.start and m.end <= last]
    inside.sort(key=lambda pair: pair[0].start)
    owner, *owned = _POSSESSIVE.split(text[start:end], maxsplit=1)
    if owned and head_noun(owned[0]).rstrip("s") in _AGAINST:
        return None
    names = [entity for mention, entity in inside if not _is_adjective(text, mention.end, end)]
    full = [entity for entity in names if entity.type == "person" and " " in entity.name]
    if names:
        return (full or names)[0].name
    if inside:
        return describe(_THE.sub("", owner)) if _is_party(owner, ("organization", "group")) else None
    if body := named_body(people, text, owner, start):
        return body[0]
    if owner.casefold().startswith("the ") and (title := title_in(owner)):
        holders = [entity for entity in people if title in titles_of(text, entity)]
        if len(holders) == 1:
            return holders[0].name
    return owner if _DETERMINED.match(owner) and _is_party(owner, ("organization",)) else None


def _is_party(phrase: str, types: tuple[str, ...]) -> bool:
    return description_type(phrase) in types and head_noun(phrase) not in _NO_PARTIES


_ORIGIN = regex.compile(r" (?:Republican|Democrat)\b")


def _is_adjective(text: str, name_end: int, phrase_end: int) -> bool:
    """Whether a noun follows the name in its phrase: "the Ode campaign", not "Ode’s campaign" nor "Ode and others"."""
    noun = regex.match(r" (\p{Ll}[\p{L}\-]*)", text[name_end:phrase_end])
    if noun is None:
        # "the Ohio Republican"
        return _ORIGIN.match(text[name_end:phrase_end]) is not None
    return not is_function(noun[1]) and not noun[1].endswith("ly")
