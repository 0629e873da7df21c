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
from quoth.training.examples import (
    CORRECTIONS,
    MORE_LABELS,
    MORE_SPEAKERS,
    GoldArticle,
    classification_examples,
    corrected,
    labelled_articles,
    name_examples,
)

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


def test_a_correction_replaces_the_label_that_it_was_made_for(tmp_path: Path) -> None:
    change = {
        "article": "a", "start": 0, "end": 26, "was": "denial", "stance": "accusation", "stance2": None,
        "sentiment": "negative", "target": "They", "reason": "names the conduct",
    }  # fmt: skip
    (tmp_path / "c.jsonl").write_text(json.dumps(change) + "\n", "utf-8")
    old = {"start": 0, "end": 26, "stance": "denial", "stance2": None, "sentiment": "neutral", "target": None}
    (fits,) = corrected([GoldArticle("a", TEXT, [old])], tmp_path / "c.jsonl")
    assert fits.statements == [
        {**old, "stance": "accusation", "sentiment": "negative", "target": "They"},
    ]
    for other in ({**old, "stance": "other"}, {**old, "start": 1}):
        (kept,) = corrected([GoldArticle("a", TEXT, [other])], tmp_path / "c.jsonl")
        assert kept.statements == [other]


def test_every_correction_changes_a_stance_for_a_reason() -> None:
    rows = [json.loads(line) for line in CORRECTIONS.read_text("utf-8").splitlines()]
    assert len({(r["article"], r["start"], r["end"]) for r in rows}) == len(rows)
    for r in rows:
        assert r["was"] != r["stance"]
        assert {r["was"], r["stance"]} <= set(STANCE_LABELS)
        assert r["reason"]


def test_a_speaker_may_be_told_by_offsets() -> None:
    text = "Ann Ode spoke. “They flooded the valley,” Ode said. “We did not.”"
    rows = [
        {"start": 15, "end": 41, "speaker": [0, 7]},
        {"start": 52, "end": 65, "speaker": None},
    ]
    pieces = Pieces.from_file(WEIGHTS / "small" / "tokenizer.json")
    (tokens,) = pieces([text])
    (row,) = name_examples([GoldArticle("a", text, rows)], pieces)
    pointed = {(int(k), text[tokens.starts[t] : tokens.ends[t]]) for k, t in row["names"]}
    assert pointed == {(0, "Ann"), (0, "Ode")}


def test_the_further_speakers_stand_by_offsets() -> None:
    for line in MORE_SPEAKERS.read_text("utf-8").splitlines():
        row = json.loads(line)
        assert len(row["sha256"]) == 64
        for s in row["statements"]:
            assert s["start"] < s["end"]
            assert s["speaker"] is None or s["speaker"][0] < s["speaker"][1]
