"""Scores of contents and their sources against PolNeAR-style gold: words, statements, speakers.

A document is {"doc": id, "text": str, "statements": [{"content": spans, "source": spans, "cue": spans}]},
spans being lists of [start, end] in code points; predicted documents need no text.

- A word is a run of letters and digits, apostrophes and hyphens inside it included; it belongs to a span
  that it overlaps.  A statement without a word is none.
- A statement is direct when all its words stand between double quotation marks, mixed when some do, else
  indirect.  Marks count by paragraph; one left open reaches to the paragraph's end.
- Two sources are the same when they share a word, or when both are empty.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args

import numpy as np

from quoth.errors import InputError
from quoth.eval.draws import Draws
from quoth.eval.matching import one_to_one, union
from quoth.eval.scores import Floats
from quoth.records import Record, Statement

Spans = Sequence[Sequence[int]]
Kind = Literal["direct", "mixed", "indirect"]

SCOPES = ("all", *get_args(Kind))

LIKELY = 0.5
"""Probability of being a statement, from which on a quoted passage counts."""

_TOKEN = re.compile(r"(?P<word>[^\W_]+(?:['’\-][^\W_]+)*)|(?P<mark>[\n“‟«〝”»〞\"]|``|'')")
_OPENING, _CLOSING = {"“", "‟", "«", "〝", "``"}, {"”", "»", "〞", "''", "\n"}


@dataclass(frozen=True, slots=True)
class _Words:
    """A text's words: their starts and ends, and whether each starts between quotation marks."""

    starts: list[int]
    ends: list[int]
    quoted: list[bool]

    @classmethod
    def of(cls, text: str) -> _Words:
        words, inside = cls([], [], []), False
        for token in _TOKEN.finditer(text):
            if mark := token["mark"]:
                inside = mark in _OPENING or mark not in _CLOSING and not inside
            else:
                words.starts.append(token.start())
                words.ends.append(token.end())
                words.quoted.append(inside)
        return words

    def within(self, spans: Iterable[Sequence[int]]) -> set[int]:
        """Indices of the words that overlap any of the spans."""
        return {k for a, b in spans for k in range(bisect_right(self.ends, a), bisect_left(self.starts, b))}


@dataclass(frozen=True, slots=True)
class _Item:
    """A statement as the measures see it.

    words, source: indices of words.  chars: code points of the content, each span's outer punctuation and
    white space off.  names: capitalised words of the source as text.  sourced: it has a source at all.
    """

    words: set[int]
    chars: set[int]
    kind: Kind
    source: set[int]
    names: set[str]
    sourced: bool

    @classmethod
    def of(cls, statement: dict[str, Any], text: str, words: _Words) -> _Item:
        content, source = (
            [span for span in statement.get(role) or [] if span[0] < span[1]]
            for role in ("content", "source")
        )
        inner, named = words.within(content), words.within(source)
        quoted = sum(words.quoted[k] for k in inner)
        tokens = (text[words.starts[k] : words.ends[k]] for k in named)
        return cls(
            words=inner,
            chars={i for a, b in content for i in _trimmed(text, a, b)},
            kind="indirect" if not quoted else "direct" if quoted == len(inner) else "mixed",
            source=named,
            names={re.sub(r"['’]s$", "", t) for t in tokens if len(t) >= 3 and t[0].isupper()},
            sourced=bool(source),
        )

    def iou(self, other: _Item) -> float:
        shared = len(self.chars & other.chars)
        return shared / (len(self.chars) + len(other.chars) - shared) if shared else 0.0

    def same_source(self, other: _Item) -> bool:
        if self.sourced and other.sourced:
            return not self.source.isdisjoint(other.source)
        return self.sourced == other.sourced

    def same_source_text(self, other: _Item) -> bool:
        return self.same_source(other) or not self.names.isdisjoint(other.names)


def score(
    gold_docs: Sequence[dict[str, Any]],
    predicted_docs: Sequence[dict[str, Any]],
    iou: float = 0.5,
    draws: Draws | None = None,
) -> dict[str, Any]:
    """Percentages P, R, F1 and the counts they come from; with `draws`, F1's interval over documents too.

    tokens: words in any content.  attributed_tokens: those that a predicted statement with the gold
    statement's source covers.  statements: pairs one to one, greedy by falling intersection over union of
    `chars`, at least `iou`; exact: such pairs of the same characters.  attribution: pairs with the same
    source; source_text: those, and pairs whose sources share a capitalised word of three letters or more.
    "direct" (mixed, indirect) takes as denominators only direct predictions (P) and direct gold (R), while
    their partners may be of any kind.

    A gold document without a prediction counts as one without statements.  Raises InputError for a
    document predicted twice or not in gold.
    """
    predicted: dict[str, dict[str, Any]] = {}
    for document in predicted_docs:
        if document["doc"] in predicted:
            raise InputError(f"document {document['doc']} is predicted twice")
        predicted[document["doc"]] = document
    if unknown := sorted(predicted.keys() - {document["doc"] for document in gold_docs}):
        raise InputError(f"{len(unknown)} predicted documents are not in gold: {', '.join(unknown[:5])}")
    counts: list[Counter[tuple[str, ...]]] = []
    for document in gold_docs:
        text, words = document["text"], _Words.of(document["text"])
        gold, guess = (
            [item for item in (_Item.of(s, text, words) for s in statements) if item.words]
            for statements in (
                document["statements"],
                predicted.get(document["doc"], {}).get("statements", []),
            )
        )
        counts.append(_word_counts(gold, guess) + _statement_counts(gold, guess, iou))
    return {"documents": len(gold_docs), "iou": iou} | _summary(counts, draws)


def pieces_of(record: Record, text: str) -> dict[str, Any]:
    """A record as a document of `score`: one statement for each paragraph of each quotation.

    A record has every quoted passage; those that it holds for less likely than not, titles mostly, are left out.
    The spans of a quotation's pieces are joined; its source is the first that a piece has: the phrase of
    the reporting clause, else the mention.  text: the record's article.
    """
    quotations: dict[str, list[Statement]] = {}
    likely = [s for s in record.statements if s.kind != "direct" or s.probability >= LIKELY]
    for statement in sorted(likely, key=lambda s: (s.start, s.end)):
        quotations.setdefault(statement.quotation, []).append(statement)
    statements = []
    for pieces in quotations.values():
        speakers = [p.speaker for p in pieces if p.speaker]
        sources = [s.source or s.mention for s in speakers if s.source or s.mention]
        cues = [p.cue for p in pieces if p.cue]
        frame = {
            role: [[s.start, s.end] for s in spans[:1] if s]
            for role, spans in (("source", sources), ("cue", cues))
        }
        contents = [_content(p, text) for p in pieces]
        lines = [line for a, b in union(contents) for line in _lines(text, a, b)]
        for _, spans in groupby(lines, key=lambda span: text.count("\n", 0, span[0])):
            statements.append({"content": [list(span) for span in spans], **frame})
    return {"doc": record.id, "statements": statements}


def _content(statement: Statement, text: str) -> tuple[int, int]:
    """What is said, without the cue and source that a short paraphrase's span includes."""
    start, end = statement.start, statement.end
    speaker = statement.speaker
    for part in (statement.cue, speaker.source if speaker else None):
        if part is None or statement.kind == "direct" or not start <= part.start < part.end <= end:
            continue
        # "the ministry denied the charge", "the charge, the ministry said": the side that holds words.
        after = any(ch.isalnum() for ch in text[part.end : end])
        start, end = (part.end, end) if after else (start, part.start)
    return start, end


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The stretches of [start, end) between line ends, those of white space alone left out."""
    return [
        (start + m.start(), start + m.end())
        for m in re.finditer(r"[^\n]+", text[start:end])
        if not m[0].isspace()
    ]


def _trimmed(text: str, start: int, end: int) -> range:
    # A currency sign, hash or handle belongs to the word after it, a per cent sign to the one before.
    start, end = max(start, 0), min(end, len(text))
    while start < end and not (text[start].isalnum() or text[start] in "$#@"):
        start += 1
    while start < end and not (text[end - 1].isalnum() or text[end - 1] == "%"):
        end -= 1
    return range(start, end)


def _word_counts(gold: list[_Item], guess: list[_Item]) -> Counter[tuple[str, ...]]:
    def words(items: list[_Item], kind: str | None = None) -> set[int]:
        return {k for item in items if kind in (None, item.kind) for k in item.words}

    found = words(gold) & words(guess)
    attributed = {k for g in gold for p in guess if g.same_source(p) for k in g.words & p.words}
    counts: Counter[tuple[str, ...]] = Counter()
    for scope in SCOPES:
        kind = None if scope == "all" else scope
        counts["words", scope, "gold"] = len(words(gold, kind))
        counts["words", scope, "predicted"] = len(words(guess, kind))
        for measure, hits in (("tokens", found), ("attributed_tokens", attributed)):
            counts[measure, scope, "gold"] = len(hits & words(gold, kind))
            counts[measure, scope, "predicted"] = len(hits & words(guess, kind))
    return counts


def _statement_counts(gold: list[_Item], guess: list[_Item], iou: float) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()

    def count(measure: str, g: _Item | None, p: _Item | None) -> None:
        for side, item in (("gold", g), ("predicted", p)):
            if item:
                counts.update([(measure, "all", side), (measure, item.kind, side)])
        if g and p and g.sourced:
            counts[measure, "sourced", "gold"] += 1

    for g in gold:
        count("items", g, None)
    for p in guess:
        count("items", None, p)
    for g, p in one_to_one(gold, guess, _Item.iou, iou):
        count("statements", g, p)
        if g.chars == p.chars:
            count("exact", g, p)
        if g.same_source(p):
            count("attribution", g, p)
        if g.same_source_text(p):
            count("source_text", g, p)
    return counts


def _summary(counts: Sequence[Counter[tuple[str, ...]]], draws: Draws | None) -> dict[str, Any]:
    total = sum(counts, Counter[tuple[str, ...]]())

    def block(measure: str, whole: str) -> dict[str, dict[str, float | None]]:
        return {
            scope: _prf(np.array([_cells(c, measure, whole, scope) for c in (*counts, total)]), draws)
            for scope in SCOPES
        }

    def share(part: tuple[str, ...], whole: tuple[str, ...]) -> float | None:
        return round(100 * total[part] / total[whole], 2) if total[whole] else None

    return {
        **{measure: block(measure, "words") for measure in ("tokens", "attributed_tokens")},
        **{
            measure: block(measure, "items")
            for measure in ("statements", "exact", "attribution", "source_text")
        },
        "speaker_accuracy": {
            scope: share(("attribution", scope, "gold"), ("statements", scope, "gold"))
            for scope in ("all", "direct", "sourced")
        },
        "recall_by_type": {
            kind: {
                "gold": total["items", kind, "gold"],
                "found": share(("statements", kind, "gold"), ("items", kind, "gold")),
                "attributed": share(("attribution", kind, "gold"), ("items", kind, "gold")),
            }
            for kind in get_args(Kind)
        },
    }


def _cells(counts: Counter[tuple[str, ...]], measure: str, whole: str, scope: str) -> list[int]:
    return [counts[name, scope, side] for side in ("predicted", "gold") for name in (measure, whole)]


def _prf(cells: Floats, draws: Draws | None) -> dict[str, float | None]:
    """cells: (documents + 1, 4) right, predicted, found, gold; the last row is their sum."""
    right, predicted, found, gold = cells[-1].tolist()
    figures: dict[str, float | None] = {
        "p": _share(right, predicted),
        "r": _share(found, gold),
        "f1": round(100 * float(_f1(cells[-1])), 2),
        "n_pred": int(predicted),
        "n_gold": int(gold),
        "tp_pred": int(right),
        "tp_gold": int(found),
    }
    if draws is None or len(cells) == 1:
        return figures
    drawn = draws.figure(cells[:-1], _f1)
    return figures | {
        name: None if x is None else round(100 * x, 2)
        for name, x in (("f1_low", drawn.low), ("f1_high", drawn.high))
    }


def _share(part: float, whole: float) -> float:
    return round(100 * (part / whole), 2) if whole else 0.0


def _f1(cells: Floats) -> Floats:
    """(..., 4) -> (...) harmonic mean of right / predicted and found / gold, 0 where either is."""
    right, predicted, found, gold = np.moveaxis(cells.astype(np.float64), -1, 0)
    p, r = right / np.maximum(predicted, 1), found / np.maximum(gold, 1)
    f1: Floats = 2 * p * r / np.maximum(p + r, 1e-12)
    return f1
