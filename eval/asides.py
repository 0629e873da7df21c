"""The HTML report's sections on what an evaluation finds beside its measures; empty for what it did not try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from quoth.eval.agreement import Agreement
from quoth.eval.behaviour import Behaviour, Behaviours, Example, Gap
from quoth.eval.draws import Figure
from quoth.eval.markup import DASH, Markup, decimal, fields, figure_cell, items_link, join, p_cell, table, tag
from quoth.eval.payload import SETTINGS
from quoth.eval.result import BaselineScores, Contrast
from quoth.eval.suspects import Suspect

_CHANGES = {"MFT": "plain cases", "INV": "a change that should not matter", "DIR": "a change that should"}


def behaviour(found: Behaviours | None) -> Markup:
    """Failure rates of the behavioural tests with failures, gaps between groups, pass rates of rules."""
    if found is None:
        return Markup()
    tests = [
        (b.test, _CHANGES[b.kind], b.cases, b.failures, Figure(b.rate, b.low, b.high))
        for b in found.behaviours
    ]
    parts = [
        tag("p", f"{found.texts:,} texts. Intervals are Wilson's over cases.", class_="lede"),
        table(("test", "kind", "cases", "failures", "failure rate"), tests, "sortable"),
        *(_failures(b) for b in found.behaviours if b.examples),
    ]
    if found.gaps:
        head = (
            "groups of",
            "",
            "cases",
            "gap of mean probability",
            "p",
            "largest gap of a stance's rate",
            "means",
        )
        parts += [tag("h3", "Groups"), table(head, map(_gap, found.gaps))]
    if found.rules:
        rules = [(f"rule {r.rule}", r.cases, Figure(r.rate, r.low, r.high)) for r in found.rules]
        parts += [tag("h3", "By rule of the codebook"), table(("", "cases", "passed"), rules)]
    return join(parts)


def _failures(b: Behaviour) -> Markup:
    summary = tag("summary", f"{b.test}: {b.failures} of {b.cases} failed")
    return tag("details", summary, table(("text", "expected", "got", "certainty"), map(_failure, b.examples)))


def _failure(example: Example) -> tuple[object, ...]:
    text = _marked(example.text)
    if example.original:
        text = join((text, tag("p", "before the change: ", _marked(example.original), class_="lede")))
    return text, example.expected, example.got, example.probability


def _marked(text: str) -> Markup:
    """The statement stands between [[ and ]]."""
    before, _, rest = text.partition("[[")
    statement, _, after = rest.partition("]]")
    return join((before, tag("mark", statement, class_="gold"), after))


def _gap(gap: Gap) -> tuple[object, ...]:
    means = ", ".join(f"{group.name} {decimal(group.probability)}" for group in gap.groups)
    rates = f"{decimal(gap.rate_gap)} ({gap.stance})"
    return gap.slot, gap.axis, gap.cases, gap.gap, p_cell(gap.p), rates, tag("td", means, class_="wide")


def baselines(found: Iterable[BaselineScores]) -> Markup:
    """What each baseline scores and the system less it, with the permutation test's p."""
    rows: list[tuple[object, ...]] = []
    for b in found:
        for kind, scores in b.stance.items():
            what = f"stance, {kind}, {SETTINGS[b.setting]}"
            rows.append((b.name, what, scores.n, scores.macro_f1_four, *_contrast(b.contrasts.get(kind))))
        if b.speaker:
            rows.append((b.name, "speaker", b.speaker.n, b.speaker.accuracy, *_contrast(b.speaker_contrast)))
    if not rows:
        return Markup()
    head = ("baseline", "", "n", "macro-F1 of the four, or accuracy", "the system less it", "p, permutation")
    return table(head, rows)


def _contrast(contrast: Contrast | None) -> tuple[object, object]:
    if contrast is None:
        return None, None
    return figure_cell(contrast.difference, 0.5), p_cell(contrast.p)


def agreement(found: Mapping[str, Agreement]) -> Markup:
    """How far the readers of each field agree, and where they do not."""
    parts = []
    for name, readers in found.items():
        figures = msgspec.to_builtins(readers)
        disputes = figures.pop("disputes", [])
        parts += [tag("h3", name.capitalize()), fields(figures, 4)]
        if disputes:
            summary = tag("summary", f"{len(disputes):,} statements that they read differently")
            parts.append(tag("details", summary, table(("statement", "labels"), map(_dispute, disputes))))
    return join(parts)


def _dispute(dispute: Mapping[str, Any]) -> tuple[object, ...]:
    name = f"{dispute['article']}:{dispute['start']}-{dispute['end']}"
    labels = ", ".join(f"{reader}: {label or DASH}" for reader, label in dispute["labels"].items())
    return items_link(name, {"item": name}), labels


def suspects(found: Iterable[Suspect]) -> Markup:
    """Labels that the model's probabilities speak against, each with the way to its statement."""
    rows = [
        (items_link(name, {"item": name}), s.field, s.given, s.suggested, s.margin)
        for s in found
        for name in [f"{s.article}:{s.start}-{s.end}"]
    ]
    if not rows:
        return Markup()
    intro = (
        "Gold labels to read again: the model is sure of another one. A question, no error yet: where the "
        "model is weak, it suspects good labels."
    )
    head = ("statement", "label", "gold", "suggested", "margin")
    return join((tag("p", intro, class_="lede"), table(head, rows, "sortable")))
