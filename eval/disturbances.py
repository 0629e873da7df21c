"""Changes of a text that leave what its statement does as it is."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import cycle

from quoth.eval.cases import parts

_BEFORE = (
    "Advertisement",
    "Listen to this article (4 min)",
    "The harbour on Sunday morning. Photograph: Inga Maribo",
)
_AFTER = (
    "Share this",
    "Read more: Ferry timetable changes from Monday",
    "Sign up for our morning newsletter",
)
_NEUTRAL = (
    "The town library reopens on Monday after work on its roof.",
    "Temperatures are expected to reach 19 degrees by the weekend.",
    "The museum received 40,000 visitors last year.",
    "A new tram line links the station with the harbour.",
)
_MARKS = ("“”’", '""\'', "‘’’")
_LONG_WORD = re.compile(r"\b[a-z]{5,}\b")


def disturbed(marked: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(test, changed text) of a text with its statement between [[ and ]], for each change that it allows."""
    neutral = rng.choice(_NEUTRAL)
    yield from (("quotation marks", text) for text in _other_marks(marked))
    yield from (("a typo outside the statement", text) for text in _typo(marked, rng))
    yield "ALL CAPS", marked.upper()
    yield "clutter", f"{rng.choice(_BEFORE)}\n\n{marked}"
    yield "clutter", f"{marked}\n\n{rng.choice(_AFTER)}"
    yield "a neutral sentence", f"{neutral} {marked}"
    yield "a neutral sentence", f"{marked} {neutral}"


def _other_marks(marked: str) -> Iterator[str]:
    """Curly, straight and single quotation marks; nothing for a text without, or with single ones already."""
    if "‘" in marked or not re.search('[“"]', marked) or marked.count('"') % 2:
        return
    turns = cycle("“”")
    curly = re.sub('"', lambda _: next(turns), marked).replace("'", "’")
    yield from (curly.translate(str.maketrans(_MARKS[0], marks)) for marks in _MARKS)


def _typo(marked: str, rng: random.Random) -> Iterator[str]:
    """Two neighbouring letters inside a word change places; no name, no short word."""
    before, said, _ = parts(marked)
    first, last = len(before), len(before) + len(said) + len("[[]]")
    places = [
        k
        for word in _LONG_WORD.finditer(marked)
        for k in range(word.start() + 1, word.end() - 2)
        if not first <= k < last and marked[k] != marked[k + 1]
    ]
    if places:
        k = rng.choice(places)
        yield marked[:k] + marked[k + 1] + marked[k] + marked[k + 2 :]
