"""`quoth train --labels`: a head for labels of one's own on top of another model, and whether it is better for them.

The labels are quoth's stances and sentiments, of which the head corrects what the other model says, or those of a label set, which
the head tells alone.
"""

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
from quoth.eval.gold import KINDS, GoldArticle, GoldKind, origin_notes
from quoth.gains import FEWEST_FOR_LEVEL, Gain, few, gains, is_better, markdown
from quoth.label_sets import LabelSet
from quoth.label_tasks import Task, against, label_task, read_tasks
from quoth.labeler import Labeler
from quoth.model.checkpoint import HEAD, Start, beside, folder_hash, read_manifest, write_manifest
from quoth.model.heads import CORRECTED, LABEL, Correction, Head
from quoth.model.layout import STANCE_LABELS
from quoth.records import ModelInfo
from quoth.training.heads import Fitted, Floats, cross_fitted, fit, shares
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
    """What became of the stance, the sentiment or the label.

    better: its log-loss is.  kept: the model folder has what was learned, not the start model's answers.  strength: of the
    penalty, see `quoth.training.heads`.  temperature: that divides the corrected logits, beside the start model's own.
    """

    better: bool
    kept: bool
    strength: float
    temperature: float


class Report(msgspec.Struct, frozen=True):
    """What was trained, from what, and whether it got better: report.json.

    model: None where none was written.  among_paraphrases: whether paraphrases were told as those that quoth finds itself,
    see `quoth.label_tasks.stance_task`.  texts: hashes of the articles, see `quoth.eval.provenance.text_hashes`.  label_set: None for
    quoth's own labels.
    """

    model: ModelInfo | None
    start: ModelInfo
    config: RetrainConfig
    labels: str
    labels_sha256: str
    articles: int
    articles_hash: str
    statements: dict[str, dict[str, int]]
    """By kind and stance or label."""
    among_paraphrases: bool
    gains: list[Gain]
    parts: dict[str, Part]
    notes: list[str]
    date: str
    quoth: str
    versions: dict[str, str]
    texts: list[str]
    label_set: LabelSet | None


def retrain(
    config: RetrainConfig,
    labels: Path,
    gold: Sequence[GoldArticle],
    out: Path,
    anyway: bool = False,
    say: Callable[[str], None] = lambda _: None,
    label_set: LabelSet | None = None,
) -> Report:
    """Fit a head to the labels of `gold`, which were read from the file `labels`, and write the model folder `out`.

    Stance and sentiment are corrected where that makes them better, both where `anyway`; where it makes neither better, the
    folder gets the report alone.  label_set: that the labels are of, in place of stance and sentiment (`gold` is what
    `quoth.eval.coded` reads); they are told where that is better than the share of each.  Raises InputError for too few labels, for
    articles of split test, and where `out` holds a model; ConfigError for a start that is none.
    """
    check(labels, gold)
    start = _start(config, out)
    labeler = Labeler.from_pretrained(start)
    count = sum(len(_labelled(article)) for article in gold)
    say(f"{config.start} reads {count:,} statements of {len(gold):,} articles")
    if label_set is None:
        tasks = read_tasks(labeler, gold, labels)
    else:
        tasks = [label_task(labeler, gold, label_set, labels)]
    found: dict[str, list[Gain]] = {}
    fitted: dict[str, Fitted] = {}
    notes = origin_notes(gold)
    for task in tasks:
        say(f"fitting the {task.name}")
        told = cross_fitted(task.statements, config.folds, config.seed)
        if task.statements.known:
            found[task.name] = gains(task, told, config.seed)
            notes += few(task, task.statements.logits)
        else:
            alone = shares(task.statements, config.folds, config.seed)
            found[task.name] = gains(against(task, alone), told, config.seed)
            notes += few(task, told)
        fitted[task.name] = fit(task.statements, config.folds, config.seed)
    better = {name: is_better(log_loss) for name, (log_loss, *_) in found.items()}
    kept = {name: fitted[name] for name in found if better[name] or anyway}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}") from error
    model = None
    if kept:
        _write_model(config, out, start, _head(kept, tasks, start), kept, label_set)
        model = Labeler.from_pretrained(out).model
    report = Report(
        model=model,
        start=labeler.model,
        config=config,
        labels=labels.name,
        labels_sha256=hashlib.sha256(labels.read_bytes()).hexdigest(),
        articles=len(gold),
        articles_hash=provenance.articles_hash(gold),
        statements=_counts(gold, label_set),
        among_paraphrases=tasks[0].among_paraphrases,
        gains=[gain for rows in found.values() for gain in rows],
        parts={n: Part(better[n], n in kept, f.strength, f.temperature) for n, f in fitted.items()},
        notes=notes,
        date=provenance.now(),
        quoth=quoth.__version__,
        versions=provenance.versions(),
        texts=provenance.text_hashes(gold),
        label_set=label_set,
    )
    write_json(out / REPORT, report)
    return report


def summary(report: Report) -> str:
    """The report as a user reads it, in Markdown."""
    config, start, label_set = report.config, report.start, report.label_set
    what = ", both" if label_set is None else f", labels of {label_set},"
    remark = (
        f"{config.name} {config.version} on top of {start}{what} judged on articles that "
        f"the head has not seen: {config.folds} folds by article, seed {config.seed}. Log-loss: less is better. p: permutation "
        "test by article."
    )
    if label_set is not None:
        remark += " Shares: each label as probable as it is frequent in the other folds."
    if report.among_paraphrases:
        remark += " Paraphrases are told as those that quoth finds itself, most of which are `other`."
    notes = "\n".join(f"- {note}" for note in report.notes)
    table = markdown(report.gains) if label_set is None else markdown(report.gains, "shares", "head")
    return "\n\n".join(filter(None, [table, remark, notes])) + "\n"


def verdict(report: Report) -> str:
    """One line: what the model learned, or why none was written."""
    start = report.start.name
    rival, own = (start, "retrained") if report.label_set is None else ("the shares alone", "with the head")
    said = []
    for name, part in report.parts.items():
        loss = next(gain for gain in report.gains if gain.name == f"{name}: log-loss")
        what = "better" if part.better else "not better, but asked for" if part.kept else "not better"
        said.append(
            f"log-loss of the {name} {loss.start:.3f} with {rival}, {loss.retrained:.3f} {own} (p = {loss.p:.4f}): {what}"
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
    labelled = [article for article in gold if _labelled(article)]
    if len(labelled) < 2:
        raise InputError(
            f"{labels}: found {len(labelled)} articles with labelled statements, expected at least two: some to learn from, "
            "others to judge on"
        )
    coded = any(article.coded for article in gold)
    found = {label for article in labelled for _, label in _labelled(article)}
    if len(found) < 2:
        raise InputError(
            f"{labels}: field {'label' if coded else 'stance'!r}: found {found.pop()!r} alone, expected at least two "
            f"{'labels' if coded else 'stances'}"
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


def _labelled(article: GoldArticle) -> list[tuple[GoldKind, str]]:
    """Kind, and stance or label, of its statements."""
    return [(s.kind, s.label) for s in article.coded] or [(s.kind, s.stance) for s in article.statements]


def _counts(gold: Sequence[GoldArticle], label_set: LabelSet | None) -> dict[str, dict[str, int]]:
    names = STANCE_LABELS if label_set is None else label_set.names
    counts: dict[str, dict[str, int]] = {kind: dict.fromkeys(names, 0) for kind in KINDS}
    for article in gold:
        for kind, label in _labelled(article):
            counts[kind][label] += 1
    return counts


def _head(kept: Mapping[str, Fitted], tasks: Sequence[Task], start: Path) -> Head:
    """Zeros where nothing was kept.  The graph's logits are corrected, which no temperature has divided yet; those of labels are
    the head's alone, and divided already."""
    if LABEL in kept:
        return Head({LABEL: _correction(kept[LABEL].weight / kept[LABEL].temperature)})
    calibration, width = read_manifest(start).calibration, tasks[0].statements.states.shape[1]
    weights = {
        name: kept[name].weight * getattr(calibration, name) if name in kept else np.zeros((width, k))
        for name, k in CORRECTED.items()
    }
    return Head({name: _correction(weight) for name, weight in weights.items()})


def _correction(weight: Floats) -> Correction:
    """weight: (width + 1, k), the bias last."""
    return Correction(weight[:-1].astype(np.float32), weight[-1].astype(np.float32))


def _write_model(
    config: RetrainConfig,
    out: Path,
    start: Path,
    head: Head,
    kept: Mapping[str, Fitted],
    label_set: LabelSet | None,
) -> None:
    own = read_manifest(start)
    temperatures = {
        name: round(getattr(own.calibration, name) * fitted.temperature, 4)
        for name, fitted in kept.items()
        if name != LABEL
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
            label_set=label_set or msgspec.UNSET,
        ),
    )
