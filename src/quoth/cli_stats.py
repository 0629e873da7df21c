"""The command line of answers: quoth stats, quoth explore."""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from quoth.tally import Corpus


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), metavar="CORPUS")
@click.option(
    "--by",
    type=click.Choice(["stance", "outlet", "month", "speaker", "target", "pair"]),
    default="stance",
    show_default=True,
    help="pair: who toward whom.",
)
@click.option(
    "--stance",
    type=click.Choice(["accusation", "denial", "condemnation", "solidarity", "other"]),
    help="This one alone; of pairs, accusation unless given.",
)
@click.option(
    "--most", type=click.IntRange(1), default=20, show_default=True, help="So many groups or pairs."
)
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    help="Table of which name is counted as which: written if absent, else read, with your changes.",
)
@click.option(
    "--stories", is_flag=True, help="Count each story once: of articles that share statements the first."
)
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Write it here, as CSV, not to the screen."
)
def stats(
    corpus: Path,
    by: str,
    stance: str | None,
    most: int,
    names: Path | None,
    stories: bool,
    as_csv: bool,
    out: Path | None,
) -> None:
    """Count what a corpus says: CORPUS is a folder of `quoth batch`, or its `statements` as Parquet.

    `labelled` counts likeliest labels; `expected` sums their probabilities, which allows for the classifier's known
    error, with a 95 % interval from `low` to `high`.
    """
    found = _corpus(corpus, names, stories)
    if by == "pair":
        asked = stance or "accusation"
        covered = found.coverage(asked)
        _tell([dataclasses.asdict(pair) for pair in found.pairs(asked, most)], as_csv, out)
        click.echo(
            f"quoth: of {covered.labelled} statements of {asked} {covered.speaker} name the speaker, {covered.target}"
            f" the target, {covered.both} both; the rest is in no pair",
            err=True,
        )
        return
    counts = found.counts(by, most)  # type: ignore[arg-type]
    _tell([dataclasses.asdict(c) for c in counts if stance in (None, c.stance)], as_csv, out)


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), metavar="CORPUS")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The HTML page to write.")
@click.option("--names", type=click.Path(path_type=Path), help="As in `quoth stats`.")
@click.option("--stories", is_flag=True, help="As in `quoth stats`.")
def explore(corpus: Path, out: Path, names: Path | None, stories: bool) -> None:
    """Write the counts of a corpus as one HTML page: stances, outlets, months, who toward whom."""
    from quoth.exploring import page
    from quoth.writing import whole

    content = page(_corpus(corpus, names, stories), f"{corpus.name}: who said what")
    with whole(out) as file:
        file.write(content.encode())


def _corpus(place: Path, names: Path | None, stories: bool) -> Corpus:
    from quoth.tally import Corpus

    found = Corpus(place)
    found.rename(_names(found, names))
    if stories:
        found.keep_first(_stories(found))
    return found


def _names(found: Corpus, path: Path | None) -> dict[str, str]:
    from quoth.people import merged, read_names, write_names

    if path is None:
        return merged(found.names())
    if path.exists():
        return read_names(path)
    under = write_names(path, found.names())
    click.echo(
        f"quoth: {len(under)} names in {path}, as {len({*under.values()})}; edit it and run again", err=True
    )
    return under


def _stories(found: Corpus) -> dict[str, str]:
    from quoth.stories import stories

    told = stories(found.texts())
    click.echo(f"quoth: {len(told)} articles with statements tell {len({*told.values()})} stories", err=True)
    return told


def _tell(rows: list[dict[str, Any]], as_csv: bool, out: Path | None) -> None:
    if not rows:
        click.echo("quoth: nothing to count", err=True)
        return
    if as_csv or out:
        from quoth.writing import guarded, whole

        buffer = io.StringIO(newline="")
        table = csv.DictWriter(buffer, rows[0])
        table.writeheader()
        table.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
        if out is None:
            click.echo(buffer.getvalue(), nl=False)
            return
        with whole(out) as file:
            # With the mark by which a spreadsheet knows UTF-8.
            file.write(buffer.getvalue().encode("utf-8-sig"))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table()
    for name, value in rows[0].items():
        shown.add_column(name, justify="left" if isinstance(value, str) else "right")
    for row in rows:
        shown.add_row(*(f"{v:,}" if isinstance(v, int | float) else str(v) for v in row.values()))
    Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty()).print(shown)
