"""Name the speaker of each utterance as fully as the article does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import regex
from numpy.typing import NDArray

from quoth.model.attributions import Reading
from quoth.model.bodies import named_body
from quoth.model.descriptions import (
    describe,
    description_type,
    first_description,
    head_noun,
    is_body,
    is_document,
    is_person,
    is_work,
)
from quoth.model.entities import Entity
from quoth.model.names import surname
from quoth.model.offices import title_in, titles_of
from quoth.model.parties import is_origin
from quoth.model.pronouns import (
    IMPERSONAL,
    INDEFINITE,
    PERSONAL,
    PLURAL,
    RELATIVE,
    is_pronoun,
    may_be_a_body,
    stands_for,
)
from quoth.model.proper_names import Mention
from quoth.model.quotes import turns
from quoth.model.source_names import SEAT, SourceNames
from quoth.model.source_phrases import with_article
from quoth.model.stances import Told
from quoth.model.statements import Found
from quoth.model.windows import Tokens
from quoth.records import SpeakerType

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")
_DEFINITE = regex.compile(r"(?:the|this|that|these|those|his|her|its)\s", regex.IGNORECASE)
_POSSESSIVE = regex.compile(r"(his|her|its)\s(.+)", regex.IGNORECASE)
_NOBODY: tuple[list[str], ...] = ([], ["The"], ["the"], ["A"], ["a"], ["an"], ["An"])
RELAY = 0.3
"""A source that the name link points at less than so much only passes on what somebody else says, ..."""

PERSON, PARTY = 0.5, 0.8
"""... if it points at a person, or at another party, at least so much."""

NAMESAKE = 0.2
"""So much on the full names of one bearer of a surname tells him from the other."""

OWNER = 0.2
"""Whose a body or person is ("her lawyer") is pointed at so much."""

KNOWN = 1.5
"""A definite description ("the minister") is somebody else who is pointed at so many times more strongly."""

SURE, UNSURE = 0.9, 0.1
"""Somebody else than the only one with a title is meant by more than the title ("the French president"), who is pointed at more than SURE, and
the one with the title less than UNSURE."""

_SOME = regex.compile(
    r"(?:some|many|most|several|other|few|two|three|four|five|six|both|dozens of|hundreds of) ",
    regex.IGNORECASE,
)
"""Republicans, but not all of them."""
_SOMEBODY = regex.compile(r"(?:an?|the|one) ", regex.IGNORECASE)
_SHARE = regex.compile(r"\bper ?cent\b|%")
"""Those who were asked in a poll pass nothing on."""


@dataclass(frozen=True)
class Named:
    """A speaker found: name None where the text does not tell; mention: characters; score: how sure, 0 to 1."""

    name: str | None
    type: SpeakerType
    mention: tuple[int, int] | None
    score: float


def name_speakers(
    text: str,
    tokens: Tokens,
    reading: Reading,
    found: list[Found],
    people: list[Entity],
    told: list[Told] | None = None,
) -> dict[int, Named]:
    """The speaker of each group of statements.

    people: the entities of the text.  told: what the classifier says of the statements; a reader's points at speakers.
    """
    sources = {f.source for f in found if f.source}
    cast = _Cast(text, tokens, people, sources)
    named: dict[int, Named] = {}
    groups: dict[int, list[Found]] = {}
    for statement in found:
        groups.setdefault(statement.group, []).append(statement)
    pointers = {
        statement: answer.speaker
        for statement, answer in zip(found, told or (), strict=bool(told))
        if answer.speaker is not None
    }
    for group, pieces in groups.items():
        where = np.zeros(len(tokens), dtype=np.float32)
        nowhere = 0.0
        for piece in pieces:
            at, none = pointers.get(piece) or reading.point("name", piece.first, piece.last)
            where += at / len(pieces)
            nowhere += none / len(pieces)
        source = next((p.source for p in pieces if p.source), None)
        named[group] = cast.name(source, where, nowhere, pieces[0].start)
    return named


class _Cast:
    """Everybody who could speak in one article."""

    def __init__(
        self, text: str, tokens: Tokens, people: list[Entity], sources: set[tuple[int, int]]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.people = people
        self._names = SourceNames(text, people)
        self._described = self._descriptions(sources)
        # Before the turns of a transcript; "A:", an answer, does not tell whose.
        self._labels = {text[t.label_start : t.label_end] for t in turns(text)}
        self._origins = [k for k, entity in enumerate(people) if is_origin(entity.name)]
        self._titles = [titles_of(text, entity) for entity in people]
        self._ranges, self._whose = self._mention_ranges()

    def _descriptions(self, sources: set[tuple[int, int]]) -> list[Entity]:
        """Sources that are no names: "a senior official", "the ministry"."""
        by_phrase: dict[str, list[Mention]] = {}
        for start, end in sorted(sources):
            if self._names.head(start, end) is None and not is_pronoun(self.text[start:end]):
                name = describe(self.text[start:end])
                if name:
                    by_phrase.setdefault(name.casefold(), []).append(Mention(start, end, name))
        return [Entity(m[0].name, description_type(m[0].name), m) for m in by_phrase.values()]

    def _mention_ranges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The tokens of all mentions, (mentions, 2), and whose each is, (mentions,).  A name inside a description does not speak there:
        whoever points at "a senior Ode official" means the official."""
        phrases = {(m.start, m.end) for entity in self._described for m in entity.mentions}

        def speaks(mention: Mention) -> bool:
            return not any(a < mention.start and mention.end < b for a, b in phrases)

        spans = [
            *([m for m in entity.mentions if speaks(m)] for entity in self.people),
            *(entity.mentions for entity in self._described),
        ]
        ranges = [
            (*self.tokens.between(m.start, m.end), k) for k, mentions in enumerate(spans) for m in mentions
        ]
        table = np.array(ranges, dtype=np.int64).reshape(-1, 3)
        return table[:, :2], table[:, 2]

    def _holder(self, phrase: str, everyone: list[Entity], masses: NDArray[np.float64]) -> Entity | None:
        """ "the senator": the person called so before a name, "Sen. Ode"; of several the one pointed at."""
        title = title_in(phrase)
        holders = [k for k, held in enumerate(self._titles) if title in held]
        if not title or not holders:
            return None
        best = max(holders, key=lambda k: masses[k])
        if len(phrase.split()) > 2 and masses[best] < UNSURE and masses[: len(self.people)].max() > SURE:
            return None
        return everyone[best] if len(holders) == 1 or masses[best] > 0.1 else None

    def _namesake(self, mention: Mention, entity: Entity, where: NDArray[np.float32]) -> Entity:
        """Of several with one surname ("Ode" after "Ann Ode" and "Bo Ode") the one whose full names are pointed at."""
        if entity.type != "person" or " " in mention.name:
            return entity
        pointed = {}
        for k, other in enumerate(self.people):
            if other.type == "person" and surname(other.name) == mention.name:
                full = [self.tokens.between(m.start, m.end) for m in other.mentions if " " in m.name]
                pointed[k] = float(sum(where[a:b].sum() for a, b in full))
        best = max(pointed, key=lambda k: pointed[k], default=None)
        if best is None or pointed[best] < NAMESAKE:
            return entity
        return self.people[best]

    def _possession(
        self, phrase: str, everyone: list[Entity], masses: NDArray[np.float64], start: int
    ) -> tuple[str, SpeakerType] | None:
        """ "her lawyer", "its spokesman": whose, if the name link points at one with a name; of "her book" she herself speaks."""
        match = _POSSESSIVE.match(phrase)
        if match is None:
            return None
        owned = regex.compile(rf".+['’]s? {regex.escape(describe(match[2]))}")
        if same := [e for e in self._described if owned.fullmatch(e.name) and e.mentions[0].start < start]:
            # "Ode’s lawyer" before.
            return same[-1].name, same[-1].type
        fitting = [k for k, e in enumerate(self.people) if masses[k] > OWNER and stands_for(match[1], e)]
        if not fitting:
            return None
        owner = everyone[max(fitting, key=lambda k: masses[k])]
        if is_work(match[2]):
            return owner.name, owner.type
        return f"{owner.name}’s {describe(match[2])}", description_type(phrase)

    def name(
        self, source: tuple[int, int] | None, where: NDArray[np.float32], nowhere: float, start: int
    ) -> Named:
        """source: characters of the phrase in the reporting clause; where, nowhere: the name link's answer."""
        everyone = [*self.people, *self._described]
        sums = np.concatenate([[0.0], np.cumsum(where)])
        on_mentions = sums[self._ranges[:, 1]] - sums[self._ranges[:, 0]]
        masses = np.zeros(len(everyone))
        np.add.at(masses, self._whose, on_mentions)
        masses[self._origins] = 0.0
        label = self.text[slice(*source)] if source else ""
        if source and label in self._labels:
            head = self._names.head(*source)
            if head is None:
                return Named(None if label == "A" else label, "unnamed", source, 0.9)
            return Named(head[1].name, head[1].type, source, 0.99)
        if source is not None and _WORD.findall(self.text[slice(*source)])[:2] not in _NOBODY:
            return self._of_source(source, everyone, masses, where, start)
        return self._best(everyone, masses, nowhere, None, start)

    def _of_source(
        self,
        source: tuple[int, int],
        everyone: list[Entity],
        masses: NDArray[np.float64],
        where: NDArray[np.float32],
        start: int,
    ) -> Named:
        phrase = self.text[slice(*source)]
        if several := self._names.several(*source) or self._names.pair(*source):
            return Named(several, "group", source, 0.9)
        behind = phrase.casefold().split()[:1] in RELATIVE or SEAT.fullmatch(phrase.strip("(), "))
        relative = behind and self._names.antecedent(source[0])
        if head := relative or self._names.head(*source):
            mention, entity = head
            agreed = masses[everyone.index(entity)]
            if not relative and _is_relayed(agreed, everyone, masses):
                return self._best(everyone, masses, 0.0, None, start)
            entity = self._namesake(mention, entity, where)
            if entity.type in ("group", "organization") and _SOME.fullmatch(
                self.text[source[0] : mention.start]
            ):
                return Named(describe(phrase), "group", source, 0.9)
            name = self._names.with_owner(mention, entity)
            return Named(name, entity.type, (mention.start, mention.end), 0.9 + 0.09 * float(agreed))
        if is_pronoun(phrase):
            pronoun = _WORD.findall(phrase)[0]
            fitting = np.where([stands_for(pronoun, e) for e in everyone], masses, 0.0)
            if pronoun.casefold() in IMPERSONAL and fitting.max(initial=0.0) < 0.05:
                # Reports and letters speak too, as "it".
                fitting = np.where([e.type != "person" for e in everyone], masses, 0.0)
            if pronoun.casefold() in INDEFINITE and fitting.max(initial=0.0) < 0.3:
                return Named(phrase, "group", source, 0.5)
            if pronoun.casefold() in PLURAL and fitting.max(initial=0.0) < 0.05:
                # "They" may be one person.
                fitting = masses
            found = self._best(everyone, fitting, 0.0, source, start)
            if pronoun.casefold() in PERSONAL and found.type == "organization":
                # What looked like a body, "Francis", is "he".
                found = replace(found, type="person")
            return found
        if bearer := self._names.bearer(phrase):
            return Named(bearer.name, bearer.type, source, 0.9)
        if author := self._names.author(phrase, source):
            return Named(author.name, author.type, source, 0.8)
        if possessive := self._possession(phrase, everyone, masses, source[0]):
            return Named(*possessive, source, 0.7)
        own = next(
            (k for k, e in enumerate(everyone) if any((m.start, m.end) == source for m in e.mentions)), None
        )
        if own is None:
            return self._best(everyone, masses, 0.0, source, start)
        phrase = with_article(self.text, *source)
        if _DEFINITE.match(phrase):
            if body := named_body(self.people, self.text, phrase, source[0]):
                return Named(*body, source, 0.8)
            if holder := self._holder(phrase, everyone, masses):
                return Named(holder.name, holder.type, source, 0.8)
            rivals = masses
            if is_person(phrase):
                # "the senator" is no ministry.
                rivals = np.where([stands_for("he", e) for e in everyone], masses, 0.0)
            if description_type(phrase) == "group" or is_body(phrase):
                # "the six women", "the weather service" are no one person.
                noun, named = head_noun(phrase), len(self.people)
                # "the ministry" is no police union.
                other = is_body(phrase) and not is_document(phrase)
                bodies = [
                    (e.type != "person" and not _is_somebody(e.name) or may_be_a_body(e))
                    and not (other and k >= named and head_noun(e.name) != noun)
                    for k, e in enumerate(everyone)
                ]
                rivals = np.where(bodies, masses, 0.0)
            first = None if title_in(phrase) else first_description(self.text, phrase, source[0])
            another = rivals.max() > max(KNOWN * masses[own], 0.3)
            if another and (not first or rivals.argmax() >= len(self.people)):
                return self._best(everyone, rivals, 0.0, source, start)
            if first:
                return Named(first, "unnamed", source, 0.7)
        entity = everyone[own]
        if not (_SHARE.search(phrase) or is_body(phrase)) and _is_relayed(masses[own], everyone, masses):
            return self._best(everyone, masses, 0.0, None, start)
        if issuer := self._names.issuer(*source):
            return self._issuer(*issuer, everyone, masses)
        return Named(entity.name, entity.type, source, 0.6 + 0.39 * float(masses[own]))

    def _issuer(self, start: int, end: int, everyone: list[Entity], masses: NDArray[np.float64]) -> Named:
        """Who is named or described in characters [start, end)."""
        if head := self._names.head(start, end):
            return Named(self._names.with_owner(*head), head[1].type, (head[0].start, head[0].end), 0.8)
        phrase = self.text[start:end]
        if body := named_body(self.people, self.text, phrase, start) if _DEFINITE.match(phrase) else None:
            return Named(*body, (start, end), 0.8)
        if possessive := self._possession(phrase, everyone, masses, start):
            return Named(*possessive, (start, end), 0.7)
        return Named(describe(phrase), description_type(phrase), (start, end), 0.6)

    def _best(
        self,
        everyone: list[Entity],
        masses: NDArray[np.float64],
        nowhere: float,
        source: tuple[int, int] | None,
        start: int,
    ) -> Named:
        if not everyone or masses.max(initial=0.0) <= max(nowhere, 0.02):
            return Named(None, "unnamed", source, min(0.99, nowhere))
        best = int(np.argmax(masses))
        entity = everyone[best]
        nearest = min(entity.mentions, key=lambda m: (abs(m.start - start), m.start))
        mention = source or (nearest.start, nearest.end)
        share = float(masses[best] / (masses.sum() + nowhere + 1e-9))
        return Named(
            entity.name, entity.type, mention, min(0.99, share * min(1.0, 0.5 + float(masses[best])))
        )


def _is_somebody(name: str) -> bool:
    """ "a lawyer for Ode", no name."""
    return _SOMEBODY.match(name) is not None and is_person(name)


def _is_relayed(agreed: float, everyone: list[Entity], masses: NDArray[np.float64]) -> bool:
    """ "Ode wrote, according to the Herald": the Herald, to which little points, only passes it on."""
    best = int(np.argmax(masses))
    return agreed < RELAY and masses[best] > (PERSON if everyone[best].type == "person" else PARTY)
