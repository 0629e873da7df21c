"""What slices group statements by: traits of gold and text alone, never of a prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import regex

from quoth.eval.baselines import sentence
from quoth.eval.items import Item, Judged
from quoth.model.descriptions import describe, description_type
from quoth.model.names import given_name_before, is_capitalised, is_function, looks_like_person, mentions
from quoth.model.parties import entity_type
from quoth.model.quotes import passages
from quoth.titles import is_title

MOST_VALUES = 30
"""A metadata column with more different values is no trait."""

Span = tuple[int, int]

_LENGTHS = {"1-3": 3, "4-10": 10, "11-25": 25}
_FIFTHS = ("first fifth", "second fifth", "third fifth", "fourth fifth", "last fifth")
_MARKS = {'"': "straight", "`": "straight", "'": "single", "‘": "single", "’": "single"} | dict.fromkeys(
    "“”„‟«»〝〞〟", "curly"
)
_PRONOUNS = {
    "person": frozenset("he she they".split()),
    "institution": frozenset("it they".split()),
    "description": frozenset("he she it they".split()),
}
_WORD = regex.compile(r"[\p{L}\p{N}]+(?:['’\-][\p{L}\p{N}]+)*")
_NAME_WORD = regex.compile(r"[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}\-]|\.(?=\p{L})|['’](?![sS]?\b)(?=\p{L}))*")
_AFTER_HEAD = regex.compile(r"\s(?:of|for|at|in|from|with|to|on|by|about|familiar|close|near|briefed)\s.*")
_YEAR = regex.compile(r"\s*((?:1[5-9]|20|21)\d\d)(?:\d{4}(?:T.*)?|[-/.T ].*|\.0)?\s*", regex.DOTALL)
_REPORTS = r"""(?:sa(?:y|ys|id|ying)|t(?:ell|ells|old|elling)|sp(?:eak|eaks|oke|oken|eaking)
    |(?:den|repl|specif|clarif|justif|identif|testif|impl)(?:y|ies|ied|ying)
    |admit(?:s|ted|ting)?|refer(?:s|red|ring)?|r(?:ule|ules|uled|uling)\ out
    |(?:accus|acknowledg|alleg|announc|apologi[sz]|argu|blam|censur|charg|conced|criticis|criticiz|declar|denounc
    |deplor|describ|disclos|disput|elaborat|endors|rebuk|repudiat|stat)(?:e|es|ed|ing)
    |(?:address|affirm|allud|answer|ask|assert|claim|comment|condemn|confirm|contend|contest|defend|detail|discuss
    |explain|express|insist|mention|predict|reject|remark|report|respond|reveal|suggest|threaten|warn)
    (?:e|es|ed|ing|s)?)\b"""
_REPORTED = regex.compile(rf"\b{_REPORTS}|\baccording\ to\b", regex.VERBOSE | regex.IGNORECASE)
_NEGATED = regex.compile(
    rf"""(?:\b(?:not|never|nor|neither|without|yet\ to|no\ longer)|\w+n['’]t
    |\b(?:declin|refus|hesitat|fail|omit|neglect|unwilling|reluctan)\w*\ to|\bstop(?:s|ped|ping)?\ short\ of
    |\bavoid(?:s|ed|ing)?)\ (?:(?:\w+ly|yet|ever|even|be|been|have|immediately)\ ){{0,2}}{_REPORTS}""",
    regex.VERBOSE | regex.IGNORECASE,
)


def with_traits(rows: Sequence[Judged]) -> list[Judged]:
    """The same rows with the traits of all items, a trait left out where it does not apply.

    Of every item:

    - kind: quoted or indirect.
    - length: words of the statement: 1-3, 4-10, 11-25 or 26+.
    - position: the fifth of the article's characters that it begins in.
    - negation: yes if its reporting clause has a negated verb of reporting: after "not", "n't", "never",
      "without" and the like, or "declined to", "refused to", "stopped short of", with up to two adverbs between.
      The reporting clause is the statement's sentence outside all quotation marks, and outside a paraphrase too
      unless no verb of reporting is left then (a short paraphrase is given with its clause).

    Of quoted ones:

    - fragment: yes for up to three words.
    - marks: straight, curly (or other paired ones), single, or none (a transcript's turn), by the first
      character that is a mark, at either end.

    Of gold ones, naming: how the statement's sentence names gold's speaker, outside all quotation marks and
    outside a paraphrase; in the paraphrase, where nothing stands there.

    - full name: a person's given name and surname, titles and middle names aside; of several persons, one's.
    - surname: a person's surname, or only word, without another given name before it.
    - institution: gold's speaker is an organisation, office, country or the like: the head noun of its
      name ("embassy" of "Dutch embassy in Accra") or its initials.
    - description: gold's speaker is one ("a senior official"): its head noun.
    - pronoun: none of these, but he, she or they for a person, it or they for an institution.
    - elsewhere: none of these: named in another sentence, or meant by a description ("the minister").
    - unknown: gold tells no speaker.

    Of articles whose metadata has them: outlet ("source"), topic, year (the first four digits of a "date" that
    begins like ISO 8601), and every other column of text, numbers or booleans, by its name, if it has 2 to
    `MOST_VALUES` different values and some article shares its value with another.  The title is none.  A
    column that is called like another trait is called "name (column)".
    """
    by_article = _metadata([row.article.metadata for row in rows])
    found = []
    for row, shared in zip(rows, by_article, strict=True):
        text = _Text(row.article.text)
        items = [msgspec.structs.replace(item, traits={**text.traits(item), **shared}) for item in row.items]
        found.append(Judged(row.article, row.statements, items))
    return found


class _Text:
    """One article's text, with what its items ask of it again and again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._named: dict[str, list[tuple[int, bool]]] = {}

    @cached_property
    def _quoted(self) -> list[Span]:
        return [(p.start, p.end) for p in passages(self.text)]

    def traits(self, item: Item) -> dict[str, str]:
        words = len(_WORD.findall(item.text))
        around, within = self._clause(item)
        traits = {
            "kind": item.kind,
            "length": next((name for name, most in _LENGTHS.items() if words <= most), "26+"),
            "position": _FIFTHS[min(4, 5 * item.start // len(self.text))],
            "negation": _yes(self._negated(around, within)),
        }
        if item.kind == "quoted":
            ends = item.text[0], item.text[-1]
            traits["fragment"] = _yes(words <= 3)
            traits["marks"] = next((_MARKS[end] for end in ends if end in _MARKS), "none")
        if item.gold:
            traits["naming"] = self._naming(item.gold.speaker, around, within)
        return traits

    def _clause(self, item: Item) -> tuple[list[Span], list[Span]]:
        """The sentence outside quotation marks: around the statement, and in it if it is a paraphrase."""
        own = item.start, item.end
        # A span of white space lies in no paragraph.
        outside = sentence(self.text, *own) if item.text.strip() else own
        around = list(_without(outside, [*self._quoted, own]))
        return around, [] if item.kind == "quoted" else list(_without(own, self._quoted))

    def _negated(self, around: list[Span], within: list[Span]) -> bool:
        spans = around if any(_REPORTED.search(self.text, *span) for span in around) else around + within
        return any(_NEGATED.search(self.text, *span) for span in spans)

    def _naming(self, speaker: str | None, around: list[Span], within: list[Span]) -> str:
        if speaker is None:
            return "unknown"
        found = (self._named_in(speaker, spans) for spans in (around, within))
        return next((naming for naming in found if naming), "elsewhere")

    def _named_in(self, speaker: str, spans: list[Span]) -> str | None:
        party = self._party(speaker)
        words = [word for span in spans for word in _NAME_WORD.findall(self.text, *span)]
        if party == "person":
            full = {f for at, f in self._persons(speaker) if any(a <= at < b for a, b in spans)}
            if full:
                return "full name" if True in full else "surname"
        elif _stands_for(speaker, words):
            return party
        return "pronoun" if any(w.casefold() in _PRONOUNS[party] for w in words) else None

    def _persons(self, speaker: str) -> list[tuple[int, bool]]:
        """Where the text names a person, or one of several, and whether in full."""
        if speaker not in self._named:
            self._named[speaker] = [
                (start, full)
                for name in _several(speaker)
                for written in dict.fromkeys((_untitled(name), _untitled(name).upper()))
                for start, full in self._places(written)
            ]
        return self._named[speaker]

    def _places(self, name: str) -> Iterator[tuple[int, bool]]:
        own = name.casefold().split()
        for start, end in mentions(self.text, name):
            given = given_name_before(self.text, start)
            yield start, len(own) > 1 and (" " in self.text[start:end] or (given or "").casefold() in own)

    def _party(self, speaker: str) -> str:
        head, kind = _head(speaker), description_type(speaker)
        if not is_capitalised(head):
            return "institution" if kind == "organization" else "description"
        if speaker.startswith(f"{head} ") and (kind == "group" or is_function(head)):
            # "Engineers from ...", "Two of ...", as they open a sentence.
            return "description"
        name = _untitled(_several(speaker)[-1])
        if looks_like_person(name):
            return "person"
        lone = entity_type(name) == "person" and not is_title(name)
        # The Kremlin is nobody's surname.
        article = regex.search(rf"\b[Tt]he {regex.escape(name)}\b(?! \p{{Lu}})", self.text)
        return "person" if lone and not article else "institution"


def _head(name: str) -> str:
    """ "embassy" of "the Dutch embassy in Accra"; the last word of a plain name."""
    words = _NAME_WORD.findall(_AFTER_HEAD.sub("", describe(name))) or _NAME_WORD.findall(name)
    return words[-1] if words else name


def _stands_for(name: str, words: Iterable[str]) -> bool:
    """Whether one of the words is the head of a description or institution, or its initials."""
    head = _head(name).replace(".", "")
    initials = "".join(w[0] for w in _NAME_WORD.findall(name) if w[0].isupper())
    for word in (w.replace(".", "") for w in words):
        # "us" is not the US.
        same = word == head if head.isupper() else word.casefold() == head.casefold()
        if same or len(initials) > 1 and word == initials:
            return True
    return False


def _several(name: str) -> list[str]:
    """ "Ida Brandt and Bo Lund": both, if that is what they look like."""
    *others, last = (_untitled(part) for part in regex.split(r",? and |, ", name))
    # Rosa and Julio Ruiz
    pair = all(looks_like_person(other) or other.isalpha() and other.istitle() for other in others)
    return [*others, last] if pair and looks_like_person(last) else [name]


def _untitled(name: str) -> str:
    words = name.split()
    while len(words) > 1 and is_title(words[0]):
        words.pop(0)
    return " ".join(words)


def _without(span: Span, holes: Iterable[Span]) -> Iterator[Span]:
    """The parts of a span that lie in no hole."""
    start, end = span
    for a, b in sorted(holes):
        if a < end and start < b:
            if start < a:
                yield start, a
            start = max(start, b)
    if start < end:
        yield start, end


def _metadata(articles: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """By article, the traits that its items share."""
    shared: list[dict[str, str]] = [{} for _ in articles]
    for trait, column in (("outlet", "source"), ("topic", "topic")):
        for traits, metadata in zip(shared, articles, strict=True):
            if value := _plain(metadata.get(column)):
                traits[trait] = value
    for traits, metadata in zip(shared, articles, strict=True):
        if match := _YEAR.fullmatch(str(metadata.get("date"))):
            traits["year"] = match[1]
    taken = {trait for traits in shared for trait in traits}
    taken |= {"kind", "length", "position", "negation", "fragment", "marks", "naming"}
    for column in dict.fromkeys(column for metadata in articles for column in metadata):
        if column in ("source", "topic", "date", "title"):
            continue
        values = [_plain(metadata.get(column)) for metadata in articles]
        different = {value for value in values if value}
        if 2 <= len(different) <= min(MOST_VALUES, sum(value is not None for value in values) - 1):
            name = f"{column} (column)" if column in taken else column
            for traits, value in zip(shared, values, strict=True):
                if value:
                    traits[name] = value
    return shared


def _plain(value: object) -> str | None:
    """Text, a number or a boolean as a trait's value; None for anything else and for nothing."""
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    return " ".join(str(value).split()) or None if isinstance(value, (str, int)) else None


def _yes(whether: bool) -> str:
    return "yes" if whether else "no"
