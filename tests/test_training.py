"""The whole way from labels to a labelling model folder, with a network of two thin layers."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("datasets")
pytest.importorskip("onnxscript")

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from quoth.config import load
from quoth.errors import ConfigError
from quoth.labeler import Labeler
from quoth.model.checkpoint import Calibration, Checkpoint, read_manifest
from quoth.model.network import Classifier, Extractor
from quoth.model.probabilities import softmax
from quoth.model.stances import tell_stances
from quoth.model.statements import Found
from quoth.training import examples, one_encoder
from quoth.training.calibrate import paraphrase_line, platt, temperature
from quoth.training.examples import GoldArticle
from quoth.training.loop import Schedule
from quoth.training.one_encoder import OneEncoderConfig
from quoth.training.paraphrases import _weak_label
from quoth.training.train import Data, Distillation, TrainConfig, backbone_folder, manifest, train

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def articles() -> list[dict[str, Any]]:
    with (EXAMPLES / "articles.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def backbone(articles: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Hugging Face encoders are kept: config, random weights, tokenizer."""
    folder = tmp_path_factory.mktemp("backbone")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=2000, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([a["text"] for a in articles], trainer)
    # As some tokenizers come: cut at 128 tokens unless told otherwise.
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding(length=128)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=512,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(articles: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: our labels, and attributions made of their quoted passages."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "articles").mkdir()
    labels = (EXAMPLES / "labels.jsonl").read_text("utf-8")
    (folder / "labels.jsonl").write_text(labels, "utf-8")
    texts = {a["id"]: a["text"] for a in articles}
    with (folder / "attributions.jsonl").open("w", encoding="utf-8") as out:
        for line in labels.splitlines():
            row = json.loads(line)
            text = texts[row["article"]]
            (folder / "articles" / f"{row['article']}.json").write_text(
                json.dumps({"content_original": text}), "utf-8"
            )
            statements = [_attribution(text, s) for s in row["statements"] if s["kind"] == "quoted"]
            out.write(json.dumps({"doc": row["article"], "text": text, "statements": statements}) + "\n")
    with gzip.open(folder / "more.jsonl.gz", "wt", encoding="utf-8") as more:
        more.writelines(json.dumps({"id": f"more-{a['id']}", "text": a["text"]}) + "\n" for a in articles)
    return folder


def _attribution(text: str, statement: dict[str, Any]) -> dict[str, Any]:
    said = text.find(" said", statement["end"], statement["end"] + 40)
    cue = [[said + 1, said + 5]] if said >= 0 else []
    return {"content": [[statement["start"], statement["end"]]], "cue": cue, "source": []}


@pytest.fixture(scope="module", autouse=True)
def few_hard_cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All of them would take minutes."""
    few = tmp_path_factory.mktemp("hard") / "hard_cases.jsonl"
    few.write_text("".join(examples.HARD_CASES.read_text("utf-8").splitlines(True)[:200]), "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(examples.hard_cases, "__defaults__", (few,))
        yield


@pytest.fixture(scope="module")
def config(backbone: Path) -> TrainConfig:
    schedule = Schedule(epochs=1, batch=8, learning_rate=1e-3, head_learning_rate=1e-3, checkpoint_steps=3)
    files = Data(
        "attributions.jsonl", "attributions.jsonl", "labels.jsonl", "labels.jsonl", "articles", "more.jsonl.gz"
    )  # fmt: skip
    return TrainConfig(
        "tiny", "0", str(backbone), files, schedule, schedule, window=200, window_left=40, window_right=20,
        context=126, together=False, paraphrases=20, hard_cases=1, distillation=Distillation("small", 5, schedule),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(
    config: TrainConfig, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """(run folder, model folder)"""
    run = tmp_path_factory.mktemp("run")
    none = data / "none.jsonl"
    none.touch()
    with pytest.MonkeyPatch.context() as patched:
        # The articles that these are of are not ours to carry.
        patched.setattr(examples, "MORE_LABELS", none)
        patched.setattr(examples, "MORE_SPEAKERS", none)
        train(config, data, run, run / "model")
        yield run, run / "model"


def test_a_trained_model_labels(trained: tuple[Path, Path], articles: list[dict[str, Any]]) -> None:
    labeler = Labeler.from_pretrained(trained[1])
    record = labeler.label_one(articles[0]["text"])
    assert (record.model.name, record.model.version) == ("tiny", "0")
    assert record.statements
    for s in record.statements:
        assert articles[0]["text"][s.start : s.end] == s.text
        assert sum(s.stance_probabilities.values()) == pytest.approx(1, abs=1e-3)


def test_the_run_folder_tells_what_was_trained(trained: tuple[Path, Path], data: Path) -> None:
    run = json.loads((trained[0] / "run.json").read_text("utf-8"))
    assert run["data"]["labels.jsonl"] == hashlib.sha256((data / "labels.jsonl").read_bytes()).hexdigest()
    assert run["config"]["classifier"]["epochs"] == 1
    lines = [json.loads(line) for line in (trained[0] / "metrics.jsonl").read_text("utf-8").splitlines()]
    epochs = [line for line in lines if "tokens_per_second" not in line]
    assert [line.get("network") for line in epochs] == ["extractor", "classifier", "distillation", None]
    assert lines[0]["dev"]["content"] > 0


def test_a_finished_run_is_not_trained_again(
    trained: tuple[Path, Path], config: TrainConfig, data: Path, tmp_path: Path
) -> None:
    before = [
        (trained[0] / f"{name}.pt").stat().st_mtime_ns for name in ("extractor", "classifier", "distillation")
    ]
    train(config, data, trained[0], tmp_path / "again")
    assert before == [
        (trained[0] / f"{name}.pt").stat().st_mtime_ns for name in ("extractor", "classifier", "distillation")
    ]
    for name in ("extractor.onnx", "embeddings.npz", "tokenizer.json"):
        assert (tmp_path / "again" / name).read_bytes() == (trained[1] / name).read_bytes()


def test_a_run_folder_of_another_config_is_refused(
    trained: tuple[Path, Path], config: TrainConfig, data: Path
) -> None:
    other = msgspec.structs.replace(config, paraphrases=21)
    with pytest.raises(ConfigError, match="another config"):
        train(other, data, trained[0], trained[0] / "model")


@pytest.mark.parametrize("length", [7, 60])
def test_the_graphs_answer_as_the_networks_do(
    trained: tuple[Path, Path], backbone: Path, length: int
) -> None:
    """Few bits move the answers of thin random layers by little."""
    checkpoint = Checkpoint(trained[1])
    ids = np.random.default_rng(0).integers(4, 500, size=length)
    marks = np.zeros(length, dtype=np.int64)
    marks[1:4] = 1
    spans = np.array([[1, 3], [1, 4], [2, 4]])
    with torch.inference_mode():
        extractor = _network(Extractor(str(backbone)), trained[0] / "extractor.pt")
        tags = extractor(extractor.encoder.embed(torch.from_numpy(ids[None])), None).tags[0].numpy()
        classifier = _network(Classifier(str(backbone)), trained[0] / "distillation.pt")
        told = classifier(
            classifier.encoder.embed(torch.from_numpy(ids[None])),
            None,
            torch.from_numpy(marks[None]),
            torch.from_numpy(np.pad(spans, ((0, 0), (1, 0)))),
        )
    assert checkpoint.extract(ids)["tags"] == pytest.approx(tags, abs=0.05)
    assert checkpoint.classify(ids, marks, spans)["stance"] == pytest.approx(told.stance.numpy(), abs=0.05)


@pytest.fixture(scope="module")
def of_one_encoder(
    data: Path, config: TrainConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[OneEncoderConfig, Path]:
    """A run folder, and in it the model: one layer that begins as the first of `small`."""
    run = tmp_path_factory.mktemp("one")
    recipe = OneEncoderConfig(
        "quick", "0", "small", 1, msgspec.structs.replace(config.data, more_articles=""), config.classifier,
        window=200, window_left=40, window_right=20, paraphrases=20, taught=2,
    )  # fmt: skip
    one_encoder.train(recipe, data, run, run / "model")
    return recipe, run


def test_a_model_of_one_encoder_labels(
    of_one_encoder: tuple[OneEncoderConfig, Path], articles: list[dict[str, Any]]
) -> None:
    _, run = of_one_encoder
    assert {path.name for path in (run / "model").iterdir()} == {
        "classifier.onnx", "extractor.onnx", "model.json",
    }  # fmt: skip
    assert Calibration() != read_manifest(run / "model").calibration
    record = Labeler.from_pretrained(run / "model").label_one(articles[0]["text"])
    assert record.model.name == "quick" and record.statements


def test_its_graphs_answer_as_the_network_does(of_one_encoder: tuple[OneEncoderConfig, Path]) -> None:
    recipe, run = of_one_encoder
    network = _network(one_encoder.begun(recipe)[0], run / "network.pt")
    checkpoint = Checkpoint(run / "model")
    (tokens,) = checkpoint.pieces(["“You lied to the council, and to us,” she said of the mayor on Monday."])
    ids = np.array([checkpoint.pieces.cls, *tokens.ids, checkpoint.pieces.sep])
    spans = np.array([[1, 12], [3, 5]])
    with torch.inference_mode():
        found = network(network.encoder.embed(torch.from_numpy(ids[None])), None)
        right = network.heads.told(found.states, None, torch.from_numpy(np.pad(spans, ((0, 0), (1, 0)))))
    answer = checkpoint.extract(ids)
    assert answer["tags"] == pytest.approx(found.tags[0].numpy(), abs=0.3)
    told = checkpoint.classify(ids, np.zeros_like(ids), spans, answer["states"])
    assert told["stance"] == pytest.approx(right.stance.numpy(), abs=0.3)
    # Alone, a statement's state is rounded by a range of its own.
    given = tell_stances(checkpoint, tokens, [(0, 11)])[0].stance
    assert given == pytest.approx(
        softmax(told["stance"][0] / checkpoint.manifest.calibration.stance), abs=0.02
    )


def _network(network: Any, checkpoint: Path) -> Any:
    network.load_state_dict(torch.load(checkpoint, weights_only=False)["network"])
    return network.eval()


def test_the_temperature_undoes_an_overconfident_scaling() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 5))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gold = np.array([rng.choice(5, p=row) for row in p])
    assert temperature(logits * 2.5, gold) == pytest.approx(2.5, rel=0.1)


def test_platt_maps_scores_to_the_shares_that_are_right() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.02, 0.98, 4000)
    odds = score / (1 - score)
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.5 * np.log(odds) + 1)))
    slope, offset = platt(score.tolist(), right.tolist())
    assert (slope, offset) == pytest.approx((0.5, 1.0), abs=0.12)


def test_paraphrase_line_finds_how_much_rarer_stances_are_than_the_scores_say() -> None:
    """Of 1000 statements that score 0.5, 200 have the stance: e**offset = 4."""
    logits = np.zeros((1000, 5))
    logits[:, 1:4] = -50
    gold = np.array([0] * 200 + [4] * 800)
    slope, offset = paraphrase_line(logits, gold, np.ones(1000))
    assert offset == pytest.approx(np.log(4), abs=0.03)
    # Weights stand for statements that were left out.
    few = np.r_[0:200, 200:400]
    assert paraphrase_line(logits[few], gold[few], np.repeat([1.0, 4.0], 200)) == (slope, offset)


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES.parent / "configs").glob("train_*.toml")), ids=lambda p: p.stem
)
def test_the_recipes_of_the_package_can_be_read(path: Path) -> None:
    if path.stem == "train_fast":
        assert load(path, OneEncoderConfig).name == "fast"
        return
    recipe = load(path, TrainConfig)
    assert path.stem == f"train_{recipe.name}"
    assert manifest(recipe).extractor == ("" if recipe.name == "small" else "small")


def test_a_backbone_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="backbone nowhere: no such folder"):
        backbone_folder("nowhere")


def test_weak_labels_come_only_from_between_labelled_statements() -> None:
    def found(start: int) -> Found:
        return Found(start, start + 9, 0, 1, (0, 1), "indirect", False, 0.9, 0, (0, 1), None, True)

    def article(n: int) -> GoldArticle:
        return GoldArticle(
            "a", "x" * 999, [{"start": 100 * k, "end": 100 * k + 50, "stance": "denial"} for k in range(1, n)]
        )

    assert _weak_label(found(160), article(6)) == {
        "stance": "other", "stance2": None, "sentiment": None, "target": None
    }  # fmt: skip
    # Before, behind, on a labelled one; an article of which little was read.
    assert [_weak_label(found(k), article(6)) for k in (20, 700, 120)] == [None] * 3
    assert _weak_label(found(160), article(4)) is None
