"""The proper names of an article: capitalised words that are so because they name somebody or something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from quoth.model.headings import DATELINE, HEADING_WORDS, headings
from quoth.model.names import (
    GENERIC,
    PARTICLES,
    SUFFIXES,
    is_capitalised,
    is_function,
    is_opener,
    is_written_small,
    looks_like_person,
    opens_sentence,
    opens_with_verb,
    surname,
)
from quoth.model.parties import COUNTRIES, is_countryman
from quoth.titles import POSTNOMINALS, is_role, is_title

_WORD = regex.compile(
    r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}&\-]|['’](?=\p{L}))*(?:\.\p{Lu}\b)*(?:\.(?:com|org|net)\b)?"
)
_LINKS = frozenset("of for in on at to and the &".split())
_POSSESSIVE = ("'s", "’s", "'S", "’S")
_RUN_ON = regex.compile(r"\p{Lu}[\p{L}\-]*")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sen sens rep reps gov gen col maj capt lt sgt cmdr adm rev st jr sr hon det supt insp con dist atty".split()
)
_QUOTED_NAME = regex.compile(
    r"(?<=\b(?:\p{Lu}\p{Ll}+|\p{Lu}\.))(?: [“\"]\p{Lu}\p{Ll}+[”\"]|(?<= [“\"]\p{Lu}\p{Ll}+)[”\"]) \p{Lu}\p{Ll}+"
)
"""Ann "Biz" Ode"""
_NICKNAME = regex.compile(r" \(\p{Lu}\p{Ll}+\) \p{Lu}")

_GIVEN = regex.compile(
    r"(?:Sunday|Friday|April|May|June|August|Will) \p{Lu}\p{Ll}+(?:-\p{Lu}\p{Ll}+)?(?:, | (?:said|says|told|added|was|is|has|had)\b)"
)
"""Days, months and verbs that are given names: "April Ode said"."""

_PLACES = COUNTRIES | {"united nations", "european union", "un", "u.n."}
_PERSON_MAY = regex.compile(r"(?<!\bIn)(?<!\bBy)(?<!\bSince)(?<!\bUntil)(?<=\b\p{Lu}\p{Ll}{2,}) May\b(?! \d)")


@dataclass(frozen=True)
class Mention:
    """Characters [start, end) that name an entity, titles left out."""

    start: int
    end: int
    name: str


def proper_names(text: str) -> list[Mention]:
    """Capitalised sequences that can be names, without titles, function words and possessive endings; none that is
    capitalised only for its place, in a heading or at the beginning of a sentence."""
    mentions = _outside_headings(text, _capitalised(text))
    by_name: dict[str, list[Mention]] = {}
    for mention in mentions:
        by_name.setdefault(mention.name, []).append(mention)
    common = {name for name, places in by_name.items() if _is_common(text, name, places, by_name)}
    return [_with_sign(text, m) for m in mentions if m.name not in common]


_AL = frozenset("Qaeda Qaida Shabaab Shabab Nusra".split())


def _with_sign(text: str, mention: Mention) -> Mention:
    """An account with its sign, "@ODE"; a body with its article, "al Qaeda", which is no person’s particle there."""
    start = mention.start
    if text.endswith("@", 0, start):
        return Mention(start - 1, mention.end, "@" + mention.name)
    if mention.name in _AL and text.endswith(("al ", "Al "), 0, start):
        return Mention(start - 3, mention.end, "al " + mention.name)
    if mention.name.startswith("Al ") and mention.name[3:] in _AL:
        return Mention(start, mention.end, "al " + mention.name[3:])
    return mention


def _capitalised(text: str) -> list[Mention]:
    """Capitalised sequences that can be names, wherever they stand."""
    found: list[Mention] = []
    sequence: list[tuple[int, int]] = []
    month = not _PERSON_MAY.search(text)
    for match in _WORD.finditer(text):
        start, end = match.span()
        word = match.group()
        if not sequence and word.islower():
            continue
        initial = len(word) == 1 and word.isupper() and text[end : end + 1] == "."
        verb = opens_with_verb(text, start, word) or is_opener(text, start, word)
        function = (verb or is_function(word)) and not (sequence and (word in ("May", "Will") or initial))
        if word.startswith("May") and not month and not regex.match(r" \d", text[end : end + 2]):
            function = False
        if _GIVEN.match(text, start) and opens_sentence(text, start):
            function = False
        if word == "March" and sequence and _PEOPLES.match(text, sequence[-1][0]):
            # Women’s March
            function = False
        capital = is_capitalised(word) and not function
        if sequence:
            gap = text[sequence[-1][1] : start]
            suffix = gap in (", ", ",\u00a0") and word.casefold() in SUFFIXES
            owned = gap in ("' ", "’ ") and _of_members(text[slice(*sequence[-1])], word)
            firm = len(sequence) == 1 and _PARTNERS.match(text, sequence[0][0])
            nick = _QUOTED_NAME.match(text, sequence[-1][1])
            joined = gap in (" ", "\u00a0") or bool(suffix or owned or firm or nick)
            link = word in _LINKS or word in PARTICLES
            if not joined or not (capital or link):
                found += _names_in(text, sequence)
                sequence = []
        if not (capital or sequence):
            continue
        possessive = word.endswith(_POSSESSIVE) and not _PEOPLES.match(text, start)
        if text[end : end + 1] == "." and (
            len(word) == 1 or "." in word or word.casefold() in _ABBREVIATIONS
        ):
            end += 1
        sequence.append((start, end - 2 if possessive else end))
        if possessive:
            found += _names_in(text, sequence)
            sequence = []
    return found + _names_in(text, sequence)


_PARTNERS = regex.compile(r"\p{Lu}[\p{L}\-]+ & \p{Lu}[\p{L}\-]+(?! \p{Lu})")
"""Ode & Brun; not "Ode & Ann Brun"."""
_PEOPLES = regex.compile(r"(?:People|Women|Children|Men|King|Queen)['’]s \p{Lu}\p{Ll}+")
"""Women's Refuge"""
_MEMBERS = regex.compile(r"\p{Lu}[\p{L}\-]*[^s\P{L}]s")
_BODIES = frozenset(
    "association union guild federation alliance trust front network council club league society forum institute fund centre center congress committee".split()
)


def _of_members(members: str, body: str) -> bool:
    """Whether a plural owns its body: "Teachers’ Union"; a party's people own none."""
    return (
        body.casefold() in _BODIES
        and _MEMBERS.fullmatch(members) is not None
        and members.casefold() not in GENERIC
    )


def _names_in(text: str, sequence: list[tuple[int, int]]) -> list[Mention]:
    """The names of one capitalised sequence: titles go, links hold only what an institution binds."""
    words = [text[a:b] for a, b in sequence]
    if len(words) >= HEADING_WORDS and all(w.isupper() for w in words):
        return []
    while words and (
        words[-1] in _LINKS
        or words[-1] in PARTICLES
        or is_function(words[-1])
        and words[-1] not in ("May", "March")
    ):
        words.pop()
    found = [run for a, b in _between_titles(words) for run in _between_links(words, a, b)]
    mentions = []
    for a, b in found:
        if full := _run_together(text, sequence[a:b]):
            mentions += [Mention(*sequence[a], words[a]), full]
            continue
        a, b = _trimmed(words, a, b)
        if b - a > 2 and _NICKNAME.match(text, sequence[b - 1][1]):
            # Run together by a page's layout: "Ann Ode Annabel (Ann) Marie Ode"
            b -= 1
        while b - a > 1 and words[b - 1].casefold().strip(".") in POSTNOMINALS:
            b -= 1
        for first in _firsts(words, a, b):
            near = text[max(0, sequence[a][0] - NEAR) : sequence[b - 1][1] + NEAR]
            if _is_named_shorter(near, words[first:b]):
                a = first
                break
        while b - a > 1 and words[b - 1] in ("Republican", "Democrat"):
            # "the Ohio Republican" is a description.
            b -= 1
        office = words[a : a + 3] if b - a == 3 and words[a + 1 : a + 2] == ["of"] else words[a:b]
        if a < b and not all(is_title(w) or w == "of" or w.casefold() in _OFFICES for w in office):
            # "the President", "the Secretary of State" name an office, not who holds it.
            start, end = sequence[a][0], sequence[b - 1][1]
            mentions.append(Mention(start, end, " ".join(text[start:end].split())))
    return mentions


def _firsts(words: list[str], a: int, b: int) -> Iterator[int]:
    """Where a person's name may begin behind what it hangs on: "Kenyan Ann Ode", "CEPA Ann Ode", "Chief of Department Ann F. Ode"."""
    if b - a < 3:
        return
    body = len(words[a].strip(".")) > 1 and words[a].isupper() and not words[a + 1].isupper()
    # Agent in Charge, Private First Class
    if body or is_countryman(words[a]) or words[a] in ("Charge", "Class"):
        yield a + 1
    first = b - 2 - (len(words[b - 2].strip(".")) == 1)
    if first - 2 > a and _LINKS.intersection(words[a:first]) and not is_title(words[first]):
        yield first


NEAR = 3000
"""Characters around a name in which its shorter form is looked for."""


def _is_named_shorter(text: str, name: list[str]) -> bool:
    """Whether a text has the last word of a person's name alone, too."""
    if text.count(name[-1]) < 2 or not looks_like_person(" ".join(name)):
        return False
    alone = rf"(?<!{regex.escape(name[-2])}\s)(?<![\p{{L}}\-]){regex.escape(name[-1])}(?![\p{{L}}\-])"
    return regex.search(alone, text) is not None


def _run_together(text: str, sequence: list[tuple[int, int]]) -> Mention | None:
    """The full name in a page's "Ode Ann Marie OdeTrade talks"."""
    if len(sequence) < 3:
        return None
    first = text[slice(*sequence[0])]
    after = [a + len(first) for a, _ in sequence[2:] if text.startswith(first, a)]
    ends = [end for end in after if text[end : end + 1].isupper()]
    if not ends:
        return None
    start, end = sequence[1][0], ends[0]
    whole = " ".join(text[start:end].split())
    # Without the middle name, which only such a page gives.
    return Mention(start, end, f"{whole.split()[0]} {first}") if looks_like_person(whole) else None


def _trimmed(words: list[str], a: int, b: int) -> tuple[int, int]:
    """A run of words without what stands before a name, and without what a page's layout ran together with it."""
    while a < b and words[a] in _LINKS:
        a += 1
    while b > a and words[b - 1] in _LINKS:
        b -= 1
    # "special envoy for Peru Bob Lee", "ambassador to Sri Lanka Bob Lee", "top Democrats Ann Ode and Bob Lee"
    for k in (1, 2):
        place = " ".join(words[a : a + k]).casefold()
        ahead = k == 1 and place in _PARTIES or b - a > k + 1 and place in _PLACES
        if ahead and looks_like_person(" ".join(words[a + k : b])):
            a += k
            break
    # "Ann Ode Ann Marie OdeTrump calls ...", "Ode Ann Marie OdeTrump calls ..."
    again = (k for k in range(a + 2, b) if words[k] == words[a] and words[k - 1] not in PARTICLES)
    first, last = (words[a], words[b - 1]) if b - a > 2 else ("", "")
    glued = last.startswith(first) and _RUN_ON.fullmatch(last, len(first))
    return a, a + 1 if glued else next(again, b)


def _between_titles(words: list[str]) -> list[tuple[int, int]]:
    """Runs of a sequence that titles part: "Harbour Board Chairman Karl Ode" has two."""
    runs = []
    begin = k = 0
    while k < len(words):
        after = _after_title(words, k)
        if after > k:
            end = k
            while end > begin and words[end - 1].casefold() in _RANKS and words[end - 2] not in _LINKS:
                end -= 1
            runs.append((begin, end))
            begin = k = after
        else:
            k += 1
    return [*runs, (begin, len(words))]


def _after_title(words: list[str], k: int) -> int:
    """Where the name after the title at `k` begins; `k` if no title stands there."""
    if is_role(words[k]) and (k == 0 or words[k - 1] not in _LINKS - {"and", "the"}):
        rest = words[k + 1 : next((j for j in range(k + 1, len(words)) if words[j] in _LINKS), len(words))]
        if looks_like_person(" ".join(rest)):
            return k + 1
    if (
        words[k] in ("General", "Major")
        and len(words) - k > 2
        and set(map(str.casefold, words[k:])) & GENERIC
    ):
        # the General Transport Union
        return k
    initial = len(words[k].strip(".")) == 1
    if not is_title(words[k]) or initial or words[k] in _LINKS or k + 1 == len(words):
        return k
    if k and words[k - 1] in _LINKS and words[k - 1] not in ("and", "the", "&"):
        # Department of Justice, Council on Foreign Relations
        return k
    after = k + 1
    bound = is_title(words[after]) and words[after + 1 : after + 2] in (["of"], ["for"])
    if bound and _after_title(words, after) == after:
        # Inspector General for Reconstruction
        return k
    if words[after] in ("of", "for"):
        if words[after + 1] == "the":
            # Chairman of the Joint Chiefs; Speaker of the House Bob Lee
            house = words[after + 2 : after + 3] in (["House"], ["Senate"])
            return after + 2 + (house and looks_like_person(" ".join(words[after + 3 :])))
        # Secretary of State John Kerry: the office's words, then the person's.
        office = next((j for j in range(after, len(words)) if words[j].casefold() in _OFFICES), len(words))
        after = office + 1
    # Justice Department, Martin Luther King Jr.
    name = after < len(words) and words[after] not in _LINKS
    return after if name and words[after].casefold().strip(".") not in GENERIC | SUFFIXES else k


_OFFICES = frozenset(
    """state defense defence treasury commerce education energy labor interior health justice security staff
    intelligence affairs agriculture transportation parliament congress refugees""".split()
)


_PARTIES = frozenset("democrats republicans senators lawmakers ministers".split())

# What a title says of itself: "Senate Majority Leader", "Special Counsel".
_RANKS = frozenset(
    """majority minority press special crown acting assistant interim managing rear associate defense
    defence treasury interior commerce education energy labor trade local senior retired""".split()
)


def _between_links(words: list[str], start: int, end: int) -> list[tuple[int, int]]:
    """Runs that links part: "Ilse Brandt and the Harbour Board" has two, "Board of Fish and Game" one."""
    runs = []
    begin = start
    for k in range(start, end):
        if words[k] not in _LINKS or words[k] == "the":
            continue
        head = words[begin + (words[begin].casefold() in _PARTIES) : k]
        institution = any(w.casefold().strip(".") in GENERIC or w.endswith(("s", "ion")) for w in head)
        # Two of three bind: an institution's word before, "of" or "for", no new article.
        binding = institution + (words[k] in ("of", "for")) + (words[k + 1 : k + 2] != ["the"])
        office = k > 1 and is_title(words[k - 1]) and is_title(words[k - 2])
        if binding < 2 or looks_like_person(" ".join(head)) and not office:
            runs.append((begin, k))
            begin = k + 1
    return [*runs, (begin, end)]


def _outside_headings(text: str, mentions: list[Mention]) -> list[Mention]:
    """Names without those that stand in datelines, or in headings alone, where every word is capitalised: "Ode Visits Harbour"."""
    dates = [match.span() for match in DATELINE.finditer(text)]
    mentions = [m for m in mentions if not any(a <= m.start < b for a, b in dates)]
    lines = headings(text)
    inside = [any(a <= m.start < b for a, b in lines) for m in mentions]
    known = {m.name for m, heading in zip(mentions, inside, strict=True) if not heading}

    def recurs(name: str) -> bool:
        return name in known or len(name.split()) < HEADING_WORDS and surname(name) in known

    return [m for m, heading in zip(mentions, inside, strict=True) if not heading or recurs(m.name)]


_PEOPLE = regex.compile(r"\p{Lu}\p{Ll}+(?:ers|ors|[iy]sts|cians|ics|ents|men|women|ly|ing)")
"""Rescuers, Doctors, Scientists, Sadly, Looking"""


def _is_common(text: str, name: str, places: list[Mention], by_name: dict[str, list[Mention]]) -> bool:
    """Whether a single word is capitalised only because it opens a sentence: "Rescuers", not "Ode" in "Ode said"."""
    if not name[1:].islower() or name.casefold() in COUNTRIES or any(n.endswith(" " + name) for n in by_name):
        return False
    if not all(opens_sentence(text, m.start) and not titled(text, m.start) for m in places):
        return False
    return _PEOPLE.fullmatch(name) is not None or is_written_small(text, name)


def titled(text: str, start: int) -> bool:
    """Whether a title in capitals stands before a name: "Mr. Ode"."""
    before = _WORD.findall(text[max(0, start - 20) : start])
    return bool(before) and before[-1][:1].isupper() and is_title(before[-1]) and before[-1] != "The"
