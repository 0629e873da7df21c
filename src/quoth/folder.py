"""The output folder of a batch run, here or behind a URL: files that are whole or absent, and claims on shards."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from quoth.errors import InputError
from quoth.sources import file_system
from quoth.writing import whole

BEAT = 15.0
"""Seconds after which a worker shows again that it lives, ..."""

DEAD = 120.0
"""... and after which a claim that was not renewed is taken over."""


class Folder(Protocol):
    """What a batch run needs of the place that it writes to.

    Names are relative, with "/" between parts.  Every method raises InputError, naming the file, where the place
    fails."""

    def names(self, prefix: str = "") -> set[str]:
        """The files right below, or below a folder "name/"."""

    def get(self, name: str) -> bytes | None:
        """A file's content, None if it is not there."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file whole, durably, over one of the same name."""

    def has(self, name: str) -> bool:
        """Whether a file is there."""

    def remove(self, name: str) -> None:
        """Remove a file; it may be absent."""

    def claim(self, name: str) -> bool:
        """Whether this process may work on a shard: no living other one has claimed it, as far as can be known."""

    def release(self, name: str) -> None:
        """Give a claim back."""


def open_folder(place: str | Path, new: bool = True, beat: float = BEAT, dead: float = DEAD) -> Folder:
    """A local folder, made if absent and `new`, or one behind a URL; raises InputError where it cannot be used."""
    if isinstance(place, str) and "://" in place and not place.startswith("file://"):
        return _RemoteFolder(place)
    root = Path(str(place).removeprefix("file://"))
    if not new and not root.is_dir():
        raise InputError(f"{root}: no such folder")
    return _LocalFolder(root, beat, dead)


class _LocalFolder:
    """Writes aside, syncs and renames.  A claim is a file that only one process can make; its maker touches it while
    it lives.  One whose maker is dead, known by its process on this machine and by its age on others, is taken over.
    """

    def __init__(self, root: Path, beat: float, dead: float) -> None:
        self.root, self._beat, self._dead = root, beat, dead
        self._held: set[Path] = set()
        self._heart: threading.Thread | None = None
        self._me = {"host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(4)}
        try:
            (root / "_claims").mkdir(parents=True, exist_ok=True)
            (root / "_summaries").mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{root}: cannot be written: {error.strerror or error}") from error
        for part in root.rglob(".*.part"):
            # Left by a process that was killed while it wrote; a living one is done within the time.
            with suppress(OSError):
                if self._age(part) > dead:
                    part.unlink()
        for claim in (root / "_claims").iterdir():
            # Of one that was killed between a part and this; since the part is there, nobody would take it over.
            with suppress(OSError):
                if self._is_dead(claim):
                    claim.unlink()

    def names(self, prefix: str = "") -> set[str]:
        try:
            with os.scandir(self.root / prefix) as entries:
                found = [entry.name for entry in entries if entry.is_file()]
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise InputError(f"{self.root / prefix}: cannot be read: {error.strerror or error}") from error
        return {prefix + name for name in found if not name.startswith(".")}

    def get(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{self.root / name}: cannot be read: {error.strerror or error}") from error

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        with whole(path) as file:
            try:
                file.write(content)
                file.flush()
            except OSError as error:
                raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        _sync_folder(path.parent)

    def has(self, name: str) -> bool:
        return (self.root / name).exists()

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self.root / name).unlink()

    def claim(self, name: str) -> bool:
        path = self.root / "_claims" / name
        if self._make(path):
            return True
        try:
            if not self._is_dead(path):
                return False
            # Of two that see it dead only one can rename it.
            corpse = path.with_name(f".{name}-{self._me['token']}")
            path.rename(corpse)
            corpse.unlink()
        except FileNotFoundError:
            return False
        return self._make(path)

    def release(self, name: str) -> None:
        path = self.root / "_claims" / name
        self._held.discard(path)
        with suppress(FileNotFoundError):
            path.unlink()

    def _make(self, path: Path) -> bool:
        try:
            with path.open("x") as file:
                json.dump(self._me, file)
        except FileExistsError:
            return False
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        self._held.add(path)
        if self._heart is None:
            self._heart = threading.Thread(target=self._show_life, daemon=True)
            self._heart.start()
        return True

    def _show_life(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._beat):
            for path in tuple(self._held):
                with suppress(OSError):
                    os.utime(path)

    def _is_dead(self, path: Path) -> bool:
        """Raises FileNotFoundError when it has just been given back."""
        if self._age(path) > self._dead:
            return True
        try:
            maker = json.loads(path.read_text())
        except ValueError:
            return False  # being written, or its maker died in the middle: age will tell
        return maker["host"] == self._me["host"] and not _runs(maker["pid"])

    def _age(self, path: Path) -> float:
        """Seconds since a file was touched, by the clock of the file system."""
        now = self.root / f"_claims/.now-{self._me['token']}"
        now.touch()
        age = now.stat().st_mtime - path.stat().st_mtime
        now.unlink(missing_ok=True)
        return age


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # asking there would end it; age will tell
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


def _sync_folder(path: Path) -> None:
    """A rename is durable when its folder is; some systems cannot sync a folder."""
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class _RemoteFolder:
    """An object store: a PUT is whole or absent, and as a shard's answer has one name and one content, two processes
    that work on the same one do no harm.  There are no claims."""

    def __init__(self, url: str) -> None:
        try:
            self._fs, self._root = file_system(url)
        except (ValueError, ImportError, OSError) as error:
            raise InputError(f"{url}: cannot be used: {error}") from error

    def names(self, prefix: str = "") -> set[str]:
        where = f"{self._root}/{prefix}".rstrip("/")
        found = self._try(where, self._ls, where)
        return {prefix + path.rsplit("/", 1)[-1] for path in found}

    def _ls(self, where: str) -> list[str]:
        try:
            listed: list[dict[str, Any]] = self._fs.ls(where, detail=True)
        except FileNotFoundError:
            return []
        return [entry["name"] for entry in listed if entry["type"] == "file"]

    def get(self, name: str) -> bytes | None:
        path = f"{self._root}/{name}"
        try:
            content: bytes = self._try(path, self._fs.cat_file, path)
        except FileNotFoundError:
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        self._try(path, self._fs.pipe_file, path, content)

    def has(self, name: str) -> bool:
        path = f"{self._root}/{name}"
        there: bool = self._try(path, self._fs.exists, path)
        return there

    def remove(self, name: str) -> None:
        path = f"{self._root}/{name}"
        with suppress(FileNotFoundError):
            self._try(path, self._fs.rm_file, path)

    def claim(self, name: str) -> bool:
        return True

    def release(self, name: str) -> None:
        pass

    def _try(self, path: str, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise InputError(f"{path}: the store fails: {error}") from error
