"""The invented articles that the classifier learns from, and those that it is tested on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from quoth.eval.gold import KINDS, SENTIMENTS, STANCES

ROOT = Path(__file__).parent.parent
WORDS = 8


def rows(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ROOT / path).read_text("utf-8").splitlines() if line]


def runs_of_words(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[k : k + WORDS]) for k in range(len(words) - WORDS + 1)}


def test_every_case_is_labelled_by_the_codebook() -> None:
    cases = rows("training/hard_cases.jsonl")
    assert len({case["text"] for case in cases}) == len(cases)
    for case in cases:
        for s in case["statements"]:
            where = f"{s['text']!r} in {case['text'][:60]!r}"
            assert case["text"].count(s["text"]) == 1, where
            assert s["kind"] in KINDS and s["stance"] in STANCES and s["sentiment"] in SENTIMENTS, where
            assert s["stance2"] in (None, *STANCES) and s["stance2"] not in ("other", s["stance"]), where
            assert s["target"] is None or s["target"] in case["text"], where
            assert s["stance"] != "other" or s["target"] is None, where


def test_what_is_learned_from_is_not_what_is_tested_on() -> None:
    learned = set().union(*(runs_of_words(case["text"]) for case in rows("training/hard_cases.jsonl")))
    for path in ("eval/rules.jsonl", "eval/behaviour.jsonl", "examples/articles.jsonl"):
        for case in rows(path):
            assert not learned & runs_of_words(case.get("text", "")), case["text"]


def test_a_statement_that_does_not_occur_once_is_named(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    from quoth.training.examples import hard_cases

    case = {"text": "“No,” she said. “No,” he said.", "statements": [{"text": "“No,”", "stance": "other"}]}
    (tmp_path / "cases.jsonl").write_text(
        "\n".join(map(json.dumps, [{**case, "statements": []}, case])), "utf-8"
    )
    with pytest.raises(ValueError, match="line 2: '“No,”' does not occur once"):
        list(hard_cases(tmp_path / "cases.jsonl"))
    first, *_ = hard_cases()
    assert [first.text[s["start"] : s["end"]] for s in first.statements] == [
        s["text"] for s in first.statements
    ]  # type: ignore[misc]
