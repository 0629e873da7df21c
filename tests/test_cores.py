from __future__ import annotations

import os
from pathlib import Path

import pytest

from quoth import cores


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine of 16 cores without limits."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    for name in ("OMP_NUM_THREADS", "WEB_CONCURRENCY", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)


def test_all_cores_where_nothing_limits_them() -> None:
    assert cores.available() == 16


@pytest.mark.parametrize(
    ("quota", "expected"), [("max 100000", 16), ("250000 100000", 3), ("50000 100000", 1), ("broken", 16)]
)
def test_a_control_group_s_quota_is_kept(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cores.available() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 16), ("400000", 4)])
def test_so_is_one_of_the_first_version(tmp_path: Path, quota: str, expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores.available() == expected


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OMP_NUM_THREADS", "2", 2),
        ("OMP_NUM_THREADS", "64", 16),
        ("OMP_NUM_THREADS", "", 16),
        ("WEB_CONCURRENCY", "4", 4),
        ("PYTEST_XDIST_WORKER_COUNT", "32", 1),
    ],
)
def test_processes_side_by_side_share_them(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: int
) -> None:
    monkeypatch.setenv(variable, value)
    assert cores.available() == expected
