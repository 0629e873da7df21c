"""quoth reproduce: the published results once more."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quoth.cli_eval import evaluate, inputs_of, say_looks
from quoth.errors import InputError

if TYPE_CHECKING:
    from quoth.eval.reproduction import Reproduction
    from quoth.eval.result import Attributions, Result, Run

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)

_RETRAIN = """\
quoth train configs/train_small.toml --data {data} --run small
quoth train configs/train_base.toml --data {data} --run base --device cuda

These make models of the same kind from the same labels, not the same weights: the released ones came of stages, each
from the weights of the one before (MODEL_CARD.md), partly in bfloat16 on a GPU, and sums on another processor, number of
cores or version of torch are rounded otherwise. Judge them by figures with their intervals:

quoth eval --gold dev.jsonl --articles articles/ --compare small small/model
"""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--data", type=_FOLDER, required=True, help="Folder that holds labels and texts, at any depth.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default="results",
    show_default=True,
    help="What was published.",
)
@click.option("--most", type=click.IntRange(0), default=25, show_default=True, help="Differences shown.")
@click.option("--json", "json_out", type=click.Path(path_type=Path), help="Write all differences here.")
@click.option(
    "--retrain", is_flag=True, help="Only tell how to train the models again, and what will differ."
)
def reproduce(
    names: tuple[str, ...], data: Path, results: Path, most: int, json_out: Path | None, retrain: bool
) -> None:
    """Run the evaluations of results/NAME.json again and compare every figure; exit code 1 where one differs.

    Without NAME all whose labels and texts lie in the folder of --data.  By the same versions on the same kind of
    machine every figure must be equal; elsewhere one with an interval may differ by a quarter of the interval's width.
    """
    if retrain:
        click.echo(_RETRAIN.format(data=shlex.quote(str(data))), nl=False)
        return
    from quoth.eval.release import published
    from quoth.eval.reproduction import markdown, reproduction

    found = {path.stem: result for path, result in published(results)}
    if not found:
        raise InputError(f"{results}: no results there; run this in quoth's source folder, or give --results")
    if unknown := [name for name in names if name not in found]:
        raise InputError(f"{results}: no {unknown[0]}.json; there are {', '.join(found)}")
    done: list[Reproduction] = []
    for name in names or found:
        asked, missing = _asked(found[name].run, data)
        if missing:
            said = f"{data}: {name} was measured on {' and '.join(missing)}, which nothing here is called"
            if names:
                raise InputError(said)
            click.echo(f"quoth: {said}; passed over", err=True)
            continue
        done.append(reproduction(name, found[name], _measured(asked, found[name].run)))
        click.echo(markdown(done[-1], most))
    if not done:
        raise InputError(
            f"{data}: no result of {results} could be run again; expected its labels and texts there"
        )
    if json_out is not None:
        from quoth.writing import write_json

        write_json(json_out, done)
    if any(one.beyond for one in done):
        sys.exit(1)


def _asked(run: Run, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The options of the command that made a result, their files found in the folder; and the names of missing ones."""
    from quoth.eval.reproduction import find

    asked = evaluate.make_context("quoth eval", shlex.split(run.command)[2:]).params
    missing: list[str] = []

    def found(path: Path | str, digest: str = "") -> Path:
        place = find(folder, Path(path).name, digest)
        if place is None:
            missing.append(str(path))
        return place or Path(path)

    for option in ("articles", "attributions", "passes"):
        if asked[option]:
            asked[option] = found(asked[option])
    if asked["gold"]:
        asked["gold"] = found(asked["gold"], run.gold_hash)
    asked["cases"] = [found(path) for path in asked["cases"]]
    asked["baselines"] = [
        f"{name}={found(path)}" if path else name
        for name, _, path in (baseline.partition("=") for baseline in asked["baselines"])
    ]
    return asked, missing


def _measured(asked: dict[str, Any], run: Run) -> Result | Attributions:
    from quoth.eval.harness import evaluate, evaluate_attributions

    inputs = inputs_of(asked, run.command)
    if asked["attributions"]:
        return evaluate_attributions(
            asked["attributions"], None, inputs.model, None, inputs.draws, inputs.command
        )
    evaluation = evaluate(inputs)
    say_looks(evaluation.looks)
    return evaluation.result
