from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.agreement import (
    Annotations,
    Annotator,
    Item,
    agreement,
    alpha,
    ceiling,
    compare,
    disputes,
    markdown,
    read_passes,
)
from quoth.eval.draws import known

Rows = list[list[str | None]]

LABELS = st.sampled_from(["x", "y", "z", None])
TABLES = st.integers(2, 4).flatmap(
    lambda n: st.lists(st.lists(LABELS, min_size=n, max_size=n), min_size=1, max_size=25)
)

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A to C: an observer a line, a unit
# a character, "." where an observer saw nothing.
PUBLISHED = [
    ("0100000010 1110010000", 0.095),
    ("aabbdcccedda babbbccceddd", 0.692),
    ("123321412... 1233224125.3 .3332342251. 12332441251.", 0.743),
]


def table_of(rows: Sequence[Sequence[str | None]], articles: Sequence[str] | None = None) -> Annotations:
    names = tuple("abcd"[: len(rows[0])])
    places = articles or [f"article {k}" for k in range(len(rows))]
    return Annotations(
        names,
        [Item(place, k, k + 1, tuple(row)) for k, (place, row) in enumerate(zip(places, rows, strict=True))],
    )


@pytest.mark.parametrize(("observers", "expected"), PUBLISHED)
def test_alpha_of_published_examples(observers: str, expected: float) -> None:
    units = [[None if c == "." else c for c in unit] for unit in zip(*observers.split(), strict=True)]
    assert alpha(table_of(units)).value == pytest.approx(expected, abs=5e-4)


@settings(deadline=None)
@given(TABLES)
def test_alpha_is_that_of_the_krippendorff_library(rows: Rows) -> None:
    library = pytest.importorskip("krippendorff")
    counts = [[row.count(label) for label in "xyz"] for row in rows]
    found = alpha(table_of(rows)).value
    try:
        with warnings.catch_warnings(action="ignore"):
            expected = known(library.alpha(value_counts=counts, level_of_measurement="nominal"))
    except ValueError:
        expected = None  # No item has two labels.
    assert found == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_a_pair_is_compared_as_scikit_learn_does(pairs: list[tuple[str | None, str | None]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    pair = compare(table_of(pairs), "a", "b", "xy")
    both = [(a, b) for a, b in pairs if a and b]
    assert pair.n == len(both)
    if not both:
        assert all(f.value is None for f in (pair.raw, pair.kappa, pair.macro_f1))
        return
    a, b = zip(*both, strict=True)
    assert pair.raw.value == pytest.approx(metrics.accuracy_score(a, b))
    with warnings.catch_warnings(action="ignore"):
        assert pair.kappa.value == pytest.approx(known(metrics.cohen_kappa_score(a, b)))
    present = [label for label in "xy" if label in {*a, *b}]
    macro = metrics.f1_score(a, b, labels=present, average="macro", zero_division=0) if present else None
    assert pair.macro_f1.value == pytest.approx(macro)


def test_a_pair_is_the_same_either_way() -> None:
    rng = np.random.default_rng(1)
    found = table_of([list(row) for row in rng.choice(["x", "y", "z"], (60, 2))])
    forth, back = compare(found, "a", "b", "xy"), compare(found, "b", "a", "xy")
    assert (forth.raw, forth.kappa, forth.macro_f1) == (back.raw, back.kappa, back.macro_f1)
    with pytest.raises(InputError, match="annotator 'c' is none of a, b"):
        compare(found, "a", "c", "xy")


def test_intervals_resample_articles_not_items() -> None:
    rows: Rows = [["x", "x"], ["x", "y"], ["y", "y"], ["y", "x"], ["y", "y"], ["x", "x"]]
    single = table_of(rows, list("uuvvwx"))
    copied = table_of([row for row in rows for _ in range(50)], [a for a in "uuvvwx" for _ in range(50)])
    one, many = compare(single, "a", "b", "xy"), compare(copied, "a", "b", "xy")
    for found, expected in zip(
        (many.raw, many.kappa, many.macro_f1), (one.raw, one.kappa, one.macro_f1), strict=True
    ):
        assert (found.value, found.low, found.high) == pytest.approx(
            (expected.value, expected.low, expected.high)
        )
        assert found.low < found.value < found.high
    spread, clustered = alpha(table_of([row for row in rows for _ in range(50)])), alpha(copied)
    assert clustered.value == pytest.approx(spread.value)
    assert clustered.high - clustered.low > 3 * (spread.high - spread.low)


def test_each_annotator_against_the_rest() -> None:
    found = agreement(
        table_of([
            ["x", "x", "x", "y"],  # d alone
            ["x", "x", "y", "y"],  # two against two: of the other three, two agree
            ["x", "y", None, None],
            [None, None, "x", None],  # seen by c only
        ]),
        "xy",
    )  # fmt: skip
    assert found.n == 3
    a, b, c, d = found.annotators
    assert [(one.name, one.n) for one in (a, b, c, d)] == [("a", 3), ("b", 3), ("c", 3), ("d", 2)]
    assert a.others.value == pytest.approx((2 + 1 + 0) / (3 + 3 + 1))
    assert d.others.value == pytest.approx((0 + 1) / (3 + 3))
    # Without a's vote: x (2 of 3), y (2 of 3), y (1 of 1).
    assert a.majority.value == pytest.approx(1 / 3)
    assert c.majority.value == pytest.approx(1 / 2)
    assert d.majority.value == 0


def test_a_tie_among_the_others_is_no_majority() -> None:
    rows = [["x", "y", "x"], ["x", "x", "x"]]
    found: list[Annotator] = agreement(table_of(rows), "xy").annotators
    assert found[0].majority.value == 1
    assert found[1].majority.value == pytest.approx(1 / 2)


def test_the_ceiling_is_the_mean_over_pairs() -> None:
    rng = np.random.default_rng(2)
    three = table_of([list(row) for row in rng.choice(["x", "y", "z"], (40, 3))])
    pairs = [compare(three, one, other, "xy").macro_f1.value for one, other in ("ab", "ac", "bc")]
    assert ceiling(three, "xy").value == pytest.approx(np.mean(pairs))
    two = table_of([["x", "x"], ["y", "x"], ["z", "y"]])
    assert ceiling(two, "xy") == compare(two, "a", "b", "xy").macro_f1
    assert ceiling(two, "xy").value == scores.macro_f1("xyz", "xxy", "xy")
    # b and c share no item: only a with b counts.
    apart = table_of([["x", "x", None], ["x", "x", None], ["x", None, None]])
    assert ceiling(apart, "xy").value == 1


def test_disputes_come_worst_first() -> None:
    rows: Rows = [
        ["x", "x", "x"],
        ["x", "x", "y"],
        ["x", "y", "x"],
        ["z", "z", "x"],
        ["x", None, "y"],
        ["x", None, None],
        ["x", "y", "z"],
    ]
    found = disputes(table_of(rows, list("qponmlk")))
    assert [(d.article, d.start, d.end) for d in found] == [
        ("k", 6, 7),  # all differ, a combination seen once
        ("m", 4, 5),  # all who labelled it differ
        ("n", 3, 4),  # x against z once, x against y twice
        ("o", 2, 3),
        ("p", 1, 2),
    ]
    assert [d.disagreement for d in found] == pytest.approx([1, 1, 2 / 3, 2 / 3, 2 / 3])
    assert found[1].labels == {"a": "x", "b": None, "c": "y"}


def test_the_tables_name_every_pair_and_annotator() -> None:
    table = markdown(
        "stance", agreement(table_of([["x", "x", None], ["x", "y", None], ["y", "y", "y"]]), "xy")
    )
    assert "| a, b | 3 | 66.7 [" in table
    assert "| b, c | 1 | 100.0 [100.0, 100.0] | - | 100.0 [100.0, 100.0] |" in table
    assert "| c | 1 | 100.0 [" in table


@pytest.mark.parametrize(
    ("names", "row", "message"),
    [
        (("a",), ("x",), "two or more annotators"),
        (("a", "a"), ("x", "y"), "names of their own"),
        (("a", "b"), ("x", "y", "z"), "item 0: 3 labels by 2 annotators"),
    ],
)
def test_tables_that_do_not_fit(names: tuple[str, ...], row: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Annotations(names, [Item("u", 0, 1, row)])


def labels(**changes: object) -> dict[str, object]:
    given = {
        "stance": "denial",
        "stance2": None,
        "sentiment": "negative",
        "speaker": "Ida Brandt",
        "target": None,
    }
    return given | changes


def line(**changes: object) -> dict[str, object]:
    return {"article": "u", "start": 3, "end": 9, "a": labels(), "b": labels(stance="other")} | changes


def written(folder: Path, *rows: dict[str, object] | str) -> Path:
    path = folder / "passes.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def test_passes_are_read_field_by_field(tmp_path: Path) -> None:
    third = labels(stance="accusation", sentiment="neutral", speaker=None)
    path = written(
        tmp_path, line(), "", line(start=5, b=None, third=third, a=labels(speaker="Mayor Ida K. Brandt"))
    )
    stance = read_passes(path)
    assert stance.annotators == ("a", "b", "third")
    assert stance.items == [
        Item("u", 3, 9, ("denial", "other", None)),
        Item("u", 5, 9, ("denial", None, "accusation")),
    ]
    assert [item.labels for item in read_passes(path, "sentiment").items] == [
        ("negative", "negative", None),
        ("negative", None, "neutral"),
    ]
    assert [item.labels for item in read_passes(path, "speaker").items] == [
        ("ida brandt", "ida brandt", None),
        ("ida brandt", None, "?"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            line(a=labels(stance="praise")),
            r"`a`: Invalid enum value 'praise' - at `\$\.stance`; stances are accus",
        ),
        (line(b=labels(sentiment="bad")), r"`b`: .*\$\.sentiment.*sentiments negative, neutral, positive"),
        (line(b={"sentiment": "neutral"}), "`b`: no `stance`"),
        (line(note="unsure"), "`note`: Expected `object"),
        (line(start="3"), r"Expected `int`, got `str` - at `\$\.start`"),
        ({"article": "u", "start": 3}, "Object missing required field `end`"),
        (line(start=9), "`start` 9 and `end` 9 enclose nothing"),
        (line(article="t"), r"\('t', 3, 9\) is on line 1 already"),
        ("{", "Input data was truncated"),
    ],
)
def test_bad_passes_are_named(tmp_path: Path, row: dict[str, object] | str, message: str) -> None:
    path = written(tmp_path, line(article="t"), "", row)
    with pytest.raises(InputError, match=rf"passes\.jsonl, line 3(: |, ){message}"):
        read_passes(path)


def test_passes_of_one_annotator_or_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels by 1 annotators; agreement needs two"):
        read_passes(written(tmp_path, line(b=None)))
    with pytest.raises(InputError, match=r"absent\.jsonl: No such file"):
        read_passes(tmp_path / "absent.jsonl")
