"""How fast the HTML report of 10,000 statements in 700 articles opens and searches, in headless Chromium.

python benchmarks/report.py [--browser /usr/bin/chromium] [--out report.html]; needs playwright.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quoth.eval import measures
from quoth.eval.calibration import calibration
from quoth.eval.draws import Draws
from quoth.eval.extraction import extraction
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldArticle, GoldKind, GoldStatement
from quoth.eval.html import html
from quoth.eval.items import Answer, Item, Judged
from quoth.eval.result import Articles, Calibration, Result, Run, Setting
from quoth.eval.slices import slices
from quoth.records import ModelInfo

WORDS = """the minister said that harbour talks on grain would go on until spring while the northern council
blamed a lack of ships and denied any part in the delay which officials called regrettable and avoidable after
months of letters between both capitals about tolls quotas inspections and the return of three seized trawlers""".split()
NAMES = "Ilse Brandvold,Tomas Okerele,Mirela Vantongeren,Yusuf Adeyinka-Roe,Port Authority of Velsand".split(
    ","
)
DRAWS = Draws(resamples=200)


def synthetic(articles: int, items: int, seed: int = 0) -> tuple[Result, dict[str, str], dict[str, str]]:
    """A result with its texts and titles: about 15 % of stances are wrong, some statements missed."""
    rng = np.random.default_rng(seed)
    rows = [
        _article(rng, f"article-{k:04}", items // articles + (k < items % articles)) for k in range(articles)
    ]
    settings: tuple[Setting, ...] = ("end_to_end", "gold_spans")
    result = Result(
        run=Run(
            command="quoth eval --gold labels.jsonl --articles articles.jsonl", date="2026-05-04", quoth="0.1.0",
            git="0c1d2e3+", model=ModelInfo("small", "0.1.0", "0123456789ab"), gold="labels.jsonl",
            gold_hash="0123456789ab", articles_hash="ba9876543210", predictions=None, predictions_hash=None,
            splits={"dev": articles}, seed=0, resamples=DRAWS.resamples, versions={"numpy": np.__version__},
            seconds={"labelling": 61.2, "measuring": 3.4},
        ),
        notes=["Synthetic: nothing is to be concluded from it."],
        articles=Articles(articles, 0, 0),
        extraction={kind: extraction(rows, kind, DRAWS) for kind in KINDS},
        stance={s: {kind: measures.stance(rows, kind, s, DRAWS) for kind in KINDS} for s in settings},
        invented=measures.invented(rows),
        speaker={scope: measures.speaker(rows, scope, DRAWS) for scope in measures.SCOPES},
        speaker_by_naming={n: measures.speaker(rows, "all", DRAWS, n) for n in ("full name", "surname", "pronoun")},
        sentiment={s: {"all": measures.sentiment(rows, "all", s, DRAWS)} for s in settings},
        target={scope: measures.target(rows, scope, DRAWS) for scope in measures.SCOPES},
        calibration={s: {"all": _calibration(rows, s)} for s in settings},
        slices=slices(rows, resamples=DRAWS.resamples),
        items=[item for row in rows for item in row.items],
    )  # fmt: skip
    texts = {row.article.id: row.article.text for row in rows}
    return result, texts, {name: f"Talks on grain, day {k}" for k, name in enumerate(texts, 1)}


def _article(rng: np.random.Generator, name: str, n: int) -> Judged:
    text, items = "", list[Item]()
    for k in range(n):
        text += _sentence(rng, 30) + "\n\n" + _sentence(rng, 8) + " "
        start = len(text)
        text += f"“{_sentence(rng, int(rng.integers(2, 40)))}”"
        kind: GoldKind = KINDS[int(rng.random() < 0.3)]
        items.append(_item(rng, name, start, text, kind, {
            "naming": str(rng.choice(["full name", "surname", "pronoun"])), "kind": kind,
            "outlet": f"outlet {rng.integers(8)}", "year": str(2019 + int(rng.integers(6))),
            "position": f"{k * 5 // n + 1} of 5", "negation": str(rng.choice(["yes", "no"], p=[0.1, 0.9])),
        }))  # fmt: skip
        text += f", said {rng.choice(NAMES)}. "
    gold = [item.gold for item in items if item.gold]
    return Judged(GoldArticle(name, text, "dev", gold), [], items)


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words)).capitalize() + "."


def _item(
    rng: np.random.Generator, name: str, start: int, text: str, kind: GoldKind, traits: dict[str, str]
) -> Item:
    end = len(text)
    true = int(rng.choice(5, p=[0.18, 0.1, 0.14, 0.1, 0.48]))
    feeling = int(rng.integers(3))
    speaker = str(rng.choice(NAMES))

    def answer() -> Answer:
        stances, feelings = rng.dirichlet(np.full(5, 0.3)), rng.dirichlet(np.full(3, 0.4))
        if rng.random() < 0.8:
            stances = _with_most(stances, true)
            feelings = _with_most(feelings, feeling)
        return Answer(
            start, end, "direct" if kind == "quoted" else "indirect", STANCES[int(stances.argmax())], None,
            dict(zip(STANCES, stances.tolist(), strict=True)), SENTIMENTS[int(feelings.argmax())],
            dict(zip(SENTIMENTS, feelings.tolist(), strict=True)),
            speaker if rng.random() < 0.8 else None, "the northern council", float(rng.random()),
        )  # fmt: skip

    gold = GoldStatement(
        start, end, kind, STANCES[true], None, SENTIMENTS[feeling], speaker, "northern council"
    )
    return Item(
        name,
        start,
        end,
        kind,
        text[start:end],
        gold,
        answer() if rng.random() < 0.95 else None,
        answer(),
        traits,
    )


def _with_most(shares: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    best = int(shares.argmax())
    swapped = shares.copy()
    swapped[[k, best]] = shares[[best, k]]
    return swapped


def _calibration(rows: list[Judged], setting: Setting) -> Calibration:
    told = [
        (list(said.stance_probabilities.values()), STANCES.index(item.gold.stance), k)
        for k, row in enumerate(rows)
        for item in row.items
        if item.gold and (said := measures.answer(item, setting))
    ]
    probabilities, gold, articles = zip(*told, strict=True)
    return calibration(probabilities, gold, articles, resamples=DRAWS.resamples)


def measure(page_file: Path, browser_path: str | None) -> dict[str, float]:
    """Milliseconds, medians of five."""
    from playwright.sync_api import sync_playwright

    figures: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(page_file.as_uri())
            page.wait_for_selector("[role=option]")
            found = page.evaluate(
                """async () => {
                    const paint = performance.getEntriesByName("first-contentful-paint")[0];
                    const at = { "first paint": paint ? paint.startTime : NaN,
                      "interactive": performance.getEntriesByType("navigation")[0].domInteractive };
                    const q = document.forms.filters.elements.q;
                    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                    for (const [name, text] of [["first keystroke", "h"], ["next keystroke", "harb"], ["no hit", "harbx"]]) {
                        await drawn();
                        const start = performance.now();
                        q.value = text;
                        q.dispatchEvent(new Event("input", { bubbles: true }));
                        at[name + ", list in the document"] = performance.now() - start;
                        await drawn();
                        at[name + ", list on the screen"] = performance.now() - start;
                    }
                    return at;
                }"""
            )
            for name, value in found.items():
                figures.setdefault(name, []).append(value)
            page.close()
        browser.close()
    return {name: statistics.median(values) for name, values in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=700)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--browser", help="path of a Chromium; without it, playwright's own")
    parser.add_argument("--out", type=Path, help="keep the report here")
    given = parser.parse_args()
    result, texts, titles = synthetic(given.articles, given.items)
    started = time.perf_counter()
    page = html(result, texts, titles)
    print(f"{'made in':34} {1000 * (time.perf_counter() - started):8.0f} ms")
    print(f"{'size':34} {len(page.encode()) / 1e6:8.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        out = given.out or Path(folder) / "report.html"
        out.write_text(page, "utf-8")
        for name, value in measure(out, given.browser).items():
            print(f"{name:34} {value:8.0f} ms")


if __name__ == "__main__":
    main()
