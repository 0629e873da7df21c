"""Attributions as they are published: PolNeAR's brat stand-off folders, and documents in JSONL.

PolNeAR (Newell et al., LREC 2018) has its texts in `text/NAME.txt` and each annotator's reading in
`attributions/NAME_XXXX.ann`, XXXX four hexadecimal digits.  A T line is a span, maybe discontinuous
("T1<TAB>Content 10 20;25 30<TAB>words"), an E line an attribution whose roles Source, Cue and Content, maybe
numbered, are T lines.  The words of a span over paragraphs go on in the next lines.  Discard and Discuss
marks are the annotators' notes.  Offsets are code points of the text as stored, line ends untouched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from quoth.errors import InputError
from quoth.eval.gold import check_hash, check_span, decoded, read_lines, unique

Document = dict[str, Any]
"""What `quoth.eval.attribution.score` takes: {"doc", "text", "statements": [{"content", "source", "cue"}]},
the last three lists of [start, end]; of a prediction without the text."""

ROLES = ("content", "source", "cue")

_LINE = re.compile(r"[TERAMN#*]\d*\t")
_SPAN = re.compile(r"(T\d+)\t\S+ (\d+ \d+(?:;\d+ \d+)*)\t(.*)", re.DOTALL)
_EVENT = re.compile(r"E\d+\t\S+:T\d+(?: +\S+:\S+)*\s*")
_ANNOTATOR = re.compile(r"_[0-9a-f]{4}$")


class _Attribution(msgspec.Struct, forbid_unknown_fields=True):
    content: list[Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]]
    source: list[Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]] = []
    cue: list[Annotated[list[int], msgspec.Meta(min_length=2, max_length=2)]] = []


class _DocumentLine(msgspec.Struct):
    doc: str
    statements: list[msgspec.Raw]
    text: str | None = None
    sha256: str | None = None


def read_polnear(folder: Path, reading: int = 0) -> list[Document]:
    """The documents of a split, the folder with `text` and `attributions`, in the order of the texts' names.

    reading: whose reading of each text is taken, in alphabetical order of the annotators; 1 is the second
    of the texts that have two.  Attributions without a content are left out.  Plain brat names (NAME.ann)
    will do too.  Raises InputError that names file, line and item for a text without annotation or an
    annotation without text, a line, role or reference that is not known, and a span outside the text or
    with other words than the text has there.
    """
    texts = _files(folder, "text", ".txt")
    of_text: dict[str, list[Path]] = {path.stem: [] for path in texts}
    for path in _files(folder, "attributions", ".ann"):
        name = path.stem if path.stem in of_text else _ANNOTATOR.sub("", path.stem)
        if name not in of_text:
            raise InputError(f"{path}: missing text, expected {folder / 'text' / name}.txt")
        of_text[name].append(path)
    documents = []
    for path in texts:
        name = path.stem
        if not of_text[name]:
            raise InputError(f"{path}: no annotation, expected {folder / 'attributions' / name}_XXXX.ann")
        if reading < len(of_text[name]):
            chosen, text = of_text[name][reading], _text(path)
            documents.append(
                {
                    "doc": name,
                    "annotator": chosen.stem[len(name) + 1 :],
                    "text": text,
                    "statements": _statements(chosen, text),
                }
            )
    return documents


def read_documents(path: Path) -> list[Document]:
    """Gold documents: a PolNeAR split where path is a folder, else the `Document` of each line.

    A line may have the text's `sha256`.  Raises InputError, naming file, line, document and item (counted
    from 0), as `read_polnear` does.
    """
    if path.is_dir():
        return read_polnear(path)
    documents = []
    for number, line in _document_lines(path):
        where = f"{path}, line {number}, document {line.doc}"
        if line.text is None:
            raise InputError(f"{where}: field 'text': missing, expected the document's text")
        check_hash(line.text, line.sha256, f"{where}: the text")
        statements = _decoded(line, line.text, where)
        documents.append({"doc": line.doc, "text": line.text, "statements": statements})
    return documents


def read_predicted_documents(path: Path, texts: dict[str, str]) -> list[Document]:
    """Predicted documents, one a line; texts: those of the gold documents, which spans must lie in."""
    documents = []
    for number, line in _document_lines(path):
        where = f"{path}, line {number}, document {line.doc}"
        if line.doc not in texts:
            raise InputError(f"{where}: not in gold, expected one of {', '.join(list(texts)[:3])}, ...")
        documents.append({"doc": line.doc, "statements": _decoded(line, texts[line.doc], where)})
    return documents


def _document_lines(path: Path) -> Iterator[tuple[int, _DocumentLine]]:
    rows = []
    for number, line in read_lines(path):
        hint = '; expected {"doc", "text", "statements": [{"content", "source", "cue"}]}'
        row = decoded(line, _DocumentLine, f"{path}, line {number}", hint)
        rows.append((number, row.doc, row))
    return unique(path, rows)


def _decoded(line: _DocumentLine, text: str, where: str) -> list[dict[str, list[list[int]]]]:
    statements = []
    for item, raw in enumerate(line.statements):
        place = f"{where}, item {item}"
        hint = f"; expected lists of [start, end] in {', '.join(ROLES)}"
        statement = msgspec.to_builtins(decoded(raw, _Attribution, place, hint))
        for role in ROLES:
            for start, end in statement[role]:
                check_span((start, end), text, f"{place}, field {role!r}")
        statements.append(statement)
    return statements


def _files(folder: Path, part: str, suffix: str) -> list[Path]:
    if not (folder / part).is_dir():
        there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        raise InputError(
            f"{folder}: found {', '.join(there) or 'nothing'}, expected the folders text and attributions"
        )
    files = (folder / part).iterdir()
    return sorted(p for p in files if p.suffix == suffix and not p.name.startswith("."))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: found byte 0x{error.object[error.start]:02x}, expected UTF-8") from error


def _statements(path: Path, text: str) -> list[dict[str, list[list[int]]]]:
    spans: dict[str, list[list[int]]] = {}
    events: list[tuple[str, str]] = []
    for number, line in _annotations(path):
        where = f"{path}, line {number}"
        if line.startswith("T"):
            name, pieces = _span(line, text, where)
            if name in spans:
                raise InputError(f"{where}: {name} is given twice")
            spans[name] = pieces
        elif line.startswith("E"):
            if not _EVENT.fullmatch(line):
                raise InputError(f"{where}: found {line[:60]!r}, expected 'E1<TAB>Type:T1 Role:T2 ...'")
            events.append((where, line))
    # Only now: a reference may come before what it refers to.
    attributions = [_attribution(line, spans, where) for where, line in events]
    return sorted((a for a in attributions if a["content"]), key=lambda a: (a["content"], a["cue"]))


def _annotations(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with those that go on with them, and the number of the first."""
    start, held = 0, ""
    for number, line in enumerate(_text(path).split("\n"), 1):
        if _LINE.match(line):
            if held:
                yield start, held
            start, held = number, line
        elif held:
            held += "\n" + line
        elif line.strip():
            raise InputError(f"{path}, line {number}: found {line[:60]!r}, expected a line 'T1<TAB>...'")
    if held:
        yield start, held


def _span(line: str, text: str, where: str) -> tuple[str, list[list[int]]]:
    match = _SPAN.fullmatch(line)
    if not match:
        raise InputError(f"{where}: found {line[:60]!r}, expected 'T1<TAB>Label START END<TAB>words'")
    name, offsets, words = match.groups()
    pieces = [[int(offset) for offset in piece.split()] for piece in offsets.split(";")]
    for start, end in pieces:
        check_span((start, end), text, f"{where}, {name}")
    found = " ".join(text[start:end] for start, end in pieces)
    if "".join(found.split()) != "".join(words.split()):
        raise InputError(
            f"{where}, {name}: found {words[:60]!r}, expected {found[:60]!r} as the text has at {offsets}"
        )
    return name, sorted(pieces)


def _attribution(line: str, spans: dict[str, list[list[int]]], where: str) -> dict[str, list[list[int]]]:
    pieces: dict[str, list[list[int]]] = {role: [] for role in ROLES}
    name, _, parts = line.partition("\t")
    for part in parts.split()[1:]:
        label, _, reference = part.partition(":")
        role = label.rstrip("0123456789").lower()
        if role not in ROLES:
            raise InputError(f"{where}, {name}: found role {label!r}, expected Content, Source or Cue")
        if reference not in spans:
            raise InputError(
                f"{where}, {name}: role {label!r}: found {reference!r}, expected a T line's name"
            )
        pieces[role] += spans[reference]
    return {role: sorted(found) for role, found in pieces.items()}
