"""The annotators' log: whole events, resumed after any death."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from quoth.annotation_log import (
    AnnotationLog,
    Begin,
    Change,
    Draw,
    Event,
    Labels,
    Work,
    annotator_name,
    annotators_of,
    log_path,
    now,
    read_log,
    undone,
)
from quoth.errors import ConfigError, InputError

FIRST, SECOND = Labels(0, 5, "quoted"), Labels(9, 14, "indirect", "denial", None, "negative", "?")


def change(action: str, removed: list[tuple[int, int]], put: list[Labels], article: str = "bay") -> Change:
    return Change(now(), "ana", article, "0" * 64, action, removed, put)


def opened(path: Path) -> AnnotationLog:
    log = AnnotationLog(path)
    if not log.progress.begins:
        log.append(Begin(now(), "ana", "evaluation", 0, "small", 1, [Draw("bay", "0" * 64, 1.0)]))
        log.append(change("open", [], [FIRST, SECOND]))
    return log


def test_what_was_appended_is_there_again(tmp_path: Path) -> None:
    log = opened(tmp_path / "l.ana.log.jsonl")
    changed = msgspec.structs.replace(FIRST, stance="other", proposed=0.5)
    log.append(change("stance", [(0, 5)], [changed]))
    before = log.progress
    log.close()
    after = read_log(tmp_path / "l.ana.log.jsonl")
    assert after == before
    assert list(after.works["bay"].statements.values()) == [changed, SECOND]
    assert after.works["bay"].version == 2


@pytest.mark.parametrize("lost", [1, 7, 60])
def test_a_half_written_last_line_is_left_out_and_said(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    log = opened(path)
    log.append(change("delete", [(0, 5)], []))
    log.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    assert len(read_log(path).works["bay"].statements) == 2  # a reader leaves the file as it is
    assert path.read_bytes() == whole[:-lost]
    log = opened(path)
    assert log.warning is not None and "were no whole line" in log.warning
    log.append(change("delete", [(9, 14)], []))
    log.close()
    assert [*read_log(path).works["bay"].statements] == [(0, 5)]
    assert opened(path).warning is None


def test_every_prefix_of_a_log_can_be_resumed(tmp_path: Path) -> None:
    """Wherever a kill cuts the log, what was answered before is there."""
    path = tmp_path / "l.ana.log.jsonl"
    log = opened(path)
    log.append(change("delete", [(0, 5)], []))
    log.append(change("undo", [], [FIRST]))
    log.close()
    content = path.read_bytes()
    for size in range(0, len(content), 3):
        path.write_bytes(content[:size])
        events = content[:size].count(b"\n")
        log = AnnotationLog(path)
        work = log.progress.works.get("bay", Work())
        assert (len(log.progress.begins), work.version) == (min(events, 1), max(0, events - 1))
        log.close()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"event": "party"}', r":3: expected an event of `quoth annotate`"),
        ("{", r":3: expected an event"),
        (
            '{"event":"change","time":"","annotator":"ana","article":"bay","sha256":"","action":"delete","removed":[[1,2]]}',
            r":3: article bay: no statement at \(1, 2\)",
        ),
    ],
)
def test_damage_in_the_middle_is_no_half_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    opened(path).close()
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(InputError, match=message):
        AnnotationLog(path)


def test_a_change_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    log = opened(path)
    size = path.stat().st_size
    for removed, put in (([(1, 2)], []), ([], [FIRST])):
        with pytest.raises(InputError):
            log.append(change("cut", removed, put))
    assert path.stat().st_size == size


def test_a_full_disk_leaves_no_half_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    log = opened(path)
    size, write = path.stat().st_size, os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[: len(line) // 2]))
    with pytest.raises(InputError, match="the disk is full"):
        log.append(change("delete", [(0, 5)], []))
    monkeypatch.undo()
    assert path.stat().st_size == size
    assert len(log.progress.works["bay"].statements) == 2
    log.append(change("delete", [(0, 5)], []))
    assert len(read_log(path).works["bay"].statements) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="locks differ there")
def test_two_processes_cannot_write_one_log(tmp_path: Path) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    log = opened(path)
    with pytest.raises(ConfigError, match="another `quoth annotate` is writing it"):
        AnnotationLog(path)
    log.close()
    AnnotationLog(path).close()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_process_leaves_what_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    code = f"""
import os, signal
from pathlib import Path
from quoth.annotation_log import *
log = AnnotationLog(Path({str(path)!r}))
for k in range(20):
    log.append(Change(now(), "ana", "bay", "0" * 64, "add", [], [Labels(k, k + 1, "quoted")]))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    log = AnnotationLog(path)
    assert log.warning is None
    assert len(log.progress.works["bay"].statements) == 20


def test_changes_are_undone_in_reverse() -> None:
    work = Work()
    steps = [
        change("open", [], [FIRST, SECOND]),
        change("join", [(0, 5), (9, 14)], [Labels(0, 14, "indirect")]),
        change("delete", [(0, 14)], []),
    ]
    for step in steps:
        work = work.after(step)
    states = []
    while back := undone(work):
        work = work.after(change("undo", *map(list, back)))
        states.append([*work.statements])
    assert states == [[(0, 14)], [(0, 5), (9, 14)]]
    assert list(work.statements.values()) == [FIRST, SECOND]


def test_a_change_of_a_finished_article_opens_it_again() -> None:
    work = Work().after(change("open", [], [SECOND])).after(change("done", [], []))
    assert work.done
    assert not work.after(change("delete", [(9, 14)], [])).done


def test_names_of_annotators(tmp_path: Path) -> None:
    assert annotator_name(" Zoë-2 ") == "zoë-2"
    for bad in ("", "a b", "../x", "-a", "a" * 41, "a.b"):
        with pytest.raises(ConfigError, match="expected a word"):
            annotator_name(bad)
    out = tmp_path / "gold.labels.jsonl"
    for name in ("bo", "ana"):
        AnnotationLog(log_path(out, name)).close()
    (tmp_path / "other.cy.log.jsonl").touch()
    assert annotators_of(out) == ["ana", "bo"]


def test_an_event_is_one_line_that_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "l.ana.log.jsonl"
    opened(path).close()
    first, second = path.read_bytes().splitlines()
    assert isinstance(msgspec.json.decode(first, type=Event), Begin)
    row = msgspec.json.decode(second)
    assert {"time", "annotator", "article", "sha256", "action"} <= row.keys()
