"""How fast and how good each model is: the plot of the README.

    python benchmarks/frontier.py news.jsonl.gz --articles 80 --svg docs/frontier.svg

Labels the first articles of a file with each model of the package in turn, several times, on one core, spaCy's small English
pipeline among them where it is installed (benchmarks/peers.sh makes such an environment: .venv-peers/bin/python); how good each
is stands in results/.  Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from itertools import islice
from pathlib import Path

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from speed import parse

from quoth import processor
from quoth.articles import read
from quoth.eval.diff import read_result
from quoth.eval.release import RESULTS, read_attributions
from quoth.labeler import Labeler
from quoth.records import Article

MODELS = {"fast": "fast-", "small": "", "base": "base-"}
"""And what the names of its results begin with."""

MEASURES = ("stance of quotations, end to end", "statements with their source")

WIDTH, HEIGHT, MARGIN = 340, 220, 48


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("--articles", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--svg", type=Path)
    asked = parser.parse_args()
    texts = [row.text for row in islice(read([asked.input]), asked.articles) if isinstance(row, Article)]
    seconds = clocked(texts, asked.rounds)
    speeds = {name: seconds["small"] / value for name, value in seconds.items()}
    good = {name: quality(name) for name in MODELS}
    print(f"{len(texts)} articles, one core of {platform.machine()}, {processor.name()}\n")
    print("\n".join(["| | speed, of small's |" + "".join(f" {m} |" for m in MEASURES), "|---" * 4 + "|"]))
    for name, speed in speeds.items():
        cells = [f"{100 * value:.1f}" for value in good[name]] if name in good else ["-"] * len(MEASURES)
        print(f"| {name} | {speed:.2f} | {' | '.join(cells)} |")
    if asked.svg:
        asked.svg.write_text(plot(speeds, good), "utf-8")


def clocked(texts: list[str], rounds: int) -> dict[str, float]:
    """Seconds of each, the best of the rounds; they take turns, so that a busy machine is busy for all."""

    labelers = {name: Labeler.from_pretrained(name, threads=1) for name in MODELS}
    for labeler in labelers.values():
        labeler.label_one(texts[0])
    best: dict[str, float] = {}
    for _ in range(rounds):
        found = {}
        for name, labeler in labelers.items():
            began = time.perf_counter()
            for text in texts:
                labeler.label_one(text)
            found[name] = time.perf_counter() - began
        if parsed := parse(texts):
            found["spaCy en_core_web_sm"] = parsed[0]
        best = {name: min(value, best.get(name, value)) for name, value in found.items()}
    return best


def quality(model: str) -> tuple[float, float]:
    """Of MEASURES, on the dev sets; `base` finds statements with `small`."""
    dev = read_result(RESULTS / f"{MODELS[model]}dev.json")
    found = RESULTS / f"{MODELS[model]}polnear.json"
    attributed = read_attributions(found if found.is_file() else RESULTS / "polnear.json")
    stance = dev.stance["end_to_end"]["quoted"].macro_f1_four.value
    sourced = attributed.attribution["all"]["f1"]
    assert stance is not None and sourced is not None
    return stance, sourced / 100


def plot(speeds: dict[str, float], good: dict[str, tuple[float, float]]) -> str:
    """Two panels side by side, one for each of MEASURES: speed to the right, quality upward; a line where spaCy's speed is."""
    right = max(speeds.values()) * 1.15
    parts = []
    for panel, measure in enumerate(MEASURES):
        low = min(values[panel] for values in good.values()) - 0.05
        high = max(values[panel] for values in good.values()) + 0.05
        begin = panel * WIDTH

        def x(speed: float, begin: int = begin) -> float:
            return begin + MARGIN + speed / right * (WIDTH - MARGIN - 16)

        def y(value: float, low: float = low, high: float = high) -> float:
            return HEIGHT - MARGIN + 8 - (value - low) / (high - low) * (HEIGHT - MARGIN - 24)

        parts.append(f'<text x="{begin + MARGIN}" y="14" font-weight="bold">{measure}, F1</text>')
        parts.append(f'<path d="M{x(0):.0f} 24V{y(low):.0f}H{x(right):.0f}" fill="none" stroke="#888"/>')
        for step in range(int(low * 20) + 1, int(high * 20) + 1):
            parts.append(
                f'<text x="{begin + MARGIN - 6}" y="{y(step / 20) + 4:.0f}" text-anchor="end">{5 * step}</text>'
            )
        for speed in range(int(right) + 1):
            parts.append(
                f'<text x="{x(speed):.0f}" y="{y(low) + 16:.0f}" text-anchor="middle">{speed}</text>'
            )
        parts.append(
            f'<text x="{x(right / 2):.0f}" y="{y(low) + 34:.0f}" text-anchor="middle">speed, of small’s</text>'
        )
        for name, speed in speeds.items():
            if name in good:
                at = f'cx="{x(speed):.1f}" cy="{y(good[name][panel]):.1f}"'
                parts.append(f'<circle {at} r="4" fill="#2c5f8a"/>')
                parts.append(f'<text x="{x(speed) + 8:.1f}" y="{y(good[name][panel]) - 6:.1f}">{name}</text>')
            else:
                parts.append(
                    f'<path d="M{x(speed):.1f} 24V{y(low):.0f}" stroke="#888" stroke-dasharray="4 3"/>'
                )
                parts.append(f'<text x="{x(speed) + 4:.1f}" y="{y(low) - 6:.0f}" fill="#666">spaCy</text>')
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'


if __name__ == "__main__":
    main()
