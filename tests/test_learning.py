"""Learning curves and left-out topics, on the examples with the small model."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("sklearn")

from quoth.cli import main

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight of the example articles, of two topics, with labels in which whoever condemns accuses."""
    monkeypatch.chdir(tmp_path)
    labels = [
        json.loads(line) for line in (ROOT / "examples" / "labels.jsonl").read_text("utf-8").splitlines()
    ]
    texts = [
        json.loads(line) for line in (ROOT / "examples" / "articles.jsonl").read_text("utf-8").splitlines()
    ]
    kept = {row["article"] for row in labels[:8]}
    for row in labels:
        for s in row["statements"]:
            s["stance"] = "accusation" if s["stance"] == "condemnation" else s["stance"]
    topics = {article: "sea" if k % 2 else "land" for k, article in enumerate(sorted(kept))}
    texts = [row | {"topic": topics[row["id"]]} for row in texts if row["id"] in kept]
    for name, rows in (("gold.jsonl", labels[:8]), ("texts.jsonl", texts)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path


def run(options: str) -> Result:
    return CliRunner().invoke(
        main, ["eval", "--gold", "gold.jsonl", "--articles", "texts.jsonl", *shlex.split(options)]
    )


def test_more_labels_are_worth_more() -> None:
    result = run("--learning-curve --json curve.json")
    assert result.exit_code == 0, result.output
    curve = json.loads(Path("curve.json").read_text("utf-8"))
    start, *rest = curve["points"]
    assert start["statements"] == 0 and start["log_loss"]["low"] == start["log_loss"]["high"]
    sizes = [point["statements"] for point in rest]
    assert (
        sizes == sorted(sizes) and 50 <= sizes[0] < 100 and sizes[-1] == pytest.approx(curve["judged"] * 0.8)
    )
    assert rest[-1]["log_loss"]["mean"] < start["log_loss"]["mean"] - 0.05
    lines = result.stdout.splitlines()
    assert lines[2].startswith("| small ") and f"| {start['log_loss']['mean']:.3f} |" in lines[2]
    assert len(lines) == 2 + len(curve["points"]) + 2


def test_each_topic_is_left_out() -> None:
    result = run("--leave-out topic --json left.json")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("left.json").read_text("utf-8"))
    assert [*found["values"]] == ["land", "sea"] or [*found["values"]] == ["sea", "land"]
    for value, (loss, f1) in found["values"].items():
        assert (loss["name"], f1["name"]) == (f"{value}: log-loss", f"{value}: macro-F1, four")
        assert loss["articles"] == 4 and loss["retrained"] < loss["start"]
        assert f"| {value}: log-loss | 4 |" in result.stdout


def test_a_field_without_two_values_is_said() -> None:
    result = run("--leave-out outlet")
    assert result.exit_code == 1
    assert (
        "--leave-out outlet: found 0 values with 30 statements" in result.output and "topic" in result.output
    )


@pytest.mark.parametrize(
    "options", ["--learning-curve --html x.html", "--leave-out topic --predictions p.jsonl"]
)
def test_what_does_not_go_with_it_is_refused(options: str) -> None:
    result = run(options)
    assert result.exit_code == 2 and "does not go with" in result.output
