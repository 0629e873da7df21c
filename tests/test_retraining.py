"""From labels to a folder that `quoth label` opens, with the examples and the small model."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("sklearn")

from quoth import doctor
from quoth.cli import main
from quoth.config import load
from quoth.errors import InputError, ModelError
from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, Checkpoint, folder_hash, read_manifest, write_manifest
from quoth.records import from_json
from quoth.retraining import Report, RetrainConfig

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "configs" / "finetune.toml"
TEXTS = ROOT / "examples" / "articles.jsonl"
TEXT = (
    "Mayor Hilda Condori called the plan “a disgrace.” “They lied to us for nine days,” she said on Monday."
)

Row = dict[str, Any]


def rows() -> list[Row]:
    lines = (ROOT / "examples" / "labels.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def strict(row: Row) -> Row:
    """By another codebook, in which whoever condemns accuses."""
    own = {"condemnation": "accusation"}
    statements = [{**s, "stance": own.get(s["stance"], s["stance"])} for s in row["statements"]]
    return {**row, "split": "mine", "statements": statements}


def write(path: Path, labels: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in labels), "utf-8")
    return path


def train(labels: Path, out: Path, *more: str) -> Result:
    command = ["train", str(RECIPE), "--labels", str(labels), "--articles", str(TEXTS), "--out", str(out)]
    return CliRunner().invoke(main, [*command, *more])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A model folder, and what the command said."""
    folder = tmp_path_factory.mktemp("own")
    return folder / "mine", train(
        write(folder / "my.jsonl", [strict(row) for row in rows()[:10]]), folder / "mine"
    )


def report_of(folder: Path) -> Report:
    return msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)


def test_labels_by_another_codebook_are_learned(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    assert result.exit_code == 0, result.output
    assert "| stance: log-loss | 10 |" in result.stdout and " retrained (p = 0.0" in result.stderr
    report = report_of(folder)
    loss, *rest = report.gains
    assert (loss.name, loss.articles) == ("stance: log-loss", 10)
    assert loss.retrained < loss.start - 0.1 and loss.p < 0.01
    assert {g.name for g in rest} >= {
        "stance, quoted: log-loss",
        "stance: macro-F1, four",
        "sentiment: macro-F1",
    }
    assert sum(n for of in report.statements.values() for n in of.values()) == loss.statements
    assert report.statements["quoted"]["condemnation"] == 0
    assert report.parts["stance"].kept and report.model is not None


def test_the_folder_is_small_and_its_model_has_a_name_of_its_own(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    assert sorted(p.name for p in folder.iterdir()) == ["head.npz", "model.json", "report.json"]
    assert sum(p.stat().st_size for p in folder.iterdir()) < 50_000
    labeler = Labeler.from_pretrained(folder)
    small = Labeler.from_pretrained("small")
    assert (labeler.model.name, labeler.model.version) == ("mine", "0.1.0")
    assert labeler.model.hash not in ("", small.model.hash) and labeler.model == report_of(folder).model
    own, start = labeler.label_one(TEXT), small.label_one(TEXT)
    of = "“a disgrace.”"
    p, before = (
        next(s.stance_probabilities for s in record.statements if s.text == of) for record in (own, start)
    )
    assert p["accusation"] > before["accusation"] and p["condemnation"] < before["condemnation"]
    for a, b in zip(own.statements, start.statements, strict=True):
        assert (a.start, a.end, a.speaker, a.probability) == (b.start, b.end, b.speaker, b.probability)


def test_the_head_is_added_to_what_the_start_model_says(trained: tuple[Path, Result]) -> None:
    folder, _ = trained
    own, start = Checkpoint(folder, 1), Checkpoint(WEIGHTS / "small", 1)
    ids = np.array([own.pieces.cls, *own.pieces([TEXT])[0].ids, own.pieces.sep], dtype=np.int64)
    marks, spans = np.zeros_like(ids), np.array([[1, 5], [9, 12]])
    marks[1:5] = marks[9:12] = 1
    told, before = own.classify(ids, marks, spans), start.classify(ids, marks, spans)
    states = start.pool(ids, marks, spans)[1]
    with np.load(folder / "head.npz") as head:
        added = states @ head["stance_weight"] + head["stance_bias"]
    assert np.abs(added).max() > 0.1
    assert told["stance"] == pytest.approx(before["stance"] + added, abs=1e-4)
    for name in ("second", "target"):
        assert told[name] == pytest.approx(before[name], abs=1e-4)


def test_label_eval_and_doctor_open_the_folder(
    trained: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = trained
    monkeypatch.chdir(tmp_path)
    labelled = CliRunner().invoke(main, ["label", "-", "--model", str(folder)], input=TEXT)
    assert from_json(labelled.stdout).model.name == "mine"
    write(Path("two.jsonl"), [strict(row) for row in rows()[:2]])
    line = f"eval --gold two.jsonl --articles {TEXTS} --model {folder} --resamples 100 --json two.json"
    judged = CliRunner().invoke(main, shlex.split(line))
    assert judged.exit_code == 0, judged.output
    assert json.loads(Path("two.json").read_text("utf-8"))["run"]["model"]["name"] == "mine"
    seen = "Note: mine has learned from 2 of 2 gold articles"
    assert seen in judged.stdout
    line = f"eval --gold two.jsonl --articles {TEXTS} --compare small {folder} --resamples 100"
    assert CliRunner().invoke(main, shlex.split(line)).stdout.count(seen) == 1
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path / "none")
    told = CliRunner().invoke(main, ["doctor", str(folder)])
    assert told.exit_code == 0 and f"mine 0.1.0 ({folder_hash(folder)})" in told.output


def test_the_endpoint_serves_it(trained: tuple[Path, Result]) -> None:
    testclient = pytest.importorskip("fastapi.testclient")
    pytest.importorskip("prometheus_client")
    pytest.importorskip("asgi_correlation_id")
    from quoth.serving.app import create_app
    from quoth.serving.logging import Log
    from quoth.serving.service import Service

    labeler = Labeler.from_pretrained(trained[0])
    app = create_app(Service(labeler, log=Log(io.StringIO())))
    with testclient.TestClient(app) as client:
        told = client.get("/v1/model").json()["model"]
        answer = client.post("/v1/label", json={"text": TEXT}).json()
    assert (told["name"], told["version"], told["hash"]) == ("mine", "0.1.0", labeler.model.hash)
    assert answer["model"]["name"] == "mine" and len(answer["statements"]) == 3


def test_another_version_of_the_start_model_is_refused(trained: tuple[Path, Result], tmp_path: Path) -> None:
    own = Path(shutil.copytree(trained[0], tmp_path / "mine"))
    Checkpoint(own)
    other = Path(shutil.copytree(WEIGHTS / "small", tmp_path / "small"))
    Checkpoint(own)
    write_manifest(other, msgspec.structs.replace(read_manifest(other), version="9"))
    with pytest.raises(
        ModelError, match=r"was trained on top of small with hash \w{12}; found .* version 9, "
    ):
        Checkpoint(own)


def test_an_altered_head_is_refused(trained: tuple[Path, Result], tmp_path: Path) -> None:
    own = Path(shutil.copytree(trained[0], tmp_path / "mine"))
    before = folder_hash(own)
    with (own / "head.npz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"head\.npz .* altered"):
        Checkpoint(own)
    write_manifest(own, read_manifest(own))
    assert folder_hash(own) != before


def test_networks_that_it_has_not_are_not_exported(trained: tuple[Path, Result], tmp_path: Path) -> None:
    for package in ("onnx", "torch", "transformers"):
        pytest.importorskip(package)
    result = CliRunner().invoke(main, ["export", "hf", str(tmp_path / "hf"), "--model", str(trained[0])])
    assert result.exit_code == 1
    assert "holds no networks, only what was learned on top of 'small'; export that" in result.output


def test_a_table_of_labels_will_do(tmp_path: Path) -> None:
    lines = [
        f"{row['article']},{s['start']},{s['end']},{s['stance']}"
        for row in rows()[:3]
        for s in row["statements"]
    ]
    (tmp_path / "my.csv").write_text("\n".join(["doc,start,end,stance", *lines]) + "\n", "utf-8")
    result = train(tmp_path / "my.csv", tmp_path / "mine", "--anyway", "--gold-column", "article=doc")
    assert result.exit_code == 0, result.output
    # Without sentiments in the labels, it stays as it was.
    assert [*report_of(tmp_path / "mine").parts] == ["stance"]
    with np.load(tmp_path / "mine" / "head.npz") as head:
        assert not head["sentiment_weight"].any() and head["stance_weight"].any()


def test_no_model_starts_from_one_without_networks(trained: tuple[Path, Result], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path / "first")
    recipe = tmp_path / "second.toml"
    recipe.write_text('name = "second"\nversion = "1"\nstart = "first"\n', "utf-8")
    labels = write(tmp_path / "my.jsonl", rows())
    command = ["train", str(recipe), "--labels", str(labels), "--articles", str(TEXTS)]
    result = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "second")])
    assert result.exit_code == 1 and "found 'first', which starts from 'small'" in result.output
    assert not (tmp_path / "second").exists()


def test_where_nothing_is_better_no_model_is_written_unless_asked_for(tmp_path: Path) -> None:
    # Three articles: no difference between them has a p below .25.
    labels, out = write(tmp_path / "my.jsonl", rows()[:3]), tmp_path / "mine"
    result = train(labels, out)
    assert result.exit_code == 1
    assert "quoth: no model written: log-loss of the stance " in result.stderr
    assert "fewer than 5 articles can prove nothing" in result.stderr and "--anyway" in result.stderr
    assert [p.name for p in out.iterdir()] == ["report.json"]
    report = report_of(out)
    assert report.model is None and not any(part.kept for part in report.parts.values())
    assert train(labels, out, "--anyway").exit_code == 0
    assert Labeler.from_pretrained(out).model == report_of(out).model
    again = train(labels, out, "--anyway")
    assert again.exit_code == 1 and "is there already" in again.output


def _of_split_test(labels: list[Row]) -> list[Row]:
    return [{**row, "split": "test"} for row in labels]


def _of_one_stance(labels: list[Row]) -> list[Row]:
    return [{**row, "statements": [{**s, "stance": "other"} for s in row["statements"]]} for row in labels]


def _with(**fields: Any) -> Callable[[list[Row]], list[Row]]:
    def changed(labels: list[Row]) -> list[Row]:
        first, *rest = labels[1]["statements"]
        return [labels[0], {**labels[1], "statements": [{**first, **fields}, *rest]}]

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda labels: labels[:1],
            "my.jsonl: found 1 articles with labelled statements, expected at least two",
        ),
        (lambda labels: [], "my.jsonl: found 0 articles"),
        (_of_one_stance, "my.jsonl: field 'stance': found 'other' alone"),
        (_of_split_test, "field 'split': found 'test' (16 articles)"),
        (_with(stance="blame"), "my.jsonl, line 2, article "),
        (_with(end=10**6), "my.jsonl, line 2, article "),
    ],
    ids=["one", "none", "stance", "split", "label", "span"],
)
def test_labels_that_cannot_be_learned_are_refused(change: Any, said: str, tmp_path: Path) -> None:
    result = train(write(tmp_path / "my.jsonl", change(rows())), tmp_path / "mine")
    assert result.exit_code == 1 and said in result.output, result.output
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ('name = "mine"\nversion = "1"\nepochs = 3\n', "epochs"),
        ('version = "1"\n', "name"),
        ('name = "mine"\nversion = "1"\nfolds = 1\n', "folds"),
        (
            'name = "mine"\nversion = "1"\nstart = "huge"\n',
            "start: found 'huge', expected a model of the package",
        ),
        ('name = "mine"\nversion = "1"\nstart = "../small"\n', "start: found '../small', expected the name"),
        ('name = "mine"\nversion = "1"\nstart = "mine"\n', "of another folder than"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(recipe: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(recipe, "utf-8")
    command = ["train", str(tmp_path / "own.toml"), "--articles", str(TEXTS), "--out", str(tmp_path / "mine")]
    result = CliRunner().invoke(main, [*command, "--labels", str(write(tmp_path / "my.jsonl", rows()))])
    assert result.exit_code == 1 and said in result.output, result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "give --labels with --articles and --out, or --data with --run"),
        ("--labels my.jsonl --out mine", "--labels needs --articles and --out"),
        ("--labels my.jsonl --articles a --out mine --device cuda", "--labels does not go with --device"),
        ("--data . --run run --anyway", "--data does not go with --anyway"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: str, said: str) -> None:
    result = CliRunner().invoke(main, ["train", str(RECIPE), *shlex.split(options)])
    assert result.exit_code == 2 and said in result.output


def test_the_recipe_of_the_package_can_be_read() -> None:
    assert load(RECIPE, RetrainConfig).start == "small"


def test_a_span_without_a_word_is_named_with_its_file(tmp_path: Path) -> None:
    from quoth.eval.gold import GoldArticle, GoldStatement
    from quoth.label_tasks import read_tasks

    blank = GoldStatement(2, 4, "quoted", "other", None, None, None, None)
    article = GoldArticle("a", "A.   B.", "", [blank])
    with pytest.raises(InputError, match=r"my\.jsonl, article a: span \[2, 4\) .* holds no word"):
        read_tasks(Labeler.from_pretrained("small"), [article], Path("my.jsonl"))


def test_torch_is_not_needed() -> None:
    code = "import sys, quoth.retraining, quoth.learning; print({'torch', 'datasets'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
