"""API keys. A file keeps their hashes; it may change while the server runs."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.requests import HTTPConnection

from quoth.errors import ConfigError
from quoth.serving.schemas import Refusal

LOOK = 1.0
"""Seconds between looks at the file."""


def new_key(path: Path, name: str) -> str:
    """Make a key, add its hash to a file, and return the key.

    Raises:
        ConfigError: the name is in the file already, or has white space.
    """
    if not name or any(ch.isspace() for ch in name):
        raise ConfigError(f"key name {name!r}: expected a word without white space")
    if path.exists() and name in {known for known, _ in _read(path)}:
        raise ConfigError(f"{path}: has a key named {name!r} already; remove its line first")
    key = "quoth_" + secrets.token_urlsafe(32)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{name} {_hash(key)}\n")
    path.chmod(0o600)
    return key


class Keys:
    """The keys of a file. Each line has a name and the sha256 of a key in hexadecimal digits."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise ConfigError if it is missing, empty or malformed."""
        self._path = path
        self._known = _read(path)
        self._stamp = path.stat().st_mtime_ns
        self._looked = time.monotonic()
        if not self._known:
            raise ConfigError(f"{path}: no key in it; add one with `quoth key NAME --file {path}`")

    def owner(self, key: str) -> str | None:
        """Return the name of a key, or None. Every known key is compared, each in constant time."""
        self._look()
        asked, found = _hash(key), None
        for name, known in self._known:
            if hmac.compare_digest(asked, known):
                found = name
        return found

    def _look(self) -> None:
        """Read the file again if it has changed. If it cannot be read, the keys stay as they were."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._known, self._stamp = _read(self._path), stamp
        except (OSError, ConfigError):
            return


class Unauthenticated(AuthenticationError):
    """A request without a known key."""

    refusal = Refusal(401, "key", "expected the header Authorization: Bearer KEY with a known key")


class KeyBackend(AuthenticationBackend):
    """Asks for a key on the routes of the API, for Starlette's `AuthenticationMiddleware`."""

    def __init__(self, keys: Keys | None) -> None:
        self._keys = keys

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """Return the owner of the key; raise Unauthenticated without one."""
        if self._keys is None or not conn.url.path.startswith("/v1/"):
            return None
        scheme, _, key = conn.headers.get("authorization", "").partition(" ")
        owner = self._keys.owner(key.strip()) if scheme.casefold() == "bearer" else None
        if owner is None:
            raise Unauthenticated
        conn.state.key = owner
        return AuthCredentials(), SimpleUser(owner)


def _hash(key: str) -> str:
    # A key is 256 random bits: no salt or slow hash is needed.
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _read(path: Path) -> list[tuple[str, str]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 2 or len(parts[1]) != 64 or set(parts[1]) - set("0123456789abcdef"):
            raise ConfigError(f"{path}:{number}: expected a name and the sha256 of a key")
        found.append((parts[0], parts[1]))
    return found
