"""Proper names gathered into entities: who could be meant by "Kallas" or "the embassy"."""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from quoth.model.names import (
    GENERIC,
    PARTICLES,
    SUFFIXES,
    given_name_before,
    is_acronym,
    looks_like_person,
    mentions,
    surname,
    without_article,
)
from quoth.model.parties import COUNTRIES, entity_type, party_type
from quoth.model.proper_names import Mention, proper_names, titled
from quoth.records import SpeakerType
from quoth.titles import is_title


@dataclass
class Entity:
    """One party: its fullest name in the article, and every place that names it."""

    name: str
    type: SpeakerType
    mentions: list[Mention] = field(default_factory=list)


def entities(text: str, extra: list[Mention] | None = None) -> list[Entity]:
    """Group the proper names of a text: surnames under the full name, acronyms under what they stand for.

    extra: further mentions, such as sources that the extractor found.
    """
    mentions = proper_names(text) + (extra or [])
    by_name: dict[str, list[Mention]] = {}
    for mention in mentions:
        by_name.setdefault(mention.name, []).append(mention)
    full = [name for name in by_name if looks_like_person(name) and entity_type(name) == "person"]
    owner: dict[str, str] = {}
    by_surname: dict[str, list[str]] = {}
    for name in full:
        by_surname.setdefault(surname(name) or name, []).append(name)
    for same in by_surname.values():
        _merge_variants(text, same, by_name, owner)
    meant = {
        key: [] if _is_known(text, key, same, by_name) else _elder_or_younger(same, by_name)
        for key, same in by_surname.items()
    }
    groups: dict[str, list[Mention]] = {}
    for name, places in by_name.items():
        for place in places:
            key = _owner(text, name, place, owner, by_surname, meant, by_name)
            groups.setdefault(key, []).append(place)
    _join_acronyms(text, groups)
    _join_titles(text, groups)
    _join_short(groups)
    found = [Entity(name, "unnamed", sorted(m, key=lambda x: x.start)) for name, m in groups.items()]
    for entity in found:
        entity.type = party_type(text, entity.name, [(m.start, m.end) for m in entity.mentions])
    return found


def _merge_variants(
    text: str, same: list[str], by_name: dict[str, list[Mention]], owner: dict[str, str]
) -> None:
    """ "Donald J. Trump" and "Donald Trump": one person, under the fuller name where given names agree."""
    same = sorted(same, key=lambda n: (-len(n.split()), -len(by_name[n]), by_name[n][0].start))
    for k, name in enumerate(same):
        for fuller in same[:k]:
            theirs, own = fuller.split(), name.split()
            if fuller in owner or _suffix(own) != _suffix(theirs):
                continue
            if theirs[1:] == own and _stray(text, theirs[0], by_name[fuller], by_name[name]):
                owner[fuller] = name
            elif (
                set(map(_small_particle, own)) <= set(map(_small_particle, theirs))
                or own[0][0] == theirs[0][0]
                and own[0].endswith(".")
            ):
                owner[name] = fuller
                break


def _small_particle(word: str) -> str:
    """ "bin" for "Bin", as at the beginning of a sentence; other words as they are."""
    return word.casefold() if word.casefold() in PARTICLES else word


def _stray(text: str, word: str, fuller: list[Mention], name: list[Mention]) -> bool:
    """Whether the first word is no part of the name: "Driver" in "Driver Ben Wallis" beside "a driver", "Full" in the
    headline "Full Ben Wallis interview" after "Ben Wallis".  Who has a longer name is introduced by it."""
    later = len(word.strip(".")) > 1 and fuller[0].start > name[0].start
    small = word.casefold()
    return later or small in text and bool(regex.search(rf"\b{regex.escape(small)}\b", text))


def _suffix(words: list[str]) -> str | None:
    last = words[-1].casefold().strip(".")
    return last if last in SUFFIXES else None


def _owner(
    text: str,
    name: str,
    place: Mention,
    owner: dict[str, str],
    by_surname: dict[str, list[str]],
    meant: dict[str, list[str]],
    by_name: dict[str, list[Mention]],
) -> str:
    """meant: by surname, who can be meant by it alone; nobody: it is a name of its own."""
    if name in owner:
        return owner[name]
    if (place_of := name.partition(" of "))[1] and place_of[0] in by_surname:
        # Ortega of Texas
        name = place_of[0]
    if name.casefold() in COUNTRIES and not (
        name in by_surname and (titled(text, place.start) or not _is_place(text, name))
    ):
        # Sheriff Israel
        return name
    if _suffix(name.split()) and len(name.split()) == 2:
        # Flynn Jr.
        juniors = [
            n for n in by_surname.get(name.split()[0], []) if _suffix(n.split()) == _suffix(name.split())
        ]
        if juniors:
            return owner.get(juniors[0], juniors[0])
    key = without_article(name.split()[-1])
    if key.isupper() and len(key) > 3 and key.title() in by_surname:
        # Transcripts and headlines: SMITH is Smith.
        key = key.title()
    if looks_like_person(name) and key == name.split()[-1] or " " in name and key not in by_surname:
        return name
    if key not in by_surname:
        # A given name alone ("Malia") belongs to the one person who bears it.
        bearers = {owner.get(n, n) for ns in by_surname.values() for n in ns if n.split()[0] == name}
        return bearers.pop() if len(bearers) == 1 and _introduced(text, name, bearers, by_name) else name
    if (given := given_name_before(text, place.start)) and given not in {
        w for n in by_surname[key] for w in n.split()
    }:
        return name
    if not meant[key]:
        return key
    # In the order of the text: of equals the first, in every run.
    choices = [owner.get(n, n) for n in meant[key]]
    # The bearer named last before this place; before any full name, the one named most.
    before = [(m.start, owner.get(n, n)) for n in meant[key] for m in by_name[n] if m.start < place.start]
    if before:
        # A headline or caption in between ("Decoding Ode") does not take the name over.
        return max(before, key=lambda b: (sum(other == b[1] for _, other in before) > 1, b))[1]
    return max(choices, key=lambda n: len(by_name[n]))


def _is_place(text: str, name: str) -> bool:
    """Whether a text tells of something in a country, which may also be somebody's surname: "in Jordan"."""
    return any(
        f" {where} {name}" in text for where in ("in", "from", "across", "into", "within", "throughout")
    )


_RELATIVE = regex.compile(
    r"\b(?:first lady|wife|husband|daughter|son|mother|father|sister|brother)(?:,| is| of)? $",
    regex.IGNORECASE,
)


def _is_known(text: str, key: str, bearers: list[str], by_name: dict[str, list[Mention]]) -> bool:
    """Whether a surname is that of somebody whom everybody knows and nobody names in full: "President Ode", before the text
    comes to "Bo Ode Jr." or "first lady Ann Ode"."""
    if f"President {key}" not in text:
        # Most are not, and a pattern takes long to compile.
        return False
    alone = regex.search(rf"\bPresident {regex.escape(key)}\b(?! Jr\b)", text)
    return alone is not None and all(
        by_name[name][0].start > alone.start()
        and (
            _suffix(name.split())
            or any(_RELATIVE.search(text, max(0, m.start - 20), m.start) for m in by_name[name])
        )
        for name in bearers
    )


def _elder_or_younger(bearers: list[str], by_name: dict[str, list[Mention]]) -> list[str]:
    """Of "Bo Ode" and "Bo Ode Jr." the one who is named first: he is Ode."""
    first = {name: by_name[name][0].start for name in bearers}
    later = set()
    for name in bearers:
        words = name.split()
        elder = " ".join(words[:-1]).rstrip(",")
        if _suffix(words) and elder in first:
            later.add(max(name, elder, key=lambda n: first[n]))
    return [name for name in bearers if name not in later]


def _introduced(text: str, name: str, bearers: set[str], by_name: dict[str, list[Mention]]) -> bool:
    """Whether a single name can be the given name of its only bearer: "Malia" after "Malia Ode".

    Not if it stands alone earlier, as a surname does ("Ode" before the headline "Ode Seeks Help"), or after a title, but for
    those that go with given names ("Sir Bo").
    """
    if any(regex.search(r" \p{Lu}\p{Ll}+-\p{Ll}+$", bearer) for bearer in bearers):
        # Leung Chun-ying is Mr. Leung.
        return True
    first = min(m.start for bearer in bearers for m in by_name.get(bearer, by_name[name]))
    return all(
        m.start > first
        and (not titled(text, m.start) or _WITH_GIVEN.search(text, max(0, m.start - 20), m.start))
        for m in by_name[name]
    )


_WITH_GIVEN = regex.compile(
    r"\b(?:Sir|Dame|Lord|Lady|Prince|Princess|Sheikh|Bishop|Archbishop|Pastor|Father|Sister|Brother|Rabbi|Imam) $"
)


def _join_titles(text: str, groups: dict[str, list[Mention]]) -> None:
    """A surname that is also a title, alone: "King" after "Peter King"."""
    for name, places in groups.items():
        if not is_title(surname(name) or "-"):
            continue
        for start, end in mentions(text, name):
            titled = regex.match(r"\.? \p{Lu}", text, pos=end) or text.endswith(("the ", "The "), 0, start)
            if not titled and not any(m.start <= start < m.end for m in places):
                places.append(Mention(start, end, text[start:end]))


def _join_short(groups: dict[str, list[Mention]]) -> None:
    """ "the Post", "the Embassy": the only body before whose name ends so; "Ode" after "Ode Group"."""
    first = {name: min(m.start for m in places) for name, places in groups.items()}
    for short in [n for n in groups if n.casefold() in GENERIC and (not n.endswith("s") or n == "Times")]:
        longer = [
            n
            for n in groups
            if (n.endswith(" " + short) or n.startswith(short + " of ")) and first[n] < first[short]
        ]
        if len(longer) == 1:
            groups[longer[0]] += groups.pop(short)
    for company in [n for n in groups if _COMPANY.fullmatch(n)]:
        short = company.rpartition(" ")[0]
        if short in groups and first[company] < first[short]:
            groups[company] += groups.pop(short)


_COMPANY = regex.compile(
    r"\p{Lu}[\p{L}\-]+ (?:Group|Holdings|Corporation|Corp\.?|Inc\.?|Ltd\.?|plc|PLC|Industries|Energy|Foods|Airlines|Airways|Motors|Pharmaceuticals|Technologies)"
)


def _join_acronyms(text: str, groups: dict[str, list[Mention]]) -> None:
    """ "World Health Organization (WHO)" or matching initials: the acronym belongs to the long name."""
    acronyms = [n for n in groups if is_acronym(n)]
    initials = {
        long: "".join(w[0] for w in long.replace("-", " ").split() if w[0].isupper()) for long in groups
    }
    for short in acronyms:
        letters = short.replace(".", "")
        for long in list(groups):
            if len(letters) >= 2 and initials[long] == letters and long != short:
                groups[long] += groups.pop(short)
                break
