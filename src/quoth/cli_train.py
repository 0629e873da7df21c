"""The command that makes models: quoth train."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from quoth import cli_options

_PATH = click.Path(path_type=Path)

_WHOLE = {"data", "folder", "device"}
_RETRAINED = {"labels", "label_set", "articles", "gold_columns", "text_column", "id_column", "anyway"}


@click.command()
@click.argument("config", type=_PATH)
@click.option("--data", type=_PATH, help="Folder that CONFIG's paths start at.")
@click.option("--run", "folder", type=_PATH, help="Run folder; goes on if begun.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, ...")
@click.option("--labels", type=_PATH, help="Labels of your own: stand-off JSONL, CSV or TSV.")
@click.option("--label-set", type=_PATH, help="Codebook of these labels, where they are not quoth's: TOML.")
@cli_options.label_texts
@click.option(
    "--gold-column",
    "gold_columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="What a table of labels calls a field: article, start, end, stance, label, ...",
)
@cli_options.label_text_column
@cli_options.label_id_column
@click.option("--anyway", is_flag=True, help="Write the model even where it is not better.")
@click.option("--out", type=_PATH, help="Write the model folder here.  [default: RUN/model]")
def train(
    config: Path,
    data: Path | None,
    folder: Path | None,
    device: str,
    labels: Path | None,
    label_set: Path | None,
    articles: Path | None,
    gold_columns: tuple[str, ...],
    text_column: str,
    id_column: str,
    anyway: bool,
    out: Path | None,
) -> None:
    """Train the model that CONFIG describes.

    With --labels, --articles and --out: on top of another model, from labels of your own, in minutes; says whether it is
    better, and ends with status 1, without a model, where it is not.  With --label-set, too: for labels of a codebook of your
    own, which the model tells beside the stances.  With --data and --run: all of it, and export it.
    """
    given = cli_options.given()
    if labels is None:
        if data is None or folder is None:
            raise click.UsageError("give --labels with --articles and --out, or --data with --run")
        cli_options.refuse(given & _RETRAINED, "data")
        _train(config, data, folder, out or folder / "model", device)
        return
    cli_options.refuse(given & _WHOLE, "labels")
    if articles is None or out is None:
        raise click.UsageError("--labels needs --articles and --out")
    columns = cli_options.names(gold_columns, "--gold-column")
    _retrain(config, labels, label_set, articles, columns, (id_column, text_column), anyway, out)


def _train(config: Path, data: Path, folder: Path, out: Path, device: str) -> None:
    from quoth.config import load, table
    from quoth.extras import needs

    with needs("Training", "train"):
        from quoth.training import one_encoder
        from quoth.training import train as two_encoders
        from quoth.training.reader import recipe
    if "frozen" in table(config):
        recipe.train(load(config, recipe.ReaderConfig), data, folder, out, device)
    elif "teacher" in table(config):
        one_encoder.train(load(config, one_encoder.OneEncoderConfig), data, folder, out, device)
    else:
        two_encoders.train(load(config, two_encoders.TrainConfig), data, folder, out, device)


def _retrain(
    config: Path,
    labels: Path,
    label_set: Path | None,
    articles: Path,
    columns: dict[str, str] | None,
    fields: tuple[str, str],
    anyway: bool,
    out: Path,
) -> None:
    from quoth.articles import Columns
    from quoth.config import load
    from quoth.eval.coded import read_coded
    from quoth.eval.tables import read_labels
    from quoth.label_sets import LabelSet
    from quoth.retraining import RetrainConfig, retrain, summary, verdict

    def say(what: str) -> None:
        click.echo(f"quoth: {what}", err=True)

    settings = load(config, RetrainConfig)
    codebook = None if label_set is None else load(label_set, LabelSet)
    if codebook is None:
        _check_no_own_labels(labels, columns)
        gold = read_labels(labels, articles, columns, fields=Columns(*fields))
    else:
        gold = read_coded(labels, articles, codebook, columns, fields=Columns(*fields))
    report = retrain(settings, labels, gold, out, anyway, say, codebook)
    click.echo(summary(report), nl=False)
    say(verdict(report))
    if report.model is None:
        sys.exit(1)
    say(f"wrote {out}: {report.model}")


def _check_no_own_labels(labels: Path, columns: dict[str, str] | None) -> None:
    """The stances beside labels of one's own are often quoth's: it would learn from itself."""
    from quoth.eval.tables import is_table, read_rows

    named = "label" in (columns or {})
    if named or is_table(labels) and any(row.cells for row in read_rows(labels, ("label",), ())):
        raise click.UsageError(
            f"{labels}: found labels in the field 'label', expected --label-set, which tells what they mean"
        )
