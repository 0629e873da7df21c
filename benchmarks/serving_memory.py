"""Memory of `quoth serve --workers N`: what each process holds alone, and what all hold together.

    python benchmarks/serving_memory.py --model small --workers 1 2 4

Linux only. PSS counts a page that n processes share as 1/n of it in each, so that the sum is what the machine gives away.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

TEXT = "“We never hid the leak,” said Ann Ode, who runs the Velm plant. Bo Ek denied it.\n\n" * 20


def main() -> None:
    """Print a table with a row for each number of workers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="small")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    print("| workers | processes | sum of RSS, MB | sum of PSS, MB | private to a worker, MB |")
    print("| --- | --- | --- | --- | --- |")
    for workers in asked.workers:
        print(row(asked.model, workers), flush=True)


def row(model: str, workers: int) -> str:
    """Start a server, let every worker label, and measure all its processes."""
    command = [sys.executable, "-m", "quoth.cli", "serve", "--port", "0", "--model", model]
    command += ["--workers", str(workers), "--threads", str(workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            port = int(process.stderr.readline().rsplit(":", 1)[1])
            body = "\n".join(json.dumps({"text": f"{k} {TEXT}"}) for k in range(8 * workers))
            while not answered(port, body):
                time.sleep(0.2)
            figures = [memory(pid) for pid in family(process.pid)]
        finally:
            process.terminate()
    rss, pss = (sum(f[name] for f in figures) / 1000 for name in ("Rss", "Pss"))
    private = [(f["Private_Clean"] + f["Private_Dirty"]) / 1000 for f in figures]
    own = sorted(private)[-workers:]
    return f"| {workers} | {len(figures)} | {rss:.0f} | {pss:.0f} | {sum(own) / len(own):.0f} |"


def answered(port: int, body: str) -> bool:
    """Whether a batch was answered."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        client.request("POST", "/v1/label/batch", body.encode())
        response = client.getresponse()
        return response.status == 200 and bool(response.read())
    except OSError:
        return False
    finally:
        client.close()


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = [task.name for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)]
    for thread in threads:
        children += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    return [pid, *(below for child in map(int, children) for below in family(child))]


def memory(pid: int) -> dict[str, int]:
    """Return the figures of smaps_rollup, in kB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}


if __name__ == "__main__":
    main()
