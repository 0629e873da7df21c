"""What quoth needs may be used wherever quoth may: no licence outside a list."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

ALLOWED = set(
    "0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause CC0-1.0 CNRI-Python ISC MIT MPL-2.0 PSF-2.0 Unlicense Zlib".split()
)
"""SPDX.  All permissive but the Mozilla licence, which asks only for changes of its own files; whoever installs quoth gets
these packages from their makers, none is in the wheel."""

OLD_WORDS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
}
"""How packages told their licence before there were SPDX expressions in metadata."""


def needed(requirements: list[str], seen: dict[str, None] | None = None) -> dict[str, None]:
    """The installed packages that requirements bring here, themselves and what they need in turn."""
    seen = {} if seen is None else seen
    for requirement in map(Requirement, requirements):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            further = requires(name) or []
        except PackageNotFoundError:
            continue
        seen[name] = None
        needed(further, seen)
    return seen


def told(name: str) -> Iterator[str]:
    """The licences in a package's metadata, as SPDX where they are known by another word."""
    package = metadata(name)
    field = (package.get("License") or "").strip()
    classified = [
        line.rpartition(" :: ")[2]
        for line in package.get_all("Classifier") or []
        if line.startswith("License :: ") and not line.endswith(":: OSI Approved")
    ]
    if expression := package.get("License-Expression") or ("" if classified or len(field) > 60 else field):
        classified = re.split(r" (?:AND|OR|and|or) ", expression.replace("(", "").replace(")", ""))
    for word in classified:
        yield OLD_WORDS.get(word.lower(), word)


@pytest.mark.parametrize(
    "of", ["core", "batch", "client", "eval", "otel", "parquet", "serve", "sklearn", "stats"]
)
def test_every_licence_is_allowed(of: str) -> None:
    asked = PROJECT["dependencies"] if of == "core" else PROJECT["optional-dependencies"][of]
    packages = needed(asked)
    if of == "core":
        assert {"numpy", "onnxruntime", "tokenizers"} <= packages.keys()
    assert {name: found for name in packages if not (found := {*told(name)}) or found - ALLOWED} == {}


def test_the_licences_of_direct_dependencies_are_listed() -> None:
    rows = re.findall(
        r"^\| ([a-z][\w.-]+) \| ([^|]+) \|", (ROOT / "LICENSES.md").read_text("utf-8"), re.MULTILINE
    )
    listed = {name: {*re.split(" AND | OR ", licence)} for name, licence in rows}
    direct = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert direct <= listed.keys()
    assert set().union(*(licences for name, licences in listed.items() if name != "package")) <= ALLOWED
    # Old metadata say no more than "BSD".
    assert {name for name in direct if {*told(name)} - listed[name] - {"BSD-3-Clause"}} == set()


def test_a_licence_outside_the_list_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(test_every_licence_is_allowed.__globals__, "ALLOWED", ALLOWED - {"MIT"})
    with pytest.raises(AssertionError, match="{'MIT'}"):
        test_every_licence_is_allowed("core")


@pytest.mark.slow
def test_the_bill_of_materials_names_what_quoth_brings(source: Path) -> None:
    """By the commands in docs/releasing.md."""
    for package in ("cyclonedx_py", "piplicenses", "uv"):
        pytest.importorskip(package, reason="needs the extra: pip install '.[release]'")
    document = (ROOT / "docs" / "releasing.md").read_text("utf-8")
    (commands,) = re.findall(r"<!-- sbom -->\n```\n(.*?)```", document, re.DOTALL)
    (source / ".venv").symlink_to(sys.prefix)
    try:
        done = subprocess.run(
            ["sh", "-euc", commands], cwd=source, check=True, capture_output=True, text=True
        )
    finally:
        (source / ".venv").unlink()
    bill = json.loads((source / "quoth.cdx.json").read_text("utf-8"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "quoth")
    named = {component["name"].lower().replace("_", "-") for component in bill["components"]}
    assert {Requirement(line).name for line in PROJECT["dependencies"]} <= named
    assert not {"pip", "pytest"} & named
    assert "| onnxruntime" in done.stdout
