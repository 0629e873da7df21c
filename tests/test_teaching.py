"""A teacher's answers beside the labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("datasets")

from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.training.examples import TAUGHT, GoldArticle, classification_examples
from quoth.training.teaching import taught

SAID = "“The council lied to every tenant,”"
TEXT = f"{SAID} said Ines Maro of the tenants' union. The council had no comment."
STATEMENT = {
    "start": 0, "end": len(SAID), "kind": "quoted", "stance": "denial", "stance2": None, "sentiment": None,
    "speaker": "Ines Maro", "target": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def teacher() -> Checkpoint:
    return Checkpoint(WEIGHTS / "small", threads=1)


def articles(n: int) -> list[GoldArticle]:
    return [GoldArticle(f"a{k}", TEXT, [STATEMENT]) for k in range(n)]


def test_the_answers_are_the_teacher_s_own(teacher: Checkpoint, tmp_path: Path) -> None:
    (article,) = taught(teacher, articles(1), 1, 0, tmp_path / "taught.jsonl")
    (told,) = Labeler(teacher).classify([(TEXT, 0, len(SAID))])
    stance, sentiment = article.statements[0]["taught"]  # type: ignore[misc]
    np.testing.assert_allclose(stance, told.stance, atol=1e-4)
    np.testing.assert_allclose(sentiment, told.sentiment, atol=1e-4)


def test_label_and_answer_are_mixed_and_a_missing_label_leaves_the_answer(
    teacher: Checkpoint, tmp_path: Path
) -> None:
    (article,) = taught(teacher, articles(1), 1, 0, tmp_path / "taught.jsonl")
    (row,) = classification_examples([article], teacher.pieces)
    stance, sentiment = article.statements[0]["taught"]  # type: ignore[misc]
    label = np.array([name == "denial" for name in STANCE_LABELS])
    np.testing.assert_allclose(row["stance"][0], TAUGHT * np.array(stance) + (1 - TAUGHT) * label, atol=1e-6)
    np.testing.assert_allclose(row["sentiment"][0], sentiment, atol=1e-6)
    (untaught,) = classification_examples(articles(1), teacher.pieces)
    assert untaught["stance"].reshape(-1, len(STANCE_LABELS))[0].tolist() == label.tolist()
    assert untaught["sentiment"].reshape(-1, len(SENTIMENT_LABELS))[0].tolist() == [0, 0, 0]


def test_only_the_drawn_are_taught(teacher: Checkpoint, tmp_path: Path) -> None:
    result = taught(teacher, articles(5), 2, 0, tmp_path / "taught.jsonl")
    assert [a.id for a in result] == [f"a{k}" for k in range(5)]
    assert sum("taught" in a.statements[0] for a in result) == 2


def test_an_interrupted_run_goes_on_behind_its_last_whole_line(teacher: Checkpoint, tmp_path: Path) -> None:
    kept = tmp_path / "taught.jsonl"
    whole = taught(teacher, articles(4), 4, 0, kept)
    lines = kept.read_text("utf-8").splitlines(keepends=True)
    marked = [[0, len(SAID), [0, 0, 0, 0, 1], [0, 1, 0]]]
    kept.write_text(json.dumps(["a0", marked]) + "\n" + lines[1] + lines[2][:20], "utf-8")
    resumed = taught(teacher, articles(4), 4, 0, kept)
    assert resumed[0].statements[0]["taught"] == ([0, 0, 0, 0, 1], [0, 1, 0])
    assert resumed[1:] == whole[1:]
    assert [json.loads(line)[0] for line in kept.read_text("utf-8").splitlines()] == ["a0", "a1", "a2", "a3"]
