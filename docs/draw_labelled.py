"""Draw a labelled article as SVG, the picture of the README: python docs/draw_labelled.py > docs/labelled.svg"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import quoth
from quoth.records import Record, Statement

ARTICLE = Path(__file__).parents[1] / "examples" / "dam.txt"
SHOWN = ("“Tonight", "and he put the report in a drawer.”")
"""First and last words of the part of the article that is drawn."""
COLUMNS = 78
LINE, CHARACTER, LEFT, TOP = 22, 8.0, 24, 20
NOTE = LEFT + COLUMNS * CHARACTER + 24
WIDTH = 1010
COLOURS = {
    "accusation": "#d1495b",
    "denial": "#2f6fb7",
    "condemnation": "#9a4dbf",
    "solidarity": "#2c8a57",
    "other": "#8a8f98",
}


def main() -> None:
    """Label the article and print the picture."""
    text = ARTICLE.read_text("utf-8")
    first, last = (text.index(words) for words in SHOWN)
    print(picture(quoth.label(text), text, first, last + len(SHOWN[1])))


def picture(record: Record, text: str, first: int, last: int) -> str:
    """Return the SVG: the text with its direct statements marked, and a note beside each.

    Args:
        record: Of the text.
        text: Paragraphs divided by empty lines.
        first, last: Characters [first, last) of the part that is drawn.
    """
    shown = [s for s in record.statements if s.kind == "direct"]
    body: list[str] = []
    row = 0
    for start, line in lines(text):
        if not first <= start < last:
            continue
        y = TOP + row * LINE
        for statement in shown:
            left, right = max(statement.start, start), min(statement.end, start + len(line))
            if left < right:
                body.append(_mark(left - start, right - start, y, COLOURS[statement.stance]))
        if line:
            body.append(
                f'<text class="t" x="{LEFT}" y="{y + 15}" textLength="{len(line) * CHARACTER}"'
                f' lengthAdjust="spacing">{escape(line)}</text>'
            )
        begun = [s for s in shown if start <= s.start < start + len(line)]
        body += [_note(s, y + 15 + 11 * k) for k, s in enumerate(begun)]
        row += 1
    height = TOP + row * LINE + 10
    style = (
        "<style>.t{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}"
        ".n{font:11px system-ui,sans-serif}.p{fill:#ffffff}"
        "@media(prefers-color-scheme:dark){.t{fill:#e6edf3}.p{fill:#0d1117}}</style>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        "<title>An article labelled by quoth</title>"
        "<desc>Quotations are coloured by what they do; beside each stand its speaker, stance and target.</desc>"
        f'{style}<rect class="p" width="{WIDTH}" height="{height}" rx="8"/>{"".join(body)}</svg>'
    )


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each printed line with the place of its first character in the text."""
    start = 0
    for paragraph in text.split("\n"):
        at = start
        for line in textwrap.wrap(paragraph, COLUMNS) or [""]:
            at = text.index(line, at) if line else at
            yield at, line
            at += len(line)
        start += len(paragraph) + 1


def _mark(first: int, last: int, y: int, colour: str) -> str:
    x, width = LEFT + first * CHARACTER, (last - first) * CHARACTER
    return f'<rect x="{x}" y="{y}" width="{width}" height="{LINE - 2}" rx="3" fill="{colour}" fill-opacity=".22"/>'


def _note(statement: Statement, y: int) -> str:
    who = statement.speaker.name if statement.speaker else None
    told = f"{who or 'somebody'}: {statement.stance}"
    if statement.target:
        told += f" → {statement.target.name or statement.target.text}"
    return f'<text class="n" x="{NOTE}" y="{y}" fill="{COLOURS[statement.stance]}">{escape(told)}</text>'


if __name__ == "__main__":
    main()
