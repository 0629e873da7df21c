"""Behavioural tests of the stance classifier: what it must know, what must not move it, and what must.

After CheckList (Ribeiro, Wu, Guestrin and Singh, Beyond Accuracy, ACL 2020).  Every case of `quoth.eval.cases` is a
test of minimum functionality (MFT).  Its words are swapped and its typography is disturbed, which must not change
the answer, right or wrong (invariance, INV); its own changes must change the answer as they state (directional
expectation, DIR), or not at all where they state nothing (INV).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from quoth.errors import InputError
from quoth.eval.cases import Case, Choice, Words, choose, filled, parts
from quoth.eval.disturbances import disturbed
from quoth.eval.gold import STANCES
from quoth.eval.markdown import table
from quoth.eval.scores import Floats, wilson

Kind = Literal["MFT", "INV", "DIR"]

EXAMPLES = 5
"""Failures of one test that are shown."""

SHUFFLES = 2000
"""Draws for the p of a gap."""


class Answer(Protocol):
    """What a classifier says of one statement."""

    @property
    def stance(self) -> ArrayLike:
        """(5,) probabilities in the order of STANCES."""
        ...


class Classifier(Protocol):
    """`quoth.Labeler`, or anything that classifies given spans."""

    def classify(self, spans: Iterable[tuple[str, int, int]]) -> Sequence[Answer]:
        """An answer for each (text, start, end), in code points, in order."""
        ...


class Example(msgspec.Struct, frozen=True):
    """A failure.  original: the text before the change, None for MFT.  probability: of the stance got."""

    text: str
    expected: str
    got: str
    probability: float
    original: str | None


class Behaviour(msgspec.Struct, frozen=True):
    """One test.  A case fails it if any variant does.  rate: of failures, low and high `quoth.eval.scores.wilson`'s.
    examples: the surest failure of a case, the surest first."""

    test: str
    kind: Kind
    cases: int
    failures: int
    rate: float
    low: float
    high: float
    examples: list[Example]


class Group(msgspec.Struct, frozen=True):
    """probability: mean, of the stance told of the case as first filled.  rates: of each stance told."""

    name: str
    texts: int
    probability: float
    rates: dict[str, float]


class Gap(msgspec.Struct, frozen=True):
    """How far the answers for the groups of a slot lie apart, on the same cases.

    gap: largest less smallest mean probability; p: of one as large if groups made no difference, by shuffling
    them within each case (approximate randomization, Noreen 1989; for the + 1, Phipson & Smyth 2010).
    rate_gap: the largest difference of two groups' rates of one stance, which is `stance`.
    """

    slot: str
    axis: str
    cases: int
    groups: list[Group]
    gap: float
    p: float
    stance: str
    rate_gap: float


class Rule(msgspec.Struct, frozen=True):
    """Cases and changes that name a codebook rule.  rate: of passes, low and high `quoth.eval.scores.wilson`'s."""

    rule: int
    cases: int
    passes: int
    rate: float
    low: float
    high: float


class Behaviours(msgspec.Struct, frozen=True):
    """texts: that the classifier was asked about, each once."""

    seed: int
    texts: int
    behaviours: list[Behaviour]
    gaps: list[Gap]
    rules: list[Rule]


class _Trial(NamedTuple):
    """A text with its statement marked; expect: allowed stances, None for that of the original."""

    kind: Kind
    test: str
    case: int
    text: str
    expect: tuple[str, ...] | None
    original: str | None
    rule: int | None


class _Cell(NamedTuple):
    """A text whose slot is filled from one of its lists."""

    case: int
    words: Words
    text: str
    original: str


_Told = Mapping[str, Floats]


def run(labeler: Classifier, cases: Sequence[Case], seed: int = 0, rules: Sequence[Case] = ()) -> Behaviours:
    """Ask a classifier about all cases and their variants, and about rules as they are written, in one call.

    seed: of the words that first fill a case, the typo, the clutter and the shuffles; what is drawn for a case
    does not depend on the others.  rules: `quoth.eval.cases.rule_cases` or their like, which are tests of minimum
    functionality alone: their words are not swapped, their typography stays and their changes are not made.
    Raises InputError without a case of either kind.
    """
    if not cases and not rules:
        raise InputError("found no case to test, expected one at least")
    trials: list[_Trial] = []
    cells: list[_Cell] = []
    for number, case in enumerate(cases):
        rng = random.Random(f"{seed} {case.text}")
        choice = choose(case, rng)
        base = filled(case.text, choice)
        trials.append(_Trial("MFT", case.test, number, base, case.expect, None, case.rule))
        trials += [
            _Trial("INV", test, number, text, None, base, None)
            for test, text in [*_swaps(case, choice), *disturbed(base, rng)]
            if text != base
        ]
        for edit in case.edits:
            kind: Kind = "DIR" if edit.expect else "INV"
            text = filled(edit.text, choice)
            trials.append(_Trial(kind, edit.test, number, text, edit.expect, base, edit.rule))
        cells += [_Cell(number, words, text, base) for words, text in _fillings(case, choice)]
    for number, case in enumerate(rules, len(cases)):
        text = filled(case.text, choose(case, random.Random(f"{seed} {case.text}")))
        trials.append(_Trial("MFT", case.test, number, text, case.expect, None, case.rule))
    told = _ask(labeler, [*(trial.text for trial in trials), *(cell.text for cell in cells)])
    failures = [_failure(trial, told) for trial in trials]
    return Behaviours(
        seed, len(told), _behaviours(trials, failures), _gaps(cells, told, seed), _rules(trials, failures)
    )


def markdown(result: Behaviours) -> str:
    """Tables of failures, rules and gaps."""
    rows = [[b.test, b.kind, str(b.cases), str(b.failures), _rate(b)] for b in result.behaviours]
    tables = [table(["behaviour", "kind", "cases", "failures", "failure rate [95 %]"], rows)]
    if result.rules:
        rows = [[str(r.rule), str(r.cases), str(r.passes), _rate(r)] for r in result.rules]
        tables.append(table(["codebook rule", "cases", "passes", "pass rate [95 %]"], rows))
    if result.gaps:
        rows = [
            [_swap(g.slot, g.axis), str(g.cases), str(len(g.groups)), _percent(g.gap), f"{g.p:.3f}",
             f"{_percent(g.rate_gap)} ({g.stance})"]
            for g in result.gaps
        ]  # fmt: skip
        head = [
            "largest gap between groups",
            "cases",
            "groups",
            "points of probability",
            "p",
            "of a stance's rate",
        ]
        tables.append(table(head, rows))
    return (
        "\n\n".join(
            [
                *tables,
                f"{result.texts} texts, seed {result.seed}; examples of failures are in the HTML report and the JSON.",
            ]
        )
        + "\n"
    )


def swaps(results: Mapping[str, Behaviours]) -> str:
    """What other names, nationalities and countries in the same sentences do to each model's answers.

    In how many cases the stance changes, and the gap between groups.
    """
    cells = [
        {_swap(g.slot, g.axis): [_changed(result, _swap(g.slot, g.axis)), f"{_percent(g.gap)} (p {g.p:.3f})"]
         for g in result.gaps}
        for result in results.values()
    ]  # fmt: skip
    made = dict.fromkeys(swap for model in cells for swap in model)
    rows = [[swap, *(cell for model in cells for cell in model.get(swap, ["-", "-"]))] for swap in made]
    head = [cell for name in results for cell in (f"{name}: another stance", "points of probability")]
    return table(["", *head], rows)


def _changed(result: Behaviours, swap: str) -> str:
    tests = [b for b in result.behaviours if (b.kind, b.test) == ("INV", swap)]
    return f"{tests[0].failures} of {tests[0].cases}" if tests else "-"


def _swaps(case: Case, choice: Choice) -> Iterator[tuple[str, str]]:
    """Other words in one slot at a time: of a list without groups all others, else those of lists that differ
    along one axis."""
    for slot, lists in case.slots.items():
        words, position = choice[slot]
        if len(lists) == 1:
            for other in range(len(words.words)):
                yield _swap(slot, slot), filled(case.text, {**choice, slot: (words, other)})
        for another in lists:
            axes = [axis for axis in words.groups if words.groups[axis] != another.groups[axis]]
            if len(axes) == 1:
                yield _swap(slot, axes[0]), filled(case.text, {**choice, slot: (another, position)})


def _fillings(case: Case, choice: Choice) -> Iterator[tuple[Words, str]]:
    """The text with one word of each list, slot by slot."""
    for slot, lists in case.slots.items():
        if len(lists) > 1 and f"{{{slot}}}" in case.text:
            for words in lists:
                yield words, filled(case.text, {**choice, slot: (words, choice[slot][1])})


def _swap(slot: str, axis: str) -> str:
    return f"another {slot}" if slot == axis else f"another {slot}: {axis}"


def _ask(labeler: Classifier, texts: Iterable[str]) -> _Told:
    """Marked text -> (5,) probabilities."""
    asked = list(dict.fromkeys(texts))
    spans = []
    for marked in asked:
        before, said, after = parts(marked)
        spans.append((before + said + after, len(before), len(before) + len(said)))
    answers = labeler.classify(spans)
    return {
        marked: np.asarray(answer.stance, dtype=np.float64)
        for marked, answer in zip(asked, answers, strict=True)
    }


def _stance(probabilities: Floats) -> str:
    return STANCES[int(probabilities.argmax())]


def _failure(trial: _Trial, told: _Told) -> Example | None:
    probabilities = told[trial.text]
    got = _stance(probabilities)
    expected = trial.expect or (_stance(told[trial.original or trial.text]),)
    if got in expected:
        return None
    return Example(trial.text, " or ".join(expected), got, float(probabilities.max()), trial.original)


def _behaviours(trials: Sequence[_Trial], failures: Sequence[Example | None]) -> list[Behaviour]:
    """MFT first, then INV and DIR, each in the order of the cases."""
    tests: dict[tuple[Kind, str], dict[int, list[Example]]] = {}
    for trial, failure in zip(trials, failures, strict=True):
        cases = tests.setdefault((trial.kind, trial.test), {})
        cases.setdefault(trial.case, []).extend([failure] if failure else [])
    found = []
    for (kind, test), cases in sorted(
        tests.items(), key=lambda item: ("MFT", "INV", "DIR").index(item[0][0])
    ):
        worst = [max(examples, key=lambda e: e.probability) for examples in cases.values() if examples]
        worst.sort(key=lambda example: -example.probability)
        n, failed = len(cases), len(worst)
        found.append(Behaviour(test, kind, n, failed, *_share(failed, n), examples=worst[:EXAMPLES]))
    return found


def _rules(trials: Sequence[_Trial], failures: Sequence[Example | None]) -> list[Rule]:
    outcomes: dict[int, list[bool]] = {}
    for trial, failure in zip(trials, failures, strict=True):
        if trial.rule is not None:
            outcomes.setdefault(trial.rule, []).append(failure is None)
    return [
        Rule(rule, len(passed), sum(passed), *_share(sum(passed), len(passed)))
        for rule, passed in sorted(outcomes.items())
    ]


def _share(hits: int, n: int) -> tuple[float, float, float]:
    interval = wilson(hits, n)
    return interval.value, interval.low, interval.high


def _gaps(cells: Sequence[_Cell], told: _Told, seed: int) -> list[Gap]:
    axes = dict.fromkeys((cell.words.slot, axis) for cell in cells for axis in cell.words.groups)
    gaps = []
    for slot, axis in axes:
        groups: dict[str, dict[int, list[_Cell]]] = {}
        for cell in cells:
            if cell.words.slot == slot and axis in cell.words.groups:
                groups.setdefault(cell.words.groups[axis], {}).setdefault(cell.case, []).append(cell)
        # Cases of another file may know other groups.
        shared = sorted(set.intersection(*({*cases} for cases in groups.values())))
        if len(groups) > 1 and shared:
            table = {name: [cases[case] for case in shared] for name, cases in groups.items()}
            gaps.append(_gap(slot, axis, table, told, seed))
    return gaps


def _gap(
    slot: str, axis: str, groups: Mapping[str, Sequence[Sequence[_Cell]]], told: _Told, seed: int
) -> Gap:
    """groups: a group's texts, case by case, for the same cases."""
    table = np.array([[_of_base(cells, told) for cells in cases] for cases in groups.values()])
    means = table.mean(1)
    gap = float(np.ptp(means))
    shuffles = np.random.default_rng(seed).permuted(np.tile(table, (SHUFFLES, 1, 1)), axis=1)
    # A shuffle that does no more than rename the groups gives the gap again, but for rounding.
    extreme = int((np.ptp(shuffles.mean(2), axis=1) >= gap - 1e-12).sum())
    found = []
    for (name, cases), mean in zip(groups.items(), means, strict=True):
        got = [_stance(told[cell.text]) for cells in cases for cell in cells]
        rates: dict[str, float] = {stance: got.count(stance) / len(got) for stance in STANCES}
        found.append(Group(name, len(got), float(mean), rates))
    spread = {stance: float(np.ptp([group.rates[stance] for group in found])) for stance in STANCES}
    widest = max(STANCES, key=lambda stance: spread[stance])
    p = (extreme + 1) / (SHUFFLES + 1)
    return Gap(slot, axis, table.shape[1], found, gap, p, widest, spread[widest])


def _of_base(cells: Sequence[_Cell], told: _Told) -> float:
    """Mean probability of the stance told of the case as first filled."""
    return float(np.mean([told[cell.text][told[cell.original].argmax()] for cell in cells]))


def _rate(share: Behaviour | Rule) -> str:
    return f"{_percent(share.rate)} [{_percent(share.low)}, {_percent(share.high)}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
