"""Kill a batch run at a random moment, go on, compare with the whole: again and again.

    python benchmarks/batch_kills.py examples/articles.jsonl --kills 500

Each round begins a new folder, ends all processes with SIGKILL after a time drawn from the duration of a whole run, runs the same
command to its end, and compares every byte of the parts.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    alive = 0
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        assert run(asked.input, Path(folder, "whole")).wait() == 0
        duration, whole = time.monotonic() - began, parts(Path(folder, "whole"))
        for k in range(asked.kills):
            out = Path(folder, str(k))
            process, moment = run(asked.input, out), rng.uniform(0, duration)
            time.sleep(moment)
            if process.poll() is None:
                alive += 1
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert run(asked.input, out).wait() == 0
            if parts(out) != whole:
                sys.exit(f"round {k}, killed after {moment:.3f} s: other parts than the whole run's")
    print(f"{asked.kills} rounds, {alive} killed while they ran: every part as in the whole run")


def run(path: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "quoth.cli", "batch", path, "--out", out, "--format", "jsonl"]
    return subprocess.Popen(
        [*command, "--shard-rows", "1", "--workers", "2"], stderr=subprocess.DEVNULL, start_new_session=True
    )


def parts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("part-*")}


if __name__ == "__main__":
    main()
