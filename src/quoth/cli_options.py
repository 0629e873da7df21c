"""Options and an exit status that `quoth label` and `quoth batch` share."""

from __future__ import annotations

import click

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
