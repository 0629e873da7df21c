"""What the runner of `quoth batch` costs, and what a second process brings, in one run.

    python benchmarks/batch.py news.jsonl.gz --articles 300

Labels the first articles of a file four times: by a bare labeler of one thread that is loaded already, by `quoth batch` with
one process of one thread and with two, and by a finished run asked again.  Prints seconds and ratios; peak memory is that of the
largest process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from quoth import Labeler
from quoth.articles import read
from quoth.records import Article


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("--articles", type=int, default=300)
    asked = parser.parse_args()
    articles = [*islice((row for row in read([asked.input]) if isinstance(row, Article)), asked.articles)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.jsonl")
        path.write_text("".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in articles))
        labeler = Labeler.from_pretrained(threads=1)
        next(labeler.label(articles[:1]))
        bare = timed(lambda: [*labeler.label(articles)])
        size = max(len(articles) // 16, 1)
        runs = {n: timed(lambda n=n: batch(path, Path(folder, str(n)), n, size)) for n in (1, 2)}
        again = timed(lambda: batch(path, Path(folder, "1"), 1, size))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    start = again
    print(f"{len(articles)} articles, {sum(len(a.text) for a in articles):,} characters, shards of {size}")
    print(f"bare labeler, one thread      {bare:8.1f} s   {len(articles) / bare:.2f} articles/s")
    print(
        f"quoth batch, one process      {runs[1]:8.1f} s   {(runs[1] - start) / bare - 1:+.1%} without its start"
    )
    print(
        f"quoth batch, two processes    {runs[2]:8.1f} s   {(runs[1] - start) / (runs[2] - start):.2f} times one"
    )
    print(f"a finished run asked again    {again:8.1f} s")
    print(f"largest process               {peak:8.0f} MB")


def batch(path: Path, out: Path, workers: int, shard_rows: int) -> None:
    command = [sys.executable, "-m", "quoth.cli", "batch", path, "--out", out, "--format", "jsonl"]
    subprocess.run(
        [*command, "--workers", str(workers), "--shard-rows", str(shard_rows)],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
