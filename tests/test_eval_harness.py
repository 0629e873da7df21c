from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError, QuothError
from quoth.eval.draws import Draws
from quoth.eval.gold import GoldArticle
from quoth.eval.harness import Evaluation, Inputs, articles_needed, compare, evaluate, evaluate_attributions
from quoth.eval.items import judged
from quoth.eval.power import SampleSize
from quoth.eval.provenance import Look
from quoth.eval.result import Result
from quoth.records import Record, to_json

Make = Callable[..., Any]

EXAMPLES = Path(__file__).parent.parent / "examples"
SOME, OTHER = ("accra-envoy-summoned", "asuncion-campus-shooting", "dace-boot-row"), "san-lucio-dam"
LENGTH = 1600
"""Of each article, up to the end of a paragraph: what takes time is the model."""
DRAWS = Draws(resamples=50)


def beginnings(folder: Path) -> tuple[Path, Path, Path]:
    """Texts of the beginnings of some examples; labels of those to judge on, and of the one to learn from."""
    texts, labels = (
        [json.loads(line) for line in (EXAMPLES / name).read_text("utf-8").splitlines()]
        for name in ("articles.jsonl", "labels.jsonl")
    )
    cut = {t["id"]: t["text"][: t["text"].index("\n", LENGTH)] for t in texts if t["id"] in (*SOME, OTHER)}
    rows = {
        row["article"]: row | {
            "sha256": hashlib.sha256(cut[row["article"]].encode()).hexdigest(),
            "statements": [s for s in row["statements"] if s["end"] <= len(cut[row["article"]])],
        }
        for row in labels if row["article"] in cut
    }  # fmt: skip
    return (
        write(
            folder / "articles.jsonl",
            [text | {"text": cut[text["id"]]} for text in texts if text["id"] in cut],
        ),
        write(folder / "gold.jsonl", [rows[name] for name in SOME]),
        write(folder / "train.jsonl", [rows[OTHER]]),
    )


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def model_inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("eval")
    articles, gold, train = beginnings(folder)
    said = [("denial", "denial"), ("denial", "accusation"), ("other", "other")]
    passes = write(
        folder / "passes.jsonl",
        [
            {"article": "a", "start": k, "end": k + 3, "x": labels(x), "y": labels(y)}
            for k, (x, y) in enumerate(said)
        ],
    )
    return Inputs(
        gold=gold,
        articles=articles,
        split="examples",
        baselines=["lexicon", "nearest-name", f"majority={train}"],
        passes=passes,
        draws=DRAWS,
        command="quoth eval --gold gold.jsonl",
    )


def labels(stance: str) -> dict[str, str | None]:
    return {"stance": stance, "sentiment": "neutral", "speaker": None}


@pytest.fixture(scope="module")
def evaluation(model_inputs: Inputs) -> Evaluation:
    return evaluate(model_inputs)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_model_is_judged_end_to_end_and_on_gold_spans(evaluation: Evaluation, model_inputs: Inputs) -> None:
    result = evaluation.result
    gold = [s for row in rows_of(model_inputs.gold) for s in row["statements"]]
    assert list(result.stance) == list(result.sentiment) == ["gold_spans", "end_to_end"]
    for setting in result.stance.values():
        for kind, block in setting.items():
            assert block.n == sum(s["kind"] == kind for s in gold) > 0
    assert (result.articles.gold, result.articles.without_record, result.articles.records_without_gold) == (
        *(3, 0, 0),
    )
    assert sum(item.gold is not None for item in result.items) == len(gold)
    assert all(item.told and item.traits["kind"] == item.kind for item in result.items if item.gold)
    assert result.calibration["gold_spans"]["all"].n == len(gold)
    assert result.calibration["end_to_end"]["all"].n == len(gold) - sum(
        block.missed for block in result.stance["end_to_end"].values()
    )
    assert sum(s.n for s in result.speaker_by_naming.values()) == result.speaker["all"].n


def test_our_examples_come_out_well(evaluation: Evaluation) -> None:
    """Far below what the model reaches: it catches a model or reader that is broken, not one that errs."""
    result = evaluation.result
    spans, whole = result.stance["gold_spans"]["quoted"], result.stance["end_to_end"]["quoted"]
    accuracy, speaker = spans.accuracy.value, result.speaker["quoted"].accuracy.value
    assert accuracy is not None and accuracy > 0.5
    assert speaker is not None and speaker > 0.5
    assert whole.missed <= 0.1 * whole.n


def test_a_result_says_where_it_comes_from(evaluation: Evaluation, model_inputs: Inputs) -> None:
    run = evaluation.result.run
    assert run.model is not None
    assert (run.model.name, run.predictions, run.predictions_hash) == ("small", None, None)
    assert (run.command, run.gold, run.splits) == (
        "quoth eval --gold gold.jsonl",
        "gold.jsonl",
        {"examples": 3},
    )
    assert run.gold_hash == hashlib.sha256(model_inputs.gold.read_bytes()).hexdigest()[:12]
    assert (run.seed, run.resamples) == (0, 50)
    assert {"reading", "labelling", "behaviour", "measuring"} <= run.seconds.keys()
    assert evaluation.looks == 0


def test_behaviour_baselines_and_agreement_are_in_the_result(evaluation: Evaluation) -> None:
    result = evaluation.result
    assert result.behaviour is not None and result.behaviour.texts > 1000
    assert [b.name for b in result.baselines] == ["lexicon", "nearest-name", "majority"]
    lexicon, nearest, majority = result.baselines
    assert lexicon.stance.keys() == lexicon.contrasts.keys() == {"quoted", "indirect"}
    assert nearest.speaker is not None and nearest.speaker_contrast is not None
    assert majority.setting == "gold_spans"
    assert {field: found.n for field, found in result.agreement.items()} == {
        "stance": 3,
        "sentiment": 3,
        "speaker": 3,
    }


def test_a_result_outlives_its_file(evaluation: Evaluation) -> None:
    written = msgspec.json.encode(evaluation.result)
    assert msgspec.json.encode(msgspec.json.decode(written, type=Result)) == written


def test_a_model_does_not_differ_from_its_own_predictions(
    evaluation: Evaluation, model_inputs: Inputs, tmp_path: Path
) -> None:
    model = evaluation.result.run.model
    assert model is not None
    path = tmp_path / "theirs.jsonl"
    records = [Record("1", row.article.id, {}, [], model, list(row.statements)) for row in evaluation.rows]
    path.write_bytes(b"\n".join(map(to_json, records)))
    found, looks, notes = compare(model_inputs, "small", str(path))
    assert (looks, notes) == (0, [])
    assert [c.name.partition(":")[0] for c in found] == [
        *("stance, quoted, end to end", "stance, indirect, end to end", "speaker", "sentiment")
    ]
    for c in found:
        assert (c.difference.value, c.difference.low, c.difference.high) == (0, 0, 0)
        assert c.permutation_p == c.mcnemar_p == 1


@pytest.fixture
def inputs(raid: GoldArticle, labels_of: Make, texts_of: Make, lines: Make, raid_record: Record) -> Inputs:
    """Of predictions for the first of two articles, and for two that are not in gold."""
    articles = [raid, replace(raid, id="b")]
    others = [
        msgspec.to_builtins(r)
        for r in (raid_record, *(replace(raid_record, id=name, statements=[]) for name in "cd"))
    ]
    return Inputs(
        gold=labels_of(*articles),
        articles=texts_of(*articles),
        predictions=lines(*others),
        draws=DRAWS,
        command="quoth eval --predictions predicted.jsonl",
    )


def test_predictions_are_judged_end_to_end_alone(inputs: Inputs) -> None:
    evaluation = evaluate(inputs)
    result = evaluation.result
    assert list(result.stance) == list(result.sentiment) == list(result.calibration) == ["end_to_end"]
    assert result.stance["end_to_end"]["quoted"].classes["accusation"].n == 2
    assert (result.articles.gold, result.articles.without_record, result.articles.records_without_gold) == (
        *(2, 1, 2),
    )
    assert (result.behaviour, result.baselines, result.agreement) == (None, [], {})
    assert (result.run.model, result.run.predictions) == (None, "predicted.jsonl")
    assert result.run.predictions_hash and re.fullmatch("[0-9a-f]{12}", result.run.predictions_hash)
    assert [len(row.items) for row in evaluation.rows] == [7, 5]


def test_a_table_of_the_labels_themselves_scores_full_marks(
    raid: GoldArticle, inputs: Inputs, table: Make
) -> None:
    rows = [
        f"{name},{s.start},{s.end},{s.stance},{s.sentiment},{s.speaker},{s.kind}"
        for name in "ab"
        for s in raid.statements
    ]
    path = table("doc,start,end,label,sentiment,speaker,kind", *rows)
    columns = {"article": "doc", "stance": "label"}
    result = evaluate(replace(inputs, predictions=path, columns=columns)).result
    for block in result.stance["end_to_end"].values():
        assert (block.macro_f1_five.value, block.missed) == (1, 0)
    assert (result.speaker["all"].accuracy.value, result.speaker["all"].n) == (1, 10)
    assert result.sentiment["end_to_end"]["all"].macro_f1.value == 1
    # What the table does not tell is said, and not scored.
    assert [note.partition(":")[0] for note in result.notes] == ["target"]
    assert result.target == {}


def test_what_predictions_do_not_tell_is_not_scored(inputs: Inputs, raid: GoldArticle, lines: Make) -> None:
    spans = [{"start": s.start, "end": s.end, "speaker": s.speaker} for s in raid.statements]
    result = evaluate(replace(inputs, predictions=lines({"id": "a", "statements": spans}))).result
    assert (result.stance, result.sentiment, result.target) == ({}, {}, {})
    assert result.extraction["quoted"].exact.recall.value == 0.5
    assert result.speaker["all"].accuracy.value == 1
    assert {s.measure for s in result.slices} <= {"speaker"}


def test_intervals_depend_on_the_seed_alone_and_figures_not_even_on_it(inputs: Inputs) -> None:
    first, second, other = (evaluate(replace(inputs, draws=Draws(50, seed))).result for seed in (1, 1, 2))
    assert first.stance == second.stance
    assert [b.macro_f1_four.value for b in first.stance["end_to_end"].values()] == [
        b.macro_f1_four.value for b in other.stance["end_to_end"].values()
    ]


def test_gold_of_another_split_than_stated_is_refused_and_not_counted(
    inputs: Inputs, raid: GoldArticle, labels_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gold = labels_of(raid, replace(raid, id="b", split="test"), name="mixed.jsonl")
    with pytest.raises(InputError, match=r"line 2, article b: field 'split': found 'test', expected 'dev'"):
        evaluate(replace(inputs, gold=gold, split="dev"))
    assert not (tmp_path / "test_log.jsonl").exists()
    assert evaluate(replace(inputs, split="dev")).result.run.splits == {"dev": 2}


@pytest.fixture
def on_test(
    inputs: Inputs, raid: GoldArticle, labels_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Inputs:
    """Of two articles, the second of which is of a test set."""
    monkeypatch.chdir(tmp_path)
    gold = labels_of(raid, replace(raid, id="b", split="test"), name="test.jsonl")
    return replace(inputs, gold=gold, command="quoth eval --gold /data/test.jsonl")


def looks(folder: Path) -> list[Look]:
    return [
        msgspec.json.decode(row, type=Look) for row in (folder / "test_log.jsonl").read_bytes().splitlines()
    ]


def test_each_evaluation_on_a_test_set_is_counted(on_test: Inputs, tmp_path: Path) -> None:
    assert [evaluate(on_test).looks for _ in range(2)] == [1, 2]
    first, _ = looks(tmp_path)
    assert (first.command, first.system, first.gold, first.articles) == (
        *("quoth eval --gold test.jsonl", "predicted.jsonl", "test.jsonl", 1),
    )


def test_an_evaluation_that_shows_nothing_is_not_counted(
    on_test: Inputs, lines: Make, tmp_path: Path
) -> None:
    broken = replace(on_test, predictions=lines({"id": "a"}, name="broken.jsonl"))
    with pytest.raises(InputError, match=r"broken\.jsonl, line 1"):
        evaluate(broken)
    assert not (tmp_path / "test_log.jsonl").exists()


def test_a_comparison_is_one_look_at_two_systems(
    on_test: Inputs, raid_record: Record, lines: Make, tmp_path: Path
) -> None:
    other = lines(msgspec.to_builtins(raid_record), name="other.jsonl")
    found, number, _ = compare(on_test, str(on_test.predictions), str(other))
    assert number == 1
    assert {c.difference.value for c in found} == {0}
    (look,) = looks(tmp_path)
    assert look.system == "predicted.jsonl and other.jsonl"


def test_predictions_that_are_not_there_are_named_as_such(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl: No such file"):
        evaluate(replace(inputs, predictions=tmp_path / "nowhere.jsonl"))


def test_a_model_that_is_not_there_is_named(inputs: Inputs) -> None:
    with pytest.raises(QuothError, match="huge: neither a folder nor a model of this package"):
        evaluate(replace(inputs, predictions=None, model="huge"))


def test_a_file_of_predictions_is_no_model(inputs: Inputs) -> None:
    with pytest.raises(QuothError, match=r"predicted\.jsonl"):
        evaluate(replace(inputs, predictions=None, model=str(inputs.predictions)))


def test_predictions_where_gold_has_no_statement_are_judged_end_to_end_alone(
    inputs: Inputs, raid: GoldArticle, labels_of: Make
) -> None:
    empty = labels_of(replace(raid, statements=[]), name="empty.jsonl")
    result = evaluate(replace(inputs, gold=empty)).result
    assert result.stance["end_to_end"]["quoted"].n == 0
    # All that was predicted is made up, but for what is `other`.
    assert (result.invented.paraphrases, len(result.items)) == (2, 5)
    assert list(result.stance) == ["end_to_end"]


def test_how_many_articles_it_takes(raid: GoldArticle, raid_record: Record) -> None:
    articles = [replace(raid, id=name) for name in "abcdef"]
    rows = judged(articles, {name: replace(raid_record, id=name) for name in "abc"})
    found = articles_needed(rows, 0.05, DRAWS)
    assert list(found) == ["quoted", "indirect"]
    for size in found.values():
        assert isinstance(size, SampleSize)
        assert (size.pilot, size.half_width) == (6, 0.05)
        # An interval of six such articles is wider.
        assert size.pilot_half_width > 0.05 and size.articles > 6
    alone = "cannot project 1 articles (two at least) to +- 0.05 (above 0)"
    assert articles_needed(rows[:1], 0.05, DRAWS) == {"quoted": alone, "indirect": alone}


DOCUMENT = {
    "doc": "a",
    "text": "“They lied to us,” Okoro said.",
    "statements": [{"content": [[0, 18]], "source": [[19, 24]], "cue": [[25, 29]]}],
}


def test_a_labeler_that_repeats_gold_sources_scores_full_marks(lines: Make) -> None:
    found = evaluate_attributions(lines(DOCUMENT), None, None, None, DRAWS, "quoth eval")
    assert found.documents == 1
    assert found.tokens["all"]["n_gold"] == 4
    for block in (found.tokens, found.attributed_tokens, found.exact, found.attribution):
        assert block["all"]["f1"] == block["all"]["f1_low"] == 100
    assert found.run.model is not None and found.run.model.name == "small"
    assert found.run.splits == {"": 1}


def test_predicted_attributions_need_no_model(lines: Make) -> None:
    gold = lines(DOCUMENT, name="gold.jsonl")
    without_source = {"content": [[0, 18]], "source": [], "cue": []}
    theirs = lines({"doc": "a", "statements": [without_source]}, name="theirs.jsonl")
    found = evaluate_attributions(gold, theirs, None, None, DRAWS, "quoth eval")
    assert (found.tokens["all"]["f1"], found.attributed_tokens["all"]["f1"]) == (100, 0)
    assert (found.run.model, found.run.predictions) == (None, "theirs.jsonl")
    assert found.run.predictions_hash == hashlib.sha256(theirs.read_bytes()).hexdigest()[:12]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        evaluate_attributions(tmp_path / "none.jsonl", None, None, None, DRAWS, "quoth eval")
