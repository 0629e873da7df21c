"""What the classifier is shown in training: views of articles, and the labels of their statements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("datasets")

from quoth.model.checkpoint import WEIGHTS
from quoth.model.layout import STANCE_LABELS
from quoth.model.windows import Pieces
from quoth.training.batches import (
    CLEAR_BEFORE,
    IGNORED,
    Vocabulary,
    classifier_batches,
    window_batches,
)
from quoth.training.examples import GoldArticle, classification_examples

WORDS = [f"word{k % 97}" for k in range(900)]
TEXT = " ".join(WORDS)


def statement(first: int, last: int, target: object, stance: str = "accusation") -> dict[str, object]:
    start = len(" ".join(WORDS[:first])) + bool(first)
    end = len(" ".join(WORDS[:last]))
    return {
        "start": start,
        "end": end,
        "stance": stance,
        "stance2": None,
        "sentiment": None,
        "target": target,
    }


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.from_file(Path(WEIGHTS / "small" / "tokenizer.json"))


@pytest.fixture(scope="module")
def rows(pieces: Pieces) -> list[dict[str, np.ndarray]]:
    statements = [
        statement(3, 9, "word5"),
        statement(400, 420, None, "other"),
        statement(700, 706, [0, 5]),
        statement(800, 806, "nowhere"),
    ]
    return list(classification_examples([GoldArticle("a", TEXT, statements)], pieces))


@pytest.fixture(scope="module")
def vocabulary(pieces: Pieces) -> Vocabulary:
    return Vocabulary(pieces.cls, pieces.sep, pieces.pad)


def test_every_statement_is_asked_once_where_its_tokens_are(
    rows: list[dict[str, np.ndarray]], vocabulary: Vocabulary
) -> None:
    spans = rows[0]["spans"]
    asked = []
    for make in classifier_batches(rows, 300, True, 2, vocabulary, None):
        batch = make()
        assert batch.ids.shape == batch.mask.shape == batch.marks.shape
        for (view, first, end), stance in zip(batch.spans.tolist(), batch.stance.tolist(), strict=True):
            tokens = batch.ids[view, first:end].tolist()
            (k,) = (n for n, (a, b) in enumerate(spans) if rows[0]["ids"][a:b].tolist() == tokens)
            assert batch.marks[view, first:end].all()
            asked.append((k, STANCE_LABELS[stance.index(1.0)]))
    assert sorted(asked) == [(0, "accusation"), (1, "other"), (2, "accusation"), (3, "accusation")]


def test_a_target_is_a_place_of_the_view_none_or_not_to_be_learned(
    rows: list[dict[str, np.ndarray]], vocabulary: Vocabulary
) -> None:
    found = {}
    for make in classifier_batches(rows, 300, True, 9, vocabulary, None):
        batch = make()
        for n, (view, first, _) in enumerate(batch.spans.tolist()):
            key = tuple(batch.ids[view, first : first + 4].tolist())
            start, end = int(batch.target_start[n]), int(batch.target_end[n])
            found[key] = batch.ids[view, start : end + 1].tolist() if start > 0 else start
    answers = [found[tuple(rows[0]["ids"][a : a + 4].tolist())] for a, _ in rows[0]["spans"]]
    word = rows[0]["ids"][: len(answers[2])].tolist()
    assert answers[0] == rows[0]["ids"][10:12].tolist()
    assert answers[1] == 0
    # From the article's beginning, which goes before the view.
    assert answers[2] == word
    assert answers[3] == IGNORED


def test_an_epoch_hangs_on_its_seed_alone(rows: list[dict[str, np.ndarray]], vocabulary: Vocabulary) -> None:
    def epoch(seed: int) -> list[list[int]]:
        made = classifier_batches(rows * 5, 300, True, 2, vocabulary, np.random.default_rng(seed))
        return [make().spans.flatten().tolist() for make in made]

    assert epoch(1) == epoch(1) != epoch(2)


@pytest.mark.parametrize("together", [True, False])
def test_some_statements_are_hidden_in_training_where_others_are_read_beside_them(
    rows: list[dict[str, np.ndarray]], vocabulary: Vocabulary, together: bool
) -> None:
    made = classifier_batches(rows * 50, 300, together, 2, vocabulary, np.random.default_rng(0))
    asked = sum(len(make().stance) for make in made)
    assert 150 < asked < 195 if together else asked == 200


def test_a_window_asks_for_the_statements_that_stand_clear_of_its_ends(
    rows: list[dict[str, np.ndarray]], vocabulary: Vocabulary
) -> None:
    asked, windows = 0, 0
    for seed in range(8):
        read = 0
        for make in window_batches(rows, 300, 2, vocabulary, np.random.default_rng(seed)):
            batch = make()
            read += int((batch.mask.sum(1) - 2).sum())
            windows += len(batch.ids)
            for view, first, end in batch.spans.tolist():
                n = int(batch.mask[view].sum()) - 2
                begins = batch.ids[view, 1].item() == rows[0]["ids"][0]
                assert first > (0 if begins else CLEAR_BEFORE)
                assert end <= n + 1
                asked += 1
            assert len(batch.stance) == len(batch.second) == len(batch.target_start) == len(batch.spans)
        # Each token once.
        assert read == len(rows[0]["ids"])
    assert windows > 16 <= asked <= 32


def test_an_article_without_a_stance_is_read_less_often(pieces: Pieces, vocabulary: Vocabulary) -> None:
    dull = [GoldArticle("a", TEXT, [statement(3, 9, None, "other")])]
    rows = list(classification_examples(dull, pieces))
    read = [len(window_batches(rows, 300, 1, vocabulary, np.random.default_rng(k))) for k in range(30)]
    assert 1 <= min(read) < max(read)
