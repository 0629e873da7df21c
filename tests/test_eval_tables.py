from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldStatement, read_gold
from quoth.eval.predictions import predicted_records
from quoth.eval.tables import read_gold_table, read_labels

TEXT = (
    "“We never took it,” said Café owner Ida Brandt. The union blamed the “harbour tax” again. "
    "“Nor did I,” she said of the union."
)
QUOTE, NEXT = (0, 19), (TEXT.index("“Nor"), TEXT.index(" she said"))
CLAIM = TEXT.index("blamed the"), TEXT.index(". “Nor")
GOLD = GoldArticle(
    "a1",
    TEXT,
    "dev",
    [
        GoldStatement(*QUOTE, "quoted", "denial", None, "negative", "Ida Brandt", None),
        GoldStatement(*CLAIM, "indirect", "accusation", "condemnation", "negative", None, "harbour tax"),
        GoldStatement(*NEXT, "quoted", "other", None, "neutral", "Ida Brandt", "the union"),
    ],
)
TEXTS = {"a1": TEXT}


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "predicted.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def table(folder: Path, *rows: str, name: str = "predicted.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["article,begin,end", "a1,0,9"],
            (
                r"header: found columns 'article', 'begin', 'end'; expected one named "
                "'start' for field 'start'"
            ),
        ),
        (
            ["id,start,end", "a1,0,9"],
            r"header: .*expected one named 'article' or 'article_id' for field 'art",
        ),
        (["article,start,start,end"], r"header: .*expected one for field 'start', found 2"),
        ([""], r"header: found columns none; expected one named 'article'"),
        (
            ["article,start,end", "a1,0,9", "a1,x,9"],
            r"row 2 \(line 3\): field 'start': found 'x', expected a whole",
        ),
        (
            ["article,start,end", "a1,0.5,9"],
            r"row 1 \(line 2\): field 'start': found '0.5', expected a whole",
        ),
        (["article,start,end", "a1,0,nan"], r"row 1 \(line 2\): field 'end': found 'nan', expected a whole"),
        (["article,start,end", "a1,0,"], r"row 1 \(line 2\): field 'end': found nothing, expected a whole"),
        (["article,start,end,stance", "a1,,,other"], r"row 1 \(line 2\): field 'start': found nothing"),
        (
            ["article,start,end", ",0,9"],
            r"row 1 \(line 2\): field 'article': found nothing, expected a value",
        ),
        (["article,start,end", "a1,0,900"], r"row 1 \(line 2\), article a1: span \(0, 900\) does not lie in"),
        (["article,start,end", "a1,0,9,9"], r"row 1 \(line 2\): found 4 cells, expected 3 as in the header"),
        (["article,start,end", 'a1,0,"9" "'], r"row 1 \(line 2\): not CSV: "),
        (
            ["article,start,end", "a1,0,9", "a1,0,9"],
            (
                r"row 2 .*, article a1: span \(0, 9\) is given twice, first at "
                r".*row 1"
            ),
        ),
        (
            ["article,start,end,stance", "a1,0,9,Denial"],
            (
                r"row 1 \(line 2\): field 'stance': found 'Denial', "
                "expected one of accusation, denial"
            ),
        ),
        (
            ["article,start,end,p_denial", "a1,0,9,7"],
            r"row 1 .*: field 'p_denial': found '7', expected a number fr",
        ),
        (
            ["article,start,end,p_denial", "a1,0,9,.7"],
            r"row 1 .*: probabilities of .*: found a sum of 0.7, exp",
        ),
        (
            ["article,start,end,text", 'a1,0,9,"x\ny"'],
            r"row 1 \(line 3\), article a1: field 'text': found 'x",
        ),
    ],
)
def test_bad_table(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=rf"predicted\.csv, {message}"):
        predicted_records(table(tmp_path, *rows), TEXTS)


def test_a_bad_mapping_or_file_is_named(tmp_path: Path) -> None:
    path = table(tmp_path, "article,start,end,who", "a1,0,9,Ida")
    with pytest.raises(InputError, match="column mapping: found field 'speakr', expected one of article, st"):
        predicted_records(path, TEXTS, {"speakr": "who"})
    with pytest.raises(InputError, match="header: .*'who'; expected one named 'said by' for field 'speaker'"):
        predicted_records(path, TEXTS, {"speaker": "said by"})
    with pytest.raises(InputError, match=r"absent\.csv: No such file"):
        predicted_records(tmp_path / "absent.csv", TEXTS)
    path.write_bytes(b"article,start,end,who\na1,0,9,Caf\xe9\n")
    with pytest.raises(InputError, match=r"predicted\.csv: found byte 0xe9, expected UTF-8"):
        predicted_records(path, TEXTS)
    with pytest.raises(InputError, match="found 'x', expected a whole number"):
        predicted_records(table(tmp_path, "article,a,end", "a1,x,2"), TEXTS, {"start": "a"})


HEAD = "article,start,end,kind,stance,stance2,sentiment,speaker,target,split,sha256,text"


def gold_rows() -> list[str]:
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    return [
        f"a1,{s.start},{s.end},{s.kind},{s.stance},{s.stance2 or ''},{s.sentiment},{s.speaker or ''},"
        f'{s.target or ""},dev,{digest},"{TEXT[s.start : s.end]}"'
        for s in GOLD.statements
    ]


def texts(folder: Path) -> Path:
    (folder / "texts").mkdir()
    (folder / "texts" / "a1.txt").write_text(TEXT, "utf-8", newline="")
    return folder / "texts"


def test_gold_of_a_table_equals_that_of_lines_whatever_holds_the_texts(tmp_path: Path) -> None:
    labels = table(tmp_path, HEAD, *gold_rows(), name="gold.csv")
    assert read_gold_table(labels, texts(tmp_path)) == [GOLD]
    rows = tmp_path / "texts.csv"
    rows.write_text(f'id,text\nother,"x"\na1,"{TEXT}"\n', "utf-8")
    assert read_labels(labels, rows) == [GOLD]
    row = {"article": "a1", "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "split": "dev"}
    statements = [msgspec.to_builtins(s) for s in GOLD.statements]
    standoff = lines(tmp_path, row | {"statements": statements})
    assert read_gold(standoff, tmp_path / "texts") == read_labels(standoff, rows) == [GOLD]
    with pytest.raises(InputError, match=r"predicted\.jsonl: column mapping: expected a table"):
        read_labels(standoff, rows, {"start": "begin"})


def test_gold_with_few_columns(tmp_path: Path) -> None:
    labels = table(
        tmp_path,
        "doc,start,end,label",
        f"a1,{CLAIM[0]},{CLAIM[1]},accusation",
        "a1,0,19,denial",
        name="gold.csv",
    )
    (article,) = read_gold_table(labels, texts(tmp_path), {"article": "doc", "stance": "label"})
    assert article.statements == [
        GoldStatement(*CLAIM, "indirect", "accusation", None, None, None, None),
        GoldStatement(0, 19, "quoted", "denial", None, None, None, None),
    ]


def test_a_row_with_only_an_article_labels_it_as_without_statements(tmp_path: Path) -> None:
    labels = table(tmp_path, "article,start,end,stance,split", "a1,,,,dev", name="gold.csv")
    assert read_gold_table(labels, texts(tmp_path)) == [GoldArticle("a1", TEXT, "dev", [])]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a1,0,19,praise"], r"row 1 \(line 2\): field 'stance': found 'praise', expected one of accusation"),
        (["a1,0,19,"], r"row 1 \(line 2\): field 'stance': found nothing, expected one of accusation"),
        (["a1,,,denial"], r"row 1 \(line 2\): field 'start': found nothing, expected a whole number"),
        (["a1,0,900,denial"], r"row 1 \(line 2\), article a1: span \(0, 900\) does not lie in a text of"),
        (["a1,0,9,denial", "a1,0,9,other"], r"row 2 .*, article a1: span \(0, 9\) is labelled twice"),
        (
            ["a1,0,9,denial", "a1,5,19,other"],
            r"row 2 .*, article a1: quoted span \(5, 19\) overlaps .*\(0, 9\)",
        ),
        (["b,0,9,denial"], r"row 1 \(line 2\), article b: no text in .*texts"),
    ],
)
def test_bad_gold(tmp_path: Path, rows: list[str], message: str) -> None:
    labels = table(tmp_path, "article,start,end,stance", *rows, name="gold.csv")
    with pytest.raises(InputError, match=rf"gold\.csv, {message}"):
        read_gold_table(labels, texts(tmp_path))


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("text", "We never", r", row 1 \(line 2\): field 'text': found 'We never', expected '“We never'"),
        (
            "sha256",
            "00",
            r", row 1 \(line 2\), article a1: the text in .*texts has sha256 .*labels are for 00",
        ),
        ("sentiment", "bad", r", row 1 \(line 2\): field 'sentiment': found 'bad', expected one of negative"),
        ("kind", "direct", r", row 1 \(line 2\): field 'kind': found 'direct', expected one of quoted, ind"),
    ],
)
def test_bad_gold_cell(tmp_path: Path, column: str, cell: str, message: str) -> None:
    labels = table(tmp_path, f"article,start,end,stance,{column}", f"a1,0,9,denial,{cell}", name="gold.csv")
    with pytest.raises(InputError, match=rf"gold\.csv{message}"):
        read_gold_table(labels, texts(tmp_path))


def test_an_article_in_two_splits_is_an_error(tmp_path: Path) -> None:
    labels = table(
        tmp_path, "article,start,end,stance,split", "a1,0,9,denial,dev", "a1,9,19,other,test", name="gold.csv"
    )
    with pytest.raises(InputError, match=r"row 2 \(line 3\): field 'split': found 'test', expected 'dev' as"):
        read_gold_table(labels, texts(tmp_path))


def test_quoted_passages_must_not_cross(tmp_path: Path) -> None:
    first, second = GOLD.statements[0], GoldStatement(5, 25, "quoted", "other", None, "neutral", None, None)
    wider = GoldStatement(0, 47, "indirect", "denial", None, "neutral", None, None)
    across = GoldStatement(10, 30, "indirect", "denial", None, "neutral", None, None)
    inner = GoldStatement(0, 3, "quoted", "other", None, "neutral", None, None)
    row = {"article": "a1", "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "split": "dev"}
    allowed = [first, wider, across, inner]
    fine = lines(tmp_path, row | {"statements": [msgspec.to_builtins(s) for s in allowed]})
    assert read_gold(fine, texts(tmp_path))[0].statements == allowed
    wrong = lines(tmp_path, row | {"statements": [msgspec.to_builtins(s) for s in (first, second)]})
    with pytest.raises(InputError, match=r"article a1, item 1: quoted span \(5, 25\) overlaps .* \(0, 19\)"):
        read_gold(wrong, tmp_path / "texts")
