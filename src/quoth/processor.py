"""The processor that quoth runs on, as far as the system tells."""

from __future__ import annotations

import platform
from pathlib import Path

import regex

_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp", "i8mm")
"""Those that tell how fast whole-number products are, and how they are rounded: the VNNI and dot product ones double
the speed."""


def name() -> str:
    """What the maker calls it."""
    return _line("model name") or platform.processor() or "processor unknown"


def flags() -> list[str]:
    """Those of its instructions that matter here; none where the system does not tell."""
    known = set((_line("(?:flags|Features)") or "").split())
    return [flag for flag in _FLAGS if flag in known]


def kind() -> str:
    """System, architecture and instructions: where two machines have the same, whole-number products are the same."""
    return " ".join([platform.system(), platform.machine(), *flags()])


def _line(key: str) -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return None
    found = regex.search(rf"^{key}\s*:\s*(.+)$", text, regex.MULTILINE)
    return found[1] if found else None
