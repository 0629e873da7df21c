"""Judge a reader in training on labelled statements, given their spans."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from quoth.model.layout import SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.reader import Reader
from quoth.training.batches import Vocabulary
from quoth.training.loop import on
from quoth.training.reader.losses import statement_losses
from quoth.training.reader.targets import ArticleTargets
from quoth.training.reader.windows import StatementBatch, make_batch, packed, statement_windows

FOUR = [name for name in STANCE_LABELS if name != "other"]


@torch.inference_mode()
def evaluate(
    reader: Reader, articles: list[ArticleTargets], vocabulary: Vocabulary, tokens: int, device: str
) -> dict[str, float]:
    """Return log-losses, macro-F1 and accuracies on held-out articles.

    Args:
        reader: In evaluation mode.
        articles: With labelled statements.
        vocabulary: Ids of the special tokens.
        tokens: Positions in a batch.
        device: Where the reader is.

    Returns:
        `log_loss_*` for each kind of answer; `f1_quoted`, `f1_indirect` (macro-F1 of the four stances) and
        of each stance alone; `f1_sentiment`; `speaker` (the most probable token names the
        speaker, of those named in the window) and `target` (both ends right); `invented`, the share of
        statements that are `other` and are given another stance.  Sets without such labels lack a score.
    """
    rng = np.random.default_rng(0)
    windows = [w for a in articles for w in statement_windows(a, rng, (143, 144), (63, 64))]
    losses: dict[str, list[Tensor]] = {}
    rows: dict[str, list[Tensor]] = {}
    for chosen in packed(windows, tokens):
        batch = on(device, make_batch(chosen, vocabulary))
        assert isinstance(batch, StatementBatch)
        states = reader.states(batch.ids, batch.mask)
        for name, values in statement_losses(reader, batch, states).items():
            losses.setdefault(name, []).append(values)
        told = reader.answers(states, batch.mask, batch.spans)
        every = torch.arange(len(batch.spans), device=states.device)
        first, last = told.target.argmax(1).unbind(-1)
        for name, value in {
            "quoted": batch.quoted,
            "stance": told.stance.argmax(-1),
            "gold_stance": _best(batch.stance),
            "sentiment": told.sentiment.argmax(-1),
            "gold_sentiment": _best(batch.sentiment),
            "named": batch.speaker.any(-1) & ~batch.speaker[:, 0],
            "speaker": batch.speaker[every, told.speaker.argmax(-1)],
            "aimed": batch.target[..., 0].any(-1) & ~batch.target[:, 0, 0],
            "target": batch.target[every, first, 0] & batch.target[every, last, 1],
        }.items():
            rows.setdefault(name, []).append(value)
    told_of = {name: torch.cat(values).cpu().numpy() for name, values in rows.items()}
    found = {f"log_loss_{name}": torch.cat(values) for name, values in losses.items()}
    scores = {name: float(values.mean()) for name, values in found.items() if len(values)}
    gold, said, quoted = told_of["gold_stance"], told_of["stance"], told_of["quoted"]
    other = gold == STANCE_LABELS.index("other")
    for name, which in (("quoted", quoted), ("indirect", ~quoted)):
        if not which.any():
            continue
        by_stance = dict(zip(STANCE_LABELS, _f1(gold[which], said[which], len(STANCE_LABELS)), strict=True))
        scores[f"f1_{name}"] = float(np.mean([by_stance[stance] for stance in FOUR]))
        scores |= {f"f1_{name}_{stance}": by_stance[stance] for stance in FOUR}
        if (none := other & which).any():
            scores[f"invented_{name}"] = float((said[none] != gold[none]).mean())
    sentiments = _f1(told_of["gold_sentiment"], told_of["sentiment"], len(SENTIMENT_LABELS))
    scores["f1_sentiment"] = float(np.mean(sentiments))
    for name, asked in (("speaker", "named"), ("target", "aimed")):
        if told_of[asked].any():
            scores[name] = float(told_of[name][told_of[asked]].mean())
    return {name: round(value, 4) for name, value in scores.items()}


def _best(gold: Tensor) -> Tensor:
    """The most probable class of each row, -1 where all are 0."""
    return torch.where(gold.sum(-1) > 0, gold.argmax(-1), -1)


def _f1(gold: np.ndarray, told: np.ndarray, n_classes: int) -> list[float]:
    """F1 of each class over the rows whose gold class is known."""
    gold, told = gold[gold >= 0], told[gold >= 0]
    return [
        2 * float(((gold == k) & (told == k)).sum()) / max(1, int((gold == k).sum() + (told == k).sum()))
        for k in range(n_classes)
    ]
