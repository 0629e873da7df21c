"""Whether memory and time of an article stay the same however many there are.

    python benchmarks/batch_slope.py --sizes 1000 10000 100000

Runs `quoth batch` over so many articles, no two alike and each of one sentence, so that what grows would be the runner's and
not the model's share; every tenth holds a quotation.  Prints seconds for an article, without the start of a run of ten, the
peak memory of the largest process, and how long the finished run takes when it is asked again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start, _ = run(Path(folder), 10, asked.workers)
        print("articles   ms an article   largest process, MB   asked again, s")
        for size in asked.sizes:
            seconds, memory = run(Path(folder), size, asked.workers)
            again, _ = run(Path(folder), size, asked.workers)
            print(
                f"{size:8,}   {1000 * (seconds - start) / size:13.2f}   {memory:19.0f}   {again:14.1f}",
                flush=True,
            )


def run(folder: Path, size: int, workers: int) -> tuple[float, float]:
    """Seconds, and the MB of the largest process."""
    path = folder / f"{size}.jsonl"
    if not path.exists():
        path.write_text("".join(json.dumps({"id": str(k), "text": text(k)}) + "\n" for k in range(size)))
    command = [sys.executable, "-m", "quoth.cli", "batch", path, "--out", folder / str(size)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", str(workers)], stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{size} articles: quoth batch ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, used.ru_maxrss / 1024


def text(k: int) -> str:
    if k % 10:
        return f"The council of ward {k} met on Monday and closed its books for the year."
    return f"“The books of ward {k} were never opened,” said Ida Brandt, who chairs the council."


if __name__ == "__main__":
    main()
