"""`quoth eval`: files in, tables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quoth.errors import InputError
from quoth.eval import scores
from quoth.eval.attribution import pieces_of, score
from quoth.eval.baselines import fit_predict
from quoth.eval.comparison import compare
from quoth.eval.gold import KINDS, STANCES, GoldArticle
from quoth.eval.polnear import read_documents
from quoth.eval.predictions import predicted_documents, predicted_records
from quoth.eval.report import evaluate, evaluate_spans, markdown
from quoth.eval.tables import is_table, read_labels
from quoth.labeler import Labeler
from quoth.model.stances import Told
from quoth.records import Article, Record

Columns = Mapping[str, str] | None


def evaluate_files(
    gold: Path,
    articles: Path,
    predictions: Path | None,
    columns: Columns,
    model: str | None,
    baseline: Path | None,
    json_out: Path | None,
) -> str:
    """Score predictions, or a model, on labels: Markdown, and JSON to `json_out`.

    gold, articles: as `read_labels` takes them; predictions: as `predicted_records` does; columns: what
    tables call the fields.

    A model is judged twice: end to end, and by its classifier alone on the gold spans.  baseline: labels
    to fit TF-IDF and logistic regression to, whose stances on the gold spans are compared with the
    model's.  Raises InputError as they and `evaluate` do.
    """
    labelled = read_labels(gold, articles, columns if is_table(gold) else None)
    if predictions is not None:
        texts = {article.id: article.text for article in labelled}
        told = predicted_records(predictions, texts, columns if is_table(predictions) else None)
        notes = sorted({note for record in told.values() for note in record.warnings})
        result: dict[str, Any] = {"end_to_end": evaluate(labelled, told), "notes": notes}
    else:
        labeler = Labeler.from_pretrained(model or "small")
        classified = labeler.classify((a.text, s.start, s.end) for a in labelled for s in a.statements)
        stances = [STANCES[int(t.stance.argmax())] for t in classified]
        result = {
            "end_to_end": evaluate(labelled, _label(labeler, ((a.id, a.text) for a in labelled))),
            "gold_spans": evaluate_spans(labelled, stances)
            | {"calibration": _calibration(labelled, classified)},
        }
        if baseline is not None:
            plain = fit_predict(read_labels(baseline, articles), labelled)
            result["baseline"] = evaluate_spans(labelled, plain)
            result["difference"] = _difference(labelled, stances, plain)
    _write(result, json_out)
    titles = {"end_to_end": "End to end", "gold_spans": "On gold spans", "baseline": "TF-IDF on gold spans"}
    parts = [f"## {title}\n\n{markdown(result[key])}" for key, title in titles.items() if key in result]
    return "\n".join([*parts, *_remarks(result)])


def evaluate_attributions(
    gold: Path, predictions: Path | None, columns: Columns, model: str | None, json_out: Path | None
) -> str:
    """Score contents and sources: gold is a PolNeAR split folder or lines of `quoth.eval.polnear.Document`.

    A model reports every cue, beliefs and plans too, as such labels do; see `quoth.eval.attribution`.
    """
    documents = read_documents(gold)
    if predictions is not None:
        pieces = predicted_documents(predictions, documents, columns)
    else:
        labeler = Labeler.from_pretrained(model or "small", all_cues=True)
        records = _label(labeler, ((d["doc"], d["text"]) for d in documents))
        pieces = [pieces_of(records[d["doc"]], d["text"]) for d in documents]
    result = score(documents, pieces)
    _write(result, json_out)
    rows = ["| | P | R | F1 | n gold |", "|---|---|---|---|---|"]
    for measure in ("tokens", "attributed_tokens", "statements", "attribution"):
        for scope in ("all", "direct"):
            s = result[measure][scope]
            rows.append(
                f"| {measure}, {scope} | {s['p']:.1f} | {s['r']:.1f} | {s['f1']:.1f} | {s['n_gold']} |"
            )
    return "\n".join(rows) + "\n"


def _label(labeler: Labeler, texts: Any) -> dict[str, Record]:
    return {r.id: r for r in labeler.label(Article(id=name, text=text) for name, text in texts)}


def _calibration(gold: Sequence[GoldArticle], told: Sequence[Told]) -> dict[str, float]:
    """Of the stance's probabilities: ECE, what chance alone gives of it, Brier, log-loss."""
    right = np.array([STANCES.index(s.stance) for a in gold for s in a.statements])
    p = np.array([t.stance for t in told], dtype=np.float64)
    sure = p.max(1)
    return {
        "n": len(right),
        "ece": scores.ece(sure, p.argmax(1) == right),
        "ece_by_chance": scores.expected_ece(sure),
        "brier": scores.brier(p, right),
        "log_loss": scores.log_loss(p, right),
    }


def _difference(gold: Sequence[GoldArticle], ours: Sequence[str], theirs: Sequence[str]) -> dict[str, Any]:
    """Macro-F1 over the four stances, ours less theirs, the same articles drawn for both."""
    told = iter(zip(ours, theirs, strict=True))
    told_of = {a.id: [(s, next(told)) for s in a.statements] for a in gold}
    differences: dict[str, Any] = {}
    for kind in KINDS:
        rows = {
            article: [(s.stance, *two) for s, two in answers if s.kind == kind]
            for article, answers in told_of.items()
        }
        right, a, b = ({article: [row[k] for row in rs] for article, rs in rows.items()} for k in range(3))
        d = compare(right, a, b).difference
        differences[kind] = {"value": d.value, "low": d.low, "high": d.high, "p": d.p}
    return differences


def _remarks(result: Mapping[str, Any]) -> list[str]:
    lines = [f"Note: {note}." for note in result.get("notes", ())]
    if c := result.get("gold_spans", {}).get("calibration"):
        lines.append(
            f"Stance probabilities on {c['n']} gold spans: ECE {c['ece']:.3f} (a perfectly calibrated model: "
            f"{c['ece_by_chance']:.3f}), Brier {c['brier']:.3f}, log-loss {c['log_loss']:.3f}."
        )
    for kind, d in result.get("difference", {}).items():
        lines.append(
            f"Macro-F1 over the four stances less TF-IDF's, {kind}: {100 * d['value']:+.1f} "
            f"[{100 * d['low']:+.1f}, {100 * d['high']:+.1f}], p = {d['p']:.4f} (paired bootstrap over articles)."
        )
    return lines


def _write(result: Mapping[str, Any], path: Path | None) -> None:
    if path is not None:
        try:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
        except OSError as error:
            raise InputError(f"{path}: cannot write the result: {error.strerror}") from error
