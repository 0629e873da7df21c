from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quoth.model.checkpoint import Calibration, Manifest
from quoth.model.stances import MAX_TARGET, context, softmax, tell_stances
from quoth.model.windows import Tokens


def article(n: int) -> Tokens:
    at = np.arange(n, dtype=np.int32)
    return Tokens(at + 10, at * 2, at * 2 + 1)


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
def test_a_statement_is_read_in_the_middle_of_its_context(
    n_tokens: int, span: tuple[int, int], width: int, expected: tuple[int, ...]
) -> None:
    seen = context(n_tokens, span, width)
    assert (seen.start, seen.end, seen.first, seen.last) == expected
    assert seen.marks().sum() == seen.last - seen.first


class Echo:
    """Answers by the statement's first token, so that a mix-up of rows would show."""

    class pieces:
        cls, sep, pad = 1, 2, 0

    def __init__(self, target: tuple[int, int] | None = None) -> None:
        self.manifest = Manifest(1, "m", "0", 510, 128, 64, 30, Calibration(stance=2.0))
        self.target = target
        self.batches: list[tuple[int, int]] = []

    def classify(self, ids: Any, mask: Any, marks: Any) -> dict[str, Any]:
        self.batches.append(ids.shape)
        assert ((ids != 0) == (mask == 1)).all()
        first = ids[np.arange(len(ids)), marks.argmax(1)] - 10
        stance = np.zeros((len(ids), 5), dtype=np.float32)
        stance[np.arange(len(ids)), first % 5] = 4
        second = np.zeros_like(stance)
        second[:, 2] = 9
        target = np.zeros((*ids.shape, 2), dtype=np.float32)
        if self.target:
            target[:, self.target[0], 0] = target[:, self.target[1], 1] = 20
        return {"stance": stance, "second": second, "sentiment": stance[:, :3], "target": target}


def tell(echo: Any, *spans: tuple[int, int], n: int = 50, budget: int = 100) -> Any:
    return tell_stances(echo, [(article(n), *span) for span in spans], budget)


def test_answers_come_in_the_order_of_the_statements() -> None:
    told = tell(Echo(), (3, 9), (40, 41), (1, 2), (12, 20))
    assert [int(t.stance.argmax()) for t in told] == [3, 0, 1, 2]


def test_a_batch_keeps_to_its_budget() -> None:
    echo = Echo()
    tell(echo, *[(k, k + 1) for k in range(20)], budget=100)
    assert len(echo.batches) > 1
    assert all(rows * length <= 100 for rows, length in echo.batches)


def test_the_temperature_divides_the_logits() -> None:
    (told,) = tell(Echo(), (0, 5))
    assert told.stance == pytest.approx(softmax(np.array([2.0, 0, 0, 0, 0])))


def test_a_second_stance_is_another_one() -> None:
    assert [t.second for t in tell(Echo(), (0, 1), (2, 3))] == ["condemnation", None]


@pytest.mark.parametrize(("target", "found"), [((6, 8), (5, 8)), ((1, 1), (0, 1)), ((0, 0), None)])
def test_the_target_is_a_phrase_of_the_context_or_none(
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


def test_no_statements_ask_nothing() -> None:
    assert tell(Echo()) == []
