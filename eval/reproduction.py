"""Whether a published result comes out again: its evaluation is run once more, and each figure laid beside the published
one (`quoth reproduce`)."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from quoth.errors import InputError
from quoth.eval.markdown import table
from quoth.eval.provenance import file_hash
from quoth.eval.release import Outcome, public
from quoth.eval.result import Attributions, Run

Leaf = str | float | None

SHARE = 0.25
"""Of the published interval's width: how far a figure may lie from the published one on another kind of machine.  With
ONNX Runtime 1.22 instead of 1.32 no figure of `examples` moves as far; a change of the code that mended targets moved
their F1 by .36."""

LEAST = 0.015
"""What is always allowed there: a point and a half."""

_CURVES = re.compile(r"\.(bins|risk_coverage|operating)\[")
"""Points that lie elsewhere where probabilities do; the figures that sum a curve up are judged."""

ROUNDING = 1e-6
"""Figures that lie no further apart are equal: sums of another order."""

_RUN = ("model", "gold_hash", "articles_hash", "splits", "seed", "resamples")
"""What must be the same for figures to be the same; the rest of a run tells when and where it was."""


class Difference(msgspec.Struct, frozen=True):
    """A figure that came out otherwise, by where it stands in the result; None: it is not there."""

    figure: str
    published: Leaf
    found: Leaf
    beyond: bool


class Reproduction(msgspec.Struct, frozen=True):
    """A result, run again.

    compared: figures.  alike: by the same versions on the same kind of machine, so that all of them must be equal; else
    those with an interval may differ by `SHARE` of its width or by `LEAST`, and those without are not judged.
    """

    name: str
    compared: int
    alike: bool
    differences: list[Difference]

    @property
    def beyond(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.beyond]


def find(folder: Path, name: str, digest: str = "") -> Path | None:
    """The file or folder of this name, at any depth, with this `file_hash` if one is given; None where nothing has the
    name.  Raises InputError where what has it is another file, or several."""
    named = sorted(folder.rglob(glob.escape(name)))
    found = [path for path in named if not digest or (path.is_file() and file_hash(path) == digest)]
    if named and not found:
        raise InputError(
            f"{named[0]}: expected the file that was measured on, whose sha256 begins with {digest}"
        )
    if len(found) > 1:
        raise InputError(f"{folder}: expected one {name}, found {', '.join(map(str, found))}")
    return found[0] if found else None


def reproduction(name: str, published: Outcome, found: Outcome) -> Reproduction:
    """Compare a result with what came out now."""
    alike = _alike(published.run, found.run)
    unit = 100.0 if isinstance(published, Attributions) else 1.0
    before, after = _figures(published), _figures(found)
    differences = [
        Difference(
            figure,
            before.get(figure),
            after.get(figure),
            alike or figure.startswith("run.") or _beyond(figure, before, after, unit),
        )
        for figure in before | after
        if not _equal(before.get(figure), after.get(figure))
    ]
    return Reproduction(name, len(before | after), alike, differences)


def markdown(done: Reproduction, most: int = 25) -> str:
    """What was compared, and the figures that differ, the ones beyond what is allowed first."""
    measured = (
        "the versions and the kind of machine of then: all must be equal"
        if done.alike
        else "other versions or another kind of machine: a figure may differ by a quarter of its interval"
    )
    counts = (
        f"{done.compared} figures, {len(done.differences)} differ, {len(done.beyond)} by more than is allowed"
    )
    parts = [f"{done.name}: {counts} ({measured})."]
    shown = sorted(done.differences, key=lambda d: not d.beyond)[:most]
    if shown:
        rows = [
            ["beyond" if d.beyond else "", d.figure, _told(d.published), _told(d.found), _moved(d)]
            for d in shown
        ]
        parts.append(table(["", "figure", "published", "now", "by"], rows))
    if len(done.differences) > most:
        parts.append(f"{len(done.differences) - most} more; --json writes all.")
    return "\n\n".join(parts) + "\n"


def _alike(then: Run, now: Run) -> bool:
    return then.machine is not None and (then.machine, then.versions) == (now.machine, now.versions)


def _equal(then: Leaf, now: Leaf) -> bool:
    if isinstance(then, float) and isinstance(now, float):
        return abs(now - then) <= ROUNDING
    return then == now


def _beyond(figure: str, before: Mapping[str, Leaf], after: Mapping[str, Leaf], unit: float) -> bool:
    """Whether a figure with an interval moved by more than is allowed, or is no longer defined."""
    where, _, name = figure.rpartition(".")
    ends = ("low", "high") if name in ("value", "rate") else (f"{name}_low", f"{name}_high")
    low, high = (before.get(f"{where}.{end}") for end in ends)
    if _CURVES.search(figure) or not (isinstance(low, float) and isinstance(high, float)):
        return False
    then, now = before.get(figure), after.get(figure)
    if not (isinstance(then, float) and isinstance(now, float)):
        return True
    return abs(now - then) > max(LEAST * unit, SHARE * (high - low))


def _figures(result: Outcome) -> dict[str, Leaf]:
    """Every leaf of a result as it is published, by its path."""
    plain = msgspec.to_builtins(public(result))
    plain["run"] = {field: plain["run"][field] for field in _RUN}
    return dict(_leaves(plain, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for k, part in enumerate(value):
            yield from _leaves(part, f"{path}[{_label(part) or k}]")
    else:
        yield path, value


def _label(part: Any) -> str:
    """What a member of a list is called, by its own words: the trait and value of a slice, the name of a test."""
    if not isinstance(part, dict) or "text" in part:
        return ""
    return ", ".join(word for word in part.values() if isinstance(word, str))


def _told(leaf: Leaf) -> str:
    return "-" if leaf is None else f"{leaf:.4g}" if isinstance(leaf, float) else str(leaf)


def _moved(difference: Difference) -> str:
    then, now = difference.published, difference.found
    return f"{now - then:+.4g}" if isinstance(then, int | float) and isinstance(now, int | float) else ""
