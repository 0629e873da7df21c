"""The files of continuous integration, as far as they can be judged outside of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="not in a checkout")


def jobs_of(path: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return jobs


def steps() -> list[dict[str, Any]]:
    return [step for path in WORKFLOWS for job in jobs_of(path).values() for step in job["steps"]]


def test_both_run_what_a_developer_runs() -> None:
    for path, job in (("ci.yml", "test"), ("release.yml", "build")):
        runs = [step.get("run") for step in jobs_of(ROOT / ".github" / "workflows" / path)[job]["steps"]]
        assert "sh .ci/run" in runs


def test_every_python_and_system_is_tried() -> None:
    matrix = jobs_of(ROOT / ".github" / "workflows" / "ci.yml")["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_actions_are_of_a_named_version_and_no_secret_is_used() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used and all(
        re.fullmatch(r"(actions/[\w-]+@v\d+|pypa/[\w-]+@release/v1)", action) for action in used
    )
    assert not any("secrets." in path.read_text("utf-8") for path in WORKFLOWS)


def test_files_that_a_step_names_are_there() -> None:
    for command in (step["run"] for step in steps() if "run" in step):
        for name in re.findall(r"(?:tests/\w+\.py|\.ci/\w+|pyproject\.toml|README\.md)", command):
            assert (ROOT / name).exists(), name


def test_they_fit_the_schema_of_workflows() -> None:
    pytest.importorskip("check_jsonschema", reason="needs check-jsonschema: pip install '.[release]'")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    subprocess.run([*check, *map(str, WORKFLOWS)], check=True)
