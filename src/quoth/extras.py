"""Optional dependencies: a missing one is named together with the extra that brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quoth.errors import MissingExtraError


@contextmanager
def needs(what: str, extra: str) -> Iterator[None]:
    """Around an import: raises MissingExtraError("... needs the extra ...") where a package is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "quoth":
            raise
        raise MissingExtraError(what, extra) from error
