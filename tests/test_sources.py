from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from quoth.articles import LONGEST, Columns, Rejected, read, rows_of
from quoth.errors import InputError
from quoth.records import Article
from quoth.sources import sources


def test_what_a_partitioned_folder_says_goes_to_the_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "outlet=Harbour Post" / "year=2031"
    folder.mkdir(parents=True)
    (folder / "in.jsonl").write_text('{"id": "1", "text": "x", "year": "2030"}\n')
    expected = {"outlet": "Harbour Post", "year": "2030"}  # the row knows better
    assert [*read([tmp_path])] == [Article("1", "x", expected)]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_url_is_read_as_a_path_is(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("fsspec")
    content = b'{"id": "1", "text": "x"}\n{"id": "2", "text": "y"}\n'
    if suffix == ".zst":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            zstd = pytest.importorskip("backports.zstd")
        content = zstd.compress(content)
    elif suffix == ".gz":
        content = gzip.compress(content)
    path = tmp_path / f"in.jsonl{suffix}"
    path.write_bytes(content)
    articles = [Article("1", "x"), Article("2", "y")]
    assert [*read([path])] == [*read([f"file://{path}"])] == [*read([f"file://{tmp_path}"])] == articles
    path.write_bytes(content[:-5])
    rows = [*read([path])]
    assert suffix == "" or isinstance(rows[-1], Rejected) and "damaged" in rows[-1].reason


def test_a_missing_url_is_an_error_at_once(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(InputError, match="no such file"):
        read([f"file://{tmp_path}/absent.jsonl"])
    with pytest.raises(InputError, match="cannot be read"):
        read(["nothing://absent.jsonl"])


def test_a_text_of_a_whole_archive_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * (LONGEST + 1))
    (tmp_path / "b.txt").write_text("x" * LONGEST)
    long, whole = read([tmp_path])
    assert (
        isinstance(long, Rejected)
        and "text of 1,000,001 characters, expected at most 1,000,000" in long.reason
    )
    assert isinstance(whole, Article)


def test_rows_tell_their_places(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "x"}\n\n{"text": 5}\n')
    (source,) = sources(path, None)
    places = [place for place, _ in rows_of(source, Columns())]
    assert places == [f"{path}:1", f"{path}:3"]
