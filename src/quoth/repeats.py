"""A paragraph that a page shows twice, as standfirst and in the body, gets one answer."""

from __future__ import annotations

from dataclasses import replace

from quoth.model.quotes import paragraphs
from quoth.records import Span, Statement

SHORTEST = 40
"""Characters; shorter paragraphs ("No comment.") may be said twice by different speakers."""


def answer_once(text: str, statements: list[Statement]) -> list[Statement]:
    """Statements in order, those of a repeated paragraph the same in each place.

    The place that names most speakers is believed, the last of equals (a standfirst often tells none).
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for start, end in paragraphs(text):
        if end - start >= SHORTEST:
            places.setdefault(text[start:end], []).append((start, end))
    for spans in places.values():
        if len(spans) > 1:
            statements = _copied(text, statements, spans)
    return statements


def _copied(text: str, statements: list[Statement], spans: list[tuple[int, int]]) -> list[Statement]:
    answers = [[s for s in statements if start <= s.start < end] for start, end in spans]
    best = max(range(len(spans)), key=lambda k: (_sure(answers[k]), k))
    rest = [s for s in statements if not any(start <= s.start < end for start, end in spans)]
    for start, _ in spans:
        rest += _moved(text, answers[best], spans[best], start - spans[best][0])
    return sorted(rest, key=lambda s: (s.start, -s.end))


def _sure(statements: list[Statement]) -> tuple[int, float]:
    named = [s for s in statements if s.speaker and s.speaker.name]
    return len(named), round(sum(s.speaker.probability for s in named if s.speaker), 3)


def _moved(text: str, statements: list[Statement], place: tuple[int, int], by: int) -> list[Statement]:
    """The statements of `place`, `by` characters further; what they point at outside of it stays."""

    def span(s: Span | None) -> Span | None:
        return Span.of(text, s.start + by, s.end + by) if s and place[0] <= s.start < place[1] else s

    def identity(s: Statement) -> str:
        return f"{s.id.partition(':')[0]}:{s.start + by}-{s.end + by}"

    new = {s.id: identity(s) for s in statements}
    moved = []
    for s in statements:
        speaker, target = s.speaker, s.target
        if speaker:
            speaker = replace(speaker, mention=span(speaker.mention), source=span(speaker.source))
        if target and place[0] <= target.start < place[1]:
            target = replace(target, start=target.start + by, end=target.end + by)
        moved.append(
            replace(
                s, id=new[s.id], quotation=new.get(s.quotation, s.quotation), start=s.start + by,
                end=s.end + by, cue=span(s.cue), speaker=speaker, target=target,
            )
        )  # fmt: skip
    return moved
