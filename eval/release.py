"""The tables of the pages of results and limits and of the model card, written from the results that a release was measured with.

A document says where a table goes:

    <!-- results: figures on dev -->
    ...
    <!-- /results -->

What stands between is replaced.  The results lie in `results/NAME.json`, without items: labels and texts of gold
stay with who evaluates.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from quoth.errors import InputError
from quoth.eval import behaviour, report
from quoth.eval.diff import read_result
from quoth.eval.draws import Figure
from quoth.eval.gold import STANCES
from quoth.eval.markdown import table
from quoth.eval.provenance import without_folders
from quoth.eval.result import Attributions, Result
from quoth.writing import whole, write_json

RESULTS = Path("results")
DOCUMENTS = (Path("docs/results.md"), Path("MODEL_CARD.md"), Path("docs/limits.md"))

Outcome = Result | Attributions

_BLOCK = re.compile(r"(<!-- results: (?P<name>[^\n]+?) -->\n).*?(<!-- /results -->)", re.DOTALL)


def public(result: Outcome) -> Outcome:
    """A result as it can be published: no items, paths without their folders."""
    run = msgspec.structs.replace(result.run, command=without_folders(result.run.command), seconds={})
    if isinstance(result, Attributions):
        return msgspec.structs.replace(result, run=run)
    agreed = {field: dataclasses.replace(a, disputes=[]) for field, a in result.agreement.items()}
    return msgspec.structs.replace(result, run=run, items=[], suspects=[], agreement=agreed)


def publish(name: str, result: Outcome) -> Path:
    """Write a result, as it can be published, to `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    write_json(path, public(result))
    return path


def release(documents: tuple[Path, ...] = DOCUMENTS, results: Path = RESULTS) -> list[Path]:
    """Fill the tables of the documents; those that were changed.  Raises InputError as `tables` and `filled`."""
    found = tables(results)
    renewed = {path: filled(before, found, path) for path, before in _read(documents).items()}
    changed = [path for path, before in _read(documents).items() if renewed[path] != before]
    for path in changed:
        with whole(path) as file:
            file.write(renewed[path].encode())
    return changed


def _read(documents: Sequence[Path]) -> dict[Path, str]:
    texts = {}
    for path in documents:
        try:
            texts[path] = path.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise InputError(f"{path}: {error}; a release writes its tables there") from error
    return texts


def blocks(document: str) -> set[str]:
    """The names of the tables that a document has room for."""
    return {block["name"] for block in _BLOCK.finditer(document)}


def filled(document: str, found: Mapping[str, str], path: Path) -> str:
    """The document with each block's content replaced; raises InputError for a block that there is no table for."""

    def fill(block: re.Match[str]) -> str:
        if block["name"] not in found:
            raise InputError(f"{path}: no table {block['name']!r}; there are {', '.join(found)}")
        return f"{block[1]}{found[block['name']].strip()}\n{block[3]}"

    return _BLOCK.sub(fill, document)


def tables(results: Path = RESULTS) -> dict[str, str]:
    """The tables of `results/*.json` by name: figures and errors on each set of labels, swaps, attributions, and one full report of
    each.

    Raises InputError where there is none, or where those of one model are of different versions of it.
    """
    judged: dict[str, Result] = {}
    attributed: dict[str, Attributions] = {}
    for path, result in published(results):
        if isinstance(result, Attributions):
            attributed[path.stem] = result
        else:
            judged[path.stem] = result
    models = {path: (run.run.model.name, run.run.model.hash) if run.run.model else None
              for path, run in (judged | attributed).items()}  # fmt: skip
    found = {*models.values()}
    if not found or None in found or len({model[0] for model in found if model}) != len(found):
        raise InputError(
            f"{results}: expected results of one version of each model, found {models or 'none'}"
        )
    sets = by_labels(judged)
    return {
        **{f"figures on {labels}": figures(labels, of_models) for labels, of_models in sets.items()},
        **{f"errors on {labels}": errors(labels, of_models) for labels, of_models in sets.items()},
        "swaps": swaps(judged),
        "attributions": attributions(attributed),
        **{name: report.attributions_table(found) for name, found in attributed.items()},
        **{name: report.markdown(result, level=3) for name, result in judged.items()},
    }


def published(results: Path = RESULTS) -> Iterator[tuple[Path, Outcome]]:
    """Each of `results/*.json`, by name; raises InputError for one that is no result."""
    for path in sorted(path for path in results.glob("*.json") if path.is_file()):
        attributed = b'"attributed_tokens"' in path.read_bytes()
        yield path, read_attributions(path) if attributed else read_result(path)


def by_labels(judged: Mapping[str, Result]) -> dict[str, dict[str, Result]]:
    """Results by what they were measured on, and by model: "fast-dev" is that of `fast` on dev.  "dev" is that of the default, which
    comes first."""
    sets: dict[str, dict[str, Result]] = {}
    models = {name: result.run.model.name if result.run.model else name for name, result in judged.items()}
    for name, model in sorted(models.items(), key=lambda item: (item[0].startswith(f"{item[1]}-"), item[0])):
        sets.setdefault(name.removeprefix(f"{model}-"), {})[model] = judged[name]
    return sets


def figures(labels: str, judged: Mapping[str, Result]) -> str:
    """A column a result, all on the same labels: the figures that matter most."""

    def cells(value: Any) -> list[str]:
        return [value(result) for result in judged.values()]

    rows: list[list[str]] = []
    for kind, what in (("quoted", "quoted statements"), ("indirect", "paraphrases")):
        rows += [
            [f"stance of {what}, macro-F1 of the four, gold spans",
             *cells(lambda r, k=kind: report.cell(r.stance["gold_spans"][k].macro_f1_four))],
            ["the same, end to end (not found = missed)",
             *cells(lambda r, k=kind: report.cell(r.stance["end_to_end"][k].macro_f1_four))],
        ]  # fmt: skip
    rows += [
        ["sentiment, macro-F1, gold spans", *cells(lambda r: report.cell(r.sentiment["gold_spans"]["all"].macro_f1))],
        ["speaker's full name right, quoted statements", *cells(lambda r: report.cell(r.speaker["quoted"].accuracy))],
        ["the same, paraphrases", *cells(lambda r: report.cell(r.speaker["indirect"].accuracy))],
        ["target, token F1", *cells(lambda r: report.cell(r.target["all"].token_f1))],
        ["calibration error (ECE) of the stance on gold spans", *cells(lambda r: report.cell(r.calibration["gold_spans"]["all"].ece))],
        ["what a perfectly calibrated model would score: mean, 95th percentile",
         *cells(lambda r: f"{report.percent(r.calibration['gold_spans']['all'].perfect)}, "
                          f"{report.percent(r.calibration['gold_spans']['all'].perfect_high)}")],
    ]  # fmt: skip
    articles = sorted({r.articles.gold for r in judged.values()})
    return table([f"{labels}, {' or '.join(map(str, articles))} articles", *judged], rows)


def attributions(attributed: Mapping[str, Attributions]) -> str:
    """A table a result; of several each behind its name."""
    found = {name: report.attributions_table(a, brief=True) for name, a in attributed.items()}
    return "\n\n".join(f"*{name}*\n\n{shown}" if len(found) > 1 else shown for name, shown in found.items())


def errors(labels: str, judged: Mapping[str, Result]) -> str:
    """A column a result, all on the same labels: of a hundred, how many are wrong, end to end."""
    rows = []
    for stance in STANCES[:-1]:
        of = [r.stance["end_to_end"]["quoted"].classes[stance] for r in judged.values()]
        rows += [
            [f"quotations that it calls {stance}, and are not", *(_wrong(c.precision) for c in of)],
            [f"quotations that are {stance}, and it calls otherwise", *(_wrong(c.recall) for c in of)],
        ]
    rows += [
        ["paraphrases that take a stance, and it does not find", *(_wrong(r.extraction["indirect"].covered) for r in judged.values())],
        ["paraphrases whose first and last letter are not the label's, missed ones among them", *(_wrong(r.extraction["indirect"].exact.recall) for r in judged.values())],
        ["speakers of quotations: another name, or none", *(_wrong(r.speaker["quoted"].accuracy) for r in judged.values())],
    ]  # fmt: skip
    for naming, what in (("description", "by a description"), ("institution", "as an institution")):
        of_naming = [r.speaker_by_naming.get(naming) for r in judged.values()]
        rows.append(
            [f"speakers of either kind, named {what}", *(_wrong(s.accuracy) if s else "-" for s in of_naming)]
        )
    return table([f"of 100 on {labels}", *judged], rows)


def _wrong(share: Figure) -> str:
    """What is left of a share of right answers, with its interval."""
    if share.value is None or share.low is None or share.high is None:
        return "-"
    return report.cell(Figure(1 - share.value, 1 - share.high, 1 - share.low))


def swaps(judged: Mapping[str, Result]) -> str:
    """The behavioural tests of each model; they do not depend on the labels of a result."""
    tested = {r.run.model.name: r.behaviour for r in judged.values() if r.run.model and r.behaviour}
    return behaviour.swaps(tested)


def read_attributions(path: Path) -> Attributions:
    """What `quoth eval --attributions --json` wrote; raises InputError that names file and field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Attributions)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"{path}: {error}; expected what `quoth eval --attributions --json` wrote"
        ) from error
