"""How many processor cores are ours."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Cores that this process may use: at least 1, at most those it may run on, its control group's quota and OMP_NUM_THREADS
    (which Ray sets); shared with the other processes of uvicorn (WEB_CONCURRENCY) and of pytest-xdist."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [cores, _quota(), _whole("OMP_NUM_THREADS")]
    beside = max(_whole("WEB_CONCURRENCY") or 1, _whole("PYTEST_XDIST_WORKER_COUNT") or 1)
    return max(1, min(limit for limit in limits if limit) // beside)


def _quota() -> int | None:
    """Of control groups, version 2 or 1, rounded up to whole cores; None without one."""
    try:
        if (_CGROUP / "cpu.max").exists():
            quota, period = (_CGROUP / "cpu.max").read_text().split()
        else:
            quota, period = (
                (_CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        return -(-int(quota) // int(period)) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def _whole(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() and int(value) else None
