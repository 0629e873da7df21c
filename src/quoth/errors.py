"""One family of errors meant for users: each message names the place, what was found, what was expected."""

from __future__ import annotations


class QuothError(Exception):
    """Something a user can mend; the command line prints it without a traceback."""


class InputError(QuothError):
    """An article, row or file that cannot be read as asked."""


class ConfigError(QuothError):
    """A setting that is unknown, missing or of the wrong type."""


class ModelError(QuothError):
    """A model folder that is missing, incomplete or of another version."""


class MissingExtraError(QuothError):
    """An optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'quoth[{extra}]'")
        self.extra = extra
