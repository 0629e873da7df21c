"""What quoth gets right on gold articles, as a JSON-able dict and as short tables.

Intervals are 95% percentile bootstrap intervals over articles.  Abstention is not looked at: the stance of
an abstained statement counts like any other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldArticle, GoldStatement
from quoth.eval.matching import Matches, match, token_f1
from quoth.records import Record, Statement
from quoth.titles import plain_name

NO_GOLD = "none"
"""The row of predicted stances that lie on no gold statement."""

_LABELS = (*STANCES, NO_GOLD)
_FOUR = [k for k, stance in enumerate(STANCES) if stance != "other"]

_Pairs = list[tuple[GoldStatement, Statement | None]]


def evaluate(gold: Sequence[GoldArticle], predictions: Mapping[str, Record]) -> dict[str, Any]:
    """Statements, stances, speakers, sentiments and targets, end to end.

    - stance: by kind of gold statement; a gold statement that no prediction covers counts as predicted
      `other`.  A predicted direct statement with another stance that lies on no gold statement counts
      against the precision on quoted ones (every quoted passage has a gold label); a paraphrase of that
      kind is counted apart, under `invented`, since not every paraphrase has one.
    - speaker: over matched gold statements with a speaker; names equal up to `plain_name`; a null
      prediction is told from a wrong name.  coverage: the matched share of gold statements with a speaker.
    - sentiment: over matched gold statements.
    - target: mean `token_f1` over gold statements with a target, 0 where it or the statement is missed.

    An article without a record counts as one without statements.  Raises InputError where there is no gold
    article, no record for any, or a statement that is not from its gold article's text.
    """
    if not gold:
        raise InputError("no gold article to evaluate on")
    records = {article.id: predictions[article.id] for article in gold if article.id in predictions}
    if predictions and not records:
        raise InputError(
            f"none of {len(predictions)} predicted ids is a gold article's: "
            f"predicted {next(iter(predictions))!r}, gold {gold[0].id!r}"
        )
    articles = [_matches(article, records.get(article.id)) for article in gold]
    by_kind: dict[str, list[_Pairs]] = {kind: [_of_kind(a, kind) for a in articles] for kind in KINDS}
    by_scope = {"all": [a.pairs() for a in articles], **by_kind}
    invented = Counter(s.stance for a in articles for s in _invented(a) if s.kind != "direct")
    return {
        "articles": {
            "gold": len(gold),
            "without_record": len(gold) - len(records),
            "records_without_gold": len(predictions) - len(records),
        },
        "stance": {
            "quoted": _stance([_stance_rows(by_kind["quoted"][k], a) for k, a in enumerate(articles)])
            | {"missed": _missed(by_kind["quoted"])},
            "indirect": _stance([_stance_rows(pairs) for pairs in by_kind["indirect"]])
            | {"missed": _missed(by_kind["indirect"])},
            "invented": {"paraphrases": invented.total(), "by_stance": dict(invented)},
        },
        "speaker": {scope: _speaker(pairs) for scope, pairs in by_scope.items()},
        "sentiment": {scope: _sentiment(pairs) for scope, pairs in by_scope.items()},
        "target": {scope: _target(pairs) for scope, pairs in by_scope.items()},
    }


def evaluate_spans(gold: Sequence[GoldArticle], stances: Sequence[str]) -> dict[str, Any]:
    """Stance where the gold spans are given: one predicted stance a statement, article by article.

    Raises InputError for a wrong number of stances or an unknown one.
    """
    expected = sum(len(article.statements) for article in gold)
    if len(stances) != expected:
        raise InputError(f"{len(stances)} predicted stances for {expected} gold statements")
    rest = iter(stances)
    guessed = [[(s, next(rest)) for s in article.statements] for article in gold]
    return {
        "stance": {
            kind: _stance([[(s.stance, guess) for s, guess in rows if s.kind == kind] for rows in guessed])
            for kind in KINDS
        }
    }


def markdown(result: Mapping[str, Any]) -> str:
    """The tables of a result of `evaluate` or `evaluate_spans`."""
    parts = [_stance_table(kind, result["stance"][kind]) for kind in KINDS]
    if "speaker" in result:
        parts += [_other_table(result), _remarks(result)]
    return "\n\n".join(parts) + "\n"


def _matches(article: GoldArticle, record: Record | None) -> Matches:
    statements = record.statements if record else []
    for s in statements:
        found = article.text[s.start : s.end]
        if found != s.text:
            raise InputError(
                f"article {article.id}, statement {s.id}: the gold text has {found[:60]!r} at "
                f"[{s.start}, {s.end}), the record {s.text[:60]!r}; was it made from another text?"
            )
    return match(article.statements, statements)


def _of_kind(article: Matches, kind: str) -> _Pairs:
    return [(g, p) for g, p in article.pairs() if g.kind == kind]


def _invented(article: Matches) -> list[Statement]:
    return [s for s in article.stray if s.stance != "other"]


def _missed(articles: Sequence[_Pairs]) -> int:
    return sum(p is None for pairs in articles for _, p in pairs)


def _stance_rows(pairs: _Pairs, article: Matches | None = None) -> list[tuple[str, str]]:
    """(gold, predicted) stances; with `article`, its invented direct statements too."""
    rows: list[tuple[str, str]] = [(g.stance, p.stance if p else "other") for g, p in pairs]
    invented = _invented(article) if article else []
    return rows + [(NO_GOLD, s.stance) for s in invented if s.kind == "direct"]


def _stance(articles: Sequence[Sequence[tuple[str, str]]]) -> dict[str, Any]:
    counts = _confusions(articles, _LABELS)
    total = counts.sum(0)
    return {
        "n": int(total[:-1].sum()),
        "macro_f1_four": _interval(counts, partial(scores.macro_f1_of, classes=_FOUR)),
        "macro_f1_five": _interval(counts, partial(scores.macro_f1_of, classes=range(len(STANCES)))),
        "classes": _classes(total, STANCES),
        "confusion": {"gold": list(_LABELS), "predicted": list(STANCES), "counts": total[:, :-1].tolist()},
    }


def _sentiment(articles: Sequence[_Pairs]) -> dict[str, Any]:
    rows = [[(g.sentiment, p.sentiment) for g, p in pairs if p and g.sentiment] for pairs in articles]
    counts = _confusions(rows, SENTIMENTS)
    total = counts.sum(0)
    return {
        "n": int(total.sum()),
        "macro_f1": _interval(counts, partial(scores.macro_f1_of, classes=range(len(SENTIMENTS)))),
        "classes": _classes(total, SENTIMENTS),
    }


def _speaker(articles: Sequence[_Pairs]) -> dict[str, Any]:
    outcomes = [
        Counter(_speaker_outcome(g.speaker, p) for g, p in pairs if g.speaker is not None)
        for pairs in articles
    ]
    total = sum(outcomes, Counter[str]())
    right = np.array([(c["right"], c.total() - c["missed"]) for c in outcomes])
    matched = total.total() - total["missed"]
    return {
        "n": total.total(),
        "coverage": matched / total.total() if total else None,
        "accuracy": _interval(right, scores.ratio),
        **{outcome: total[outcome] for outcome in ("right", "wrong", "null")},
    }


def _speaker_outcome(name: str, statement: Statement | None) -> str:
    if statement is None:
        return "missed"
    if statement.speaker is None or statement.speaker.name is None:
        return "null"
    return "right" if plain_name(statement.speaker.name) == plain_name(name) else "wrong"


def _target(articles: Sequence[_Pairs]) -> dict[str, Any]:
    values = [
        [
            token_f1(g.target, p.target.text) if p and p.target else 0.0
            for g, p in pairs
            if g.target is not None
        ]
        for pairs in articles
    ]
    counts = np.array([(sum(article), len(article)) for article in values])
    return {"n": int(counts[:, 1].sum()), "token_f1": _interval(counts, scores.ratio)}


def _confusions(articles: Sequence[Sequence[tuple[str, str]]], labels: Sequence[str]) -> scores.Floats:
    """(articles, k, k)"""
    tables = [scores.confusion([g for g, _ in rows], [p for _, p in rows], labels) for rows in articles]
    return np.array(tables, dtype=np.float64)


def _classes(counts: scores.Floats, labels: Sequence[str]) -> dict[str, dict[str, float | None]]:
    precision, recall, f1 = scores.precision_recall_f1(counts)
    return {
        label: {
            "precision": float(precision[k]),
            "recall": float(recall[k]),
            "f1": _known(float(f1[k])),
            "n": int(counts[k].sum()),
        }
        for k, label in enumerate(labels)
    }


def _interval(counts: scores.Floats, metric: Callable[..., scores.Floats]) -> dict[str, float | None]:
    interval = scores.bootstrap(counts, metric)
    return {"value": _known(interval.value), "low": _known(interval.low), "high": _known(interval.high)}


def _known(value: float) -> float | None:
    # JSON has no NaN.
    return None if math.isnan(value) else value


def _stance_table(kind: str, block: Mapping[str, Any]) -> str:
    missed = f", {block['missed']} missed" if "missed" in block else ""
    lines = [f"| stance, {kind} ({block['n']}{missed}) | P | R | F1 | n |", "|---|---|---|---|---|"]
    lines += [
        f"| {stance} | {_percent(c['precision'])} | {_percent(c['recall'])} | {_percent(c['f1'])} | {c['n']} |"
        for stance, c in block["classes"].items()
    ]
    lines += [
        f"| macro, {name} | | | {_with_interval(block[f'macro_f1_{name}'])} | |" for name in ("four", "five")
    ]
    return "\n".join(lines)


def _other_table(result: Mapping[str, Any]) -> str:
    scopes = ("all", *KINDS)
    lines = [f"| | {' | '.join(scopes)} |", "|---|" + "---|" * len(scopes)]
    cells: dict[str, Callable[[str], str]] = {
        "speaker, accuracy": lambda scope: _with_interval(result["speaker"][scope]["accuracy"]),
        "speaker, coverage": lambda scope: _percent(result["speaker"][scope]["coverage"]),
        "speaker, right / wrong / null": lambda scope: " / ".join(
            str(result["speaker"][scope][outcome]) for outcome in ("right", "wrong", "null")
        ),
        "sentiment, macro-F1": lambda scope: _with_interval(result["sentiment"][scope]["macro_f1"]),
        "target, token F1": lambda scope: _with_interval(result["target"][scope]["token_f1"]),
    }
    return "\n".join(
        lines + [f"| {row} | {' | '.join(cell(s) for s in scopes)} |" for row, cell in cells.items()]
    )


def _remarks(result: Mapping[str, Any]) -> str:
    invented, articles = result["stance"]["invented"], result["articles"]
    by_stance = ", ".join(f"{n} {stance}" for stance, n in invented["by_stance"].items())
    return (
        f"{articles['gold']} articles, {articles['without_record']} of them without a record. "
        f"Invented stances on paraphrases: {invented['paraphrases']}{f' ({by_stance})' if by_stance else ''}."
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _with_interval(interval: Mapping[str, float | None]) -> str:
    return f"{_percent(interval['value'])} [{_percent(interval['low'])}, {_percent(interval['high'])}]"
