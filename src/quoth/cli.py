"""The command line: quoth label / batch / stats / explore / serve / annotate / labels / train / export / eval / diff / reproduce /
schema / doctor."""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import quoth
from quoth import cli_options
from quoth.errors import InputError, QuothError

if TYPE_CHECKING:
    from quoth.stream import Counts, Watcher

SHAPES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
    ".jsonld": "webannotation",
}
"""Suffix of an output file -> format."""

ELSEWHERE = {
    "annotate": "cli_annotate:annotate",
    "batch": "cli_batch:batch",
    "diff": "cli_eval:diff",
    "eval": "cli_eval:evaluate",
    "explore": "cli_stats:explore",
    "export": "cli_export:export",
    "key": "cli_serve:key",
    "labels": "cli_labels:labels",
    "reproduce": "cli_reproduce:reproduce",
    "serve": "cli_serve:serve",
    "stats": "cli_stats:stats",
    "train": "cli_train:train",
}
"""Commands that are loaded when they are asked for."""


class _Group(click.Group):
    """Prints the errors meant for users without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            found: click.Command = pkgutil.resolve_name(f"quoth.{ELSEWHERE[cmd_name]}")
            return found
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QuothError as error:
            fail(str(error))
        except BrokenPipeError:
            # The reader of a pipe has seen enough.
            sys.stderr.close()
            sys.exit(0)


def fail(message: str) -> NoReturn:
    """End with exit status 1."""
    click.echo(f"quoth: {message}", err=True)
    sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(quoth.__version__, prog_name="quoth")
def main() -> None:
    """Who said what in the news: quoted and reported statements, their speakers, stances and targets."""


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write here instead of to standard output."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["jsonl", "csv", "parquet", "html", "table", "webannotation"]),
    help="Shape of the output; by OUT's suffix, else a table on a terminal and JSONL in a pipe.",
)
@cli_options.model
@cli_options.all_cues
@cli_options.min_probability
@click.option(
    "--text-column", help="Field of JSONL, CSV and Parquet rows that holds the text.  [default: text]"
)
@click.option("--id-column", help="Field that holds the id.  [default: id]")
@cli_options.input_format
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be labelled; write nothing.")
@click.option(
    "--errors",
    type=click.Path(path_type=Path),
    help="Where rows go that cannot be labelled.  [default: OUT.errors.jsonl, or standard error]",
)
@click.option("--threads", type=click.IntRange(1), help="Processor cores to use.  [default: all]")
@click.option("--server", metavar="URL", help="Let this `quoth serve` label, with its model.")
@click.option("--key", envvar="QUOTH_KEY", help="API key of --server; better in the variable QUOTH_KEY.")
def label(
    inputs: tuple[str, ...],
    out: Path | None,
    format_: str | None,
    model: str,
    all_cues: bool,
    min_probability: float,
    text_column: str | None,
    id_column: str | None,
    input_format: str | None,
    strict: bool,
    errors: Path | None,
    threads: int | None,
    server: str | None,
    key: str | None,
) -> None:
    """Label the articles of files, folders or standard input (-).

    FILE is text, HTML, JSON, JSONL, CSV, TSV or Parquet, plain or .gz; a folder is read through.  Exit status:
    0 all labelled, 1 stopped by an error, 3 finished, but some rows could not be labelled.
    """
    from quoth.articles import Columns, read
    from quoth.stream import stream
    from quoth.writing import open_writer

    shape = format_ or _shape_of(out)
    for name in inputs:
        if out is not None and out.exists() and name != "-" and out.samefile(name):
            raise InputError(f"{out}: is also read; name another file for the output")
    columns = Columns(id=id_column or "id", text=text_column or "text")
    rows = read(inputs, columns, sys.stdin.buffer, input_format)
    if server:
        from quoth.serving.remote import RemoteLabeler

        cli_options.refuse({"model", "all_cues", "threads"} & cli_options.given(), "server")
        labeler: Any = RemoteLabeler(server, key, min_probability)
    else:
        from quoth.labeler import Labeler

        labeler = Labeler.from_pretrained(model, threads, all_cues=all_cues, min_probability=min_probability)
    with _rejects(errors, out) as rejects, open_writer(out, shape) as writer, _progress(out) as watch:
        counts = stream(rows, labeler, writer, rejects, strict, watch)
    if counts.warned:
        click.echo(
            f"quoth: warnings on {counts.warned} of {counts.labelled} articles, in their records' `warnings`",
            err=True,
        )
    if not counts.labelled and not counts.rejected:
        click.echo("quoth: no article found", err=True)
    if counts.rejected:
        click.echo(f"quoth: {counts.rejected} rows could not be labelled, {counts.labelled} were", err=True)
        sys.exit(cli_options.SOME_REJECTED)


def _shape_of(out: Path | None) -> str:
    if out is None:
        return "table" if sys.stdout.isatty() else "jsonl"
    shape = SHAPES.get(out.suffix.lower())
    if shape is None:
        raise InputError(
            f"{out}: found suffix {out.suffix!r}, expected one of {', '.join(SHAPES)}, or --format"
        )
    return shape


def _rejects(errors: Path | None, out: Path | None) -> Any:
    """The error file, or standard error where the output goes to a pipe or terminal."""
    from contextlib import nullcontext

    from quoth.articles import Rejected
    from quoth.stream import rejects_file

    if errors is None and out is not None:
        errors = out.with_name(out.name + ".errors.jsonl")
    if errors is not None:
        return rejects_file(errors)

    class Console:
        def add(self, rejected: Rejected) -> None:
            click.echo(f"quoth: {rejected.place}: {rejected.reason}", err=True)

    return nullcontext(Console())


def _progress(out: Path | None) -> Any:
    """A line on the terminal that counts articles and statements; silent when nobody watches."""
    from contextlib import contextmanager, nullcontext

    if out is None or not sys.stderr.isatty():
        return nullcontext(None)

    @contextmanager
    def shown() -> Any:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("loading")

            def watch(counts: Counts) -> None:
                said = (
                    f"{counts.labelled} articles, {counts.statements} statements, {counts.rejected} rejected"
                )
                progress.update(task, description=said)

            watcher: Watcher = watch
            yield watcher

    return shown()


@main.command()
@click.option("--of", type=click.Choice(["record", "eval"]), default="record", show_default=True)
def schema(of: str) -> None:
    """Print the JSON Schema of the record, or of what `quoth eval --json` writes."""
    import msgspec

    if of == "record":
        from quoth.records import json_schema
    else:
        from quoth.eval.result import json_schema
    click.echo(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())


@main.command()
@click.argument("models", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
def doctor(models: tuple[Path, ...]) -> None:
    """Tell what quoth runs on, and try each model, also those in the FOLDERs; exit code 1 where one is broken."""
    from quoth.doctor import examine

    sound = True
    for finding in examine(models):
        sound &= finding.ok is not False
        mark = {None: " ", True: "✓", False: "✗"}[finding.ok]
        click.echo(f"{mark} {finding.subject:12}  {finding.told}")
    if not sound:
        sys.exit(1)


if __name__ == "__main__":
    main()
