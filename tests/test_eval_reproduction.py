from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from quoth.cli import main
from quoth.errors import InputError
from quoth.eval.diff import read_result
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged
from quoth.eval.provenance import file_hash
from quoth.eval.release import publish
from quoth.eval.reproduction import find, markdown, reproduction
from quoth.eval.result import Attributions
from quoth.records import ModelInfo, Record

Make = Callable[..., Any]

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
SOME = ("dace-boot-row", "san-lucio-dam")


@pytest.fixture
def measured(raid: GoldArticle, raid_record: Record, result: Make) -> Any:
    return result(judged([raid], {"a": raid_record}), machine="Linux x86_64 avx2", versions={"numpy": "2.4"})


def changed(result: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(result, **fields)


def of_run(result: Any, **fields: Any) -> Any:
    return changed(result, run=msgspec.structs.replace(result.run, **fields))


def of_accuracy(result: Any, by: float) -> Any:
    """With another accuracy of the speaker."""
    scores = result.speaker["all"]
    figure = msgspec.structs.replace(scores.accuracy, value=scores.accuracy.value + by)
    return changed(result, speaker=result.speaker | {"all": changed(scores, accuracy=figure)})


def of_count(result: Any, right: int) -> Any:
    scores = result.speaker["all"]
    return changed(result, speaker=result.speaker | {"all": changed(scores, right=right)})


def test_the_same_result_has_no_difference(measured: Any) -> None:
    later = of_run(
        measured, date="2027-01-01T00:00:00Z", git="b" * 12, seconds={"measuring": 9.0}, command="quoth eval"
    )
    done = reproduction("dev", measured, later)
    assert done.alike and done.compared > 200
    assert done.differences == []
    assert markdown(done).startswith(
        f"dev: {done.compared} figures, 0 differ, 0 by more than is allowed (the versions"
    )


def test_sums_of_another_order_are_equal(measured: Any) -> None:
    assert reproduction("dev", measured, of_accuracy(measured, 5e-7)).differences == []


def test_on_the_same_machine_everything_must_be_equal(measured: Any) -> None:
    done = reproduction("dev", measured, of_count(of_accuracy(measured, 2e-6), 99))
    assert [(d.figure, d.beyond) for d in done.differences] == [
        ("speaker.all.accuracy.value", True),
        ("speaker.all.right", True),
    ]
    assert re.search(r"\| beyond \| speaker\.all\.right \| \d \| 99 \| \+9\d \|", markdown(done))


@pytest.mark.parametrize(
    "where", [{"machine": "Darwin arm64 asimddp"}, {"versions": {"numpy": "2.5"}}, {"machine": None}]
)
def test_elsewhere_a_figure_may_differ_by_a_quarter_of_its_interval(
    measured: Any, where: dict[str, Any]
) -> None:
    figure = measured.speaker["all"].accuracy
    allowed = max(0.015, 0.25 * (figure.high - figure.low))
    for by, beyond in ((0.9 * allowed, 0), (1.1 * allowed, 1), (-1.1 * allowed, 1)):
        done = reproduction("dev", of_run(measured, **where), of_count(of_accuracy(measured, by), 99))
        assert not done.alike
        assert (len(done.differences), len(done.beyond)) == (2, beyond)


def test_a_figure_that_is_no_longer_defined_is_beyond(measured: Any) -> None:
    scores = measured.speaker["all"]
    figure = msgspec.structs.replace(scores.accuracy, value=None)
    found = changed(measured, speaker=measured.speaker | {"all": changed(scores, accuracy=figure)})
    done = reproduction("dev", of_run(measured, machine=None), found)
    assert [d.figure for d in done.beyond] == ["speaker.all.accuracy.value"]


@pytest.mark.parametrize(
    "fields", [{"model": ModelInfo("small", "0.2.0", "b" * 12)}, {"articles_hash": "3" * 12}, {"seed": 7}]
)
def test_another_model_or_other_texts_are_told_wherever_it_runs(
    measured: Any, fields: dict[str, Any]
) -> None:
    done = reproduction("dev", measured, of_run(measured, machine=None, **fields))
    assert done.beyond and all(d.figure.startswith("run.") for d in done.beyond)


def test_attributions_are_in_percent(measured: Any) -> None:
    def shares(f1: float) -> Any:
        return {"all": {"p": 80.0, "f1": f1, "f1_low": 85.0, "f1_high": 92.0, "n_gold": 4}}

    def of(f1: float) -> Attributions:
        return Attributions(
            run=of_run(measured, machine=None).run, documents=2, iou=0.5, tokens=shares(f1), attributed_tokens={},
            statements={}, exact={}, attribution={}, source_text={}, speaker_accuracy={}, recall_by_type={},
        )  # fmt: skip

    assert not reproduction("polnear", of(88.9), of(90.5)).beyond
    assert [d.figure for d in reproduction("polnear", of(88.9), of(90.8)).beyond] == ["tokens.all.f1"]


def test_what_differs_most_is_shown_first_and_the_rest_is_counted(measured: Any) -> None:
    then = of_run(measured, machine=None)
    shown = markdown(reproduction("dev", then, of_count(of_accuracy(measured, 0.5), 99)), most=1)
    assert "| beyond | speaker.all.accuracy.value |" in shown
    assert "speaker.all.right" not in shown
    assert shown.endswith("1 more; --json writes all.\n")


def test_a_file_is_found_by_name_and_hash(tmp_path: Path) -> None:
    for folder, content in (("a", "one"), ("b", "two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "gold.jsonl").write_text(content)
    digest = file_hash(tmp_path / "b" / "gold.jsonl")
    assert find(tmp_path, "gold.jsonl", digest) == tmp_path / "b" / "gold.jsonl"
    assert find(tmp_path, "b") == tmp_path / "b"
    assert find(tmp_path, "[ab]") is None
    with pytest.raises(InputError, match=r"expected one gold\.jsonl, found .*a/gold\.jsonl, .*b/gold\.jsonl"):
        find(tmp_path, "gold.jsonl")
    with pytest.raises(
        InputError, match="expected the file that was measured on, whose sha256 begins with 000"
    ):
        find(tmp_path, "gold.jsonl", "0" * 12)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginnings of two examples below data/, and in results/ what the default model scores on them."""
    root = tmp_path_factory.mktemp("published")
    (root / "data" / "deep").mkdir(parents=True)
    texts, gold = [], []
    for article, labels in zip(rows_of("articles.jsonl"), rows_of("labels.jsonl"), strict=True):
        if article["id"] in SOME:
            text = article["text"][: article["text"].index("\n", 900)]
            said = [s for s in labels["statements"] if s["end"] <= len(text)]
            digest = hashlib.sha256(text.encode()).hexdigest()
            texts.append(json.dumps({"id": article["id"], "text": text}))
            gold.append(json.dumps(labels | {"sha256": digest, "statements": said}))
    (root / "data" / "articles.jsonl").write_text("\n".join(texts), "utf-8")
    (root / "data" / "deep" / "gold.jsonl").write_text("\n".join(gold), "utf-8")
    command = (
        "eval --gold data/deep/gold.jsonl --articles data/articles.jsonl --baseline lexicon --resamples 100"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr("quoth.eval.behaviour.run", lambda *_: None)
        patch.setattr("sys.argv", ["quoth", *command.split()])
        assert run(f"{command} --json out.json").exit_code == 0
        publish("ours", read_result(Path("out.json")))
    return root


def rows_of(name: str) -> list[dict[str, Any]]:
    rows = map(json.loads, (EXAMPLES / name).read_text("utf-8").splitlines())
    return sorted(rows, key=lambda row: row.get("id") or row["article"])


@pytest.fixture
def published(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of that, which a test may change."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("quoth.eval.behaviour.run", lambda *_: None)
    return tmp_path


def run(line: str) -> Result:
    return CliRunner().invoke(main, line.split())


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def test_a_published_result_comes_out_again(published: Path) -> None:
    done = run("reproduce --data data")
    assert done.exit_code == 0, done.output
    assert re.match(r"ours: \d+ figures, 0 differ, 0 by more than is allowed \(the versions", done.output)


def test_a_figure_that_does_not_come_out_again_ends_with_1(published: Path) -> None:
    def change(result: dict[str, Any]) -> None:
        result["speaker"]["all"]["right"] += 1

    edit(published / "results" / "ours.json", change)
    done = run("reproduce ours --data data --json moved.json")
    assert done.exit_code == 1
    assert "1 differ, 1 by more than is allowed" in done.output
    assert "| beyond | speaker.all.right |" in done.output
    (told,) = json.loads(Path("moved.json").read_bytes())
    assert [d["figure"] for d in told["differences"]] == ["speaker.all.right"]


def test_labels_that_were_changed_are_not_measured_on(published: Path) -> None:
    with (published / "data" / "deep" / "gold.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    done = run("reproduce --data data")
    assert done.exit_code == 1
    assert "gold.jsonl: expected the file that was measured on" in done.output


def test_a_result_whose_texts_are_not_there_is_passed_over_unless_it_is_named(published: Path) -> None:
    (published / "data" / "articles.jsonl").rename(published / "data" / "others.jsonl")
    passed = run("reproduce --data data")
    assert passed.exit_code == 1
    assert "ours was measured on data/articles.jsonl" not in passed.output
    assert "ours was measured on articles.jsonl, which nothing here is called; passed over" in passed.output
    assert "no result of results could be run again" in passed.output
    named = run("reproduce ours --data data")
    assert (named.exit_code, "passed over" in named.output) == (1, False)


def test_names_and_folders_that_are_not_there(published: Path) -> None:
    assert "results: no theirs.json; there are ours" in run("reproduce theirs --data data").output
    nothing = run("reproduce --data data --results data")
    assert nothing.exit_code == 1
    assert "run this in quoth's source folder" in nothing.output


def test_training_again_is_told_not_done() -> None:
    told = run(f"reproduce --data {EXAMPLES} --retrain")
    assert told.exit_code == 0
    recipes = re.findall(r"quoth train (\S+) --data \S+examples", told.output)
    assert recipes and all((ROOT / recipe).is_file() for recipe in recipes)


@pytest.mark.slow
def test_the_results_of_this_repository_come_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run("reproduce examples base-examples --data examples")
    assert done.exit_code == 0, done.output
