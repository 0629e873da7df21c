from __future__ import annotations

import json
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldStatement
from quoth.eval.report import evaluate, evaluate_spans, markdown
from quoth.records import ModelInfo, Record, Speaker, Statement, Target

TEXT = (
    "“They sank it,” said Sen. Ida Brandt. “We never sank it,” Bo Lund replied. "
    "Brandt condemned the raid. Lund hailed the crew. “Maybe,” he said. “Rubbish!”"
)


def span(words: str) -> tuple[int, int]:
    start = TEXT.index(words)
    return start, start + len(words)


def gold(words: str, kind: str, stance: str, speaker: str | None, target: str | None) -> GoldStatement:
    fields: Any = (kind, stance, None, "negative")
    return GoldStatement(*span(words), *fields, speaker, target)


def predicted(
    words: str,
    kind: str,
    stance: str,
    speaker: str | None = None,
    target: str | None = None,
    sentiment: str = "negative",
) -> Statement:
    labels: Any = {"kind": kind, "stance": stance, "sentiment": sentiment, "cue": None, "second_stance": None}
    start, end = span(words)
    return Statement(
        id=words[:4],
        quotation=words[:4],
        start=start,
        end=end,
        text=words,
        fragment=False,
        probability=1.0,
        speaker=Speaker(speaker, "person", None, None, 1.0),
        stance_probabilities={},
        abstained=False,
        sentiment_probabilities={},
        target=Target(target, *span(target), None) if target else None,
        **labels,
    )


def record(*statements: Statement, article: str = "a") -> Record:
    return Record("1", article, {}, [], ModelInfo("m", "0", "0" * 12), list(statements))


GOLD = GoldArticle(
    "a",
    TEXT,
    "dev",
    [
        gold("“They sank it,”", "quoted", "accusation", "Ida Brandt", "We"),
        gold("“We never sank it,”", "quoted", "denial", "Bo Lund", "They sank it"),
        gold("“Maybe,”", "quoted", "other", "Bo Lund", None),
        gold("Brandt condemned the raid", "indirect", "condemnation", "Ida Brandt", "the raid"),
        gold("Lund hailed the crew", "indirect", "solidarity", "Bo Lund", "the crew"),
    ],
)
PREDICTED = record(
    predicted("“They sank it,”", "direct", "accusation", "Sen. Ida Brandt", "Brandt"),
    predicted("“We never sank it,”", "direct", "accusation", "Ida Brandt", "sank it"),
    predicted("condemned the raid", "indirect", "condemnation", None, "the raid", "neutral"),
    predicted("“Rubbish!”", "direct", "denial"),
    predicted("said Sen", "indirect", "solidarity"),
    predicted("replied", "indirect", "other"),
)


def test_stances_by_hand() -> None:
    stance = evaluate([GOLD], {"a": PREDICTED})["stance"]
    quoted, indirect = stance["quoted"], stance["indirect"]
    # Accusation 1 of 2 predicted, 1 gold.  Denial: only the invented one is predicted.  "Maybe" is missed,
    # which is `other`, which is right.
    assert quoted["classes"]["accusation"] == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "n": 1,
    }
    assert quoted["classes"]["denial"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "n": 1}
    assert quoted["classes"]["other"]["f1"] == 1.0
    assert quoted["classes"]["solidarity"]["f1"] is None
    assert quoted["macro_f1_four"]["value"] == pytest.approx((2 / 3 + 0) / 2)
    assert quoted["macro_f1_five"]["value"] == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert (quoted["n"], quoted["missed"]) == (3, 1)
    assert dict(zip(quoted["confusion"]["gold"], quoted["confusion"]["counts"], strict=True)) == {
        "accusation": [1, 0, 0, 0, 0],
        "denial": [1, 0, 0, 0, 0],
        "condemnation": [0, 0, 0, 0, 0],
        "solidarity": [0, 0, 0, 0, 0],
        "other": [0, 0, 0, 0, 1],
        "none": [0, 1, 0, 0, 0],
    }
    # The solidarity is missed: recall 0; the invented paraphrase is counted apart.
    assert indirect["macro_f1_four"]["value"] == pytest.approx((1 + 0) / 2)
    assert indirect["classes"]["solidarity"]["recall"] == 0.0
    assert (indirect["n"], indirect["missed"]) == (2, 1)
    assert stance["invented"] == {"paraphrases": 1, "by_stance": {"solidarity": 1}}


def test_speakers_sentiments_and_targets_by_hand() -> None:
    result = evaluate([GOLD], {"a": PREDICTED})
    speaker = result["speaker"]["all"]
    assert {k: v for k, v in speaker.items() if k != "accuracy"} == {
        "n": 5,
        "coverage": 3 / 5,
        "right": 1,
        "wrong": 1,
        "null": 1,
    }
    assert speaker["accuracy"]["value"] == pytest.approx(1 / 3)
    assert result["speaker"]["quoted"]["accuracy"]["value"] == 0.5
    # Three matched, all negative in gold, one called neutral: F1 4/5 and 0.
    assert result["sentiment"]["all"]["macro_f1"]["value"] == pytest.approx(0.4)
    # "We" against "Brandt" 0, "They sank it" against "sank it" 4/5, "the raid" 1, "the crew" missed.
    assert result["target"]["all"]["token_f1"]["value"] == pytest.approx((0 + 0.8 + 1 + 0) / 4)
    assert result["target"]["indirect"]["token_f1"]["value"] == pytest.approx(0.5)


def test_a_perfect_labeler() -> None:
    kinds = {"quoted": "direct", "indirect": "mixed"}
    perfect = record(
        *(
            predicted(TEXT[g.start : g.end], kinds[g.kind], g.stance, g.speaker, g.target)
            for g in GOLD.statements
        )
    )
    result = evaluate([GOLD], {"a": perfect})
    one = {"value": 1.0, "low": 1.0, "high": 1.0}
    for kind in ("quoted", "indirect"):
        assert result["stance"][kind]["macro_f1_five"] == one
        assert result["target"][kind]["token_f1"] == one
        assert result["speaker"][kind]["accuracy"] == one
        assert result["sentiment"][kind]["macro_f1"] == one


def test_intervals_are_over_articles() -> None:
    other = GoldArticle("b", TEXT, "dev", GOLD.statements)
    result = evaluate([GOLD, other], {"a": PREDICTED})
    assert result["articles"] == {"gold": 2, "without_record": 1, "records_without_gold": 0}
    macro = result["stance"]["quoted"]["macro_f1_four"]
    # Drawn twice, the article without a record has recall 0; drawn twice, the other is as by hand.
    assert (macro["low"], macro["high"]) == (0.0, pytest.approx(1 / 3))
    assert macro["low"] < macro["value"] < macro["high"]


def test_gold_spans() -> None:
    stances = ["accusation", "denial", "denial", "condemnation", "other"]
    result = evaluate_spans([GOLD], stances)["stance"]
    assert result["quoted"]["macro_f1_five"]["value"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert result["indirect"]["macro_f1_four"]["value"] == pytest.approx(0.5)
    assert result["indirect"]["macro_f1_five"]["value"] == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="4 predicted stances for 5 gold statements"):
        evaluate_spans([GOLD], stances[1:])
    with pytest.raises(InputError, match="label 'praise' is none of accusation"):
        evaluate_spans([GOLD], ["praise", *stances[1:]])


def test_results_are_json_and_markdown() -> None:
    empty = GoldArticle("a", TEXT, "dev", [])
    for result in (
        evaluate([GOLD], {"a": PREDICTED}),
        evaluate([empty], {}),
        evaluate_spans([empty], []),
    ):
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        for table in markdown(result).split("\n\n"):
            assert len({row.count("|") for row in table.splitlines()}) == 1
    text = markdown(evaluate([GOLD], {"a": PREDICTED}))
    assert "| stance, quoted (3, 1 missed) | P | R | F1 | n |" in text
    assert "| accusation | 50.0 | 100.0 | 66.7 | 1 |" in text
    assert "| macro, four | | | 33.3 [33.3, 33.3] | |" in text
    assert "| speaker, right / wrong / null | 1 / 1 / 1 | 1 / 1 / 0 | 0 / 0 / 1 |" in text
    assert "Invented stances on paraphrases: 1 (1 solidarity)." in text


def test_records_that_do_not_belong() -> None:
    with pytest.raises(InputError, match="no gold article"):
        evaluate([], {"a": PREDICTED})
    with pytest.raises(
        InputError, match="none of 1 predicted ids is a gold article's: predicted 'z', gold 'a'"
    ):
        evaluate([GOLD], {"z": PREDICTED})
    shifted = GoldArticle("a", " " + TEXT, "dev", [])
    with pytest.raises(InputError, match="article a, statement “The: the gold text has ' “They sank it,'"):
        evaluate([shifted], {"a": PREDICTED})
