from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from quoth.errors import InputError
from quoth.eval import provenance
from quoth.eval.gold import GoldArticle
from quoth.eval.provenance import Look, count_look, file_hash, git, named, splits, without_folders


def look(gold_hash: str = "a" * 12) -> Look:
    return Look("2026-02-03T04:05:06Z", "quoth eval", "small", "test.jsonl", gold_hash, 3)


def test_each_look_at_a_test_set_is_counted(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert [count_look(look(), log) for _ in range(3)] == [1, 2, 3]
    assert [msgspec.json.decode(row, type=Look) for row in log.read_bytes().splitlines()] == [look()] * 3


def test_looks_are_counted_for_each_gold_file(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    counts = [count_look(look(name * 12), log) for name in "abaab"]
    assert counts == [1, 1, 2, 3, 2]


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none/log\.jsonl: evaluations on a test set are counted here: "):
        count_look(look(), tmp_path / "none" / "log.jsonl")
    with pytest.raises(InputError, match="evaluations on a test set are counted here"):
        count_look(look(), tmp_path)


@pytest.mark.parametrize("content", [b"not a log\n", b'{"date": "2026-02-03"}\n', b"\xff\n", b"[1]\n"])
def test_a_file_that_is_no_log_is_an_error(content: bytes, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)
    with pytest.raises(InputError, match=r"log\.jsonl: evaluations on a test set are counted here: "):
        count_look(look(), log)


def test_the_log_lies_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert count_look(look()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["test_log.jsonl"]


def test_a_file_is_known_by_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_bytes(b"gold")
    assert file_hash(tmp_path / "gold.jsonl") == hashlib.sha256(b"gold").hexdigest()[:12]
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match=re.escape(f"{path}: ")):
            file_hash(path)


def test_articles_are_known_by_ids_and_texts_whatever_their_order(
    raid: GoldArticle, tax: GoldArticle
) -> None:
    hashed = provenance.articles_hash
    assert re.fullmatch("[0-9a-f]{12}", hashed([raid, tax]))
    assert (
        hashed([raid, tax]) == hashed([tax, raid]) == hashed([replace(raid, statements=[], split="x"), tax])
    )
    others = [[raid], [replace(raid, id="b"), tax], [replace(raid, text=raid.text + " "), tax]]
    assert len({hashed(articles) for articles in ([raid, tax], *others)}) == 4
    # What belongs to the id cannot move to the text.
    assert hashed([replace(raid, id="ab", text="c")]) != hashed([replace(raid, id="a", text="bc")])


def test_outside_of_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert git() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git() is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_commit_is_marked_where_tracked_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*command: str) -> str:
        names = ["-c", "user.name=Ida", "-c", "user.email=ida@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *names, *command], check=True, capture_output=True, text=True
        ).stdout.strip()

    monkeypatch.chdir(tmp_path)
    run("init", "--quiet")
    (tmp_path / "kept.txt").write_text("one")
    run("add", "kept.txt")
    run("commit", "--quiet", "--message", "One")
    commit = run("rev-parse", "HEAD")[:12]
    (tmp_path / "untracked.txt").write_text("two")
    assert git() == commit
    (tmp_path / "kept.txt").write_text("three")
    assert git() == commit + "+"


def test_versions_are_those_that_run() -> None:
    found = provenance.versions()
    assert found["numpy"] == np.__version__
    assert found["python"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def test_the_time_is_utc_to_the_second() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", provenance.now())


def test_articles_are_counted_by_split(raid: GoldArticle) -> None:
    articles = [replace(raid, split=split) for split in ("dev", "test", "dev", "")]
    assert splits(articles) == {"dev": 2, "test": 1, "": 1}
    assert named(splits(articles)) == "2 dev, 1 test, 1 without a split"


@pytest.mark.parametrize(
    ("command", "public"),
    [
        ("quoth eval --gold gold.jsonl --split dev", "quoth eval --gold gold.jsonl --split dev"),
        ("quoth eval --gold /home/ida/gold.jsonl", "quoth eval --gold gold.jsonl"),
        ("quoth eval --gold=../data/gold.jsonl", "quoth eval --gold=gold.jsonl"),
        (
            "quoth eval --baseline majority=/home/ida/train.jsonl",
            "quoth eval --baseline majority=train.jsonl",
        ),
        ("quoth eval --articles texts/ --model run/model", "quoth eval --articles texts --model model"),
        ("quoth eval --gold '/home/ida brandt/gold.jsonl'", "quoth eval --gold gold.jsonl"),
        ("quoth eval --gold '/home/ida/our gold.jsonl'", "quoth eval --gold 'our gold.jsonl'"),
    ],
)
def test_a_published_command_names_no_folder(command: str, public: str) -> None:
    assert without_folders(command) == public
