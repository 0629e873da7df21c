"""A model card (Mitchell et al., FAT* 2019) from a result: `quoth eval --card FILE`."""

from __future__ import annotations

from pathlib import Path

from quoth.errors import InputError
from quoth.eval import report
from quoth.eval.markdown import table
from quoth.eval.provenance import without_folders
from quoth.eval.release import blocks, filled
from quoth.eval.result import Result
from quoth.writing import whole

_NEW = """\
# Model card: {name} {version}

Labels quoted and reported statements in English news articles: who says it, what it does (accusation, denial,
condemnation, solidarity, other), toward whom, and with what sentiment.

## Intended use

For labelling news corpora, where a person reads what a conclusion rests on. Not for judging people by single
labels: a label is the classifier's reading of one passage, and its probability says how often such readings are
right. Not for other languages or kinds of text.

## Measured

<!-- results: card -->
<!-- /results -->
"""


def write_card(path: Path, result: Result) -> None:
    """Renew the tables of the card at `path`, or write a new one.

    Raises InputError for a result of predictions, which is of no model, and for a file without the block.
    """
    if result.run.model is None:
        raise InputError("a model card needs a model: --model, not --predictions")
    try:
        before = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: {error}") from error
    if before and "card" not in blocks(before):
        raise InputError(
            f"{path}: found no <!-- results: card --> and <!-- /results -->, between which tables go"
        )
    model = result.run.model
    text = before or _NEW.format(name=model.name, version=model.version)
    with whole(path) as file:
        file.write(filled(text, {"card": body(result)}, path).encode())


def body(result: Result) -> str:
    """What was measured, on what, and where the model is weak."""
    run = result.run
    about = table(
        ["", ""],
        [
            [
                "model",
                f"{run.model.name} {run.model.version}, sha256 {run.model.hash}…" if run.model else "-",
            ],
            ["labels", f"{run.gold}, sha256 {run.gold_hash}…; articles sha256 {run.articles_hash}…"],
            ["measured", f"{run.date} with quoth {run.quoth}, seed {run.seed}, {run.resamples} resamples"],
            ["command", f"`{without_folders(run.command)}`"],
        ],
    )
    return "\n\n".join([about, report.markdown(result, level=3)])
