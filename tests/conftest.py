"""Hand-made readings, labels, records and results, so that tests of what follows need no model."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import regex

from quoth.eval import measures
from quoth.eval.calibration import calibration
from quoth.eval.draws import Draws
from quoth.eval.extraction import extraction
from quoth.eval.gold import KINDS, STANCES, GoldArticle, GoldStatement
from quoth.eval.items import Judged
from quoth.eval.result import Articles, Calibration, Result, Run, Scope, Setting
from quoth.model.attributions import LINKS, Reading
from quoth.model.layout import (
    BEGIN,
    INSIDE,
    LINK_WIDTH,
    OUTSIDE,
    ROLES,
    SENTIMENT_LABELS,
    STANCE_LABELS,
)
from quoth.model.stances import Told
from quoth.model.windows import Tokens, Window
from quoth.records import ModelInfo, Record, Speaker, Statement, Target

Read = Callable[..., tuple[Tokens, Reading]]

DRAWS = Draws(resamples=100)


def words_as_tokens(text: str) -> Tokens:
    spans = np.array([m.span() for m in regex.finditer(r"\w+|[^\w\s]", text)], dtype=np.int32).reshape(-1, 2)
    return Tokens(np.zeros(len(spans), dtype=np.int32), spans[:, 0], spans[:, 1])


@pytest.fixture
def read() -> Read:
    """read(text, (content, cue, source, name), ...): the phrases of each attribution, "" for none; the
    content points at its cue and at the name, the cue at its source."""

    def make(text: str, *attributions: tuple[str, str, str, str]) -> tuple[Tokens, Reading]:
        tokens = words_as_tokens(text)
        n = len(tokens)
        tags = np.zeros((n, len(ROLES), 3), dtype=np.float32)
        tags[:, :, OUTSIDE] = 1
        queries: dict[str, Any] = {link: np.zeros((n + 1, LINK_WIDTH), dtype=np.float32) for link in LINKS}
        keys: dict[str, Any] = {link: np.zeros((n + 1, LINK_WIDTH), dtype=np.float32) for link in LINKS}
        for link in LINKS:
            keys[link][0, 0] = 1
            queries[link][:, 0] = 100

        def place(phrase: str) -> range:
            # The last one: an earlier "he" may be somebody else's.
            *_, match = regex.finditer(rf"(?<!\w){regex.escape(phrase)}(?!\w)", text)
            return range(*tokens.between(*match.span()))

        def point(link: str, sources: range, goal: range, slot: int) -> None:
            keys[link][[t + 1 for t in goal], slot] = 1
            rows = [t + 1 for t in sources]
            queries[link][rows, 0] = 0
            queries[link][rows, slot] = 200

        for slot, (content, cue, source, name) in enumerate(attributions, 1):
            for k, phrase in enumerate((content, cue, source)):
                if phrase:
                    tags[list(place(phrase)), k] = np.eye(3)[INSIDE]
                    tags[place(phrase)[0], k] = np.eye(3)[BEGIN]
            if cue:
                point("cue", place(content), place(cue), slot)
            if source:
                point("source", place(cue), place(source), slot)
            if name:
                point("name", place(content), place(name), slot)
        return tokens, Reading(tags, [Window(0, n, 0, n)], {k: [v] for k, v in queries.items()},
                               {k: [v] for k, v in keys.items()})  # fmt: skip

    return make


@pytest.fixture
def noise() -> Callable[[str, int], tuple[Tokens, Reading]]:
    """noise(text, seed): an extractor that knows nothing, and says it in runs of a few words."""

    def make(text: str, seed: int) -> tuple[Tokens, Reading]:
        rng = np.random.default_rng(seed)
        tokens = words_as_tokens(text)
        n = len(tokens)
        levels = np.repeat(rng.dirichlet([0.5, 0.2, 0.5], size=(n // 3 + 1, len(ROLES))), 3, axis=0)[:n]
        queries, keys = (
            {link: [rng.normal(size=(n + 1, LINK_WIDTH)).astype(np.float32) * 3] for link in LINKS}
            for _ in range(2)
        )
        return tokens, Reading(levels.astype(np.float32), [Window(0, n, 0, n)], queries, keys)

    return make


RAID = (
    "“They sank it,” said Sen. Ida Brandt. “We never sank it,” Bo Lund replied. "
    "Brandt condemned the raid. Lund hailed the crew. “Maybe,” he said. “Rubbish!”"
)
TAX = (
    "“We never took it,” said Café owner Ida Brandt. The union blamed the “harbour tax” again. "
    "“Nor did I,” she said of the union."
)


def words_in(words: str, text: str) -> tuple[int, int]:
    start = text.index(words)
    return start, start + len(words)


@pytest.fixture(scope="session")
def gold() -> Callable[..., GoldStatement]:
    """gold(words, kind, stance, speaker, target, ...): the label of words of RAID, or of another text."""

    def make(
        words: str,
        kind: str = "quoted",
        stance: str = "other",
        speaker: str | None = None,
        target: str | None = None,
        stance2: str | None = None,
        sentiment: str | None = "negative",
        text: str = RAID,
    ) -> GoldStatement:
        labels: Any = (kind, stance, stance2, sentiment)
        return GoldStatement(*words_in(words, text), *labels, speaker, target)

    return make


@pytest.fixture(scope="session")
def predicted() -> Callable[..., Statement]:
    """predicted(words, kind, stance, ...): a statement of words of RAID, or of another text; at: where they
    begin, if not at their first place."""

    def make(
        words: str,
        kind: str = "direct",
        stance: str = "other",
        speaker: str | None = None,
        target: str | None = None,
        sentiment: str = "negative",
        text: str = RAID,
        at: int | None = None,
        **fields: Any,
    ) -> Statement:
        start = text.index(words) if at is None else at
        labels: Any = {"kind": kind, "stance": stance, "sentiment": sentiment}
        unsaid: dict[str, Any] = {
            "cue": None, "second_stance": None, "stance_probabilities": {}, "sentiment_probabilities": {}
        }  # fmt: skip
        return Statement(
            id=str(start),
            quotation=str(start),
            start=start,
            end=start + len(words),
            text=words,
            fragment=False,
            probability=1.0,
            speaker=Speaker(speaker, "person", None, None, 1.0),
            abstained=False,
            target=Target(target, *words_in(target, text), None) if target else None,
            **labels,
            **unsaid | fields,
        )

    return make


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """record(statement, ..., article="a")"""

    def make(*statements: Statement, article: str = "a") -> Record:
        return Record("1", article, {}, [], ModelInfo("m", "0", "0" * 12), list(statements))

    return make


@pytest.fixture(scope="session")
def told() -> Callable[..., Told]:
    """told(stance, sentiment, second): the classifier's answer, sure of it at 0.8."""

    def sure(label: str, labels: tuple[str, ...]) -> Any:
        rest = np.full(len(labels), 0.2 / (len(labels) - 1))
        return np.where([k == label for k in labels], 0.8, rest).astype(np.float32)

    def make(stance: str, sentiment: str = "neutral", second: Any = None) -> Told:
        return Told(sure(stance, STANCE_LABELS), second, sure(sentiment, SENTIMENT_LABELS), None)

    return make


@pytest.fixture(scope="session")
def raid(gold: Callable[..., GoldStatement]) -> GoldArticle:
    """Five labelled statements: three quoted, two paraphrased."""
    return GoldArticle(
        "a",
        RAID,
        "dev",
        [
            gold("“They sank it,”", "quoted", "accusation", "Ida Brandt", "We"),
            gold("“We never sank it,”", "quoted", "denial", "Bo Lund", "They sank it"),
            gold("“Maybe,”", "quoted", "other", "Bo Lund", None),
            gold("Brandt condemned the raid", "indirect", "condemnation", "Ida Brandt", "the raid"),
            gold("Lund hailed the crew", "indirect", "solidarity", "Bo Lund", "the crew"),
        ],
    )


@pytest.fixture(scope="session")
def raid_record(predicted: Callable[..., Statement], record: Callable[..., Record]) -> Record:
    """What a poor system says of the raid: a right accusation, a wrong one, a paraphrase cut short; two
    statements missed, and three made up."""
    return record(
        predicted("“They sank it,”", "direct", "accusation", "Sen. Ida Brandt", "Brandt"),
        predicted("“We never sank it,”", "direct", "accusation", "Ida Brandt", "sank it"),
        predicted("condemned the raid", "indirect", "condemnation", None, "the raid", "neutral"),
        predicted("“Rubbish!”", "direct", "denial"),
        predicted("said Sen", "indirect", "solidarity"),
        predicted("replied", "indirect", "other"),
    )


@pytest.fixture(scope="session")
def tax(gold: Callable[..., GoldStatement]) -> GoldArticle:
    """Three labelled statements: one quoted at each end, a paraphrase between."""
    return GoldArticle(
        "a1",
        TAX,
        "dev",
        [
            gold("“We never took it,”", "quoted", "denial", "Ida Brandt", text=TAX),
            gold(
                "blamed the “harbour tax” again",
                "indirect",
                "accusation",
                None,
                "harbour tax",
                "condemnation",
                text=TAX,
            ),
            gold(
                "“Nor did I,”", "quoted", "other", "Ida Brandt", "the union", sentiment="neutral", text=TAX
            ),
        ],
    )  # fmt: skip


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """lines(row, ..., name): a file of JSON lines."""

    def write(*rows: dict[str, Any], name: str = "predicted.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
        return path

    return write


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """table(line, ..., name): a file of these lines."""

    def write(*rows: str, name: str = "predicted.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(rows) + "\n", "utf-8")
        return path

    return write


@pytest.fixture
def labels_of(lines: Callable[..., Path]) -> Callable[..., Path]:
    """labels_of(article, ..., name): their stand-off labels as a file."""

    def write(*articles: GoldArticle, name: str = "gold.jsonl") -> Path:
        rows = [
            {
                "article": a.id,
                "sha256": hashlib.sha256(a.text.encode()).hexdigest(),
                "split": a.split,
                "statements": [msgspec.to_builtins(s) for s in a.statements],
            }
            for a in articles
        ]
        return lines(*rows, name=name)

    return write


@pytest.fixture
def texts_of(lines: Callable[..., Path]) -> Callable[..., Path]:
    """texts_of(article, ..., name): their texts as a file."""

    def write(*articles: GoldArticle, name: str = "articles.jsonl") -> Path:
        return lines(*({"id": a.id, "text": a.text} for a in articles), name=name)

    return write


@pytest.fixture(scope="session")
def result() -> Callable[..., Result]:
    """result(rows, ...): what `quoth eval` finds in rows, of a model unless predictions="theirs.csv"; fields
    of its run may be given too."""

    def make(rows: Sequence[Judged], **run: Any) -> Result:
        asked = "predictions" not in run and all(item.told for row in rows for _, item in row.gold())
        both: list[Setting] = ["gold_spans", "end_to_end"] if asked else ["end_to_end"]
        made: dict[str, Any] = {
            "command": "quoth eval --gold data/gold.jsonl --articles data/articles",
            "date": "2026-02-03T04:05:06Z", "quoth": "0.1.0", "git": None,
            "model": None if "predictions" in run else ModelInfo("small", "0.1.0", "a" * 12),
            "gold": "gold.jsonl", "gold_hash": "1" * 12, "articles_hash": "2" * 12,
            "predictions": None, "predictions_hash": None, "splits": {"dev": len(rows)},
            "seed": DRAWS.seed, "resamples": DRAWS.resamples, "versions": {},
            "seconds": {"measuring": 0.5},
        }  # fmt: skip
        items = [item for row in rows for item in row.items]
        return Result(
            run=Run(**made | run),
            notes=[],
            articles=Articles(len(rows), 0, 0),
            extraction={kind: extraction(rows, kind, DRAWS) for kind in KINDS},
            stance={s: {kind: measures.stance(rows, kind, s, DRAWS) for kind in KINDS} for s in both},
            invented=measures.invented(rows),
            speaker={scope: measures.speaker(rows, scope, DRAWS) for scope in measures.SCOPES},
            speaker_by_naming={},
            sentiment={
                s: {scope: measures.sentiment(rows, scope, s, DRAWS) for scope in measures.SCOPES}
                for s in both
            },
            target={scope: measures.target(rows, scope, DRAWS) for scope in measures.SCOPES},
            calibration={s: _calibrations(rows, s) for s in both},
            slices=[],
            items=items,
        )  # fmt: skip

    return make


def _calibrations(rows: Sequence[Judged], setting: Setting) -> dict[Scope, Calibration]:
    asked = [
        (k, STANCES.index(gold.stance), [said.stance_probabilities[label] for label in STANCES])
        for k, row in enumerate(rows)
        for gold, item in row.gold()
        if (said := measures.answer(item, setting)) and said.stance_probabilities
    ]
    if not asked:
        return {}
    articles, right, probabilities = zip(*asked, strict=True)
    return {"all": calibration(probabilities, right, articles, DRAWS.resamples)}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git keeps, so that no build folder is left in the sources."""
    folder = tmp_path_factory.mktemp("source") / "quoth"
    left_out = (".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(
        Path(__file__).parent.parent, folder, symlinks=True, ignore=shutil.ignore_patterns(*left_out)
    )
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; a module's own, since its driver leaves an event loop running, beside which none can be started."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[test]'")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    path = next(filter(None, map(shutil.which, names)), None)
    with playwright.sync_playwright() as driver:
        try:
            started = driver.chromium.launch(
                executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
            )
        except playwright.Error as error:
            pytest.skip(f"needs a Chromium, on the path or by `playwright install chromium`: {error.message}")
        yield started
        started.close()
