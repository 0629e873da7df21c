"""Other people's names in a labelled article, so that a stance does not hang on who speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quoth.model.entities import Entity, entities
from quoth.training.examples import GoldArticle, nearest

Name = tuple[str, str]
"""Given name and surname."""

Move = Callable[[int, int], tuple[int, int]]


def people(articles: list[GoldArticle]) -> list[Name]:
    """The names of two words that the articles give their people."""
    found = (e.name.split() for a in articles for e in entities(a.text) if e.type == "person")
    return sorted({(words[0], words[-1]) for words in found if len(words) == 2})


def renamed(article: GoldArticle, names: list[Name], rng: np.random.Generator) -> GoldArticle:
    """The article with every person under another's name, drawn at random: the same one wherever it is named.

    Given name and surname are drawn apart.  Offsets of statements and targets move with the text.
    """
    changes: list[tuple[int, int, str]] = []
    for entity in entities(article.text):
        if entity.type == "person" and len(entity.name.split()) >= 2:
            given, surname = names[rng.integers(len(names))][0], names[rng.integers(len(names))][1]
            changes += _changes(entity, given, surname)
    changes.sort()
    # Two entities may claim one place: the first has it.
    kept: list[tuple[int, int, str]] = []
    for change in changes:
        if not kept or change[0] >= kept[-1][1]:
            kept.append(change)
    starts = np.array([start for start, _, _ in kept])
    ends = np.array([end for _, end, _ in kept])
    grown = np.cumsum([0, *(len(new) - (end - start) for start, end, new in kept)])

    def moved(start: int, end: int) -> tuple[int, int]:
        """Where [start, end) lies now; a border inside a changed name moves to the name's own."""
        before, upto = np.searchsorted(ends, start, "right"), np.searchsorted(starts, end, "left")
        inside = before < len(kept) and kept[before][0] < start
        low = (kept[before][0] if inside else start) + int(grown[before])
        return low, max(end, kept[upto - 1][1] if upto else 0) + int(grown[upto])

    pieces = []
    at = 0
    for start, end, new in kept:
        pieces += [article.text[at:start], new]
        at = end
    text = "".join([*pieces, article.text[at:]])
    return GoldArticle(article.id, text, [_moved(article.text, s, moved) for s in article.statements])


def _changes(entity: Entity, given: str, surname: str) -> list[tuple[int, int, str]]:
    words = entity.name.split()
    new = {entity.name: f"{given} {surname}", words[-1]: surname, words[0]: given}
    return [(m.start, m.end, new[m.name]) for m in entity.mentions if m.name in new]


def _moved(old: str, statement: dict[str, Any], moved: Move) -> dict[str, Any]:
    start, end = statement["start"], statement["end"]
    result = {**statement, "start": moved(start, end)[0], "end": moved(start, end)[1]}
    target = statement.get("target", "")
    place = nearest(old, target, start, end) if isinstance(target, str) else target
    if place:
        result["target"] = list(moved(*place))
    elif target is not None:
        result["target"] = ""
    return result
