"""A codebook of one's own, from its file to the record: with the examples, the small model, and labels made by a rule."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
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
from quoth.errors import ConfigError, InputError, ModelError
from quoth.eval.coded import read_coded
from quoth.eval.gold import CodedSpan, text_hash
from quoth.eval.result import LabelScores
from quoth.label_sets import LabelSet
from quoth.labeler import Labeler
from quoth.model.checkpoint import Checkpoint, folder_hash, read_manifest
from quoth.records import from_json, to_json
from quoth.retraining import Report

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "configs" / "finetune.toml"
TEXTS = ROOT / "examples" / "articles.jsonl"
TENSE = """name = "tense"
version = "2"

[labels]
past = "What happened, or was so."
future = "What will happen."
present = "All else."
"""
SET = LabelSet("tense", "2", {"past": "What happened, or was so.", "future": "What will happen.", "present": "All else."})  # fmt: skip
TEXT = "Mayor Hilda Condori said the tower was sold. “They lied to us for nine days,” she said on Monday."

Row = dict[str, Any]


def rows() -> list[Row]:
    """The examples with labels by a rule, and without stances."""
    texts = {row["id"]: row["text"] for row in map(json.loads, TEXTS.read_text("utf-8").splitlines())}
    found = []
    for row in map(json.loads, (ROOT / "examples" / "labels.jsonl").read_text("utf-8").splitlines()):
        statements = []
        for s in row["statements"]:
            words = texts[row["article"]][s["start"] : s["end"]]
            label = "past" if re.search(r"\b(was|were|had|did|\w+ed)\b", words) else "present"
            label = "future" if re.search(r"\b(will|shall|would)\b|[’']ll\b|going to", words) else label
            statements.append({"start": s["start"], "end": s["end"], "label": label})
        found.append({**row, "split": "mine", "statements": statements})
    return found


def write(path: Path, labels: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in labels), "utf-8")
    return path


def run(line: str, **more: Any) -> Result:
    return CliRunner().invoke(main, shlex.split(line), **more)


def train(labels: Path, out: Path, more: str = "") -> Result:
    codebook = out.parent / "tense.toml"
    codebook.write_text(TENSE, "utf-8")
    inputs = f"--labels {labels} --label-set {codebook} --articles {TEXTS} --out {out}"
    return run(f"train {RECIPE} {inputs} {more}")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A model folder that has learned from thirteen articles, and what the command said."""
    folder = tmp_path_factory.mktemp("own")
    return folder / "mine", train(write(folder / "my.jsonl", rows()[:13]), folder / "mine")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ('claim = "It is so."', "labels: found 1, expected at least two"),
        ('claim = "It is so."\nthreat = " "', "labels: found no definition of 'threat'"),
        ('claim = "It is so."\n"a, b" = "Both."', "labels: found the name 'a, b', expected words"),
        ('claim = "It is so."\n"a\\nb" = "Both."', r"labels: found the name 'a\\nb', expected words"),
        ('claim = "It is so."\nClaim = "Twice."', "labels: found 'Claim' beside 'claim'"),
        ('claim = "It is so."\nclaim = "Twice."', "not a TOML file"),
        ('claim = "It is so."\nthreat = 3', r"Expected `str`, got `int` - at `\$\.labels"),
        ('claim = "It is so."\nthreat = "No."\n[more]', "unknown field `more`"),
    ],
)
def test_a_set_that_does_not_fit_is_refused_by_file_and_field(labels: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'name = "own"\nversion = "1"\n[labels]\n{labels}\n', "utf-8")
    with pytest.raises(ConfigError, match=rf"own\.toml: .*{said}"):
        load(path, LabelSet)


def test_a_set_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "tense.toml").write_text(TENSE, "utf-8")
    assert load(tmp_path / "tense.toml", LabelSet) == SET
    assert SET.names == ("past", "future", "present") and str(SET) == "tense 2 (past, future, present)"


@pytest.fixture
def texts(lines: Callable[..., Path]) -> Path:
    return lines({"id": "a", "text": TEXT}, name="texts.jsonl")


def labelled(*statements: Row) -> Row:
    return {"article": "a", "sha256": text_hash(TEXT), "split": "", "statements": list(statements)}


SOLD, LIED = (25, 43), (45, 77)


def test_labels_are_read_of_lines_and_of_tables_alike(
    lines: Callable[..., Path], table: Callable[..., Path], texts: Path
) -> None:
    expected = [CodedSpan(*LIED, "quoted", "past"), CodedSpan(*SOLD, "indirect", "future")]
    of_lines = lines(
        labelled(
            {"start": LIED[0], "end": LIED[1], "label": "past", "stance": "no stance of quoth's"},
            {"start": SOLD[0], "end": SOLD[1], "label": "future", "kind": "indirect"},
            {"start": 0, "end": 5, "label": None},
            {"start": 0, "end": 6},
        )
    )
    of_table = table(
        "article,start,end,code,text",
        f'a,{LIED[0]},{LIED[1]},past,"{TEXT[slice(*LIED)]}"',
        f"a,{SOLD[0]},{SOLD[1]},future,",
        "a,0,5,,",
        name="my.csv",
    )
    assert (TEXT[slice(*LIED)], TEXT[slice(*SOLD)]) == (
        "“They lied to us for nine days,”",
        "the tower was sold",
    )
    (found,) = read_coded(of_lines, texts, SET)
    assert (found.coded, found.statements) == (expected, [])
    (found,) = read_coded(of_table, texts, SET, {"label": "code"})
    assert found.coded == expected


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"label": "then"}, "item 0: field 'label': found 'then', expected one of past, future, present"),
        ({"label": "past", "end": 999}, r"item 0: span \(45, 999\) does not lie in"),
        ({"label": 3}, "item 0: Expected `str | null`"),
        ({"stance": "denial"}, "no statement with a field 'label', expected labels of tense: past, future"),
    ],
)
def test_a_label_that_is_not_of_the_set_is_named_with_its_place(
    statement: Row, said: str, lines: Callable[..., Path], texts: Path
) -> None:
    path = lines(labelled({"start": LIED[0], "end": LIED[1], **statement}), name="my.jsonl")
    with pytest.raises(InputError, match=r"my\.jsonl.*" + said):
        read_coded(path, texts, SET)


def test_a_cell_that_is_not_of_the_set_is_named_with_its_row(table: Callable[..., Path], texts: Path) -> None:
    path = table("article,start,end,code", "a,45,77,past", "a,25,43,then", name="my.csv")
    said = r"my\.csv, row 2 \(line 3\): field 'label' \(column 'code'\): found 'then', expected one of past, "
    with pytest.raises(InputError, match=said):
        read_coded(path, texts, SET, {"label": "code"})
    with pytest.raises(InputError, match="expected one named 'label' for field 'label'"):
        read_coded(path, texts, SET)


def test_labels_are_learned_and_held_against_their_shares(trained: tuple[Path, Result]) -> None:
    folder, result = trained
    assert result.exit_code == 0, result.output
    assert "| figure | articles | statements | shares | head |" in result.stdout
    assert "labels of tense 2 (past, future, present), judged on articles" in result.stdout
    assert "with the shares alone" in result.stderr and ": better" in result.stderr
    report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
    loss, f1 = report.gains
    assert (loss.name, f1.name, loss.articles) == ("label: log-loss", "label: macro-F1", 13)
    assert loss.retrained < loss.start - 0.03 and loss.p < 0.1 and f1.retrained > f1.start + 0.1
    assert report.label_set == SET and [*report.parts] == ["label"] and report.parts["label"].kept
    counts = report.statements["quoted"], report.statements["indirect"]
    assert sum(n for of in counts for n in of.values()) == loss.statements
    assert list(counts[0]) == list(SET.names)
    assert sorted(p.name for p in folder.iterdir()) == ["head.npz", "model.json", "report.json"]
    assert read_manifest(folder).label_set == SET
    with np.load(folder / "head.npz") as head:
        assert {name: head[name].shape for name in head} == {"label_weight": (384, 3), "label_bias": (3,)}


def test_the_record_has_the_label_and_all_else_as_the_start_model_tells_it(
    trained: tuple[Path, Result],
) -> None:
    own = Labeler.from_pretrained(trained[0]).label_one(TEXT)
    start = Labeler.from_pretrained("small").label_one(TEXT)
    assert len(own.statements) == len(start.statements) >= 2
    for a, b in zip(own.statements, start.statements, strict=True):
        assert a.label in SET.names and a.label_probabilities is not msgspec.UNSET
        p = a.label_probabilities
        assert list(p) == list(SET.names) and sum(p.values()) == pytest.approx(1, abs=0.001)
        assert a.label == max(p, key=lambda label: p[label])
        unlabelled = msgspec.to_builtins(a)
        del unlabelled["label"], unlabelled["label_probabilities"]
        assert unlabelled == msgspec.to_builtins(b)
    assert from_json(to_json(own)) == own
    assert b"label" not in to_json(start)


def test_label_and_doctor_open_the_folder(
    trained: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = trained
    said = run(f"label - --model {folder}", input=TEXT)
    assert all(s.label in SET.names for s in from_json(said.stdout).statements)
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path / "none")
    told = run(f"doctor {folder}")
    assert told.exit_code == 0 and "tells labels of tense 2 (past, future, present)" in " ".join(
        told.output.split()
    )
    assert folder_hash(folder) in told.output


def test_a_batch_gives_labels_and_null_without_a_set(trained: tuple[Path, Result], tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "a", "text": TEXT}) + "\n", "utf-8")
    for model, known in ((trained[0], True), ("small", False)):
        out = tmp_path / Path(model).name
        ran = run(f"batch {tmp_path / 'in.jsonl'} --out {out} --model {model} --workers 1")
        assert ran.exit_code == 0, ran.output
        ran = run(f"batch statements {out} -o {tmp_path / 'out.csv'}")
        assert ran.exit_code == 0, ran.output
        head, first, *_ = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
        assert head.endswith(",source,label,label_probability")
        assert (first.split(",")[-2] in SET.names) == known


def test_the_endpoint_tells_labels_and_their_definitions(trained: tuple[Path, Result]) -> None:
    testclient = pytest.importorskip("fastapi.testclient")
    pytest.importorskip("prometheus_client")
    pytest.importorskip("asgi_correlation_id")
    from quoth.serving.app import create_app
    from quoth.serving.logging import Log
    from quoth.serving.service import Service

    for model, expected in ((trained[0], SET), ("small", None)):
        app = create_app(Service(Labeler.from_pretrained(model), log=Log(io.StringIO())))
        with testclient.TestClient(app) as client:
            told = client.get("/v1/model").json().get("label_set")
            answers = client.post("/v1/label", json={"text": TEXT}).json()["statements"]
            answers += client.post("/v1/stance", json={"text": TEXT, "spans": [LIED]}).json()["statements"]
        assert told == (expected and msgspec.to_builtins(expected))
        assert all((s.get("label") in SET.names) == (expected is not None) for s in answers)


def test_eval_judges_labels_on_gold_spans(trained: tuple[Path, Result], tmp_path: Path) -> None:
    gold, out = write(tmp_path / "kept.jsonl", rows()[13:]), tmp_path / "kept.json"
    line = f"eval --gold {gold} --articles {TEXTS} --model {trained[0]} --resamples 100"
    judged = run(f"{line} --json {out}")
    assert judged.exit_code == 0, judged.output
    found = msgspec.json.decode(out.read_bytes(), type=LabelScores)
    counts = np.array(found.confusion.counts)
    assert found.n == counts.sum() == sum(len(row["statements"]) for row in rows()[13:])
    assert found.accuracy.value == pytest.approx(np.trace(counts) / found.n)
    by_label = [found.classes[label].n for label in SET.names]
    assert by_label == counts.sum(1).tolist() and found.label_set == SET
    f1 = [found.classes[label].f1.value for label in SET.names]
    assert found.macro_f1.value == pytest.approx(np.mean(f1)) and found.macro_f1.value > 0.4
    assert found.macro_f1.low < found.macro_f1.value < found.macro_f1.high
    assert found.calibration.n == found.n and {p.label for p in found.calibration.operating} <= {*SET.names}
    assert not found.notes and "| macro |" in judged.stdout and "| label; told as | past |" in judged.stdout
    # The same statements in a table, by another name.
    cells = [
        f"{r['article']},{s['start']},{s['end']},{s['label']}" for r in rows()[13:] for s in r["statements"]
    ]
    (tmp_path / "kept.csv").write_text("\n".join(["article,start,end,code", *cells]) + "\n", "utf-8")
    table = run(line.replace("kept.jsonl", "kept.csv") + " --gold-column label=code")
    assert table.stdout.replace("kept.csv", "kept.jsonl").replace("without a split", "mine") == judged.stdout


def test_gold_that_a_model_has_learned_from_is_told(trained: tuple[Path, Result], tmp_path: Path) -> None:
    gold = write(tmp_path / "some.jsonl", rows()[11:15])
    judged = run(f"eval --gold {gold} --articles {TEXTS} --model {trained[0]} --resamples 100")
    assert judged.exit_code == 0
    assert "Note: mine has learned from 2 of 4 gold articles: figures on them flatter it" in judged.stdout


def test_gold_without_labels_of_the_set_is_refused(trained: tuple[Path, Result]) -> None:
    inputs = f"--gold {ROOT / 'examples' / 'labels.jsonl'} --articles {TEXTS}"
    judged = run(f"eval {inputs} --model {trained[0]}")
    assert judged.exit_code == 1
    assert "found no statement with a field 'label', expected labels of tense: past, future" in judged.output
    refused = run(f"eval {inputs} --model {trained[0]} --html report.html")
    assert refused.exit_code == 2 and "which has a label set, does not go with --html" in refused.output


def test_a_set_that_is_not_the_heads_is_refused(trained: tuple[Path, Result], tmp_path: Path) -> None:
    own = Path(shutil.copytree(trained[0], tmp_path / "mine"))
    manifest = json.loads((own / "model.json").read_text("utf-8"))
    manifest["label_set"]["labels"]["never"] = "What cannot be."
    (own / "model.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ModelError, match=r"head\.npz: label: found shapes"):
        Checkpoint(own)
    del manifest["label_set"]["labels"]["never"], manifest["label_set"]["labels"]["future"]
    del manifest["label_set"]["labels"]["past"]
    (own / "model.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ModelError, match=r"labels: found 1, expected at least two"):
        Checkpoint(own)


def test_labels_by_chance_make_no_model(tmp_path: Path) -> None:
    rng, labels = np.random.default_rng(0), rows()[:8]
    for row in labels:
        for s in row["statements"]:
            s["label"] = str(rng.choice(SET.names))
    result = train(write(tmp_path / "my.jsonl", labels), tmp_path / "mine")
    assert result.exit_code == 1 and "quoth: no model written: log-loss of the label " in result.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["report.json"]


def test_a_table_that_quoth_wrote_is_filled_in_and_learned(tmp_path: Path) -> None:
    written = tmp_path / "statements.csv"
    assert run(f"label {TEXTS} -o {written}").exit_code == 0
    with written.open(encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    for row in told[::2]:
        row["label"] = "past" if re.search(r"\b(was|were|had|did|\w+ed)\b", row["text"]) else "present"
    filled = tmp_path / "my.csv"
    with filled.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, told[0])
        table.writeheader()
        table.writerows(told)
    gold = read_coded(filled, TEXTS, SET)
    assert sum(len(article.coded) for article in gold) == len(told[::2])
    kinds = {(row["start"], row["end"]): row["kind"] for row in told if row["article_id"] == gold[0].id}
    for s in gold[0].coded:
        assert (s.kind == "quoted") == (kinds[str(s.start), str(s.end)] == "direct")
    forgotten = run(f"train {RECIPE} --labels {filled} --articles {TEXTS} --out {tmp_path / 'mine'}")
    assert forgotten.exit_code == 2 and "expected --label-set" in forgotten.output
    assert not (tmp_path / "mine").exists()


def test_labels_that_cannot_be_learned_are_refused(tmp_path: Path) -> None:
    labels = rows()
    one = write(tmp_path / "my.jsonl", labels[:1])
    assert "found 1 articles with labelled statements" in train(one, tmp_path / "mine").output
    for row in labels:
        for s in row["statements"]:
            s["label"] = "past"
    same = train(write(tmp_path / "my.jsonl", labels), tmp_path / "mine")
    assert "field 'label': found 'past' alone, expected at least two labels" in same.output
    refused = run(f"train {RECIPE} --data . --run run --label-set tense.toml")
    assert refused.exit_code == 2 and "--data does not go with --label-set" in refused.output


def test_a_curve_and_topics_left_out_begin_with_the_shares(
    trained: tuple[Path, Result], tmp_path: Path
) -> None:
    gold, texts = write(tmp_path / "some.jsonl", rows()[:6]), tmp_path / "texts.jsonl"
    articles = [json.loads(line) for line in TEXTS.read_text("utf-8").splitlines()]
    for k, article in enumerate(articles):
        article["topic"] = ("sea", "land")[k % 2]
    write(texts, articles)
    inputs = f"eval --gold {gold} --articles {texts} --model {trained[0]} --json {tmp_path / 'out.json'}"
    curve = run(f"{inputs} --learning-curve")
    assert curve.exit_code == 0, curve.output
    assert "| learned from | macro-F1 | log-loss |" in curve.stdout and "Labels of " in curve.stdout
    assert "| shares of the labels alone |" in curve.stdout
    first, *_, last = json.loads((tmp_path / "out.json").read_text("utf-8"))["points"]
    assert first["statements"] == 0 and first["macro_f1"]["mean"] < last["macro_f1"]["mean"]
    left_out = run(f"{inputs} --leave-out topic")
    assert left_out.exit_code == 0, left_out.output
    assert "| shares | head |" in left_out.stdout and "the shares of the others' labels" in left_out.stdout
    values = json.loads((tmp_path / "out.json").read_text("utf-8"))["values"]
    assert {*values} == {"sea", "land"}
    counts = {label: 1 for label in SET.names}
    for row, article in zip(rows()[:6], articles, strict=False):
        if article["topic"] == "sea":
            for s in row["statements"]:
                counts[s["label"]] += 1
    of_land = [
        s["label"]
        for row, article in zip(rows()[:6], articles, strict=False)
        if article["topic"] == "land"
        for s in row["statements"]
    ]
    expected = -np.mean([np.log(counts[label] / sum(counts.values())) for label in of_land])
    assert values["land"][0]["start"] == pytest.approx(expected)
