"""Where a result comes from, and how often the test set was looked at."""

from __future__ import annotations

import hashlib
import platform
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, text_hash

TEST_LOG = Path("test_log.jsonl")
"""In the folder that the evaluation runs in: one line for each look at a test set."""

_LIBRARIES = ("numpy", "onnxruntime", "tokenizers", "scipy", "scikit-learn")


class Look(msgspec.Struct):
    """One evaluation on articles of split `test`."""

    date: str
    command: str
    system: str
    gold: str
    gold_hash: str
    articles: int


def now() -> str:
    """UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def file_hash(path: Path) -> str:
    """sha256 of a file, shortened to 12 hexadecimal digits; raises InputError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def articles_hash(gold: Sequence[GoldArticle]) -> str:
    """Over the articles' ids and texts, whatever their order."""
    digest = hashlib.sha256()
    for article in sorted(gold, key=lambda a: a.id):
        digest.update(msgspec.json.encode([article.id, article.text]))
    return digest.hexdigest()[:12]


def text_hashes(gold: Sequence[GoldArticle]) -> list[str]:
    """12 hexadecimal digits of each article's text, sorted."""
    return sorted(text_hash(article.text)[:12] for article in gold)


class _Learned(msgspec.Struct):
    texts: list[str] = []


def learned_notes(model: Path, gold: Sequence[GoldArticle]) -> list[str]:
    """What a reader of figures on this gold must know of a model that was trained by `quoth train --labels`.

    model: its folder, whose report.json tells the texts that it learned from.  Raises InputError where that cannot be read.
    """
    report = model / "report.json"
    if not report.is_file():
        return []
    try:
        learned = {*msgspec.json.decode(report.read_bytes(), type=_Learned).texts}
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{report}: {error}") from error
    seen = sum(found in learned for found in text_hashes(gold))
    if not seen:
        return []
    note = f"{model.name} has learned from {seen} of {len(gold)} gold articles: figures on them flatter it"
    return [f"{note}; those in its report.json are of articles that it had not seen"]


def git() -> str | None:
    """The commit checked out in the working folder, with "+" where tracked files differ; None outside of git."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Python's and those of the libraries that a result can depend on, where installed."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def splits(gold: Iterable[GoldArticle]) -> dict[str, int]:
    """Articles by split."""
    counts: dict[str, int] = {}
    for article in gold:
        counts[article.split] = counts.get(article.split, 0) + 1
    return counts


def count_look(look: Look, log: Path = TEST_LOG) -> int:
    """Append to the log of looks at a test set; how many it holds of this gold file, this one included.

    Raises InputError where the log cannot be written or is not one: no look goes uncounted.
    """
    try:
        with log.open("a+b") as file:
            file.seek(0)
            before = file.read()
            file.write(
                (b"\n" if before and not before.endswith(b"\n") else b"") + msgspec.json.encode(look) + b"\n"
            )
        looks = [look, *(msgspec.json.decode(line, type=Look) for line in before.splitlines())]
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{log}: evaluations on a test set are counted here: {error}") from error
    return sum(earlier.gold_hash == look.gold_hash for earlier in looks)


def _git(*command: str) -> str:
    return subprocess.run(["git", *command], check=True, capture_output=True, text=True).stdout.strip()


def without_folders(command: str) -> str:
    """A shell command as it can be published: of each path the last part."""
    return shlex.join(map(_last, shlex.split(command)))


def _last(word: str) -> str:
    name, equals, path = word.rpartition("=")
    return name + equals + (Path(path).name if "/" in path else path)


def named(values: Mapping[str, int]) -> str:
    """3 dev, 2 test."""
    return ", ".join(f"{n} {name or 'without a split'}" for name, n in values.items())
