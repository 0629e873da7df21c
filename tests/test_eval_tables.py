from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldStatement, read_gold
from quoth.eval.predictions import predicted_records
from quoth.eval.tables import read_gold_table, read_labels

Make = Callable[..., Any]


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
def test_bad_table(rows: list[str], message: str, table: Make, tax: GoldArticle) -> None:
    with pytest.raises(InputError, match=rf"predicted\.csv, {message}"):
        predicted_records(table(*rows), {"a1": tax.text})


def test_a_bad_mapping_or_file_is_named(tmp_path: Path, table: Make, tax: GoldArticle) -> None:
    path = table("article,start,end,who", "a1,0,9,Ida")
    with pytest.raises(InputError, match="column mapping: found field 'speakr', expected one of article, st"):
        predicted_records(path, {"a1": tax.text}, {"speakr": "who"})
    with pytest.raises(InputError, match="header: .*'who'; expected one named 'said by' for field 'speaker'"):
        predicted_records(path, {"a1": tax.text}, {"speaker": "said by"})
    with pytest.raises(InputError, match=r"absent\.csv: No such file"):
        predicted_records(tmp_path / "absent.csv", {"a1": tax.text})
    path.write_bytes(b"article,start,end,who\na1,0,9,Caf\xe9\n")
    with pytest.raises(InputError, match=r"predicted\.csv: found byte 0xe9, expected UTF-8"):
        predicted_records(path, {"a1": tax.text})
    with pytest.raises(InputError, match="found 'x', expected a whole number"):
        predicted_records(table("article,a,end", "a1,x,2"), {"a1": tax.text}, {"start": "a"})


HEAD = "article,start,end,kind,stance,stance2,sentiment,speaker,target,split,sha256,text"


def cells(article: GoldArticle) -> list[str]:
    """The article's labels as rows below HEAD."""
    digest = hashlib.sha256(article.text.encode()).hexdigest()
    return [
        f"{article.id},{s.start},{s.end},{s.kind},{s.stance},{s.stance2 or ''},{s.sentiment},"
        f'{s.speaker or ""},{s.target or ""},dev,{digest},"{article.text[s.start : s.end]}"'
        for s in article.statements
    ]


@pytest.fixture
def texts(tmp_path: Path, tax: GoldArticle) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a1.txt").write_text(tax.text, "utf-8", newline="")
    return folder


def test_gold_of_a_table_equals_that_of_lines_whatever_holds_the_texts(
    tmp_path: Path, labels_of: Make, table: Make, texts: Path, tax: GoldArticle
) -> None:
    labels = table(HEAD, *cells(tax), name="gold.csv")
    assert read_gold_table(labels, texts) == [tax]
    rows = tmp_path / "texts.csv"
    rows.write_text(f'id,text\nother,"x"\na1,"{tax.text}"\n', "utf-8")
    assert read_labels(labels, rows) == [tax]
    standoff = labels_of(tax)
    assert read_gold(standoff, texts) == read_labels(standoff, rows) == [tax]
    with pytest.raises(InputError, match=r"gold\.jsonl: column mapping: expected a table"):
        read_labels(standoff, rows, {"start": "begin"})


def test_gold_with_few_columns(table: Make, texts: Path, tax: GoldArticle) -> None:
    claim = tax.statements[1].start, tax.statements[1].end
    labels = table(
        "doc,start,end,label",
        f"a1,{claim[0]},{claim[1]},accusation",
        "a1,0,19,denial",
        name="gold.csv",
    )
    (article,) = read_gold_table(labels, texts, {"article": "doc", "stance": "label"})
    assert article.statements == [
        GoldStatement(*claim, "indirect", "accusation", None, None, None, None),
        GoldStatement(0, 19, "quoted", "denial", None, None, None, None),
    ]


def test_a_row_with_only_an_article_labels_it_as_without_statements(
    table: Make, texts: Path, tax: GoldArticle
) -> None:
    labels = table("article,start,end,stance,split", "a1,,,,dev", name="gold.csv")
    assert read_gold_table(labels, texts) == [GoldArticle("a1", tax.text, "dev", [])]


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
def test_bad_gold(rows: list[str], message: str, table: Make, texts: Path) -> None:
    labels = table("article,start,end,stance", *rows, name="gold.csv")
    with pytest.raises(InputError, match=rf"gold\.csv, {message}"):
        read_gold_table(labels, texts)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            "text",
            "We never",
            r", row 1 \(line 2\), article a1: field 'text': found 'We never', expected '“We never'",
        ),
        (
            "sha256",
            "00",
            r", row 1 \(line 2\), article a1: the text in .*texts has sha256 .*labels are for 00",
        ),
        ("sentiment", "bad", r", row 1 \(line 2\): field 'sentiment': found 'bad', expected one of negative"),
        ("kind", "spoken", r", row 1 \(line 2\): field 'kind': found 'spoken', expected one of quoted, ind"),
    ],
)
def test_bad_gold_cell(column: str, cell: str, message: str, table: Make, texts: Path) -> None:
    labels = table(f"article,start,end,stance,{column}", f"a1,0,9,denial,{cell}", name="gold.csv")
    with pytest.raises(InputError, match=rf"gold\.csv{message}"):
        read_gold_table(labels, texts)


def test_an_article_in_two_splits_is_an_error(table: Make, texts: Path) -> None:
    labels = table(
        "article,start,end,stance,split", "a1,0,9,denial,dev", "a1,9,19,other,test", name="gold.csv"
    )
    with pytest.raises(InputError, match=r"row 2 \(line 3\): field 'split': found 'test', expected 'dev' as"):
        read_gold_table(labels, texts)


def test_quoted_passages_must_not_cross(labels_of: Make, texts: Path, tax: GoldArticle) -> None:
    first, second = tax.statements[0], GoldStatement(5, 25, "quoted", "other", None, "neutral", None, None)
    wider = GoldStatement(0, 47, "indirect", "denial", None, "neutral", None, None)
    across = GoldStatement(10, 30, "indirect", "denial", None, "neutral", None, None)
    inner = GoldStatement(0, 3, "quoted", "other", None, "neutral", None, None)
    allowed = [first, wider, across, inner]
    fine = labels_of(replace(tax, statements=allowed))
    assert read_gold(fine, texts)[0].statements == allowed
    wrong = labels_of(replace(tax, statements=[first, second]))
    with pytest.raises(InputError, match=r"article a1, item 1: quoted span \(5, 25\) overlaps .* \(0, 19\)"):
        read_gold(wrong, texts)
