"""Labels for other tools and back: brat's stand-off folders, Label Studio's tasks, tables.

What no format has a place for (sha256, split, how the labels were made) travels beside it, so that nothing is lost on
the way back; offsets are code points everywhere, and the words at them are compared when they come back.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from quoth.articles import Columns
from quoth.errors import InputError
from quoth.eval.gold import (
    KINDS,
    SENTIMENTS,
    STANCES,
    GoldArticle,
    GoldStatement,
    Origin,
    Texts,
    check_words,
    checked,
)
from quoth.eval.tables import GOLD_FIELDS, Row, read_gold_table
from quoth.label_files import row_of
from quoth.writing import guarded, whole

BRAT_CONF = f"""[entities]
Quoted
Indirect
[relations]
[events]
[attributes]
Stance Arg:<ENTITY>, Value:{"|".join(STANCES)}
Second Arg:<ENTITY>, Value:{"|".join(STANCES[:4])}
Sentiment Arg:<ENTITY>, Value:{"|".join(SENTIMENTS)}
"""
"""annotation.conf, without which brat shows nothing."""

STUDIO_CONFIG = f"""<View>
  <Labels name="kind" toName="text"><Label value="quoted"/><Label value="indirect"/></Labels>
  <Text name="text" value="$text" granularity="word"/>
  <Choices name="stance" toName="text" perRegion="true" required="true">
    {" ".join(f'<Choice value="{stance}"/>' for stance in STANCES)}
  </Choices>
  <Choices name="stance2" toName="text" perRegion="true">
    {" ".join(f'<Choice value="{stance}"/>' for stance in STANCES[:4])}
  </Choices>
  <Choices name="sentiment" toName="text" perRegion="true">
    {" ".join(f'<Choice value="{sentiment}"/>' for sentiment in SENTIMENTS)}
  </Choices>
  <TextArea name="speaker" toName="text" perRegion="true" maxSubmissions="1" placeholder="speaker"/>
  <TextArea name="target" toName="text" perRegion="true" maxSubmissions="1" placeholder="target"/>
</View>
"""
"""The labelling interface to paste into a project's settings."""

_BETWEEN = " | "
_LINE_END = re.compile(r"[\r\n]+")


class _About(msgspec.Struct):
    """What travels beside the statements of an article."""

    article: str
    sha256: str
    split: str = ""
    passes: int = 1
    annotation: Origin | None = None
    doc: str = ""


def write_table(articles: Sequence[GoldArticle], out: Path) -> None:
    """A row a statement, and one with its id alone for an article without; `quoth eval --gold` reads it as it is."""
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, GOLD_FIELDS)
    table.writeheader()
    for article in articles:
        row = row_of(article)
        origin = msgspec.to_builtins(article.origin) if article.origin else {}
        if origin:
            origin["annotators"] = " ".join(origin["annotators"])
            origin["proposals_shown"] = str(origin["proposals_shown"]).lower()
        of = {
            "article": row.article,
            "split": row.split,
            "sha256": row.sha256,
            "passes": row.passes,
            **origin,
        }
        for s in row.statements:
            labels = {name: guarded(value) for name, value in msgspec.to_builtins(s).items()}
            table.writerow(of | labels | {"text": guarded(article.text[s.start : s.end])})
        if not row.statements:
            table.writerow(of)
    with whole(out) as file:
        file.write(buffer.getvalue().encode())


def read_table(path: Path, texts: Path, fields: Columns) -> list[GoldArticle]:
    return read_gold_table(path, texts, fields=fields)


def write_brat(articles: Sequence[GoldArticle], out: Path) -> None:
    """A folder that brat opens; raises InputError where there is one already.

    Speaker and target, which are no labels of a list there, stand in a statement's note: "speaker: Ann | target: the sea".
    """
    try:
        out.mkdir()
    except OSError as error:
        raise InputError(f"{out}: expected a folder that can be made: {error.strerror}") from error
    abouts = []
    for number, article in enumerate(articles, 1):
        doc = article.id if re.fullmatch(r"[\w-]{1,80}", article.id) else f"article-{number}"
        row = row_of(article)
        abouts.append(_About(row.article, row.sha256, row.split, row.passes, row.annotation, doc))
        (out / f"{doc}.txt").write_bytes(article.text.encode())
        lines = [line for k, s in enumerate(article.statements, 1) for line in _brat_lines(k, s, article)]
        (out / f"{doc}.ann").write_bytes("".join(line + "\n" for line in lines).encode())
    (out / "annotation.conf").write_text(BRAT_CONF, "utf-8", newline="\n")
    (out / "quoth.jsonl").write_bytes(b"".join(msgspec.json.encode(about) + b"\n" for about in abouts))


def _brat_lines(k: int, s: GoldStatement, article: GoldArticle) -> list[str]:
    text, at = article.text[s.start : s.end], s.start
    pieces = []
    for match in re.finditer(r"[^\r\n]+", text):
        pieces.append((at + match.start(), at + match.end()))
    places = ";".join(f"{a} {b}" for a, b in pieces)
    lines = [f"T{k}\t{s.kind.capitalize()} {places}\t{_LINE_END.sub(' ', text)}"]
    given = [("Stance", s.stance), ("Second", s.stance2), ("Sentiment", s.sentiment)]
    lines += [f"A{3 * k + n}\t{name} T{k} {value}" for n, (name, value) in enumerate(given) if value]
    notes = [(name, value) for name, value in (("speaker", s.speaker), ("target", s.target)) if value]
    if notes:
        lines.append(
            f"#{k}\tAnnotatorNotes T{k}\t{_BETWEEN.join(f'{name}: {_one_line(v)}' for name, v in notes)}"
        )
    return lines


def _one_line(value: str) -> str:
    return " ".join(value.split())


def read_brat(folder: Path, texts: Path, fields: Columns) -> list[GoldArticle]:
    """A folder that `write_brat` made and annotators have changed.

    Raises InputError that names file and line for what is not understood, and as `quoth.eval.gold.checked` does.
    """
    try:
        abouts = [
            msgspec.json.decode(line, type=_About)
            for line in (folder / "quoth.jsonl").read_bytes().splitlines()
        ]
        found = [(about, (folder / f"{about.doc}.ann").read_text("utf-8")) for about in abouts]
    except (OSError, UnicodeError, msgspec.DecodeError) as error:
        raise InputError(
            f"{folder}: expected a folder of `quoth labels export --to brat`: {error}"
        ) from error
    articles = Texts(texts, {about.article for about in abouts}, fields)
    return [_brat_article(folder / f"{about.doc}.ann", about, ann, articles) for about, ann in found]


def _brat_article(path: Path, about: _About, ann: str, texts: Texts) -> GoldArticle:
    text, metadata = texts.row(about.article, str(path), about.sha256)
    spans: dict[str, dict[str, Any]] = {}
    rest = []
    for number, line in enumerate(ann.split("\n"), 1):
        where = f"{path}, line {number}"
        if line.startswith("T"):
            name, head, words = _parts(line, 3, where)
            kind, _, places = head.partition(" ")
            ends = [int(n) for n in re.findall(r"\d+", places)]
            if len(ends) < 2:
                raise InputError(f"{where}: found {head!r}, expected a label and the characters it spans")
            check_words((ends[0], ends[-1]), words, text, where)
            spans[name] = {"start": ends[0], "end": ends[-1], "kind": kind.lower(), "where": where}
        elif line[:1] in ("A", "#"):
            rest.append((where, line))
    for where, line in rest:
        of, values = _brat_values(line, where)
        if of not in spans:
            raise InputError(f"{where}: {of} is no statement of this file")
        spans[of] |= values
    items = [(row["where"], _statement(row, row["where"])) for row in spans.values()]
    return _article(about, text, metadata, items)


def _brat_values(line: str, where: str) -> tuple[str, dict[str, str]]:
    """The statement that an attribute or note is of, and what it tells of it."""
    if line.startswith("A"):
        name, of, value = _parts(_parts(line, 2, where)[1].replace(" ", "\t"), 3, where)
        return of, {{"Second": "stance2"}.get(name, name.lower()): value}
    _, head, note = _parts(line, 3, where)
    pairs = [pair.partition(": ") for pair in note.split(_BETWEEN)]
    if any(name not in ("speaker", "target") for name, _, _ in pairs):
        raise InputError(f"{where}: found note {note!r}, expected 'speaker: NAME{_BETWEEN}target: WORDS'")
    return head.split()[-1], {name: value.strip() for name, _, value in pairs}


def _parts(line: str, n: int, where: str) -> list[str]:
    parts = line.split("\t", n - 1)
    if len(parts) < n:
        raise InputError(f"{where}: found {line[:60]!r}, expected {n} parts")
    return parts


def write_studio(articles: Sequence[GoldArticle], out: Path) -> None:
    """Tasks with annotations, in JSON; beside it OUT.xml, the labelling interface."""
    tasks = []
    for article in articles:
        row = row_of(article)
        about = {"split": row.split, "passes": row.passes, "annotation": msgspec.to_builtins(row.annotation)}
        result = [
            part for k, s in enumerate(row.statements, 1) for part in _studio_parts(f"s{k}", s, article.text)
        ]
        data = {"text": article.text, "article": row.article, "sha256": row.sha256, "quoth": about}
        tasks.append({"data": data, "annotations": [{"result": result}]})
    with whole(out) as file:
        file.write(json.dumps(tasks, ensure_ascii=False, indent=1).encode())
    with whole(out.with_suffix(".xml")) as file:
        file.write(STUDIO_CONFIG.encode())


def _studio_parts(id: str, s: GoldStatement, text: str) -> list[dict[str, Any]]:
    place = {"start": s.start, "end": s.end, "text": text[s.start : s.end]}
    values: list[tuple[str, str, dict[str, list[str]]]] = [("kind", "labels", {"labels": [s.kind]})]
    values += [
        (name, "choices", {"choices": [value]})
        for name, value in (("stance", s.stance), ("stance2", s.stance2), ("sentiment", s.sentiment))
        if value
    ]
    for name, words in (("speaker", s.speaker), ("target", s.target)):
        if words:
            # `text` of a text area is what was typed; the region's words stand in its label.
            values.append((name, "textarea", {"text": [words]}))
    return [
        {"id": id, "from_name": name, "to_name": "text", "type": kind, "value": place | value}
        for name, kind, value in values
    ]


def read_studio(path: Path, texts: Path, fields: Columns) -> list[GoldArticle]:
    """An export of Label Studio in its JSON (not JSON-MIN) format, of tasks that `write_studio` made.

    The last annotation of a task that was not cancelled counts.  Raises InputError that names task and region.
    """
    try:
        tasks = json.loads(path.read_bytes())
        rows = [
            (
                msgspec.convert({"article": t["data"]["article"], "sha256": t["data"]["sha256"], **t["data"]["quoth"]}, _About),
                [a["result"] for a in t["annotations"] if not a.get("was_cancelled")],
            )
            for t in tasks
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        raise InputError(
            f"{path}: expected tasks as `quoth labels export --to labelstudio` has them: {error!r}"
        ) from error
    articles = Texts(texts, {about.article for about, _ in rows}, fields)
    found = []
    for number, (about, results) in enumerate(rows, 1):
        where = f"{path}, task {number}, article {about.article}"
        text, metadata = articles.row(about.article, where, about.sha256)
        if results:
            found.append(_article(about, text, metadata, _studio_items(results[-1], text, where)))
    return found


def _studio_items(result: Any, text: str, where: str) -> list[tuple[str, GoldStatement]]:
    regions: dict[str, dict[str, Any]] = {}
    for part in result:
        value, name = part.get("value", {}), part.get("from_name")
        place = f"{where}, region {part.get('id')}"
        row = regions.setdefault(str(part.get("id")), {})
        told = next((value[key] for key in ("labels", "choices") if key in value), value.get("text"))
        row[str(name)] = told[0] if isinstance(told, list) and told else told
        if name == "kind":
            span = value.get("start"), value.get("end")
            if not all(isinstance(end, int) for end in span):
                raise InputError(f"{place}: found {span}, expected a start and an end")
            check_words(span, value.get("text"), text, place)
            row |= {"start": span[0], "end": span[1]}
    if lost := [id for id, row in regions.items() if "start" not in row]:
        raise InputError(f"{where}, region {lost[0]}: no `kind`, expected quoted or indirect")
    return [
        (f"{where}, region {id}", _statement(row, f"{where}, region {id}")) for id, row in regions.items()
    ]


def _article(
    about: _About, text: str, metadata: dict[str, Any], items: list[tuple[str, GoldStatement]]
) -> GoldArticle:
    statements = checked(items, text)
    return GoldArticle(about.article, text, about.split, statements, metadata, about.passes, about.annotation)


def _statement(cells: dict[str, Any], where: str) -> GoldStatement:
    row = Row(where, {}, cells)
    stance = row.label("stance", STANCES)
    if stance is None:
        raise InputError(f"{where}: no stance, expected one of {', '.join(STANCES)}")
    return GoldStatement(
        cells["start"], cells["end"], row.label("kind", KINDS) or "indirect", stance, row.label("stance2", STANCES),
        row.label("sentiment", SENTIMENTS), cells.get("speaker") or None, cells.get("target") or None,
    )  # fmt: skip


WRITERS = {"csv": write_table, "brat": write_brat, "labelstudio": write_studio}
READERS = {"csv": read_table, "brat": read_brat, "labelstudio": read_studio}
