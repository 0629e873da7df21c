"""Train one small encoder that finds statements and tells what they do, as another model does both with two.

Its layers begin as the first ones of the other's extractor (Sanh et al., 2019: DistilBERT), and learn from what that extractor
answers, from the attributions that it learned from, and from the labels of statements.
"""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from torch import Tensor, nn

from quoth import huggingface
from quoth.model.checkpoint import FORMAT, WEIGHTS, Calibration, Checkpoint, Manifest
from quoth.model.network import Extractor, OneEncoder
from quoth.training import batches, examples, losses
from quoth.training.export import write_one_encoder
from quoth.training.loop import Batches, Schedule, fit
from quoth.training.paraphrases import paraphrases
from quoth.training.rounding import rounded
from quoth.training.runs import Run
from quoth.training.teaching import taught
from quoth.training.train import Data, files_of, hashes, mean_losses, write_calibrated

SHARE = 0.25
"""Of what the teacher surely takes for `other`, that is learned: a window is read for its other statements anyway."""


class OneEncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: what it is trained from, and how."""

    name: str
    version: str
    teacher: str
    """Name of a model folder of the package, whose words it shares."""
    layers: int
    data: Data
    schedule: Schedule
    window: int = 510
    """Tokens that are read at once, without [CLS] and [SEP]."""
    window_left: int = 128
    window_right: int = 64
    paraphrases: int = 12000
    """Weakly labelled paraphrases added to the labels."""
    taught: int = 0
    """Of the articles, in which the teacher answers for the statements that nobody labelled."""
    rounded_from: float = 1.0
    """Share of the steps after which weights are rounded as the export rounds them, see `quoth.training.rounding`."""


def manifest(config: OneEncoderConfig) -> Manifest:
    """What the model folder says of itself, not yet calibrated."""
    return Manifest(
        FORMAT,
        config.name,
        config.version,
        config.window,
        config.window_left,
        config.window_right,
        config.window,
        True,
        Calibration(),
        one_encoder=True,
        words=config.teacher,
    )


def train(config: OneEncoderConfig, data: Path, folder: Path, out: Path, device: str = "cpu") -> None:
    """Train the network, going on where an interrupted run left it, and write the model folder `out`."""
    files = files_of(config.data, data)
    run = Run(folder, config, hashes(files))
    teacher = Checkpoint(WEIGHTS / config.teacher)
    pieces = teacher.pieces
    labelled = list(examples.corrected(examples.labelled_articles(files["labels"], files["articles"])))
    dev = list(examples.labelled_articles(files["dev_labels"], files["articles"]))
    named = [*labelled]
    labelled = paraphrases(
        teacher, labelled, config.paraphrases, config.schedule.seed, folder / "paraphrases.json"
    )
    if config.data.more_articles:
        named += examples.labelled_articles(examples.MORE_SPEAKERS, files["more_articles"])
        labelled += examples.labelled_articles(examples.MORE_LABELS, files["more_articles"])
    seed, kept = config.schedule.seed, folder / "taught.jsonl"
    answered = {a.id: a for a in taught(teacher, labelled, config.taught, seed, kept, SHARE, targets=True)}
    labelled = [answered.get(a.id, a) for a in labelled]
    labelled += examples.hard_cases()
    attributed = list(examples.attribution_articles(files["attributions"]))
    rows = {
        "attributions": list(examples.attribution_examples(attributed, pieces)),
        "names": list(examples.name_examples(named, pieces)),
        "statements": list(examples.classification_examples(labelled, pieces)),
        "dev": list(examples.classification_examples(dev, pieces)),
    }
    network, extractor = begun(config)
    _fit(network, extractor.to(device), config, rows, batches.Vocabulary(pieces.cls, pieces.sep, pieces.pad),
         run, device)  # fmt: skip
    own = manifest(config)
    write_one_encoder(out, network, own)
    write_calibrated(out, own, dev, files["dev_attributions"], run)


def begun(config: OneEncoderConfig) -> tuple[OneEncoder, Extractor]:
    """The network as its training begins, and the teacher's extractor."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / config.teacher
        huggingface.export(WEIGHTS / config.teacher, folder)
        extractor, classifier = huggingface.load_extractor(folder), huggingface.load_classifier(folder)
        network = OneEncoder(str(folder / huggingface.EXTRACTOR), pretrained=False)
    network.load_state_dict(extractor.state_dict(), strict=False)
    network.heads.load_state_dict(classifier.state_dict(), strict=False)
    network.encoder.table = extractor.encoder.table
    body = network.encoder.body
    body.encoder.layer = body.encoder.layer[: config.layers]
    body.config.num_hidden_layers = config.layers
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            # A network so small does not learn so many windows by heart.
            module.p = 0.0
    return network, extractor.requires_grad_(False)


def _fit(
    network: OneEncoder,
    teacher: Extractor,
    config: OneEncoderConfig,
    rows: dict[str, batches.Rows],
    vocabulary: batches.Vocabulary,
    run: Run,
    device: str,
) -> None:
    size, schedule = config.window, config.schedule

    def windows(split: str, rng: np.random.Generator) -> Batches:
        return [*batches.window_batches(rows[split], size, schedule.batch, vocabulary, rng)]

    def epoch(rng: np.random.Generator) -> Batches:
        tagging = batches.attribution_batches(rows["attributions"], size, schedule.batch, vocabulary, rng)
        naming = batches.name_batches(rows["names"], size, schedule.batch, vocabulary, rng)
        every: Batches = [*tagging, *naming, *windows("statements", rng)]
        return [every[k] for k in rng.permutation(len(every))]

    def loss(network: nn.Module, batch: Any) -> dict[str, Tensor]:
        assert isinstance(network, OneEncoder)
        if isinstance(batch, batches.ClassifierBatch):
            return losses.one_encoder_loss(network, teacher, batch)
        if isinstance(batch, batches.NameBatch):
            return losses.name_loss(network, batch)
        return losses.attribution_loss(network, batch)

    def judge(network: nn.Module) -> dict[str, float]:
        return mean_losses(network, windows("dev", np.random.default_rng(0)), loss, device)

    def around(done: float) -> AbstractContextManager[None]:
        return rounded(network, 6) if done >= config.rounded_from else nullcontext()

    fit("network", network, epoch, loss, judge, schedule, run, device, around)
