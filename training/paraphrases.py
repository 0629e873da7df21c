"""What the extractor finds in the training articles beside the gold statements: weak labels.

The gold labels hold no paraphrase of stance `other`.  A classifier that never saw one would take every
paraphrase for a stance, so those that no reader labelled are added as `other`; a mixed clause takes the
stance of the quoted passage that it holds (codebook rule 16).
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quoth.model.attributions import CanExtract, read
from quoth.model.checkpoint import Manifest
from quoth.model.network import Extractor
from quoth.model.statements import FRAGMENT_WORDS, Found, find_statements
from quoth.model.windows import Pieces
from quoth.training.examples import GoldArticle, touching

STRETCH = 4
"""Articles with fewer labelled statements may hold paraphrases that no reader looked for."""

SURE = 0.6
"""Paraphrases less certain to be content than this are left out."""


class TorchExtractor:
    """A trained network with the face of an exported checkpoint."""

    def __init__(self, network: Extractor, pieces: Pieces, manifest: Manifest, device: str) -> None:
        self._network = network.to(device).eval()
        self._device = device
        self.pieces = pieces
        self.manifest = manifest

    def extract(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """As `Checkpoint.extract`."""
        with torch.inference_mode():
            found = self._network(
                self._network.encoder.embed(torch.from_numpy(ids[None]).to(self._device)), None
            )
        answer = {"tags": found.tags}
        for link in ("cue", "source", "name"):
            queries_keys = getattr(found, link)
            answer |= {f"{link}_query": queries_keys.query, f"{link}_key": queries_keys.key}
        return {name: value[0].float().cpu().numpy() for name, value in answer.items()}


def paraphrases(
    extractor: CanExtract, articles: list[GoldArticle], most: int, seed: int, kept: Path
) -> list[GoldArticle]:
    """The same articles, at most `most` weakly labelled paraphrases in all added to them, drawn at random.

    kept: a file that they are written to, and read from when it is there.
    """
    if not kept.exists():
        chosen = _mine(extractor, articles, most, seed)
        aside = kept.with_name(f"{kept.name}.part")
        aside.write_text(json.dumps([[articles[k].id, found] for k, found in chosen.items()]), "utf-8")
        os.replace(aside, kept)
    added = dict(json.loads(kept.read_text("utf-8")))
    return [replace(a, statements=a.statements + added.get(a.id, [])) for a in articles]


def _mine(
    extractor: CanExtract, articles: list[GoldArticle], most: int, seed: int
) -> dict[int, list[dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    for k, article in enumerate(articles):
        (tokens,) = extractor.pieces([article.text])
        for f in find_statements(article.text, tokens, read(extractor, tokens)):
            if label := _weak_label(f, article):
                start, end = int(tokens.starts[f.clause[0]]), int(tokens.ends[f.clause[1] - 1])
                found.append((k, {**label, "start": start, "end": end}))
    drawn = np.random.default_rng(seed).permutation(len(found))[:most]
    chosen: dict[int, list[dict[str, Any]]] = {}
    for n in sorted(drawn):
        chosen.setdefault(found[n][0], []).append(found[n][1])
    return chosen


def _weak_label(found: Found, article: GoldArticle) -> dict[str, Any] | None:
    if found.kind == "direct" or not found.is_reported() or found.score < SURE:
        return None
    # Of some articles only a stretch was labelled, or single statements.
    starts: list[int] = [s["start"] for s in article.statements]  # type: ignore[misc]
    if len(starts) < STRETCH or not min(starts) <= found.start <= max(starts):
        return None
    gold = touching(article.statements, found.start, found.end)
    blank = {"stance2": None, "sentiment": None, "target": None}
    if not gold:
        return {"stance": "other", **blank} if found.kind == "indirect" else None
    stances = {s["stance"] for s in gold}
    long = all(len(article.text[s["start"] : s["end"]].split()) > FRAGMENT_WORDS for s in gold)
    if found.kind == "mixed" and len(stances) == 1 and long and all(s["kind"] == "quoted" for s in gold):
        return {"stance": stances.pop(), **blank}
    return None
