"""A session of annotation: articles in their order, what is proposed in them, changes checked and logged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from quoth.annotation_log import (
    UNKNOWN,
    AnnotationLog,
    Begin,
    Change,
    Draw,
    Ends,
    Labels,
    Work,
    log_path,
    now,
    others,
    undone,
)
from quoth.errors import ConfigError, InputError
from quoth.eval.gold import check_span, checked, gold_kind, kinds_of, text_hash
from quoth.label_files import gold_of, write_rows
from quoth.merging import Merged, merged, progress_of
from quoth.model.entities import entities
from quoth.records import Article, ModelInfo, Record, Statement
from quoth.sampling import draws, scores_of

Mode = Literal["evaluation", "training"]


class Proposer(Protocol):
    """What a session asks of `quoth.labeler.Labeler`."""

    model: ModelInfo

    def label(self, articles: Iterable[Article]) -> Iterator[Record]: ...


class Stale(InputError):
    """The page shows an older state than the log holds."""


class Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement as the page sends it; the kind of a new one is told by its quotation marks."""

    start: int
    end: int
    kind: Literal["quoted", "indirect"] | None = None
    stance: Literal["accusation", "denial", "condemnation", "solidarity", "other"] | None = None
    stance2: Literal["accusation", "denial", "condemnation", "solidarity"] | None = None
    sentiment: Literal["negative", "neutral", "positive"] | None = None
    speaker: str | None = None
    target: str | None = None
    proposed: float | None = None


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page asks for; version: of the state that it shows."""

    article: str
    version: int
    action: Literal[
        "stance", "stance2", "sentiment", "speaker", "target", "kind", "add", "cut", "join", "delete", "take"
    ]
    removed: list[Ends] = []
    put: list[Put] = []


class Session:
    """One annotator at work on a pool of articles."""

    def __init__(
        self,
        articles: Sequence[Article],
        out: Path,
        annotator: str,
        proposer: Proposer,
        mode: Mode = "evaluation",
        seed: int = 0,
        split: str = "annotated",
    ) -> None:
        """Goes on where the annotator's log ends.

        Raises InputError for no article, and for one whose text is not the one in the log; ConfigError where `out` was
        begun in another mode.
        """
        if not articles:
            raise InputError("no article to annotate")
        self.out, self.annotator, self.mode = out, annotator, mode
        self._articles = {article.id: article for article in articles}
        self._proposer, self._seed, self._split = proposer, seed, split
        self._records: dict[str, Record] = {}
        self.log = AnnotationLog(log_path(out, annotator))
        try:
            self._begin()
        except BaseException:
            self.log.close()
            raise

    def _begin(self) -> None:
        known = self.log.progress.draws()
        for name, progress in [*others(self.out, self.annotator), (self.annotator, self.log.progress)]:
            for begin in progress.begins:
                if begin.mode != self.mode:
                    raise ConfigError(
                        f"{self.out}: {name} began it with --mode {begin.mode}, found --mode {self.mode}; "
                        "labels of both kinds do not go into one file: name another --out"
                    )
        seen = {draw.article for draw in known}
        for _, progress in others(self.out, self.annotator):
            # Two annotators do the same articles first.
            shared = [d for d in progress.draws() if d.article in self._articles and d.article not in seen]
            self._add(shared, max((begin.pool for begin in progress.begins), default=0))
            seen |= {draw.article for draw in shared}
        new = [article for article in self._articles.values() if article.id not in seen]
        self._add(self._drawn(new), len(new))
        for draw in self.log.progress.draws():
            article = self._articles.get(draw.article)
            if article and text_hash(article.text) != draw.sha256:
                raise InputError(
                    f"article {article.id}: its text is another than the one that was annotated "
                    f"(sha256 {text_hash(article.text)[:12]}, in {self.log.path} {draw.sha256[:12]})"
                )

    def _add(self, drawn: list[Draw], pool: int) -> None:
        if drawn:
            model = self._proposer.model
            named = f"{model.name} {model.version} {model.hash}"
            self.log.append(
                Begin(now(), self.annotator, self.mode, self._seed, named, pool, drawn, self._pair())
            )

    def _drawn(self, articles: list[Article]) -> list[Draw]:
        seed = self._seed + len(self.log.progress.begins)
        if self.mode == "evaluation":
            return draws(articles, seed)
        records = list(self._proposer.label(articles))
        self._records |= {record.id: record for record in records}
        return draws(articles, seed, scores_of(records))

    def _pair(self) -> list[str]:
        return []

    def order(self) -> list[str]:
        """The ids of the articles that are there, as drawn."""
        return [d.article for d in self.log.progress.draws() if d.article in self._articles]

    def overview(self) -> dict[str, Any]:
        """What the page's head shows."""
        rows = []
        for article in self.order():
            work = self._work(article)
            lacking = sum(labels.lacks() is not None for labels in work.statements.values())
            title = self._articles[article].metadata.get("title") or self._articles[article].text[:70]
            rows.append(
                {
                    "id": article,
                    "title": " ".join(str(title).split()) or article,
                    "done": work.done,
                    "opened": work.version > 0,
                    "statements": len(work.statements),
                    "lacking": lacking,
                }
            )
        return {
            "annotator": self.annotator,
            "mode": self.mode,
            "pair": self._pair(),
            "warning": self.log.warning,
            "out": self.out.name,
            "articles": rows,
        }

    def opened(self, article: str) -> dict[str, Any]:
        """All that the page shows of an article; its proposals are logged when it is opened for the first time."""
        text = self._article(article).text
        if self._work(article).version == 0:
            self._append(article, "open", [], self._opening(article))
        metadata = self._articles[article].metadata
        byline = [str(metadata[name]) for name in ("date", "source") if metadata.get(name)]
        return {
            "id": article,
            "title": str(metadata.get("title") or ""),
            "byline": " · ".join(byline),
            "text": text,
            "names": [
                {"name": e.name, "type": e.type, "at": [m.start for m in e.mentions]} for e in entities(text)
            ],
            **self.state(article),
        }

    def state(self, article: str) -> dict[str, Any]:
        work = self._work(article)
        return {
            "version": work.version,
            "done": work.done,
            "undoable": bool(work.history),
            "statements": [msgspec.to_builtins(labels) for labels in work.statements.values()],
        }

    def edit(self, edit: Edit) -> dict[str, Any]:
        """Raises Stale for an edit of an older state, InputError for one that does not fit the text or the state."""
        text = self._current(edit.article, edit.version).text
        kind_of = kinds_of(text)
        put = []
        for row in edit.put:
            check_span((row.start, row.end), text, f"article {edit.article}")
            if not any(ch.isalnum() for ch in text[row.start : row.end]):
                raise InputError(f"article {edit.article}: ({row.start}, {row.end}) holds no word")
            if row.stance2 is not None and row.stance2 == row.stance:
                raise InputError(f"article {edit.article}: the second stance is the first one")
            if row.target is not None and row.target not in text:
                raise InputError(f"article {edit.article}: target {row.target!r} is not in the text")
            kind = row.kind or gold_kind(kind_of(row.start, row.end))
            put.append(Labels(**msgspec.structs.asdict(row) | {"kind": kind}))
        self._append(edit.article, edit.action, edit.removed, put)
        return self.state(edit.article)

    def undo(self, article: str, version: int) -> dict[str, Any]:
        self._current(article, version)
        back = undone(self._work(article))
        if back is None:
            raise InputError("nothing to undo in this article")
        self._append(article, "undo", *back)
        return self.state(article)

    def finish(self, article: str, version: int) -> dict[str, Any]:
        """The article is done, and the label file is written anew.

        Raises InputError where a label is missing, and for labels that `quoth eval` would refuse.
        """
        text = self._current(article, version).text
        work = self._work(article)
        for k, labels in enumerate(work.statements.values(), 1):
            if missing := labels.lacks():
                raise InputError(f"statement {k}: no {missing} yet")
        checked(
            ((f"statement {k}", gold_of(labels)) for k, labels in enumerate(work.statements.values(), 1)),
            text,
        )
        if not work.done:
            self._append(article, "done", [], [])
        found = self.write()
        return self.state(article) | {"written": len(found.rows), "waiting": len(found.waiting)}

    def write(self) -> Merged:
        """The label file, from all logs beside it."""
        found = merged(progress_of(self.out), self._split)
        write_rows(self.out, found.rows)
        return found

    def close(self) -> None:
        self.log.close()

    def _article(self, article: str) -> Article:
        if article not in self._articles:
            raise InputError(f"article {article!r}: not among those to annotate")
        return self._articles[article]

    def _current(self, article: str, version: int) -> Article:
        if version != self._work(article).version:
            raise Stale(f"article {article}: changed in another window since; it is shown anew")
        return self._article(article)

    def _work(self, article: str) -> Work:
        return self.log.progress.works.get(article, Work())

    def _append(self, article: str, action: str, removed: Sequence[Ends], put: Sequence[Labels]) -> None:
        digest = text_hash(self._articles[article].text)
        self.log.append(Change(now(), self.annotator, article, digest, action, [*removed], [*put]))

    def _opening(self, article: str) -> list[Labels]:
        record = self._records.get(article) or next(iter(self._proposer.label([self._article(article)])))
        tell = _told if self.mode == "training" else _span
        return list({labels.ends: labels for labels in map(tell, record.statements)}.values())


def _span(statement: Statement) -> Labels:
    """Where a proposed statement is, and no word of what it is."""
    return Labels(statement.start, statement.end, gold_kind(statement.kind))


def _told(statement: Statement) -> Labels:
    span = _span(statement)
    named = statement.speaker.name if statement.speaker else None
    second = None if statement.second_stance == "other" else statement.second_stance
    meant = statement.stance != "other" or second is not None
    return msgspec.structs.replace(
        span,
        stance=statement.stance,
        stance2=second,
        sentiment=statement.sentiment,
        speaker=named or UNKNOWN,
        target=statement.target.text if statement.target and meant else None,
        proposed=statement.stance_probabilities.get(statement.stance),
    )
