"""`quoth eval`: files in, a result out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypedDict

import quoth
from quoth import processor
from quoth.articles import Columns as Fields
from quoth.errors import InputError
from quoth.eval import agreement, behaviour, cases, label_scores, measures, power, provenance
from quoth.eval.attribution import pieces_of, score
from quoth.eval.calibration import calibration
from quoth.eval.coded import read_coded
from quoth.eval.comparison import Comparison
from quoth.eval.contest import against, contender
from quoth.eval.draws import Draws
from quoth.eval.extraction import extraction
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldArticle, GoldKind, origin_notes
from quoth.eval.items import Judged, judged, with_told
from quoth.eval.measures import SCOPES, answer
from quoth.eval.polnear import read_documents
from quoth.eval.power import FEWEST_ARTICLES
from quoth.eval.predictions import absent, predicted_documents, predicted_records
from quoth.eval.result import (
    Articles,
    Attributions,
    Calibration,
    ExtractionScores,
    Invented,
    LabelScores,
    Result,
    Run,
    Scope,
    SentimentScores,
    Setting,
    Slice,
    SpeakerScores,
    StanceScores,
    TargetScores,
)
from quoth.eval.scores import macro_f1_of
from quoth.eval.slices import slices
from quoth.eval.suspects import suspects
from quoth.eval.tables import SUFFIXES, is_table, read_labels
from quoth.eval.traits import with_traits
from quoth.eval.versus import versus
from quoth.label_sets import LabelSet
from quoth.labeler import Labeler
from quoth.model.checkpoint import model_folder, read_manifest
from quoth.records import Article, ModelInfo, Record

Columns = Mapping[str, str] | None

_SUFFIXES = (".jsonl", ".ndjson", ".json", *SUFFIXES)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to evaluate.

    gold, articles: as `read_labels` takes them; split: that all of gold must be of; only_predicted: leave out
    gold articles without a prediction, which else count as missed.  predictions: as
    `predicted_records` takes them; without them, model (a name or a folder) labels the articles.  columns,
    gold_columns: what a table of predictions, of labels calls the fields.  fields: what a table of articles
    calls id and text.  baselines: as `quoth.eval.contest.contender` takes them.  passes: labels
    by several readers, as `read_passes` takes them.  cases: further behavioural tests.  command: to be
    written into the result.
    """

    gold: Path
    articles: Path
    split: str | None = None
    predictions: Path | None = None
    model: str | None = None
    columns: Columns = None
    gold_columns: Columns = None
    fields: Fields = field(default_factory=Fields)
    baselines: Sequence[str] = ()
    passes: Path | None = None
    only_predicted: bool = False
    cases: Sequence[Path] = ()
    draws: Draws = field(default_factory=Draws)
    command: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A result and the rows that it is of; looks: how often this test set was looked at, 0 for other sets."""

    result: Result
    rows: list[Judged]
    looks: int


def evaluate(inputs: Inputs) -> Evaluation:
    """Score predictions, or a model, on labels.

    A model is judged twice: end to end, and by its classifier alone on the gold spans; and by behavioural
    tests.  An evaluation on articles of split `test` is counted before it is seen, see
    `quoth.eval.provenance`.  Raises InputError as the readers do.
    """
    clock = _Clock()
    with clock("reading"):
        gold = _gold(inputs)
        extra = [case for path in inputs.cases for case in cases.read_cases(path)]
    with clock("annotators"):
        agreed = _agreed(inputs.passes) if inputs.passes else {}
    system = str(inputs.predictions or inputs.model or "small")
    rows, records, notes, labeler = _answers(system, inputs.predictions is not None, gold, inputs, clock)
    looks = _count_look(inputs, gold, system)
    if inputs.only_predicted:
        rows = [row for row in rows if row.article.id in records]
        gold = [row.article for row in rows]
    tested = None
    if labeler is not None:
        with clock("behaviour"):
            tested = behaviour.run(
                labeler, [*cases.read_cases(), *extra], inputs.draws.seed, cases.rule_cases()
            )
    with clock("measuring"):
        measured = _measured(rows, inputs.draws, absent(records))
    with clock("baselines"):
        rivals = [
            against(rows, contender(name, gold, inputs.articles), inputs.draws) for name in inputs.baselines
        ]
    items = [item for row in rows for item in row.items]
    ids = {article.id for article in gold}
    result = Result(
        run=_run(inputs, gold, labeler.model if labeler else None, clock.seconds),
        notes=[*origin_notes(gold), *notes],
        articles=Articles(len(gold), len(ids - records.keys()), len(records.keys() - ids)),
        behaviour=tested,
        baselines=rivals,
        agreement=agreed,
        suspects=[*suspects(items, "stance"), *suspects(items, "sentiment")],
        items=items,
        **measured,
    )
    return Evaluation(result, rows, looks)


def compare(inputs: Inputs, a: str, b: str) -> tuple[list[Comparison], int, list[str]]:
    """Two systems on the same labels: each a file of predictions (by its suffix), or a model.

    With looks, as in `Evaluation`, and notes on the labels.
    """
    clock = _Clock()
    gold = _gold(inputs)
    sides = [_answers(system, Path(system).suffix in _SUFFIXES, gold, inputs, clock) for system in (a, b)]
    (ours, told_a, *_), (theirs, told_b, *_) = sides
    learned = [note for *_, notes, labeler in sides if labeler is not None for note in notes]
    looks = _count_look(inputs, gold, f"{a} and {b}")
    found = versus(ours, theirs, inputs.draws, absent(told_a) | absent(told_b))
    return found, looks, [*origin_notes(gold), *learned]


def labels_of(inputs: Inputs) -> tuple[list[GoldArticle], int]:
    """The labels that a model, retrained on some of them, is judged by; with looks, as in `Evaluation`."""
    model = inputs.model or "small"
    gold = _gold(inputs, label_set_of(model))
    return gold, _count_look(inputs, gold, f"{model}, retrained")


def evaluate_labels(inputs: Inputs) -> tuple[LabelScores, int]:
    """Score the labels that a model tells of gold spans, see `quoth.eval.coded`; with looks, as in `Evaluation`.

    Raises InputError for a model without a label set.
    """
    clock, model = _Clock(), inputs.model or "small"
    if (label_set := label_set_of(model)) is None:
        raise InputError(f"{model}: has no label set, expected a model that was trained with one")
    with clock("reading"):
        gold = _gold(inputs, label_set)
    looks = _count_look(inputs, gold, model)
    with clock("loading"):
        labeler = Labeler.from_pretrained(model)
    with clock("labelling"):
        told = labeler.classify((a.text, s.start, s.end) for a in gold for s in a.coded)
    with clock("measuring"):
        probabilities = [t.label for t in told if t.label is not None]
        measured = label_scores.measured(gold, label_set.names, probabilities, inputs.draws)
    found = LabelScores(
        run=_run(inputs, gold, labeler.model, clock.seconds),
        notes=[*origin_notes(gold), *provenance.learned_notes(model_folder(model), gold)],
        label_set=label_set,
        articles=len(gold),
        **measured,
    )
    return found, looks


def label_set_of(model: str) -> LabelSet | None:
    """Labels of a codebook of one's own that a model tells; raises ModelError where there is no model."""
    found = read_manifest(model_folder(model)).label_set
    return found if isinstance(found, LabelSet) else None


def articles_needed(
    rows: Sequence[Judged], half_width: float, draws: Draws
) -> dict[str, power.SampleSize | str]:
    """How many such articles an annotator has to label to know a figure within +- `half_width`.

    Figures: macro-F1 over the four stances by kind, end to end.  Why not, where these articles cannot tell.
    """
    metric = partial(macro_f1_of, classes=measures.FOUR)
    sizes: dict[str, power.SampleSize | str] = {}
    for kind in KINDS:
        pairs = measures.stance_pairs(rows, kind, "end_to_end")
        counts = measures.confusions(pairs, measures.LABELS)
        try:
            sizes[kind] = power.articles_needed(counts, metric, half_width, seed=draws.seed)
        except InputError as error:
            sizes[kind] = str(error)
    return sizes


def evaluate_attributions(
    gold: Path, predictions: Path | None, model: str | None, columns: Columns, draws: Draws, command: str
) -> Attributions:
    """Score contents and sources: gold is a PolNeAR split folder or lines of `quoth.eval.polnear.Document`.

    A model reports every cue, beliefs and plans too, as such labels do; see `quoth.eval.attribution`.
    """
    clock = _Clock()
    documents = read_documents(gold)
    articles = [GoldArticle(d["doc"], d["text"], "", []) for d in documents]
    labeler = None
    if predictions is not None:
        pieces = predicted_documents(predictions, documents, columns)
    else:
        with clock("labelling"):
            labeler = Labeler.from_pretrained(model or "small", all_cues=True)
            records = _labelled(labeler, articles)
            pieces = [pieces_of(records[d["doc"]], d["text"]) for d in documents]
    with clock("measuring"):
        found = score(documents, pieces, draws=draws)
    inputs = Inputs(gold=gold, articles=gold, predictions=predictions, draws=draws, command=command)
    return Attributions(
        run=_run(inputs, articles, labeler.model if labeler else None, clock.seconds), **found
    )


class _Measured(TypedDict):
    extraction: dict[GoldKind, ExtractionScores]
    stance: dict[Setting, dict[GoldKind, StanceScores]]
    invented: Invented
    speaker: dict[Scope, SpeakerScores]
    speaker_by_naming: dict[str, SpeakerScores]
    sentiment: dict[Setting, dict[Scope, SentimentScores]]
    target: dict[Scope, TargetScores]
    calibration: dict[Setting, dict[Scope, Calibration]]
    slices: list[Slice]


def _measured(rows: Sequence[Judged], draws: Draws, without: frozenset[str]) -> _Measured:
    """without: fields that the system has no opinion on, whose figures would be those of no answer."""
    settings: tuple[Setting, ...] = ("gold_spans", "end_to_end") if measures.asked(rows) else ("end_to_end",)
    namings = sorted({item.traits["naming"] for row in rows for gold, item in row.gold() if gold.speaker})
    stanced = [s for s in settings if "stance" not in without]
    felt = [s for s in settings if "sentiment" not in without]
    named = "speaker" not in without
    return {
        "extraction": {kind: extraction(rows, kind, draws) for kind in KINDS},
        "stance": {s: {kind: measures.stance(rows, kind, s, draws) for kind in KINDS} for s in stanced},
        "invented": measures.invented(rows),
        "speaker": {scope: measures.speaker(rows, scope, draws) for scope in SCOPES if named},
        "speaker_by_naming": {n: measures.speaker(rows, "all", draws, n) for n in namings if named},
        "sentiment": {
            s: {scope: measures.sentiment(rows, scope, s, draws) for scope in SCOPES} for s in felt
        },
        "target": {scope: measures.target(rows, scope, draws) for scope in SCOPES if "target" not in without},
        "calibration": {s: _calibrations(rows, s, draws) for s in settings},
        "slices": [
            found
            for found in slices(rows, draws.resamples, draws.seed, fewest_articles=FEWEST_ARTICLES)
            if found.measure.partition(",")[0] not in without
        ],
    }


def _calibrations(rows: Sequence[Judged], setting: Setting, draws: Draws) -> dict[Scope, Calibration]:
    """By scope; a scope in which no answer has probabilities is left out."""
    found: dict[Scope, Calibration] = {}
    for scope in SCOPES:
        asked = [
            (k, STANCES.index(gold.stance), [said.stance_probabilities.get(label, 0.0) for label in STANCES])
            for k, row in enumerate(rows)
            for gold, item in row.gold(None if scope == "all" else scope)
            if (said := answer(item, setting)) and said.stance_probabilities
        ]
        if asked:
            articles, right, p = zip(*asked, strict=True)
            found[scope] = calibration(p, right, articles, draws.resamples, seed=draws.seed)
    return found


def _answers(
    system: str, is_file: bool, gold: list[GoldArticle], inputs: Inputs, clock: _Clock
) -> tuple[list[Judged], dict[str, Record], list[str], Labeler | None]:
    """Items, records by article, notes, and the labeler of a system that is a model."""
    path = Path(system)
    if is_file:
        with clock("reading"):
            texts = {article.id: article.text for article in gold}
            records = predicted_records(path, texts, inputs.columns if is_table(path) else None)
        notes = sorted({note for record in records.values() for note in record.warnings})
        return with_traits(judged(gold, records)), records, notes, None
    with clock("loading"):
        labeler = Labeler.from_pretrained(system)
    with clock("labelling"):
        records = _labelled(labeler, gold)
        told = labeler.classify((a.text, s.start, s.end) for a in gold for s in a.statements)
    notes = provenance.learned_notes(model_folder(system), gold)
    return with_traits(with_told(judged(gold, records), told)), records, notes, labeler


def _gold(inputs: Inputs, label_set: LabelSet | None = None) -> list[GoldArticle]:
    how = inputs.gold_columns, inputs.split, inputs.fields
    if label_set is None:
        return read_labels(inputs.gold, inputs.articles, *how)
    return read_coded(inputs.gold, inputs.articles, label_set, *how)


def _labelled(labeler: Labeler, gold: Iterable[GoldArticle]) -> dict[str, Record]:
    return {r.id: r for r in labeler.label(Article(id=a.id, text=a.text) for a in gold)}


def _agreed(passes: Path) -> dict[str, agreement.Agreement]:
    classes: dict[agreement.Field, Sequence[str]] = {
        "stance": [STANCES[k] for k in measures.FOUR],
        "sentiment": SENTIMENTS,
        "speaker": (),
    }
    given = agreement.fields_of(passes)
    return {
        name: agreement.agreement(agreement.read_passes(passes, name), of)
        for name, of in classes.items()
        if name in given
    }


def _count_look(inputs: Inputs, gold: Sequence[GoldArticle], system: str) -> int:
    tested = sum(article.split == "test" for article in gold)
    if not tested:
        return 0
    look = provenance.Look(
        date=provenance.now(),
        command=provenance.without_folders(inputs.command),
        system=provenance.without_folders(system),
        gold=inputs.gold.name,
        gold_hash=provenance.file_hash(inputs.gold),
        articles=tested,
    )
    return provenance.count_look(look)


def _run(
    inputs: Inputs, gold: Sequence[GoldArticle], model: ModelInfo | None, seconds: dict[str, float]
) -> Run:
    predictions = inputs.predictions
    return Run(
        command=inputs.command,
        date=provenance.now(),
        quoth=quoth.__version__,
        git=provenance.git(),
        model=model,
        gold=inputs.gold.name,
        gold_hash=provenance.file_hash(inputs.gold) if inputs.gold.is_file() else "",
        articles_hash=provenance.articles_hash(gold),
        predictions=predictions.name if predictions else None,
        predictions_hash=provenance.file_hash(predictions) if predictions else None,
        splits=provenance.splits(gold),
        seed=inputs.draws.seed,
        resamples=inputs.draws.resamples,
        versions=provenance.versions(),
        seconds=seconds,
        machine=processor.kind(),
    )


class _Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = round(self.seconds.get(what, 0.0) + time.perf_counter() - start, 2)
