"""Stand-off labels and the texts that they point into."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("datasets")

from quoth.model.checkpoint import WEIGHTS
from quoth.model.layout import STANCE_LABELS
from quoth.model.windows import Pieces
from quoth.training.examples import MORE_LABELS, classification_examples, labelled_articles

TEXT = "“They flooded the valley,” the mayor said."


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    statement = {
        "start": 0, "end": 26, "kind": "quoted", "stance": "accusation", "stance2": None, "sentiment": "negative",
        "target": [1, 5],
    }  # fmt: skip
    row = {"article": "a", "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "statements": [statement]}
    (tmp_path / "labels.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    return tmp_path / "labels.jsonl"


def packed(folder: Path, text: str) -> Path:
    with gzip.open(folder / "texts.jsonl.gz", "wt", encoding="utf-8") as out:
        out.write(
            json.dumps({"id": "b", "text": "Another."}) + "\n" + json.dumps({"id": "a", "text": text}) + "\n"
        )
    return folder / "texts.jsonl.gz"


def test_the_texts_may_lie_in_a_folder_or_in_one_file(labels: Path) -> None:
    (labels.parent / "a.json").write_text(json.dumps({"content_original": TEXT}), "utf-8")
    (from_folder,) = labelled_articles(labels, labels.parent)
    (from_file,) = labelled_articles(labels, packed(labels.parent, TEXT))
    assert from_folder == from_file
    assert from_file.text == TEXT


@pytest.mark.parametrize("text", [TEXT + " ", ""])
def test_another_text_is_refused(labels: Path, text: str) -> None:
    with pytest.raises(ValueError, match="article a: .*another sha256"):
        list(labelled_articles(labels, packed(labels.parent, text)))


def test_a_missing_text_is_refused(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="article a: .*missing"):
        list(labelled_articles(labels, tmp_path / "empty"))


def test_a_target_in_characters_becomes_one_in_tokens(labels: Path) -> None:
    articles = list(labelled_articles(labels, packed(labels.parent, TEXT)))
    pieces = Pieces.from_file(WEIGHTS / "small" / "tokenizer.json")
    (row,) = classification_examples(articles, pieces)
    first, end = row["target"].reshape(-1, 2)[0]
    tokens = pieces([TEXT])[0]
    assert TEXT[tokens.starts[first] : tokens.ends[end - 1]] == "They"


def test_our_further_labels_are_whole() -> None:
    rows = [json.loads(line) for line in MORE_LABELS.open(encoding="utf-8")]
    assert len({row["article"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"article", "sha256", "statements"}
        for s in row["statements"]:
            assert 0 <= s["start"] < s["end"] and s["kind"] in ("quoted", "indirect")
            assert s["stance"] in STANCE_LABELS and s["sentiment"] in ("negative", "neutral", "positive")
            assert s["stance2"] not in ("other", s["stance"]) and s["sure"] in (2, 3)
            assert s["stance"] != "other" or s.get("target") is None
            assert "text" not in s
