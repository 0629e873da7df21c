from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError
from quoth.eval import report
from quoth.eval.agreement import agreement, read_passes
from quoth.eval.behaviour import Behaviour, Behaviours, Gap
from quoth.eval.diff import read_result
from quoth.eval.draws import Figure
from quoth.eval.gold import GoldArticle
from quoth.eval.items import judged, with_told
from quoth.eval.release import (
    DOCUMENTS,
    RESULTS,
    blocks,
    by_labels,
    errors,
    figures,
    filled,
    publish,
    read_attributions,
    release,
    swaps,
    tables,
)
from quoth.eval.result import Attributions, Result
from quoth.eval.suspects import Suspect
from quoth.model.checkpoint import WEIGHTS, folder_hash
from quoth.records import ModelInfo, Record

Make = Callable[..., Any]

REPOSITORY = Path(__file__).parent.parent
PAGE = Path("README.md")
BLOCK = "Measured:\n\n<!-- results: figures on dev -->\nstale\n<!-- /results -->\n\nThe rest."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results/ and the documents lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def measured(
    raid: GoldArticle, raid_record: Record, predicted: Make, record: Make, told: Make, result: Make
) -> Result:
    """A model's result, end to end and on gold spans."""
    sure = {
        "stance_probabilities": dict.fromkeys(
            ("accusation", "denial", "condemnation", "solidarity", "other"), 0.2
        )
    }
    said = [
        *raid_record.statements[1:],
        predicted("“They sank it,”", "direct", "accusation", "Ida Brandt", **sure),
    ]
    rows = with_told(judged([raid], {"a": record(*said)}), [told(s.stance) for s in raid.statements])
    found: Result = result(rows, command="quoth eval --gold /home/ida/gold.jsonl --release dev")
    found.suspects = [Suspect("a", 0, 15, "stance", "accusation", "denial", -0.5)]
    return found


@pytest.fixture
def attributed(measured: Result) -> Attributions:
    shares: Any = {"all": {"p": 80.0, "r": 100.0, "f1": 88.9, "n_gold": 4}}
    return Attributions(
        run=measured.run, documents=2, iou=0.5, tokens=shares, attributed_tokens=shares, statements=shares,
        exact=shares, attribution=shares, source_text=shares, speaker_accuracy={}, recall_by_type={},
    )  # fmt: skip


def of_model(result: Any, digest: str) -> Any:
    run = msgspec.structs.replace(result.run, model=ModelInfo("small", "0.1.0", digest))
    return msgspec.structs.replace(result, run=run)


def test_a_block_is_filled_and_the_rest_is_left() -> None:
    after = filled(BLOCK, {"figures on dev": "| a |\n"}, PAGE)
    assert after == BLOCK.replace("stale", "| a |")
    assert filled(after, {"figures on dev": "| a |\n"}, PAGE) == after
    assert filled("No block.\n", {}, PAGE) == "No block.\n"


def test_each_block_gets_its_own_table_as_it_stands() -> None:
    two = BLOCK + "\n" + BLOCK.replace("figures on dev", "full-dev")
    after = filled(two, {"figures on dev": r"\1 \g<name>", "full-dev": "| b |", "not-shown": "| c |"}, PAGE)
    assert after == two.replace("stale", r"\1 \g<name>", 1).replace("stale", "| b |")


def test_an_empty_block_is_filled_too() -> None:
    empty = "<!-- results: figures on dev -->\n<!-- /results -->"
    assert (
        filled(empty, {"figures on dev": "| a |"}, PAGE)
        == "<!-- results: figures on dev -->\n| a |\n<!-- /results -->"
    )


@pytest.mark.parametrize("name", ["figures", "Figures on dev", "small-0.1"])
def test_a_block_without_a_table_is_named(name: str) -> None:
    with pytest.raises(InputError, match=rf"README\.md: no table '{name}'; there are dev, attributions"):
        filled(BLOCK.replace("figures on dev", name), {"dev": "", "attributions": ""}, PAGE)


def test_what_is_published_has_no_items_and_no_folders(measured: Result, folder: Path) -> None:
    path = publish("dev", measured)
    assert path == Path("results/dev.json")
    public = read_result(path)
    assert (public.items, public.suspects) == ([], [])
    assert public.run.command == "quoth eval --gold gold.jsonl --release dev"
    assert public.run.seconds == {}
    assert public.stance == measured.stance
    for words in ("sank it", "home", "Brandt"):
        assert words not in path.read_text("utf-8")
    # What was measured is as it was.
    assert measured.items and measured.suspects and "/home/ida" in measured.run.command
    assert [p.name for p in (folder / "results").iterdir()] == ["dev.json"]


def test_what_annotators_said_of_single_statements_is_not_published(
    measured: Result, lines: Make, folder: Path
) -> None:
    rows = [
        {
            "article": "raid-in-the-harbour",
            "start": k,
            "end": k + 5,
            "a": {"stance": "denial"},
            "b": {"stance": b},
        }
        for k, b in enumerate(["denial", "accusation", "other", "denial"])
    ]
    agreed = agreement(read_passes(lines(*rows)), ["accusation", "denial"])
    measured.agreement = {"stance": agreed}
    path = publish("dev", measured)
    assert read_result(path).agreement["stance"].alpha == agreed.alpha
    assert "raid-in-the-harbour" not in path.read_text("utf-8")


def test_attributions_are_published_without_folders(attributed: Attributions) -> None:
    public = read_attributions(publish("polnear", attributed))
    assert public.run.command == "quoth eval --gold gold.jsonl --release dev"
    assert public.tokens == attributed.tokens


def test_tables_are_of_all_results(measured: Result, attributed: Attributions) -> None:
    for name, found in (("dev", measured), ("examples", measured), ("polnear", attributed)):
        publish(name, found)
    found = tables()
    assert list(found) == [
        "figures on dev", "figures on examples", "errors on dev", "errors on examples", "swaps", "attributions", "polnear", "dev",
        "examples",
    ]  # fmt: skip
    assert found["figures on dev"].splitlines()[0] == "| dev, 1 articles | small |"
    assert found["attributions"] == report.attributions_table(attributed, brief=True)
    assert found["dev"] == report.markdown(read_result(Path("results/dev.json")), level=3)


def test_the_default_model_comes_first(measured: Result) -> None:
    other = of_model(measured, "c" * 12)
    other = msgspec.structs.replace(
        other, run=msgspec.structs.replace(other.run, model=ModelInfo("another", "1", "c" * 12))
    )
    sets = by_labels({"another-dev": other, "dev": measured, "another-test": other})
    assert {labels: list(models) for labels, models in sets.items()} == {
        "dev": ["small", "another"],
        "test": ["another"],
    }


def test_the_figures_that_matter_most(measured: Result) -> None:
    shown = figures("dev", {"small": measured}).splitlines()
    assert "| stance of quoted statements, macro-F1 of the four, gold spans | 100.0 [100.0, 100.0] |" in shown
    # "We never sank it" is an accusation to it, and "Rubbish!" a denial.
    assert "| the same, end to end (not found = missed) | 33.3 [33.3, 33.3] |" in shown
    assert "| speaker's full name right, quoted statements | 50.0 [50.0, 50.0] |" in shown
    # Sure at 0.8, and always right.
    assert "| calibration error (ECE) of the stance on gold spans | 20.0 [20.0, 20.0] |" in shown


def test_the_errors_that_are_left(measured: Result) -> None:
    rows = dict(line.strip("| ").split(" | ", 1) for line in errors("dev", {"small": measured}).splitlines())
    assert rows["of 100 on dev"] == "small"
    # "We never sank it" is a denial, and an accusation to it; so one of two accusations is none.
    assert rows["quotations that it calls accusation, and are not"] == "50.0 [50.0, 50.0]"
    assert rows["quotations that are denial, and it calls otherwise"] == "100.0 [100.0, 100.0]"
    assert rows["quotations that are solidarity, and it calls otherwise"] == "-"
    assert rows["speakers of quotations: another name, or none"] == "50.0 [50.0, 50.0]"
    assert rows["speakers of either kind, named by a description"] == "-"


def test_several_attributions_are_told_apart(measured: Result, attributed: Attributions) -> None:
    publish("dev", measured)
    publish("polnear", attributed)
    publish("again", attributed)
    one = report.attributions_table(attributed, brief=True)
    assert tables()["attributions"] == f"*again*\n\n{one}\n\n*polnear*\n\n{one}"


def test_an_interval_of_what_is_left_is_turned_round(measured: Result) -> None:
    speaker = msgspec.structs.replace(measured.speaker["quoted"], accuracy=Figure(0.9, 0.8, 0.95))
    found = msgspec.structs.replace(measured, speaker=measured.speaker | {"quoted": speaker})
    assert "| speakers of quotations: another name, or none | 10.0 [5.0, 20.0] |" in errors(
        "dev", {"small": found}
    )


def test_swaps_are_told_once_a_model(measured: Result) -> None:
    swap = Behaviour("another speaker: gender", "INV", 77, 3, 0.039, 0.01, 0.1, [])
    gap = Gap("speaker", "gender", 77, [], 0.0123, 0.5, "denial", 0.0)
    tested = Behaviours(0, 9, [swap], [gap, msgspec.structs.replace(gap, slot="country", axis="country")], [])
    other = of_model(measured, "c" * 12)
    other = msgspec.structs.replace(
        other, run=msgspec.structs.replace(other.run, model=ModelInfo("base", "0.1.0", "c" * 12))
    )
    other.behaviour = msgspec.structs.replace(tested, gaps=[gap])
    measured.behaviour = tested
    assert swaps({"base-dev": other, "dev": measured, "examples": measured}).splitlines() == [
        "|  | base: another stance | points of probability | small: another stance | points of probability |",
        "| --- | --- | --- | --- | --- |",
        "| another speaker: gender | 3 of 77 | 1.2 (p 0.500) | 3 of 77 | 1.2 (p 0.500) |",
        "| another country | - | - | - | 1.2 (p 0.500) |",
    ]


def test_results_of_different_models_are_refused(measured: Result, attributed: Attributions) -> None:
    publish("dev", measured)
    publish("examples", of_model(measured, "b" * 12))
    with pytest.raises(
        InputError, match=r"results: expected results of one version of each model, found .*a{12}.*b{12}"
    ):
        tables()
    publish("examples", measured)
    publish("polnear", of_model(attributed, "c" * 12))
    with pytest.raises(InputError, match=r"expected results of one version of each model, found .*c{12}"):
        tables()


def test_without_results_there_is_nothing_to_write() -> None:
    with pytest.raises(
        InputError, match=r"results: expected results of one version of each model, found none"
    ):
        tables()


def test_a_file_that_is_no_result_is_named(measured: Result, folder: Path) -> None:
    publish("dev", measured)
    (folder / "results" / "bad.json").write_text('{"schema": "1"}')
    with pytest.raises(InputError, match=r"results/bad\.json: Object missing required field"):
        tables()
    (folder / "results" / "bad.json").write_text('{"attributed_tokens": 1}')
    with pytest.raises(InputError, match=r"results/bad\.json: .*; expected what `quoth eval --attributions"):
        tables()


def test_predictions_beside_a_model_are_refused(
    measured: Result, raid: GoldArticle, raid_record: Record, result: Make
) -> None:
    publish("dev", measured)
    publish("theirs", result(judged([raid], {"a": raid_record}), predictions="theirs.csv"))
    with pytest.raises(InputError, match="theirs"):
        tables()


def test_a_release_fills_its_documents_once(measured: Result, folder: Path) -> None:
    publish("dev", measured)
    (folder / "docs").mkdir()
    (folder / "docs" / "results.md").write_text(BLOCK, "utf-8")
    (folder / "MODEL_CARD.md").write_text("No block.", "utf-8")
    (folder / "docs" / "limits.md").write_text("No block.", "utf-8")
    assert release() == [Path("docs/results.md")]
    after = (folder / "docs" / "results.md").read_text("utf-8")
    assert after == BLOCK.replace("stale", figures("dev", {"small": measured}))
    assert release() == []
    assert (folder / "docs" / "results.md").read_text("utf-8") == after
    assert (folder / "MODEL_CARD.md").read_text("utf-8") == "No block."
    # Other figures, other tables.
    publish("dev", replaced(measured))
    assert release() == [Path("docs/results.md")]


def replaced(result: Result) -> Result:
    articles = msgspec.structs.replace(result.articles, gold=2)
    return msgspec.structs.replace(result, articles=articles)


def test_a_document_that_is_not_there_is_named(measured: Result, folder: Path) -> None:
    publish("dev", measured)
    (folder / "README.md").write_text(BLOCK, "utf-8")
    with pytest.raises(
        InputError, match=r"docs/results\.md: .*No such file.*; a release writes its tables there"
    ):
        release()


def test_a_document_with_an_unknown_block_stays_as_it_was(measured: Result, folder: Path) -> None:
    publish("dev", measured)
    page = BLOCK.replace("figures on dev", "figurines")
    (folder / "README.md").write_text(page, "utf-8")
    with pytest.raises(
        InputError,
        match=r"README\.md: no table 'figurines'; there are figures on dev, errors on dev, swaps, attributions, dev",
    ):
        release((Path("README.md"),))
    assert (folder / "README.md").read_text("utf-8") == page


@pytest.mark.parametrize("document", [REPOSITORY / path for path in DOCUMENTS], ids=lambda path: path.name)
def test_the_documents_show_the_results_of_the_model_in_the_package(document: Path) -> None:
    text, results = document.read_text("utf-8"), REPOSITORY / RESULTS
    assert filled(text, tables(results), document) == text, "run: quoth eval --release"
    assert blocks(text)
    for path in results.glob("*.json"):
        model = json.loads(path.read_bytes())["run"]["model"]
        assert model["hash"] == folder_hash(WEIGHTS / model["name"]), f"{path}: measure it anew"
