"""An evaluation as one HTML file that needs nothing else: tables, curves, every statement in its article.

Article texts, names and ids are not trusted: `quoth.eval.markup` escapes them, the statements travel as JSON
that the page's script writes as text, and the page's policy runs that one script alone and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from importlib.resources import files
from typing import Any

import msgspec

from quoth.eval import asides
from quoth.eval.markup import (
    Markup,
    decimal_figure,
    fields,
    figure_cell,
    heat_table,
    items_link,
    join,
    p_cell,
    percent,
    reliability,
    risk_coverage,
    table,
    tag,
)
from quoth.eval.payload import SETTINGS, encodable, payload
from quoth.eval.result import (
    Articles,
    ClassScores,
    Confusion,
    Result,
    Run,
    Slice,
    SpeakerScores,
    StanceScores,
)
from quoth.marking import INK, PAPER, TINTS

KINDS = {"quoted": "quoted statements", "indirect": "paraphrases"}


def html(result: Result, texts: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """The report as one page.

    texts: by article id, one for each article that has an item, else KeyError.  titles: the same; an article
    without one goes by its id.
    """
    template = files("quoth.eval").joinpath("report.html").read_text("utf-8")
    script = template.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    sections = {
        "summary": ("Summary", _summary(result)),
        "stance": ("Stance", _stance(result)),
        "speaker": ("Speaker", _speaker(result)),
        "sentiment": ("Sentiment", _sentiment(result)),
        "target": ("Target", _target(result)),
        "extraction": ("Extraction", _extraction(result)),
        "calibration": ("Calibration", _calibration(result)),
        "slices": ("Slices", _slices(result.slices)),
        "behaviour": ("Behaviour", asides.behaviour(result.behaviour)),
        "baselines": ("Baselines", asides.baselines(result.baselines)),
        "agreement": ("Agreement", asides.agreement(result.agreement)),
        "suspects": ("Suspect labels", asides.suspects(result.suspects)),
    }
    present = {anchor: (title, body) for anchor, (title, body) in sections.items() if body}
    parts = {
        "policy": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'",
        "colours": _colours(),
        "title": escape(f"Evaluation of {_system(result.run)}"),
        "contents": join(_to(anchor, title) for anchor, (title, _) in present.items()),
        "sections": join(
            tag("section", tag("h2", title), body, id=anchor) for anchor, (title, body) in present.items()
        ),
        "data": payload(result.items, texts, titles).replace("<", "\\u003c"),
    }
    return encodable(re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template))


def _summary(result: Result) -> Markup:
    run, counts = result.run, result.articles
    rows: list[tuple[object, ...]] = [
        (_to("stance", f"Stance of {KINDS[kind]}, {SETTINGS[setting]}: macro-F1 of the four"), s.n,
         s.macro_f1_four)
        for setting, kinds in result.stance.items()
        for kind, s in kinds.items()
    ]  # fmt: skip
    if "all" in result.speaker:
        s = result.speaker["all"]
        rows.append(
            (
                _to("speaker", "Speaker’s full name right, of those found"),
                s.right + s.wrong + s.null,
                s.accuracy,
            )
        )
    for setting, scopes in result.sentiment.items():
        if "all" in scopes:
            what = f"Sentiment, {SETTINGS[setting]}: macro-F1"
            rows.append((_to("sentiment", what), scopes["all"].n, scopes["all"].macro_f1))
    for kind, e in result.extraction.items():
        rows.append((_to("extraction", f"Share of {KINDS[kind]} found"), e.n_gold, e.covered))
    origin = msgspec.to_builtins(run) | {"articles": msgspec.to_builtins(counts)}
    return join(
        (
            tag("p", f"{_system(run)} on {counts.gold:,} labelled articles, {run.gold}, {run.date}."),
            _partial(counts),
            _lede("Percent; in brackets and as bars, 95 % bootstrap intervals over articles. F1 is the mean of how "
                  "many of the labels given are right and how many of the right ones are given; macro-F1 of the four "
                  "its mean over accusation, denial, condemnation and solidarity. On gold spans, the classifier is "
                  "shown where the statements are; end to end, it has to find them."),
            table(("", "n", "figure"), rows),
            tag("details", tag("summary", "Where this comes from"),
                tag("ul", *(tag("li", note) for note in result.notes)) if result.notes else "",
                fields(origin)),
        )
    )  # fmt: skip


def _partial(counts: Articles) -> Markup:
    if not counts.without_record:
        return join(())
    return tag(
        "p",
        f"{counts.without_record:,} of the articles have no prediction: their statements count as missed.",
    )


def _system(run: Run) -> str:
    return f"{run.model.name} {run.model.version}" if run.model else run.predictions or "predictions"


def _stance(result: Result) -> Markup:
    settings, invented = result.stance.items(), result.invented
    blocks = [_stance_block(s, setting, kind) for setting, kinds in settings for kind, s in kinds.items()]
    if invented.paraphrases:
        filters = {"outcome": "invented", "kind": "indirect"}
        count = items_link(f"{invented.paraphrases:,} paraphrases", filters)
        stances = ", ".join(f"{stance} {n:,}" for stance, n in invented.by_stance.items())
        said = " were given one of the four stances where gold has no statement: "
        blocks.append(tag("p", count, said, stances, "."))
    return join(blocks)


def _stance_block(scores: StanceScores, setting: str, kind: str) -> Markup:
    filters = {"setting": setting, "kind": kind}
    missed = items_link(f"{scores.missed:,} missed", filters | {"outcome": "missed"})
    whole = {
        "macro-F1 of the four": scores.macro_f1_four,
        "the same, gold’s second stance right too": scores.lenient_macro_f1_four,
        "macro-F1 of all five": scores.macro_f1_five,
        "accuracy": scores.accuracy,
    }
    return join(
        (
            tag("h3", f"{KINDS[kind].capitalize()}, {SETTINGS[setting]}"),
            tag("p", f"{scores.n:,} statements", *((", ", missed) if scores.missed else ()), "."),
            table(("", "figure"), whole.items()),
            _classes(
                scores.classes,
                scores.confusion,
                lambda gold, said: {"gold": gold, "predicted": said, **filters},
            ),
        )
    )


def _classes(
    classes: Mapping[str, ClassScores], confusion: Confusion, filters: Callable[[str, str], dict[str, str]]
) -> Markup:
    rows = [
        (f"{label} †" if c.few else label, c.n, c.precision, c.recall, c.f1) for label, c in classes.items()
    ]
    few = [tag("li", f"† {label}: {c.few}") for label, c in classes.items() if c.few]
    scores = [table(("", "n", "precision", "recall", "F1"), rows, "classes")]
    if few:
        scores.append(tag("p", "Too few to conclude from:", class_="legend"))
        scores.append(tag("ul", *few, class_="legend"))
    return tag("div", tag("div", *scores), heat_table(confusion, filters), class_="beside")


def _speaker(result: Result) -> Markup:
    head = ("", "n", "share right", "right", "wrong", "no name", "found, %")

    def rows(
        scores: Mapping[Any, SpeakerScores], filters: Callable[[str], dict[str, str]]
    ) -> list[list[Any]]:
        return [
            [
                name,
                s.n,
                s.accuracy,
                *(
                    tag(
                        "td",
                        items_link(f"{n:,}", {"speaker": verdict, **filters(name)}) if n else n,
                        class_="number",
                    )
                    for verdict, n in (("right", s.right), ("wrong", s.wrong), ("null", s.null))
                ),
                tag("td", percent(s.coverage), class_="number"),
            ]
            for name, s in scores.items()
        ]

    parts: list[Markup] = []
    if result.speaker:
        parts.append(_lede("Full names, over those found of the statements whose speaker gold names."))
        parts.append(table(head, rows(result.speaker, _scope)))
    if result.speaker_by_naming:
        parts.append(tag("h3", "By how the text names the speaker"))
        parts.append(table(head, rows(result.speaker_by_naming, lambda naming: {"t.naming": naming})))
    return join(parts)


def _sentiment(result: Result) -> Markup:
    blocks: list[Markup] = []
    for setting, scopes in result.sentiment.items():
        for scope, s in scopes.items():
            filters = partial(_felt, {"setting": setting, **_scope(scope)})
            blocks.append(tag("h3", f"{scope.capitalize()}, {SETTINGS[setting]}"))
            blocks.append(table(("", "n", "figure"), [("macro-F1", s.n, s.macro_f1)]))
            blocks.append(_classes(s.classes, s.confusion, filters))
    return join(blocks)


def _felt(filters: dict[str, str], gold: str, said: str) -> dict[str, str]:
    return {"sentiment": f"{gold}>{said}", **filters}


def _target(result: Result) -> Markup:
    if not result.target:
        return Markup()
    intro = _lede("Words shared with gold’s target (F1); 0 where the statement or its target was missed.")
    rows = ((scope, t.n, t.token_f1) for scope, t in result.target.items())
    return join((intro, table(("", "n", "token F1"), rows)))


def _extraction(result: Result) -> Markup:
    if not result.extraction:
        return Markup()
    rows = [
        (f"{kind}, {overlap}", e.n_gold, e.n_predicted, e.covered, prf.precision, prf.recall, prf.f1)
        for kind, e in result.extraction.items()
        for overlap, prf in (("overlap of half", e.iou), ("exact", e.exact))
    ]
    intro = "Covered: the share of gold of which a prediction covers half or more; overlap: intersection over union."
    head = ("", "gold", "predicted", "covered", "precision", "recall", "F1")
    return join((_lede(intro), table(head, rows)))


def _calibration(result: Result) -> Markup:
    intro = (
        "Whether the stance’s probabilities mean what they say: on the diagonal, of the statements labelled "
        "with 80 % certainty, 8 in 10 are right. Points: bins of equally many; lines and band: intervals. Beside it, "
        "what share is right if only the surest statements are labelled. ECE: mean distance from the diagonal, which "
        "chance alone does not leave at 0, even for a perfect model."
    )
    head = ("", "n", "ECE", "of a perfect model", "Brier", "log loss", "AURC")
    rows, plots = [], []
    for setting, scopes in result.calibration.items():
        for scope, c in scopes.items():
            name = f"{scope}, {SETTINGS[setting]}"
            perfect = f"{percent(c.perfect)}, 95 % below {percent(c.perfect_high)}"
            brier, log_loss = decimal_figure(c.brier), decimal_figure(c.log_loss)
            rows.append((name, c.n, c.ece, perfect, brier, log_loss, c.aurc))
            if setting == next(iter(result.calibration)):
                curves = reliability(c, name), risk_coverage(c, name)
                plots.append(tag("figure", tag("figcaption", name), *curves))
    parts = (_lede(intro), table(head, rows), tag("div", *plots, class_="plots"))
    return join(parts) if rows else Markup()


def _slices(slices: Sequence[Slice]) -> Markup:
    measures: dict[str, list[Slice]] = {}
    for s in slices:
        measures.setdefault(s.measure, []).append(s)
    head = ("trait", "value", "articles", "n", "figure", "less all others", "p", "p (Holm)")
    parts = [_lede("Worst first. A value shows its statements.")] if slices else []
    for measure, rows in measures.items():
        setting = "gold_spans" if "gold spans" in measure else "end_to_end"
        ends = [abs(x) for s in rows for x in (s.difference.low, s.difference.high) if x is not None]
        reach = max(ends, default=0) or 1.0
        cells = [
            (
                s.trait,
                items_link(s.value, {"setting": setting, f"t.{s.trait}": s.value}),
                s.articles,
                s.n,
                s.figure,
                figure_cell(s.difference, reach),
                p_cell(s.p),
                p_cell(s.p_holm),
            )
            for s in sorted(rows, key=lambda s: 2.0 if s.difference.value is None else s.difference.value)
        ]
        told = f"{len(rows):,} slices compared with all other items; p by Holm over these."
        parts += [tag("h3", measure.capitalize()), tag("p", told), table(head, cells, "sortable")]
    return join(parts)


def _scope(scope: str) -> dict[str, str]:
    return {} if scope == "all" else {"kind": scope}


def _to(anchor: str, text: str) -> Markup:
    return tag("a", text, href=f"#{anchor}")


def _lede(text: str) -> Markup:
    return tag("p", text, class_="lede")


def _colours() -> str:
    modes = []
    for mode in (0, 1):
        tints = "".join(f" --{stance}: {tint[mode]};" for stance, tint in TINTS.items())
        modes.append(f":root {{ --ink: {INK[mode]}; --paper: {PAPER[mode]};{tints} }}")
    return f"{modes[0]}\n@media (prefers-color-scheme: dark) {{ {modes[1]} }}"
