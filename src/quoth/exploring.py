"""A corpus at a glance: one HTML page that needs nothing else, of the counts of `quoth.tally`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby

from quoth.marking import PAGE_TAIL, page_open
from quoth.tally import STANCES, Corpus, Count, Pair

MOST = 15
MATRIX = 8
"""Speakers and targets of a matrix."""

_WIDTH, _HEIGHT = 640, 220
_STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid color-mix(in srgb, var(--ink) 15%, var(--paper));
  overflow-wrap: anywhere }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.n { white-space: nowrap }
td:first-child, th:first-child { min-width: 8rem }
th { vertical-align: bottom; overflow-wrap: normal }
.bar { display: flex; height: 1.1rem; min-width: 8rem }
.bar span { background: var(--tint) }
.scroll { overflow-x: auto }
.key span { background: var(--tint); padding: .1rem .4rem; margin-right: .4rem }
svg { width: 100%; height: auto; max-width: 48rem }
polyline { fill: none; stroke: var(--line); stroke-width: 2 }
polygon { fill: var(--line); opacity: .15 }
text { fill: var(--ink); font-size: 12px }
"""
_LINES = {
    "accusation": "#b06a00",
    "denial": "#2b6fc2",
    "condemnation": "#c22f56",
    "solidarity": "#2e8a3a",
    "other": "#777",
}


def page(corpus: Corpus, title: str) -> str:
    """title: of the page, as text."""
    articles, statements = corpus.totals()
    note = (
        f"<p>{statements:,} statements in {articles:,} articles. Counts are sums of calibrated probabilities; in"
        " brackets their 95 % intervals, which hold as far as the calibration does for this corpus.</p>"
    )
    blocks = [
        note,
        f'<p class="key">{"".join(_key(stance) for stance in STANCES)}</p>',
        _section("Stances", _totals(corpus.counts("stance"))),
    ]
    for by, heading in (("outlet", "By outlet"), ("speaker", "By speaker"), ("target", "By target")):
        if counts := corpus.counts(by, MOST):  # type: ignore[arg-type]
            blocks.append(_section(heading, _groups(counts)))
    if months := corpus.counts("month"):
        blocks.append(_section("Over time", _months(months) + _groups(months)))
    for stance in STANCES[:-1]:
        if pairs := corpus.pairs(stance, 200):
            covered = corpus.coverage(stance)
            told = (
                f"<p>Of {covered.labelled:,} statements of {stance} {covered.speaker:,} name the speaker,"
                f" {covered.target:,} the target, {covered.both:,} both.</p>"
            )
            blocks.append(
                _section(f"Who toward whom: {stance}", told + _matrix(pairs) + _pairs(pairs[:MOST]))
            )
    return _head(title) + "\n".join(blocks) + "\n" + PAGE_TAIL


def _head(title: str) -> str:
    lines = "".join(f".{stance} {{ --line: {colour} }}\n" for stance, colour in _LINES.items())
    return f"{page_open(title, lines + _STYLE)}<header><h1>{escape(title)}</h1></header>\n<main>\n"


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>\n{content}</section>"


def _key(stance: str) -> str:
    return f'<span class="{stance}">{stance}</span>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        made = (f"<{tag}{' class=n' if k in numbers else ''}>{cell}</{tag}>" for k, cell in enumerate(cells))
        return f"<tr>{''.join(made)}</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>\n{body}</tbody></table></div>\n'
    )


def _interval(count: Count) -> str:
    return f"{count.expected:,.0f} [{count.low:,.0f}, {count.high:,.0f}]"


def _totals(counts: list[Count]) -> str:
    most = max(count.expected for count in counts) or 1
    rows = [
        [_key(c.stance), f'<div class="bar {c.stance}"><span style="width: {100 * c.expected / most:.1f}%"></span></div>', _interval(c)]
        for c in counts
    ]  # fmt: skip
    return f'<div class="key">{_table(["stance", "", "statements"], rows, [2])}</div>'


def _groups(counts: list[Count]) -> str:
    rows = []
    for group, some in groupby(counts, lambda count: count.group):
        of = list(some)
        whole = sum(count.expected for count in of) or 1
        bar = "".join(
            f'<span class="{c.stance}" style="width: {100 * c.expected / whole:.1f}%"></span>' for c in of
        )
        rows.append(
            [
                escape(group),
                f'<div class="bar">{bar}</div>',
                f"{of[0].statements:,}",
                *map(_interval, of[:-1]),
            ]
        )
    return _table(["", "shares", "statements", *STANCES[:-1]], rows, range(2, 7))


def _months(counts: list[Count]) -> str:
    """Lines of the four stances over the months, with their intervals."""
    months = sorted({count.group for count in counts})
    if len(months) < 2:
        return ""
    first = _ordinal(months[0])
    shown = [count for count in counts if count.stance != "other"]
    top = max(count.high for count in shown) or 1

    def place(month: str, value: float) -> str:
        x = 40 + (_WIDTH - 60) * (_ordinal(month) - first) / (_ordinal(months[-1]) - first)
        return f"{x:.1f},{_HEIGHT - 30 - (_HEIGHT - 50) * value / top:.1f}"

    drawn = []
    for stance in STANCES[:-1]:
        of = sorted((c for c in shown if c.stance == stance), key=lambda c: c.group)
        band = [place(c.group, c.low) for c in of] + [place(c.group, c.high) for c in reversed(of)]
        line = " ".join(place(c.group, c.expected) for c in of)
        drawn.append(
            f'<g class="{stance}"><polygon points="{" ".join(band)}"/><polyline points="{line}"><title>{stance}</title></polyline></g>'
        )
    labels = "".join(
        f'<text x="{place(month, 0).split(",")[0]}" y="{_HEIGHT - 10}" text-anchor="{anchor}">{escape(month)}</text>'
        for month, anchor in ((months[0], "start"), (months[-1], "end"))
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Statements of each stance by month; the table below has the'
        f' figures"><text x="4" y="24">{top:,.0f}</text>{"".join(drawn)}{labels}</svg>\n'
    )


def _ordinal(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7])


def _pairs(pairs: list[Pair]) -> str:
    rows = [
        [escape(p.speaker), escape(p.target), f"{p.labelled:,}", f"{p.expected:,.1f}", f"{p.articles:,}"]
        for p in pairs
    ]
    return _table(["speaker", "target", "labelled", "expected", "articles"], rows, [2, 3, 4])


def _matrix(pairs: list[Pair]) -> str:
    """Speakers in rows, targets in columns, those of most statements."""

    def most(field: str, some: list[Pair]) -> list[str]:
        sums: Counter[str] = Counter()
        for pair in some:
            sums[getattr(pair, field)] += pair.labelled
        return sorted(sums, key=lambda name: (-sums[name], name))[:MATRIX]

    targets = most("target", pairs)
    speakers = most("speaker", [pair for pair in pairs if pair.target in targets])
    if len(speakers) < 2 or len(targets) < 2:
        return ""
    cells = {(pair.speaker, pair.target): pair.labelled for pair in pairs}
    rows = [
        [escape(speaker), *(str(cells[speaker, t]) if (speaker, t) in cells else "" for t in targets)]
        for speaker in speakers
    ]
    return _table(["speaker ↓ target →", *map(escape, targets)], rows, range(1, MATRIX + 1))
