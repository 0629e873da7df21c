"""Read quotation marks: which passages of a text stand between them.

Marks are paired within a paragraph (a line).  A passage still open at the paragraph's end ends there;
when the next paragraph begins with an opening mark, it continues the same quotation (news convention).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import regex

_CURLY = {"“": "”", "‟": "”", "„": "“”", "«": "»", "〝": "〞〟", "``": "''"}
_CLOSING = frozenset("”»〞〟")
_INWARD = {"»": "«", "”": "”"}
_DOUBLE = regex.compile(r"``|''|[“”„‟«»〝〞〟\"]")
_SINGLE = regex.compile(r"[‘’']")
_PARAGRAPH = regex.compile(r"[^\r\n\u2028\u2029]+")
_PUNCTUATION = regex.compile(r"[\p{P}\p{S}]")
_OPENERS_BEFORE = frozenset("([{—–-/…:" + "“‘\"'«„")
_INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u2060\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u00ad"
)
_ENDS = (",", ".", "?", "!", "…")
_ELISION = r"(?:em|til|tis|twas|cause|bout|n|\d\ds)\b"


@dataclass(frozen=True)
class Passage:
    """Characters [start, end), marks included.

    continues: it goes on with the quotation that the paragraph before left open.
    closed: its closing mark is there.
    """

    start: int
    end: int
    continues: bool = False
    closed: bool = True


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Spans of the lines of a text that are not blank, without the white space around them."""
    spans = []
    for match in _PARAGRAPH.finditer(text):
        line = match.group()
        stripped = line.strip()
        if stripped:
            start = match.start() + line.index(stripped[0])
            spans.append((start, start + len(stripped)))
    return spans


def passages(text: str) -> list[Passage]:
    """All passages between quotation marks, in order, none inside another.

    Double marks of any style count.  Single marks count where the text has hardly any double ones (British
    usage); an apostrophe is none.  Unbalanced marks never raise: a lone closing mark is passed over.
    """
    lines = paragraphs(text)
    find = _single_marks if _speaks_in_single_marks(text) else _double_marks
    found: list[Passage] = []
    open_before = False
    for start, end in lines:
        marks = find(text, start, end)
        first = bool(marks) and marks[0].opens and not text[start : marks[0].start].strip(_INVISIBLE)
        line = _pair(text, marks, end)
        if open_before and first and line and line[0].start == marks[0].start:
            line[0] = Passage(line[0].start, line[0].end, True, line[0].closed)
        open_before = bool(line) and not line[-1].closed and line[-1].end == end
        found += line
    return found


@dataclass(frozen=True)
class _Mark:
    start: int
    end: int
    char: str
    opens: bool
    closes: bool


def _double_marks(text: str, start: int, end: int) -> list[_Mark]:
    """Double marks of a paragraph, each with whether its surroundings let it open or close."""
    marks = []
    for match in _DOUBLE.finditer(text, start, end):
        opens, closes = _directions(text, match.start(), match.end(), start, end)
        char = match.group()
        if char == "''" and not closes:
            continue
        if char == '"' and closes and not opens and text[match.start() - 1].isdigit():
            # 6'2" is a length unless a quotation waits to be closed.
            inches = regex.match(r".*\d['’]\d+$", text[max(start, match.start() - 8) : match.start()])
            if inches:
                continue
        if char == '"' and not opens and text.startswith(_ENDS, match.start() - 1, match.start()):
            # "We stay,"she said.
            closes = True
        marks.append(_Mark(match.start(), match.end(), char, opens, closes))
    return marks


def _single_marks(text: str, start: int, end: int) -> list[_Mark]:
    """Single marks of a paragraph that are no apostrophes, and its double ones are inner quotations."""
    marks = []
    for match in _SINGLE.finditer(text, start, end):
        at, char = match.start(), match.group()
        before = text[at - 1] if at > start else " "
        after = text[at + 1] if at + 1 < end else " "
        if before.isalnum() and after.isalnum():
            continue
        opens, closes = _directions(text, at, at + 1, start, end)
        year = after.isdigit() and text[start:at].rstrip()[-1:].isalnum()
        if year or regex.match(_ELISION, text[at + 1 : at + 7]):
            opens = False
        if char == "‘":
            closes = False
        if char == "’":
            opens = False
        if opens != closes:
            marks.append(_Mark(at, at + 1, char, opens, closes))
    return _without_plurals(text, marks)


def _without_plurals(text: str, marks: list[_Mark]) -> list[_Mark]:
    """Drop marks after s that a better closing one before the next opening makes a plural's apostrophes."""
    kept: list[_Mark] = []
    better = False
    for mark in reversed(marks):
        plural = mark.closes and text[mark.start - 1] in "sSxz"
        if not (plural and better):
            kept.append(mark)
        better = mark.closes and (better or not plural)
    return kept[::-1]


def _directions(text: str, start: int, end: int, low: int, high: int) -> tuple[bool, bool]:
    """Whether a mark at [start, end) can open and can close, judged by its neighbours."""
    left, right = start - 1, end
    while left >= low and text[left] in _INVISIBLE:
        left -= 1
    while right < high and text[right] in _INVISIBLE:
        right += 1
    before = text[left] if left >= low else " "
    after = text[right] if right < high else " "
    opens = not after.isspace() and (before.isspace() or before in _OPENERS_BEFORE)
    closes = not before.isspace() and (after.isspace() or _PUNCTUATION.match(after) is not None)
    if before.isspace() and after.isspace() and left >= low:
        # A mark that stands alone ("grief, " she said) can only close.
        closes = True
    if text[start:end] in _CURLY and text[start:end] != "``":
        opens = opens or not closes
    return opens, closes


_AHEAD = 200
"""Marks after one that tell what it is.  A paragraph with more is no prose, and would take the square of the time."""


def _pair(text: str, marks: list[_Mark], end: int) -> list[Passage]:
    """Pair the marks of one paragraph that ends at `end`."""
    found: list[Passage] = []
    opened: _Mark | None = None
    depth = 0
    for k, mark in enumerate(marks):
        ahead = marks[k + 1 : k + 1 + _AHEAD]
        if opened is None:
            if mark.char in _CLOSING:
                # »We stay,« and ”We stay,”: only where its partner is the next mark.
                following = next((m.char for m in ahead if m.char in _CURLY or m.char in _CLOSING), "")
                opens = mark.opens and not mark.closes and following == _INWARD.get(mark.char)
            else:
                opens = mark.opens or mark.char in _CURLY
            if opens:
                opened, depth = mark, 0
            continue
        if _closes(opened, mark, ahead):
            if depth:
                depth -= 1
                continue
            found.append(Passage(opened.start, mark.end))
            opened = None
        elif mark.char == opened.char or (mark.opens and not mark.closes and mark.char in _CURLY):
            if _is_inner(opened, ahead):
                depth += 1
            else:
                # The quotation before was never closed.
                found.append(_cut_before(text, opened.start, mark.start))
                opened, depth = mark, 0
    if opened is not None:
        found.append(Passage(opened.start, end, closed=False))
    return [p for p in found if any(ch.isalnum() for ch in text[p.start : p.end])]


def _closes(opened: _Mark, mark: _Mark, rest: list[_Mark]) -> bool:
    partners = (_CURLY | _INWARD | {"‘": "’'", "'": "'’"}).get(opened.char, '"”')
    if mark.char in partners and (mark.char != '"' or mark.closes):
        return mark.closes or mark.char in _CLOSING
    if mark.char == '"' and mark.closes and opened.char in _CURLY:
        # A straight mark closes a curly one only if no curly partner comes before the next opening.
        for later in rest:
            if later.char in partners:
                return False
            if later.opens:
                return True
        return True
    return mark.char == opened.char and mark.closes and not mark.opens


def _is_inner(opened: _Mark, rest: list[_Mark]) -> bool:
    """An opening mark inside an open quotation is an inner one if two closing marks follow it."""
    return len(rest) >= 2 and all(m.closes and not m.opens for m in rest[:2])


def _cut_before(text: str, start: int, end: int) -> Passage:
    """An unclosed quotation that ends before the next one opens."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return Passage(start, end, closed=False)


def _speaks_in_single_marks(text: str) -> bool:
    """British usage: single marks at the edges of words, and fewer double than single quotations."""
    single = len(_SINGLE_QUOTATION.findall(text))
    if not single:
        return False
    return len(_DOUBLE.findall(text)) < 2 * single


_SINGLE_QUOTATION = regex.compile(
    rf"(?:^|[\s(—–])[‘'](?!{_ELISION})(?=[\p{{L}}\p{{N}}])[^‘\n]{{2,2000}}?"
    r"(?:[,.?!…][’'](?=\s|$|[—–;:)])|[’'](?=,))"
)
_TURN = regex.compile(
    r"""(?<![^\r\n\u2028\u2029])[ \t]*
    (?P<label>\p{Lu}[\p{Lu}.'’\-]+(?:[ ]\p{Lu}[\p{Lu}.'’\-]*){0,3})
    (?:,[ ][^:\r\n\u2028\u2029]{1,60}|[ ]\([^)\r\n\u2028\u2029]{1,40}\))?
    :[ \t\u00a0]+(?=\S)""",
    regex.VERBOSE,
)
_NO_SPEAKER = frozenset(
    """CREDIT IMAGE PICTURE CAPTION DATE TIME LOCATION RATING SCORE PROS CONS STEP TIP MYTH CLAIM REALITY VERDICT RULING ANSWER
    WATCH PHOTO PHOTOS VIDEO RELATED UPDATE UPDATED READ MORE FILE BREAKING CORRECTION NOTE EDITOR'S EXCLUSIVE OPINION
    ANALYSIS LIVE SOURCE SOURCES TOPICS TAGS SEE ALSO TIMELINE FACT QUESTION Q A CONTACT MEDIA PRESS WHAT WHO WHOM WHY
    HOW WHEN WHERE WHICH THEY THEIR IT ITS WE OUR YOU YOUR THIS THAT THESE THOSE HERE AND OR IS ARE TO FOR WITH IN ON
    AT BY""".split()
)


def _is_no_speaker(label: str) -> bool:
    return not _NO_SPEAKER.isdisjoint(label.upper().split())


_BEHIND_GIVEN = regex.compile(r"(?<=\b\p{Lu}\p{Ll}+ )\p{Lu}[\p{L}'’\-]+")


def _is_somebody(label: str, named: set[str]) -> bool:
    """Whether a label that is written small is a name: of two words, or one that the text has behind a given name."""
    return label in ("Q", "A") or (" " in label or label in named) and not _is_no_speaker(label)


@dataclass(frozen=True)
class Turn:
    """A line of a transcript: who is named before the colon, and what follows it."""

    label_start: int
    label_end: int
    start: int
    end: int


_SMALL_TURN = regex.compile(
    r"""(?<![^\r\n\u2028\u2029])[ \t]*(?P<label>[QA]|\p{Lu}[\p{L}.'’\-]+(?:[ ]\p{Lu}[\p{L}.'’\-]*){0,3}):[ \t\u00a0]+(?=\S)""",
    regex.VERBOSE,
)


def turns(text: str) -> list[Turn]:
    """The turns of a transcript ("SMITH: We will go."); none unless at least two lines are such.

    Labels may be written small ("Ann Smith:", "Q:"), if two come back.  A question whose label is "Q" is nobody's.
    """
    small = list(_SMALL_TURN.finditer(text))
    labels = Counter(match["label"] for match in small)
    named = set(_BEHIND_GIVEN.findall(text)) if small else set()
    back = {label for label, n in labels.items() if n > 1 and _is_somebody(label, named)}
    matches = {m.start(): m for m in small if len(back) > 1 and m["label"] in back - {"Q"}}
    matches |= {m.start(): m for m in _TURN.finditer(text) if not _is_no_speaker(m["label"])}
    found = []
    for _, match in sorted(matches.items()):
        line = _PARAGRAPH.match(text, match.end())
        end = match.end() + len(line.group().rstrip()) if line else match.end()
        if end > match.end():
            found.append(Turn(match.start("label"), match.end("label"), match.end(), end))
    return found if len(found) > 1 else []
