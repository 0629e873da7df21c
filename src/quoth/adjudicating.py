"""Two annotators' work side by side: what both give alike stands, the rest is decided by a third pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from quoth.annotating import Mode, Proposer, Session
from quoth.annotation_log import ADJUDICATED, Draw, Labels, Work, log_path
from quoth.errors import ConfigError, InputError
from quoth.merging import agreement_of, both_done, compared, progress_of
from quoth.records import Article


class Adjudication(Session):
    """The articles that two annotators have done: what both give alike stands, the rest is decided here."""

    def __init__(
        self, articles: Sequence[Article], out: Path, a: str, b: str, proposer: Proposer, split: str = "annotated"
    ) -> None:  # fmt: skip
        """Raises InputError where one of the two has no log beside `out`, and as `Session` does."""
        self._a, self._b = a, b
        logs = progress_of(out)
        for name in (a, b):
            if name not in logs or not logs[name].begins:
                raise InputError(f"{log_path(out, name)}: no work of annotator {name!r} beside {out}")
        begun = logs[a].begins[0]
        mode: Mode = "training" if begun.mode == "training" else "evaluation"
        super().__init__(articles, out, ADJUDICATED, proposer, mode, begun.seed, split)
        begins = self.log.progress.begins
        if not begins:
            self.log.close()
            raise InputError(f"{out}: none of these articles is one that {a} and {b} were given")
        if (pair := begins[0].of) != self._pair():
            self.log.close()
            raise ConfigError(f"{self.log.path}: was begun for {' and '.join(pair)}, found {a} and {b}")

    def _pair(self) -> list[str]:
        return [self._a, self._b]

    def _drawn(self, articles: list[Article]) -> list[Draw]:
        return []  # nothing that no annotator has drawn

    def order(self) -> list[str]:
        done = both_done(self._a, self._b, progress_of(self.out))
        return [article for article in super().order() if article in done]

    def _opening(self, article: str) -> list[Labels]:
        a, b = self._both(article)
        return [c.opening() for c in compared(a, b)]

    def _both(self, article: str) -> tuple[Work, Work]:
        done = both_done(self._a, self._b, progress_of(self.out))
        if article not in done:
            raise InputError(f"article {article}: {self._a} and {self._b} have not both done it")
        return done[article]

    def opened(self, article: str) -> dict[str, Any]:
        found = super().opened(article)
        rows = compared(*self._both(article))
        return found | {
            "compared": [
                {"ends": c.ends, "a": msgspec.to_builtins(c.a), "b": msgspec.to_builtins(c.b), "differing": c.differing}
                for c in rows
            ]
        }  # fmt: skip

    def agreement(self) -> dict[str, Any]:
        """See `quoth.merging.agreement_of`."""
        return agreement_of(self._a, self._b, progress_of(self.out))
