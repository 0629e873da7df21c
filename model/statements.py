"""Contents, passages and links of an article -> statements with their cues and sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import regex
from numpy.typing import NDArray

from quoth.model.attributions import Reading, best_run
from quoth.model.clutter import is_clutter
from quoth.model.cues import is_speech
from quoth.model.quotes import Passage, paragraphs, passages, turns
from quoth.model.source_phrases import whole_source
from quoth.model.windows import Tokens
from quoth.records import Kind

_WORD = regex.compile(r"[\p{L}\p{N}]+(?:['’\-][\p{L}\p{N}]+)*")
_JOINT = regex.compile(r"[\p{L}\p{M}\p{N}]")
_EDGE = " \t\r\n\u00a0,;:–—-"

SENTENCE_END = regex.compile(
    r"(?<!\b\p{Lu}|\b(?:Mr|Ms|Dr|Mrs|Sen|Rep|Gov|Gen|Lt|St|Jr|Capt|Sgt|Col|Maj|Cpl|Cmdr|Adm|Rev|Hon|Prof|Supt|Insp|Det))[.!?][\"”’']?\s+(?=[\"“‘']?\p{Lu})|\n"
)
_POSSESSIVE = regex.compile(r"['’]s?\s")
_OWNER = regex.compile(r"\b(?:(?:the|an?) )?[\p{L}\p{M}\p{N}\-]+$", regex.IGNORECASE)
_TAIL = regex.compile(r"[\s,;:–—-]+(?:(?:and|but|or|while)\s*)?$")
FRAGMENT_WORDS = 3

SHORT_WORDS = 8
"""A paraphrase of up to so many words is given with its cue and source, if they are longer than it is."""

STRONG = 0.6
"""A content grows around tokens above this probability."""

WEAK = 0.4
"""A token beside a content belongs to it above this probability."""

GAP = 4
"""So many tokens between two pieces of one content are taken for content."""


LIKELY = 0.55
"""Paraphrases whose tokens are less likely content than this, on average, are not reported."""


@dataclass(frozen=True)
class Found:
    """A statement before its speaker is named and its stance told.

    start, end: characters.  first, last: tokens of its content.  clause: tokens of the content with its cue and
    source.  score: mean probability that its tokens are content.
    group: equal for the pieces of one utterance.  cue, source: character spans.  speech: said, not only
    believed or planned.
    """

    start: int
    end: int
    first: int
    last: int
    clause: tuple[int, int]
    kind: Kind
    fragment: bool
    score: float
    group: int
    cue: tuple[int, int] | None
    source: tuple[int, int] | None
    speech: bool

    def is_reported(self, all_cues: bool = False) -> bool:
        """Whether it goes into the record: quoted, or likely a paraphrase of what was said.

        all_cues: or of what was believed or planned.
        """
        if self.kind == "direct":
            return True
        return (all_cues or self.speech) and self.cue is not None and self.score >= LIKELY


@dataclass(frozen=True)
class _Link:
    """A cue's token run and its source's characters."""

    cue: tuple[int, int] | None
    source: tuple[int, int] | None


def find_statements(text: str, tokens: Tokens, reading: Reading) -> list[Found]:
    """All statements of an article, in order; a mixed clause comes before the passages inside it."""
    lines = paragraphs(text)
    breaks = np.zeros(len(tokens) + 1, dtype=bool)
    for start, _ in lines:
        breaks[tokens.between(start, start + 1)[0]] = True
    reader = _Reader(text, tokens, reading, breaks[:-1])
    quoted = passages(text)
    found: list[Found] = []
    taken: set[int] = set()
    clauses = [
        clause
        for content in reader.contents()
        for clause in _sentences(text, *reader.characters(*content), quoted)
    ]
    for start, end in clauses:
        inner = [k for k, p in enumerate(quoted) if _overlap(p, start, end) * 2 >= p.end - p.start]
        outside = _words_outside(text, start, end, quoted)
        if inner and outside <= 1 or outside == 0 or not inner and reader.is_no_clause(start, end):
            continue
        for k in inner:
            start, end = min(start, quoted[k].start), max(end, quoted[k].end)
        start, end = _outside_partial(quoted, start, end)
        if start >= end:
            continue
        first, last = tokens.between(start, end)
        link = reader.link(first, last)
        kind: Kind = "mixed" if inner else "indirect"
        group = reader.group(link, start)
        clause = reader.found(start, end, kind, False, link, group)
        if _n_words(text, clause.start, clause.end) < 2:
            # One word that nothing was done to is no statement.
            continue
        found.append(clause)
        for k in inner:
            taken.add(k)
            p = quoted[k]
            found.append(reader.found(p.start, p.end, "direct", _is_fragment(text, p, 1.0), link, group))
    before: Found | None = None
    for k, p in enumerate(quoted):
        if k in taken:
            before = next(f for f in found if (f.start, f.end) == (p.start, p.end))
            continue
        first, last = tokens.between(p.start, p.end)
        link = reader.link(first, last)
        group = reader.group(link, p.start)
        if p.continues and before is not None:
            group = before.group
            if link.source is None:
                link = _Link(link.cue or before_link(before, tokens), before.source)
        score = float(reader.content[first:last].mean()) if last > first else 0.0
        before = reader.found(p.start, p.end, "direct", _is_fragment(text, p, score), link, group)
        found.append(before)
    spoken = turns(text)
    if spoken:
        # What stands in a transcript's turn is said by the one named before the colon.
        found = [
            f
            for f in found
            if f.kind == "direct" or not any(t.label_start <= f.start < t.end for t in spoken)
        ]
        for turn in spoken:
            link = _Link(None, (turn.label_start, turn.label_end))
            found.append(
                reader.found(turn.start, turn.end, "direct", False, link, reader.group(link, turn.start), 1.0)
            )
    quiet = [(a, b) for a, b in lines if is_clutter(text[a:b])]
    found = [f for f in found if not any(a <= f.start < b for a, b in quiet)]
    return sorted(_without_repeats(found), key=lambda f: (f.start, -f.end))


def _sentences(text: str, start: int, end: int, quoted: list[Passage]) -> list[tuple[int, int]]:
    """A content cut where a sentence ends outside quotation marks: a paraphrase is one clause."""
    cuts = [
        m.end()
        for m in SENTENCE_END.finditer(text, start, end)
        if not any(p.start < m.start() and m.end() < p.end for p in quoted)
    ]
    pieces = zip([start, *cuts], [*cuts, end], strict=True)
    return [(a, a + len(_TAIL.sub("", text[a:b]))) for a, b in pieces if text[a:b].strip()]


def _without_repeats(found: list[Found]) -> list[Found]:
    """Of two paraphrases of one source that grew until one holds the other, the longer."""
    kept: list[Found] = []
    for f in sorted(found, key=lambda f: f.start - f.end):
        held = any(
            (g.source == f.source or (g.start, g.end) == (f.start, f.end))
            and g.start <= f.start
            and f.end <= g.end
            for g in kept
            if g.kind != "direct"
        )
        if f.kind == "direct" or not held:
            kept.append(f)
    return kept


def before_link(before: Found, tokens: Tokens) -> tuple[int, int] | None:
    """The token run of an earlier statement's cue."""
    return tokens.between(*before.cue) if before.cue else None


class _Reader:
    """One article's links, each looked up once."""

    def __init__(self, text: str, tokens: Tokens, reading: Reading, breaks: NDArray[np.bool_]) -> None:
        self.text = text
        self.tokens = tokens
        self.reading = reading
        self.breaks = breaks
        self.content = reading.inside("content")
        self._paragraph = np.cumsum(breaks)
        self._cues = reading.runs("cue", breaks, 0.4)
        self._sources = reading.runs("source", breaks, 0.4)
        self._links: dict[tuple[int, int], _Link] = {}
        self._source_of: dict[tuple[int, int], tuple[int, int] | None] = {}
        self._groups: dict[tuple[tuple[int, int], int], int] = {}
        self._next_group = 0

    def characters(self, first: int, last: int) -> tuple[int, int]:
        """Tokens -> characters, grown to whole words, without separators at the ends."""
        start, end = int(self.tokens.starts[first]), int(self.tokens.ends[last - 1])
        text = self.text
        mark = start - (text[max(0, start - 1) : start] in ("'", "’"))
        if _POSSESSIVE.match(text, mark) and (owner := _OWNER.search(text, max(0, mark - 60), mark)):
            # "the board’s chairman": the tagger began inside.
            start = owner.start()
        while start > 0 and _JOINT.match(text[start]) and _JOINT.match(text[start - 1]):
            start -= 1
        while end < len(text) and _JOINT.match(text[end]) and _JOINT.match(text[end - 1]):
            end += 1
        while start < end and text[start] in _EDGE:
            start += 1
        while end > start and text[end - 1] in _EDGE:
            end -= 1
        return start, end

    def phrase(self, run: tuple[int, int] | None) -> tuple[int, int] | None:
        """The characters of a cue or source; None where the run holds nothing but punctuation."""
        start, end = self.characters(*run) if run else (0, 0)
        return (start, end) if start < end else None

    def contents(self) -> list[tuple[int, int]]:
        """Content runs; pieces of one content that the tagger tore apart are mended."""
        sure = self.content
        busy = np.maximum(self.reading.inside("cue"), self.reading.inside("source")) > 0.5
        limits = np.append(self.breaks, True)
        mended: list[tuple[int, int]] = []
        cue: tuple[int, int] | None = None
        for first, last in self.reading.runs("content", self.breaks, STRONG):
            while not limits[first] and sure[first - 1] > WEAK and not busy[first - 1]:
                if mended and mended[-1][1] >= first:
                    break
                first -= 1
            while not limits[last] and sure[last] > WEAK and not busy[last]:
                last += 1
            own = self.link(first, last).cue
            if mended and own == cue and own is not None:
                begin, end = mended[-1]
                gap = slice(end, first)
                near = first - end <= GAP and not busy[gap].any() and not self.breaks[end : first + 1].any()
                if near:
                    mended[-1] = (begin, max(end, last))
                    continue
            if mended and first < mended[-1][1]:
                first = mended[-1][1]
                if first >= last:
                    continue
            mended.append((first, last))
            cue = own
        return mended

    def link(self, first: int, last: int) -> _Link:
        """The cue that a content points at, and the source that this cue points at; both stand outside it."""
        if (first, last) not in self._links:
            self._links[first, last] = self._read_link(first, last)
        return self._links[first, last]

    def _read_link(self, first: int, last: int) -> _Link:
        if first >= last:
            return _Link(None, None)
        where, nowhere = self.reading.point("cue", first, last)
        where[first:last] = 0
        cue = best_run(where, nowhere, [c for c in self._cues if c[1] <= first or last <= c[0]])
        if cue is None:
            return _Link(None, None)
        if cue not in self._source_of:
            at, none = self.reading.point("source", cue[0], cue[0] + 1)
            source = self.phrase(best_run(at, none, self._sources))
            source = whole_source(self.text, *source) if source else None
            self._source_of[cue] = source if source and not self._is_in_capitals(*source) else None
        return _Link(cue, self._source_of[cue])

    def group(self, link: _Link, start: int) -> int:
        """Pieces of one cue in one paragraph are one utterance."""
        place = int(self._paragraph[min(self.tokens.between(start, start + 1)[0], len(self.breaks) - 1)])
        key = (link.cue, place) if link.cue else None
        if key is None or key not in self._groups:
            self._next_group += 1
            if key is None:
                return self._next_group
            self._groups[key] = self._next_group
        return self._groups[key]

    def found(
        self,
        start: int,
        end: int,
        kind: Kind,
        fragment: bool,
        link: _Link,
        group: int,
        score: float | None = None,
    ) -> Found:
        first, last = self.tokens.between(start, end)
        cue = self.phrase(link.cue)
        if score is None:
            score = float(self.content[first:last].mean()) if last > first else 0.0
        speech = kind == "direct" or cue is None or is_speech(self.text[cue[0] : cue[1]])
        clause = start, end
        if kind != "direct":
            clause = self._clause(start, end, cue, link.source)
            short = _n_words(self.text, start, end) <= SHORT_WORDS
            if short and 2 * (end - start) < clause[1] - clause[0]:
                # "Ortega denied the charge": "the charge" is no statement without what was done to it.
                start, end = clause
        return Found(
            start,
            end,
            first,
            last,
            self.tokens.between(*clause),
            kind,
            fragment,
            score,
            group,
            cue,
            link.source,
            speech,
        )

    def _clause(
        self, start: int, end: int, cue: tuple[int, int] | None, source: tuple[int, int] | None
    ) -> tuple[int, int]:
        """The paraphrase with its cue and source, as far as they stand in its sentence."""
        for part in (cue, source):
            if part is None:
                continue
            low, high = min(start, part[0]), max(end, part[1])
            if not SENTENCE_END.search(self.text, low, high):
                start, end = low, high
        return start, end

    def is_no_clause(self, start: int, end: int) -> bool:
        """A lone relative ("who"), or a line of capitals."""
        said = self.text[start:end]
        only = said.casefold() in ("who", "which", "so", "what") or not any(ch.islower() for ch in said)
        return only or self._is_in_capitals(start, end)

    def _is_in_capitals(self, start: int, end: int) -> bool:
        """Whether all of a line is: a headline inside the text."""
        low = self.text.rfind("\n", 0, start) + 1
        high = self.text.find("\n", end)
        return not any(ch.islower() for ch in self.text[low : high if high >= 0 else None])


def _overlap(passage: Passage, start: int, end: int) -> int:
    return max(0, min(passage.end, end) - max(passage.start, start))


def _n_words(text: str, start: int, end: int) -> int:
    return sum(1 for _ in _WORD.finditer(text, start, end))


def _words_outside(text: str, start: int, end: int, quoted: list[Passage]) -> int:
    """Words of [start, end) that stand in no passage."""
    near = [p for p in quoted if p.start < end and start < p.end]
    return sum(not any(p.start <= m.start() < p.end for p in near) for m in _WORD.finditer(text, start, end))


def _outside_partial(quoted: list[Passage], start: int, end: int) -> tuple[int, int]:
    """A clause that runs a little into a passage stops before it."""
    for p in quoted:
        if p.start < start < p.end < end:
            start = p.end
        if start < p.start < end < p.end:
            end = p.start
    return start, end


def _is_fragment(text: str, passage: Passage, score: float) -> bool:
    """Up to three words, unless they make a sentence of their own that is said ("Absolutely not," ...)."""
    body = text[passage.start : passage.end]
    words = _WORD.findall(body)
    if len(words) > FRAGMENT_WORDS:
        return False
    inner = body.strip("“”\"«»„‟'‘’` ")
    sentence = bool(words) and words[0][0].isupper() and inner[-1:] in ",.?!…—–"
    return not (sentence and score > 0.5)
