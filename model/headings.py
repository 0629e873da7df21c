"""Headings inside a text: lines whose words are capitalised for their place, not because they are names."""

from __future__ import annotations

import regex

from quoth.model.names import PARTICLES, is_function
from quoth.model.quotes import paragraphs

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’&\-]*")
_SENTENCE = regex.compile(r"[.!:;,][\"”’']?$")

DATELINE = regex.compile(
    r"^\p{Lu}{2}[\p{L}\p{N}.,'’\- ]{1,40}(?:\([\p{L}. ]+\) )?(?:—|–|--?) (?=\p{Lu}|[“\"‘'])", regex.MULTILINE
)
"""OSTERVIK, Norway (Herald) — """

HEADING_WORDS = 4
"""So many words, all capitalised but for those that titles leave small, are a heading."""


def headings(text: str) -> list[tuple[int, int]]:
    """Spans of the lines that are headings; a text of one line has none."""
    lines = paragraphs(text)
    return [(a, b) for a, b in lines if is_heading(text[a:b])] if len(lines) > 1 else []


def is_heading(line: str) -> bool:
    """Whether all words of a line are capitalised as in a title, and it does not end like a sentence."""
    if _SENTENCE.search(line):
        return False
    words = _WORD.findall(line)
    if len(words) < HEADING_WORDS or len(words) > 30:
        return False
    small = [w for w in words if w[0].islower()]
    return len(small) < len(words) / 2 and all(is_function(w) or w in PARTICLES for w in small)
