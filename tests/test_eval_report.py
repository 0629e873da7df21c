from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from quoth.eval import report
from quoth.eval.draws import Figure
from quoth.eval.gold import GoldArticle
from quoth.eval.items import Judged, judged, with_told
from quoth.eval.markdown import table
from quoth.eval.power import SampleSize
from quoth.eval.result import Attributions, BaselineScores, Contrast, Invented, Result, Slice
from quoth.eval.suspects import Suspect
from quoth.records import Record

Make = Callable[..., Any]

HALF = Figure(0.5, 0.25, 0.75)
STANCES = ["accusation", "denial", "denial", "condemnation", "other"]


@pytest.fixture
def rows(raid: GoldArticle, raid_record: Record) -> list[Judged]:
    return judged([raid], {"a": raid_record})


@pytest.fixture
def asked(rows: list[Judged], told: Make) -> list[Judged]:
    return with_told(rows, [told(stance, "negative") for stance in STANCES])


def is_rectangular(markdown: str) -> bool:
    """Whether every table has as many cells in all rows."""
    tables = [part for part in markdown.split("\n\n") if part.startswith("|")]
    widths = [{row.replace(r"\|", "").count("|") for row in table.splitlines()} for table in tables]
    return bool(tables) and all(len(width) == 1 for width in widths)


def test_figures_come_as_percentages_with_their_intervals(rows: list[Judged], result: Make) -> None:
    text = report.markdown(result(rows, predictions="theirs.csv"))
    assert text.startswith("# theirs.csv on gold.jsonl\n\n1 articles (1 dev), 0 of them without a record. ")
    for line in (
        "| stance, quoted, end to end (3 gold, 1 missed) | P | R | F1 | n |",
        "| accusation | 50.0 [50.0, 50.0] | 100.0 [100.0, 100.0] | 66.7 [66.7, 66.7] | 1 |",
        "| solidarity | - | - | - | 0 |",
        "| macro, four |  |  | 33.3 [33.3, 33.3] |  |",
        "| macro, five |  |  | 55.6 [55.6, 55.6] |  |",
        "| accuracy |  |  | 66.7 [66.7, 66.7] |  |",
        "| quoted, half or more covered | - | 66.7 [66.7, 66.7] | - | 3 |",
        "| indirect, overlap of half | - | 50.0 [50.0, 50.0] | - | 2 |",
        "| speaker, coverage | 60.0 | 66.7 | 50.0 |",
        "| speaker, right / wrong / null | 1 / 1 / 1 | 1 / 1 / 0 | 0 / 0 / 1 |",
        "- condemnation, solidarity: no gold item",
        "Invented stances on paraphrases: 1 (1 solidarity).",
        "Percentages with 95 % intervals: 100 resamples of articles, seed 0.",
    ):
        assert line in text
    assert "on gold spans" not in text


def test_a_model_is_shown_on_gold_spans_too(asked: list[Judged], result: Make) -> None:
    text = report.markdown(result(asked))
    assert text.startswith("# small 0.1.0 on gold.jsonl\n")
    assert "| stance, quoted, on gold spans (3) | P | R | F1 | n |" in text
    assert "| all, on gold spans | 5 |" in text
    assert is_rectangular(text)


def test_results_are_json_and_markdown(
    rows: list[Judged], asked: list[Judged], raid: GoldArticle, result: Make
) -> None:
    empty = judged([replace(raid, statements=[])], {})
    for found in (result(rows, predictions="p"), result(asked), result(empty, predictions="p")):
        written = msgspec.json.encode(found)
        assert json.loads(json.dumps(json.loads(written), allow_nan=False)) == msgspec.to_builtins(found)
        assert msgspec.json.decode(written, type=Result) == found
        assert is_rectangular(report.markdown(found))


def test_headings_are_of_the_level_asked_for(rows: list[Judged], result: Make) -> None:
    found = result(rows)
    assert report.markdown(found, level=3).partition("\n")[0] == "### small 0.1.0 on gold.jsonl"
    found.notes = ["speaker: no statement gives one"]
    assert "\n\nNote: speaker: no statement gives one.\n" in report.markdown(found)


@pytest.mark.parametrize(
    ("figure", "sign", "shown"),
    [
        (HALF, "", "50.0 [25.0, 75.0]"),
        (Figure(-0.041, -0.1, 0.0177), "+", "-4.1 [-10.0, +1.8]"),
        (Figure(None, None, None), "", "-"),
        (Figure(None, None, None), "+", "-"),
    ],
)
def test_a_figure_as_a_cell(figure: Figure, sign: str, shown: str) -> None:
    assert report.cell(figure, sign) == shown


@pytest.mark.parametrize(
    ("p", "shown"), [(None, "-"), (0.0009, "< .001"), (0.001, ".001"), (0.0514, ".051"), (1.0, "1.000")]
)
def test_a_p_value_as_a_cell(p: float | None, shown: str) -> None:
    assert report.p_value(p) == shown


def test_decimals_of_a_figure() -> None:
    assert report.decimals(Figure(0.04449, 0.02, 0.07)) == "0.044 [0.020, 0.070]"
    assert report.decimals(Figure(None, None, None)) == "-"


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("“We never\n\nsank it,”", 80, "“We never sank it,”"),
        ("sank it", 7, "sank it"),
        ("sank it all", 7, "sank i…"),
    ],
)
def test_a_statement_on_one_line(text: str, most: int, shown: str) -> None:
    assert report.line(text, most) == shown


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(["a", "b"], [["x|y", "z"]]) == "| a | b |\n| --- | --- |\n| x\\|y | z |"


def test_only_the_worst_slices_are_shown_and_how_many_there_were() -> None:
    found = [
        Slice("speaker", "naming", f"way {k}", 9, 40, HALF, Figure(-0.1, -0.2, 0.05), 0.02, 0.3)
        for k in range(15)
    ]
    (table,) = report.slice_tables(found)
    head, _, first, *rest = table.splitlines()
    assert head == (
        "| speaker, worst 12 of 15 slices | figure | less all others | p, Holm over 15 | n |"
    )  # fmt: skip
    assert first == "| naming: way 0 | 50.0 [25.0, 75.0] | -10.0 [-20.0, +5.0] | .300 | 40 |"
    assert len(rest) == 11
    other = msgspec.structs.replace(found[0], measure="sentiment")
    assert [t.partition(",")[0] for t in report.slice_tables([*found[:2], other])] == [
        "| speaker",
        "| sentiment",
    ]
    assert report.slice_tables([]) == []


def test_baselines_are_shown_with_what_they_tell(rows: list[Judged], result: Make) -> None:
    found = result(rows)
    contrast = Contrast(Figure(0.1, -0.05, 0.2), 0.0421)
    stances = found.stance["end_to_end"]
    found.baselines = [
        BaselineScores("majority", "gold_spans", stances, dict.fromkeys(stances, contrast), None, None),
        BaselineScores("nearest-name", "gold_spans", {}, {}, found.speaker["all"], contrast),
    ]
    shown = report.baselines_table(found).splitlines()[2:]
    assert shown == [
        "| majority | stance, quoted | 33.3 [33.3, 33.3] | +10.0 [-5.0, +20.0] | .042 |",
        "| majority | stance, indirect | 50.0 [50.0, 50.0] | +10.0 [-5.0, +20.0] | .042 |",
        "| nearest-name | speaker | 33.3 [33.3, 33.3] | +10.0 [-5.0, +20.0] | .042 |",
    ]
    assert "| baseline |" in report.markdown(found)


def test_suspects_are_shown_with_their_statements(rows: list[Judged], result: Make) -> None:
    found = result(rows)
    found.suspects = [Suspect("a", 0, 15, "stance", "accusation", "denial", -0.625)]
    shown = report.suspects_table(found).splitlines()
    assert shown[0] == "| suspicious labels, worst 1 of 1 | given | rather | margin | statement | where |"
    assert shown[2] == "| stance | accusation | denial | -0.62 | “They sank it,” | a:0-15 |"
    assert "suspicious labels" in report.markdown(found)
    # A released result has no items, so no words to show.
    found.items = []
    assert "suspicious labels" not in report.markdown(found)


def test_invented_stances_are_counted_by_stance(rows: list[Judged], result: Make) -> None:
    found = result(rows)
    found.invented = Invented(0, {})
    assert "Invented stances on paraphrases: 0.\n" in report.markdown(found)


def test_sample_sizes() -> None:
    size = SampleSize(120, 80.0, float("inf"), 0.05, 0.049, 40, 0.0866)
    assert report.sample_sizes({"quoted": size}).splitlines()[2] == (
        "| quoted | +- 5.0 | 120 [80, inf] | +- 8.7 with 40 |"
    )


def test_attributions_with_and_without_intervals(rows: list[Judged], result: Make) -> None:
    scores = {"p": 80.0, "r": 100.0, "f1": 88.888, "n_gold": 4}
    tokens: dict[str, Any] = {"all": {**scores, "f1_low": 70.0, "f1_high": 95.0}}
    other: dict[str, Any] = {"all": scores}
    found = Attributions(
        run=result(rows).run, documents=2, iou=0.5, tokens=tokens, attributed_tokens=other,
        statements=other, exact=other, attribution=other, source_text=other,
        speaker_accuracy={}, recall_by_type={},
    )  # fmt: skip
    head, _, found_tokens, attributed, *_ = report.attributions_table(found).splitlines()
    assert head == "| gold.jsonl, 2 documents | P | R | F1 | n gold |"
    assert found_tokens == "| words found, all | 80.0 | 100.0 | 88.9 [70.0, 95.0] | 4 |"
    assert attributed == "| words with their source, all | 80.0 | 100.0 | 88.9 | 4 |"
