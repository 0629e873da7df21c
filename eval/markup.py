"""The pieces of the HTML report: elements, tables with range bars, heat tables, curves.

Any text that is not `Markup` is escaped, so that a hostile name or id stays text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

import msgspec

from quoth.eval.draws import Figure
from quoth.eval.result import Calibration, Confusion

DASH = "–"
"""Stands for a figure that is not defined."""

_SIDE = 200
"""Of a curve's plane in SVG units; the axes' labels lie outside it."""


class Markup(str):
    """HTML that is safe to insert."""


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """One element; attributes that are None are left out, data_key and class_ become data-key and class."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Markup:
    """The children one after the other, escaped unless they are Markup."""
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c)) for c in children))


def items_link(text: str, filters: Mapping[str, str]) -> Markup:
    """A link that shows the statements which the filters let through, see report.html."""
    return tag("a", text, href=f"#{urlencode(filters)}")


def percent(share: float | None, sign: str = "") -> str:
    """A share in percent with one decimal; sign "+" also marks what is above zero."""
    if share is None:
        return DASH
    text = f"{100 * share:{sign}.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text.replace("-", "−")


def decimal(value: float | None) -> str:
    """Three decimals."""
    return DASH if value is None else f"{value:.3f}".replace("-", "−")


def decimal_figure(figure: Figure) -> str:
    """A figure that is no share, with its interval."""
    return f"{decimal(figure.value)} [{decimal(figure.low)}, {decimal(figure.high)}]"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], class_: str | None = None) -> Markup:
    """One row a row, of cells as `cell` makes them; the first heads its row.

    In the class "sortable", the script sorts by a column whose head is pressed.
    """
    cells = [
        [tag("th", "" if first is None else first, scope="row"), *map(cell, rest)] for first, *rest in rows
    ]
    right = {k for row in cells[:1] for k, made in enumerate(row) if made.startswith('<td class="number"')}
    heads = [
        tag(
            "th",
            tag("button", text, type="button") if class_ == "sortable" else text,
            scope="col",
            class_="number" if k in right else None,
        )
        for k, text in enumerate(head)
    ]
    body = tag("tbody", *(tag("tr", *row) for row in cells))
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", *heads)), body, class_=class_),
        class_="scroll",
        tabindex=0,
        role="group",
        aria_label=f"Table of {', '.join(filter(None, head))}",
    )


def fields(value: Any, level: int = 3) -> Markup:
    """Any JSON-able value: objects in a list as a table, an object's fields as one or under a heading each."""
    value = msgspec.to_builtins(value)
    if value in (None, [], {}):
        return Markup()
    if isinstance(value, dict):
        deep = {key: inner for key, inner in value.items() if _is_deep(inner)}
        flat = [(_words(key), _value(inner)) for key, inner in value.items() if key not in deep]
        parts = [table(("", ""), flat, "fields")] if flat else []
        for key, inner in deep.items():
            parts += [tag(f"h{level}", _words(key)), fields(inner, min(level + 1, 6))]
        return join(parts)
    if _is_deep(value):
        head = list(dict.fromkeys(key for row in value for key in row))
        rows = [[_value(row.get(key)) for key in head] for row in value]
        return table([_words(key) for key in head], rows)
    return tag("p", _value(value))


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(_text(inner) for inner in value)
    if isinstance(value, dict) and not _is_figure(value):
        return ", ".join(f"{_words(key)} {_text(inner)}" for key, inner in value.items())
    return Figure(**value) if isinstance(value, dict) else value


def _text(value: Any) -> str:
    value = _value(value)
    if isinstance(value, Figure):
        return percent(value.value)
    return DASH if value is None else str(value)


def _is_deep(value: Any) -> bool:
    """Whether a value does not fit one cell."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(inner, dict) for inner in value)
    return isinstance(value, dict) and any(isinstance(inner, dict | list) for inner in value.values())


def _is_figure(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"value", "low", "high"}


def _words(key: Any) -> str:
    return str(key).replace("_", " ")


def cell(value: object) -> Markup:
    """One <td>: figures with interval and bar, numbers to the right, None as a dash."""
    match value:
        case Figure():
            return figure_cell(value)
        case None:
            return tag("td", DASH, class_="number")
        case bool():
            return tag("td", "yes" if value else "no")
        case int() | float():
            text = f"{value:,}" if isinstance(value, int) else decimal(value)
            return tag("td", text, class_="number", data_value=value)
        case Markup() if value.startswith("<td"):
            return value
        case _:
            return tag("td", value)


def figure_cell(figure: Figure, reach: float | None = None) -> Markup:
    """A share with its interval and a bar from 0 to 1; for a difference from -reach to reach, signed."""
    sign = "" if reach is None else "+"
    low, high = percent(figure.low, sign), percent(figure.high, sign)
    interval = "" if figure.low is None and figure.high is None else f"[{low}, {high}]"
    return tag(
        "td",
        tag("span", percent(figure.value, sign), class_="value"),
        tag("span", interval, class_="interval"),
        _bar(figure, reach),
        class_="figure",
        data_value=figure.value,
    )


def p_cell(p: float | None) -> Markup:
    """A p-value."""
    text = DASH if p is None else "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")
    return tag("td", text, class_="number", data_value=p)


def _bar(figure: Figure, reach: float | None) -> Markup:
    if figure.value is None:
        return Markup("")

    def place(value: float | None) -> float:
        share = figure.value if value is None else value
        assert share is not None
        share = share if reach is None else (share + reach) / (2 * reach)
        return round(100 * min(max(share, 0), 1), 1)

    low, high = place(figure.low), place(figure.high)
    return tag(
        "span",
        tag("i", style=f"left:{low}%;width:{round(high - low, 1)}%"),
        tag("b", style=f"left:{place(figure.value)}%"),
        class_="bar" if reach is None else "bar signed",
        aria_hidden="true",
    )


def heat_table(confusion: Confusion, filters: Callable[[str, str], Mapping[str, str]]) -> Markup:
    """Gold by row, predicted by column, shaded by the share of its row.

    filters: of (gold, predicted), what shows a cell's items.

    Rows and columns without an item are left out.
    """
    counts = confusion.counts
    rows = [i for i, row in enumerate(counts) if any(row)]
    columns = [j for j in range(len(confusion.predicted)) if any(row[j] for row in counts)]

    def box(i: int, j: int) -> Markup:
        n = counts[i][j]
        share = round(100 * n / sum(counts[i]))
        gold, predicted = confusion.gold[i], confusion.predicted[j]
        inner = items_link(f"{n:,}", filters(gold, predicted)) if n else tag("span", "0")
        right = "right" if gold == predicted else None
        return tag("td", inner, style=f"--heat:{share}%", class_=right, title=f"{share} % of the row")

    head = (tag("th", confusion.predicted[j], scope="col") for j in columns)
    body = (tag("tr", tag("th", confusion.gold[i], scope="row"), *(box(i, j) for j in columns)) for i in rows)
    return tag(
        "table",
        tag("caption", "Rows: gold; columns: predicted. Press a count to see its statements."),
        tag("thead", tag("tr", tag("td"), *head)),
        tag("tbody", *body),
        class_="heat",
    )


def reliability(c: Calibration, name: str) -> Markup:
    """Accuracy over mean confidence, one point a bin with its interval, beside the diagonal."""
    marks = [tag("line", x1=0, y1=_SIDE, x2=_SIDE, y2=0, class_="diagonal")]
    for b in c.bins:
        x, value = _along(b.confidence), b.accuracy.value
        if value is not None:
            low, high = (value if v is None else v for v in (b.accuracy.low, b.accuracy.high))
            marks.append(tag("line", x1=x, y1=_up(low), x2=x, y2=_up(high), class_="whisker"))
            marks.append(tag("circle", cx=x, cy=_up(value), r=3.2))
    told = f"{len(c.bins)} bins of {c.n:,} statements, ECE {decimal_figure(c.ece)}"
    return _plot(f"Reliability, {name}", told, "confidence", marks)


def risk_coverage(c: Calibration, name: str) -> Markup:
    """Accuracy over the surest share of the items, its interval as a band."""
    known = [
        (p.coverage, p.accuracy.value, p.accuracy) for p in c.risk_coverage if p.accuracy.value is not None
    ]
    low = [(x, y if f.low is None else f.low) for x, y, f in known]
    high = [(x, y if f.high is None else f.high) for x, y, f in known]
    marks = [
        tag("polygon", points=_path(low + high[::-1]), class_="band"),
        tag("polyline", points=_path([(x, y) for x, y, _ in known]), class_="curve"),
    ]
    ends = known[:1] + known[-1:]
    told = "; ".join(f"of the surest {percent(x)} % are {percent(y)} % right" for x, y, _ in ends)
    return _plot(f"Risk and coverage, {name}", told, "share answered, surest first", marks)


def _plot(title: str, told: str, x_label: str, marks: Iterable[Markup]) -> Markup:
    ticks = []
    for k in range(5):
        at, text = k / 4, f"{25 * k}"
        ticks += [
            tag("line", x1=0, y1=_up(at), x2=_SIDE, y2=_up(at), class_="grid"),
            tag("line", x1=_along(at), y1=0, x2=_along(at), y2=_SIDE, class_="grid"),
            tag("text", text, x=-6, y=_up(at) + 3, class_="left"),
            tag("text", text, x=_along(at), y=_SIDE + 15),
        ]
    return tag(
        "svg",
        tag("title", title),
        tag("desc", told),
        *ticks,
        tag("text", f"{x_label}, %", x=_SIDE / 2, y=_SIDE + 32),
        tag("text", "right, %", x=-_SIDE / 2, y=-30, transform="rotate(-90)"),
        *marks,
        viewBox=f"-44 -10 {_SIDE + 60} {_SIDE + 50}",
        role="img",
        aria_label=f"{title}: {told}",
    )


def _along(share: float) -> float:
    return round(_SIDE * share, 1)


def _up(share: float) -> float:
    return round(_SIDE * (1 - share), 1)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{_along(x)},{_up(y)}" for x, y in points)
