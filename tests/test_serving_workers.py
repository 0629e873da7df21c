"""Workers in processes of their own: replaced when they die, one copy of the weights."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import pytest
from click.testing import CliRunner
from serving_support import post, served, until

from quoth.cli import main
from quoth.labeler import Labeler
from quoth.records import Article, Record, to_json
from quoth.serving.workers import ProcessWorkers

TEXT = "“They lied,” said Ann Ode. Bo Ek denied it."

pytestmark = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(),
    reason="workers are spawned here, which is slow",
)


@pytest.fixture(scope="module")
def workers() -> Iterator[ProcessWorkers]:
    made = ProcessWorkers("fast", 2, 1)
    yield made
    asyncio.run(made.stop())


def pids(workers: ProcessWorkers) -> list[int]:
    return [pid for process in workers._processes for pid in process._processes]  # type: ignore[attr-defined]


def test_processes_answer_as_a_labeler_does(workers: ProcessWorkers) -> None:
    here = Labeler.from_pretrained("fast", 1)
    assert workers.model == here.model

    async def asked() -> list[Record]:
        return [await workers.work(k, Article("a", TEXT)) for k in (0, 1)]  # type: ignore[misc]

    for record in asyncio.run(asked()):
        assert to_json(record) == to_json(here.label_one(Article("a", TEXT)))
    assert len(set(pids(workers))) == 2


def test_a_process_that_dies_is_replaced_and_its_article_answered(workers: ProcessWorkers) -> None:
    deaths: list[int] = []
    workers.died = lambda: deaths.append(1)

    async def asked() -> object:
        await workers.work(0, Article("a", TEXT))
        (pid,) = workers._processes[0]._processes  # type: ignore[attr-defined]
        os.kill(pid, signal.SIGKILL)
        return await workers.work(0, Article("a", TEXT))

    answer = asyncio.run(asked())
    assert isinstance(answer, Record) and answer.statements and deaths == [1]


def test_an_article_that_kills_twice_fails_alone(
    workers: ProcessWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quoth.serving.workers._answer", os._exit)
    with pytest.raises(BrokenProcessPool):
        asyncio.run(workers.work(1, 7))  # type: ignore[arg-type]
    monkeypatch.undo()
    assert isinstance(asyncio.run(workers.work(1, Article("a", TEXT))), Record)


def test_a_server_with_two_workers_counts_what_it_replaces() -> None:
    workers = ProcessWorkers("fast", 2, 1)
    with served(workers) as at:
        first = post(at.port, {"text": TEXT})
        assert len(first["statements"]) == 2
        for pid in pids(workers):
            os.kill(pid, signal.SIGKILL)
        assert post(at.port, {"text": TEXT}) == post(at.port, {"text": TEXT}) == first
        assert until(lambda: at.figure("quoth_worker_restarts_total") >= 1)
        at.unharmed()


def test_there_are_no_more_workers_than_cores() -> None:
    told = CliRunner().invoke(main, ["serve", "--workers", "3", "--threads", "2"])
    assert told.exit_code == 1 and "workers 3: expected at most 2, the cores to use" in told.output
