from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quoth.articles import Rejected
from quoth.errors import InputError, ModelError
from quoth.records import Article, ModelInfo, Record
from quoth.stream import Counts, rejects_file, stream


class Labeler:
    """Raises on the text "bad", as a model does on what nobody thought of."""

    def label_one(self, article: Article) -> Record:
        if article.text == "bad":
            raise ValueError("seven")
        if article.text == "broken":
            raise ModelError("no model")
        return Record("1", article.id, {}, [], ModelInfo("m", "0", "0" * 12), [])


class Kept:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def write(self, record: Record, article: Article) -> None:
        self.rows.append(record.id)

    def add(self, rejected: Rejected) -> None:
        self.rows.append((rejected.place, rejected.reason))


def run(*rows: Article | Rejected, strict: bool = False) -> tuple[Counts, list[Any], list[Any]]:
    out, rejects = Kept(), Kept()
    labeler: Any = Labeler()
    counts = stream(iter(rows), labeler, out, rejects, strict)
    return counts, out.rows, rejects.rows


def rows_of(*texts: str) -> list[Article]:
    return [Article(id=str(k), text=text) for k, text in enumerate(texts)]


def test_one_article_that_raises_takes_no_other_along() -> None:
    counts, written, rejected = run(*rows_of("a", "bad", "b", "bad", "c"))
    assert written == ["0", "2", "4"]
    assert rejected == [
        ("article 1", "labelling failed: ValueError: seven"),
        ("article 3", "labelling failed: ValueError: seven"),
    ]
    assert (counts.labelled, counts.rejected) == (3, 2)


def test_unreadable_rows_keep_their_place_among_the_others() -> None:
    counts, written, rejected = run(*rows_of("a"), Rejected("in.jsonl:2", None, "no text"), *rows_of("b"))
    assert (written, rejected) == (["0", "0"], [("in.jsonl:2", "no text")])
    assert counts.rejected == 1


def test_more_rows_than_one_chunk_come_out_in_order() -> None:
    assert run(*rows_of(*"x" * 100))[1] == [str(k) for k in range(100)]


def test_strict_raises_at_the_first() -> None:
    with pytest.raises(InputError, match="article 1: labelling failed"):
        run(*rows_of("a", "bad"), strict=True)


def test_a_broken_model_is_no_bad_row() -> None:
    with pytest.raises(ModelError):
        run(*rows_of("a", "broken"))


def test_the_error_file_exists_only_if_there_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text("from an earlier run")
    with rejects_file(path):
        pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), rejects_file(path) as rejects:
        rejects.add(Rejected("in.csv: row 3", "x", "no text"))
        raise KeyError
    assert path.read_text() == '{"place":"in.csv: row 3","id":"x","reason":"no text"}\n'
    assert list(tmp_path.iterdir()) == [path]
