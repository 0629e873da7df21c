"""The commands that judge: quoth eval, quoth diff."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quoth import cli_options
from quoth.errors import InputError

if TYPE_CHECKING:
    from quoth.eval.draws import Draws
    from quoth.eval.harness import Evaluation, Inputs

_FILE = click.Path(path_type=Path)

_ALWAYS = {"resamples", "seed", "json_out"}
_GOLD = {"gold", "articles", "split", "gold_columns", "text_column", "id_column"}


@click.command(name="eval")
@click.option("--gold", type=_FILE, help="Labels: stand-off JSONL, CSV or TSV.")
@cli_options.label_texts
@click.option("--split", help="Stop if an article of the labels is of another split than this.")
@click.option("--attributions", type=_FILE, help="Score contents and sources on this PolNeAR folder instead.")
@click.option(
    "--pairs",
    type=_FILE,
    help="Score who is for or against whom on this folder of SEESAW or BASIL, or file of DSE, instead.",
)
@click.option("--predictions", type=_FILE, help="What `quoth label` or another system said: JSONL, CSV, TSV.")
@click.option("--model", help="Label the articles with this model instead.  [default: small]")
@click.option("--compare", nargs=2, metavar="A B", help="Compare two models or files of predictions.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="What a table of predictions calls a field: article, start, end, stance, speaker, ...",
)
@click.option(
    "--gold-column",
    "gold_columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="The same for a table of labels.",
)
@cli_options.label_text_column
@cli_options.label_id_column
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME[=PATH]",
    help="Compare with majority=LABELS, tfidf=LABELS, lexicon, nearest-name, nli=MODEL, textacy, gliner2=MODEL.",
)
@click.option("--only-predicted", is_flag=True, help="Leave out gold articles that have no prediction.")
@click.option("--passes", type=_FILE, help="Labels by several annotators: their agreement, and the ceiling.")
@click.option("--cases", multiple=True, type=_FILE, help="Behavioural tests of your own, beside ours.")
@click.option(
    "--learning-curve",
    is_flag=True,
    help="What labels are worth: retrain MODEL on 50, 100, ... of them, judge it on the others.",
)
@click.option(
    "--leave-out",
    metavar="FIELD",
    help="Retrain MODEL on all articles but those of a topic, source, ..., judge it on these; for each.",
)
@click.option(
    "--within", type=click.FloatRange(0, 1, min_open=True), help="How many articles it takes for F1 +- this."
)
@click.option("--resamples", type=click.IntRange(100), default=2000, show_default=True, help="For intervals.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "json_out", type=_FILE, help="Write the full result here.")
@click.option(
    "--html", "html_out", type=_FILE, help="Write the report with its error browser here: one file."
)
@click.option(
    "--card", type=_FILE, help="Write a model card here, or renew the tables of the one that is there."
)
@click.option(
    "--release",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Keep the result as results/NAME.json; write the tables of docs/results.md, MODEL_CARD.md, docs/limits.md.",
)
def evaluate(
    gold: Path | None,
    articles: Path | None,
    split: str | None,
    attributions: Path | None,
    pairs: Path | None,
    predictions: Path | None,
    model: str | None,
    compare: tuple[str, str] | None,
    columns: tuple[str, ...],
    gold_columns: tuple[str, ...],
    text_column: str,
    id_column: str,
    baselines: tuple[str, ...],
    only_predicted: bool,
    passes: Path | None,
    cases: tuple[Path, ...],
    learning_curve: bool,
    leave_out: str | None,
    within: float | None,
    resamples: int,
    seed: int,
    json_out: Path | None,
    html_out: Path | None,
    card: Path | None,
    release: str | None,
) -> None:
    """Score a model, or predictions of any system, against labels, with 95 % intervals.

    Labels are stand-off JSONL or a table; predictions are what `quoth label` wrote, any system's JSONL with a
    start and end a statement, or a table.  Tables go to standard output.  An evaluation on articles of split
    test is counted in test_log.jsonl.  A model with a label set is judged by its labels, of gold's statements.
    """
    given = cli_options.given()
    if attributions:
        cli_options.refuse(
            given - _ALWAYS - {"attributions", "predictions", "model", "columns", "release"}, "attributions"
        )
    elif pairs:
        cli_options.refuse(given - _ALWAYS - {"pairs", "model"}, "pairs")
    elif compare:
        cli_options.refuse(given - _ALWAYS - _GOLD - {"compare", "columns"}, "compare")
    elif learning_curve or leave_out:
        asked = "learning_curve" if learning_curve else "leave_out"
        cli_options.refuse(given - {"seed", "json_out", "model", asked} - _GOLD, asked.replace("_", "-"))
    if predictions:
        cli_options.refuse(given & {"model", "cases", "card", "release"}, "predictions")
    elif columns and not compare:
        raise click.UsageError(
            "--column names columns of --predictions; --gold-column those of a table of labels"
        )
    read = [gold, articles, attributions, pairs, predictions, passes, *cases, *map(Path, compare or ())]
    _check_outputs([json_out, html_out, card], read)
    inputs = inputs_of(click.get_current_context().params, shlex.join(["quoth", *sys.argv[1:]]))
    if attributions:
        from quoth.eval.harness import evaluate_attributions
        from quoth.eval.report import attributions_table

        found = evaluate_attributions(
            attributions, predictions, model, inputs.columns, inputs.draws, inputs.command
        )
        click.echo(attributions_table(found))
        _json(json_out, found)
        _release(release, found)
    elif pairs:
        _pairs(pairs, model or "small", inputs.draws, json_out)
    elif gold and articles:
        if compare:
            _compare(inputs, compare, json_out)
        elif learning_curve or leave_out:
            _learn(inputs, leave_out, json_out)
        elif model and _has_label_set(model):
            cli_options.refuse(given - _ALWAYS - _GOLD - {"model"}, f"model {model}, which has a label set,")
            _labels(inputs, json_out)
        else:
            _evaluate(inputs, within, json_out, html_out, card, release)
    elif release == "":
        _release(release, None)
    else:
        raise click.UsageError("give --gold with --articles, or --attributions, or --pairs")


def inputs_of(asked: Mapping[str, Any], command: str) -> Inputs:
    """What `quoth eval` is to judge, and on what, by its options."""
    from quoth.articles import Columns
    from quoth.eval.draws import Draws
    from quoth.eval.harness import Inputs

    return Inputs(
        gold=asked["gold"] or Path(),
        articles=asked["articles"] or Path(),
        split=asked["split"],
        predictions=asked["predictions"],
        model=asked["model"],
        columns=cli_options.names(asked["columns"], "--column"),
        gold_columns=cli_options.names(asked["gold_columns"], "--gold-column"),
        fields=Columns(asked["id_column"], asked["text_column"]),
        baselines=asked["baselines"],
        passes=asked["passes"],
        only_predicted=asked["only_predicted"],
        cases=asked["cases"],
        draws=Draws(asked["resamples"], asked["seed"]),
        command=command,
    )


@click.command()
@click.argument("run_a", type=_FILE)
@click.argument("run_b", type=_FILE)
@click.option("--json", "json_out", type=_FILE, help="Write the statements that moved here.")
@click.option("--most", type=click.IntRange(0), default=25, show_default=True, help="Shown of each field.")
def diff(run_a: Path, run_b: Path, json_out: Path | None, most: int) -> None:
    """Which statements moved between two runs of `quoth eval --json` on the same gold."""
    from quoth.eval.diff import diff as moves_between
    from quoth.eval.diff import markdown, read_result

    _check_outputs([json_out], [run_a, run_b])
    a, b = read_result(run_a), read_result(run_b)
    moves = moves_between(a, b)
    click.echo(markdown(moves, a, b, most), nl=False)
    _json(json_out, moves)


def _evaluate(
    inputs: Inputs,
    within: float | None,
    json_out: Path | None,
    html_out: Path | None,
    card: Path | None,
    release: str | None,
) -> None:
    from quoth.eval.harness import articles_needed
    from quoth.eval.harness import evaluate as run
    from quoth.eval.report import markdown, sample_sizes

    evaluation = run(inputs)
    say_looks(evaluation.looks)
    click.echo(markdown(evaluation.result), nl=False)
    if within is not None:
        click.echo("\n" + sample_sizes(articles_needed(evaluation.rows, within, inputs.draws)))
    _json(json_out, evaluation.result)
    if html_out is not None:
        from quoth.writing import whole

        with whole(html_out) as file:
            file.write(_html(evaluation))
    if card is not None:
        from quoth.eval.card import write_card

        write_card(card, evaluation.result)
    _release(release, evaluation.result)


def _pairs(path: Path, model: str, draws: Draws, json_out: Path | None) -> None:
    from quoth.eval.pairs.corpora import read_pairs
    from quoth.eval.pairs.report import pairs_table
    from quoth.eval.pairs.scores import score_pairs
    from quoth.labeler import Labeler
    from quoth.records import Article

    corpus, articles = read_pairs(path)
    records = Labeler.from_pretrained(model).label(Article(a.id, a.text) for a in articles)
    found = score_pairs(corpus, articles, records, draws)
    click.echo(pairs_table(found), nl=False)
    _json(json_out, found)


def _check_outputs(outputs: list[Path | None], inputs: list[Path | None]) -> None:
    """Raises InputError, before anything is done, for an output that is read, written twice or cannot be written."""
    written = [path for path in outputs if path is not None]
    for k, path in enumerate(written):
        if any(
            given is not None and given.exists() and path.exists() and path.samefile(given)
            for given in inputs
        ):
            raise InputError(f"{path}: is also read; name another file for the output")
        if path in written[:k]:
            raise InputError(f"{path}: is named for two outputs")
        if path.is_dir() or not path.parent.is_dir():
            raise InputError(f"{path}: expected a file in a folder that is there")


def _compare(inputs: Inputs, systems: tuple[str, str], json_out: Path | None) -> None:
    from quoth.eval.comparison import markdown
    from quoth.eval.harness import compare

    comparisons, looks, notes = compare(inputs, *systems)
    say_looks(looks)
    click.echo(f"A: {systems[0]}\nB: {systems[1]}\n")
    for note in notes:
        click.echo(f"Note: {note}.\n")
    click.echo(markdown(comparisons), nl=False)
    _json(json_out, comparisons)


def _has_label_set(model: str) -> bool:
    from quoth.eval.harness import label_set_of

    return label_set_of(model) is not None


def _labels(inputs: Inputs, json_out: Path | None) -> None:
    from quoth.eval.harness import evaluate_labels
    from quoth.eval.label_scores import markdown

    found, looks = evaluate_labels(inputs)
    say_looks(looks)
    click.echo(markdown(found), nl=False)
    _json(json_out, found)


def _learn(inputs: Inputs, leave_out: str | None, json_out: Path | None) -> None:
    """leave_out: a field of the articles; None: the learning curve."""
    from quoth import learning
    from quoth.eval.harness import labels_of

    gold, looks = labels_of(inputs)
    say_looks(looks)
    found: learning.Curve | learning.Transfer
    if leave_out is None:
        found = learning.curve(inputs.model or "small", gold, inputs.gold, inputs.draws.seed)
        click.echo(learning.curve_table(found), nl=False)
    else:
        found = learning.leave_out(inputs.model or "small", leave_out, gold, inputs.gold, inputs.draws.seed)
        click.echo(learning.transfer_table(found), nl=False)
    _json(json_out, found)


def say_looks(looks: int) -> None:
    """That a test set was looked at, if it was."""
    if looks:
        from quoth.eval.provenance import TEST_LOG

        click.echo(
            f"quoth: this is a test set: look number {looks} at it, counted in {TEST_LOG}; choose nothing by it",
            err=True,
        )


def _html(evaluation: Evaluation) -> bytes:
    from quoth.eval.html import html

    articles = [row.article for row in evaluation.rows]
    titles = {a.id: str(a.metadata.get("title") or a.id) for a in articles}
    return html(evaluation.result, {a.id: a.text for a in articles}, titles).encode("utf-8", "replace")


def _release(name: str | None, result: object) -> None:
    """None: not asked for; empty: only the tables."""
    if name is None:
        return
    from quoth.eval.release import publish
    from quoth.eval.release import release as write_tables

    if name:
        click.echo(f"quoth: wrote {publish(name, result)}", err=True)  # type: ignore[arg-type]
    for path in write_tables():
        click.echo(f"quoth: wrote the tables of {path}", err=True)


def _json(path: Path | None, result: object) -> None:
    if path is not None:
        from quoth.writing import write_json

        write_json(path, result)
