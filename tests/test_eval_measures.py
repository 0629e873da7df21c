from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.errors import InputError
from quoth.eval import measures
from quoth.eval.draws import Draws, Figure, known
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldArticle
from quoth.eval.items import Judged, judged, with_told
from quoth.eval.traits import with_traits
from quoth.records import Record

Make = Callable[..., Any]

DRAWS = Draws(resamples=200)
FOUR = [STANCES[k] for k in measures.FOUR]


@pytest.fixture
def rows(raid: GoldArticle, raid_record: Record) -> list[Judged]:
    return judged([raid], {"a": raid_record})


def test_stances_by_hand(rows: list[Judged]) -> None:
    quoted, indirect = (measures.stance(rows, kind, "end_to_end", DRAWS) for kind in KINDS)
    # Accusation 1 of 2 predicted, 1 gold.  Denial: only the invented one is predicted.  "Maybe" is missed,
    # which is `other`, which is right.
    accusation, denial = quoted.classes["accusation"], quoted.classes["denial"]
    assert (accusation.precision.value, accusation.recall.value, accusation.n) == (0.5, 1.0, 1)
    assert accusation.f1.value == pytest.approx(2 / 3)
    assert (denial.precision.value, denial.recall.value, denial.f1.value, denial.n) == (0, 0, 0, 1)
    assert quoted.classes["other"].f1.value == 1.0
    assert quoted.classes["solidarity"].f1.value is None
    assert quoted.macro_f1_four.value == pytest.approx((2 / 3 + 0) / 2)
    assert quoted.macro_f1_five.value == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert (quoted.n, quoted.missed) == (3, 1)
    assert dict(zip(quoted.confusion.gold, quoted.confusion.counts, strict=True)) == {
        "accusation": [1, 0, 0, 0, 0],
        "denial": [1, 0, 0, 0, 0],
        "condemnation": [0, 0, 0, 0, 0],
        "solidarity": [0, 0, 0, 0, 0],
        "other": [0, 0, 0, 0, 1],
        "none": [0, 1, 0, 0, 0],
    }
    assert quoted.confusion.predicted == list(STANCES)
    # The solidarity is missed: recall 0; the invented paraphrase is counted apart.
    assert indirect.macro_f1_four.value == pytest.approx((1 + 0) / 2)
    assert indirect.classes["solidarity"].recall.value == 0.0
    assert (indirect.n, indirect.missed, indirect.confusion.counts[-1]) == (2, 1, [0] * 5)
    invented = measures.invented(rows)
    assert (invented.paraphrases, invented.by_stance) == (1, {"solidarity": 1})


def test_accuracy_is_over_gold_statements_alone(rows: list[Judged]) -> None:
    # The accusation and the missed "Maybe" of three; what is made up has no part in it.
    assert measures.stance(rows, "quoted", "end_to_end", DRAWS).accuracy.value == pytest.approx(2 / 3)
    assert measures.stance(rows, "indirect", "end_to_end", DRAWS).accuracy.value == pytest.approx(1 / 2)


def test_a_predicted_second_stance_is_right_leniently(raid: GoldArticle, raid_record: Record) -> None:
    first, second, third, *rest = raid.statements
    second, third = replace(second, stance2="accusation"), replace(third, stance2="denial")
    doubtful = replace(raid, statements=[first, second, third, *rest])
    found = measures.stance(judged([doubtful], {"a": raid_record}), "quoted", "end_to_end", DRAWS)
    # Leniently both accusations are gold and right; what is left of denial is the invented one.
    assert found.lenient_macro_f1_four.value == pytest.approx((1 + 0) / 2)
    assert found.macro_f1_four.value == pytest.approx((2 / 3 + 0) / 2)
    assert found.accuracy.value == pytest.approx(2 / 3)


def test_without_second_stances_lenient_is_the_same(rows: list[Judged]) -> None:
    for kind in KINDS:
        found = measures.stance(rows, kind, "end_to_end", DRAWS)
        assert found.lenient_macro_f1_four == found.macro_f1_four


def test_speakers_sentiments_and_targets_by_hand(rows: list[Judged]) -> None:
    speaker = measures.speaker(rows, "all", DRAWS)
    assert (speaker.n, speaker.coverage, speaker.right, speaker.wrong, speaker.null) == (5, 3 / 5, 1, 1, 1)
    assert speaker.accuracy.value == pytest.approx(1 / 3)
    assert measures.speaker(rows, "quoted", DRAWS).accuracy.value == 0.5
    # Three matched, all negative in gold, one called neutral: F1 4/5 and 0.
    sentiment = measures.sentiment(rows, "all", "end_to_end", DRAWS)
    assert (sentiment.n, sentiment.macro_f1.value) == (3, pytest.approx(0.4))
    assert sentiment.confusion.counts == [[2, 1, 0], [0, 0, 0], [0, 0, 0]]
    # "We" against "Brandt" 0, "They sank it" against "sank it" 4/5, "the raid" 1, "the crew" missed.
    target = measures.target(rows, "all", DRAWS)
    assert (target.n, target.token_f1.value) == (4, pytest.approx((0 + 0.8 + 1 + 0) / 4))
    assert measures.target(rows, "indirect", DRAWS).token_f1.value == pytest.approx(0.5)


def test_what_gold_does_not_tell_is_not_asked_for(raid: GoldArticle, raid_record: Record) -> None:
    untold = replace(
        raid, statements=[replace(s, speaker=None, target=None, sentiment=None) for s in raid.statements]
    )
    rows = judged([untold], {"a": raid_record})
    speaker = measures.speaker(rows, "all", DRAWS)
    assert (speaker.n, speaker.coverage, speaker.accuracy) == (0, None, Figure(None, None, None))
    assert measures.sentiment(rows, "all", "end_to_end", DRAWS).n == 0
    assert measures.target(rows, "all", DRAWS).token_f1.value is None


def test_speakers_by_the_way_they_are_named(raid: GoldArticle, raid_record: Record) -> None:
    rows = with_traits(judged([raid], {"a": raid_record}))
    # Brandt and Lund in full in the first sentences; by surname in the paraphrase; "he".
    of = {
        naming: measures.speaker(rows, "all", DRAWS, naming) for naming in ("full name", "surname", "pronoun")
    }
    assert {naming: (s.n, s.right, s.wrong, s.null) for naming, s in of.items()} == {
        "full name": (2, 1, 1, 0),
        "surname": (2, 0, 0, 1),
        "pronoun": (1, 0, 0, 0),
    }


@pytest.mark.parametrize(
    ("name", "said", "outcome"),
    [
        ("Ida Brandt", "Ida Brandt", "right"),
        ("Ida Brandt", "Sen. Ida Brandt", "right"),
        ("the Port Authority", "Port authority", "right"),
        ("Ida Brandt", "Brandt", "wrong"),
        ("Ida Brandt", None, "null"),
    ],
)
def test_a_speaker_is_right_wrong_or_not_given(
    name: str, said: str | None, outcome: str, predicted: Make, record: Make, raid: GoldArticle
) -> None:
    first = raid.statements[0]
    rows = judged(
        [replace(raid, statements=[first])], {"a": record(predicted("“They sank it,”", speaker=said))}
    )
    assert measures.speaker_outcome(name, rows[0].items[0].found) == outcome
    assert measures.speaker_outcome(name, None) == "missed"


def test_a_perfect_labeler(raid: GoldArticle, predicted: Make, record: Make) -> None:
    kinds = {"quoted": "direct", "indirect": "mixed"}
    perfect = record(
        *(
            predicted(raid.text[g.start : g.end], kinds[g.kind], g.stance, g.speaker, g.target)
            for g in raid.statements
        )
    )
    rows = judged([raid], {"a": perfect})
    one = Figure(1.0, 1.0, 1.0)
    for kind in KINDS:
        stance = measures.stance(rows, kind, "end_to_end", DRAWS)
        assert stance.macro_f1_five == stance.accuracy == one
        assert measures.target(rows, kind, DRAWS).token_f1 == one
        assert measures.speaker(rows, kind, DRAWS).accuracy == one
        assert measures.sentiment(rows, kind, "end_to_end", DRAWS).macro_f1 == one
    assert measures.invented(rows).paraphrases == 0


def test_intervals_are_over_articles(raid: GoldArticle, raid_record: Record) -> None:
    rows = judged([raid, replace(raid, id="b")], {"a": raid_record})
    macro = measures.stance(rows, "quoted", "end_to_end", DRAWS).macro_f1_four
    # Drawn twice, the article without a record has recall 0; drawn twice, the other is as by hand.
    assert (macro.low, macro.high) == (0.0, pytest.approx(1 / 3))
    assert macro.value is not None and 0 < macro.value < 1 / 3


def test_gold_spans(rows: list[Judged], raid: GoldArticle, told: Make) -> None:
    stances = ["accusation", "denial", "denial", "condemnation", "other"]
    asked = with_told(rows, [told(stance) for stance in stances])
    quoted, indirect = (measures.stance(asked, kind, "gold_spans", DRAWS) for kind in KINDS)
    # No gold span is missed, and there is nothing to make up.
    assert quoted.macro_f1_five.value == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert indirect.macro_f1_four.value == pytest.approx(0.5)
    assert indirect.macro_f1_five.value == pytest.approx(1 / 3)
    assert (quoted.n, quoted.missed, quoted.confusion.counts[-1]) == (3, 0, [0] * 5)
    pairs = [list(zip(["accusation", "denial", "other"], stances[:3], strict=True))]
    assert measures.stance_scores(pairs, pairs, DRAWS) == quoted
    # End to end it is what was found that counts.
    assert measures.stance(asked, "quoted", "end_to_end", DRAWS) == measures.stance(
        rows, "quoted", "end_to_end", DRAWS
    )


def test_sentiment_on_gold_spans_is_over_all_of_them(rows: list[Judged], told: Make) -> None:
    feelings = ["negative", "negative", "negative", "neutral", "positive"]
    asked = with_told(rows, [told("other", feeling) for feeling in feelings])
    found = measures.sentiment(asked, "all", "gold_spans", DRAWS)
    # Negative 3 of 5: F1 6/8; the two others are predicted, but never gold.
    assert (found.n, found.macro_f1.value) == (5, pytest.approx(0.75 / 3))
    assert list(found.classes) == list(SENTIMENTS)


def test_a_stance_that_is_none_is_refused(rows: list[Judged], told: Make) -> None:
    answers = [told(stance) for stance in ("accusation", "denial", "denial", "condemnation")]
    with pytest.raises(InputError, match="4 answers for 5 gold statements"):
        with_told(rows, answers)
    for label in ("praise", measures.NO_GOLD):
        pairs = [[("denial", label)]]
        with pytest.raises(InputError, match=f"label '{label}' is none of accusation"):
            measures.stance_scores(pairs, pairs, DRAWS)


def test_small_classes_carry_their_warning(rows: list[Judged]) -> None:
    classes = measures.stance(rows, "quoted", "end_to_end", DRAWS).classes
    assert classes["solidarity"].few == "no gold item"
    assert classes["denial"].few is not None and classes["denial"].few.startswith(
        "1 gold items in 1 articles"
    )


def test_articles_without_labels_have_no_figure(raid: GoldArticle) -> None:
    rows = judged([replace(raid, statements=[])], {})
    found = measures.stance(rows, "quoted", "end_to_end", DRAWS)
    assert (found.n, found.missed, found.macro_f1_five, found.accuracy.value) == (
        *(0, 0, Figure(None, None, None), None),
    )


QUOTE = "“No!” "
SAID = st.sampled_from([*STANCES, None])
"""The gold stance of a statement, None where gold has none; or the predicted one, None where missed."""


@settings(deadline=None, max_examples=60)
@given(articles=st.lists(st.lists(st.tuples(SAID, SAID), max_size=12), min_size=1, max_size=4))
def test_stances_score_as_by_scikit_learn(
    articles: list[list[tuple[Any, Any]]], gold: Make, predicted: Make, record: Make
) -> None:
    scikit = pytest.importorskip("sklearn.metrics")
    labelled, records, pairs = [], {}, []
    for k, marks in enumerate(articles):
        text = QUOTE * len(marks)
        statements, guesses = [], []
        for n, (true, guess) in enumerate(marks):
            at = n * len(QUOTE)
            if true:
                statements.append(replace(gold("“No!”", "quoted", true, text=text), start=at, end=at + 5))
            if guess:
                guesses.append(predicted("“No!”", "direct", guess, text=text, at=at))
            # What is missed is `other`; what is made up counts unless it is `other`.
            if true or guess not in (None, "other"):
                pairs.append((true or "none", guess or "other"))
        labelled.append(GoldArticle(str(k), text, "dev", statements))
        records[str(k)] = record(*guesses, article=str(k))
    found = measures.stance(judged(labelled, records), "quoted", "end_to_end", Draws(20))
    if not pairs:
        assert found.macro_f1_five.value is None
        return
    trues, guesses = zip(*pairs, strict=True)
    labels = [*STANCES, "none"]
    theirs = scikit.precision_recall_fscore_support(trues, guesses, labels=labels, zero_division=np.nan)
    present = {*trues, *guesses} - {"none"}
    for stance, precision, recall, f1, n in list(zip(STANCES, *theirs, strict=False)):
        ours = found.classes[stance]
        assert (ours.precision.value, ours.recall.value) == pytest.approx((known(precision), known(recall)))
        assert ours.f1.value == (pytest.approx(f1) if stance in present else None)
        assert ours.n == n
    for classes, ours in ((FOUR, found.macro_f1_four), (list(STANCES), found.macro_f1_five)):
        # A class that is neither gold nor predicted has no part in our mean.
        some = [label for label in classes if label in present]
        mean = (
            scikit.f1_score(trues, guesses, labels=some, average="macro", zero_division=0) if some else None
        )
        assert ours.value == (None if mean is None else pytest.approx(mean))
    of_gold = [(true, guess) for true, guess in pairs if true != "none"]
    if of_gold:
        assert found.accuracy.value == pytest.approx(scikit.accuracy_score(*zip(*of_gold, strict=True)))
        assert np.array(found.confusion.counts)[:5].sum() == found.n == len(of_gold)
