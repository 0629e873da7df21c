"""Stance on given spans without a language model: the bar to clear."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from quoth.errors import InputError, MissingExtraError
from quoth.eval.gold import GoldArticle

CONTEXT = 100
"""Characters of text to each side of a statement that the TF-IDF baseline sees."""

_WORD = re.compile(r"\w+")


def majority(train: Sequence[GoldArticle], dev: Sequence[GoldArticle]) -> list[str]:
    """The commonest stance of `train` for each statement of `dev`, in order."""
    return [Counter(_stances(train)).most_common(1)[0][0]] * len(_stances(dev))


def fit_predict(train: Sequence[GoldArticle], dev: Sequence[GoldArticle]) -> list[str]:
    """Stances of the statements of `dev`, in order, by TF-IDF and logistic regression fitted to `train`.

    Raises MissingExtraError without scikit-learn, and InputError if `train` has fewer than two stances.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise MissingExtraError("The TF-IDF baseline", "eval") from error
    stances = _stances(train)
    if len(set(stances)) < 2:
        raise InputError(f"the TF-IDF baseline needs at least two stances to learn, found {set(stances)}")
    if not _stances(dev):
        return []
    model = make_pipeline(
        TfidfVectorizer(analyzer=lambda features: features, sublinear_tf=True, max_features=200_000),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    model.fit(_samples(train), stances)
    return [str(stance) for stance in model.predict(_samples(dev))]


def _stances(articles: Sequence[GoldArticle]) -> list[str]:
    return [statement.stance for article in articles for statement in article.statements]


def _samples(articles: Sequence[GoldArticle]) -> list[list[str]]:
    return [features(a.text, s.start, s.end) for a in articles for s in a.statements]


def features(text: str, start: int, end: int) -> list[str]:
    """Word 1- and 2-grams of text[start:end], and of the characters to its left and right under a mark."""
    parts = {
        "": text[start:end],
        "<": text[max(0, start - CONTEXT) : start],
        ">": text[end : end + CONTEXT],
    }
    return [mark + gram for mark, part in parts.items() for gram in _grams(part)]


def _grams(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    return words + [f"{a} {b}" for a, b in pairwise(words)]
