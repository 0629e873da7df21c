from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged, with_told
from quoth.records import Record

Make = Callable[..., Any]


def test_items_are_gold_in_its_order_then_stray_stances(raid: GoldArticle, raid_record: Record) -> None:
    (row,) = judged([raid], {"a": raid_record})
    assert [item.gold for item in row.items] == [*raid.statements, None, None]
    assert [item.found and item.found.stance for item in row.items] == [
        *("accusation", "accusation", None, "condemnation", None, "denial", "solidarity")
    ]
    assert [item.kind for item in row.items[-2:]] == ["quoted", "indirect"]
    for item in row.items:
        assert item.text == raid.text[item.start : item.end]
    # What is stray and `other` says nothing that could be wrong.
    assert "replied" not in [item.text for item in row.items]
    assert row.statements == raid_record.statements


def test_an_item_keeps_what_was_said_of_it(predicted: Make, record: Make, raid: GoldArticle) -> None:
    sure = {"accusation": 0.7, "other": 0.3}
    said = predicted(
        "They sank it,", "direct", "accusation", "Ida Brandt", "it", "negative",
        second_stance="denial", stance_probabilities=sure, sentiment_probabilities={"negative": 1.0},
    )  # fmt: skip
    (row,) = judged([raid], {"a": record(replace(said, probability=0.25))})
    found = row.items[0].found
    assert found is not None
    assert (row.items[0].start, found.start, found.end, found.kind) == (0, 1, 14, "direct")
    assert (found.stance, found.stance2, found.stance_probabilities) == ("accusation", "denial", sure)
    assert (found.sentiment, found.sentiment_probabilities) == ("negative", {"negative": 1.0})
    assert (found.speaker, found.target, found.probability) == ("Ida Brandt", "it", 0.25)


def test_names_tell_a_stray_prediction_from_a_label(raid: GoldArticle, raid_record: Record) -> None:
    (row,) = judged([raid], {"a": raid_record})
    rubbish = raid.text.index("“Rubbish!”")
    assert row.items[0].name == "a:0-15"
    assert row.items[-2].name == f"a:{rubbish}-{rubbish + 10}*"
    assert len({item.name for item in row.items}) == len(row.items)


def test_a_row_gives_its_gold_and_strays_by_kind(raid: GoldArticle, raid_record: Record) -> None:
    (row,) = judged([raid], {"a": raid_record})
    assert [gold for gold, _ in row.gold()] == raid.statements
    assert [gold for gold, _ in row.gold("quoted")] == raid.statements[:3]
    assert [item.gold for _, item in row.gold("indirect")] == raid.statements[3:]
    assert [answer.stance for answer in row.strays("quoted")] == ["denial"]
    assert [answer.stance for answer in row.strays("indirect")] == ["solidarity"]


@pytest.mark.parametrize(
    ("kind", "stray"), [("direct", "quoted"), ("mixed", "indirect"), ("indirect", "indirect")]
)
def test_only_a_direct_stray_prediction_is_quoted(
    kind: str, stray: str, predicted: Make, record: Make, raid: GoldArticle
) -> None:
    (row,) = judged([raid], {"a": record(predicted("Bo Lund replied", kind, "denial"))})
    assert row.items[-1].gold is None
    assert row.items[-1].kind == stray


def test_an_article_without_a_record_has_only_missed_statements(raid: GoldArticle) -> None:
    (row,) = judged([raid], {})
    assert [item.found for item in row.items] == [None] * 5
    assert row.statements == []


def test_articles_come_in_the_order_of_gold(raid: GoldArticle, raid_record: Record) -> None:
    second = replace(raid, id="b")
    rows = judged([second, raid], {"a": raid_record})
    assert [row.article.id for row in rows] == ["b", "a"]
    assert [len(row.items) for row in rows] == [5, 7]


def test_records_that_do_not_belong(raid: GoldArticle, raid_record: Record) -> None:
    with pytest.raises(InputError, match="no gold article"):
        judged([], {"a": raid_record})
    with pytest.raises(
        InputError, match="none of 1 predicted ids is a gold article's: predicted 'z', gold 'a'"
    ):
        judged([raid], {"z": raid_record})
    shifted = GoldArticle("a", " " + raid.text, "dev", [])
    with pytest.raises(InputError, match="article a, statement 0: the gold text has ' “They sank it,'"):
        judged([shifted], {"a": raid_record})


def test_the_classifiers_answers_go_to_gold_statements_article_by_article(
    raid: GoldArticle, raid_record: Record, told: Make
) -> None:
    rows = judged([raid, replace(raid, id="b", statements=raid.statements[:1])], {"a": raid_record})
    stances = ["denial", "other", "other", "solidarity", "condemnation", "accusation"]
    asked = with_told(rows, [told(stance, "positive", second="denial") for stance in stances])
    assert [item.told and item.told.stance for row in asked for _, item in row.gold()] == stances
    assert [item.told for item in asked[0].items[5:]] == [None, None]
    first = asked[0].items[0]
    assert first.told is not None
    assert (first.told.start, first.told.end, first.told.stance2, first.told.sentiment) == (
        *(0, 15, "denial", "positive"),
    )
    assert first.told.stance_probabilities["denial"] == pytest.approx(0.8)
    assert sum(first.told.stance_probabilities.values()) == pytest.approx(1)
    assert first.told.sentiment_probabilities == pytest.approx(
        {"negative": 0.1, "neutral": 0.1, "positive": 0.8}
    )
    assert first.found == rows[0].items[0].found
    assert rows[0].items[0].told is None


@pytest.mark.parametrize("number", [0, 4, 6])
def test_a_wrong_number_of_answers_is_an_error(number: int, raid: GoldArticle, told: Make) -> None:
    with pytest.raises(InputError, match=f"{number} answers for 5 gold statements"):
        with_told(judged([raid], {}), [told("other")] * number)
