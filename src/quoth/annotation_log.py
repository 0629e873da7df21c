"""What annotators did, a line an event: appended and synced before it is answered, never changed.

Each annotator writes a log of their own, so that no two processes share one, and what a log folds to is all that
there is: killing the process loses nothing but the event that was being written.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from quoth.errors import ConfigError, InputError
from quoth.eval.gold import GoldKind
from quoth.records import Sentiment, Stance

ADJUDICATED = "adjudicated"
"""The annotator of decisions between two others."""

UNKNOWN = "?"
"""The speaker of a statement whose speaker the text does not tell; null is one that is not labelled yet."""

_NAME = re.compile(r"[^\W_][\w-]{0,39}")
_LOCKED_BYTE = 2**40

Ends = tuple[int, int]


class Labels(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement, code points [start, end), as far as it is labelled.

    proposed: the probability of the stance, where it is a model's and nobody has set it since.
    """

    start: int
    end: int
    kind: GoldKind
    stance: Stance | None = None
    stance2: Stance | None = None
    sentiment: Sentiment | None = None
    speaker: str | None = None
    target: str | None = None
    proposed: float | None = None

    @property
    def ends(self) -> Ends:
        return self.start, self.end

    def lacks(self) -> str | None:
        """The first label that is missing."""
        return next(
            (name for name in ("stance", "sentiment", "speaker") if getattr(self, name) is None), None
        )


class Draw(msgspec.Struct, frozen=True):
    """An article in the order of annotation; probability: of being the next, among those that were left."""

    article: str
    sha256: str
    probability: float


class Begin(msgspec.Struct, frozen=True, tag_field="event", tag="begin"):
    """A pool of articles, put in order; later ones of a log hold what was added to the pool.

    pool: how many articles there were to draw from.  of: whose work is adjudicated.
    """

    time: str
    annotator: str
    mode: str
    seed: int
    model: str
    pool: int
    draws: list[Draw]
    of: list[str] = []


class Change(msgspec.Struct, frozen=True, tag_field="event", tag="change"):
    """What was done to one article: the statements that went, and those that came in their place.

    action: open (put: what the annotator found there), stance, speaker, add, cut, ..., undo, done.
    """

    time: str
    annotator: str
    article: str
    sha256: str
    action: str
    removed: list[Ends] = []
    put: list[Labels] = []


Event = Begin | Change


@dataclass
class Work:
    """One annotator's statements in one article, in order of their places.

    version: how many changes they have seen.  history: the changes that can be undone, each with the statements that
    it took away.
    """

    statements: dict[Ends, Labels] = field(default_factory=dict)
    version: int = 0
    done: bool = False
    sha256: str = ""
    history: list[tuple[list[Labels], list[Labels]]] = field(default_factory=list)

    def after(self, change: Change) -> Work:
        """This work after a change; raises InputError for one that does not fit."""
        statements = dict(self.statements)
        try:
            removed = [statements.pop(ends) for ends in change.removed]
        except KeyError as error:
            raise InputError(f"article {change.article}: no statement at {error.args[0]}") from error
        for labels in change.put:
            if labels.ends in statements:
                raise InputError(f"article {change.article}: there is a statement at {labels.ends} already")
            statements[labels.ends] = labels
        if change.action == "undo":
            history = self.history[:-1]
        elif change.action in ("open", "done"):
            history = self.history
        else:
            history = [*self.history, (removed, list(change.put))]
        ordered = dict(sorted(statements.items(), key=lambda item: (item[0][0], -item[0][1])))
        return Work(ordered, self.version + 1, change.action == "done", change.sha256, history)


@dataclass
class Progress:
    """All that a log tells.  begins: its pools.  works: by article.  half: bytes of a last line that is not whole."""

    begins: list[Begin] = field(default_factory=list)
    works: dict[str, Work] = field(default_factory=dict)
    half: int = 0

    def add(self, event: Event) -> None:
        if isinstance(event, Begin):
            self.begins.append(event)
        else:
            self.works[event.article] = self.works.get(event.article, Work()).after(event)

    def draws(self) -> list[Draw]:
        return [draw for begin in self.begins for draw in begin.draws]


def annotator_name(given: str) -> str:
    """The name in small letters, so that no file system takes two for one; raises ConfigError for no fit one."""
    name = given.strip().casefold()
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"annotator {given!r}: expected a word of up to 40 letters, digits, - and _, starting with a letter or digit"
        )
    return name


def log_path(out: Path, annotator: str) -> Path:
    """labels.jsonl -> labels.ana.log.jsonl, beside it."""
    return out.with_name(f"{out.stem}.{annotator}.log.jsonl")


def annotators_of(out: Path) -> list[str]:
    """Those who have a log beside `out`, in the order of the alphabet."""
    head, tail = f"{out.stem}.", ".log.jsonl"
    names = [path.name for path in out.parent.glob("*" + tail)]
    found = (name[len(head) : -len(tail)] for name in names if name.startswith(head))
    return sorted(name for name in found if _NAME.fullmatch(name))


def read_log(path: Path) -> Progress:
    """What a log folds to; a last line that is not whole is left out.

    Raises InputError that names the line for what is no event and for one that does not fit those before.
    """
    progress = Progress()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return progress
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    whole, _, rest = content.rpartition(b"\n")
    progress.half = len(rest)
    for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
        try:
            progress.add(msgspec.json.decode(line, type=Event))
        except (msgspec.DecodeError, UnicodeError) as error:
            raise InputError(f"{path}:{number}: expected an event of `quoth annotate`: {error}") from error
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from error
    return progress


class AnnotationLog:
    """One annotator's log, open for appending; no second process can open it."""

    def __init__(self, path: Path) -> None:
        """Raises InputError as `read_log` does, and ConfigError where another process has it open.

        warning: what was found of an event that was never answered, and cut off.
        """
        self.path = path
        self.warning: str | None = None
        try:
            self._file = os.open(
                path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
            )
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        try:
            _lock(self._file, path)
            self.progress = read_log(path)
            if half := self.progress.half:
                os.ftruncate(self._file, os.fstat(self._file).st_size - half)
                self.warning = (
                    f"{path}: the last {half} bytes were no whole line, as when a process is killed while it writes; "
                    "they are left out, look whether the last change must be made again"
                )
                self.progress.half = 0
        except BaseException:
            os.close(self._file)
            raise

    def append(self, event: Event) -> None:
        """Returns when the event is on the disk; raises InputError where it is not, and does not fit."""
        line = msgspec.json.encode(event) + b"\n"
        if isinstance(event, Change):
            self.progress.works.get(event.article, Work()).after(event)
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) < len(line):
                raise OSError(0, "the disk is full")
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, size)
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.progress.add(event)

    def close(self) -> None:
        os.close(self._file)


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def others(out: Path, annotator: str) -> Iterator[tuple[str, Progress]]:
    """The other annotators with a log beside `out`, and what they did."""
    for name in annotators_of(out):
        if name != annotator:
            yield name, read_log(log_path(out, name))


def undone(work: Work) -> tuple[Sequence[Ends], Sequence[Labels]] | None:
    """(removed, put) of the change that takes the last one back; None where there is none."""
    if not work.history:
        return None
    removed, put = work.history[-1]
    return [labels.ends for labels in put], removed


def _lock(file: int, path: Path) -> None:
    """Released by the system when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"{path}: another `quoth annotate` is writing it; end that one first") from error
    except OSError as error:
        if sys.platform == "win32":
            raise ConfigError(
                f"{path}: another `quoth annotate` is writing it; end that one first"
            ) from error
        # Some network folders have no locks.
