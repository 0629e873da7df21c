from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from quoth import batch
from quoth.batch import Deadly, begin, read_plan, summaries, work
from quoth.errors import ConfigError, InputError
from quoth.folder import Folder, open_folder
from quoth.plan import Plan, Settings, make_plan
from quoth.records import Article, ModelInfo, Record

MODEL = ModelInfo("m", "0", "0" * 12)
NOTHING = Deadly()


class Labeler:
    """Raises on the text "bad"; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def label_one(self, article: Article) -> Record:
        self.asked.append(article.id)
        if article.text == "bad":
            raise ValueError("seven")
        return Record("1", article.id, article.metadata, [], MODEL, [])


def jsonl(path: Path, n: int, first: int = 0) -> Path:
    rows = ({"id": str(k), "text": f"text {k}", "source": "Post"} for k in range(first, first + n))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settings(**changed: Any) -> Settings:
    return Settings(**{"format": "jsonl", "shard_rows": 4} | changed)


def run(
    folder: Folder, *inputs: Path | str, update: bool = False, deadly: Deadly = NOTHING, **changed: Any
) -> tuple[Plan, list[str]]:
    """Plan, and the ids that the labeler was asked for."""
    before = read_plan(folder)
    plan = make_plan(inputs, settings(**changed), MODEL, before)
    labeler: Any = Labeler()
    if begin(folder, plan, before, update):
        work(plan, inputs, folder, labeler, start=0, deadly=deadly)
    return plan, labeler.asked


def answers(folder: Path) -> list[str]:
    """Ids of all records, in the order of the parts."""
    lines = [line for part in sorted(folder.glob("part-*")) for line in part.read_text().splitlines()]
    return [json.loads(line)["id"] for line in lines]


def test_every_row_is_in_one_part_or_one_error_file(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "in.jsonl", 9)
    with path.open("a") as file:
        file.write('{"id": "x", "text": "bad"}\n{"id": 7\n')
    out = tmp_path / "out"
    plan, _ = run(open_folder(out), path)
    assert answers(out) == [str(k) for k in range(9)]
    (errors,) = out.glob("_errors-*.jsonl")
    rejected = [json.loads(line) for line in errors.read_text().splitlines()]
    assert [(r["id"], r["reason"].partition(":")[0]) for r in rejected] == [
        ("x", "labelling failed"),
        (None, "not JSON"),
    ]
    done, summary = summaries(plan, open_folder(out))
    assert (done, summary.articles, summary.rejected, summary.outlets) == (3, 9, 2, {"Post": 0})


def test_a_second_run_does_only_what_is_missing(tmp_path: Path) -> None:
    path, out = jsonl(tmp_path / "in.jsonl", 9), tmp_path / "out"
    assert run(open_folder(out), path)[1] == [str(k) for k in range(9)]
    whole = {part.name: part.read_bytes() for part in out.glob("part-*")}
    assert run(open_folder(out), path)[1] == []
    next(out.glob("part-000001-*")).unlink()
    assert run(open_folder(out), path)[1] == ["4", "5", "6", "7"]
    assert {part.name: part.read_bytes() for part in out.glob("part-*")} == whole


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shard_rows": 3}, "shard_rows was 4 and is 3"),
        ({"all_cues": True}, "all_cues was False and is True"),
    ],
)
def test_a_run_that_asks_something_else_is_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    path, folder = jsonl(tmp_path / "in.jsonl", 9), open_folder(tmp_path / "out")
    run(folder, path)
    with pytest.raises(ConfigError, match=message):
        run(folder, path, **changed)


def test_changed_input_is_refused_and_redone_when_asked(tmp_path: Path) -> None:
    a, b = jsonl(tmp_path / "a.jsonl", 4), jsonl(tmp_path / "b.jsonl", 4, 4)
    out = tmp_path / "out"
    folder = open_folder(out)
    run(folder, a, b)
    jsonl(b, 5, 10)
    with pytest.raises(ConfigError, match=r"b\.jsonl has changed"):
        run(folder, a, b)
    assert answers(out) == [str(k) for k in range(8)]
    assert run(folder, a, b, update=True)[1] == [str(k) for k in range(10, 15)]
    assert answers(out) == [*map(str, range(4)), *map(str, range(10, 15))]
    assert len(folder.names("_summaries/")) == 3


def test_files_that_are_added_are_labelled_without_asking(tmp_path: Path) -> None:
    a, b = jsonl(tmp_path / "a.jsonl", 4), jsonl(tmp_path / "b.jsonl", 2, 4)
    folder = open_folder(tmp_path / "out")
    run(folder, a)
    assert run(folder, a, b)[1] == ["4", "5"]


def test_two_at_work_on_one_folder_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WAIT", 0.01)
    path, out = jsonl(tmp_path / "in.jsonl", 200), tmp_path / "out"
    one, other = open_folder(out), open_folder(out)
    plan = make_plan([path], settings(), MODEL)
    begin(one, plan, None, False)
    labelers: list[Any] = [Labeler(), Labeler()]
    threads = [
        threading.Thread(target=work, args=(plan, [path], folder, labeler, None, start))
        for folder, labeler, start in zip((one, other), labelers, (0, 0.5), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers(out) == [str(k) for k in range(200)]
    assert sorted(labelers[0].asked + labelers[1].asked, key=int) == [str(k) for k in range(200)]
    assert one.names("_claims/") == set()


def test_a_row_that_ends_the_process_is_rejected_and_the_others_are_not(tmp_path: Path) -> None:
    path, out = jsonl(tmp_path / "in.jsonl", 9), tmp_path / "out"
    run(open_folder(out), path, deadly=Deadly(frozenset({(1, 2)}), frozenset({1})))
    assert answers(out) == ["0", "1", "2", "3", "4", "5", "7", "8"]
    assert "labelling it ended the process" in next(out.glob("_errors-000001-*")).read_text()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    path, out = jsonl(tmp_path / "in.jsonl", 3), tmp_path / "out"
    out.mkdir()
    (out / "_plan.json").write_text("{}")
    with pytest.raises(InputError, match="not the plan of a batch run"):
        run(open_folder(out), path)


def test_a_full_disk_ends_the_run_and_leaves_no_half_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = jsonl(tmp_path / "in.jsonl", 9), tmp_path / "out"
    folder = open_folder(out)
    put = folder.put

    def full(name: str, content: bytes) -> None:
        if name.startswith("part-000001"):
            raise InputError(f"{name}: cannot be written: No space left on device")
        put(name, content)

    monkeypatch.setattr(folder, "put", full)
    with pytest.raises(InputError, match="No space left"):
        run(folder, path)
    assert answers(out) == ["0", "1", "2", "3"]
    assert folder.names("_claims/") == set()
    assert run(open_folder(out), path)[1] == ["4", "5", "6", "7", "8"]


def test_input_and_output_may_be_in_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec, moto = pytest.importorskip("fsspec"), pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        store = fsspec.filesystem("s3", skip_instance_cache=True)
        store.mkdir("corpus")
        store.pipe_file("corpus/in/a.jsonl", jsonl(tmp_path / "a.jsonl", 9).read_bytes())
        folder = open_folder("s3://corpus/out")
        plan, asked = run(folder, "s3://corpus/in")
        assert asked == [str(k) for k in range(9)]
        assert run(folder, "s3://corpus/in")[1] == []
        folder.remove(batch.part_of(plan, plan.shards()[1]))
        assert run(folder, "s3://corpus/in")[1] == ["4", "5", "6", "7"]
        assert summaries(plan, folder)[1].articles == 9
        store.pipe_file("corpus/in/a.jsonl", jsonl(tmp_path / "a.jsonl", 9, 1).read_bytes())
        with pytest.raises(ConfigError, match=r"a\.jsonl has changed"):
            run(folder, "s3://corpus/in")
    finally:
        server.stop()
