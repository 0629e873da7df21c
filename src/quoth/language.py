"""Is a text English?"""

from __future__ import annotations

import math

import regex

SAMPLE = 3000
"""Characters that are looked at, from the text's start."""

SHORTEST = 60
"""Texts with fewer letters are taken for English: too little to tell."""

_WORD = regex.compile(r"\p{L}+")
_COMMON = frozenset(
    "the of and to in a that is was for on with as at by it from be he she they his her are this have has had not but"
    " who said were been which an their will would".split()
)


def english_warning(text: str) -> str | None:
    """What to warn of when a text is not English and so is not labelled; None for English."""
    sample = text[:SAMPLE]
    if sum(ch.isalpha() for ch in sample) < SHORTEST:
        return None
    words = [w.casefold() for w in _WORD.findall(sample)]
    if sum(w in _COMMON for w in words) > 0.25 * len(words):
        # Plainly English, and the detector takes longer to load than an article to label.
        return None
    import py3langid

    ranked = py3langid.rank(sample)
    language, best = ranked[0]
    certainty = 1 / sum(math.exp(score - best) for _, score in ranked)
    if language == "en" or certainty < 0.9:
        return None
    return f"skipped: the text looks like language '{language}', not English"
