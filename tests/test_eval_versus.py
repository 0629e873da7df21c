from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from quoth.eval.draws import Draws
from quoth.eval.gold import GoldArticle
from quoth.eval.items import Judged, judged, with_told
from quoth.eval.versus import versus
from quoth.records import Record

Make = Callable[..., Any]

DRAWS = Draws(resamples=50)
END_TO_END = ["stance, quoted, end to end: macro-F1, four", "stance, indirect, end to end: macro-F1, four"]
SPANS = ["stance, quoted, gold spans: macro-F1, four", "stance, indirect, gold spans: macro-F1, four"]
REST = ["speaker: accuracy", "sentiment: macro-F1"]


@pytest.fixture
def rows(raid: GoldArticle, raid_record: Record) -> list[Judged]:
    """Two articles, of which the second has no record."""
    return judged([raid, replace(raid, id="b")], {"a": raid_record})


def test_a_system_does_not_differ_from_itself(rows: list[Judged]) -> None:
    found = versus(rows, rows, DRAWS)
    assert [c.name for c in found] == [*END_TO_END, *REST]
    for c in found:
        assert c.a == c.b
        assert (c.difference.value, c.difference.low, c.difference.high) == (0, 0, 0)
        assert (c.difference.p, c.permutation_p, c.mcnemar_p) == (1, 1, 1)
    assert [(c.articles, c.items) for c in found] == [(2, 6), (2, 4), (2, 10), (2, 10)]


def test_figures_by_hand(raid: GoldArticle, raid_record: Record, record: Make) -> None:
    ours, theirs = (judged([raid], {"a": r}) for r in (raid_record, record()))
    quoted, indirect, speaker, sentiment = versus(ours, theirs, DRAWS)
    # The made up denial is in the figure, but is no item.
    assert (quoted.a, quoted.b, quoted.items) == (pytest.approx((2 / 3 + 0) / 2), 0, 3)
    assert (indirect.a, indirect.b) == (0.5, 0)
    # What is missed is wrong: one speaker of five; of three negative ones found two are right.
    assert (speaker.a, speaker.b, speaker.items) == (1 / 5, 0, 5)
    assert (sentiment.a, sentiment.b) == (pytest.approx(2 * 2 / (5 + 2) / 2), 0)
    assert [c.mcnemar_p for c in (quoted, indirect, speaker, sentiment)] == [1, 1, 1, 0.5]


def test_swapped_systems_differ_as_much_the_other_way(rows: list[Judged], raid: GoldArticle) -> None:
    nothing = judged([raid, replace(raid, id="b")], {})
    for ours, theirs in zip(versus(rows, nothing, DRAWS), versus(nothing, rows, DRAWS), strict=True):
        assert ours.difference.value == -theirs.difference.value
        assert (ours.difference.low, ours.difference.high) == (
            -theirs.difference.high,
            -theirs.difference.low,
        )
        assert ours.permutation_p == theirs.permutation_p
        assert ours.mcnemar_p == theirs.mcnemar_p


def test_gold_spans_are_compared_where_both_were_asked(rows: list[Judged], told: Make) -> None:
    right, wrong = (with_told(rows, [told(stance)] * 10) for stance in ("denial", "solidarity"))
    found = versus(right, wrong, DRAWS)
    assert [c.name for c in found] == [*END_TO_END, *SPANS, *REST]
    # All denials: 1 of 3 right, F1 1/2, accusation 0.  All solidarity: nothing right, three classes.
    assert (found[2].a, found[2].b) == (1 / 4, 0)
    assert [c.name for c in versus(right, rows, DRAWS)] == [*END_TO_END, *REST]


def test_statements_without_a_speaker_or_sentiment_are_no_items_of_it(raid: GoldArticle) -> None:
    first, *others = raid.statements
    known = [first, *(replace(s, speaker=None, sentiment=None) for s in others)]
    rows = judged([replace(raid, statements=known)], {})
    assert [c.items for c in versus(rows, rows, DRAWS)] == [3, 2, 1, 1]


def test_mcnemar_is_over_statements(raid: GoldArticle, predicted: Make, record: Make) -> None:
    # Eleven quoted denials: A has all right, B none.
    text = "“No!” " * 11
    statements = [replace(raid.statements[1], start=6 * k, end=6 * k + 5) for k in range(11)]
    gold = GoldArticle("a", text, "dev", statements)
    all_right = record(
        *(predicted("“No!”", "direct", "denial", "Bo Lund", text=text, at=6 * k) for k in range(11))
    )
    found = versus(judged([gold], {"a": all_right}), judged([gold], {}), DRAWS)
    assert found[0].mcnemar_p == pytest.approx(2 / 2**11)
    # One article, one swap: the permutation test knows nothing.
    assert found[0].permutation_p == 1


def test_small_classes_are_warned_of_but_not_other(rows: list[Judged]) -> None:
    quoted, indirect, speaker, _ = versus(rows, rows, DRAWS)
    assert [warning.partition(":")[0] for warning in quoted.warnings] == [
        *("accusation", "denial", "condemnation", "solidarity")
    ]
    assert "solidarity: no gold item" in quoted.warnings
    assert "accusation: no gold item" in indirect.warnings
    assert speaker.warnings == ()
