"""`quoth serve` beside the library and beside LitServe, in one run of one machine with two cores.

    python benchmarks/serving.py --articles 400 --json serving.json --markdown serving.md

Library and servers have one thread on core 0, the load comes from core 1 over loopback.  Measured: articles/s of the library and
of the server at saturation (64 clients at once, which come again when Retry-After says; the library before and after it); the
median of single requests; latencies at half of the saturation, arrivals by chance (Poisson), beside those of a server that does
nothing but wait for the model, article after article; ten times the saturation for --overload seconds, with memory, refusals and
the way back; and the same labeler behind LitServe (in an environment of its own, made here from this checkout), which is asked
the same at the same moments.  Latencies count from when a request was due.  Without --input the articles are paragraphs of the
examples, drawn anew for each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from quoth import Labeler, processor
from quoth.articles import read
from quoth.records import Article

ROOT = Path(__file__).parent.parent
MODEL_CORES, LOAD_CORE = {0}, 1
AT_ONCE = 64
Asked = tuple[float, int, float]
"""When it was due, status, and seconds until its answer."""


class Load:
    """A client with as many connections as it needs."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, text: str) -> int:
        """The status of an answer that has been read whole."""
        return (await self._exchange(text))[0]

    async def _exchange(self, text: str) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        body = json.dumps({"text": text}).encode()
        head = f"POST {self._path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        reader, writer = await self._connection()
        writer.write(head.encode() + body)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(first.split()[1]), headers

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the server may have ended it meanwhile
                return reader, writer
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def due(self, at: float, text: str) -> Asked:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        status = await self.ask(text)
        return at, status, time.perf_counter() - at

    async def all_of(self, texts: Sequence[str]) -> float:
        """Articles/s, each asked once, AT_ONCE at a time."""
        rest = iter(texts)

        async def one_after_another() -> None:
            for text in rest:
                while (answer := await self._exchange(text))[0] == 429:
                    await asyncio.sleep(int(answer[1]["retry-after"]))
                assert answer[0] == 200

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        return len(texts) / (time.perf_counter() - began)

    async def alone(self, texts: Sequence[str]) -> list[float]:
        """Seconds of one request after another."""
        return [(await self.due(time.perf_counter(), text))[2] for text in texts]

    async def arriving(self, texts: Sequence[str], rate: float, seconds: float) -> list[Asked]:
        """Requests that arrive by chance, rate/s of them."""
        begin, due = time.perf_counter() + 0.1, moments(rate, seconds)
        asked = [self.due(begin + at, text) for at, text in zip(due, itertools.cycle(texts), strict=False)]
        return await asyncio.gather(*asked)


def moments(rate: float, seconds: float) -> Iterator[float]:
    """A Poisson process, the same each time."""
    rng = random.Random(7)
    all_of_them = itertools.accumulate(rng.expovariate(rate) for _ in itertools.count())
    return itertools.takewhile(lambda moment: moment < seconds, all_of_them)


def one_at_a_time(due: Iterator[float], work: Sequence[float]) -> list[float]:
    """Seconds until each is done by somebody who does nothing else, who needs `work` seconds for each, over and over."""
    latencies, free = [], 0.0
    for at, seconds in zip(due, itertools.cycle(work), strict=False):
        free = max(free, at) + seconds
        latencies.append(free - at)
    return latencies


@dataclass
class Figures:
    """Of one server; seconds and articles/s.  Refusals and what follows are of the overload."""

    saturation: float
    single_median: float
    half_load_rate: float
    half_load_median: float
    half_load_p99: float
    ideal_p99: float
    """Of `one_at_a_time`, where each takes as long as alone."""
    overload_rate: float | None = None
    accepted: int | None = None
    accepted_p99: float | None = None
    refused: int | None = None
    refused_p99: float | None = None
    others: int | None = None
    memory_before_mb: float | None = None
    memory_most_mb: float | None = None
    recovery_seconds: float | None = None
    recovered_saturation: float | None = None


async def measured(load: Load, texts: Sequence[str], seconds: float, rate: float | None = None) -> Figures:
    """rate: of half load, where not half of its own saturation."""
    await load.alone(texts[:5])
    alone = await load.alone(texts)
    saturation = await load.all_of(texts)
    rate = rate or saturation / 2
    half = await load.arriving(texts, rate, seconds)
    assert all(status == 200 for _, status, _ in half)
    seconds_of_each = [s for _, _, s in half]
    ideal = one_at_a_time(moments(rate, seconds), alone)
    return Figures(
        saturation, statistics.median(alone), rate, statistics.median(seconds_of_each), p99(seconds_of_each),
        p99(ideal),
    )  # fmt: skip


async def overloaded(load: Load, figures: Figures, texts: Sequence[str], seconds: float, pid: int) -> None:
    """Ten times as much as it can, then one article again and again, until it takes at most twice as long as before."""
    usual = sorted(texts, key=len)[len(texts) // 2]
    before = statistics.median(await load.alone([usual] * 5))
    most = figures.memory_before_mb = resident(pid)
    figures.overload_rate = 10 * figures.saturation
    asked = asyncio.create_task(load.arriving(texts, figures.overload_rate, seconds))
    end = time.perf_counter() + 0.1 + seconds
    while time.perf_counter() < end:
        await asyncio.sleep(0.2)
        most = max(most, resident(pid))
    while await load.ask(usual) != 200 or (await load.alone([usual]))[0] > 2 * before:
        await asyncio.sleep(0.05)
    figures.recovery_seconds = time.perf_counter() - end
    answers = await asked
    accepted = [s for _, status, s in answers if status == 200]
    refused = [s for _, status, s in answers if status == 429]
    figures.accepted, figures.accepted_p99 = len(accepted), p99(accepted)
    figures.refused, figures.refused_p99 = len(refused), p99(refused)
    figures.others = len(answers) - len(accepted) - len(refused)
    figures.memory_most_mb = max(most, resident(pid))
    figures.recovered_saturation = await load.all_of(texts)


def p99(values: Sequence[float]) -> float:
    """0 of none."""
    return sorted(values)[min(len(values) - 1, int(0.99 * len(values)))] if values else 0.0


def resident(pid: int) -> float:
    """MB."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def model_core() -> Iterator[None]:
    """What is started meanwhile runs on the model's core."""
    os.sched_setaffinity(0, MODEL_CORES)
    yield
    os.sched_setaffinity(0, {LOAD_CORE})


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, path: str) -> Iterator[int]:
    """A server on the model's core, once it answers at `path`; gives its process id."""
    with model_core():
        process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
    try:
        asyncio.run(until_ready(port, path, process))
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


async def until_ready(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"a server ended with status {process.returncode}")
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if await Load(port, path).ask("“We begin,” said Ann Ode.") == 200:
                return
        await asyncio.sleep(0.2)
    sys.exit("a server did not answer within two minutes")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def library(path: Path) -> float:
    """Articles/s of the library, in a process of its own."""
    command = [sys.executable, __file__, "--library", str(path)]
    with model_core():
        return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def library_part(path: Path) -> None:
    articles = [row for row in read([path]) if isinstance(row, Article)]
    labeler = Labeler.from_pretrained(threads=1)
    next(labeler.label(articles[:1]))
    began = time.perf_counter()
    assert sum(1 for _ in labeler.label(articles)) == len(articles)
    print(len(articles) / (time.perf_counter() - began))


def drawn(n: int) -> list[str]:
    """Articles of the examples' paragraphs, 4 to 16 of them, no two the same."""
    lines = (ROOT / "examples/articles.jsonl").read_text().splitlines()
    paragraphs = [p for line in lines for p in json.loads(line)["text"].split("\n\n")]
    rng = random.Random(5)
    return ["\n\n".join(rng.sample(paragraphs, rng.randint(4, 16))) for _ in range(n)]


def litserve_python(folder: Path) -> Path:
    """The interpreter of an environment with LitServe and this checkout."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", ROOT, "litserve"], check=True)
    return python


def table(result: dict[str, object], quoth: Figures, lit: Figures | None) -> str:
    """In Markdown, a bar met or missed beside each figure that has one."""

    def row(name: str, one: str, other: str = "", bar: str = "") -> str:
        return f"| {name} | {one} | {other} | {bar} |"

    before, after = result["library"]  # type: ignore[misc]
    share = 2 * quoth.saturation / (before + after)  # type: ignore[has-type]
    times = quoth.half_load_p99 / quoth.single_median
    rows = [
        f"{result['cpu']}, {result['articles']} articles of {result['characters_mean']} characters in the mean, {result['date']}",
        "",
        "| | quoth serve | LitServe | |",
        "| --- | --- | --- | --- |",
        row("library in batches, before and after, articles/s", f"{before:.2f}, {after:.2f}"),  # type: ignore[has-type]
        row("saturation, articles/s", f"{quoth.saturation:.2f}", lit and f"{lit.saturation:.2f}" or "", told(not lit or quoth.saturation >= lit.saturation, "no less than LitServe")),
        row("the same, of the library's", f"{share:.1%}", "", told(share >= 0.9, ">= 90 %")),
        row("a request alone, median", ms(quoth.single_median), lit and ms(lit.single_median) or ""),
        row(f"{quoth.half_load_rate:.2f} requests/s (half load), median", ms(quoth.half_load_median), lit and ms(lit.half_load_median) or ""),
        row("the same, p99", ms(quoth.half_load_p99), lit and ms(lit.half_load_p99) or "", told(not lit or quoth.half_load_p99 <= lit.half_load_p99, "no more than LitServe")),
        row("the same, times the median of one alone", f"{times:.1f}", "", told(times <= 4, "<= 4")),
        row("the same, if nothing but the model took time", f"{quoth.ideal_p99 / quoth.single_median:.1f}"),
        row(f"{quoth.overload_rate:.0f} requests/s for {result['overload_seconds']:g} s: answered, refused, neither", f"{quoth.accepted}, {quoth.refused}, {quoth.others}", "", told(quoth.others == 0, "nothing but 200 and 429")),
        row("p99 of those answered", ms(quoth.accepted_p99)),
        row("p99 of those refused", ms(quoth.refused_p99), "", told((quoth.refused_p99 or 0) <= 0.5, "<= 500 ms")),
        row("memory before, at most", f"{quoth.memory_before_mb:.0f} MB, {quoth.memory_most_mb:.0f} MB"),
        row("as before, for one request, after", f"{quoth.recovery_seconds:.1f} s", "", told((quoth.recovery_seconds or 0) <= 5, "<= 5 s")),
        row("saturation again, articles/s", f"{quoth.recovered_saturation:.2f}"),
    ]  # fmt: skip
    return "\n".join(rows) + "\n"


def told(met: bool, bar: str) -> str:
    return f"{bar}: {'met' if met else 'MISSED'}"


def ms(seconds: float | None) -> str:
    return f"{1000 * (seconds or 0):.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, help="articles in a file that quoth reads")
    parser.add_argument("--articles", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=300, help="of half load")
    parser.add_argument("--overload", type=float, default=60, help="seconds")
    parser.add_argument("--without-litserve", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("serving.json"))
    parser.add_argument("--markdown", type=Path, default=Path("serving.md"))
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.library:
        return library_part(asked.library)
    os.sched_setaffinity(0, {LOAD_CORE})
    if asked.input:
        rows = (row.text for row in read([asked.input]) if isinstance(row, Article))
        texts = list(itertools.islice(rows, asked.articles))
    else:
        texts = drawn(asked.articles)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "articles.jsonl")
        path.write_text("".join(json.dumps({"id": str(k), "text": t}) + "\n" for k, t in enumerate(texts)))
        before = library(path)
        port = free_port()
        serve = [sys.executable, "-m", "quoth.cli", "serve", "--port", str(port), "--threads", "1"]
        with running(serve, port, "/v1/label") as pid:
            load = Load(port, "/v1/label")

            async def both() -> Figures:
                figures = await measured(load, texts, asked.seconds)
                await overloaded(load, figures, texts, asked.overload, pid)
                return figures

            quoth = asyncio.run(both())
        after = library(path)
        result = {
            "cpu": processor.name(), "date": time.strftime("%Y-%m-%d"), "articles": len(texts),
            "characters_mean": round(statistics.mean(map(len, texts))), "overload_seconds": asked.overload,
            "library": [before, after], "quoth": asdict(quoth), "litserve": None,
        }  # fmt: skip
        written(asked, result, quoth, None)
        if not asked.without_litserve:
            python, port = litserve_python(Path(folder, "venv")), free_port()
            command = [python, ROOT / "benchmarks/serving_litserve.py", str(port)]
            with running(command, port, "/predict"):
                lit = asyncio.run(
                    measured(Load(port, "/predict"), texts, asked.seconds, quoth.half_load_rate)
                )
            written(asked, result | {"litserve": asdict(lit)}, quoth, lit)
    print(asked.markdown.read_text())


def written(
    asked: argparse.Namespace, result: dict[str, object], quoth: Figures, lit: Figures | None
) -> None:
    asked.json.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    asked.markdown.write_text(table(result, quoth, lit))


if __name__ == "__main__":
    main()
