"""Names as news uses them: in full once, then by surname, with or without a title."""

from __future__ import annotations

import regex

from quoth.titles import TITLES

GENERIC = frozenset(
    """department ministry party times post house court university college institute agency bureau committee
    council commission association union bank group company corporation inc. corp. ltd office embassy police
    army navy force forces authority federation foundation center centre society service services board news
    network magazine journal press administration government campaign coalition alliance movement club league
    states kingdom republic nations state street church school hospital fund trust exchange parliament senate
    congress assembly caucus project report reports security airport airlines airways air team city county
    district station journalists americans democrats republicans""".split()
)

_PARTICLES = frozenset(
    "de da do dos das del della der den di du van von la le el al bin ibn ben abu ter ten y e".split()
)

SUFFIXES = frozenset("jr jr. sr sr. ii iii iv".split())

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")


def looks_like_person(name: str) -> bool:
    """Two to five words, capitalised but for particles, none of them an institution's word."""
    words = name.split()
    if not 2 <= len(words) <= 5:
        return False
    for word in words:
        bare = word.strip(",.").casefold()
        if bare in GENERIC:
            return False
        if bare not in _PARTICLES and not word[0].isupper():
            return False
    return words[0].casefold() != "the" and not any(ch.isdigit() for ch in name)


def surname(name: str) -> str | None:
    """The word that later mentions use; None for names that do not look like a person's."""
    if not looks_like_person(name):
        return None
    words = [w for w in name.split() if w.casefold().strip(",") not in SUFFIXES]
    if len(words) < 2:
        return None
    last = words[-1].strip(",.")
    # al-Hussein, bin Salman: the particle is not the surname, the word after it is.
    return last if len(last) > 1 else None


def mentions(text: str, name: str) -> list[tuple[int, int]]:
    """Spans of `text` that name `name`: the name in full, or the surname of a person.

    A surname after another given name ("Melania Trump" for Donald Trump) is somebody else's.
    """
    words = name.split()
    if not words:
        return []
    pattern = r"\s+".join(regex.escape(word) for word in words)
    spans = [m.span() for m in regex.finditer(rf"(?<![\p{{L}}\p{{N}}]){pattern}(?![\p{{L}}\p{{N}}])", text)]
    last = surname(name)
    if last is None:
        return spans
    own = {w.casefold().strip(".,") for w in words}
    for match in regex.finditer(rf"(?<![\p{{L}}\p{{N}}\-]){regex.escape(last)}(?![\p{{L}}\p{{N}}\-])", text):
        start, end = match.span()
        if any(a <= start < b for a, b in spans):
            continue
        given = given_name_before(text, start)
        if given and given.casefold().strip(".,") not in own:
            continue
        spans.append((start, end))
    return sorted(spans)


def given_name_before(text: str, start: int) -> str | None:
    """The capitalised word right before a surname, unless it is a title or opens a sentence."""
    head = text[max(0, start - 40) : start]
    if not head.endswith((" ", "\u00a0")):
        return None
    words = _WORD.findall(head)
    if not words:
        return None
    word: str = words[-1]
    gap = head[head.rindex(word) + len(word) :]
    if gap.strip() or not word[0].isupper():
        return None
    if word.casefold().strip(".") in TITLES:
        return None
    before = head[: head.rindex(word)].rstrip()
    opens_sentence = not before or before[-1] in ".!?\n\"“”'‘’:"
    return None if opens_sentence and word.casefold() in _OPENERS else word


_OPENERS = frozenset(
    "said says asked added but and when while as if after before for in on at since although though so yet".split()
)
