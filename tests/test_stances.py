from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quoth.model.attributions import Reading
from quoth.model.checkpoint import Calibration, Manifest
from quoth.model.probabilities import softmax
from quoth.model.stances import LEAD, MAX_TARGET, among_paraphrases, tell_stances, views
from quoth.model.windows import Tokens, Window


def article(n: int) -> Tokens:
    at = np.arange(n, dtype=np.int32)
    return Tokens(at + 10, at * 2, at * 2 + 1)


def test_a_short_text_is_one_view() -> None:
    (view,) = views(100, [(5, 9), (90, 95)], 100)
    assert (view.lead, view.start, view.end, view.asked) == (0, 0, 100, (0, 1))
    assert len(view) == 102


def test_a_text_without_statements_has_no_view() -> None:
    assert views(1000, [], 200) == views(10, [], 200) == []


@given(data=st.data(), n=st.integers(1, 2000), width=st.integers(250, 510), before=st.integers(0, 190))
def test_views_answer_every_statement_once_with_what_surrounds_it(
    data: st.DataObject, n: int, width: int, before: int
) -> None:
    span = st.tuples(st.integers(0, n - 1), st.integers(1, 90)).map(lambda p: (p[0], min(n, p[0] + p[1])))
    spans = data.draw(st.lists(span, max_size=12))
    found = views(n, spans, width, before=before)
    assert sorted(k for view in found for k in view.asked) == list(range(len(spans)))
    for view in found:
        assert len(view) <= width + 2
        assert view.lead <= view.start
        for k in view.asked:
            first, last = spans[k]
            assert view.start <= first
            assert last <= view.end or first + (width - LEAD - 1) // 2 <= last


def test_a_view_from_further_on_begins_with_the_lead() -> None:
    view = views(2000, [(1500, 1510)], 300)[0]
    ids = np.arange(2000, dtype=np.int32) + 10
    framed = view.frame(ids, 1, 2)
    assert len(framed) == len(view) == 302
    assert list(framed[: LEAD + 2]) == [1, *range(10, LEAD + 10), 2]
    assert framed[-1] == 2
    first, end = view.span(1500, 1510)
    assert list(framed[first:end]) == list(range(1510, 1520))


def test_positions_and_tokens_of_a_view_are_inverse() -> None:
    view = views(2000, [(1500, 1510)], 300)[0]
    for position in range(len(view)):
        token = view.token(position)
        assert token is None or view.position(token) == position
    assert [p for p in range(len(view)) if view.token(p) is None] == [0, LEAD + 1, len(view) - 1]
    assert view.position(-1) is view.position(LEAD) is view.position(1999) is None


def test_a_statement_longer_than_a_view_loses_its_tail() -> None:
    (view,) = views(2000, [(1000, 1900)], 300)
    first, end = view.span(1000, 1900)
    assert view.token(first) == 1000
    assert view.token(end - 1) == view.end - 1


@pytest.mark.parametrize(
    ("n_tokens", "span", "width", "expected"),
    [
        (100, (50, 60), 30, (40, 70, 50, 60)),
        (100, (0, 10), 30, (0, 30, 0, 10)),
        (100, (95, 100), 30, (70, 100, 95, 100)),
        (20, (5, 8), 30, (0, 20, 5, 8)),
        (100, (10, 90), 40, (5, 45, 10, 40)),
    ],
    ids=["middle", "beginning", "end", "short text", "long statement loses its tail"],
)
def test_a_statement_read_alone_stands_in_the_middle(
    n_tokens: int, span: tuple[int, int], width: int, expected: tuple[int, ...]
) -> None:
    (view,) = views(n_tokens, [span], width, together=False)
    first, end = view.span(*span)
    assert (view.start, view.end, view.token(first), view.token(end - 1)) == (*expected[:3], expected[3] - 1)


def test_statements_read_alone_have_a_view_each() -> None:
    assert [view.asked for view in views(50, [(30, 33), (1, 4), (1, 4)], 20, together=False)] == [
        (0,),
        (1,),
        (2,),
    ]


class Echo:
    """Answers by the statement's first token, so that a mix-up of rows would show."""

    class pieces:
        cls, sep, pad = 1, 2, 0

    def __init__(self, target: tuple[int, int] | None = None) -> None:
        self.manifest = Manifest(1, "m", "0", 510, 128, 64, 200, True, Calibration(stance=2.0))
        self.target = target
        self.targets: Echo = self

    def classify(self, ids: Any, marks: Any, spans: Any, states: None) -> dict[str, Any]:
        assert (ids != 0).all() and len(ids) <= 202
        expected = np.zeros_like(marks)
        for first, end in spans:
            expected[first:end] = 1
        assert (marks == expected).all()
        said = ids[spans[:, 0]] - 10
        stance = np.zeros((len(spans), 5), dtype=np.float32)
        stance[np.arange(len(spans)), said % 5] = 4
        second = np.zeros_like(stance)
        second[:, 2] = 9
        target = np.zeros((len(spans), len(ids), 2), dtype=np.float32)
        if self.target:
            target[:, self.target[0], 0] = target[:, self.target[1], 1] = 20
        return {"stance": stance, "second": second, "sentiment": stance[:, :3], "target": target}


def tell(echo: Any, *spans: tuple[int, int], n: int = 50) -> Any:
    return tell_stances(echo, article(n), list(spans))


def test_answers_come_in_the_order_of_the_statements() -> None:
    told = tell(Echo(), (3, 9), (40, 41), (1, 2), (12, 20))
    assert [int(t.stance.argmax()) for t in told] == [3, 0, 1, 2]
    told = tell(Echo(), (301, 303), (2, 9), n=400)
    assert [int(t.stance.argmax()) for t in told] == [1, 2]


def test_the_temperature_divides_the_logits() -> None:
    (told,) = tell(Echo(), (0, 5))
    assert told.stance == pytest.approx(softmax(np.array([2.0, 0, 0, 0, 0])))


def test_a_second_stance_is_another_one() -> None:
    assert [t.second for t in tell(Echo(), (0, 1), (2, 3))] == ["condemnation", None]


@pytest.mark.parametrize(("target", "found"), [((6, 8), (5, 8)), ((1, 1), (0, 1)), ((0, 0), None)])
def test_the_target_is_a_phrase_of_the_view_or_none(
    target: tuple[int, int], found: tuple[int, int] | None
) -> None:
    """Position 0 of the logits stands for none, so token 0 is at position 1."""
    (told,) = tell(Echo(target), (0, 5))
    assert told.target == found


def test_a_target_does_not_end_before_it_begins() -> None:
    (told,) = tell(Echo((8, 6)), (0, 5))
    assert told.target is None or told.target[0] < told.target[1]


def test_other_has_no_target() -> None:
    (told,) = tell(Echo((6, 8)), (4, 9))
    assert told.stance.argmax() == 4
    assert told.target is None


def test_a_target_is_no_longer_than_a_phrase() -> None:
    assert MAX_TARGET < 30
    (told,) = tell(Echo((1, 29)), (0, 5))
    assert told.target is None or told.target[1] - told.target[0] <= MAX_TARGET


def test_a_target_does_not_reach_from_the_lead_into_the_view() -> None:
    (told,) = tell(Echo((LEAD, LEAD + 2)), (300, 305), n=400)
    assert told.target is None


def test_another_model_may_tell_targets_of_statements_that_have_a_stance() -> None:
    echo = Echo((6, 8))
    echo.targets = Echo((1, 2))
    told = tell(echo, (4, 9), (0, 3), (20, 22))
    assert [(t.best_stance, t.target) for t in told] == [
        ("other", None),
        ("accusation", (0, 2)),
        ("accusation", (0, 2)),
    ]


def test_no_statements_ask_nothing() -> None:
    assert tell(Echo()) == []


def test_a_found_paraphrase_is_other_unless_the_stance_outweighs_how_rare_it_is() -> None:
    doubtful, sure = tell(Echo((6, 8)), (0, 5), (1, 5))
    doubtful = replace(
        doubtful, stance=np.array([0.5, 0.1, 0.1, 0.1, 0.2], dtype=np.float32), second="denial"
    )
    sure = replace(sure, stance=np.array([0.9, 0.02, 0.02, 0.02, 0.04], dtype=np.float32))
    told = [among_paraphrases(t, (1.0, 1.5)) for t in (doubtful, sure)]
    assert [int(t.stance.argmax()) for t in told] == [4, 0]
    assert told[0].stance == pytest.approx(
        np.array([0.5, 0.1, 0.1, 0.1, 0.2 * np.exp(1.5)]) / (0.8 + 0.2 * np.exp(1.5))
    )
    assert (told[0].target, told[0].second) == (None, None)
    assert (told[1].target, told[1].second) == (sure.target, sure.second)
    assert among_paraphrases(doubtful, (1.0, 0.0)).stance == pytest.approx(doubtful.stance)


class OfOneEncoder(Echo):
    """Answers with the number of the window whose states it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.manifest = msgspec.structs.replace(self.manifest, one_encoder=True)
        self.asked: list[tuple[int, list[list[int]]]] = []

    def classify(self, ids: Any, marks: Any, spans: Any, states: Any) -> dict[str, Any]:
        window = int(states[0, 0])
        self.asked.append((window, spans.tolist()))
        assert len(states) == len(ids)
        stance = np.full((len(spans), 5), -9, dtype=np.float32)
        stance[:, window] = 9
        none = np.zeros((len(spans), len(ids), 2), dtype=np.float32)
        return {"stance": stance, "second": stance, "sentiment": stance[:, :3], "target": none}


def test_a_model_of_one_encoder_answers_from_the_window_in_whose_core_a_statement_begins() -> None:
    windows = [Window(0, 20, 0, 15), Window(10, 30, 15, 30)]
    states = [np.full((22, 4), k, dtype=np.float16) for k in range(2)]
    reading = Reading(np.zeros((30, 3, 3), dtype=np.float32), windows, {}, {}, states)
    checkpoint: Any = OfOneEncoder()
    told = tell_stances(checkpoint, article(30), [(16, 18), (3, 5), (14, 25)], reading)
    assert [int(t.stance.argmax()) for t in told] == [1, 0, 0]
    # The last one runs beyond its window.
    assert checkpoint.asked == [(0, [[4, 6], [15, 21]]), (1, [[7, 9]])]
    assert tell_stances(checkpoint, article(30), [], reading) == []
