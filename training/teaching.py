"""A larger model's answers, which a smaller one learns beside the labels (Hinton et al., 2015: distillation)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quoth.model.checkpoint import Checkpoint
from quoth.model.stances import tell_stances
from quoth.training.examples import GoldArticle, placed

Answers = dict[tuple[int, int], tuple[list[float], list[float]]]
"""By start and end of a statement: probabilities of its stances and of its sentiments."""


def taught(
    teacher: Checkpoint, articles: list[GoldArticle], most: int, seed: int, kept: Path
) -> list[GoldArticle]:
    """The same articles, the statements of at most `most` of them, drawn at random, with `taught`: the teacher's
    probabilities of stances (5,) and of sentiments (3,).

    kept: a file that answers are appended to, so that an interrupted run goes on behind its last whole line.
    """
    drawn = sorted(np.random.default_rng(seed).permutation(len(articles))[:most])
    known = _read(kept)
    with kept.open("a", encoding="utf-8") as file:
        for article in (articles[k] for k in drawn):
            if article.id not in known:
                known[article.id] = answers = _answers(teacher, article)
                rows = [[start, end, *told] for (start, end), told in answers.items()]
                file.write(json.dumps([article.id, rows]) + "\n")
                file.flush()
    return [replace(a, statements=_with_answers(a, known.get(a.id, {}))) for a in articles]


def _read(kept: Path) -> dict[str, Answers]:
    if not kept.exists():
        return {}
    text = kept.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        kept.write_text(whole, "utf-8")
    return {
        name: {(start, end): (stance, sentiment) for start, end, stance, sentiment in rows}
        for name, rows in map(json.loads, whole.splitlines())
    }


def _answers(teacher: Checkpoint, article: GoldArticle) -> Answers:
    (tokens,) = teacher.pieces([article.text])
    spans = {(int(s["start"]), int(s["end"])): span for s, span in placed(article, tokens)}
    told = tell_stances(teacher, tokens, list(spans.values()))
    return {
        place: (t.stance.round(4).tolist(), t.sentiment.round(4).tolist())
        for place, t in zip(spans, told, strict=True)
    }


def _with_answers(article: GoldArticle, answers: Answers) -> list[dict[str, Any]]:
    return [
        {**s, "taught": answers[s["start"], s["end"]]} if (s["start"], s["end"]) in answers else s  # type: ignore[index]
        for s in article.statements
    ]
