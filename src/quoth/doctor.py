"""What `quoth doctor` tells: where quoth runs, with what, and whether its models answer as they should."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import onnxruntime
import regex

import quoth
from quoth import processor
from quoth.cores import available
from quoth.errors import ModelError
from quoth.labeler import Labeler
from quoth.model.checkpoint import WEIGHTS, read_manifest

_ARTICLE = (
    "“The port authority lied to the divers, and two of them paid for it,” said Marta Lindqvist, who heads the seamen’s "
    "union. Harbour master Ole Brandt denied that anybody had been told to dive, and he called the charge “absurd”."
)
_EXPECTED = {("Marta Lindqvist", "accusation"), ("Ole Brandt", "denial")}
"""Speakers and stances that each model finds in _ARTICLE, beside others."""


class Finding(msgspec.Struct, frozen=True):
    """One line of the report.  ok: None where there is nothing to judge."""

    subject: str
    told: str
    ok: bool | None = None


def examine(models: Iterable[Path] = ()) -> Iterator[Finding]:
    """Each finding as soon as it is known; a model takes a second or two.  models: folders beside the package's."""
    yield Finding("quoth", f"{quoth.__version__}, Python {platform.python_version()}")
    yield Finding("machine", f"{platform.system()} {platform.machine()}, {_processor()}")
    yield Finding("cores", f"{available()} used unless told otherwise")
    yield Finding("engine", f"ONNX Runtime {onnxruntime.__version__}, 8-bit products on the processor")
    for folder in (*sorted(path for path in WEIGHTS.glob("*") if path.is_dir()), *models):
        yield _model(folder)
    yield Finding("extras", ", ".join(_extras()) or "none")


def _processor() -> str:
    return f"{processor.name()} ({' '.join(processor.flags()) or 'no flags known'})"


def _model(folder: Path) -> Finding:
    try:
        manifest = read_manifest(folder)
        began = time.perf_counter()
        labeler = Labeler.from_pretrained(folder)
        found = {
            (s.speaker.name, s.stance)
            for s in labeler.label_one(_ARTICLE).statements
            if s.speaker is not None
        }
        ready = time.perf_counter() - began
        labeler.label_one(_ARTICLE * 20)
        words = len(_ARTICLE.split()) * 20 / (time.perf_counter() - began - ready)
    except ModelError as error:
        return Finding(f"model {folder.name}", str(error), False)
    own = manifest.start is not msgspec.UNSET
    named = f"{manifest.name} {manifest.version}" if own else manifest.version
    told = f"{named} ({labeler.model.hash}), first answer after {ready:.1f} s, {words:,.0f} words a second"
    if labeler.label_set is not None:
        told += f"; tells labels of {labeler.label_set}"
    missed = sorted(f"{stance} by {name}" for name, stance in _EXPECTED - found)
    if missed and own:
        # It may have learned another view of what an accusation is.
        return Finding(
            f"model {folder.name}", f"{told}; unlike the package's models it misses {', '.join(missed)}", True
        )
    return Finding(
        f"model {folder.name}", told + (f"; missed {', '.join(missed)}" if missed else ""), not missed
    )


def _extras() -> list[str]:
    """Those whose packages are all there."""
    try:
        lines = importlib.metadata.requires("quoth") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    needed: dict[str, list[str]] = {}
    for line in lines:
        if extra := regex.search(r"extra == ['\"]([\w-]+)['\"]", line):
            needed.setdefault(extra[1], []).append(regex.match(r"[\w.-]+", line)[0])
    return sorted(extra for extra, packages in needed.items() if all(map(_installed, packages)))


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
