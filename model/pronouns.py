"""Pronouns as sources: which words they are, and whom they can mean."""

from __future__ import annotations

import regex

from quoth.model.entities import Entity
from quoth.model.names import GENERIC

PERSONAL = frozenset("he she him her his hers himself herself".split())
IMPERSONAL = frozenset("it its itself".split())
INDEFINITE = frozenset("some many others both".split())
PLURAL = INDEFINITE | frozenset("they them their these those".split())
_PRONOUNS = (
    PERSONAL
    | IMPERSONAL
    | PLURAL
    | frozenset("i my we our you us me who whom which that this one another".split())
)
RELATIVE = (["who"], ["whom"], ["which"])
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")


def is_pronoun(phrase: str) -> bool:
    """Whether a phrase is nothing but pronouns, or begins with a relative one."""
    words = [word.casefold() for word in _WORD.findall(phrase)]
    return words[:1] in RELATIVE or 0 < len(words) <= 2 and all(word in _PRONOUNS for word in words)


def stands_for(pronoun: str, entity: Entity) -> bool:
    """Whether a pronoun can mean an entity."""
    word = pronoun.casefold()
    if word in PERSONAL:
        return entity.type in ("person", "unnamed") or _may_be_a_person(entity)
    if word in IMPERSONAL:
        return entity.type in ("organization", "country", "group") or may_be_a_body(entity)
    if word in PLURAL:
        return entity.type not in ("person", "unnamed")
    return True


def may_be_a_body(entity: Entity) -> bool:
    """Whether what looks like a person is of one word: a company, perhaps."""
    return " " not in entity.name


def _may_be_a_person(entity: Entity) -> bool:
    """Whether what looks like an institution is of one word, neither an acronym nor a body's word: Francis, Jobs."""
    word = entity.name
    return entity.type == "organization" and not (" " in word or word.isupper() or word.casefold() in GENERIC)
