"""A batch run on a Ray cluster: actors keep the model warm, the plan and its parts tell what is left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from quoth.batch import WAIT, attempt, labeler_of, part_of
from quoth.extras import needs
from quoth.folder import open_folder
from quoth.plan import Plan, Reader, Shard
from quoth.processes import Progress
from quoth.summary import Summary


class _Actor:
    """One process of the cluster, with the model; called with a batch of one shard's number."""

    def __init__(self, plan: bytes, inputs: list[str], out: str, model: str, threads: int) -> None:
        self._plan = msgspec.json.decode(plan, type=Plan)
        self._labeler = labeler_of(self._plan, model, threads)
        self._folder = open_folder(out)
        self._reader = Reader(self._plan, inputs)
        self._shards = self._plan.shards()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        told = _Told()
        for number in batch["shard"]:
            shard = self._shards[int(number)]
            # Ray may give the shard of a lost node to another actor while the first still writes.
            while not self._folder.has(part_of(self._plan, shard)):
                if not attempt(self._plan, shard, self._reader, self._folder, self._labeler, told):
                    time.sleep(WAIT)
        return {name: [n] for name, n in vars(told).items()}


class _Told(Progress):
    """What one call of an actor has done."""

    def shard(self, shard: Shard, row: int) -> None:
        """Nobody looks on while a shard is in work."""

    def done(self, summary: Summary) -> None:
        self.add(summary.articles, summary.statements, summary.rejected, 1)


def run_on_ray(
    plan: Plan,
    pending: Sequence[Shard],
    inputs: Sequence[str | Path],
    out: str,
    model: str,
    workers: int,
    threads: int,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Work through `pending` with `workers` actors of `threads` cores each; input and `out` must be seen by all nodes.

    Connects to the cluster that RAY_ADDRESS names, or to one on this machine.  Raises MissingExtraError without Ray.
    """
    with needs("--engine ray", "ray"):
        import ray
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    shards = ray.data.from_items([{"shard": s.number} for s in pending], override_num_blocks=len(pending))
    done = shards.map_batches(
        _Actor,
        fn_constructor_args=(msgspec.json.encode(plan), list(map(str, inputs)), out, model, threads),
        batch_size=1,
        num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
    )
    progress = Progress()
    for row in done.iter_rows():
        # Another process of a shared folder may have done the shard: it counts all the same.
        progress.add(row["articles"], row["statements"], row["rejected"], 1)
        watch(progress)
