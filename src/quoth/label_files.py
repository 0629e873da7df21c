"""Stand-off label files: the rows that `quoth eval` reads as gold, written whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from quoth.annotation_log import UNKNOWN, Labels
from quoth.eval.gold import GoldArticle, GoldStatement, Origin, text_hash
from quoth.writing import whole


class LabelRow(msgspec.Struct, frozen=True):
    """One article's labels; the fields as in `quoth.eval.gold.GoldArticle`."""

    article: str
    sha256: str
    split: str
    passes: int
    annotation: Origin | None
    statements: list[GoldStatement]


def write_rows(path: Path, rows: Iterable[LabelRow]) -> None:
    """Whole or not at all; raises InputError where it cannot be written."""
    with whole(path) as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")


def row_of(article: GoldArticle) -> LabelRow:
    return LabelRow(
        article.id, text_hash(article.text), article.split, article.passes, article.origin, article.statements
    )


def gold_of(labels: Labels) -> GoldStatement:
    """A statement that lacks nothing, as gold has it."""
    assert labels.stance is not None
    speaker = None if labels.speaker == UNKNOWN else labels.speaker
    return GoldStatement(
        labels.start, labels.end, labels.kind, labels.stance, labels.stance2, labels.sentiment, speaker, labels.target
    )  # fmt: skip
