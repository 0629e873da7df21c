"""A teacher's answers on articles that nobody labelled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("datasets")

from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint
from quoth.training.examples import UNFOUND, GoldArticle, classification_examples, with_targets_only
from quoth.training.teaching import KEPT, taught

SAID = "“The council lied to every tenant,”"
TEXT = f"{SAID} said Ines Maro of the tenants' union. The council had no comment."


@pytest.fixture(scope="module")
def teacher() -> Checkpoint:
    return Checkpoint(WEIGHTS / "small", threads=1)


def articles(n: int) -> list[GoldArticle]:
    return [GoldArticle(f"a{k}", TEXT, []) for k in range(n)]


def test_the_answers_are_the_teacher_s_own(teacher: Checkpoint, tmp_path: Path) -> None:
    (article,) = taught(teacher, articles(1), 1, 0, tmp_path / "taught.jsonl")
    assert article.text == TEXT
    assert [(s["start"], s["end"]) for s in article.statements] == [(0, len(SAID))]
    (told,) = Labeler(teacher).classify([(TEXT, 0, len(SAID))])
    (row,) = classification_examples([article], teacher.pieces)
    np.testing.assert_allclose(row["stance"][0], told.stance, atol=1e-4)
    np.testing.assert_allclose(row["sentiment"][0], told.sentiment, atol=1e-4)
    assert told.target and row["target"].tolist() == [[UNFOUND, UNFOUND]]


def test_its_targets_are_learned_on_request(teacher: Checkpoint, tmp_path: Path) -> None:
    (article,) = taught(teacher, articles(1), 1, 0, tmp_path / "taught.jsonl", targets=True)
    (told,) = Labeler(teacher).classify([(TEXT, 0, len(SAID))])
    (row,) = classification_examples([article], teacher.pieces)
    assert told.target and row["target"].tolist() == [list(told.target)]


def test_of_a_labelled_article_only_the_targets_are_left_to_learn(teacher: Checkpoint) -> None:
    union = TEXT.index("The council had")
    statement = {
        "start": 0, "end": len(SAID), "stance": "accusation", "stance2": None, "sentiment": "negative",
        "target": [union, union + len("The council")],
    }  # fmt: skip
    article = GoldArticle("a", TEXT, [statement])
    (whole,) = classification_examples([article], teacher.pieces)
    (row,) = classification_examples([with_targets_only(article)], teacher.pieces)
    assert whole["stance"].sum() == whole["sentiment"].sum() == 1
    assert row["stance"].sum() == row["sentiment"].sum() == 0
    assert row["target"].tolist() == whole["target"].tolist()


def test_of_what_surely_has_no_stance_a_share_is_learned(teacher: Checkpoint, tmp_path: Path) -> None:
    kept = tmp_path / "taught.jsonl"
    sure = [[k, k + 1, [0, 0, 0, 0, 1], [0, 1, 0], None] for k in range(400)]
    unsure = [[500, 510, [0.1, 0, 0, 0, 0.9], [0, 1, 0], None]]
    kept.write_text(json.dumps(["a0", sure + unsure]) + "\n", "utf-8")
    (article,) = taught(teacher, articles(1), 1, 0, kept)
    assert article.statements[-1]["start"] == 500
    assert len(article.statements) - 1 == pytest.approx(KEPT * 400, abs=30)


def test_what_is_labelled_is_not_taught(teacher: Checkpoint, tmp_path: Path) -> None:
    label = {"start": 0, "end": 5, "stance": None, "stance2": None, "sentiment": None, "target": None}
    (article,) = taught(teacher, [GoldArticle("a", TEXT, [label])], 2, 0, tmp_path / "taught.jsonl")
    assert article.statements == [label]


def test_an_interrupted_run_goes_on_behind_its_last_whole_line(teacher: Checkpoint, tmp_path: Path) -> None:
    kept = tmp_path / "taught.jsonl"
    whole = taught(teacher, articles(5), 4, 0, kept)
    lines = kept.read_text("utf-8").splitlines(keepends=True)
    first = whole[0].id
    marked = [[0, len(SAID), [0, 0, 0, 0.5, 0.5], [0, 1, 0], None]]
    kept.write_text(json.dumps([first, marked]) + "\n" + lines[1] + lines[2][:20], "utf-8")
    resumed = taught(teacher, articles(5), 4, 0, kept)
    assert resumed[0].statements[0]["taught"] == ([0, 0, 0, 0.5, 0.5], [0, 1, 0], None)
    assert resumed[1:] == whole[1:]
    assert [json.loads(line)[0] for line in kept.read_text("utf-8").splitlines()] == [a.id for a in whole]
