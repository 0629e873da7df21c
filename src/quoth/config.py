"""TOML -> frozen dataclass; an unknown, missing or mistyped key is an error that names file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from quoth.errors import ConfigError

T = TypeVar("T")


def load(path: Path, kind: type[T]) -> T:
    """Read a TOML file as `kind`, a msgspec.Struct declared with forbid_unknown_fields.

    Raises ConfigError where the file is missing, is not TOML, or does not fit `kind`.
    """
    try:
        return msgspec.convert(table(path), kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def table(path: Path) -> dict[str, Any]:
    """What a TOML file holds; raises ConfigError where it is missing or is not TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
