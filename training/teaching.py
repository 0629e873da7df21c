"""A larger model's answers where nobody labelled, which a smaller one learns (Hinton et al., 2015: distillation).

On labelled statements they would say little: the larger model was trained on those labels, and knows them by heart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from quoth.model.attributions import read
from quoth.model.checkpoint import Checkpoint
from quoth.model.layout import STANCE_LABELS
from quoth.model.stances import tell_stances
from quoth.model.statements import find_statements
from quoth.training.examples import GoldArticle, touching

SURELY_OTHER, KEPT = 0.93, 0.12
"""Of the statements that the teacher takes for `other` with more than this probability, which are most and say little, the share
that is learned."""


def taught(
    teacher: Checkpoint,
    articles: list[GoldArticle],
    most: int,
    seed: int,
    kept: Path,
    share: float = KEPT,
    targets: bool = False,
) -> list[GoldArticle]:
    """At most `most` of the articles, drawn at random, with the statements that the teacher finds in them added where no
    labelled one is, each with `taught`: its probabilities of stances (5,) and of sentiments (3,), and the characters
    [start, end) of its target, None where it names none or targets are not taught.

    share: of what is surely `other`, that is learned.
    kept: a file that answers are appended to, so that an interrupted run goes on behind its last whole line.
    """
    rng = np.random.default_rng(seed)
    drawn = [articles[k] for k in rng.permutation(len(articles))[:most]]
    known = _read(kept)
    with kept.open("a", encoding="utf-8") as file:
        for article in drawn:
            if article.id not in known:
                known[article.id] = list(_answers(teacher, article.text, targets))
                file.write(json.dumps([article.id, known[article.id]]) + "\n")
                file.flush()
    return [_with_answers(article, known[article.id], rng, share) for article in drawn]


Answer = tuple[int, int, list[float], list[float], tuple[int, int] | None]
"""Start and end of a statement; probabilities of its stances and of its sentiments; start and end of its target."""


def _read(kept: Path) -> dict[str, list[Answer]]:
    if not kept.exists():
        return {}
    text = kept.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        kept.write_text(whole, "utf-8")
    return dict(map(json.loads, whole.splitlines()))


def _answers(teacher: Checkpoint, text: str, targets: bool) -> Iterator[Answer]:
    (tokens,) = teacher.pieces([text])
    found = find_statements(text, tokens, read(teacher, tokens))
    spans = [f.clause for f in found if f.is_reported()]

    def characters(first: int, last: int) -> tuple[int, int]:
        return int(tokens.starts[first]), int(tokens.ends[last - 1])

    for span, told in zip(spans, tell_stances(teacher, tokens, spans), strict=True):
        target = characters(*told.target) if targets and told.target else None
        yield *characters(*span), told.stance.round(4).tolist(), told.sentiment.round(4).tolist(), target


def _with_answers(
    article: GoldArticle, answers: list[Answer], rng: np.random.Generator, share: float
) -> GoldArticle:
    other = STANCE_LABELS.index("other")
    added = [
        {"start": start, "end": end, "taught": (stance, sentiment, target)}
        for start, end, stance, sentiment, target in answers
        if not touching(article.statements, start, end)
        and (stance[other] < SURELY_OTHER or rng.random() < share)
    ]
    return GoldArticle(article.id, article.text, [*article.statements, *added])
