"""The result of an evaluation: typed, so that its JSON has a schema.

Shares, F1s and the like are between 0 and 1; None stands for a figure that is not defined (a class that
neither gold nor the system has, a mean over nothing).
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import msgspec

from quoth.eval.agreement import Agreement
from quoth.eval.behaviour import Behaviours
from quoth.eval.draws import Figure
from quoth.eval.gold import GoldKind
from quoth.eval.items import Item
from quoth.eval.suspects import Suspect
from quoth.label_sets import LabelSet
from quoth.records import ModelInfo, undent

SCHEMA_VERSION: Literal["1"] = "1"

Setting = Literal["end_to_end", "gold_spans"]
Scope = Literal["all", "quoted", "indirect"]


class ClassScores(msgspec.Struct, frozen=True):
    """One label's scores; n: gold items; few: why they are too few to conclude from, None where enough."""

    precision: Figure
    recall: Figure
    f1: Figure
    n: int
    few: str | None


class Confusion(msgspec.Struct, frozen=True):
    """counts[i][j]: items of gold label gold[i] that were given label predicted[j]."""

    gold: list[str]
    predicted: list[str]
    counts: list[list[int]]


class StanceScores(msgspec.Struct, frozen=True):
    """n: gold statements; missed: those that no prediction covers, counted as predicted `other`.

    macro_f1_four leaves `other` out.  lenient: the same, where a prediction that equals gold's second stance
    is right.
    """

    n: int
    missed: int
    macro_f1_four: Figure
    macro_f1_five: Figure
    lenient_macro_f1_four: Figure
    accuracy: Figure
    classes: dict[str, ClassScores]
    confusion: Confusion


class Invented(msgspec.Struct, frozen=True):
    """Paraphrases that were given one of the four stances where gold has no statement."""

    paraphrases: int
    by_stance: dict[str, int]


class SpeakerScores(msgspec.Struct, frozen=True):
    """Over found gold statements with a speaker; null: no name was given.

    coverage: the found share of gold statements with a speaker.
    """

    n: int
    coverage: float | None
    accuracy: Figure
    right: int
    wrong: int
    null: int


class SentimentScores(msgspec.Struct, frozen=True):
    """Over found gold statements (or all, on gold spans) that have a sentiment."""

    n: int
    macro_f1: Figure
    classes: dict[str, ClassScores]
    confusion: Confusion


class TargetScores(msgspec.Struct, frozen=True):
    """Mean token F1 over gold statements with a target; 0 where the statement or the target was missed."""

    n: int
    token_f1: Figure


class PRF(msgspec.Struct, frozen=True):
    """Precision is None where gold does not label every statement of the kind."""

    precision: Figure | None
    recall: Figure
    f1: Figure | None


class ExtractionScores(msgspec.Struct, frozen=True):
    """Spans against labelled ones: covered: share of gold of which a prediction covers half or more."""

    n_gold: int
    n_predicted: int
    covered: Figure
    iou: PRF
    exact: PRF


class Bin(msgspec.Struct, frozen=True):
    """Items of like confidence: mean confidence, and the share that was right."""

    n: int
    confidence: float
    accuracy: Figure


class Point(msgspec.Struct, frozen=True):
    """Accuracy over the most confident share `coverage` of the items, the least of which has `threshold`."""

    coverage: float
    threshold: float
    accuracy: Figure


class OperatingPoint(msgspec.Struct, frozen=True):
    """Taking a label only where its probability is `threshold` or more: precision of what is taken, and the share
    of gold's that is."""

    label: str
    threshold: float
    precision: Figure
    recall: float
    n: int


class Calibration(msgspec.Struct, frozen=True):
    """Of the stance's probabilities.  perfect, perfect_high: mean and 95th percentile of the ECE that a
    perfectly calibrated model would score on as many items with these confidences.  aurc: area under the
    risk-coverage curve, see `quoth.eval.scores.aurc`.  operating: of each stance that reaches the precision."""

    n: int
    ece: Figure
    perfect: float
    perfect_high: float
    brier: Figure
    log_loss: Figure
    bins: list[Bin]
    risk_coverage: list[Point]
    aurc: float
    operating: list[OperatingPoint] = []


class Slice(msgspec.Struct, frozen=True):
    """One measure on the items of one trait's value, beside the items of its other values.

    difference: this slice less those.  p: two-sided bootstrap p of no difference; p_holm: adjusted over
    all slices of the measure.
    """

    measure: str
    trait: str
    value: str
    articles: int
    n: int
    figure: Figure
    difference: Figure
    p: float | None
    p_holm: float | None


class Contrast(msgspec.Struct, frozen=True):
    """A figure of the system less another's, its interval, and the permutation test's p of no difference."""

    difference: Figure
    p: float | None


class BaselineScores(msgspec.Struct, frozen=True):
    """Another system on the same gold; stance, speaker: empty, None where it does not tell them.

    setting: how its stances, and those of the system in the contrasts, were judged.
    """

    name: str
    setting: Setting
    stance: dict[GoldKind, StanceScores]
    contrasts: dict[GoldKind, Contrast]
    speaker: SpeakerScores | None
    speaker_contrast: Contrast | None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result comes from.

    command: as given.  git: commit of the working folder's repository, with "+" where files differ from it.
    *_hash: sha256 of the file as read, shortened to 12 hexadecimal digits; articles_hash: of the gold
    articles' ids and texts.  splits: articles by split.  machine: `quoth.processor.kind`, None where it was not kept.
    """

    command: str
    date: str
    quoth: str
    git: str | None
    model: ModelInfo | None
    gold: str
    gold_hash: str
    articles_hash: str
    predictions: str | None
    predictions_hash: str | None
    splits: dict[str, int]
    seed: int
    resamples: int
    versions: dict[str, str]
    seconds: dict[str, float]
    machine: str | None = None


class Articles(msgspec.Struct, frozen=True):
    """gold: labelled; without_record: of those; records_without_gold: predicted ones that are not in gold."""

    gold: int
    without_record: int
    records_without_gold: int


class Result(msgspec.Struct, kw_only=True):
    """Everything `quoth eval` finds out.  By setting, then by kind or scope, as the names say."""

    schema: Literal["1"] = SCHEMA_VERSION
    run: Run
    notes: list[str]
    articles: Articles
    extraction: dict[GoldKind, ExtractionScores]
    stance: dict[Setting, dict[GoldKind, StanceScores]]
    invented: Invented
    speaker: dict[Scope, SpeakerScores]
    speaker_by_naming: dict[str, SpeakerScores]
    sentiment: dict[Setting, dict[Scope, SentimentScores]]
    target: dict[Scope, TargetScores]
    calibration: dict[Setting, dict[Scope, Calibration]]
    slices: list[Slice]
    behaviour: Behaviours | None = None
    baselines: list[BaselineScores] = []
    agreement: dict[str, Agreement] = {}
    suspects: list[Suspect] = []
    items: list[Item] = []


class LabelScores(msgspec.Struct, kw_only=True):
    """The labels of a set that a model tells of gold spans, see `quoth.eval.coded`.  macro_f1: over all labels."""

    schema: Literal["1"] = SCHEMA_VERSION
    run: Run
    notes: list[str]
    label_set: LabelSet
    articles: int
    n: int
    macro_f1: Figure
    accuracy: Figure
    classes: dict[str, ClassScores]
    confusion: Confusion
    calibration: Calibration


class Attributions(msgspec.Struct, kw_only=True):
    """Contents and sources against PolNeAR-style gold, see `quoth.eval.attribution.score`; percentages."""

    schema: Literal["1"] = SCHEMA_VERSION
    run: Run
    documents: int
    iou: float
    tokens: dict[str, dict[str, float | None]]
    attributed_tokens: dict[str, dict[str, float | None]]
    statements: dict[str, dict[str, float | None]]
    exact: dict[str, dict[str, float | None]]
    attribution: dict[str, dict[str, float | None]]
    source_text: dict[str, dict[str, float | None]]
    speaker_accuracy: dict[str, float | None]
    recall_by_type: dict[str, dict[str, float | None]]


@functools.cache
def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `Result`, `LabelScores` and `Attributions`, generated from the types above."""
    results = (Result, LabelScores, Attributions)
    schemas, types = msgspec.json.schema_components(results, ref_template="#/$defs/{name}")
    undent(types)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "quoth evaluation",
        "oneOf": list(schemas),
        "$defs": types,
    }
