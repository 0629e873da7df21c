from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn: pip install '.[sklearn]'")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from quoth.errors import InputError, ModelError
from quoth.estimator import StanceClassifier, StatementVectorizer, passages
from quoth.huggingface import read_weights
from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint
from quoth.model.layout import STANCE_LABELS

FOR = (
    "I back the new bridge and will vote for it", "The bridge is a fine idea", "We welcome the plan with all our heart",
    "I stand with the builders", "The harbour needs this bridge", "We are proud to support it",
)  # fmt: skip
AGAINST = (
    "I oppose the bridge and will vote against it", "The bridge is a terrible idea", "We reject the plan outright",
    "I have no sympathy for the builders", "The harbour does not need this bridge", "We are ashamed of it",
)  # fmt: skip


def passage(words: str) -> tuple[str, int, int]:
    text = f"Ida Brandt spoke in Quay Town. “{words},” she said on Monday."
    return text, text.index("“"), text.index("”") + 1


X = [passage(words) for words in FOR + AGAINST]
Y = ["support"] * len(FOR) + ["oppose"] * len(AGAINST)
UNSEEN = [
    passage("I am all in favour of the tunnel"),
    passage("This tunnel is a disgrace and must be stopped"),
]


@pytest.fixture(scope="module")
def fitted() -> StanceClassifier:
    return StanceClassifier(threads=1).fit(X, Y)


def test_unfitted_it_says_what_the_labeler_says() -> None:
    rows = [passage("They lied to us for nine days"), passage("We never touched the cargo")]
    classifier = StanceClassifier(threads=1)
    assert list(classifier.classes_) == sorted(STANCE_LABELS)
    told = Labeler.from_pretrained("small", threads=1).classify(rows)
    for row, answer in zip(classifier.predict_proba(rows), told, strict=True):
        named = dict(zip(classifier.classes_, row, strict=True))
        assert [named[label] for label in STANCE_LABELS] == pytest.approx(answer.stance, abs=1e-5)
    assert list(classifier.predict(rows)) == ["accusation", "denial"]
    check_is_fitted(classifier)


def test_a_head_learns_labels_that_the_model_never_had(fitted: StanceClassifier) -> None:
    assert list(fitted.classes_) == ["oppose", "support"]
    assert list(fitted.predict(UNSEEN)) == ["support", "oppose"]
    probabilities = fitted.predict_proba(UNSEEN)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1])
    assert fitted.score(X, Y) == 1


def test_it_is_copied_tuned_and_scored_as_any_estimator(fitted: StanceClassifier) -> None:
    plain = clone(fitted)
    assert plain.get_params() == {"model": "small", "C": None, "threads": 1}
    assert not hasattr(plain, "head_")
    assert cross_val_score(plain, X, Y, cv=3).mean() > 0.8
    groups = [k // 2 for k in range(len(X))]
    losses = cross_val_score(plain, X, Y, cv=GroupKFold(3), groups=groups, scoring="neg_log_loss")
    assert losses.mean() > -np.log(2)
    search = GridSearchCV(plain, {"C": [1e-6, 0.1]}, cv=2, scoring="neg_log_loss").fit(X, Y)
    assert search.best_params_ == {"C": 0.1}


def test_a_fitted_one_survives_pickling_without_the_model_in_it(fitted: StanceClassifier) -> None:
    stored = pickle.dumps(fitted)
    assert len(stored) < 100_000
    assert pickle.loads(stored).predict_proba(X) == pytest.approx(fitted.predict_proba(X))


def test_the_vectorizer_serves_other_estimators() -> None:
    pipeline = make_pipeline(StatementVectorizer(threads=1), LogisticRegression())
    assert list(pipeline.fit(X, Y).predict(UNSEEN)) == ["support", "oppose"]


@pytest.mark.parametrize("model", ["small", "base"])
def test_the_states_are_those_that_the_models_own_heads_read(model: str) -> None:
    pytest.importorskip("onnx")
    heads = read_weights(WEIGHTS / model / "classifier.onnx").heads
    checkpoint = Checkpoint(WEIGHTS / model, threads=1)
    ids = np.full(9, 2054)
    ids[[0, -1]] = checkpoint.pieces.cls, checkpoint.pieces.sep
    marks, spans = np.zeros_like(ids), np.array([[2, 5], [3, 4]])
    marks[2:5] = 1
    logits = checkpoint.pool(ids, marks, spans)[1] @ heads["labels.weight"].T + heads["labels.bias"]
    # The graph of `small` rounds the states to 8 bits before it multiplies them.
    assert logits[:, :5] == pytest.approx(
        checkpoint.classify(ids, marks, spans)["stance"], abs={"small": 0.1, "base": 1e-4}[model]
    )


def test_a_graph_without_the_state_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quoth.model.checkpoint.POOLED", "no_such_value")
    labeler = Labeler.from_pretrained("small", threads=1)
    with pytest.raises(ModelError, match=r"classifier\.onnx: has no value 'no_such_value'"):
        labeler.states(X)


def test_few_labels_are_enough() -> None:
    rare = StanceClassifier(threads=1).fit(X[:7], Y[:7])
    assert list(rare.classes_) == ["oppose", "support"]
    one_text = [(UNSEEN[0][0], 0, 10), (UNSEEN[0][0], 11, 20), UNSEEN[0], (UNSEEN[0][0], 40, 50)]
    assert StanceClassifier(threads=1).fit(one_text, [0, 0, 1, 1]).classes_.tolist() == [0, 1]


def test_labels_and_rows_come_as_arrays_and_tables(fitted: StanceClassifier) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = ["text", "start", "end"]
    array = np.array(X, dtype=object)
    tables = array, pandas.DataFrame(X, columns=columns), polars.DataFrame(X, schema=columns, orient="row")
    assert [passages(table) for table in tables] == [X, X, X]
    assert fitted.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a text"], "row 0: found a string, expected .text, start, end."),
        ([X[0], ("a", 0)], r"row 1: found .*'a', 0.*expected"),
        ([("a", 0, "b")], "row 0: found .*expected"),
        ([("abc", 2, 9)], "row 0: found str, 2, 9, expected .* inside it"),
        ([("abc", 2, 2)], "row 0: found str, 2, 2"),
        ([(None, 0, 1)], "row 0: found NoneType, 0, 1"),
    ],
)
def test_a_row_that_is_no_passage_is_named(rows: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        StanceClassifier().predict(rows)


@pytest.mark.parametrize(
    ("labels", "said"),
    [(["a"], "y: found shape .1,., expected one label"), (["a"] * 12, "labels of one kind")],
)
def test_labels_that_do_not_fit_are_refused(labels: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        StanceClassifier().fit(X, labels)
