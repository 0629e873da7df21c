"""Sources in full: what the tagger cut off a phrase such as "an official with direct knowledge of the talks"."""

from __future__ import annotations

import regex

from quoth.model.headings import DATELINE

_QUALIFIED = regex.compile(
    r"\s+(?:familiar with|close to|briefed on|involved in|with (?:\w+ ){0,2}knowledge of)\s[^,.;:()“”\"\n–—]{1,60}?"
    r"(?=\s(?:said|says|told|added|confirmed|claimed|described|have|has|had|was|were)\b|[,.;:()“”\"\n–—])"
)
"""An official "familiar with the talks"."""
_OPEN = regex.compile(r"\b(?:of|for|from|at|in|the|an?)$")
_PART = regex.compile(
    r"\b(?:at least(?= (?:\d+|one|two|three|four|five|six|half|a)\b)|an? (?:\p{L}+ )?(?:number|handful|couple|majority|group) of)\b",
    regex.IGNORECASE,
)
"""Ministers, "a small number of" them, as the tagger may leave out."""
_FIRST_HALF = regex.compile(r"\b(?:New|San|Los|Las|North|South|Saudi|Hong|Sri|El|Abu|Tel|United)$")
_SECOND_HALF = regex.compile(r" \p{Lu}\p{Ll}+")
"""New "York"."""
_NAME = regex.compile(
    r" (?:(?:the|its|his|her|their) )?\p{Lu}[\p{L}.\-]*(?:['’]s)?(?: (?:(?:of|for|and|the) )*\p{Lu}[\p{L}.\-]*(?:['’]s)?)*"
)


_ACCOUNT = regex.compile(r", @\w+(?=,)")
"""A reader, "@ode","""
_ARTICLE = regex.compile(r"\bthe (?:\p{L}[\p{L}.]* )?$", regex.IGNORECASE)


def with_article(text: str, start: int, end: int) -> str:
    """A source phrase with a "the", and a word after it, that the tagger left out: "the US president"."""
    before = _ARTICLE.search(text, max(0, start - 30), start)
    return text[before.start() if before else start : end]


def whole_source(text: str, start: int, end: int) -> tuple[int, int]:
    """A source phrase grown to where its words end: a qualification that it began, a name after "of" or "for"."""
    for match in _QUALIFIED.finditer(text, start, min(len(text), end + 120)):
        if match.start() <= end < match.end():
            return start, match.end()
    if dateline := DATELINE.match(text, text.rfind("\n", 0, start) + 1, end):
        start = max(start, dateline.end())
    if account := _ACCOUNT.match(text, end):
        end = account.end()
    if text.endswith("@", 0, start):
        # An account is named with its sign.
        start -= 1
    if (part := _PART.search(text, max(0, start - 30), end)) and not text[part.end() : start].strip():
        start = min(start, part.start())
    if half := _FIRST_HALF.search(text, start, end):
        whole = _SECOND_HALF.match(text, half.end())
        end = whole.end() if whole else end
    if _OPEN.search(text, start, end) and (name := _NAME.match(text, end)):
        return start, name.end()
    return start, end
