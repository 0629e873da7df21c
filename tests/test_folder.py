from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quoth.errors import InputError
from quoth.folder import Folder, open_folder


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "memory":
        pytest.importorskip("fsspec")
        return open_folder(f"memory://{tmp_path.name}-{time.time_ns()}/out")
    return open_folder(tmp_path / "out")


def test_files_are_put_listed_read_and_removed(folder: Folder) -> None:
    assert (folder.names(), folder.get("a"), folder.has("a")) == (set(), None, False)
    folder.put("a", b"one")
    folder.put("a", b"two")
    folder.put("_summaries/b", b"three")
    assert (folder.get("a"), folder.has("a")) == (b"two", True)
    assert "a" in folder.names() and folder.names("_summaries/") == {"_summaries/b"}
    folder.remove("a")
    folder.remove("a")
    assert folder.get("a") is None


def test_of_two_that_claim_a_shard_one_gets_it(tmp_path: Path) -> None:
    one, other = open_folder(tmp_path), open_folder(tmp_path)
    assert one.claim("7") and not other.claim("7") and other.claim("8")
    one.release("7")
    assert other.claim("7")


def test_the_claim_of_a_dead_process_on_this_machine_is_taken_over_at_once(tmp_path: Path) -> None:
    code = (
        f"from quoth.folder import open_folder; open_folder({str(tmp_path)!r}).claim('7'); print('claimed')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (tmp_path / "_claims" / "7").exists()
    one, other = open_folder(tmp_path), open_folder(tmp_path)
    assert one.claim("7") and not other.claim("7")


def test_a_claim_that_outlived_its_maker_goes_and_a_living_one_stays(tmp_path: Path) -> None:
    code = f"from quoth.folder import open_folder; open_folder({str(tmp_path)!r}).claim('7')"
    subprocess.run([sys.executable, "-c", code], check=True)
    own = tmp_path / "_claims" / "8"
    own.write_text(json.dumps({"host": "elsewhere", "pid": 1, "token": "x"}))
    open_folder(tmp_path)
    assert [path.name for path in (tmp_path / "_claims").iterdir()] == ["8"]


def test_the_claim_of_another_machine_is_dead_when_it_is_old(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    claim = tmp_path / "_claims" / "7"
    claim.write_text(json.dumps({"host": "elsewhere", "pid": 1, "token": "x"}))
    assert not folder.claim("7")
    old = time.time() - 1000
    os.utime(claim, (old, old))
    assert folder.claim("7")


def test_a_living_process_renews_its_claim(tmp_path: Path) -> None:
    folder = open_folder(tmp_path, beat=0.01)
    folder.claim("7")
    os.utime(tmp_path / "_claims" / "7", (1, 1))
    for _ in range(500):
        if (tmp_path / "_claims" / "7").stat().st_mtime > 1:
            return
        time.sleep(0.01)
    pytest.fail("the claim was not renewed")


def test_what_a_killed_process_left_half_written_goes_when_it_is_old(tmp_path: Path) -> None:
    (tmp_path / ".part-1.jsonl-0a0b.part").write_bytes(b"half")
    (tmp_path / ".part-2.jsonl-0a0b.part").write_bytes(b"half")
    os.utime(tmp_path / ".part-1.jsonl-0a0b.part", (1, 1))
    assert open_folder(tmp_path).names() == set()
    assert [path.name for path in tmp_path.glob(".*.part")] == [".part-2.jsonl-0a0b.part"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be written"):
        open_folder(tmp_path / "file")
