"""A result as Markdown: the tables that `quoth eval` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from quoth.eval import agreement, behaviour
from quoth.eval.draws import Figure
from quoth.eval.gold import GoldKind
from quoth.eval.markdown import table
from quoth.eval.measures import SCOPES
from quoth.eval.power import SampleSize
from quoth.eval.provenance import named
from quoth.eval.result import (
    Attributions,
    Calibration,
    ClassScores,
    Contrast,
    ExtractionScores,
    Result,
    Slice,
    SpeakerScores,
    StanceScores,
    TargetScores,
)

SETTINGS = {"end_to_end": "end to end", "gold_spans": "on gold spans"}

_PARTIAL = "Note: all statements of the {} articles without a record count as missed; --only-predicted leaves them out."

WORST = 12
"""Slices shown of each measure."""

_ATTRIBUTED = {
    "tokens": "words found",
    "attributed_tokens": "words with their source",
    "statements": "statements, overlap of half",
    "exact": "statements, exact",
    "attribution": "statements with their source",
}


def markdown(result: Result, level: int = 1) -> str:
    """Every table of a result, figures as percentages with their 95 % intervals over articles.

    level: of the heading.
    """
    parts = [
        f"{'#' * level} {_heading(result)}",
        *(
            stance_table(f"{kind}, {SETTINGS[setting]}", block)
            for setting, blocks in result.stance.items()
            for kind, block in blocks.items()
        ),
        extraction_table(result.extraction),
        scopes_table(result),
        naming_table(result.speaker_by_naming),
        calibration_table(result),
        operating_table(result),
        *slice_tables(result.slices),
    ]
    if result.behaviour is not None:
        parts.append(behaviour.markdown(result.behaviour))
    if result.baselines:
        parts.append(baselines_table(result))
    parts += [agreement.markdown(field, found) for field, found in result.agreement.items()]
    if result.suspects and result.items:
        parts.append(suspects_table(result))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def ceilings(result: Result) -> str:
    """What annotators reach against each other."""
    found = [
        f"{field}, alpha {cell(a.alpha)}"
        if a.ceiling.value is None
        else f"{field}, macro-F1 {cell(a.ceiling)}"
        for field, a in result.agreement.items()
    ]
    return f"The ceiling, one annotator against another: {'; '.join(found)}."


def stance_table(name: str, block: StanceScores) -> str:
    missed = f" gold, {block.missed} missed" if block.missed else ""
    rows = [
        *(class_row(label, scores) for label, scores in block.classes.items()),
        ["macro, four", "", "", cell(block.macro_f1_four), ""],
        ["macro, four, second label counts", "", "", cell(block.lenient_macro_f1_four), ""],
        ["macro, five", "", "", cell(block.macro_f1_five), ""],
        ["accuracy", "", "", cell(block.accuracy), ""],
    ]
    return table([f"stance, {name} ({block.n}{missed})", "P", "R", "F1", "n"], rows) + few_notes(
        block.classes
    )


def few_notes(classes: Mapping[str, ClassScores]) -> str:
    """A paragraph to put after a table, empty where there are enough of each."""
    reasons: dict[str, list[str]] = {}
    for label, scores in classes.items():
        if scores.few:
            reasons.setdefault(scores.few, []).append(label)
    few = [f"- {', '.join(labels)}: {reason}" for reason, labels in reasons.items()]
    return "\n\nToo few gold items to conclude:\n\n" + "\n".join(few) if few else ""


def class_row(label: str, scores: ClassScores) -> list[str]:
    return [label, *(cell(f) for f in (scores.precision, scores.recall, scores.f1)), str(scores.n)]


def extraction_table(blocks: Mapping[GoldKind, ExtractionScores]) -> str:
    rows = []
    for kind, block in blocks.items():
        rows.append([f"{kind}, half or more covered", "-", cell(block.covered), "-", str(block.n_gold)])
        for name, prf in (("overlap of half", block.iou), ("exact", block.exact)):
            figures = [prf.precision, prf.recall, prf.f1]
            rows.append(
                [f"{kind}, {name}", *("-" if f is None else cell(f) for f in figures), str(block.n_gold)]
            )
    return table(["spans", "P", "R", "F1", "n gold"], rows)


def scopes_table(result: Result) -> str:
    """Speaker, sentiment and target, side by side for all, quoted and indirect statements."""

    def row(name: str, cells: Iterable[str]) -> list[str]:
        return [name, *cells]

    speakers: Sequence[SpeakerScores] = [result.speaker[s] for s in SCOPES if s in result.speaker]
    targets: Sequence[TargetScores] = [result.target[s] for s in SCOPES if s in result.target]
    rows = [
        row("speaker, accuracy", (cell(s.accuracy) for s in speakers)),
        row("speaker, coverage", (percent(s.coverage) for s in speakers)),
        row("speaker, right / wrong / null", (f"{s.right} / {s.wrong} / {s.null}" for s in speakers)),
        *(
            row(f"sentiment, macro-F1, {SETTINGS[setting]}", (cell(sentiments[s].macro_f1) for s in SCOPES))
            for setting, sentiments in result.sentiment.items()
        ),
        row("target, token F1", (cell(t.token_f1) for t in targets)),
    ]
    told = [row for row in rows if len(row) > 1]
    return table(["", *SCOPES], told) if told else ""


def naming_table(blocks: dict[str, SpeakerScores]) -> str:
    rows = [
        [naming, cell(s.accuracy), f"{s.right} / {s.wrong} / {s.null}", str(s.n)]
        for naming, s in blocks.items()
    ]
    return table(["speaker, named by", "accuracy", "right / wrong / null", "n"], rows) if rows else ""


def calibration_table(result: Result) -> str:
    rows = []
    for setting, blocks in result.calibration.items():
        for scope, c in blocks.items():
            rows.append(
                [f"{scope}, {SETTINGS[setting]}", str(c.n), cell(c.ece), f"{percent(c.perfect)}, {percent(c.perfect_high)}",
                 decimals(c.brier), decimals(c.log_loss), *(cell(_surest(c, share)) for share in (0.5, 0.8))]
            )  # fmt: skip
    head = ["stance probabilities", "n", "ECE", "a perfect model's: mean, 95th percentile", "Brier", "log-loss",
            "accuracy, surest 50 %", "surest 80 %"]  # fmt: skip
    return table(head, rows) if rows else ""


def operating_table(result: Result) -> str:
    """How sure to ask the classifier to be, for each stance."""
    rows = [
        [
            f"{point.label}, {scope}",
            f"{point.threshold:.3f}",
            cell(point.precision),
            percent(point.recall),
            str(point.n),
        ]
        for scope, c in result.calibration.get("gold_spans", {}).items()
        if scope != "all"
        for point in c.operating
        if point.label != "other"
    ]
    head = ["stance on gold spans", "probability at least", "precision", "recall there", "n"]
    return table(head, rows) if rows else ""


def _surest(c: Calibration, share: float) -> Figure:
    """Accuracy over the surest `share` of the items, or the least more that does not part equal ones."""
    return min((p for p in c.risk_coverage if p.coverage >= share - 1e-9), key=lambda p: p.coverage).accuracy


def slice_tables(found: Sequence[Slice]) -> list[str]:
    """The worst slices of each measure."""
    tables = []
    for measure in dict.fromkeys(s.measure for s in found):
        all_of = [s for s in found if s.measure == measure]
        rows = [
            [
                f"{s.trait}: {s.value}",
                cell(s.figure),
                cell(s.difference, sign="+"),
                p_value(s.p_holm),
                str(s.n),
            ]
            for s in all_of[:WORST]
        ]
        shown = (
            f"worst {len(rows)} of {len(all_of)} slices" if len(rows) < len(all_of) else "slices, worst first"
        )
        head = [f"{measure}, {shown}", "figure", "less all others", f"p, Holm over {len(all_of)}", "n"]
        tables.append(table(head, rows))
    return tables


def baselines_table(result: Result) -> str:
    """What each baseline scores, and the system less it on the same statements."""
    rows = []
    for b in result.baselines:
        for kind, block in b.stance.items():
            rows.append([b.name, f"stance, {kind}", cell(block.macro_f1_four), *_contrast(b.contrasts[kind])])
        if b.speaker and b.speaker_contrast:
            rows.append([b.name, "speaker", cell(b.speaker.accuracy), *_contrast(b.speaker_contrast)])
    return table(["baseline", "", "macro-F1 of four, or accuracy", "system less it", "p, permutation"], rows)


def sample_sizes(sizes: Mapping[str, SampleSize | str]) -> str:
    """How many articles it takes to know each figure so well."""
    rows = [
        [name, f"+- {100 * s.half_width:.1f}", f"{s.articles} [{s.low:.0f}, {s.high:.0f}]",
         f"+- {100 * s.pilot_half_width:.1f} with {s.pilot}"]
        if isinstance(s, SampleSize)
        else [name, "-", s, "-"]
        for name, s in sizes.items()
    ]  # fmt: skip
    return table(
        ["macro-F1 of four, end to end", "to know it within", "articles to annotate", "known now"], rows
    )


def attributions_table(result: Attributions, brief: bool = False) -> str:
    """Words and statements found, and with the right source; percentages.  brief: not by kind."""
    rows = []
    for name, title in _ATTRIBUTED.items():
        for scope, s in getattr(result, name).items():
            if brief and scope not in ("all", "direct"):
                continue
            f1 = f"{s['f1']:.1f}" + (
                f" [{s['f1_low']:.1f}, {s['f1_high']:.1f}]" if s.get("f1_low") is not None else ""
            )
            rows.append([f"{title}, {scope}", f"{s['p']:.1f}", f"{s['r']:.1f}", f1, f"{s['n_gold']:.0f}"])
    return table([f"{result.run.gold}, {result.documents} documents", "P", "R", "F1", "n gold"], rows)


def suspects_table(result: Result) -> str:
    """The labels that most want a second look."""
    texts = {(item.article, item.start, item.end): item.text for item in result.items}
    rows = [
        [s.field, s.given, s.suggested, f"{s.margin:.2f}", line(texts[s.article, s.start, s.end]),
         f"{s.article}:{s.start}-{s.end}"]
        for s in result.suspects[:WORST]
    ]  # fmt: skip
    shown = f"suspicious labels, worst {len(rows)} of {len(result.suspects)}"
    return table([shown, "given", "rather", "margin", "statement", "where"], rows)


def line(text: str, most: int = 80) -> str:
    """Text on one line, cut to so many characters."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def cell(figure: Figure, sign: str = "") -> str:
    """64.6 [58.5, 69.5]."""
    value = percent(figure.value, sign)
    return (
        value
        if figure.value is None
        else f"{value} [{percent(figure.low, sign)}, {percent(figure.high, sign)}]"
    )


def percent(share: float | None, sign: str = "") -> str:
    return "-" if share is None else f"{100 * share:{sign}.1f}"


def decimals(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def p_value(p: float | None) -> str:
    return "-" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _contrast(found: Contrast) -> list[str]:
    return [cell(found.difference, "+"), p_value(found.p)]


def _heading(result: Result) -> str:
    run, articles = result.run, result.articles
    system = run.model.name + " " + run.model.version if run.model else run.predictions
    by_stance = ", ".join(f"{n} {stance}" for stance, n in result.invented.by_stance.items())
    lines = [
        f"{system} on {run.gold}",
        (
            f"{articles.gold} articles ({named(run.splits)}), {articles.without_record} of them without a record. "
            f"Percentages with 95 % intervals: {run.resamples} resamples of articles, seed {run.seed}."
        ),
        f"Invented stances on paraphrases: {result.invented.paraphrases}{f' ({by_stance})' if by_stance else ''}.",
        *(f"Note: {note}." for note in result.notes),
        *([_PARTIAL.format(articles.without_record)] if articles.without_record else []),
        *([ceilings(result)] if result.agreement else []),
    ]
    return "\n\n".join(lines)
