from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval.attribution import score
from quoth.eval.polnear import read_documents, read_polnear
from quoth.eval.predictions import predicted_documents

TEXT = "Ida Brandt said: “The pier\r\n\r\n“is shut.” Café gulls, it is said, nest.\n"
PIER, SHUT, GULLS = TEXT.index("“The"), TEXT.index("“is"), TEXT.index("Café")
SAID, NEST = TEXT.index("it is said"), TEXT.index("nest")
# The words of a span over paragraphs go on in the next lines, as brat writes them.
ANN = "\n".join(
    [
        f"T1\tContent {GULLS} {GULLS + 10};{NEST} {NEST + 4}\tCafé gulls nest",
        f"T2\tCue {SAID} {SAID + 10}\tit is said",
        "E1\tAttribution-no-source:T9 Cue:T2 Content:T1",
        f"T9\tAttribution-no-source {SAID} {SAID + 10}\tit is said",
        f"T3\tContent {PIER} {SHUT + 11}\t“The pier\r",
        "\r",
        "“is shut.”",
        "T4\tSource 0 10\tIda Brandt",
        "T5\tCue 11 15\tsaid",
        "T6\tAttribution 11 15\tsaid",
        "E2\tAttribution:T6 Source:T4 Cue:T5 Content:T3",
        "T7\tDiscard 0 3\tIda",
        "#1\tAnnotatorNotes T7\tShould this be a title?",
        "E3\tAttribution:T6 Cue:T5",
        "",
    ]
)
STATEMENTS = [
    {"content": [[PIER, SHUT + 11]], "source": [[0, 10]], "cue": [[11, 15]]},
    {"content": [[GULLS, GULLS + 10], [NEST, NEST + 4]], "source": [], "cue": [[SAID, SAID + 10]]},
]


def split(folder: Path, texts: dict[str, str], annotations: dict[str, str]) -> Path:
    for part, suffix, files in (("text", "txt", texts), ("attributions", "ann", annotations)):
        (folder / part).mkdir()
        for name, content in files.items():
            (folder / part / f"{name}.{suffix}").write_bytes(content.encode())
    return folder


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "documents.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_spans_are_joined_to_attributions_in_the_order_of_the_text(tmp_path: Path) -> None:
    folder = split(tmp_path, {"pier": TEXT}, {"pier_0a1f": ANN})
    expected = {"doc": "pier", "annotator": "0a1f", "text": TEXT, "statements": STATEMENTS}
    assert read_polnear(folder) == read_documents(folder) == [expected]
    assert score([expected], [expected])["attribution"]["all"]["f1"] == 100


def test_numbered_roles_are_more_spans_of_the_role(tmp_path: Path) -> None:
    ann = "T1\tContent 4 10\tBrandt\nT2\tContent 0 3\tIda\nE1\tAttribution:T1 Content:T1 Content2:T2\n"
    folder = split(tmp_path, {"a": TEXT}, {"a_0a1f": ann})
    assert read_polnear(folder)[0]["statements"] == [{"content": [[0, 3], [4, 10]], "source": [], "cue": []}]


def test_the_first_annotator_is_read_or_the_next(tmp_path: Path) -> None:
    folder = split(tmp_path, {"b": TEXT, "a": "Nothing."}, {"b_ffff": "", "b_0a1f": ANN, "a": ""})
    (tmp_path / "text" / ".DS_Store").write_bytes(b"\xff")
    assert [(d["doc"], d["annotator"]) for d in read_polnear(folder)] == [("a", ""), ("b", "0a1f")]
    assert [(d["doc"], d["annotator"], d["statements"]) for d in read_polnear(folder, 1)] == [
        ("b", "ffff", [])
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Cue:T2", "Verb:T2", r"line 3, E1: found role 'Verb', expected Content, Source or Cue"),
        ("Cue:T2", "Cue:T22", r"line 3, E1: role 'Cue': found 'T22', expected a T line's name"),
        ("E1\tAttribution-no-source:T9", "E1\tT9", r"line 3: found 'E1\\tT9 Cue:T2.*expected 'E1<TAB>Type"),
        ("Source 0 10", "Source 0 500", r"line 8, T4: span \(0, 500\) does not lie in a text of"),
        ("Source 0 10", "Source 3 3", r"line 8, T4: span \(3, 3\) does not lie in a text of"),
        ("Source 0 10", "Source 0", r"line 8: found 'T4\\tSource 0\\t.*expected 'T1<TAB>Label START END"),
        ("Source 0 10", "Source 1 11", r"line 8, T4: found 'Ida Brandt', expected 'da Brandt ' as .* 1 11"),
        ("“is shut.”", "“was shut.”", r"line 5, T3: found '“The pier.*“was shut.”', expected '“The pier"),
        ("T5\tCue", "T4\tCue", r"line 9: T4 is given twice"),
        ("T1\tContent", "Content", r"line 1: found 'Content .*, expected a line 'T1<TAB>"),
    ],
)
def test_bad_annotation(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert ANN.count(old) == 1
    folder = split(tmp_path, {"pier": TEXT}, {"pier_0a1f": ANN.replace(old, new)})
    with pytest.raises(InputError, match=rf"(?s)pier_0a1f\.ann, {message}"):
        read_polnear(folder)


@pytest.mark.parametrize(
    ("texts", "annotations", "message"),
    [
        ({"a": "x"}, {}, r"a\.txt: no annotation, expected .*a_XXXX\.ann"),
        ({}, {"a_0a1f": ""}, r"a_0a1f\.ann: missing text, expected .*text.a\.txt"),
    ],
)
def test_texts_and_annotations_come_in_pairs(
    tmp_path: Path, texts: dict[str, str], annotations: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_polnear(split(tmp_path, texts, annotations))


def test_other_folders_and_encodings_are_named(tmp_path: Path) -> None:
    split(tmp_path, {"a": ""}, {"a_0a1f": ""})
    (tmp_path / "text" / "a.txt").write_bytes(b"Caf\xe9")
    with pytest.raises(InputError, match=r"a\.txt: found byte 0xe9, expected UTF-8"):
        read_polnear(tmp_path)
    with pytest.raises(InputError, match=r"text: found a\.txt, expected the folders text and attributions"):
        read_polnear(tmp_path / "text")
    with pytest.raises(InputError, match=r"absent: found nothing, expected the folders"):
        read_polnear(tmp_path / "absent")


def test_documents_of_lines(tmp_path: Path) -> None:
    row = {"doc": "pier", "text": TEXT, "statements": [{"content": [[0, 3]]}]}
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    expected = {
        "doc": "pier",
        "text": TEXT,
        "statements": [{"content": [[0, 3]], "source": [], "cue": []}],
    }
    assert read_documents(lines(tmp_path, row | {"annotator": "x", "sha256": digest})) == [expected]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"doc": "a", "statements": []}, r", document a: field 'text': missing"),
        ({"doc": "a", "text": "x"}, r": .*missing required field `statements`; expected \{\"doc\""),
        ({"doc": "a", "text": "x", "sha256": "0", "statements": []}, r", document a: the text has sha256"),
        ({"doc": "a", "text": "x", "statements": [{}]}, r", document a, item 0: .*required field `content`"),
        (
            {"doc": "a", "text": "x", "statements": [{"content": [[0, 1]], "source": [[0]]}]},
            r", document a, item 0: Expected `array` of length >= 2 - at `\$.source",
        ),
        (
            {"doc": "a", "text": "x", "statements": [{"content": [[0, 1]], "cue": [[0, 2]]}]},
            r", document a, item 0, field 'cue': span \(0, 2\) does not lie in a text of 1",
        ),
    ],
)
def test_bad_document(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"documents\.jsonl, line 1{message}"):
        read_documents(lines(tmp_path, row))


def test_a_document_is_given_once_and_a_predicted_one_is_in_gold(tmp_path: Path) -> None:
    gold = {"doc": "a", "text": "x", "statements": []}
    with pytest.raises(InputError, match=r"documents\.jsonl, line 2: article a is on line 1 already"):
        read_documents(lines(tmp_path, gold, gold))
    with pytest.raises(InputError, match=r"line 1, document b: not in gold, expected one of a"):
        predicted_documents(lines(tmp_path, {"doc": "b", "statements": []}), [gold])
    with pytest.raises(InputError, match=r"document a, item 0, field 'content': span \(0, 2\) does not lie"):
        predicted_documents(lines(tmp_path, {"doc": "a", "statements": [{"content": [[0, 2]]}]}), [gold])


@pytest.mark.parametrize("part", ["dev", "train"])
def test_polnear_as_published_gives_what_its_converter_gave(part: str) -> None:
    """QUOTH_POLNEAR: a folder with PolNeAR's splits and, beside each, the converter's {split}.gold.jsonl."""
    data = Path(os.environ.get("QUOTH_POLNEAR", "/nonexistent"))
    converted = data / f"{part}.gold.jsonl"
    if not converted.exists():
        pytest.skip("QUOTH_POLNEAR is not set to a folder with PolNeAR")
    with converted.open(encoding="utf-8", newline="\n") as rows:
        assert read_polnear(data / part) == [json.loads(row) for row in rows]
