from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from quoth.eval import scores
from quoth.eval.comparison import holm
from quoth.eval.gold import STANCES, GoldArticle, GoldKind, GoldStatement
from quoth.eval.items import Answer, Item, Judged
from quoth.eval.measures import FOUR
from quoth.eval.slices import left_out, slices

SPANS, END_TO_END = "stance, gold spans", "stance, end to end"
POOLED = partial(scores.micro_f1_of, classes=FOUR)


def answer(stance: str, speaker: str | None = "Ida Brandt", sentiment: str = "neutral") -> Answer:
    fields: Any = {"stance": stance, "sentiment": sentiment}
    return Answer(
        start=0, end=1, kind=None, stance2=None, stance_probabilities={}, sentiment_probabilities={},
        speaker=speaker, target=None, probability=1.0, **fields,
    )  # fmt: skip


def item(
    gold: str | None,
    found: Answer | None = None,
    told: Answer | None = None,
    kind: GoldKind = "quoted",
    speaker: str | None = "Ida Brandt",
    sentiment: str | None = None,
    **traits: str,
) -> Item:
    fields: Any = {"stance": gold, "sentiment": sentiment}
    labels = gold and GoldStatement(0, 1, kind, stance2=None, speaker=speaker, target=None, **fields)
    return Item("", 0, 1, kind, "“", labels or None, found, told, traits)


def article(*items: Item) -> Judged:
    return Judged(GoldArticle("", "“", "dev", []), [], list(items))


def right(stance: str, **traits: str) -> Item:
    return item(stance, answer(stance), answer(stance), **traits)


def wrong(stance: str, **traits: str) -> Item:
    return item(stance, answer("other"), answer("other"), **traits)


def table(rows: list[Judged], trait: str, value: str, inside: bool) -> scores.Floats:
    """(articles, 5, 5) confusions of what the classifier was told, counted item by item."""
    counts = np.zeros((len(rows), 5, 5))
    for k, row in enumerate(rows):
        for i in row.items:
            if i.gold and i.told and (i.traits[trait] == value) == inside:
                counts[k, STANCES.index(i.gold.stance), STANCES.index(i.told.stance)] += 1
    return counts


@st.composite
def evaluations(draw: st.DrawFn) -> list[Judged]:
    labels, values = st.sampled_from(STANCES), st.sampled_from("abc")
    items = st.builds(
        lambda gold, said, topic, long: item(gold, answer(said), answer(said), topic=topic, long=long),
        labels, labels, values, st.sampled_from(["yes", "no"]),
    )  # fmt: skip
    return [article(*some) for some in draw(st.lists(st.lists(items, max_size=6), min_size=1, max_size=6))]


@settings(deadline=None, max_examples=40)
@given(evaluations())
def test_a_slice_is_the_paired_bootstrap_of_its_items_and_the_rest(rows: list[Judged]) -> None:
    found = slices(rows, 50, seed=3, fewest=1)
    most = max(Counter(s.measure for s in found).values(), default=0)
    for s in (s for s in found if s.measure == SPANS):
        inside, rest = (table(rows, s.trait, s.value, within) for within in (True, False))
        assert s.n == inside.sum()
        assert s.articles == inside.any((1, 2)).sum()
        own = scores.bootstrap(inside, POOLED, 50, seed=3)
        less = scores.paired_bootstrap(inside, rest, POOLED, 50, seed=3)
        # Two in eighty draws a slice are a p_holm of 0.025.
        p = scores.paired_bootstrap(inside, rest, POOLED, max(50, 80 * most), seed=3).p
        expected = [own.value, own.low, own.high, less.value, less.low, less.high, p]
        told = [*astuple(s.figure), *astuple(s.difference), s.p]
        assert [np.nan if x is None else x for x in told] == pytest.approx(expected, nan_ok=True)


@settings(deadline=None, max_examples=20)
@given(evaluations(), st.randoms())
def test_the_order_of_an_articles_items_does_not_matter(rows: list[Judged], random: Random) -> None:
    def by_name(of: list[Judged]) -> dict[tuple[str, str, str], Any]:
        return {(s.measure, s.trait, s.value): s for s in slices(of, 20, fewest=1)}

    shuffled = [Judged(row.article, [], random.sample(row.items, len(row.items))) for row in rows]
    assert by_name(rows) == by_name(shuffled)


@settings(deadline=None, max_examples=20)
@given(evaluations())
def test_two_values_differ_as_much_either_way(rows: list[Judged]) -> None:
    pair = [s for s in slices(rows, 50, fewest=1) if (s.measure, s.trait) == (SPANS, "long")]
    if len(pair) == 2 and pair[0].difference.value is not None:
        assert pair[1].difference.value == pytest.approx(-pair[0].difference.value)
        assert pair[0].p == pair[1].p


def test_figures_by_hand() -> None:
    # Desk: accusation 2 of 3 found, one taken for other, so F1 = 2 * 2 / (2 * 2 + 1); wire: all right.
    rows = [
        article(right("accusation", source="desk"), right("denial", source="wire")),
        article(right("accusation", source="desk"), wrong("accusation", source="desk")),
        article(right("accusation", source="wire")),
    ]
    worst, best = slices(rows, fewest=2)[:2]
    assert (worst.measure, worst.trait, worst.value) == (SPANS, "source", "desk")
    assert (worst.n, worst.articles, best.n, best.articles) == (3, 2, 2, 2)
    assert worst.figure.value == pytest.approx(4 / 5)
    assert best.figure.value == 1
    assert worst.difference.value == pytest.approx(-1 / 5)


def test_the_planted_hard_slice_comes_first_and_survives_holm() -> None:
    rng = np.random.default_rng(0)
    four = [STANCES[k] for k in FOUR]
    rows = []
    for _ in range(60):
        items = []
        for _ in range(8):
            irony = rng.random() < 0.3
            make = right if rng.random() < (0.4 if irony else 0.8) else wrong
            traits = {"irony": "yes" if irony else "no", "coin": str(rng.integers(4))}
            items.append(make(str(rng.choice(four)), **traits))
        rows.append(article(*items))
    # A hundred draws alone would leave no p_holm below 6 * 2 / 101.
    found = [s for s in slices(rows, 100) if s.measure == SPANS]
    assert (found[0].trait, found[0].value) == ("irony", "yes")
    assert found[0].difference.high is not None and found[0].difference.high < 0
    assert found[0].p_holm is not None and found[0].p_holm < 0.05
    assert all(s.p_holm is not None and s.p_holm > 0.05 for s in found if s.trait == "coin")
    assert [s.p_holm for s in found] == pytest.approx(holm([s.p for s in found]))


def test_few_items_and_single_articles_are_left_out_and_counted() -> None:
    rows = [
        article(*[right("denial", topic="port", place="north")] * 3, wrong("denial", topic="rare")),
        article(*[right("denial", topic="port", place="north")] * 2),
        article(*[right("denial", topic="fire")] * 9),
    ]
    found = [s for s in slices(rows, 20, fewest=5) if s.measure == SPANS]
    assert [(s.trait, s.value, s.n) for s in found] == [("topic", "port", 5)]
    assert left_out(rows, fewest=5)[SPANS] == {"topic": 2}
    assert [s for s in slices(rows, 20, fewest=5, fewest_articles=3) if s.measure == SPANS] == []
    assert left_out(rows, fewest=5, fewest_articles=3)[SPANS] == {"topic": 3, "place": 1}
    # The left out values are in the rest all the same: 9 right, 1 missed.
    assert found[0].difference.value == pytest.approx(1 - 2 * 9 / 19)


def test_end_to_end_a_missed_statement_is_other_and_a_stray_quoted_stance_counts_against_precision() -> None:
    rows = [
        article(right("denial", topic="port"), item("denial", topic="port")),
        article(right("denial", topic="port"), item(None, answer("denial"), topic="port")),
        article(right("denial", topic="fire"), item(None, answer("denial"), kind="indirect", topic="fire")),
    ]
    port = next(s for s in slices(rows, 20, fewest=3) if s.measure == END_TO_END)
    # Two right, one missed, one stray.
    assert (port.value, port.n) == ("port", 3)
    assert port.figure.value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    # The stray paraphrase does not count: the rest is all right.
    assert port.difference.value == pytest.approx(4 / 6 - 1)


def test_items_without_the_trait_are_on_neither_side() -> None:
    rows = [article(right("denial", marks="curly"), wrong("denial"), wrong("denial", marks="single"))] * 2
    curly, single = (
        next(s for s in slices(rows, 20, fewest=1) if s.value == value) for value in ("curly", "single")
    )
    assert (curly.figure.value, curly.difference.value) == (1, 1)
    assert (single.figure.value, single.difference.value) == (0, -1)


def test_speaker_is_accuracy_over_found_statements_with_a_speaker_up_to_titles() -> None:
    def said(speaker: str | None, naming: str, of: str | None = "Ida Brandt") -> Item:
        return item("other", answer("other", speaker), speaker=of, naming=naming)

    rows = [
        article(said("Sen. Ida Brandt", "surname"), said("Bo Lund", "surname"), said(None, "pronoun")),
        article(said("ida brandt", "surname"), said("Ida Brandt", "pronoun")),
        article(said(None, "surname", of=None), item("other", naming="surname")),
    ]
    found = {s.value: s for s in slices(rows, 20, fewest=1) if s.measure == "speaker"}
    assert (found["surname"].n, found["surname"].figure.value) == (3, pytest.approx(2 / 3))
    assert (found["pronoun"].n, found["pronoun"].figure.value) == (2, pytest.approx(1 / 2))


def test_sentiment_is_macro_f1_of_found_statements_that_have_one() -> None:
    def felt(gold: str | None, said: str, topic: str) -> Item:
        return item("other", answer("other", sentiment=said), sentiment=gold, topic=topic)

    rows = [
        article(felt("negative", "negative", "port"), felt("neutral", "neutral", "fire")),
        article(felt("positive", "negative", "port"), felt(None, "neutral", "port"), felt("neutral", "neutral", "fire")),
    ]  # fmt: skip
    worst = next(s for s in slices(rows, 20, fewest=2) if s.measure == "sentiment")
    # negative: F1 = 2 / 3; positive: 0; nobody is neutral.
    assert (worst.value, worst.n, worst.figure.value) == ("port", 2, pytest.approx(1 / 3))


def test_without_the_classifiers_answers_or_items_there_is_nothing_to_slice() -> None:
    untold = [article(item("denial", answer("denial"), topic=topic)) for topic in "aabb"]
    assert {s.measure for s in slices(untold, 20, fewest=1)} == {END_TO_END, "speaker"}
    assert slices([article()], 20) == []
    assert left_out([article()]) == {}


def test_a_figure_that_is_not_defined_is_none_and_comes_last() -> None:
    rows = [
        article(right("other", topic="port"), right("denial", topic="fire"), wrong("denial", topic="sea"))
    ] * 2
    found = [s for s in slices(rows, 20, fewest=1) if s.measure == SPANS]
    assert [s.value for s in found] == ["sea", "fire", "port"]
    assert (found[-1].figure.value, found[-1].difference.value, found[-1].p, found[-1].p_holm) == (None,) * 4
