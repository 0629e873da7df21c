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
    (code,) = blocks("python")
    (tmp_path / "mine.py").write_text(code, "utf-8")
    runpy.run_path("mine.py")
    said = {}
    for line in "".join(blocks("")).splitlines():
        if line.startswith("quoth "):
            result = CliRunner().invoke(main, shlex.split(line)[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}"
            said[line.split()[1]] = result.output
    assert [*said] == ["train", "label", "doctor", "eval"]
    (shown,) = blocks("text")
    # Figures may differ in their last digits from machine to machine; what they are of may not.
    names = re.compile(r"^\| ([\w, :-]+ \| \d+ \| \d+) \|", re.MULTILINE)
    assert names.findall(shown) == names.findall(said["train"]) != []
    assert '"name":"mine"' in said["label"]
    assert said["eval"].count("| small ") == 1


def test_the_table_of_keys_is_that_of_the_recipe() -> None:
    keys = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = re.findall(r"`(\w+)`", "".join(keys))
    assert named == list(RetrainConfig.__struct_fields__)
    defaults = {f.name: f.default for f in msgspec.structs.fields(RetrainConfig) if not f.required}
    assert all(re.search(rf"^\| `{k}` \|.*\| `?{v}`? \|$", PAGE, re.MULTILINE) for k, v in defaults.items())
