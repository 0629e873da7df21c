"""The command line of other programs' formats for models: quoth export."""

from __future__ import annotations

from pathlib import Path

import click

from quoth import cli_options


@click.group()
def export() -> None:
    """Write a model for other programs."""


@export.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@cli_options.model
def hf(folder: Path, model: str) -> None:
    """Write a model to the new folder DIR as Hugging Face transformers read it."""
    from quoth.huggingface import export
    from quoth.model.checkpoint import model_folder

    export(model_folder(model), folder)
