"""What commands share: options, an exit status, and how options are held against each other."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

SOME_REJECTED = 3
"""Exit status of a run that finished but could not label every row."""

model = click.option(
    "--model", default="small", show_default=True, help="A model of the package, or a model folder."
)
all_cues = click.option(
    "--all-cues", is_flag=True, help='Also beliefs and plans ("hopes", "wants"), not only what is said.'
)
min_probability = click.option(
    "--min-probability",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Mark a stance less certain than this as abstained.",
)
input_format = click.option(
    "--input-format",
    type=click.Choice(["text", "jsonl", "json", "csv", "tsv", "parquet", "html"]),
    help="Read every file as this, whatever its suffix.",
)

label_texts = click.option(
    "--articles", type=click.Path(path_type=Path), help="Texts of the labels: a folder or a file with ids."
)
label_text_column = click.option(
    "--text-column", default="text", show_default=True, help="Field of rows of --articles."
)
label_id_column = click.option(
    "--id-column", default="id", show_default=True, help="Field of rows of --articles."
)


def given() -> set[str]:
    """The parameters that stand on the command line."""
    context = click.get_current_context()
    return {p for p in context.params if context.get_parameter_source(p) is ParameterSource.COMMANDLINE}


def refuse(parameters: set[str], beside: str) -> None:
    """Raises UsageError for parameters that do not go with the option `beside`."""
    if parameters:
        command = click.get_current_context().command
        names = sorted(p.opts[0] for p in command.params if p.name in parameters)
        raise click.UsageError(f"--{beside} does not go with {', '.join(names)}")


def names(pairs: tuple[str, ...], option: str) -> dict[str, str] | None:
    """FIELD=NAME, FIELD=NAME, ... -> name by field; raises UsageError, which names the option."""
    found = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(found) < len(pairs):
        raise click.UsageError(f"{option} takes FIELD=NAME, each field once")
    return found or None
