from __future__ import annotations

import json
from pathlib import Path

import pytest

from quoth.errors import InputError
from quoth.eval.harness import evaluate_attributions, evaluate_files

EXAMPLES = Path(__file__).parent.parent / "examples"
GOLD, ARTICLES = EXAMPLES / "labels.jsonl", EXAMPLES / "articles.jsonl"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict]:  # type: ignore[type-arg]
    pytest.importorskip("sklearn")
    path = tmp_path_factory.mktemp("eval") / "result.json"
    shown = evaluate_files(GOLD, ARTICLES, None, None, "small", GOLD, path)
    return shown, json.loads(path.read_text("utf-8"))


def test_the_model_is_judged_end_to_end_and_on_gold_spans(result: tuple[str, dict]) -> None:  # type: ignore[type-arg]
    shown, full = result
    for title in ("## End to end", "## On gold spans", "## TF-IDF on gold spans"):
        assert title in shown
    gold = [json.loads(line) for line in GOLD.read_text("utf-8").splitlines()]
    quoted = sum(s["kind"] == "quoted" for row in gold for s in row["statements"])
    assert full["gold_spans"]["stance"]["quoted"]["n"] == quoted
    assert full["end_to_end"]["articles"]["without_record"] == 0
    assert full["gold_spans"]["calibration"]["n"] == sum(len(row["statements"]) for row in gold)


def test_our_examples_come_out_well(result: tuple[str, dict]) -> None:  # type: ignore[type-arg]
    """Far below what the model reaches: this catches a model or a reader that is broken, not one that errs."""
    _, full = result
    spans, whole = full["gold_spans"]["stance"]["quoted"], full["end_to_end"]
    assert spans["macro_f1_four"]["value"] > 0.5
    assert whole["stance"]["quoted"]["missed"] < 0.1 * spans["n"]
    assert whole["speaker"]["quoted"]["accuracy"]["value"] > 0.6


def test_a_labeler_that_repeats_gold_sources_scores_full_marks(tmp_path: Path) -> None:
    text = "“They lied to us,” Okoro said."
    gold = tmp_path / "gold.jsonl"
    spans = {"content": [[0, 18]], "source": [[19, 24]], "cue": [[25, 29]]}
    gold.write_text(json.dumps({"doc": "a", "text": text, "statements": [spans]}) + "\n", "utf-8")
    shown = evaluate_attributions(gold, None, None, "small", tmp_path / "r.json")
    assert "| tokens, all | 100.0 | 100.0 | 100.0 | 4 |" in shown
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["attribution"]["all"]["f1"] == 100


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        evaluate_attributions(tmp_path / "none.jsonl", None, None, None, None)
