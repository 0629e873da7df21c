"""Gold labels -> token-level targets."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from quoth.model.layout import BEGIN, INSIDE, ROLES, SENTIMENT_LABELS, STANCE_LABELS
from quoth.model.names import mentions
from quoth.model.windows import Pieces, Tokens

NONE = -1
UNFOUND = -2

HARD_CASES = Path(__file__).with_name("hard_cases.jsonl")
MORE_LABELS = Path(__file__).with_name("more_labels.jsonl")
"""Our labels of further statements, chosen where a weaker classifier was unsure: stand-off, without the texts.

A target is [start, end] in characters; the field is missing where the text does not hold the phrase.  `sure`: 3 certain, 2 fairly.
"""

CORRECTIONS = Path(__file__).with_name("corrections.jsonl")
"""Labels of `labels` that two later readers, blind to them, gave another stance, each with the reason."""
MORE_SPEAKERS = Path(__file__).with_name("more_speakers.jsonl")
"""Our labels of who speaks, in whole further articles: stand-off, the speaker's name as [start, end] in characters or null."""


@dataclass(frozen=True)
class GoldArticle:
    """A text and its gold statements, as the label file gives them."""

    id: str
    text: str
    statements: list[dict[str, object]]


def labelled_articles(labels: Path, articles: Path) -> Iterator[GoldArticle]:
    """Join a stand-off label file with its texts: a folder of JSON files, or one of JSON lines (`id`, `text`), gzipped.

    Raises ValueError, naming the article, where a text is missing or its sha256 is not the label file's.
    """
    with labels.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = _texts(articles, {row["article"] for row in rows})
    for row in rows:
        text = texts.get(row["article"], "")
        if hashlib.sha256(text.encode()).hexdigest() != row["sha256"]:
            raise ValueError(
                f"{labels}: article {row['article']}: its text in {articles} is missing or has another sha256"
            )
        yield GoldArticle(row["article"], text, row["statements"])


def corrected(articles: Iterable[GoldArticle], path: Path = CORRECTIONS) -> Iterator[GoldArticle]:
    """The articles with the corrections of their labels; a correction whose `was` is not the label is passed over."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    changes = {(r["article"], r["start"], r["end"], r["was"]): r for r in rows}
    new = ("stance", "stance2", "sentiment", "target")
    for article in articles:
        statements = []
        for s in article.statements:
            change = changes.get((article.id, s["start"], s["end"], s["stance"]))
            statements.append({**s, **{field: change[field] for field in new}} if change else s)
        yield GoldArticle(article.id, article.text, statements)


def _texts(articles: Path, wanted: set[str]) -> dict[str, str]:
    if articles.is_dir():
        paths = {name: articles / f"{name}.json" for name in wanted}
        return {
            n: json.loads(p.read_text("utf-8"))["content_original"] for n, p in paths.items() if p.exists()
        }
    return {a.id: a.text for a in unlabelled_articles(articles) if a.id in wanted}


def unlabelled_articles(articles: Path) -> Iterator[GoldArticle]:
    """Those of gzipped JSON lines (`id`, `text`), without statements."""
    with gzip.open(articles, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield GoldArticle(row["id"], row["text"], [])


def hard_cases(path: Path = HARD_CASES) -> Iterator[GoldArticle]:
    """Short invented articles at the borders between stances, every quotation of them labelled.

    A line is {"text", "statements": [{"text", "kind", "stance", "stance2", "sentiment", "speaker", "target"}]}, a
    statement's text occurring once.  Raises ValueError, naming the line, where it does not.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            statements = []
            for statement in row["statements"]:
                said = statement["text"]
                if row["text"].count(said) != 1:
                    raise ValueError(f"{path}, line {number}: {said[:60]!r} does not occur once")
                start = row["text"].index(said)
                statements.append({**statement, "start": start, "end": start + len(said)})
            yield GoldArticle(f"hard-{number}", row["text"], statements)


def attribution_articles(gold: Path) -> Iterator[GoldArticle]:
    """Articles with contents, cues and sources: {"doc", "text", "statements": [{content, cue, source}]}."""
    with gold.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield GoldArticle(row["doc"], row["text"], row["statements"])


def attribution_examples(articles: list[GoldArticle], pieces: Pieces) -> Dataset:
    """One row an article.

    ids: (n,); tags: (n, 3) BIO by role; cue: (n,) the token that a content token points at, or NONE;
    sources: (links, 2) pairs of cue token and source token, the source NONE where there is no source.
    """
    rows = []
    for article, tokens in zip(articles, pieces([a.text for a in articles]), strict=True):
        tags = np.zeros((len(tokens), len(ROLES)), dtype=np.int64)
        cue_of = np.full(len(tokens), NONE, dtype=np.int64)
        sources: list[tuple[int, int]] = []
        # The longest first, so that a nested statement has the last word on its tokens.
        for statement in sorted(article.statements, key=lambda s: -_extent(s)):
            ranges = {
                role: [tokens.between(a, b) for a, b in statement[role]]  # type: ignore[attr-defined]
                for role in ROLES
            }
            for k, role in enumerate(ROLES):
                for first, last in ranges[role]:
                    tags[first:last, k] = INSIDE
                    tags[first : first + 1, k] = BEGIN
            if not ranges["cue"]:
                continue
            cue = ranges["cue"][0][0]
            for first, last in ranges["content"]:
                cue_of[first:last] = cue
            linked = [(cue, t) for first, last in ranges["source"] for t in range(first, last)]
            sources += linked or [(cue, NONE)]
        rows.append({"ids": tokens.ids, "tags": tags, "cue": cue_of, "sources": sources})
    return Dataset.from_list(rows).with_format("numpy")


def _extent(statement: dict[str, object]) -> int:
    spans: list[list[int]] = statement["content"]  # type: ignore[assignment]
    return max(b for _, b in spans) - min(a for a, _ in spans)


def name_examples(articles: list[GoldArticle], pieces: Pieces) -> Dataset:
    """One row an article.

    ids: (n,); statement: (n,) index of the statement that a token belongs to, or NONE;
    names: (pairs, 2) pairs of statement index and a token that names its speaker.
    """
    rows = []
    for article, tokens in zip(articles, pieces([a.text for a in articles]), strict=True):
        statement_of = np.full(len(tokens), NONE, dtype=np.int64)
        names: list[tuple[int, int]] = []
        for k, statement in enumerate(article.statements):
            first, last = tokens.between(int(statement["start"]), int(statement["end"]))  # type: ignore[call-overload]
            statement_of[first:last] = k
            if speaker := statement["speaker"]:
                name = article.text[slice(*speaker)] if isinstance(speaker, list) else str(speaker)
                for a, b in mentions(article.text, name):
                    names += [(k, t) for t in range(*tokens.between(a, b))]
        rows.append({"ids": tokens.ids, "statement": statement_of, "names": names or [(NONE, NONE)]})
    return Dataset.from_list(rows).with_format("numpy")


def classification_examples(articles: list[GoldArticle], pieces: Pieces) -> Dataset:
    """One row an article.

    ids: (tokens,); spans: (n, 2) token range of each statement; stance: (n, 5) and sentiment: (n, 3) probabilities to
    learn, all 0 where there are none; second: (n,) label index or UNFOUND; target: (n, 2) token range, NONE where there
    is no target, UNFOUND where the article does not hold the phrase.  A statement with `taught` (see
    `quoth.training.teaching`) has these probabilities, and nothing else to learn.
    """
    rows = []
    for article, tokens in zip(articles, pieces([a.text for a in articles]), strict=True):
        row: dict[str, Any] = {"article": article.id, "ids": tokens.ids}
        labels: dict[str, list[Any]] = {
            name: [] for name in ("spans", "stance", "second", "sentiment", "target")
        }
        for statement, span in placed(article, tokens):
            for name, value in _learned(article.text, tokens, statement).items():
                labels[name].append(value)
            labels["spans"].append(span)
        if labels["spans"]:
            rows.append(row | labels)
    return Dataset.from_list(rows).with_format("numpy")


def with_targets_only(article: GoldArticle) -> GoldArticle:
    """The article without the stances and sentiments of its statements."""
    blank = {"stance": None, "sentiment": None}
    return GoldArticle(article.id, article.text, [{**s, **blank} for s in article.statements])


def placed(article: GoldArticle, tokens: Tokens) -> Iterator[tuple[dict[str, Any], tuple[int, int]]]:
    """The statements that hold a token, each with its token range [first, last)."""
    for statement in article.statements:
        first, last = tokens.between(int(statement["start"]), int(statement["end"]))  # type: ignore[call-overload]
        if first < last:
            yield statement, (first, last)


def _learned(text: str, tokens: Tokens, statement: dict[str, Any]) -> dict[str, Any]:
    """What there is to learn of one statement, see `classification_examples`."""
    if "taught" in statement:
        stance, sentiment, target = statement["taught"]
        place = tokens.between(*target) if target else (UNFOUND, UNFOUND)
        return {"stance": stance, "second": UNFOUND, "sentiment": sentiment, "target": place}
    return {
        "stance": _one_of(STANCE_LABELS, statement["stance"]),
        "second": STANCE_LABELS.index(str(statement["stance2"] or "other")),
        "sentiment": _one_of(SENTIMENT_LABELS, statement["sentiment"]),
        "target": _target(text, tokens, statement),
    }


def _one_of(labels: Sequence[str], label: object) -> list[float]:
    """1 for the label, else 0."""
    return [float(label == name) for name in labels]


def _target(text: str, tokens: Tokens, statement: dict[str, object]) -> tuple[int, int]:
    """Token range of the target: a phrase, of which the nearest occurrence counts, or a [start, end] of characters."""
    phrase = statement.get("target", "")
    if phrase is None:
        return NONE, NONE
    if isinstance(phrase, list):
        return tokens.between(*phrase)
    place = nearest(text, str(phrase), int(statement["start"]), int(statement["end"]))  # type: ignore[call-overload]
    return tokens.between(*place) if place else (UNFOUND, UNFOUND)


def nearest(text: str, phrase: str, start: int, end: int) -> tuple[int, int] | None:
    """Characters of the occurrence of a phrase that is nearest to [start, end); None: there is none."""
    places = []
    at = text.find(phrase)
    while phrase and at >= 0:
        after = at + len(phrase)
        places.append((max(0, start - after, at - end), at, after))
        at = text.find(phrase, at + 1)
    return min(places)[1:] if places else None


def touching(statements: list[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    """The labelled statements that share a character with [start, end)."""
    return [s for s in statements if s["start"] < end and s["end"] > start]


def data_hash(paths: list[Path]) -> dict[str, str]:
    """sha256 of each data file, for the run folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
