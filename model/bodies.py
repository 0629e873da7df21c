"""Which institution "the commission" or "the administration" is."""

from __future__ import annotations

from quoth.model.descriptions import fuller_description
from quoth.model.entities import Entity
from quoth.model.names import GENERIC
from quoth.records import SpeakerType


def named_body(people: list[Entity], text: str, phrase: str, start: int) -> tuple[str, SpeakerType] | None:
    """Name and type of the body that a definite description at `start` means, where the text before names one so."""
    if found := _institution(people, phrase, start):
        return found.name, found.type
    fuller = fuller_description(text, phrase, start)
    return (fuller, "organization") if fuller else None


def _institution(people: list[Entity], phrase: str, start: int) -> Entity | None:
    """ "the commission": the one institution named before `start` whose name holds that word."""
    words = phrase.split()
    if len(words) != 2 or words[0].casefold() != "the" or words[1].casefold() not in GENERIC:
        return None
    noun = words[1].casefold()
    named = [
        e
        for e in people
        if e.mentions[0].start < start and noun in e.name.casefold().split() and len(e.name.split()) > 1
    ]
    return named[0] if len(named) == 1 else None
