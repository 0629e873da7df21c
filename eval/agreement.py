"""How far annotators agree, how each compares with the rest, what to adjudicate, what a model can reach.

Every figure is a metric of counts that add up over documents, so that `quoth.eval.scores.bootstrap` gives its
interval.  The formulas are our own for that reason: `krippendorff` and scikit-learn take labels, hence one call
a resample (4 and 2 ms on 10,000 items), and the former a matrix of items x labels x labels, which names of
speakers do not fit.  The tests hold both against ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import SENTIMENTS, STANCES, decoded, read_lines
from quoth.eval.scores import Floats
from quoth.records import Sentiment, Stance
from quoth.titles import plain_name

Field = Literal["stance", "sentiment", "speaker"]
FIELDS: tuple[Field, ...] = get_args(Field)

NO_SPEAKER = "?"
"""The label of an annotator who found that the text does not tell the speaker."""

_NO_LABEL = -1

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Item:
    """One span of an article and its label by each annotator, None by those who did not see it."""

    article: str
    start: int
    end: int
    labels: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Annotations:
    """Items x annotators; raises InputError for a row of another length and for fewer than two annotators."""

    annotators: tuple[str, ...]
    items: Sequence[Item]

    def __post_init__(self) -> None:
        if len(self.annotators) < 2 or len({*self.annotators}) < len(self.annotators):
            raise InputError(
                f"agreement needs two or more annotators with names of their own: {self.annotators}"
            )
        for k, item in enumerate(self.items):
            if len(item.labels) != len(self.annotators):
                raise InputError(f"item {k}: {len(item.labels)} labels by {len(self.annotators)} annotators")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators on the n items that both labelled; all three figures are the same for (b, a)."""

    a: str
    b: str
    n: int
    raw: Figure
    kappa: Figure
    macro_f1: Figure


@dataclass(frozen=True, slots=True)
class Annotator:
    """One annotator against the rest.

    n: items labelled.  others: share of equal labels over all pairs with another annotator's.  majority: share
    of labels that are the others' most frequent one, where a single one leads.
    """

    name: str
    n: int
    others: Figure
    majority: Figure


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item to adjudicate; labels by annotator; disagreement: share of pairs of labels that differ."""

    article: str
    start: int
    end: int
    labels: dict[str, str | None]
    disagreement: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """n: items that at least two annotators labelled."""

    n: int
    alpha: Figure
    ceiling: Figure
    pairs: list[Pair]
    annotators: list[Annotator]
    disputes: list[Dispute]


def read_passes(path: Path, field: Field = "stance") -> Annotations:
    """One field of several annotators' labels of the same spans, a span a line (JSONL).

    {"article", "start", "end", "a": {"stance", "stance2", "sentiment", "speaker", "target"}, "b": {...}}: every
    further key is an annotator, whose labels may be missing or null on some lines.  Speakers are compared as
    `plain_name`.  Raises InputError, naming file, line and field, for what is of another shape, a label that is
    not in the codebook, labels without `field`, an empty span and one given twice.
    """
    places: dict[tuple[str, int, int], int] = {}
    rows: list[dict[str, str]] = []
    for number, line in read_lines(path):
        where = f"{path}, line {number}"
        place = decoded(line, _Place, where)
        span = place.article, place.start, place.end
        if not 0 <= place.start < place.end:
            raise InputError(f"{where}: `start` {place.start} and `end` {place.end} enclose nothing")
        if span in places:
            raise InputError(f"{where}: {span} is on line {places[span]} already")
        places[span] = number
        rest = decoded(line, dict[str, msgspec.Raw], where)
        passes = {name: raw for name, raw in rest.items() if name not in _Place.__struct_fields__}
        labels = {name: _label(raw, field, f"{where}, `{name}`") for name, raw in passes.items()}
        rows.append({name: label for name, label in labels.items() if label is not None})
    annotators = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(annotators) < 2:
        raise InputError(f"{path}: labels by {len(annotators)} annotators; agreement needs two")
    items = [Item(*span, tuple(map(row.get, annotators))) for span, row in zip(places, rows, strict=True)]
    return Annotations(annotators, items)


def fields_of(path: Path) -> set[Field]:
    """What the labels of a file of `read_passes` tell; raises InputError for a file of another kind, or nothing."""
    found: set[Field] = set()
    for number, line in read_lines(path):
        hint = '; expected JSON lines {"article", "start", "end", "ANNOTATOR": {"stance": ...}, ...}'
        row = decoded(line, dict[str, dict[str, Any] | str | int | None], f"{path}, line {number}", hint)
        given = {name for labels in row.values() if isinstance(labels, dict) for name in labels}
        found |= {field for field in FIELDS if field in given}
    if not found:
        raise InputError(f"{path}: found no label of {', '.join(FIELDS)}")
    return found


def agreement(annotations: Annotations, classes: Sequence[str]) -> Agreement:
    """Everything below; classes: those that the macro-F1 is over."""
    pairs = list(combinations(annotations.annotators, 2))
    return Agreement(
        sum(sum(label is not None for label in item.labels) > 1 for item in annotations.items),
        alpha(annotations),
        ceiling(annotations, classes),
        [compare(annotations, a, b, classes) for a, b in pairs],
        [_annotator(annotations, k) for k in range(len(annotations.annotators))],
        disputes(annotations),
    )


def alpha(annotations: Annotations) -> Figure:
    """Krippendorff's alpha for nominal data, any number of annotators, missing labels.

    alpha = 1 - D_o / D_e.  An item with m >= 2 labels gives each ordered pair of them weight 1 / (m - 1), which
    makes n, the number of its labels in all items; D_o is the share of pairs that differ,
    D_e = 1 - sum_c n_c (n_c - 1) / (n (n - 1)) (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011).
    1 is perfect, 0 what chance gives; None where all labels are the same.
    """
    table = _Table(annotations)
    seen = table.codes != _NO_LABEL
    labels_of = seen.sum(1)
    counts = np.zeros((table.n_documents, 1 + len(table.labels)))
    for k in range(table.codes.shape[1]):
        pairable = seen[:, k] & (labels_of > 1)
        np.add.at(counts, (table.documents[pairable], 1 + table.codes[pairable, k]), 1)
    for i, j in combinations(range(table.codes.shape[1]), 2):
        same = table.both(i, j) & (table.codes[:, i] == table.codes[:, j])
        weights = 2 / (labels_of[same] - 1)
        counts[:, 0] += np.bincount(table.documents[same], weights, table.n_documents)
    return Draws().figure(counts, _alpha_of)


def compare(annotations: Annotations, a: str, b: str, classes: Sequence[str]) -> Pair:
    """Raw agreement, kappa and macro-F1 of one annotator against another, over the items that both labelled.

    raw = p_o, the share of equal labels.  kappa = (p_o - p_e) / (1 - p_e) with p_e = sum_c p_a(c) p_b(c), what
    two annotators with these habits agree on by chance (Cohen, Educational and Psychological Measurement 1960);
    NaN where p_e = 1.  macro_f1: see `quoth.eval.scores.macro_f1`; F1 = 2 TP / (2 TP + FP + FN) does not
    change when gold and prediction are swapped.
    """
    for name in (a, b):
        if name not in annotations.annotators:
            raise InputError(f"annotator {name!r} is none of {', '.join(annotations.annotators)}")
    table = _Table(annotations)
    i, j = annotations.annotators.index(a), annotations.annotators.index(b)
    both = table.both(i, j)
    documents, first, second = table.documents[both], table.codes[both, i], table.codes[both, j]
    k = len(table.labels)
    counts = np.zeros((table.n_documents, 1 + 2 * k))
    counts[:, 0] = np.bincount(documents, first == second, table.n_documents)
    np.add.at(counts, (documents, 1 + first), 1)
    np.add.at(counts, (documents, 1 + k + second), 1)
    raw = np.stack([counts[:, 0], counts[:, 1 : 1 + k].sum(1)], 1)
    return Pair(
        a,
        b,
        int(both.sum()),
        Draws().figure(raw, scores.ratio),
        Draws().figure(counts, _kappa_of),
        Draws().figure(table.confusions(i, j, classes), _macro_f1_of(classes)),
    )


def ceiling(annotations: Annotations, classes: Sequence[str]) -> Figure:
    """Macro-F1 over `classes` of one annotator against another, mean over the pairs: to stand beside a model's.

    A model that scores as much differs from the gold labels no more than annotators differ among themselves;
    beyond it, these labels cannot tell better from worse.  Compare it with scores on the same items, or on like
    ones.  Annotators with common blind spots agree on errors too, so it bounds agreement, not truth; labels
    adjudicated from them are better than either, so a model may come out a little above.
    """
    table = _Table(annotations)
    pairs = combinations(range(len(annotations.annotators)), 2)
    counts = np.stack([table.confusions(i, j, classes) for i, j in pairs], 1)
    of_pairs = _macro_f1_of(classes)

    def mean(summed: Floats) -> Floats:
        f1 = of_pairs(summed)
        known = ~np.isnan(f1)
        return scores.ratio(np.stack([np.where(known, f1, 0).sum(-1), known.sum(-1)], -1))

    return Draws().figure(counts, mean)


def disputes(annotations: Annotations) -> list[Dispute]:
    """The items that annotators label differently, worst first.

    Of those with equal disagreement, rare combinations of labels come first: a frequent one tells of a border
    that the codebook leaves open, a rare one of a slip.
    """
    found = []
    for item in annotations.items:
        given = [label for label in item.labels if label is not None]
        if len({*given}) > 1:
            differ = [one != other for one, other in combinations(given, 2)]
            labels = dict(zip(annotations.annotators, item.labels, strict=True))
            found.append(Dispute(item.article, item.start, item.end, labels, sum(differ) / len(differ)))
    frequency = Counter(frozenset(d.labels.values()) for d in found)
    return sorted(
        found,
        key=lambda d: (-d.disagreement, frequency[frozenset(d.labels.values())], d.article, d.start, d.end),
    )


def markdown(field: str, result: Agreement) -> str:
    """Two tables: pairs of annotators, and each annotator against the rest."""
    summary = (
        f"Annotators, {field}: Krippendorff's alpha {_cell(result.alpha)} over {result.n} items, "
        f"{len(result.disputes)} of them to adjudicate."
    )
    lines = [
        summary,
        "",
        "| annotators | n | raw agreement | Cohen's kappa | macro-F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {p.a}, {p.b} | {p.n} | {_cell(p.raw)} | {_cell(p.kappa)} | {_cell(p.macro_f1)} |"
            for p in result.pairs
        ),
        "",
        "| annotator | n | equal to another's label | equal to the others' majority |",
        "|---|---|---|---|",
        *(f"| {a.name} | {a.n} | {_cell(a.others)} | {_cell(a.majority)} |" for a in result.annotators),
    ]
    return "\n".join(lines) + "\n"


class _Table:
    """Labels as numbers: codes (items, annotators), documents (items,), both from 0."""

    def __init__(self, annotations: Annotations) -> None:
        given = {label for item in annotations.items for label in item.labels if label is not None}
        self.labels = sorted(given)
        code: dict[str | None, int] = {label: k for k, label in enumerate(self.labels)}
        code[None] = _NO_LABEL
        rows = [[code[label] for label in item.labels] for item in annotations.items]
        self.codes: _Ints = np.array(rows, dtype=np.int64).reshape(-1, len(annotations.annotators))
        names = {name: k for k, name in enumerate(dict.fromkeys(item.article for item in annotations.items))}
        self.documents: _Ints = np.array([names[item.article] for item in annotations.items], dtype=np.int64)
        self.n_documents = len(names)

    def both(self, i: int, j: int) -> NDArray[np.bool_]:
        """(items,) whether annotators i and j both gave a label."""
        return np.asarray((self.codes[:, i] != _NO_LABEL) & (self.codes[:, j] != _NO_LABEL))

    def confusions(self, i: int, j: int, classes: Sequence[str]) -> Floats:
        """(documents, k + 1, k + 1): `classes`, then all other labels as one."""
        place = {label: k for k, label in enumerate(classes)}
        class_of = np.array([place.get(label, len(classes)) for label in self.labels], dtype=np.int64)
        both = self.both(i, j)
        counts = np.zeros((self.n_documents, len(classes) + 1, len(classes) + 1))
        cells = class_of[self.codes[both, i]], class_of[self.codes[both, j]]
        np.add.at(counts, (self.documents[both], *cells), 1)
        return counts


class _Place(msgspec.Struct):
    article: str
    start: int
    end: int


class _Labels(msgspec.Struct):
    stance: Stance | UnsetType = UNSET
    stance2: Stance | UnsetType | None = UNSET
    sentiment: Sentiment | UnsetType = UNSET
    speaker: str | UnsetType | None = UNSET
    target: str | UnsetType | None = UNSET


def _annotator(annotations: Annotations, k: int) -> Annotator:
    table = _Table(annotations)
    others = np.zeros((table.n_documents, 2))
    majority = np.zeros((table.n_documents, 2))
    own = table.codes[:, k]
    for document, code, rest in zip(table.documents, own, np.delete(table.codes, k, axis=1), strict=True):
        votes = Counter(rest[rest != _NO_LABEL].tolist())
        if code == _NO_LABEL or not votes:
            continue
        others[document] += votes[int(code)], votes.total()
        (leader, most), *runners_up = votes.most_common(2)
        if not runners_up or runners_up[0][1] < most:
            majority[document] += code == leader, 1
    return Annotator(
        annotations.annotators[k],
        int((own != _NO_LABEL).sum()),
        Draws().figure(others, scores.ratio),
        Draws().figure(majority, scores.ratio),
    )


def _alpha_of(counts: Floats) -> Floats:
    """(..., 1 + k) weight of equal pairs, then the labels of each kind -> (...)."""
    n = counts[..., 1:].sum(-1)
    equal = (counts[..., 1:] * (counts[..., 1:] - 1)).sum(-1)
    observed = 1 - scores.ratio(np.stack([counts[..., 0], n], -1))
    expected = 1 - scores.ratio(np.stack([equal, n * (n - 1)], -1))
    return 1 - scores.ratio(np.stack([observed, expected], -1))


def _kappa_of(counts: Floats) -> Floats:
    """(..., 1 + 2 k) equal labels, then those of each kind by one and by the other -> (...)."""
    by_a, by_b = np.split(counts[..., 1:], 2, axis=-1)
    n = by_a.sum(-1)
    observed = scores.ratio(np.stack([counts[..., 0], n], -1))
    chance = scores.ratio(np.stack([(by_a * by_b).sum(-1), n * n], -1))
    return 1 - scores.ratio(np.stack([1 - observed, 1 - chance], -1))


def _macro_f1_of(classes: Sequence[str]) -> scores.Metric:
    return partial(scores.macro_f1_of, classes=range(len(classes)))


def _label(raw: msgspec.Raw, field: Field, where: str) -> str | None:
    if bytes(raw) == b"null":
        return None
    hint = f"; stances are {', '.join(STANCES)}, sentiments {', '.join(SENTIMENTS)}"
    labels = decoded(raw, _Labels, where, hint)
    label = getattr(labels, field)
    if label is UNSET:
        raise InputError(f"{where}: no `{field}`")
    if field == "speaker":
        return NO_SPEAKER if label is None else plain_name(label)
    return str(label)


def _cell(interval: Figure) -> str:
    if interval.value is None:
        return "-"
    value, low, high = (100 * (x or 0) for x in (interval.value, interval.low, interval.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
