"""How well a fresh head on the classifier's states tells the five stances, beside the head that the model came with.

    python benchmarks/heads.py train.jsonl dev.jsonl articles/ --model small

Heads are fitted on statements drawn from the first labels, which the model was trained on, and on half of the second's articles, which it
was not; all are judged on the other half.  Prints macro-F1 of the four stances (all, quoted), log-loss and calibration error, in percent but
for the log-loss; of several draws the mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from quoth.estimator import StanceClassifier, StatementVectorizer, fit_head
from quoth.eval import scores
from quoth.eval.gold import GoldArticle, read_gold

FOUR = ("accusation", "condemnation", "denial", "solidarity")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    states = StatementVectorizer(asked.model).transform
    dev = read_gold(asked.dev, asked.articles)
    half = {dev[k].id for k in rng.permutation(len(dev))[::2]}
    rows, labels, kinds = told_of([a for a in dev if a.id not in half])
    test = states(rows)

    print(f"{asked.model} on {len(rows)} statements\nhead\tfitted on\tF1\tF1 quoted\tlog-loss\tECE")
    own = StanceClassifier(asked.model)
    print("its own\t-", *judged(own.predict_proba(rows), own.classes_, labels, kinds), sep="\t")
    seen = told_of(read_gold(asked.train, asked.articles))
    for size in asked.sizes:
        drawn = []
        for _ in range(asked.draws):
            chosen = rng.permutation(len(seen[0]))[:size]
            few, stances = [seen[0][k] for k in chosen], seen[1][chosen]
            head = fit_head(states(few), stances, [text for text, _, _ in few])
            drawn.append(judged(head.predict_proba(test), head.classes_, labels, kinds))
        print("fresh", f"{size} of train", *np.mean(drawn, axis=0).round(3), sep="\t")
    few, stances, _ = told_of([a for a in dev if a.id in half])
    known = states(few)
    for size in (*(s for s in asked.sizes if s < len(few)), len(few)):
        chosen = rng.permutation(len(few))[:size]
        head = fit_head(known[chosen], stances[chosen], [few[k][0] for k in chosen])
        print(
            "fresh",
            f"{size} of dev",
            *judged(head.predict_proba(test), head.classes_, labels, kinds),
            sep="\t",
        )


def told_of(articles: list[GoldArticle]) -> tuple[list[tuple[str, int, int]], Any, Any]:
    """Passages, stances and kinds of the labelled statements."""
    found = [((a.text, s.start, s.end), s.stance, s.kind) for a in articles for s in a.statements]
    rows, stances, kinds = zip(*found, strict=True)
    return list(rows), np.array(stances), np.array(kinds)


def judged(probabilities: Any, classes: Any, labels: Any, kinds: Any) -> list[float]:
    predicted, quoted = classes[probabilities.argmax(axis=1)], kinds == "quoted"
    gold = np.searchsorted(classes, labels)
    return [
        round(float(figure), 3)
        for figure in (
            100 * scores.macro_f1(list(labels), list(predicted), FOUR),
            100 * scores.macro_f1(list(labels[quoted]), list(predicted[quoted]), FOUR),
            scores.log_loss(probabilities, gold),
            100 * scores.ece(probabilities.max(axis=1), predicted == labels),
        )
    ]


if __name__ == "__main__":
    main()
