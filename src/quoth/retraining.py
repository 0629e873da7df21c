"""`quoth train --labels`: a head for labels of one's own on top of another model, and whether it got better by them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

import quoth
from quoth.errors import ConfigError, InputError
from quoth.eval import provenance
from quoth.eval.gold import KINDS, GoldArticle, origin_notes
from quoth.gains import FEWEST_FOR_LEVEL, Gain, few, gains, is_better, markdown
from quoth.label_tasks import Task, read_tasks
from quoth.labeler import Labeler
from quoth.model.checkpoint import HEAD, Start, beside, folder_hash, read_manifest, write_manifest
from quoth.model.heads import Correction, Head
from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.records import ModelInfo
from quoth.training.heads import Fitted, cross_fitted, fit
from quoth.writing import whole, write_json

REPORT = "report.json"

_Name = Annotated[str, msgspec.Meta(min_length=1)]


class RetrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that starts from another."""

    name: _Name
    version: _Name
    start: _Name = "small"
    """Name of a model folder beside the new one, or of the package."""
    folds: Annotated[int, msgspec.Meta(ge=2, le=50)] = 5
    """Parts that the articles are divided into: each is judged by a head that was fitted to the others."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Of the division into folds, and of the tests' draws."""


class Part(msgspec.Struct, frozen=True):
    """What became of the stance or the sentiment.

    better: its log-loss is.  kept: the model folder has the correction, not the start model's answers.  strength: of the
    penalty, see `quoth.training.heads`.  temperature: that divides the corrected logits, beside the start model's own.
    """

    better: bool
    kept: bool
    strength: float
    temperature: float


class Report(msgspec.Struct, frozen=True):
    """What was trained, from what, and whether it got better: report.json.

    model: None where none was written.  among_paraphrases: whether paraphrases were told as those that quoth finds itself,
    see `quoth.label_tasks.stance_task`.
    """

    model: ModelInfo | None
    start: ModelInfo
    config: RetrainConfig
    labels: str
    labels_sha256: str
    articles: int
    articles_hash: str
    statements: dict[str, dict[str, int]]
    """By kind and stance."""
    among_paraphrases: bool
    gains: list[Gain]
    parts: dict[str, Part]
    notes: list[str]
    date: str
    quoth: str
    versions: dict[str, str]


def retrain(
    config: RetrainConfig,
    labels: Path,
    gold: Sequence[GoldArticle],
    out: Path,
    anyway: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Fit a head to the labels of `gold`, which were read from the file `labels`, and write the model folder `out`.

    Stance and sentiment are corrected where that makes them better, both where `anyway`; where it makes neither better, the
    folder gets the report alone.  Raises InputError for too few labels, for articles of split test, and where `out` holds a
    model; ConfigError for a start that is none.
    """
    check(labels, gold)
    start = _start(config, out)
    labeler = Labeler.from_pretrained(start)
    count = sum(len(article.statements) for article in gold)
    say(f"{config.start} reads {count:,} statements of {len(gold):,} articles")
    tasks = read_tasks(labeler, gold, labels)
    found: dict[str, list[Gain]] = {}
    fitted: dict[str, Fitted] = {}
    for task in tasks:
        say(f"fitting the {task.name}")
        told = cross_fitted(task.statements, config.folds, config.seed)
        found[task.name] = gains(task, told, config.seed)
        fitted[task.name] = fit(task.statements, config.folds, config.seed)
    better = {name: is_better(log_loss) for name, (log_loss, *_) in found.items()}
    kept = {name: fitted[name] for name in found if better[name] or anyway}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}") from error
    model = None
    if kept:
        _write_model(config, out, start, _head(kept, tasks, start), kept)
        model = Labeler.from_pretrained(out).model
    report = Report(
        model=model,
        start=labeler.model,
        config=config,
        labels=labels.name,
        labels_sha256=hashlib.sha256(labels.read_bytes()).hexdigest(),
        articles=len(gold),
        articles_hash=provenance.articles_hash(gold),
        statements=_counts(gold),
        among_paraphrases=tasks[0].among_paraphrases,
        gains=[gain for rows in found.values() for gain in rows],
        parts={n: Part(better[n], n in kept, f.strength, f.temperature) for n, f in fitted.items()},
        notes=[*origin_notes(gold), *(note for task in tasks for note in few(task))],
        date=provenance.now(),
        quoth=quoth.__version__,
        versions=provenance.versions(),
    )
    write_json(out / REPORT, report)
    return report


def summary(report: Report) -> str:
    """The report as a user reads it, in Markdown."""
    config, start = report.config, report.start
    remark = (
        f"{config.name} {config.version} on top of {start}, both judged on articles that "
        f"the head has not seen: {config.folds} folds by article, seed {config.seed}. Log-loss: less is better. p: permutation "
        "test by article."
    )
    if report.among_paraphrases:
        remark += " Paraphrases are told as those that quoth finds itself, most of which are `other`."
    notes = "\n".join(f"- {note}" for note in report.notes)
    return "\n\n".join(filter(None, [markdown(report.gains), remark, notes])) + "\n"


def verdict(report: Report) -> str:
    """One line: what the model learned, or why none was written."""
    said, start = [], report.start.name
    for name, part in report.parts.items():
        loss = next(gain for gain in report.gains if gain.name == f"{name}: log-loss")
        what = "better" if part.better else "not better, but asked for" if part.kept else "not better"
        said.append(
            f"log-loss of the {name} {loss.start:.3f} with {start}, {loss.retrained:.3f} retrained (p = {loss.p:.4f}): {what}"
        )
    if report.model is not None:
        return "; ".join(
            [*said, *(f"{n} stays as {start}'s" for n, part in report.parts.items() if not part.kept)]
        )
    if report.gains[0].articles < FEWEST_FOR_LEVEL:
        said.append(f"fewer than {FEWEST_FOR_LEVEL} articles can prove nothing")
    return f"no model written: {'; '.join(said)}; --anyway writes it nevertheless"


def check(labels: Path, gold: Sequence[GoldArticle]) -> None:
    """Raises InputError where labels cannot be learned from and judged on."""
    labelled = [article for article in gold if article.statements]
    if len(labelled) < 2:
        raise InputError(
            f"{labels}: found {len(labelled)} articles with labelled statements, expected at least two: some to learn from, "
            "others to judge on"
        )
    stances = {s.stance for article in labelled for s in article.statements}
    if len(stances) < 2:
        raise InputError(
            f"{labels}: field 'stance': found {stances.pop()!r} alone, expected at least two stances"
        )
    if tested := [article.id for article in gold if article.split == "test"]:
        raise InputError(
            f"{labels}, article {tested[0]}: field 'split': found 'test' ({len(tested)} articles), expected none that a model "
            "is only to be judged on"
        )


def _start(config: RetrainConfig, out: Path) -> Path:
    """The folder of the start model; `out` is found fit to be written."""
    if (out / "model.json").exists() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: is there already; expected the name of a new folder")
    name = config.start
    if Path(name).name != name or out.resolve().name == name:
        raise ConfigError(
            f"start: found {name!r}, expected the name, not the path, of another folder than {out}"
        )
    folder = beside(out.resolve(), name)
    if not folder.is_dir():
        raise ConfigError(f"start: found {name!r}, expected a model of the package, or a folder beside {out}")
    below = read_manifest(folder).start
    if below is not msgspec.UNSET:
        raise ConfigError(
            f"start: found {name!r}, which starts from {below.name!r}; start from that, with all labels"
        )
    return folder


def _counts(gold: Sequence[GoldArticle]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {kind: dict.fromkeys(STANCE_LABELS, 0) for kind in KINDS}
    for article in gold:
        for s in article.statements:
            counts[s.kind][s.stance] += 1
    return counts


def _head(kept: Mapping[str, Fitted], tasks: Sequence[Task], start: Path) -> Head:
    """Zeros where nothing was kept.  The graph's logits are corrected, which no temperature has divided yet."""
    calibration, width = read_manifest(start).calibration, tasks[0].statements.states.shape[1]

    def correction(name: str, k: int, temperature: float) -> Correction:
        weight = kept[name].weight * temperature if name in kept else np.zeros((width, k))
        return Correction(weight[:-1].astype(np.float32), weight[-1].astype(np.float32))

    return Head(
        correction("stance", len(STANCE_LABELS), calibration.stance),
        correction("sentiment", len(SENTIMENT_LABELS), calibration.sentiment),
    )


def _write_model(
    config: RetrainConfig, out: Path, start: Path, head: Head, kept: Mapping[str, Fitted]
) -> None:
    own = read_manifest(start)
    temperatures = {
        name: round(getattr(own.calibration, name) * fitted.temperature, 4) for name, fitted in kept.items()
    }
    with whole(out / HEAD) as file:
        head.write(file)
    write_manifest(
        out,
        msgspec.structs.replace(
            own,
            name=config.name,
            version=config.version,
            calibration=msgspec.structs.replace(own.calibration, **temperatures),
            start=Start(config.start, folder_hash(start)),
        ),
    )
