"""An article's text with its statements marked: as HTML that needs nothing else, and for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import get_args

import regex
from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from quoth.records import Article, Record, Stance, Statement

# Background in light and dark mode. Hues that stay apart for colour-blind readers; the label says it in words.
TINTS: dict[Stance, tuple[str, str]] = {
    "accusation": ("#ffd8a1", "#6b4000"),
    "denial": ("#bfdcff", "#123f78"),
    "condemnation": ("#ffc4d0", "#7a1533"),
    "solidarity": ("#bfe8c0", "#165226"),
    "other": ("#dedee2", "#45454c"),
}
INK, PAPER = ("#16161a", "#f2f2f4"), ("#ffffff", "#17171a")
TERMINAL_STYLES: dict[Stance, str] = {
    "accusation": "yellow",
    "denial": "cyan",
    "condemnation": "red",
    "solidarity": "green",
    "other": "",
}
PAGE_TAIL = "</main></body></html>\n"

_STYLE = """
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1.05rem/1.7 Georgia, serif }
article { border-top: 1px solid; margin-top: 2rem }
.text { white-space: pre-wrap; overflow-wrap: anywhere }
.note, header, small { font-family: system-ui, sans-serif; font-size: .85rem }
mark { background: var(--tint); color: inherit; border-radius: .2em; padding: .15em .2em; unicode-bidi: isolate;
  box-decoration-break: clone; -webkit-box-decoration-break: clone }
mark mark { outline: 1px solid }
.fragment { background: color-mix(in srgb, var(--tint) 45%, var(--paper)) }
small { font-size: .72rem; font-weight: 600; unicode-bidi: isolate; user-select: none;
  -webkit-user-select: none; margin-inline-end: .4em }
"""
# Browsers drop or replace these; one for one, so that offsets stay right.
_UNFIT_FOR_HTML = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
# Escape sequences and direction overrides of a hostile text would reach the terminal.
_UNFIT_FOR_TERMINAL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def page_open(title: str, style: str) -> str:
    """The start of a page that needs nothing else, up to its body: colours of stances by class, in light and dark."""
    modes = []
    for mode in (0, 1):
        rules = f":root {{ --ink: {INK[mode]}; --paper: {PAPER[mode]} }}\n"
        rules += "".join(f".{stance} {{ --tint: {tints[mode]} }}\n" for stance, tints in TINTS.items())
        modes.append(rules)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{modes[0]}@media (prefers-color-scheme: dark) {{
{modes[1]}}}{style}</style></head><body>
"""


def page_head() -> str:
    """Everything before the first article: styles and the legend."""
    legend = " ".join(f'<mark class="{stance}">{stance}</mark>' for stance in get_args(Stance))
    return f"""{page_open("Statements", _STYLE)}<header><h1>Statements</h1>
<p>{legend} <mark class="other fragment">paler: a fragment of up to three words</mark></p>
<p>Before each statement: speaker → target, stance and its probability (? where it is not certain enough
to be used). Point at a statement for the rest.</p></header>
<main>
"""


def page_article(record: Record, article: Article) -> str:
    """One article as an HTML element: heading, byline, marked text, warnings."""
    byline = [str(record.metadata[key]) for key in ("date", "source") if record.metadata.get(key)]
    byline += [record.id, "" if record.statements else "no statements"]
    notes = "".join(
        f'<p class="note" dir="auto">Warning: {_html(warning)}</p>\n' for warning in record.warnings
    )
    return (
        f'<article><h2 dir="auto">{_html(heading(record))}</h2>\n'
        f'<p class="note" dir="auto">{_html(" · ".join(filter(None, byline)))}</p>\n'
        f'<div class="text" dir="auto">{marked(article.text, record.statements)}</div>\n{notes}</article>\n'
    )


def marked(text: str, statements: Iterable[Statement]) -> str:
    """The text as HTML, each statement in a <mark>; statements inside others become nested marks."""
    pieces: list[str] = []
    ends: list[int] = []  # of the marks that are open, outermost first
    done = 0

    def copy(until: int) -> None:
        nonlocal done
        pieces.append(_html(text[done:until]))
        done = max(done, until)

    for statement in sorted(statements, key=lambda statement: (statement.start, -statement.end)):
        while ends and ends[-1] <= statement.start:
            copy(ends.pop())
            pieces.append("</mark>")
        copy(statement.start)
        pieces.append(_opening(statement))
        ends.append(min([statement.end, *ends[-1:]]))
    while ends:
        copy(ends.pop())
        pieces.append("</mark>")
    copy(len(text))
    return "".join(pieces)


def _opening(statement: Statement) -> str:
    towards = f" → <bdi>{_html(_target(statement))}</bdi>" if statement.target else ""
    label = f"<bdi>{_html(_speaker(statement))}</bdi>{towards} · {_stance(statement)}"
    if own := _label(statement):
        label += f" · {_html(own)}"
    classes = statement.stance + (" fragment" if statement.fragment else "")
    return f'<mark class="{_html(classes)}" title="{_html(_details(statement))}"><small>{label}</small>'


def _details(statement: Statement) -> str:
    speaker, target = statement.speaker, statement.target
    lines = [f"{statement.kind} statement, probability {statement.probability:.2f}"]
    lines.append(f"speaker: {_speaker(statement)}")
    if speaker:
        lines[-1] += f" ({speaker.type}), probability {speaker.probability:.2f}"
    if speaker and speaker.mention:
        lines.append(f"mention: {speaker.mention.text}")
    lines.append(f"stance: {_stance(statement)}")
    if statement.abstained:
        lines[-1] += " (not certain enough to be used)"
    if statement.second_stance:
        lines.append(f"second stance: {statement.second_stance}")
    if target:
        lines.append(f"target: {_target(statement)} ({target.text})")
    lines.append(f"sentiment: {statement.sentiment}")
    if label := _label(statement):
        lines.append(f"label: {label}")
    return "\n".join(lines)


def terminal_view(record: Record, width: int) -> Group:
    """One article for a terminal of `width` cells: heading, table with one line per statement, warnings."""
    parts: list[Text | Table | Padding] = [Text(shorten(heading(record), width), style="bold")]
    if record.statements:
        parts.append(_statement_table(record.statements, width))
    else:
        parts.append(Text("no statements", style="dim"))
    parts += [Text(f"warning: {_plain(warning)}", style="yellow") for warning in record.warnings]
    return Group(*parts, Text())


def _statement_table(statements: Iterable[Statement], width: int) -> Table:
    shown = sorted(statements, key=lambda statement: (statement.start, -statement.end))
    labels = [_plain(_label(statement)) for statement in shown]
    stance_width, gap = len("condemnation? 0.00"), 2
    # A column of its own only where the model has a label set.
    label_width = min(max(map(cell_len, labels)), 24)
    # Older rich gives the last column its gap, too.
    left = max(width - stance_width - 4 * gap - (label_width + gap if label_width else 0), 24)
    speaker_width, target_width = min(left // 4, 28), min(left // 5, 28)
    text_width = left - speaker_width - target_width
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    widths = {
        "speaker": speaker_width,
        "stance": stance_width,
        **({"label": label_width} if label_width else {}),
        "target": target_width,
        "statement": text_width,
    }
    for name, cells in widths.items():
        table.add_column(shorten(name, cells), width=cells, no_wrap=True)
    for statement, label in zip(shown, labels, strict=True):
        table.add_row(
            Text(shorten(_speaker(statement), speaker_width)),
            Text(_stance(statement), style=TERMINAL_STYLES[statement.stance]),
            *([Text(shorten(label, label_width))] if label_width else []),
            Text(shorten(_target(statement), target_width)),
            Text(shorten(statement.text, text_width), style="dim" if statement.fragment else ""),
        )
    return table


def shorten(text: str, width: int) -> str:
    """One printable line of at most `width` terminal cells; what does not fit goes from the middle.

    Letters keep their accents and emoji their parts: the cut is between grapheme clusters.
    """
    text = _plain(text)
    if cell_len(text) <= width:
        return text
    clusters = regex.findall(r"\X", text)
    head = _fitting(clusters, (width - 1) // 2)
    tail = _fitting(reversed(clusters), width - 1 - sum(map(cell_len, head)))
    return "".join([*head, "…", *reversed(tail)])


def _fitting(clusters: Iterable[str], width: int) -> list[str]:
    kept: list[str] = []
    for cluster in clusters:
        width -= cell_len(cluster)
        if width < 0:
            break
        kept.append(cluster)
    return kept


def heading(record: Record) -> str:
    """The article's title, else its id."""
    return str(record.metadata.get("title") or record.id)


def _speaker(statement: Statement) -> str:
    return (statement.speaker and statement.speaker.name) or "unknown"


def _target(statement: Statement) -> str:
    target = statement.target
    return (target.name or target.text) if target else ""


def _stance(statement: Statement) -> str:
    probability = statement.stance_probabilities.get(statement.stance)
    doubt = "?" if statement.abstained else ""
    return f"{statement.stance}{doubt}" + ("" if probability is None else f" {probability:.2f}")


def _label(statement: Statement) -> str:
    """Of the model's label set; empty where it has none."""
    if statement.labelled is None:
        return ""
    label, probabilities = statement.labelled
    probability = probabilities.get(label)
    return label + ("" if probability is None else f" {probability:.2f}")


def _html(text: str) -> str:
    return escape(_UNFIT_FOR_HTML.sub("\ufffd", text))


def _plain(text: str) -> str:
    return " ".join(_UNFIT_FOR_TERMINAL.sub(" ", text).split())
