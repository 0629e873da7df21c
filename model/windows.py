"""Cut an article into overlapping windows of tokens that keep their places in the text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from quoth.errors import ModelError


@dataclass(frozen=True)
class Tokens:
    """The word pieces of one text, without special tokens.

    ids: (n,) vocabulary indices.
    starts, ends: (n,) code point offsets into the text, end exclusive.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def between(self, start: int, end: int) -> tuple[int, int]:
        """Token range [first, last) that overlaps the characters [start, end)."""
        first = int(np.searchsorted(self.ends, start, side="right"))
        last = int(np.searchsorted(self.starts, end, side="left"))
        return first, max(first, last)


@dataclass(frozen=True)
class Window:
    """Tokens [start, end) are read together; answers are kept for [core_start, core_end) only."""

    start: int
    end: int
    core_start: int
    core_end: int


class Pieces:
    """A word-piece tokenizer whose stored truncation and padding are switched off."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.cls, self.sep, self.pad = (_special(tokenizer, name) for name in ("[CLS]", "[SEP]", "[PAD]"))

    @classmethod
    def from_file(cls, path: Path) -> Pieces:
        return cls(Tokenizer.from_file(str(path)))

    def __call__(self, texts: list[str]) -> list[Tokens]:
        """Tokenize texts in parallel; empty texts give empty Tokens."""
        tokens = []
        for encoding in self._tokenizer.encode_batch(texts, add_special_tokens=False):
            offsets = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            ids = np.array(encoding.ids, dtype=np.int32)
            tokens.append(Tokens(ids, offsets[:, 0], offsets[:, 1]))
        return tokens


def _special(tokenizer: Tokenizer, name: str) -> int:
    number = tokenizer.token_to_id(name)
    if number is None:
        raise ModelError(f"the tokenizer has no {name}; expected one of the BERT family")
    return number


def cut(n_tokens: int, size: int, left: int, right: int) -> list[Window]:
    """Windows of at most `size` tokens whose cores tile [0, n_tokens).

    Every core token but those at the text's ends sees at least `left` tokens before and `right`
    tokens after it, so that a link across a core's border is still inside a window.
    """
    if size <= left + right:
        raise ValueError(f"size {size} must exceed left + right = {left + right}")
    windows: list[Window] = []
    core_start = 0
    while core_start < n_tokens:
        start = max(0, core_start - left)
        end = min(n_tokens, start + size)
        core_end = n_tokens if end == n_tokens else end - right
        windows.append(Window(start, end, core_start, core_end))
        core_start = core_end
    return windows
