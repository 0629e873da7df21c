"""Baselines by name, judged on the same gold as a system: `quoth eval --baseline NAME[=PATH]`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from quoth.errors import InputError
from quoth.eval import adapters, baselines, scores
from quoth.eval.comparison import permutation_p
from quoth.eval.draws import Draws, Figure, known
from quoth.eval.gold import KINDS, GoldArticle, GoldKind
from quoth.eval.items import Item, Judged, judged
from quoth.eval.measures import (
    FOUR,
    LABELS,
    Rows,
    answer,
    asked,
    confusions,
    speaker,
    speaker_counts,
    stance,
)
from quoth.eval.result import BaselineScores, Contrast, Setting
from quoth.eval.tables import read_labels
from quoth.records import Article

NAMES = {
    "majority": "PATH of labels: their commonest stance",
    "tfidf": "PATH of labels: TF-IDF and logistic regression fitted to them",
    "lexicon": "stance by the nearest reporting verb of a word list",
    "nearest-name": "speaker by the nearest name",
    "nli": "PATH of a Hugging Face model for natural language inference: zero-shot stance",
    "gliner2": "PATH of a GLiNER2 model: zero-shot stance (where gliner2 is installed)",
    "textacy": "textacy's direct quotations with their speakers, end to end (where textacy is installed)",
}
"""Baselines, and what their PATH is."""


@dataclass(frozen=True)
class Contender:
    """A baseline's answers.  tells: of stance and speaker, what it gives at all."""

    name: str
    rows: list[Judged]
    tells: frozenset[str]
    setting: Setting


def contender(spec: str, gold: Sequence[GoldArticle], articles: Path) -> Contender:
    """spec: a name of NAMES, with =PATH where it takes one; the texts of labels at PATH lie in `articles` too.

    Raises InputError for an unknown name, and for a path that is missing or not wanted.
    """
    name, _, path = spec.partition("=")
    if name not in NAMES:
        raise InputError(f"baseline {name!r}: expected one of {', '.join(NAMES)}")
    if bool(path) != NAMES[name].startswith("PATH"):
        raise InputError(
            f"baseline {spec!r}: expected {name}{'=PATH' if not path else ' alone'}: {NAMES[name]}"
        )
    if name == "textacy":
        records = adapters.textacy_records(Article(a.id, a.text) for a in gold)
        return Contender(name, judged(gold, records), frozenset({"speaker"}), "end_to_end")
    stances = speakers = None
    if name == "majority":
        stances = baselines.majority(_training(Path(path), articles, gold), gold)
    elif name == "tfidf":
        stances = baselines.fit_predict(_training(Path(path), articles, gold), gold)
    elif name == "lexicon":
        stances = baselines.lexicon(gold)
    elif name == "nli":
        stances = baselines.nli(path, gold)
    elif name == "gliner2":
        stances = adapters.gliner2_stances(gold, path)
    else:
        speakers = baselines.nearest_name(gold)
    records = adapters.span_records(gold, stances, speakers, name)
    tells = frozenset({"speaker"} if stances is None else {"stance"})
    return Contender(name, judged(gold, records), tells, "gold_spans")


def _training(labels: Path, articles: Path, gold: Sequence[GoldArticle]) -> list[GoldArticle]:
    """Raises InputError where an article to learn from is one to be judged on."""
    train = read_labels(labels, articles)
    judged_on = {article.id for article in gold}
    if shared := [article.id for article in train if article.id in judged_on]:
        raise InputError(
            f"{labels}: {len(shared)} of its articles are in gold too, {shared[0]!r} for one; a baseline "
            "may not learn from what it is judged on"
        )
    return train


def against(rows: Rows, rival: Contender, draws: Draws) -> BaselineScores:
    """A contender's scores, and how the system (`rows`) differs from it on the same statements.

    On gold spans the system's classifier is compared where it was asked, else what it says end to end.
    """
    setting: Setting = "gold_spans" if rival.setting == "gold_spans" and asked(rows) else "end_to_end"
    # A baseline that is told the spans has found every statement: what it says lies in `found`.
    stances = (
        {kind: stance(rival.rows, kind, "end_to_end", draws) for kind in KINDS}
        if "stance" in rival.tells
        else {}
    )
    macro = partial(scores.macro_f1_of, classes=FOUR)
    contrasts = {
        kind: _contrast(_stances(rows, kind, setting), _stances(rival.rows, kind, "end_to_end"), macro, draws)
        for kind in stances
    }
    told = "speaker" in rival.tells
    return BaselineScores(
        name=rival.name,
        setting=rival.setting,
        stance=stances,
        contrasts=contrasts,
        speaker=speaker(rival.rows, "all", draws) if told else None,
        speaker_contrast=_contrast(speaker_counts(rows), speaker_counts(rival.rows), scores.ratio, draws)
        if told
        else None,
    )


def _contrast(ours: scores.Floats, theirs: scores.Floats, metric: scores.Metric, draws: Draws) -> Contrast:
    d = scores.paired_bootstrap(ours, theirs, metric, draws.resamples, draws.seed)
    p = permutation_p(ours, theirs, metric, seed=draws.seed)
    return Contrast(Figure(known(d.value), known(d.low), known(d.high)), None if math.isnan(p) else p)


def _stances(rows: Rows, kind: GoldKind, setting: Setting) -> scores.Floats:
    def said(item: Item) -> str:
        given = answer(item, setting)
        return given.stance if given else "other"

    pairs = [[(gold.stance, said(item)) for gold, item in row.gold(kind)] for row in rows]
    return confusions(pairs, LABELS)
