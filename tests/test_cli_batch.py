from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from quoth.batch import Deadly
from quoth.cli import main
from quoth.errors import QuothError
from quoth.labeler import Labeler
from quoth.plan import Settings, make_plan
from quoth.processes import Progress, _Deaths, run

EXAMPLES = Path(__file__).parent.parent / "examples" / "articles.jsonl"
ROWS = 24
"""Short articles, enough to be killed among."""


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "articles.jsonl"
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    short = [{**row, "id": f"{k}", "text": row["text"][:700]} for k, row in enumerate((rows * 2)[:ROWS])]
    path.write_text("".join(json.dumps(row) + "\n" for row in short))
    return path


@pytest.fixture(scope="module")
def labelled(articles: Path) -> bytes:
    """What `quoth label` says of the articles."""
    return CliRunner().invoke(main, ["label", str(articles)], catch_exceptions=False).stdout_bytes


def parts(out: Path) -> bytes:
    return b"".join(part.read_bytes() for part in sorted(out.glob("part-*")))


def batch(*args: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "quoth.cli", "batch", *map(str, args)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)


def test_two_processes_say_what_one_labeler_says(articles: Path, labelled: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = (articles, "--out", out, "--format", "jsonl", "--shard-rows", 5, "--workers", 2)
    first = batch(*args, "--log-json")
    *_, last = first.communicate()[1].splitlines()
    assert first.returncode == 0
    assert parts(out) == labelled
    said = json.loads(last)
    assert (said["event"], said["articles"], said["shards_done"], said["shards"]) == ("done", ROWS, 5, 5)
    assert said["stances"] == json.loads((out / "_summary.json").read_text())["stances"]

    began = {part: part.stat().st_mtime_ns for part in out.glob("part-*")}
    again = batch(*args)
    assert (again.wait(), again.communicate()[1].splitlines()[0].split()[1]) == (0, b"24")
    assert {part: part.stat().st_mtime_ns for part in out.glob("part-*")} == began

    status = CliRunner().invoke(main, ["batch", "status", str(out)], catch_exceptions=False)
    assert json.loads(status.stdout)["shards_done"] == 5
    other = CliRunner().invoke(main, ["batch", *map(str, args[:5]), "--shard-rows", "6"])
    assert other.exit_code == 1 and "shard_rows was 5 and is 6" in other.stderr


def test_parquet_parts_are_read_by_everybody_and_flattened(
    articles: Path, labelled: bytes, tmp_path: Path
) -> None:
    duckdb, pandas, polars = map(pytest.importorskip, ("duckdb", "pandas", "polars"))
    out, flat, table = tmp_path / "out", tmp_path / "flat.parquet", tmp_path / "flat.csv"
    with articles.open() as file, (tmp_path / "in.jsonl").open("w") as some:
        some.writelines([*file][:6])
        some.write('{"id": "bad"}\n')
    process = batch(tmp_path / "in.jsonl", "--out", out, "--shard-rows", 4, "--workers", 1)
    assert "1 rows: field …: missing, expected a string" in process.communicate()[1].decode()
    assert process.returncode == 3
    (errors,) = out.glob("_errors-*.jsonl")
    assert json.loads(errors.read_text())["id"] == "bad"
    for path in (flat, table):
        CliRunner().invoke(main, ["batch", "statements", str(out), "-o", str(path)], catch_exceptions=False)
    records = [json.loads(line) for line in labelled.splitlines()[:6]]
    texts = [s["text"] for record in records for s in record["statements"]]
    assert pandas.read_parquet(out)["id"].tolist() == [record["id"] for record in records]
    assert polars.read_parquet(out / "*.parquet")["statements"].explode().struct["text"].to_list() == texts
    nested = f"select unnest(statements, recursive := true) from '{out}/*.parquet'"
    assert len(duckdb.sql(nested).fetchall()) == len(texts)
    assert duckdb.sql(f"select text from '{flat}'").fetchall() == [(text,) for text in texts]
    assert len(pandas.read_csv(table)) == len(texts)
    next(out.glob("part-000001-*")).unlink()
    unfinished = CliRunner().invoke(main, ["batch", "statements", str(out), "-o", str(table)])
    assert unfinished.exit_code == 1 and "is missing" in unfinished.stderr


def test_a_process_that_is_killed_is_replaced(articles: Path, labelled: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    settings = Settings(format="jsonl", shard_rows=8)
    plan = make_plan([articles], settings, Labeler.from_pretrained().model)
    killed = []

    def kill(progress: Progress) -> None:
        if progress.shards == 1 and not killed:
            (child,) = multiprocessing.active_children()
            assert child.pid
            os.kill(child.pid, signal.SIGKILL)
            killed.append(child.pid)

    run(plan, [articles], out, "small", 1, 1, kill)
    assert killed and parts(out) == labelled


def test_settings_that_no_process_could_use_end_before_one_starts(articles: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["batch", str(articles), "--out", str(tmp_path / "o"), "--model", "absent"]
    )
    assert result.exit_code == 1 and "absent: neither a folder nor a model" in result.stderr
    assert not any((tmp_path / "o").glob("part-*"))


def test_where_processes_die_is_labelled_one_by_one_then_given_up() -> None:
    deaths = _Deaths()
    deaths.add(3, 17)
    assert deaths.deadly() == Deadly(frozenset(), frozenset({3}))
    deaths.add(3, 5)
    assert deaths.deadly().rows == frozenset()
    deaths.add(3, 5)
    assert deaths.deadly() == Deadly(frozenset({(3, 5)}), frozenset({3}))
    with pytest.raises(QuothError, match="shard 3: 12 processes died in it"):
        for row in range(20):
            deaths.add(3, row)


def test_a_run_that_never_began_has_no_status(tmp_path: Path) -> None:
    for command in (["status"], ["statements", "-o", str(tmp_path / "x.csv")]):
        result = CliRunner().invoke(main, ["batch", command[0], str(tmp_path / "absent"), *command[1:]])
        assert result.exit_code == 1 and "no such folder" in result.stderr
    result = CliRunner().invoke(main, ["batch", "status", str(tmp_path)])
    assert result.exit_code == 1 and "no batch run has begun here" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills a group of processes")
def test_killed_at_any_moment_a_run_goes_on_to_the_same_answers(
    articles: Path, labelled: bytes, tmp_path: Path
) -> None:
    def arguments(name: str) -> tuple[object, ...]:
        return articles, "--out", tmp_path / name, "--format", "jsonl", "--shard-rows", 3, "--workers", 2

    began = time.monotonic()
    assert batch(*arguments("whole")).wait() == 0
    whole = time.monotonic() - began
    rng = random.Random(7)
    for k in range(20):
        out, args, moment = tmp_path / str(k), arguments(str(k)), rng.uniform(0, whole)
        process = batch(*args)
        time.sleep(moment)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert batch(*args).wait() == 0
        assert parts(out) == labelled, f"killed after {moment:.2f} s"
        assert not any((out / "_claims").iterdir())


@pytest.mark.slow
def test_two_runs_on_one_folder_do_everything_once(articles: Path, labelled: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = (articles, "--out", out, "--format", "jsonl", "--shard-rows", 2, "--workers", 1)
    runs = [batch(*args), batch(*args)]
    assert [process.wait() for process in runs] == [0, 0]
    assert parts(out) == labelled


@pytest.mark.slow
def test_a_ray_cluster_that_loses_a_node_says_the_same(
    articles: Path, labelled: bytes, tmp_path: Path
) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        out = tmp_path / "out"
        args = (
            articles,
            "--out",
            out,
            "--format",
            "jsonl",
            "--shard-rows",
            2,
            "--engine",
            "ray",
            "--workers",
            3,
        )
        command = [sys.executable, "-m", "quoth.cli", "batch", *map(str, args)]
        environment = os.environ | {"RAY_ADDRESS": cluster.address}
        process = subprocess.Popen(command, env=environment)
        while not any(out.glob("part-*")):
            assert process.poll() is None
            time.sleep(0.2)
        cluster.remove_node(nodes[0], allow_graceful=False)
        assert process.wait() == 0
        assert parts(out) == labelled
    finally:
        cluster.shutdown()
