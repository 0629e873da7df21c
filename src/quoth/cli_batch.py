"""The command line of batch runs: quoth batch, quoth batch status, quoth batch statements."""

from __future__ import annotations

import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quoth import cli_options
from quoth.cores import available
from quoth.errors import InputError

if TYPE_CHECKING:
    from quoth.plan import Plan, Settings
    from quoth.processes import Progress
    from quoth.summary import Summary

LOG_EVERY = 10.0
"""Seconds between lines of --log-json."""


class _Batch(click.Group):
    """`quoth batch INPUT...` is `quoth batch run INPUT...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Batch)
def batch() -> None:
    """Label whole corpora: quoth batch INPUT... --out DIR

    Stopped anywhere and run again, a run goes on where it was.  See `quoth batch run --help`.
    """


@batch.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", required=True, metavar="DIR", help="Folder or URL of the parts; goes on if begun.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["parquet", "jsonl", "csv"]),
    default="parquet",
    show_default=True,
    help="Of the parts: records, or (csv) one row a statement.",
)
@cli_options.model
@click.option(
    "--workers", type=click.IntRange(1), help="Processes with a model each.  [default: a core each]"
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Cores of a process.")
@click.option(
    "--shard-rows", type=click.IntRange(1), default=1000, show_default=True, help="Articles in a part."
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Processes of this machine, or actors of a Ray cluster.",
)
@click.option(
    "--update", is_flag=True, help="Input, model or settings have changed: redo what depends on it."
)
@cli_options.all_cues
@cli_options.min_probability
@click.option("--text-column", default="text", show_default=True, help="Field of rows that holds the text.")
@click.option("--id-column", default="id", show_default=True, help="Field of rows that holds the id.")
@cli_options.input_format
@click.option("--log-json", is_flag=True, help="Tell how far the run is as JSON lines on standard error.")
def run(
    inputs: tuple[str, ...],
    out: str,
    format_: str,
    model: str,
    workers: int | None,
    threads: int,
    shard_rows: int,
    engine: str,
    update: bool,
    all_cues: bool,
    min_probability: float,
    text_column: str,
    id_column: str,
    input_format: str | None,
    log_json: bool,
) -> None:
    """Label the articles of files, folders or URLs into parts of 1,000; what is there already is kept.

    Several runs, here or on other machines, may share one DIR.  Exit status: 0 all labelled, 1 stopped by an error,
    3 finished, but some rows could not be labelled: see DIR/_errors-*.jsonl.
    """
    from quoth.plan import Settings

    settings = Settings(format_, shard_rows, id_column, text_column, input_format, all_cues, min_probability)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    summary = _run(inputs, out, settings, model, workers or available(), threads, engine, update, log_json)
    if summary.rejected:
        sys.exit(cli_options.SOME_REJECTED)


def _run(
    inputs: tuple[str, ...],
    out: str,
    settings: Settings,
    model: str,
    workers: int,
    threads: int,
    engine: str,
    update: bool,
    log_json: bool,
) -> Summary:
    from quoth.batch import begin, read_plan, summaries
    from quoth.cluster import run_on_ray
    from quoth.folder import open_folder
    from quoth.labeler import Labeler
    from quoth.plan import make_plan
    from quoth.processes import run
    from quoth.writing import writer_into

    began = time.monotonic()
    with writer_into(io.BytesIO(), out, settings.format):
        """A library that the format needs is missing now, or never."""
    folder = open_folder(out)
    before = read_plan(folder)
    plan = make_plan(inputs, settings, Labeler.from_pretrained(model, 1).model, before)
    pending = begin(folder, plan, before, update)
    if pending:
        rows = sum(shard.rows for shard in pending)
        with _shown(plan, rows, log_json) as watch:
            workers = min(workers, len(pending))
            if engine == "ray":
                run_on_ray(plan, pending, inputs, out, model, workers, threads, watch)
            else:
                run(plan, inputs, out, model, workers, threads, watch)
    done, summary = summaries(plan, folder)
    final = _final(plan, done, summary)
    folder.put("_summary.json", json.dumps(final, indent=1, ensure_ascii=False).encode())
    _tell(final | {"wall_seconds": round(time.monotonic() - began, 1)}, log_json)
    return summary


@contextmanager
def _shown(plan: Plan, rows: int, log_json: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, JSON lines, or silence."""
    began = last = time.monotonic()

    def rates(progress: Progress) -> dict[str, Any]:
        seconds = time.monotonic() - began
        finished = progress.articles + progress.rejected
        rate = finished / seconds if seconds else 0.0
        return {
            "articles": progress.articles, "statements": progress.statements, "rejected": progress.rejected,
            "rows": rows, "articles_per_second": round(rate, 2),
            "eta_seconds": round((rows - finished) / rate) if rate else None,
        }  # fmt: skip

    if log_json:

        def log(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= LOG_EVERY:
                last = time.monotonic()
                click.echo(json.dumps({"event": "progress", **rates(progress)}), err=True)

        yield log
        return
    if not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("loading", total=rows)

        def show(progress: Progress) -> None:
            now = rates(progress)
            said = f"{now['articles_per_second']:.1f}/s, {now['statements']} statements, {now['rejected']} rejected"
            bar.update(task, completed=progress.articles + progress.rejected, description=said)

        yield show


def _final(plan: Plan, done: int, summary: Summary) -> dict[str, Any]:
    from quoth.summary import told

    shards = len(plan.shards())
    model = f"{plan.model.name} {plan.model.version} {plan.model.hash}"
    return {"model": model, "rows": plan.rows, "shards": shards, "shards_done": done} | told(summary)


def _tell(final: dict[str, Any], log_json: bool) -> None:
    if log_json:
        click.echo(json.dumps({"event": "done", **final}, ensure_ascii=False), err=True)
        return
    stances = ", ".join(f"{name} {n}" for name, n in sorted(final["stances"].items()))
    counted = (
        f"{final['articles']} articles, {final['statements']} statements, {final['rejected']} rows rejected,"
        f" {final['warned']} articles with warnings; model {final['model']}"
    )
    lines = [
        counted,
        f"stances: {stances}" if stances else "",
        *(f"{n} rows: {reason}" for reason, n in final["reasons"].items()),
    ]
    for line in filter(None, lines):
        click.echo(f"quoth: {line}", err=True)


@batch.command()
@click.argument("folder", metavar="DIR")
def status(folder: str) -> None:
    """How far a run is, as JSON: rows and shards in all, shards done, and what they hold."""
    from quoth.batch import read_plan, summaries
    from quoth.folder import open_folder

    place = open_folder(folder, new=False)
    plan = read_plan(place)
    if plan is None:
        raise InputError(f"{folder}: no batch run has begun here")
    final = _final(plan, *summaries(plan, place))
    final["shards_claimed"] = len(place.names("_claims/"))
    click.echo(json.dumps(final, indent=1, ensure_ascii=False))


@batch.command()
@click.argument("folder", metavar="DIR")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="A .csv or .parquet file.")
def statements(folder: str, out: Path) -> None:
    """The flat view of a finished run: one row a statement, with its article's title, date and source."""
    from quoth.flat import write_statements

    write_statements(folder, out)
