"""Labels of an article -> what its tokens should answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.names import mentions
from quoth.model.windows import Pieces, Tokens
from quoth.training.examples import GoldArticle, attribution_examples, placed

IGNORED = -100
"""Class index where a label is unknown."""

SECOND = 0.2
"""Probability of the second stance where a reader gave one."""

DOUBT = 0.1
"""Probability spread over all stances where the reader was not certain."""

Ranges = list[tuple[int, int]]
"""Token ranges [first, end)."""


@dataclass(frozen=True)
class StatementTargets:
    """What one statement should be answered.

    Attributes:
        span: Its token range.
        quoted: Whether it stands between quotation marks.
        stance: Probabilities of the five stances; all 0 if unknown.
        second: Index of the second stance (`other`: none), or IGNORED.
        sentiment: Probabilities of the three sentiments; all 0 if unknown.
        speaker: Every mention of the speaker; empty if there is none, `None` if unknown.
        target: Every mention of the target; empty if there is none, `None` if unknown.
    """

    span: tuple[int, int]
    quoted: bool
    stance: NDArray[np.float32]
    second: int
    sentiment: NDArray[np.float32]
    speaker: Ranges | None
    target: Ranges | None


@dataclass(frozen=True)
class AttributionTargets:
    """Contents, cues and sources of an article of n tokens.

    Attributes:
        tags: BIO tag of each token in each role, `(n, 3)`.
        cue: Token that each content token points at, or -1, `(n,)`.
        sources: Pairs of a cue token and a source token (-1: no source), `(k, 2)`.
    """

    tags: NDArray[np.int64]
    cue: NDArray[np.int64]
    sources: NDArray[np.int64]


@dataclass(frozen=True)
class ArticleTargets:
    """The tokens of one article and what is known of them; one of `statements` and `attributions` is empty."""

    id: str
    ids: NDArray[np.int32]
    statements: tuple[StatementTargets, ...] = ()
    attributions: AttributionTargets | None = None


def is_validation(article: str) -> bool:
    """Tell whether an article is held out for validation: an eighth of all, by the hash of its id."""
    return hashlib.sha256(article.encode()).digest()[0] < 32


def statement_targets(articles: Iterable[GoldArticle], pieces: Pieces) -> Iterator[ArticleTargets]:
    """Turn labelled statements into token targets; articles without a statement are left out."""
    gold = list(articles)
    for article, tokens in zip(gold, pieces([a.text for a in gold]), strict=True):
        names: dict[str, Ranges] = {}
        found = tuple(_statement(article.text, tokens, s, span, names) for s, span in placed(article, tokens))
        if found:
            yield ArticleTargets(article.id, tokens.ids, found)


def attribution_targets(articles: list[GoldArticle], pieces: Pieces) -> Iterator[ArticleTargets]:
    """Turn attributions (content, cue, source) into token targets."""
    for article, row in zip(articles, attribution_examples(articles, pieces), strict=True):
        tags, cue, sources = (np.asarray(row[name], dtype=np.int64) for name in ("tags", "cue", "sources"))
        known = AttributionTargets(tags.reshape(-1, 3), cue, sources.reshape(-1, 2))
        yield ArticleTargets(article.id, np.asarray(row["ids"], dtype=np.int32), (), known)


def _statement(
    text: str, tokens: Tokens, label: dict[str, Any], span: tuple[int, int], names: dict[str, Ranges]
) -> StatementTargets:
    """names: Mentions found so far in this article, by name."""
    stance = label.get("stance")
    return StatementTargets(
        span,
        label.get("kind", "quoted") == "quoted",
        stance_distribution(label),
        STANCE_LABELS.index(label.get("stance2") or "other") if stance else IGNORED,
        np.array([label.get("sentiment") == name for name in SENTIMENT_LABELS], dtype=np.float32),
        _speaker(text, tokens, label, names),
        _target(text, tokens, label),
    )


def stance_distribution(label: dict[str, Any]) -> NDArray[np.float32]:
    """Return the probabilities of the five stances that a label stands for.

    Args:
        label: `votes` counts the stances that several readers gave; a vote for "none" (no statement) is no
            stance. Without votes, `stance` has one reader's answer, `stance2` a second stance, and `sure` how
            certain the reader was (3: certain).

    Returns:
        `(5,)` probabilities in the order of STANCE_LABELS; all 0 if the stance is unknown.
    """
    if votes := label.get("votes"):
        counts = [votes.get(name, 0) for name in STANCE_LABELS]
        return np.array([count / max(1, sum(counts)) for count in counts], dtype=np.float32)
    found = np.array([label.get("stance") == name for name in STANCE_LABELS], dtype=np.float32)
    if not found.any():
        return found
    if second := label.get("stance2"):
        found = (1 - SECOND) * found
        found[STANCE_LABELS.index(second)] += SECOND
    if label.get("sure", 3) < 3:
        found = (1 - DOUBT) * found + DOUBT / len(found)
    return found


def _speaker(text: str, tokens: Tokens, label: dict[str, Any], names: dict[str, Ranges]) -> Ranges | None:
    if "speaker" not in label:
        return None
    speaker = label["speaker"]
    if not speaker:
        return []
    name = text[slice(*speaker)] if isinstance(speaker, list) else str(speaker)
    if name not in names:
        names[name] = _ranges(tokens, mentions(text, name))
    return names[name] or None


def _target(text: str, tokens: Tokens, label: dict[str, Any]) -> Ranges | None:
    if "target" not in label or label.get("stance") == "other":
        # Readers name no target of a statement that is `other`.
        return None
    target = label["target"]
    if not target:
        return []
    phrase = text[slice(*target)] if isinstance(target, list) else str(target)
    return _ranges(tokens, _occurrences(text, phrase)) or None


def _ranges(tokens: Tokens, places: Iterable[tuple[int, int]]) -> Ranges:
    found = (tokens.between(start, end) for start, end in places)
    return [(first, end) for first, end in found if first < end]


def _occurrences(text: str, phrase: str) -> Iterator[tuple[int, int]]:
    """Yield the characters of each occurrence of a phrase that cuts no word."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if not _cuts_word(text, at) and not _cuts_word(text, end):
            yield at, end
        at = text.find(phrase, at + 1)


def _cuts_word(text: str, at: int) -> bool:
    """Tell whether a word has letters on both sides of a place."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
