from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quoth.model.attributions import LINKS, Reading, read
from quoth.model.checkpoint import Calibration, Manifest
from quoth.model.layout import BEGIN, INSIDE, LINK_WIDTH, OUTSIDE
from quoth.model.windows import Tokens, Window


class Echo:
    """An extractor that tags every third token as content, and points each token at the one ten before."""

    class pieces:
        cls, sep, pad = 1, 2, 0

    def __init__(self) -> None:
        self.manifest = Manifest(1, "m", "0", 40, 12, 6, 30, False, Calibration())

    def extract(self, ids: Any) -> dict[str, Any]:
        assert (ids[0], ids[-1]) == (1, 2) and (ids != 0).all() and len(ids) <= 42
        tags = np.zeros((*ids.shape, 9), dtype=np.float32)
        tags[..., INSIDE] = np.where(ids % 3 == 0, 20, -20)
        tags[..., [3 + OUTSIDE, 6 + OUTSIDE]] = 20
        answer = {"tags": tags}
        key = np.eye(LINK_WIDTH, dtype=np.float32)[ids % LINK_WIDTH]
        query = np.eye(LINK_WIDTH, dtype=np.float32)[(ids - 10) % LINK_WIDTH] * 400
        for link in LINKS:
            answer |= {f"{link}_query": query, f"{link}_key": key}
        return answer


def article(n: int) -> Tokens:
    at = np.arange(n, dtype=np.int32)
    return Tokens(at + 30, at, at + 1)


@pytest.mark.parametrize("n", [0, 1, 39, 40, 41, 150])
def test_an_article_is_read_whole_over_windows(n: int) -> None:
    echo: Any = Echo()
    reading = read(echo, article(n))
    inside = reading.inside("content")
    assert inside.shape == (n,)
    assert (inside > 0.5).tolist() == [(t + 30) % 3 == 0 for t in range(n)]
    for token in range(10, n):
        where, nowhere = reading.point("source", token, token + 1)
        assert where.argmax() == token - 10
        assert where.sum() + nowhere == pytest.approx(1, abs=1e-4)


def reading(*tags: str) -> Reading:
    """Tags of content: O, B or I."""
    table = np.zeros((len(tags), 3, 3), dtype=np.float32)
    table[:, 1:, OUTSIDE] = 1
    for k, tag in enumerate(tags):
        table[k, 0, {"O": OUTSIDE, "B": BEGIN, "I": INSIDE}[tag]] = 1
    return Reading(table, [Window(0, len(tags), 0, len(tags))], {}, {})


@pytest.mark.parametrize(
    ("tags", "breaks", "runs"),
    [
        ("OBIIO", [], [(1, 4)]),
        ("BIBI", [], [(0, 2), (2, 4)]),
        ("IIII", [2], [(0, 2), (2, 4)]),
        ("OOO", [], []),
        ("", [], []),
        ("I", [], [(0, 1)]),
    ],
)
def test_runs_begin_at_begin_tags_and_breaks(tags: str, breaks: list[int], runs: list[Any]) -> None:
    at = np.zeros(len(tags), dtype=bool)
    at[breaks] = True
    assert reading(*tags).runs("content", at) == runs
