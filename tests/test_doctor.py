from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from quoth import doctor
from quoth.cli import main
from quoth.model.checkpoint import WEIGHTS


def test_the_models_of_the_package_are_sound() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("✓")] == sorted(
        p.name for p in WEIGHTS.glob("*")
    )
    assert any("ONNX Runtime" in line for line in lines)


def test_an_altered_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(WEIGHTS / "small", tmp_path / "small")
    with (tmp_path / "small" / "classifier.onnx").open("ab") as file:
        file.write(b"\0")
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "✗ model small" in result.output and "it was altered" in result.output


def test_a_model_that_answers_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_EXPECTED", {("Nobody Atall", "solidarity")})
    finding = doctor._model(WEIGHTS / "small")
    assert finding.ok is False
    assert finding.told.endswith("missed solidarity by Nobody Atall")
