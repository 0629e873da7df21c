"""docs/retrain.md runs as it stands, in a folder with the examples and the recipes."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

pytest.importorskip("sklearn")

from quoth import doctor
from quoth.cli import main
from quoth.retraining import RetrainConfig

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "retrain.md").read_text("utf-8")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [block for found, block in _FENCED.findall(PAGE) if found == language]


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("examples", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    # The package's own models are tried in tests/test_doctor.py.
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path / "none")
    for code in blocks("python"):
        (tmp_path / "example.py").write_text(code, "utf-8")
        runpy.run_path("example.py")
    (codebook,) = blocks("toml")
    (tmp_path / "tense.toml").write_text(codebook, "utf-8")
    said: dict[str, list[str]] = {}
    for line in "".join(blocks("")).splitlines():
        if line.startswith("quoth "):
            result = CliRunner().invoke(main, shlex.split(line)[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}"
            said.setdefault(line.split()[1], []).append(result.output)
    assert [*said] == ["train", "label", "doctor", "eval"]
    # Figures may differ in their last digits from machine to machine; what they are of may not.
    names = re.compile(r"^\| ([\w, :-]+ \| \d+ \| \d+) \|", re.MULTILINE)
    for shown, printed in zip(blocks("text"), said["train"], strict=True):
        assert names.findall(shown) == names.findall(printed) != []
    assert all('"name":"mine"' in printed for printed in said["label"])
    assert ['"label_probabilities":{"past":' in printed for printed in said["label"]] == [False, True]
    curve, labels = said["eval"]
    assert curve.count("| small ") == 1
    assert "Note: tense has learned from 16 of 16 gold articles" in labels


def test_the_table_of_keys_is_that_of_the_recipe() -> None:
    keys = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = re.findall(r"`(\w+)`", "".join(keys))
    assert named == list(RetrainConfig.__struct_fields__)
    defaults = {f.name: f.default for f in msgspec.structs.fields(RetrainConfig) if not f.required}
    assert all(re.search(rf"^\| `{k}` \|.*\| `?{v}`? \|$", PAGE, re.MULTILINE) for k, v in defaults.items())
