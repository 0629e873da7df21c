"""docs/versions.md states the versions that there are, and its promises about readers hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import quoth
from quoth.eval import result as evaluation
from quoth.eval.diff import read_result
from quoth.model.checkpoint import FORMAT, WEIGHTS, read_manifest
from quoth.plan import Plan
from quoth.records import SCHEMA_VERSION, Record, Statement, from_json, to_json

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "versions.md").read_text("utf-8")


def test_the_versions_are_those_that_there_are() -> None:
    stated = dict(re.findall(r"^\| ([^|]+?) \| ([\w., ]+?) \|", PAGE, re.MULTILINE))
    models = {name: read_manifest(WEIGHTS / name).version for name in ("small", "base", "fast")}
    codebook = re.search(r"This is version ([\d.]+\d)", (ROOT / "docs" / "codebook.md").read_text("utf-8"))
    assert codebook
    (plan,) = msgspec.inspect.type_info(Plan).fields[0].type.values  # type: ignore[attr-defined]
    assert stated["quoth"] == quoth.__version__
    assert stated["models `small`, `base`, `fast`"] == ", ".join(models.values())
    assert stated["codebook"] == codebook[1]
    assert stated["record"] == f"schema {SCHEMA_VERSION}"
    assert stated["evaluation result"] == f"schema {evaluation.SCHEMA_VERSION}"
    assert stated["plan of a batch run"] == f"schema {plan}"
    assert stated["model folder"] == f"format {FORMAT}"
    assert f"quoth {quoth.__version__}, model small {models['small']} (hash), codebook {codebook[1]}" in PAGE


def test_a_record_with_fields_of_a_later_version_is_read(
    predicted: Callable[..., Statement], record: Callable[..., Record]
) -> None:
    ours = record(predicted("“They sank it,”", stance="accusation", speaker="Ida Brandt"))
    theirs: dict[str, Any] = json.loads(to_json(ours))
    theirs["tense"] = theirs["statements"][0]["tense"] = "past"
    theirs["statements"][0]["speaker"]["party"] = None
    assert from_json(json.dumps(theirs)) == ours


def test_a_result_with_fields_of_a_later_version_is_read(tmp_path: Path) -> None:
    path = ROOT / "results" / "dev.json"
    theirs: dict[str, Any] = json.loads(path.read_bytes())
    theirs["tense"] = theirs["run"]["tense"] = theirs["stance"]["gold_spans"]["quoted"]["tense"] = 1
    later = tmp_path / "later.json"
    later.write_text(json.dumps(theirs), "utf-8")
    assert msgspec.to_builtins(read_result(later)) == msgspec.to_builtins(read_result(path))
