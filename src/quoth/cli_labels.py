"""The command line of label files: quoth labels export, import, passes."""

from __future__ import annotations

from pathlib import Path

import click

from quoth.errors import InputError

_FILE = click.Path(path_type=Path)
_FORMATS = click.Choice(["brat", "labelstudio", "csv"])
_articles = click.option("--articles", type=_FILE, required=True, help="Texts: a folder or a file with ids.")
_out = click.option("-o", "--out", type=_FILE, required=True, help="File to write (for brat, a new folder).")
_text_column = click.option("--text-column", default="text", show_default=True, help="Field of --articles.")
_id_column = click.option("--id-column", default="id", show_default=True, help="Field of --articles.")


@click.group()
def labels() -> None:
    """Label files for other annotation tools, and back; what several annotators said."""


@labels.command()
@click.argument("labels", type=_FILE)
@_articles
@click.option("--to", "format_", type=_FORMATS, required=True)
@_out
@_text_column
@_id_column
def export(
    labels: Path, articles: Path, format_: str, out: Path, text_column: str, id_column: str
) -> None:  # fmt: skip
    """Write the labels of LABELS (as `quoth annotate` writes them) for brat, Label Studio or a spreadsheet."""
    from quoth.articles import Columns
    from quoth.eval.tables import read_labels
    from quoth.label_formats import WRITERS

    _check(out, labels, articles)
    WRITERS[format_](read_labels(labels, articles, fields=Columns(id_column, text_column)), out)


@labels.command(name="import")
@click.argument("labels", type=_FILE)
@_articles
@click.option("--from", "format_", type=_FORMATS, required=True)
@_out
@_text_column
@_id_column
def import_(labels: Path, articles: Path, format_: str, out: Path, text_column: str, id_column: str) -> None:
    """Write a label file that `quoth eval` reads from what `export` wrote and another tool has changed."""
    from quoth.articles import Columns
    from quoth.label_files import row_of, write_rows
    from quoth.label_formats import READERS

    _check(out, labels, articles)
    found = READERS[format_](labels, articles, Columns(id_column, text_column))
    write_rows(out, map(row_of, found))


@labels.command()
@click.argument("labels", type=_FILE)
@_out
def passes(labels: Path, out: Path) -> None:
    """Write what each annotator said, from the logs beside LABELS, for `quoth eval --passes`."""
    import msgspec

    from quoth.merging import passes_of, progress_of
    from quoth.writing import whole

    rows = passes_of(progress_of(labels))
    if not rows:
        raise InputError(
            f"{labels}: no statement that two annotators marked in an article that both have done"
        )
    _check(out, labels)
    with whole(out) as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")


def _check(out: Path, *read: Path) -> None:
    if any(out.exists() and path.exists() and out.samefile(path) for path in read):
        raise InputError(f"{out}: is also read; name another file for the output")
