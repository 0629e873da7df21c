"""Latency and throughput of `quoth serve` with many clients, beside a plain FastAPI application, and a long overload.

    python benchmarks/serving_clients.py --clients 1 8 64 256 --seconds 60 --workers 1
    python benchmarks/serving_clients.py --clients 64 --seconds 60 --workers 2
    python benchmarks/serving_clients.py --clients 64 --overload 300

Each client sends an article, waits for its answer and sends the next; after 429 it waits as Retry-After says.  The overload is ten times
as many requests a second as the 64 clients (or the last of --clients) had answered, due at random moments; memory is that of
the server's first process.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence

import serving
from serving import Load, drawn, free_port, p99, resident, running


async def closed_loop(
    port: int, texts: Sequence[str], clients: int, seconds: float
) -> tuple[list[float], Counter[int]]:
    """Return the seconds of each answered request, and how often each status came."""
    load, rest = Load(port, "/v1/label"), itertools.cycle(texts)
    latencies: list[float] = []
    counts: Counter[int] = Counter()
    end = time.perf_counter() + seconds

    async def client() -> None:
        while (began := time.perf_counter()) < end:
            status, headers = await load._exchange(next(rest))
            counts[status] += 1
            if status == 200:
                latencies.append(time.perf_counter() - began)
            else:
                await asyncio.sleep(int(headers.get("retry-after", "1")))

    await asyncio.gather(*(client() for _ in range(clients)))
    return latencies, counts


async def overload(port: int, texts: Sequence[str], rate: float, seconds: float, pid: int) -> str:
    """Ask `rate` articles a second, and tell what became of them."""
    before = most = resident(pid)
    asked = asyncio.create_task(Load(port, "/v1/label").arriving(texts, rate, seconds))
    while not asked.done():
        await asyncio.sleep(0.5)
        most = max(most, resident(pid))
    answers = await asked
    counts = Counter(status for _, status, _ in answers)
    accepted = [s for _, status, s in answers if status == 200]
    refused = [s for _, status, s in answers if status == 429]
    return (
        f"{rate:.0f}/s for {seconds:g} s: {dict(counts)}; p99 answered {p99(accepted):.1f} s, refused {1000 * p99(refused):.0f} ms; "
        f"memory {before:.0f} MB before, {most:.0f} MB at most"
    )


def main() -> None:
    """Print a row for each server and number of clients."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=60, help="of each row")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--overload", type=float, default=0, help="seconds; 0: none")
    parser.add_argument("--without-fastapi", action="store_true")
    asked = parser.parse_args()
    if asked.workers > 1:
        serving.MODEL_CORES = set(range(asked.workers))
    texts, port = drawn(400), free_port()
    quoth = [sys.executable, "-m", "quoth.cli", "serve", "--port", str(port)]
    quoth += ["--threads", str(asked.workers), "--workers", str(asked.workers), "--connections", "10000"]
    servers = {"quoth serve": quoth}
    if not asked.without_fastapi:
        servers["FastAPI"] = [sys.executable, str(serving.ROOT / "benchmarks/serving_fastapi.py"), str(port)]
    print(
        "| server | clients | answered/s | p50, s | p99, s | statuses |\n| --- | --- | --- | --- | --- | --- |"
    )
    for name, command in servers.items():
        with running(command, port, "/v1/label") as pid:
            for clients in asked.clients:
                latencies, counts = asyncio.run(closed_loop(port, texts, clients, asked.seconds))
                rate = len(latencies) / asked.seconds
                middle = statistics.median(latencies)
                print(
                    f"| {name} | {clients} | {rate:.2f} | {middle:.2f} | {p99(latencies):.2f} | {dict(counts)} |",
                    flush=True,
                )
            if asked.overload and name == "quoth serve":
                print(f"\n{asyncio.run(overload(port, texts, 10 * rate, asked.overload, pid))}\n", flush=True)


if __name__ == "__main__":
    main()
