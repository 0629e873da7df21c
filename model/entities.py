"""The proper names of an article, gathered into entities: who could be meant by "Kallas" or "the embassy"."""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from quoth.model.names import GENERIC, SUFFIXES, given_name_before, looks_like_person, surname
from quoth.titles import TITLES

_WORD = regex.compile(r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}&\-]|['’](?=\p{L}))*(?:\.\p{Lu}\b)*")
_PARTICLES = frozenset(
    "de da do dos das del della der den di du van von la le al el bin ibn ben abu ter ten".split()
)
_LINKS = frozenset("of for in on at to and the &".split())
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sen sens rep reps gov gen col maj capt lt sgt cmdr adm rev st jr sr hon det supt dist atty".split()
)
_FUNCTION = frozenset(
    """a an the this that these those it he she they we i you his her their our my your its in on at by for from to of
    with as but and or nor so yet if when while where after before since because although though until unless once
    there here what who whom whose which why how no not yes now then also even still just only both either neither
    some any all many most more much few other another such each every one two three four five six seven eight nine
    ten mr mrs ms meanwhile however moreover instead according despite during under over among between against about
    asked speaking reached earlier later last next today yesterday tomorrow is was are were be been do does did has
    have had can could will would may might must shall should let let's it's he's she's they're we're i'm i've i'd i'll
    that's there's monday tuesday wednesday thursday friday saturday sunday january february march april june july
    august september october november december says photo image getty ap reuters advertisement read related updated""".split()
)
_ORGANIZATION = GENERIC
_COUNTRIES = frozenset(
    """afghanistan albania algeria argentina armenia australia austria azerbaijan bahrain bangladesh belarus belgium
    bolivia bosnia brazil britain bulgaria cambodia cameroon canada chile china colombia congo croatia cuba cyprus
    czechia denmark ecuador egypt england eritrea estonia ethiopia finland france georgia germany ghana greece
    guatemala haiti honduras hungary iceland india indonesia iran iraq ireland israel italy japan jordan kazakhstan
    kenya kosovo kuwait kyrgyzstan laos latvia lebanon libya lithuania luxembourg malaysia mali malta mexico moldova
    mongolia montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua niger nigeria norway oman
    pakistan palestine panama paraguay peru philippines poland portugal qatar romania russia rwanda scotland senegal
    serbia singapore slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tajikistan tanzania
    thailand tunisia turkey turkmenistan uganda ukraine uruguay uzbekistan venezuela vietnam wales yemen zambia
    zimbabwe washington moscow beijing tehran london paris berlin kyiv kiev ankara brussels tokyo seoul pyongyang
    riyadh jerusalem islamabad delhi u.s. us u.k. uk eu""".split()
)


@dataclass(frozen=True)
class Mention:
    """Characters [start, end) that name an entity, titles left out."""

    start: int
    end: int
    name: str


@dataclass
class Entity:
    """One party: its fullest name in the article, and every place that names it."""

    name: str
    type: str
    mentions: list[Mention] = field(default_factory=list)


def proper_names(text: str) -> list[Mention]:
    """Capitalised sequences that can be names, without titles, function words and possessive endings."""
    found: list[Mention] = []
    sequence: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        word = match.group()
        function = word.casefold() in _FUNCTION and not (sequence and word in ("May", "Will"))
        capital = word[0].isupper() and not function
        if sequence:
            gap = text[sequence[-1][1] : start]
            suffix = gap in (", ", ",\u00a0") and word.casefold() in SUFFIXES
            joined = gap in (" ", "\u00a0") or suffix
            link = word in _LINKS or word in _PARTICLES
            if not joined or not (capital or link):
                found += _names_in(text, sequence)
                sequence = []
        if not (capital or sequence):
            continue
        possessive = regex.search(r"['’]s$", word)
        if text[end : end + 1] == "." and (
            len(word) == 1 or "." in word or word.casefold() in _ABBREVIATIONS
        ):
            end += 1
        sequence.append((start, end - 2 if possessive else end))
        if possessive:
            found += _names_in(text, sequence)
            sequence = []
    return found + _names_in(text, sequence)


def _names_in(text: str, sequence: list[tuple[int, int]]) -> list[Mention]:
    """The names of one capitalised sequence: titles go, links hold only what an institution's word binds."""
    words = [text[a:b] for a, b in sequence]
    while words and (words[-1] in _LINKS or words[-1] in _PARTICLES or words[-1].casefold() in _FUNCTION):
        words.pop()
    first = 0
    for k, word in enumerate(words):
        if word.casefold().strip(".") in TITLES and k + 1 < len(words):
            after = k + 1
            if words[after] in ("of", "for"):
                # Secretary of State John Kerry: the office's words, then the person's.
                office = next((j for j in range(after, len(words)) if words[j].casefold() in _OFFICES), None)
                if office is None or office + 1 >= len(words):
                    continue
                after = office + 1
            if words[after] not in _LINKS:
                first = after
    found = []
    begin = first
    for k in range(first, len(words)):
        if words[k] in _LINKS and words[k] != "the":
            head = words[begin:k]
            bound = words[k] in ("of", "for") or any(
                w.casefold().strip(".") in GENERIC or w.endswith(("s", "ion")) for w in head
            )
            if not bound or looks_like_person(" ".join(head)):
                found.append((begin, k))
                begin = k + 1
    found.append((begin, len(words)))
    mentions = []
    for a, b in found:
        while a < b and words[a] in _LINKS:
            a += 1
        while b > a and words[b - 1] in _LINKS:
            b -= 1
        if a < b:
            start, end = sequence[a][0], sequence[b - 1][1]
            mentions.append(Mention(start, end, " ".join(text[start:end].split())))
    return mentions


_OFFICES = frozenset(
    "state defense defence treasury commerce education energy labor interior health justice security".split()
)


def entities(text: str, extra: list[Mention] | None = None) -> list[Entity]:
    """Group the proper names of a text: surnames under the full name, acronyms under what they stand for.

    extra: further mentions, such as sources that the extractor found.
    """
    mentions = proper_names(text) + (extra or [])
    by_name: dict[str, list[Mention]] = {}
    for mention in mentions:
        by_name.setdefault(mention.name, []).append(mention)
    full = [name for name in by_name if looks_like_person(name)]
    owner: dict[str, str] = {}
    by_surname: dict[str, list[str]] = {}
    for name in full:
        by_surname.setdefault(surname(name) or name, []).append(name)
    for same in by_surname.values():
        _merge_variants(same, by_name, owner)
    groups: dict[str, list[Mention]] = {}
    for name, places in by_name.items():
        for place in places:
            key = _owner(text, name, place, owner, by_surname, by_name)
            groups.setdefault(key, []).append(place)
    _join_acronyms(text, groups)
    return [Entity(name, entity_type(name), sorted(m, key=lambda x: x.start)) for name, m in groups.items()]


def _merge_variants(same: list[str], by_name: dict[str, list[Mention]], owner: dict[str, str]) -> None:
    """ "Donald J. Trump" and "Donald Trump": one person, under the fuller name where given names agree."""
    same = sorted(same, key=lambda n: (-len(n.split()), -len(by_name[n]), by_name[n][0].start))
    for k, name in enumerate(same):
        for fuller in same[:k]:
            theirs, own = fuller.split(), name.split()
            if fuller in owner or _suffix(own) != _suffix(theirs):
                continue
            if len(theirs) == len(own) + 1 and theirs[1:] == own and "." not in own[0]:
                # "Driver Bubba Wallace" beside "Bubba Wallace": the first word is no part of the name.
                owner[fuller] = name
            elif set(own) <= set(theirs) or own[0][0] == theirs[0][0] and own[0].endswith("."):
                owner[name] = fuller
                break


def _suffix(words: list[str]) -> str | None:
    last = words[-1].casefold().strip(".")
    return last if last in SUFFIXES else None


def _owner(
    text: str,
    name: str,
    place: Mention,
    owner: dict[str, str],
    by_surname: dict[str, list[str]],
    by_name: dict[str, list[Mention]],
) -> str:
    if name in owner:
        return owner[name]
    key = name.split()[-1]
    if key.isupper() and len(key) > 3 and key.title() in by_surname:
        # Transcripts and headlines: SMITH is Smith.
        key = key.title()
    if looks_like_person(name) and key == name.split()[-1] or " " in name and key not in by_surname:
        return name
    if key not in by_surname:
        # A given name alone ("Malia") belongs to the one person who bears it.
        bearers = {owner.get(n, n) for ns in by_surname.values() for n in ns if n.split()[0] == name}
        return bearers.pop() if len(bearers) == 1 else name
    if (given := given_name_before(text, place.start)) and given not in {
        w for n in by_surname[key] for w in n.split()
    }:
        return name
    choices = {owner.get(n, n) for n in by_surname[key]}
    # The bearer named last before this place; before any full name, the one named most.
    before = [
        (m.start, owner.get(n, n)) for n in by_surname[key] for m in by_name[n] if m.start < place.start
    ]
    if before:
        return max(before)[1]
    return max(choices, key=lambda n: len(by_name[n]))


def _join_acronyms(text: str, groups: dict[str, list[Mention]]) -> None:
    """ "World Health Organization (WHO)" or matching initials: the acronym belongs to the long name."""
    acronyms = [n for n in groups if regex.fullmatch(r"(?:\p{Lu}\.?){2,7}", n)]
    for short in acronyms:
        letters = short.replace(".", "")
        for long in list(groups):
            words = [w for w in regex.split(r"[\s\-]+", long) if w[:1].isupper()]
            if len(words) >= 2 and "".join(w[0] for w in words) == letters and long != short:
                groups[long] += groups.pop(short)
                break


def entity_type(name: str) -> str:
    """person, country or organization, by the words of the name."""
    bare = regex.sub(r"^the\s+", "", name, flags=regex.IGNORECASE).casefold()
    if bare in _COUNTRIES:
        return "country"
    if looks_like_person(name):
        return "person"
    if any(w.strip(",.").casefold() in _ORGANIZATION for w in name.split()) or regex.fullmatch(
        r"(?:\p{Lu}\.?){2,7}", name
    ):
        return "organization"
    words = [w for w in name.split() if w.casefold() not in SUFFIXES]
    return "person" if len(words) == 1 and not name.endswith("s") else "organization"
