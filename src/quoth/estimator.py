"""The classifier in the terms of scikit-learn: stances of given statements, or a head of one's own on its states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quoth.errors import InputError
from quoth.extras import needs
from quoth.labeler import shared_labeler
from quoth.model.layout import STANCE_LABELS

with needs("quoth.estimator", "sklearn"):
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, make_scorer
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
    from threadpoolctl import threadpool_limits

Passage = tuple[str, int, int]
"""A text and the code points [start, end) of a statement in it."""

STRENGTHS = tuple(10.0**k for k in (-3, -2.5, -2, -1.5, -1, 0))
"""Inverse regularization strengths that `StanceClassifier.fit` chooses among."""
WEAK_EVIDENCE = 0.01
"""The strength where there are too few labels to choose by."""
MOST_FOLDS = 5

_ROW = "expected (text, start, end), a string and two code point offsets"


class StatementVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Statements -> what the classifier's heads read of them, (n, width): features for any estimator.

    Nothing is learned, so `fit` is not needed.  The states of a model that reads the statements of one text together
    (`base`) depend a little on which of them are asked for at once.
    """

    def __init__(self, model: str | Path = "small", threads: int | None = None) -> None:
        """model, threads: as in `quoth.Labeler.from_pretrained`."""
        self.model = model
        self.threads = threads

    def fit(self, X: Any, y: object = None) -> StatementVectorizer:
        """Does nothing."""
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """X: passages, or a table of these three columns.  Raises InputError that names the row."""
        return shared_labeler(self.model, self.threads).states(passages(X))

    def __sklearn_is_fitted__(self) -> bool:
        return True


class StanceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tells the stance of given statements; after `fit`, any label that it was shown.

    Before `fit` it answers as the model does, its probabilities calibrated.  `fit` learns multinomial logistic
    regression on the states of `StatementVectorizer`, as much regularized as gives the least log-loss on texts that
    were left out, which keeps the probabilities calibrated.

    `classes_`: the labels, sorted.  `head_`: the fitted logistic regression.

    >>> StanceClassifier().predict([("“They lied,” said Ann Ode.", 0, 12)])
    """

    def __init__(
        self, model: str | Path = "small", C: float | None = None, threads: int | None = None
    ) -> None:
        """model, threads: as in `quoth.Labeler.from_pretrained`.  C: inverse regularization strength; None: chosen."""
        self.model = model
        self.C = C
        self.threads = threads

    @property
    def classes_(self) -> NDArray[Any]:
        head = getattr(self, "head_", None)
        return np.array(sorted(STANCE_LABELS)) if head is None else head.classes_

    def fit(self, X: Any, y: ArrayLike) -> StanceClassifier:
        """Learn a head for the labels y, (n,), of at least two kinds.  Raises InputError where X and y do not fit."""
        rows = passages(X)
        labels = np.asarray(y)
        if labels.shape != (len(rows),):
            raise InputError(
                f"y: found shape {labels.shape}, expected one label for each of {len(rows)} rows"
            )
        if len(np.unique(labels)) < 2:
            raise InputError("y: found labels of one kind, expected at least two")
        states = shared_labeler(self.model, self.threads).states(rows)
        self.head_ = fit_head(states, labels, [text for text, _, _ in rows], self.C)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, labels) probabilities in the order of `classes_`."""
        rows, labeler = passages(X), shared_labeler(self.model, self.threads)
        if not rows:
            return np.empty((0, len(self.classes_)))
        if hasattr(self, "head_"):
            learned: NDArray[np.float64] = self.head_.predict_proba(labeler.states(rows))
            return learned
        order = [STANCE_LABELS.index(label) for label in self.classes_]
        return np.array([told.stance[order] for told in labeler.classify(rows)], dtype=np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) the most probable labels."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    def __sklearn_is_fitted__(self) -> bool:
        return True


def fit_head(
    states: NDArray[np.float32], labels: NDArray[Any], texts: Sequence[str], C: float | None = None
) -> LogisticRegression:
    """Logistic regression on the states of statements, (n, width), of these texts.

    C: inverse regularization strength; None: that of STRENGTHS with the least log-loss on texts left out, or
    WEAK_EVIDENCE where a label has a single statement.
    """
    head = LogisticRegression(C=WEAK_EVIDENCE if C is None else C, max_iter=2000)
    folds = _folds(labels, texts) if C is None else []
    score = make_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False, labels=np.unique(labels)
    )
    # Products as small as these take longer on several threads, which wait for each other; far longer beside other work.
    with threadpool_limits(1, user_api="blas"):
        if not folds:
            return head.fit(states, labels)
        search = GridSearchCV(head, {"C": STRENGTHS}, scoring=score, cv=folds)
        return search.fit(states, labels).best_estimator_


def passages(X: Any) -> list[Passage]:
    """The rows of a sequence, an array or a data frame.  Raises InputError that names the row."""
    rows: Iterable[Sequence[Any]] = X
    if hasattr(X, "itertuples"):  # pandas
        rows = X.itertuples(index=False, name=None)
    elif hasattr(X, "iter_rows"):  # polars
        rows = X.iter_rows()
    return [_passage(k, row) for k, row in enumerate(rows)]


def _passage(k: int, row: Any) -> Passage:
    if isinstance(row, str):
        raise InputError(f"row {k}: found a string, {_ROW}")
    try:
        text, start, end = row
        start, end = int(start), int(end)
    except (TypeError, ValueError) as error:
        raise InputError(f"row {k}: found {str(row)[:80]!r}, {_ROW}") from error
    if not isinstance(text, str) or not 0 <= start < end <= len(text):
        raise InputError(f"row {k}: found {type(text).__name__}, {start}, {end}, {_ROW} inside it")
    return text, start, end


def _folds(labels: NDArray[Any], texts: Sequence[str]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Splits into training and left out, by text where each training part then has every label; none: too few labels."""
    kinds, counts = np.unique(labels, return_counts=True)
    groups = np.unique(texts, return_inverse=True)[1]
    n_folds = min(MOST_FOLDS, int(counts.min()))
    if n_folds < 2:
        return []
    if len(set(texts)) >= n_folds:
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
        folds = list(splitter.split(labels, labels, groups))
        if all(len(np.unique(labels[train])) == len(kinds) and len(left) for train, left in folds):
            return folds
    return list(StratifiedKFold(n_folds, shuffle=True, random_state=0).split(labels, labels))
