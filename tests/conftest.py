"""Hand-made readings: what the extractor would say, so that tests of what follows need no model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import regex

from quoth.model.attributions import LINKS, Reading
from quoth.model.layout import BEGIN, INSIDE, LINK_WIDTH, OUTSIDE, ROLES
from quoth.model.windows import Tokens, Window

Read = Callable[..., tuple[Tokens, Reading]]


def words_as_tokens(text: str) -> Tokens:
    spans = np.array([m.span() for m in regex.finditer(r"\w+|[^\w\s]", text)], dtype=np.int32).reshape(-1, 2)
    return Tokens(np.zeros(len(spans), dtype=np.int32), spans[:, 0], spans[:, 1])


@pytest.fixture
def read() -> Read:
    """read(text, (content, cue, source, name), ...): the phrases of each attribution, "" for none; the
    content points at its cue and at the name, the cue at its source."""

    def make(text: str, *attributions: tuple[str, str, str, str]) -> tuple[Tokens, Reading]:
        tokens = words_as_tokens(text)
        n = len(tokens)
        tags = np.zeros((n, len(ROLES), 3), dtype=np.float32)
        tags[:, :, OUTSIDE] = 1
        queries: dict[str, Any] = {link: np.zeros((n + 1, LINK_WIDTH), dtype=np.float32) for link in LINKS}
        keys: dict[str, Any] = {link: np.zeros((n + 1, LINK_WIDTH), dtype=np.float32) for link in LINKS}
        for link in LINKS:
            keys[link][0, 0] = 1
            queries[link][:, 0] = 100

        def place(phrase: str) -> range:
            # The last one: an earlier "he" may be somebody else's.
            *_, match = regex.finditer(rf"(?<!\w){regex.escape(phrase)}(?!\w)", text)
            return range(*tokens.between(*match.span()))

        def point(link: str, sources: range, goal: range, slot: int) -> None:
            keys[link][[t + 1 for t in goal], slot] = 1
            rows = [t + 1 for t in sources]
            queries[link][rows, 0] = 0
            queries[link][rows, slot] = 200

        for slot, (content, cue, source, name) in enumerate(attributions, 1):
            for k, phrase in enumerate((content, cue, source)):
                if phrase:
                    tags[list(place(phrase)), k] = np.eye(3)[INSIDE]
                    tags[place(phrase)[0], k] = np.eye(3)[BEGIN]
            if cue:
                point("cue", place(content), place(cue), slot)
            if source:
                point("source", place(cue), place(source), slot)
            if name:
                point("name", place(content), place(name), slot)
        return tokens, Reading(tags, [Window(0, n, 0, n)], {k: [v] for k, v in queries.items()},
                               {k: [v] for k, v in keys.items()})  # fmt: skip

    return make


@pytest.fixture
def noise() -> Callable[[str, int], tuple[Tokens, Reading]]:
    """noise(text, seed): an extractor that knows nothing, and says it in runs of a few words."""

    def make(text: str, seed: int) -> tuple[Tokens, Reading]:
        rng = np.random.default_rng(seed)
        tokens = words_as_tokens(text)
        n = len(tokens)
        levels = np.repeat(rng.dirichlet([0.5, 0.2, 0.5], size=(n // 3 + 1, len(ROLES))), 3, axis=0)[:n]
        queries, keys = (
            {link: [rng.normal(size=(n + 1, LINK_WIDTH)).astype(np.float32) * 3] for link in LINKS}
            for _ in range(2)
        )
        return tokens, Reading(levels.astype(np.float32), [Window(0, n, 0, n)], queries, keys)

    return make
