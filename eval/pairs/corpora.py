"""Read SEESAW, BASIL and DSE in the layouts that they are published in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from quoth.errors import InputError

Polarity = Literal["negative", "neutral", "positive"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A human judgement: in text[start:end], `source` is for or against `target`.

    Attributes:
        start, end: Characters of the sentence or span.
        source: Full name of who has the attitude; `None` if it is not named.
        target: Full name of whom it concerns; `None` if it is not named.
        polarity: The attitude.
        quoted: Whether the annotators marked the span as somebody's words.
    """

    start: int
    end: int
    source: str | None
    target: str | None
    polarity: Polarity
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class PairArticle:
    """An article with its judgements; articles of one story are resampled together."""

    id: str
    story: str
    text: str
    pairs: tuple[Pair, ...]


_POLARITY: dict[str, Polarity] = {"NEG": "negative", "POS": "positive", "neg": "negative", "pos": "positive"}

_UNNAMED = {"", "None", "Not in the list"}
"""How SEESAW says that the source or the target is none of the article's listed entities."""


def read_pairs(path: Path) -> tuple[str, list[PairArticle]]:
    """Read a corpus, whose layout tells which one it is.

    Args:
        path: SEESAW's folder (`annotations`, `articles`), BASIL's (the same, with folders of years) or a file
            of DSE (tab-separated).

    Returns:
        The corpus's name and its articles.

    Raises:
        InputError: The path has none of these layouts, or a file in it is not as it should be.
    """
    if path.is_file():
        return "DSE", list(_dse(path))
    annotations, articles = path / "annotations", path / "articles"
    if not annotations.is_dir() or not articles.is_dir():
        raise InputError(
            f"{path}: expected a folder with `annotations` and `articles` (SEESAW, BASIL), or a file (DSE)"
        )
    if any(annotations.glob("*.json")):
        return "SEESAW", [_seesaw(file, articles / file.name) for file in sorted(annotations.glob("*.json"))]
    files = sorted(annotations.glob("*/*_ann.json"))
    if not files:
        raise InputError(f"{annotations}: expected *.json (SEESAW) or YEAR/*_ann.json (BASIL)")
    return "BASIL", [_basil(file, articles / file.parent.name) for file in files]


def _seesaw(annotations: Path, article: Path) -> PairArticle:
    gold, document = _load(annotations), _load(article)
    try:
        text, places = joined_sentences([(str(row["id"]), row["text"]) for row in document["text"]])
        listed = {name for name, *_ in gold["entity lists"]}
        pairs = [
            Pair(
                *places[sentence],
                _listed(triple["subject"], listed),
                _listed(triple["object"], listed),
                _POLARITY[triple["sentiment"]],
            )
            for sentence, triples in gold["sentence-level stances"].items()
            for triple in triples
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{annotations}: not in SEESAW's layout: {error!r}") from error
    return PairArticle(article.stem, article.stem.split("_DOCUMENT")[0], text, tuple(pairs))


def _listed(name: str, listed: set[str]) -> str | None:
    return name if name in listed and name not in _UNNAMED else None


def joined_sentences(sentences: list[tuple[str, str]]) -> tuple[str, dict[str, tuple[int, int]]]:
    """Join sentences, a line each; a sentence that ends inside quotation marks is continued on its line.

    Args:
        sentences: Name and text of each.

    Returns:
        The text, and the characters [start, end) of each sentence by its name.
    """
    text, places, is_open = "", {}, False
    for name, sentence in sentences:
        if text:
            text += " " if is_open else "\n"
        places[name] = (len(text), len(text) + len(sentence))
        text += sentence
        line = text[text.rfind("\n") + 1 :]
        is_open = line.count("“") > line.count("”") or line.count('"') % 2 == 1
    return text, places


def _basil(annotations: Path, folder: Path) -> PairArticle:
    article = folder / annotations.name.replace("_ann", "")
    gold, document = _load(annotations), _load(article)
    try:
        paragraphs = [" ".join(sentences) for sentences in document["body-paragraphs"]]
        starts = [sum(len(p) + 1 for p in paragraphs[:k]) for k in range(len(paragraphs))]
        pairs = []
        for row in gold["phrase-level-annotations"]:
            place = _paragraph(row, paragraphs)
            if place is None or row["polarity"] not in _POLARITY:
                continue
            number, start, end = place
            pairs.append(
                Pair(
                    starts[number] + start,
                    starts[number] + end,
                    _plain(row["speaker"]),
                    _plain(row["target"]),
                    _POLARITY[row["polarity"]],
                    row["quote"] == "yes",
                )
            )
        story = str(document["triplet-uuid"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{annotations}: not in BASIL's layout: {error!r}") from error
    return PairArticle(article.stem, story, "\n".join(paragraphs), tuple(pairs))


def _paragraph(row: dict[str, Any], paragraphs: list[str]) -> tuple[int, int, int] | None:
    """Paragraph and characters of a span; `None` for one in the title, or whose words are not there."""
    number = re.fullmatch(r"p(\d+)", row["id"])
    if number is None or int(number[1]) >= len(paragraphs):
        return None
    k = int(number[1])
    start = paragraphs[k].find(row["txt"])
    return (k, start, start + len(row["txt"])) if start >= 0 else None


def _plain(name: str) -> str | None:
    """BASIL's names have underscores; "other_anti" and the like name nobody."""
    return None if not name or name.startswith("other") else name.replace("_", " ")


_MARK = re.compile(r"\[([^\[\]]*)\]")

_DSE: tuple[tuple[int, int, Polarity] | None, ...] = (
    None,
    (0, 1, "positive"),
    (1, 0, "positive"),
    (0, 1, "negative"),
    (1, 0, "negative"),
)
"""Source, target and polarity of each class; class 0 is neutral."""


def _dse(path: Path) -> Iterator[PairArticle]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            cells = line.rstrip("\n").split("\t")
            if len(cells) != 4 or not cells[3].isdecimal() or int(cells[3]) >= len(_DSE):
                raise InputError(
                    f"{path}, line {number}: expected sentence, p, q and a class from 0 to {len(_DSE) - 1},"
                    " divided by tabs"
                )
            told = _DSE[int(cells[3])]
            text = _MARK.sub(r"\1", cells[0])
            names = [_word_around(text, cell) for cell in cells[1:3]]
            pairs: tuple[Pair, ...] = ()
            if told:
                pairs = (Pair(0, len(text), names[told[0]], names[told[1]], told[2]),)
            yield PairArticle(f"{path.stem}-{number}", f"{path.stem}-{number}", text, pairs)


def _word_around(text: str, part: str) -> str:
    """The marks of DSE cut words ("[Congre]ss"): the whole words around the marked part."""
    found = re.search(rf"\w*{re.escape(part)}\w*", text)
    return found[0] if found else part


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: expected a JSON object")
    return loaded
