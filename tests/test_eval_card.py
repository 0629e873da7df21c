from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval.card import body, write_card
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged
from quoth.eval.result import Result
from quoth.records import Record

Make = Callable[..., Any]


@pytest.fixture
def measured(raid: GoldArticle, raid_record: Record, result: Make) -> Result:
    found: Result = result(judged([raid], {"a": raid_record}))
    return found


def test_a_new_card_says_what_was_measured_on_what(measured: Result, tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    write_card(path, measured)
    text = path.read_text("utf-8")
    assert text.startswith("# Model card: small 0.1.0\n")
    assert "## Intended use" in text
    for row in (
        f"| model | small 0.1.0, sha256 {'a' * 12}… |",
        f"| labels | gold.jsonl, sha256 {'1' * 12}…; articles sha256 {'2' * 12}… |",
        "| measured | 2026-02-03T04:05:06Z with quoth 0.1.0, seed 0, 100 resamples |",
    ):
        assert row in text.splitlines()
    assert body(measured) in text
    assert "\n### small 0.1.0 on gold.jsonl\n" in text


def test_a_card_is_renewed_between_its_marks(measured: Result, tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    write_card(path, measured)
    first = path.read_text("utf-8")
    by_hand = first.replace("## Intended use", "## Use, in our words") + "\n## Known weaknesses\n\nIrony.\n"
    path.write_text(by_hand, "utf-8")
    write_card(path, measured)
    assert path.read_text("utf-8") == by_hand
    measured.notes = ["speaker: no statement gives one"]
    write_card(path, measured)
    renewed = path.read_text("utf-8")
    assert "Note: speaker: no statement gives one." in renewed
    assert "## Use, in our words" in renewed and renewed.endswith("\n## Known weaknesses\n\nIrony.\n")


def test_a_card_is_of_a_model(raid: GoldArticle, raid_record: Record, result: Make, tmp_path: Path) -> None:
    predictions = result(judged([raid], {"a": raid_record}), predictions="theirs.csv")
    with pytest.raises(InputError, match="a model card needs a model: --model, not --predictions"):
        write_card(tmp_path / "card.md", predictions)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["# Our model\n", "# Our model\n\n<!-- results: card -->\n\nIt is good.\n"],
    ids=["no block", "no end"],
)
def test_a_file_without_the_block_is_left_alone(text: str, measured: Result, tmp_path: Path) -> None:
    path = tmp_path / "card.md"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"card\.md: "):
        write_card(path, measured)
    assert path.read_text("utf-8") == text


def test_a_place_that_cannot_be_read_or_written_is_named(measured: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none/card.md: cannot be written: No such file"):
        write_card(tmp_path / "none" / "card.md", measured)
    with pytest.raises(InputError, match="Is a directory"):
        write_card(tmp_path, measured)
    (tmp_path / "card.md").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"card\.md: "):
        write_card(tmp_path / "card.md", measured)
