from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.errors import InputError
from quoth.eval.attribution import pieces_of, score
from quoth.records import ModelInfo, Record, Span, Speaker, Statement

TEXT = (
    "“Our dock is closed,” Ida Brandt said. She blamed the 9% “harbour tax” rise. It is said that gulls nest."
)
NEUTRAL = Path(__file__).resolve().parents[2] / "shared" / "score_attribution.py"


def spot(words: str) -> list[list[int]]:
    start = TEXT.index(words)
    return [[start, start + len(words)]] if words else []


def said(content: str, source: str) -> dict[str, Any]:
    return {"content": spot(content), "source": spot(source), "cue": []}


GOLD = [
    {
        "doc": "d",
        "text": TEXT,
        "statements": [
            said("“Our dock is closed,”", "Ida Brandt"),
            said("the 9% “harbour tax” rise", "She"),
            said("that gulls nest", ""),
        ],
    }
]


def predict(*statements: dict[str, Any]) -> dict[str, Any]:
    return score(GOLD, [{"doc": "d", "statements": list(statements)}])


def test_gold_against_itself_is_perfect() -> None:
    result = score(GOLD, GOLD)
    measures = ("tokens", "attributed_tokens", "statements", "attribution", "source_text")
    assert {result[m][scope]["f1"] for m in measures for scope in ("all", "direct")} == {100.0}
    assert result["tokens"]["all"]["n_gold"] == 4 + 5 + 3
    assert result["tokens"]["direct"]["n_gold"] == 4
    assert result["recall_by_type"] == {
        kind: {"gold": 1, "found": 100.0, "attributed": 100.0} for kind in ("direct", "mixed", "indirect")
    }
    assert result["speaker_accuracy"] == {"all": 100.0, "direct": 100.0, "sourced": 100.0}


def test_no_prediction_scores_nothing() -> None:
    result = score(GOLD, [])
    assert result["documents"] == 1
    assert result["statements"]["all"] == {
        "p": 0.0,
        "r": 0.0,
        "f1": 0.0,
        "n_pred": 0,
        "n_gold": 3,
        "tp_pred": 0,
        "tp_gold": 0,
    }
    assert result["speaker_accuracy"]["all"] is None


def test_counts_by_hand() -> None:
    result = predict(
        said("Our dock is closed", "Brandt"),  # marks do not matter; one shared source word is enough
        said("tax” rise", "Ida"),  # 9 of 23 characters: too few; wrong source
        said("gulls nest", "It"),  # 10 of 15: found; a source where gold has none
    )
    assert result["tokens"]["all"] | {"p": 100.0, "tp_gold": 8, "n_gold": 12} == result["tokens"]["all"]
    assert result["attributed_tokens"]["all"]["tp_gold"] == 4
    assert result["statements"]["all"]["tp_gold"] == 2
    assert result["attribution"]["all"]["p"] == pytest.approx(33.33)
    assert result["speaker_accuracy"] == {"all": 50.0, "direct": 100.0, "sourced": 100.0}
    assert result["recall_by_type"]["mixed"] == {"gold": 1, "found": 0.0, "attributed": 0.0}


def test_direct_partners_may_be_of_any_kind() -> None:
    result = predict(said("“harbour tax”", "She"), said("“Our dock is closed,” Ida", ""))
    assert result["tokens"]["direct"]["n_pred"] == result["tokens"]["direct"]["tp_pred"] == 2
    assert result["tokens"]["direct"]["tp_gold"] == 4
    assert (
        result["statements"]["direct"] | {"n_pred": 1, "tp_pred": 0, "tp_gold": 1}
        == (result["statements"]["direct"])
    )


def test_matching_is_one_to_one_the_greatest_overlap_first() -> None:
    result = predict(
        said("Our dock is", ""), said("Our dock is closed", "Ida"), said("dock is closed", "Ida")
    )
    assert result["statements"]["all"]["tp_gold"] == 1
    assert result["attribution"]["all"]["tp_gold"] == 1


def test_a_name_elsewhere_counts_as_source_text_only() -> None:
    text = "Ida Brandt came. Brandt’s reply: it is over."
    gold = {"doc": "d", "text": text, "statements": [{"content": [[33, 43]], "source": [[17, 25]]}]}
    guess = {"doc": "d", "statements": [{"content": [[33, 43]], "source": [[0, 10]]}]}
    result = score([gold], [guess])
    assert result["attribution"]["all"]["tp_gold"] == 0
    assert result["source_text"]["all"]["tp_gold"] == 1


def test_a_name_of_two_letters_is_no_source_text() -> None:
    text = "Bo came. Bo: it is over."
    gold = {"doc": "d", "text": text, "statements": [{"content": [[13, 24]], "source": [[9, 11]]}]}
    guess = {"doc": "d", "statements": [{"content": [[13, 24]], "source": [[0, 2]]}]}
    assert score([gold], [guess])["source_text"]["all"]["tp_gold"] == 0


@pytest.mark.parametrize(
    ("sign", "counts"), [("@", True), ("#", True), ("$", True), ("“", False), ("(", False)]
)
def test_signs_that_belong_to_the_word_after_them(sign: str, counts: bool) -> None:
    gold = {"doc": "d", "text": f"{sign}pier", "statements": [{"content": [[0, 5]]}]}
    guess = {"doc": "d", "statements": [{"content": [[1, 5]]}]}  # 4 of 5 characters, or all
    assert score([gold], [guess], iou=0.9)["statements"]["all"]["tp_gold"] == (not counts)


def test_open_marks_end_with_their_paragraph_and_percent_signs_stay() -> None:
    text = "“One two\nthree ``four'' \"five\" six 9%. seven"
    words = [[text.index(w), text.index(w) + len(w)] for w in ("One", "three", "four", "five", "six", "9%.")]
    gold = [{"doc": "d", "text": text, "statements": [{"content": [w]} for w in words]}]
    types = score(gold, gold)["recall_by_type"]
    assert (types["direct"]["gold"], types["indirect"]["gold"]) == (3, 3)
    # "9%" against "9%. seven": the sign counts, the full stop inside counts, 2 of 9 characters.
    a = text.index("9%")
    wide = [{"doc": "d", "statements": [{"content": [[a, len(text)]]}]}]
    only = [{"doc": "d", "text": text, "statements": [{"content": [[a, a + 3]]}]}]
    assert score(only, wide, iou=2 / 9)["statements"]["all"]["tp_gold"] == 1
    assert score(only, wide, iou=2 / 9 + 1e-6)["statements"]["all"]["tp_gold"] == 0


def test_documents_must_be_golds() -> None:
    with pytest.raises(InputError, match="1 predicted documents are not in gold: e"):
        score(GOLD, [{"doc": "e", "statements": []}])
    with pytest.raises(InputError, match="document d is predicted twice"):
        score(GOLD, [*GOLD, *GOLD])


def statement(text: str, start: int, end: int, quotation: str = "q1", **fields: Any) -> Statement:
    rest: dict[str, Any] = {
        "speaker": None, "cue": None, "second_stance": None, "target": None, "probability": 1.0
    }  # fmt: skip
    return Statement(
        id=f"{quotation}-{start}",
        quotation=quotation,
        start=start,
        end=end,
        text=text[start:end],
        kind="direct",
        fragment=False,
        stance="other",
        stance_probabilities={"other": 1.0},
        abstained=False,
        sentiment="neutral",
        sentiment_probabilities={"neutral": 1.0},
        **(rest | fields),
    )


def pieces(text: str, *statements: Statement) -> list[dict[str, Any]]:
    document = pieces_of(Record("1", "a", {}, [], ModelInfo("m", "0", "0" * 12), list(statements)), text)
    assert document["doc"] == "a"
    found: list[dict[str, Any]] = document["statements"]
    return found


def test_pieces_of_a_cut_quotation_are_joined() -> None:
    text = "“No,” she said. “Never.” Bo agreed it was so."
    she, said_, bo = Span.of(text, 6, 9), Span.of(text, 10, 14), Span.of(text, 25, 27)
    ida = Speaker("Ida", "person", bo, she, 1.0)
    both = pieces(
        text,
        statement(text, 16, 24, cue=said_),
        statement(text, 0, 5, speaker=ida),
        statement(text, 35, 44, "q2", speaker=Speaker("Bo", "person", bo, None, 1.0)),
    )
    assert both == [
        {"content": [[0, 5], [16, 24]], "source": [[6, 9]], "cue": [[10, 14]]},
        {"content": [[35, 44]], "source": [[25, 27]], "cue": []},
    ]


def test_what_is_hardly_a_statement_is_left_out() -> None:
    text = "“No,” said the author of “Never.”"
    title = text.index("“Never")
    sure, unsure = statement(text, 0, 5, probability=0.5), statement(text, title, 33, "q2", probability=0.49)
    assert [p["content"] for p in pieces(text, sure, unsure)] == [[[0, 5]]]


def test_nested_pieces_merge_and_paragraphs_part() -> None:
    text = "“Aa bb.\n \n“Cc,” dd “ee.”"
    first, second = text.index("“C"), text.index("“e")
    found = pieces(
        text,
        statement(text, 0, first + 5),
        statement(text, 1, 4),
        statement(text, second, len(text), speaker=Speaker(None, "unnamed", None, None, 1.0)),
    )
    assert [s["content"] for s in found] == [[[0, 7]], [[first, first + 5], [second, len(text)]]]
    assert [s["source"] for s in found] == [[], []]


WORDS = [
    "Ida",
    "ida's",
    "Brandt",
    "Brandt’s",
    "co-op",
    "9%",
    "$5",
    "@x",
    "#x",
    "it",
    "x",
    "_",
    "é",
    "a\u0301",
]
MARKS = ["“", "”", '"', "``", "''", "'", "«", "»", "\n", ",", ".", "-", " ", " "]
TEXTS = st.lists(st.sampled_from(WORDS + MARKS), min_size=12, max_size=40).map("".join)


@st.composite
def documents(draw: st.DrawFn, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    text = draw(TEXTS)
    offset = st.integers(-2, len(text) + 2)
    spans = st.lists(st.tuples(offset, offset).map(sorted) | st.tuples(offset, offset).map(list), max_size=2)
    items = st.lists(st.fixed_dictionaries({"content": spans, "source": spans}), max_size=5)
    gold = draw(items)
    copied = draw(st.lists(st.sampled_from(gold), max_size=3)) if gold else []
    guess = {"doc": name, "statements": copied + draw(items)}
    return {"doc": name, "text": text, "statements": gold}, [guess] if draw(st.booleans()) else []


@pytest.fixture(scope="module")
def neutral() -> ModuleType:
    if not NEUTRAL.exists():
        pytest.skip("the neutral scorer is not beside this repository")
    spec = importlib.util.spec_from_file_location("score_attribution", NEUTRAL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@settings(deadline=None)
@given(one=documents("one"), two=documents("two"), iou=st.sampled_from([0.2, 0.5, 0.8]))
def test_the_neutral_scorer_finds_the_same(
    neutral: ModuleType,
    one: tuple[dict[str, Any], list[dict[str, Any]]],
    two: tuple[dict[str, Any], list[dict[str, Any]]],
    iou: float,
) -> None:
    gold, guess = [one[0], two[0]], [*one[1], *two[1]]
    assert shared(score(gold, guess, iou), neutral.score(gold, guess, iou))


def shared(ours: Any, theirs: Any) -> bool:
    """Whether all that the other scorer finds is in ours too; we give more kinds and measures."""
    if isinstance(theirs, dict):
        return all(key in ours and shared(ours[key], value) for key, value in theirs.items())
    return bool(ours == theirs)
