from __future__ import annotations

import os
from pathlib import Path

import pytest

from quoth import plan as plans
from quoth.articles import Rejected
from quoth.errors import InputError
from quoth.plan import Plan, Reader, Settings, make_plan
from quoth.records import Article, ModelInfo

MODEL = ModelInfo("m", "0", "0" * 12)
SETTINGS = Settings(format="jsonl", shard_rows=4)


def jsonl(path: Path, *ids: int) -> Path:
    path.write_text("".join(f'{{"id": "{k}", "text": "text {k}"}}\n' for k in ids))
    return path


def planned(*paths: Path, settings: Settings = SETTINGS, before: Plan | None = None) -> Plan:
    return make_plan(paths, settings, MODEL, before)


def test_shards_cut_the_rows_of_all_files_in_order(tmp_path: Path) -> None:
    a, b, c = (
        jsonl(tmp_path / "a.jsonl", *range(3)),
        tmp_path / "b.txt",
        jsonl(tmp_path / "c.jsonl", *range(3, 9)),
    )
    b.write_text("a text")
    plan = planned(a, b, c)
    shards = plan.shards()
    assert [(s.number, s.first, s.rows) for s in shards] == [(0, 0, 4), (1, 4, 4), (2, 8, 2)]
    reader = Reader(plan, [a, b, c])
    rows = {s.number: [*reader.rows(s)] for s in (shards[2], shards[0], shards[1])}
    ids = [row.id for k in range(3) for row in rows[k] if isinstance(row, Article)]
    assert ids == ["0", "1", "2", "b", "3", "4", "5", "6", "7", "8"]


def test_a_row_that_cannot_be_read_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "text": "x"}\n{"id"\n\n{"id": "2", "text": "y"}\n')
    plan = planned(path)
    assert plan.rows == 3
    rows = [*Reader(plan, [path]).rows(plan.shards()[0])]
    assert [type(row) for row in rows] == [Article, Rejected, Article]


def test_a_key_holds_what_the_answer_depends_on(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *range(6))
    keys = [s.key for s in planned(path).shards()]
    assert [s.key for s in planned(path).shards()] == keys
    jsonl(path, *range(8))
    more = [s.key for s in planned(path).shards()]
    assert more[0] != keys[0]  # a file that has changed has changed whole
    other = make_plan([path], SETTINGS, ModelInfo("m", "1", "1" * 12))
    cues = planned(path, settings=Settings(format="jsonl", shard_rows=4, all_cues=True))
    assert len({s.key for p in (planned(path), other, cues) for s in p.shards()}) == 6


def test_files_behind_leave_the_keys_before_them_alone(tmp_path: Path) -> None:
    a, b = jsonl(tmp_path / "a.jsonl", *range(9)), jsonl(tmp_path / "b.jsonl", 9)
    before, after = planned(a).shards(), planned(a, b).shards()
    assert [s.key for s in before[:2]] == [s.key for s in after[:2]]
    assert before[2].key != after[2].key


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = jsonl(tmp_path / "a.jsonl", *range(3))
    before = planned(path)
    monkeypatch.setattr(plans, "_read", lambda *_: pytest.fail("read"))
    assert planned(path, before=before) == before
    monkeypatch.undo()
    status = path.stat()
    jsonl(path, *range(4))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert planned(path, before=before).rows == 4


def test_another_column_is_read_anew(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *range(3))
    before = planned(path)
    again = planned(path, settings=Settings(format="jsonl", shard_rows=4, id_column="nr"), before=before)
    assert again.files == before.files and again.shards()[0].key != before.shards()[0].key


def test_a_file_that_changes_under_the_run_ends_it(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *range(6))
    plan = planned(path)
    jsonl(path, *range(7))
    with pytest.raises(InputError, match=r"a\.jsonl: has changed since the run began"):
        [*Reader(plan, [path]).rows(plan.shards()[0])]
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        Reader(plan, [path])


def test_standard_input_and_a_file_named_twice_are_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", 1)
    with pytest.raises(InputError, match="standard input cannot be read again"):
        make_plan(["-"], SETTINGS, MODEL)
    with pytest.raises(InputError, match="named twice"):
        planned(path, path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file of articles"):
        planned(tmp_path / "empty")
