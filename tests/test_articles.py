import codecs
import csv
import datetime
import gzip
import io
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.articles import Columns, Rejected, read
from quoth.errors import InputError, MissingExtraError
from quoth.records import Article

TEXT = 'Ada Renn said: "We will not move."\r\nBo Lind – mayor – denied it.\u2028 \x00 \U0001f6a2 \t'


def row(**fields):
    return json.dumps(fields).encode() + b"\n"


def place(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def articles(*args, **kwargs):
    items = list(read(*args, **kwargs))
    assert all(isinstance(item, Article) for item in items), items
    return items


def rejected(item, *parts):
    assert isinstance(item, Rejected)
    for part in parts:
        assert part in item.reason
    return item


@pytest.mark.parametrize("name", ["harbour.txt", "harbour.md", "harbour.TXT", "harbour.txt.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_file_is_one_article_with_every_code_point(tmp_path, name, encoding):
    path = place(tmp_path, name, TEXT.encode(encoding))
    assert articles([str(path)]) == [Article("harbour", TEXT)]


def test_only_the_first_byte_order_mark_is_dropped(tmp_path):
    path = place(tmp_path, "a.txt", codecs.BOM_UTF8 * 2 + b"x")
    assert articles([path])[0].text == "\ufeffx"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"caf\xe9 au lait", "not UTF-8 (byte 0xe9 at offset 3)"),
        ("x".encode("utf-32"), "not UTF-8 (byte 0xff at offset 0)"),
        (codecs.BOM_UTF16_LE + b"a\x00\x00\xd8b\x00", "not UTF-16 (byte 0x00 at offset 4)"),
    ],
)
def test_an_undecodable_text_file_is_rejected_and_the_next_is_read(tmp_path, content, reason):
    bad, good = place(tmp_path, "bad.txt", content), place(tmp_path, "good.txt", b"")
    assert list(read([bad, good])) == [Rejected(str(bad), None, reason), Article("good", "")]


def test_folders_are_read_in_order_without_hidden_and_unknown_files(tmp_path):
    for name in ["b.txt", "a/z.txt.gz", "a/y.md", ".git/x.txt", "a/.x.txt", "c.jpg", "README", "a/in.jsonl"]:
        place(tmp_path, name, row(text=name) if name.endswith("jsonl") else name.encode())
    found = articles([tmp_path])
    assert [(item.id, item.text) for item in found] == [
        ("a/in-1", "a/in.jsonl"),
        ("a/y", "a/y.md"),
        ("a/z", "a/z.txt.gz"),
        ("b", "b.txt"),
    ]


def test_a_format_overrides_suffixes_in_folders_too(tmp_path):
    place(tmp_path, "a.log", row(id="1", text="x"))
    place(tmp_path, "b.txt", row(id="2", text="y"))
    assert [item.id for item in articles([tmp_path], format="jsonl")] == ["1", "2"]
    assert [item.id for item in articles([tmp_path / "a.log"], format="text")] == ["a"]


@pytest.mark.parametrize("name", ["absent.txt", "notes.docx", "notes.gz"])
def test_an_unusable_path_is_an_error_before_anything_is_read(tmp_path, name):
    first = place(tmp_path, "a.txt", b"x")
    if name != "absent.txt":
        place(tmp_path, name, b"x")
    with pytest.raises(InputError, match=name):
        read([first, tmp_path / name])


def test_an_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="found 'xml', expected one of text, jsonl"):
        read([tmp_path], format="xml")


@pytest.mark.parametrize("name", ["in.jsonl", "in.ndjson", "in.jsonl.gz"])
def test_rows_keep_ids_text_and_metadata(tmp_path, name):
    content = row(id=7, text=TEXT, title="Harbour", tags=["a", None]) + b"\r\n" + row(text="", id=None)
    path = place(tmp_path, name, codecs.BOM_UTF8 + content)
    assert articles([path]) == [
        Article("7", TEXT, {"title": "Harbour", "tags": ["a", None]}),
        Article("in-3", ""),
    ]


def test_a_raw_line_separator_inside_a_text_does_not_end_the_line(tmp_path):
    content = json.dumps({"id": "1", "text": "a\u2028b\x85c"}, ensure_ascii=False).encode()
    assert articles([place(tmp_path, "in.jsonl", content)])[0].text == "a\u2028b\x85c"


def test_utf16_rows_are_decoded(tmp_path):
    content = (row(id="1", text=TEXT) + row(id="2", text="y")).decode().encode("utf-16")
    assert [item.text for item in articles([place(tmp_path, "in.jsonl", content)])] == [TEXT, "y"]


@pytest.mark.parametrize(
    ("line", "id", "reason"),
    [
        (b'{"id": "1", "text": ', None, "not JSON: Expecting value at character 20"),
        (b"[" * 100_000, None, "not JSON"),
        (b'["x"]', None, "found list, expected an object"),
        (b'{"id": "1"}', "1", "field 'text': missing, expected a string"),
        (b'{"id": "1", "text": null}', "1", "field 'text': found null, expected a string"),
        (b'{"id": 1, "text": ["x"]}', "1", "field 'text': found list, expected a string"),
        (b'{"id": 1.5, "text": "x"}', None, "field 'id': found float, expected a string or a whole number"),
        (b'{"id": true, "text": "x"}', None, "field 'id': found bool"),
        (b'{"id": "1", "text": "ab\\ud800"}', "1", "field 'text': found lone surrogate U+D800 at offset 2"),
        (b'{"id": "1", "text": "\\udcff"}', "1", "field 'text': found lone surrogate U+DCFF at offset 0"),
        (b'{"id": "\\ud800", "text": "x"}', None, "field 'id': found lone surrogate"),
        (b'{"id": "1", "text": "x", "by": [{"\\ud800": 1}]}', "1", "field 'by': found lone surrogate"),
        (b'{"id": "1", "text": "caf\xe9"}', "1", "not UTF-8 (byte 0xe9 at offset 24)"),
        (b'{"id": "caf\xe9", "text": "x"}', None, "not UTF-8 (byte 0xe9 at offset 11)"),
        (b"\xff\n", None, "not UTF-8 (byte 0xff at offset 0)"),
    ],
)
def test_a_bad_row_is_rejected_and_the_next_is_read(tmp_path, line, id, reason):
    path = place(tmp_path, "in.jsonl", row(id="0", text="x") + line.rstrip() + b"\n" + row(id="9", text="y"))
    before, bad, after = read([path])
    assert (before.id, after.id) == ("0", "9")
    assert rejected(bad, reason) == Rejected(f"{path}:2", id, bad.reason)
    bad.reason.encode()


def test_numbers_that_json_lacks_become_null(tmp_path):
    path = place(tmp_path, "in.jsonl", b'{"text": "x", "a": NaN, "b": [Infinity, 1e999, 2.5]}')
    assert articles([path])[0].metadata == {"a": None, "b": [None, None, 2.5]}


def test_ids_are_unique_in_a_run(tmp_path):
    a = place(tmp_path, "a.jsonl", row(id="1", text=None) + row(id="1", text="x") + row(id=1, text="y"))
    b = place(tmp_path, "1.txt", b"z")
    no_text, first, second, third = read([a, b])
    assert rejected(no_text, "null") and first == Article("1", "x")
    assert rejected(second, f"id '1': already used at {a}:2").place == f"{a}:3"
    assert rejected(third, f"already used at {a}:2").place == str(b)
    again = list(read([b, b]))
    assert isinstance(again[0], Article) and rejected(again[1], "already used")


def test_other_columns_can_be_named(tmp_path):
    path = place(tmp_path, "in.jsonl", row(key="1", body="x", text="y") + row(id="2", content_original="z"))
    good, bad = read([path], Columns(id="key", text="body"))
    assert good == Article("1", "x", {"text": "y"})
    assert rejected(bad, "field 'body': missing").id is None


def test_stand_off_article_files_are_read(tmp_path):
    path = place(tmp_path, "k.json", row(ID="k7", content_original="x", source="Tolm Courier"))
    assert articles([path]) == [Article("k7", "x", {"source": "Tolm Courier"})]
    both = place(tmp_path, "both.jsonl", row(id="1", ID="k7", text="x", content_original="y"))
    assert articles([both]) == [Article("1", "x", {"ID": "k7", "content_original": "y"})]


def test_a_json_file_holds_an_object_or_a_list_of_them(tmp_path):
    assert articles([place(tmp_path, "one.json", b'{"text": "x"}')]) == [Article("one", "x")]
    path = place(tmp_path, "many.json", b'[{"id": "1", "text": "x"}, 5, {"text": "y"}]')
    first, bad, last = read([path])
    assert (first.id, last.id) == ("1", "many-3")
    assert bad == Rejected(f"{path}: item 2", None, "found int, expected an object")
    broken = place(tmp_path, "broken.json", b'[{"text": "x"}')
    assert [rejected(item, "not JSON").place for item in read([broken])] == [str(broken)]


def test_a_truncated_gzip_gives_its_whole_lines_first(tmp_path):
    lines = [row(id=str(number), text=f"{number * 7919} fish") for number in range(2000)]
    whole = gzip.compress(b"".join(lines))
    path = tmp_path / "in.jsonl.gz"
    for size in (len(whole) - 1, len(whole) - 9, len(whole) // 2, 5):
        path.write_bytes(whole[:size])
        *before, last = read([path])
        assert [item.id for item in before] == [str(number) for number in range(len(before))]
        assert rejected(last, "end-of-stream").place == str(path)
        if before:
            assert f"after {path}:{len(before)}:" in last.reason
    path.write_bytes(whole[: len(whole) // 2])
    assert 500 < len(list(read([path]))) < 2000


def test_a_file_that_is_no_gzip_or_cannot_be_opened_is_rejected(tmp_path):
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(row(id="1", text="x"))
    gone = place(tmp_path, "gone.txt", b"x")
    found = read([path, gone])
    gone.unlink()
    first, second = found
    assert rejected(first, "Not a gzipped file") and rejected(second, "No such file")


@pytest.mark.parametrize(("name", "comma"), [("in.csv", ","), ("in.tsv", "\t"), ("in.csv.gz", ",")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_keep_every_code_point_of_large_cells(tmp_path, name, comma, encoding):
    text = TEXT * 5000
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=comma).writerows(
        [["id", "text", "title"], ["1", text, "Harbour, old"], ["", "", ""]]
    )
    path = place(tmp_path, name, out.getvalue().encode(encoding))
    assert len(text) > 131072
    assert articles([path]) == [
        Article("1", text, {"title": "Harbour, old"}),
        Article("in-2", "", {"title": ""}),
    ]


def test_bad_table_rows_are_rejected_and_the_next_is_read(tmp_path):
    content = (
        b'id,text\n1,x,y\n2\n3,caf\xe9\n4,"He said "no" twice"\n\n5,"two\nlines"\n\xff,x\n6,fine\n7,"open\n'
    )
    path = place(tmp_path, "in.csv", content)
    wide, short, latin, quoted, good, bad_id, fine, unclosed = read([path])
    assert rejected(wide, "found 3 cells, expected 2").place == f"{path}: row 1"
    assert (wide.id, short.id, latin.id) == ("1", "2", "3")
    rejected(short, "field 'text': missing")
    rejected(latin, "field 'text': not UTF-8 (byte 0xe9 at offset 3)")
    rejected(quoted, "not CSV", "line 5")
    assert good == Article("5", "two\nlines")
    assert rejected(bad_id, "field 'id': not UTF-8").id is None
    assert fine == Article("6", "fine")
    assert rejected(unclosed, "unexpected end of data").place == f"{path}: row 8"


@pytest.mark.parametrize("content", [b"", b"id,body\n1,x\n", b"text,text\nx,y\n", b"te\xffxt\nx\n"])
def test_a_header_without_one_text_column_is_an_error(tmp_path, content):
    path = place(tmp_path, "in.csv", content)
    with pytest.raises(InputError, match=r"in\.csv: found columns .*expected one named 'text'") as caught:
        list(read([path]))
    str(caught.value).encode()


def test_a_named_id_column_must_be_there(tmp_path):
    path = place(tmp_path, "in.csv", b"text\nx\n")
    assert articles([path]) == [Article("in-1", "x")]
    with pytest.raises(InputError, match="expected one named 'key'"):
        list(read([path], Columns(id="key")))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [Article("stdin", "")]),
        (b" \n{x} said\r\n", [Article("stdin", " \n{x} said\r\n")]),
        (codecs.BOM_UTF8 + b"plain", [Article("stdin", "plain")]),
        (b"[1]\n", [Article("stdin", "[1]\n")]),
        (b'\n {"id": "1", "text": "x"}\n{"text": "y"}', [Article("1", "x"), Article("stdin-3", "y")]),
        (codecs.BOM_UTF8 + b'{"id": "1", "text": "x"}', [Article("1", "x")]),
    ],
)
def test_standard_input_is_rows_or_a_text(content, expected):
    assert articles(["-"], stdin=io.BytesIO(content)) == expected


def test_standard_input_takes_a_format(monkeypatch):
    assert articles(["-"], stdin=io.BytesIO(b"text\nx"), format="csv") == [Article("stdin-1", "x")]
    stdin = io.BytesIO(b'{"text": "x"}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    assert articles(["-"], format="text") == [Article("stdin", '{"text": "x"}')]
    assert not stdin.closed


def test_rows_are_read_as_they_come(tmp_path):
    def endless():
        yield from (row(id=str(number), text="x") for number in range(10**9))

    assert next(read(["-"], stdin=endless())).id == "0"


@given(st.lists(st.text(), max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_text_survives_jsonl_and_csv(texts, ascii_only):
    rows = [{"id": f"k{number}", "text": text} for number, text in enumerate(texts)]
    lines = "".join(json.dumps(fields, ensure_ascii=ascii_only) + "\n" for fields in rows)
    found = articles(["-"], stdin=io.BytesIO(lines.encode()), format="jsonl")
    assert [item.text for item in found] == texts
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "text"])
    writer.writeheader()
    writer.writerows(rows)
    found = articles(["-"], stdin=io.BytesIO(out.getvalue().encode()), format="csv")
    assert [item.text for item in found] == texts


@given(st.binary(max_size=60), st.sampled_from(["text", "jsonl", "json", "csv", "tsv", None]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_reading(content, format):
    table = b"text\n" if format in ("csv", "tsv") else b""
    for item in read(["-"], stdin=io.BytesIO(table + content), format=format):
        json.dumps(
            [item.id, item.text if isinstance(item, Article) else item.reason], ensure_ascii=False
        ).encode()


def test_parquet_rows_are_articles(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    when = datetime.datetime(2031, 4, 2, 8, 30, tzinfo=datetime.UTC)
    columns = {
        "id": pa.array([7, None, 9]),
        "text": pa.array([TEXT, "", None]),
        "when": pa.array([when] * 3),
        "day": pa.array([when.date()] * 3),
        "more": pa.array([{"price": Decimal("1.50"), "score": float("nan"), "raw": b"\xffx"}] * 3),
    }
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table(columns), path)
    first, second, bad = read([path])
    assert first == Article(
        "7",
        TEXT,
        {
            "when": "2031-04-02T08:30:00+00:00",
            "day": "2031-04-02",
            "more": {"price": "1.50", "score": None, "raw": "\\xffx"},
        },
    )
    assert (second.id, second.text) == ("in-2", "")
    assert bad == Rejected(f"{path}: row 3", "9", "field 'text': found null, expected a string")
    assert next(read(["-"], stdin=io.BytesIO(path.read_bytes()), format="parquet")) == first
    with pytest.raises(InputError, match="expected one named 'body'"):
        list(read([path], Columns(text="body")))


def test_parquet_is_numbered_across_batches_and_rejects_what_python_cannot_hold(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    days = pa.array([0] * 599 + [10**8], pa.int32()).cast(pa.date32())
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"text": ["x"] * 600, "day": days}), path)
    *good, bad = read([path])
    assert [item.id for item in good] == [f"in-{number}" for number in range(1, 600)]
    assert rejected(bad, "out of range").place == f"{path}: row 600"


def test_a_damaged_parquet_file_is_rejected(tmp_path):
    pytest.importorskip("pyarrow")
    bad, good = place(tmp_path, "bad.parquet", b"PAR1 not really"), place(tmp_path, "good.txt", b"x")
    first, second = read([bad, good])
    assert rejected(first, "damaged").place == str(bad) and second.id == "good"


PAGE = """<html><head><title>Harbour vote</title><meta property="og:site_name" content="Tolm Courier">
<meta property="article:published_time" content="2021-04-02"></head><body><nav><a href="/">Home</a></nav><article>
<p>“We will not move,” Ada Renn said on Friday, before the council met to vote on the harbour plan.</p>
<p>The mayor, Bo Lind, denied the charge and said that the plan was sound and would go ahead in spring.</p>
</article><div id="comments"><p>Rubbish, says a reader who has never seen the harbour!</p></div></body></html>"""


@pytest.mark.parametrize("name", ["vote.html", "vote.htm", "vote.html.gz"])
def test_a_page_is_its_article_in_paragraphs(tmp_path, name):
    pytest.importorskip("trafilatura")
    (page,) = articles([place(tmp_path, name, PAGE.encode())])
    first, second = page.text.split("\n\n")
    assert first.startswith("“We will not move,”") and second.endswith("in spring.")
    assert (page.id, page.metadata) == (
        "vote",
        {"title": "Harbour vote", "date": "2021-04-02", "source": "Tolm Courier"},
    )


def test_a_page_without_article_is_rejected(tmp_path):
    pytest.importorskip("trafilatura")
    (bad,) = read([place(tmp_path, "empty.html", b"<html><body></body></html>")])
    rejected(bad, "found no article text")


@pytest.mark.parametrize(
    ("library", "name", "message"),
    [
        ("pyarrow", "a.parquet", "Parquet input needs .*parquet"),
        ("trafilatura", "a.html", "HTML input .*html"),
    ],
)
def test_a_missing_library_names_the_extra(tmp_path, monkeypatch, library, name, message):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=message):
        list(read([Path(place(tmp_path, name, b"x"))]))
