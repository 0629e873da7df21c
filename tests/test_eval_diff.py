from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError
from quoth.eval.diff import Move, diff, markdown, read_result
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged, with_told
from quoth.eval.result import Result
from quoth.records import Record

Make = Callable[..., Any]


@pytest.fixture
def run(raid: GoldArticle, record: Make, result: Make) -> Make:
    """run(statement, ...): the result of a system that says this of the raid."""

    def make(*statements: Any, gold: GoldArticle = raid, **of: Any) -> Result:
        found: Result = result(judged([gold], {"a": record(*statements)}), predictions="theirs.csv", **of)
        return found

    return make


def moved(
    a: Result, b: Result, field: str = "stance"
) -> list[tuple[str, str | None, str | None, str | None]]:
    """(way, gold, A, B) of a field's moves."""
    return [(m.way, m.gold, m.a, m.b) for m in diff(a, b) if m.field == field]


@pytest.mark.parametrize(
    ("a", "b", "moves"),
    [
        ("other", "denial", [("fixed", "denial", "other", "denial")]),
        ("denial", "other", [("broken", "denial", "denial", "other")]),
        ("other", "solidarity", [("moved", "denial", "other", "solidarity")]),
        ("denial", "denial", []),
        ("other", "other", []),
        (None, "denial", [("fixed", "denial", "missed", "denial")]),
        ("denial", None, [("broken", "denial", "denial", "missed")]),
        (None, "other", [("moved", "denial", "missed", "other")]),
    ],
)
def test_a_statement_moves_where_two_runs_say_different_stances(
    a: str | None, b: str | None, moves: list[Any], run: Make, predicted: Make
) -> None:
    quote = "“We never sank it,”"
    runs = [run(predicted(quote, "direct", stance)) if stance else run() for stance in (a, b)]
    assert moved(*runs) == moves


def test_a_missed_other_is_as_right_as_a_found_one(run: Make, predicted: Make) -> None:
    assert moved(run(), run(predicted("“Maybe,”", "direct", "other"))) == []
    assert moved(run(), run(predicted("“Maybe,”", "direct", "denial"))) == [
        ("broken", "other", "missed", "denial")
    ]


def test_a_stray_stance_is_right_only_where_it_is_not_made(run: Make, predicted: Make) -> None:
    stray = predicted("“Rubbish!”", "direct", "denial")
    (broken,) = diff(run(), run(stray))
    assert (broken.way, broken.field, broken.gold, broken.a, broken.b) == (
        *("broken", "stance", None, "missed", "denial"),
    )
    assert (broken.article, broken.text) == ("a", "“Rubbish!”")
    (fixed,) = diff(run(stray), run())
    assert (fixed.way, fixed.a, fixed.b) == ("fixed", "denial", "missed")
    other = predicted("“Rubbish!”", "direct", "accusation")
    assert moved(run(stray), run(other)) == [("moved", None, "denial", "accusation")]


def test_speakers_move_but_for_their_titles(run: Make, predicted: Make) -> None:
    def said(speaker: str | None) -> Result:
        found: Result = run(predicted("“They sank it,”", "direct", "accusation", speaker))
        return found

    assert moved(said("Sen. Ida Brandt"), said("Ida Brandt"), "speaker") == []
    assert moved(said("Bo Lund"), said("Senator Ida Brandt"), "speaker") == [
        ("fixed", "Ida Brandt", "Bo Lund", "Senator Ida Brandt")
    ]
    assert moved(said("Ida Brandt"), said(None), "speaker") == [("broken", "Ida Brandt", "Ida Brandt", None)]
    assert moved(said("Brandt"), said("Bo Lund"), "speaker") == [("moved", "Ida Brandt", "Brandt", "Bo Lund")]


def test_sentiments_move(run: Make, predicted: Make) -> None:
    negative, neutral = (
        run(predicted("“Maybe,”", sentiment=sentiment)) for sentiment in ("negative", "neutral")
    )
    assert moved(neutral, negative, "sentiment") == [("fixed", "negative", "neutral", "negative")]
    assert moved(run(), neutral, "sentiment") == [("moved", "negative", "missed", "neutral")]


def test_a_sentiment_that_gold_does_not_tell_is_neither_right_nor_wrong(
    raid: GoldArticle, run: Make, predicted: Make
) -> None:
    untold = replace(raid, statements=[replace(s, sentiment=None) for s in raid.statements])
    runs = (
        run(predicted("“Maybe,”", sentiment=sentiment), gold=untold) for sentiment in ("negative", "neutral")
    )
    assert moved(*runs, field="sentiment") == []


@pytest.fixture
def asked(raid: GoldArticle, raid_record: Record, told: Make, result: Make) -> Make:
    """asked(stance): the result of a model whose classifier says this of every gold span."""

    def make(stance: str) -> Result:
        rows = judged([raid], {"a": raid_record})
        found: Result = result(with_told(rows, [told(stance)] * 5))
        return found

    return make


def test_the_classifiers_answers_move_apart_from_what_is_found(asked: Make) -> None:
    a, b = asked("accusation"), asked("denial")
    assert {m.field for m in diff(a, b)} == {"stance on the gold span"}
    assert moved(a, b, "stance on the gold span") == [
        ("broken", "accusation", "accusation", "denial"),
        ("fixed", "denial", "accusation", "denial"),
        ("moved", "other", "accusation", "denial"),
        ("moved", "condemnation", "accusation", "denial"),
        ("moved", "solidarity", "accusation", "denial"),
    ]


def test_a_run_that_was_not_asked_on_gold_spans_has_not_moved_there(
    asked: Make, raid: GoldArticle, raid_record: Record, result: Make
) -> None:
    predictions = result(judged([raid], {"a": raid_record}), predictions="theirs.csv")
    assert diff(asked("accusation"), predictions) == []
    assert diff(predictions, asked("accusation")) == []


def test_moves_come_in_the_order_of_as_items_then_those_of_b(run: Make, predicted: Make) -> None:
    stray = predicted("“Rubbish!”", "direct", "denial")
    other = predicted("Rubbish", "direct", "solidarity")
    quote = predicted("“They sank it,”", "direct", "accusation", "Ida Brandt")
    found = diff(run(stray), run(other, quote))
    assert [m.text for m in found if m.field == "stance"] == ["“They sank it,”", "“Rubbish!”", "Rubbish"]


def test_a_stance_of_a_paraphrase_that_gold_lacks_is_no_move(run: Make, predicted: Make) -> None:
    assert diff(run(predicted("said Sen", "indirect", "solidarity")), run()) == []


def test_runs_on_other_gold_are_refused(run: Make) -> None:
    with pytest.raises(InputError, match="different gold: sha256 1{12} and 9{12}; expected the same"):
        diff(run(), run(gold_hash="9" * 12))
    with pytest.raises(InputError, match="different articles: sha256 2{12} and 9{12}"):
        diff(run(), run(articles_hash="9" * 12))


def test_a_result_without_items_is_refused(run: Make) -> None:
    released = run()
    released.items = []
    for runs in ((run(), released), (released, run())):
        with pytest.raises(InputError, match="a result without items; `quoth eval --json` writes them"):
            diff(*runs)


def test_a_file_that_is_no_result_is_named(tmp_path: Path, run: Make) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(InputError, match=r"run\.json: No such file"):
        read_result(path)
    for content in (b"", b"{}", b'{"schema": "2"}', b"\xff", b'{"schema": "1", "run": {"command": 1}}'):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"run\.json: .*; expected what `quoth eval --json` wrote"):
            read_result(path)
    written = run()
    path.write_bytes(msgspec.json.encode(written))
    assert read_result(path) == written
    path.write_bytes(path.read_bytes().replace(b'"end_to_end"', b'"whole"', 1))
    with pytest.raises(InputError, match=r"run\.json: Invalid enum value 'whole'"):
        read_result(path)


def test_the_tables_count_and_name_what_moved(run: Make, predicted: Make) -> None:
    a = run(predicted("“They sank it,”", "direct", "accusation", "Ida Brandt"), predicted("“Maybe,”"))
    b = run(
        predicted("“They sank it,”", "direct", "denial", "Ida Brandt"),
        predicted("“Maybe,”"),
        predicted("“We never sank it,”", "direct", "denial"),
        predicted("Lund hailed the crew", "indirect", "solidarity"),
    )
    shown = markdown(diff(a, b), a, b)
    assert shown.startswith("A: theirs.csv; B: theirs.csv; gold gold.jsonl, 1 articles.\n\n")
    lines = shown.splitlines()
    # Two against one: 2 (C(3, 0) + C(3, 1)) / 2^3 is 1.
    assert "| stance | 2 | 1 | 0 | 1.000 |" in lines
    assert "| sentiment | 2 | 0 | 0 | .500 |" in lines
    of_stance = lines[lines.index("| stance | gold | A | B | statement | where |") + 2 :][:3]
    assert [row.split(" | ")[0] for row in of_stance] == ["| fixed", "| fixed", "| broken"]
    assert "| broken | accusation | accusation | denial | “They sank it,” | a:0-15 |" in of_stance


def test_where_nothing_moved_it_is_said(run: Make, asked: Make) -> None:
    assert markdown([], run(), run()).endswith("\n\nNo statement moved.\n")
    model = asked("other")
    assert markdown([], model, model).startswith(f"A: small 0.1.0 ({'a' * 12}); B: small 0.1.0")


def test_moves_are_json(run: Make, predicted: Make) -> None:
    moves = diff(run(), run(predicted("“Rubbish!”", "direct", "denial")))
    assert msgspec.json.decode(msgspec.json.encode(moves), type=list[Move]) == moves
