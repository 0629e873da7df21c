from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError
from quoth.eval.behaviour import Behaviour, Behaviours, Gap, Kind, markdown, run
from quoth.eval.cases import choose, filled, parts, read_cases, rule_cases
from quoth.eval.disturbances import disturbed
from quoth.eval.gold import STANCES
from quoth.eval.scores import wilson

PLAIN = {"test": "denial", "text": "[[“We never took it,”]] Ida Brandt said.", "expect": "denial"}
WOMEN = {"slot": "speaker", "groups": {"gender": "woman"}, "words": ["Ida Brandt", "Pia Rask"]}
MEN = {"slot": "speaker", "groups": {"gender": "man"}, "words": ["Ole Brandt", "Jon Rask"]}


@dataclass
class Told:
    stance: list[float]


class Fake:
    """Answers by a function of text and statement, with a probability of 0.8, and remembers what it was asked."""

    def __init__(self, answer: Callable[[str, str], str]) -> None:
        self._answer = answer
        self.calls: list[list[tuple[str, int, int]]] = []

    def classify(self, spans: Iterable[tuple[str, int, int]]) -> list[Told]:
        self.calls.append(list(spans))
        answers = [self._answer(text, text[start:end]) for text, start, end in self.calls[-1]]
        return [Told([0.8 if stance == answer else 0.05 for stance in STANCES]) for answer in answers]


def always(stance: str) -> Fake:
    return Fake(lambda text, said: stance)


def written(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "mine.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


def behaviour(result: Behaviours, kind: Kind, test: str) -> Behaviour:
    (found,) = [b for b in result.behaviours if (b.kind, b.test) == (kind, test)]
    return found


def gap(result: Behaviours, axis: str) -> Gap:
    (found,) = [g for g in result.gaps if g.axis == axis]
    return found


def test_the_packages_cases_cover_every_stance_in_quotations_and_paraphrases() -> None:
    cases = read_cases()
    assert len(cases) == len({case.text for case in cases}) >= 60
    kinds = Counter((case.expect, parts(case.text)[1][0] == "“") for case in cases)
    assert min(kinds[(stance,), quoted] for stance in STANCES for quoted in (True, False)) >= 4
    rules = {case.rule for case in cases} | {edit.rule for case in cases for edit in case.edits}
    assert rules == {None, *range(1, 20)}


def test_every_rule_with_cases_has_ten_and_no_text_is_asked_twice() -> None:
    cases = rule_cases()
    counts = Counter(case.rule for case in cases)
    assert counts.keys() == {*range(1, 20)} and min(counts.values()) >= 10
    texts = [case.text for case in [*cases, *read_cases()]]
    assert len(texts) == len(set(texts))
    assert {case.test for case in cases} == {"codebook rules"}
    assert not any(case.slots or case.edits for case in cases)


def test_cases_of_rules_are_counted_once_and_as_written(tmp_path: Path) -> None:
    asked = always("denial")
    result = run(asked, read_cases(written(tmp_path, {**PLAIN, "rule": 12})), rules=rule_cases())
    plain = run(always("denial"), read_cases(written(tmp_path, {**PLAIN, "rule": 12})))
    assert result.texts == plain.texts + len(rule_cases())
    spans = {("".join(parts(case.text)), len(parts(case.text)[0])) for case in rule_cases()}
    assert spans <= {(text, start) for text, start, _ in asked.calls[0]}
    others = [b for b in result.behaviours if b.test != "codebook rules"]
    assert others == plain.behaviours
    tested = behaviour(result, "MFT", "codebook rules")
    hits = Counter(case.rule for case in rule_cases() if case.expect == ("denial",))
    assert (tested.cases, tested.cases - tested.failures) == (len(rule_cases()), hits.total())
    sizes = Counter(case.rule for case in rule_cases())
    own = {12: 1}
    found = [(r.rule, r.cases, r.passes) for r in result.rules]
    assert found == [(r, sizes[r] + own.get(r, 0), hits[r] + own.get(r, 0)) for r in range(1, 20)]


def test_rules_alone_are_tested_and_their_changes_are_not_made(tmp_path: Path) -> None:
    text = "[[“We never took it,”]] {speaker} said."
    change = {"test": "negation", "replace": {"never": "always"}, "expect": "accusation"}
    line = {**PLAIN, "text": text, "rule": 4, "changes": [change]}
    fake = always("denial")
    result = run(fake, [], rules=read_cases(written(tmp_path, WOMEN, MEN, line)))
    assert [(b.kind, b.cases, b.failures) for b in result.behaviours] == [("MFT", 1, 0)]
    ((asked, _, _),) = fake.calls[0]
    assert re.fullmatch(r"“We never took it,” (Ida|Ole|Pia|Jon) (Brandt|Rask) said\.", asked)
    assert (result.texts, result.gaps) == (1, [])


def test_the_packages_names_of_both_genders_pair_up_by_surname() -> None:
    lists = next(case.slots["speaker"] for case in read_cases() if "speaker" in case.slots)
    surnames: dict[str, dict[str, list[str]]] = {}
    for words in lists:
        of_origin = surnames.setdefault(words.groups["origin"], {})
        of_origin[words.groups["gender"]] = [name.rpartition(" ")[2] for name in words.words]
    assert len(surnames) > 1
    for of_origin in surnames.values():
        assert of_origin["woman"] == of_origin["man"]


def test_everything_is_asked_in_one_call_about_the_marked_words() -> None:
    fake = always("other")
    result = run(fake, read_cases())
    (asked,) = fake.calls
    assert result.texts == len(asked) == len(set(asked))
    for text, start, end in asked:
        assert not re.search(r"\[\[|\]\]|[{}]", text)
        assert text[start:end] == text[start:end].strip() != ""


def test_who_always_says_denial_fails_what_is_none_and_is_invariant(tmp_path: Path) -> None:
    other = {
        "test": "other",
        "text": "[[“It opens in May,”]] Ida Brandt said.",
        "expect": "other",
        "rule": 17,
    }
    either = {**other, "text": "[[“Hm, no,”]] she said.", "expect": ["other", "denial"]}
    result = run(always("denial"), read_cases(written(tmp_path, PLAIN, other, either)))
    assert behaviour(result, "MFT", "denial").failures == 0
    failed = behaviour(result, "MFT", "other")
    assert (failed.cases, failed.failures, failed.rate) == (2, 1, 0.5)
    assert (failed.rate, failed.low, failed.high) == astuple(wilson(1, 2))
    (example,) = failed.examples
    assert (example.text, example.expected, example.got) == (other["text"], "other", "denial")
    assert example.probability == pytest.approx(0.8) and example.original is None
    invariant = {b.test: b.failures for b in result.behaviours if b.kind == "INV"}
    assert invariant == {"quotation marks": 0, "ALL CAPS": 0, "clutter": 0, "a neutral sentence": 0}
    assert [(r.rule, r.cases, r.passes) for r in result.rules] == [(17, 2, 1)]


@pytest.mark.parametrize(
    ("answer", "failing"),
    [
        (lambda text, said: "denial" if "“" in text else "other", "quotation marks"),
        (lambda text, said: "denial" if "minister" in text.lower() else "other", "a typo outside the statement"),
        (lambda text, said: "denial" if "We" in text else "other", "ALL CAPS"),
        (lambda text, said: "other" if "\n\n" in text else "denial", "clutter"),
        (lambda text, said: "other" if "museum" in text or "library" in text else "denial", "a neutral sentence"),
    ],
)  # fmt: skip
def test_who_minds_typography_fails_that_test_alone(
    answer: Callable[[str, str], str], failing: str, tmp_path: Path
) -> None:
    text = "[[“We never took it,”]] a minister said."
    cases = read_cases(written(tmp_path, {**PLAIN, "text": text}))
    # Which neutral sentence is drawn depends on the seed.
    failed = {b.test for seed in range(8) for b in run(Fake(answer), cases, seed).behaviours if b.failures}
    assert failed == {failing}


def test_the_answer_before_is_what_an_invariant_one_is_held_to(tmp_path: Path) -> None:
    shouted = Fake(lambda text, said: "solidarity" if text.isupper() else "condemnation")
    result = run(shouted, read_cases(written(tmp_path, PLAIN)))
    (example,) = behaviour(result, "INV", "ALL CAPS").examples
    assert (example.expected, example.got, example.original) == (
        "condemnation",
        "solidarity",
        PLAIN["text"],
    )


def test_changes_are_held_to_what_they_state_or_to_the_answer_before(tmp_path: Path) -> None:
    changes = [
        {"test": "verb", "replace": {"said": "denied that", "it would": "they would"}, "expect": "denial"},
        {"test": "verb", "replace": {"said": "condemned", "it would open": "the opening"},
         "expect": "condemnation", "rule": 7},
        {"test": "beside", "replace": {"in May.": "in May. The owner denied it."}},
    ]  # fmt: skip
    line = {
        "test": "other",
        "text": "[[A clerk said it would open]] in May.",
        "expect": "other",
        "changes": changes,
    }
    cases = read_cases(written(tmp_path, line))
    near = run(Fake(lambda text, said: "denial" if "denied" in text else "other"), cases)
    assert behaviour(near, "INV", "beside").failures == 1
    verb = behaviour(near, "DIR", "verb")
    assert (verb.cases, verb.failures) == (1, 1)
    assert [e.text for e in verb.examples] == ["[[A clerk condemned the opening]] in May."]
    assert [(r.rule, r.passes) for r in near.rules] == [(7, 0)]
    right = Fake(
        lambda text, said: (
            "denial" if "denied" in said else "condemnation" if "condemned" in said else "other"
        )
    )
    assert not any(b.failures for b in run(right, cases).behaviours)


def test_a_prejudice_shows_as_gap_and_failure(tmp_path: Path) -> None:
    text = "{speaker} came in. [[“No {0},”]] {he} told {his} friends."
    lines = [{**PLAIN, "text": text.replace("{0}", word)} for word in "beer wine milk tea soup rum".split()]
    sexist = Fake(lambda text, said: "denial" if " she " in f" {text.lower()} " else "other")
    result = run(sexist, read_cases(written(tmp_path, WOMEN, MEN, *lines)), seed=1)
    failed = behaviour(result, "INV", "another speaker: gender")
    assert (failed.cases, failed.failures) == (6, 6)
    found = gap(result, "gender")
    women, men = found.groups
    assert (women.name, women.texts, women.rates["denial"], men.rates["denial"]) == ("woman", 6, 1.0, 0.0)
    assert (found.cases, found.rate_gap) == (6, 1.0) and found.stance in ("denial", "other")
    first = Counter(b.text.split()[0] for b in failed.examples)
    assert set(first) <= {"Ida", "Ole", "Pia", "Jon"}
    fair = gap(run(always("other"), read_cases(written(tmp_path, WOMEN, MEN, *lines))), "gender")
    assert (fair.gap, fair.p, fair.rate_gap) == (0.0, 1.0, 0.0)


def test_a_gap_that_every_case_shows_is_no_chance(tmp_path: Path) -> None:
    class Tilted(Fake):
        def classify(self, spans: Iterable[tuple[str, int, int]]) -> list[Told]:
            return [Told([0.6 if "Ida" in t or "Pia" in t else 0.5, 0.1, 0.1, 0.1, 0.1]) for t, _, _ in spans]

    lines = [{**PLAIN, "text": f"[[“No {n},”]] {{speaker}} said."} for n in range(12)]
    found = gap(
        run(Tilted(lambda text, said: ""), read_cases(written(tmp_path, WOMEN, MEN, *lines))), "gender"
    )
    assert [group.probability for group in found.groups] == pytest.approx([0.6, 0.5])
    # Of 2^12 ways to name the groups case by case, two give the gap.
    assert found.gap == pytest.approx(0.1) and found.p < 0.005
    assert found.rate_gap == 0


def test_what_is_drawn_for_a_case_does_not_depend_on_the_others() -> None:
    cases = read_cases()
    whole, part = always("other"), always("other")
    run(whole, cases, seed=3)
    run(part, cases[40:50], seed=3)
    assert {*part.calls[0]} < {*whole.calls[0]}
    again, another = always("other"), always("other")
    run(again, cases, seed=3)
    run(another, cases, seed=4)
    assert again.calls == whole.calls != another.calls


@pytest.mark.parametrize("gender", ["woman", "man"])
def test_pronouns_and_surname_follow_the_speaker(gender: str, tmp_path: Path) -> None:
    text = "{speaker} spoke. {He} met {his} aunt. [[“No,”]] she told {him}, and {last} left."
    (case,) = read_cases(written(tmp_path, WOMEN, MEN, {**PLAIN, "text": text}))
    wanted = {
        "woman": "Ida Brandt spoke. She met her aunt. [[“No,”]] she told her, and Brandt left.",
        "man": "Ole Brandt spoke. He met his aunt. [[“No,”]] she told him, and Brandt left.",
    }
    chosen = next(words for words in case.slots["speaker"] if words.groups["gender"] == gender)
    assert filled(case.text, {"speaker": (chosen, 0)}) == wanted[gender]


def test_the_genders_of_one_choice_share_a_surname(tmp_path: Path) -> None:
    (case,) = read_cases(written(tmp_path, WOMEN, MEN, {**PLAIN, "text": "[[“No,”]] {speaker} said."}))
    for seed in range(5):
        _, position = choose(case, random.Random(seed))["speaker"]
        names = {filled("{speaker}", {"speaker": (words, position)}) for words in case.slots["speaker"]}
        assert names in ({"Ida Brandt", "Ole Brandt"}, {"Pia Rask", "Jon Rask"})


def test_a_word_of_the_cases_own_list_is_swapped_for_all_others(tmp_path: Path) -> None:
    line = {**PLAIN, "text": "[[“No {fruit},”]] she said.", "words": {"fruit": ["pears", "plums", "figs"]}}
    result = run(
        Fake(lambda text, said: "denial" if "figs" in said else "other"),
        read_cases(written(tmp_path, line)),
    )
    swapped = behaviour(result, "INV", "another fruit")
    assert (swapped.cases, swapped.failures) == (1, 1)
    assert not result.gaps


def test_a_file_may_use_and_replace_the_packages_lists(tmp_path: Path) -> None:
    text = "[[“No,”]] {speaker} told the {nationality} envoy."
    (case,) = read_cases(written(tmp_path, WOMEN, {**PLAIN, "text": text}))
    assert [words.words for words in case.slots["speaker"]] == [WOMEN["words"]]
    shipped = next(c.slots["nationality"] for c in read_cases() if "nationality" in c.slots)
    assert case.slots["nationality"] == shipped and len(shipped) > 1


def test_a_gap_is_over_the_cases_that_know_all_groups(tmp_path: Path) -> None:
    text = "[[“No,”]] the {nationality} envoy said."
    own = {"slot": "nationality", "groups": {"nationality": "Danish"}, "words": ["Danish"]}
    (mine,) = read_cases(
        written(tmp_path, own, {**own, "groups": {"nationality": "Old"}}, {**PLAIN, "text": text})
    )
    (shipped,) = read_cases(written(tmp_path, {**PLAIN, "text": text}))
    assert [g.cases for g in run(always("other"), [mine, mine, shipped]).gaps] == []
    assert [g.cases for g in run(always("other"), [mine, mine]).gaps] == [2]


@pytest.mark.parametrize(
    ("marked", "variants"),
    [
        ("[[“I’m in,”]] he said.", {"[[“I’m in,”]] he said.", '[["I\'m in,"]] he said.', "[[‘I’m in,’]] he said."}),
        ('"A," he said. [["B."]]', {"“A,” he said. [[“B.”]]", '"A," he said. [["B."]]', "‘A,’ he said. [[‘B.’]]"}),
        ("[[‘No,’]] he said.", set()),
        ('It is 5" long, [[he said]].', set()),
        ("[[She denied it]].", set()),
    ],
)  # fmt: skip
def test_quotation_marks_change_with_their_apostrophes(marked: str, variants: set[str]) -> None:
    found = {text for test, text in disturbed(marked, random.Random(0)) if test == "quotation marks"}
    assert found == variants


def test_a_typo_leaves_statement_names_and_short_words_alone() -> None:
    marked = "Reporters waited. [[“Nothing happened yesterday,”]] a Norwegian minister said."
    typos = set()
    for seed in range(200):
        tests = dict(disturbed(marked, random.Random(seed)))
        (typo,) = [text for test, text in tests.items() if test.startswith("a typo")]
        assert parts(typo)[1] == parts(marked)[1] and Counter(typo) == Counter(marked)
        changed = [(a, b) for a, b in zip(marked.split(), typo.split(), strict=True) if a != b]
        typos |= {*changed}
    assert {before for before, _ in typos} == {"waited.", "minister"}
    assert all(before[0] == after[0] for before, after in typos)


def test_without_a_long_word_outside_there_is_no_typo() -> None:
    tests = [test for test, _ in disturbed("[[“Nothing happened,”]] he said.", random.Random(0))]
    assert "a typo outside the statement" not in tests and "clutter" in tests


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({**PLAIN, "expect": "denail"}, "expect: found 'denail', expected one of accusation, denial, "),
        ({**PLAIN, "expect": []}, "expect: found '', expected one of accusation"),
        ({**PLAIN, "text": "“We never took it,” she said."}, "text: found .*, expected one statement between"),
        ({**PLAIN, "text": "[[“No,”]] she [[said]]."}, "text: found .*, expected one statement between"),
        ({**PLAIN, "text": "[[“...”]] she said."}, "text: found .*, expected one statement between"),
        ({**PLAIN, "text": "[[“No,”]] {speeker} said."}, r"text: found the slot \{speeker\}, expected .*speaker"),
        ({**PLAIN, "text": "[[“No,”]] she {said."}, "text: found a brace alone, expected slots such as"),
        ({**PLAIN, "text": "[[“No,”]] {he} said."}, r"text: found \{he\}, expected \{speaker\} in the same text"),
        ({**PLAIN, "text": "[[“No,”]] {he} told {speaker}.", "words": {"speaker": ["Ida Brandt"]}},
         r"text: found \{he\}, expected a gender, woman or man, in the groups"),
        ({**PLAIN, "words": {"fruit": ["figs"]}}, "words: found fruit, expected slots of the text"),
        ({**PLAIN, "words": {"fruit": []}}, r"words of 'fruit': found \[\], expected one word at least"),
        ({**PLAIN, "changes": [{"test": "verb", "replace": {"says": "denies"}}]},
         "change 1: replace: found 'says' 0 times in the text, expected it once"),
        ({**PLAIN, "changes": [{"test": "verb", "replace": {}}]}, "change 1: replace: found nothing, expected"),
        ({**PLAIN, "changes": [{"test": "verb", "replace": {"]]": ""}}]}, "change 1: text: found .*, expected one"),
        ({**PLAIN, "changes": [{"test": "verb", "replace": {"never": "not"}, "expect": "no"}]},
         "change 1: expect: found 'no', expected one of"),
        ({**PLAIN, "stance": "denial"}, "unknown field `stance`"),
        ({"text": PLAIN["text"], "expect": "denial"}, "missing required field `test`"),
        ({**PLAIN, "text": 7}, r"Expected `str`, got `int` - at `\$.text`"),
        ('{"test": "denial"', "malformed|truncated"),
        ("[]", "Expected `object`, got `array`"),
        ({**WOMEN, "slot": "his"}, "slot: found 'his', expected one word that is none of he, "),
        ({**WOMEN, "words": ["Ida", " "]}, "words: found .*, expected one word at least, and none of them empty"),
        ({**WOMEN, "words": ["I{d}a"]}, "words: found 'I{d}a', expected a word without brackets and braces"),
        ({**MEN, "groups": {"age": "old"}}, "groups: found age, expected gender"),
        ({**MEN, "groups": {}}, "groups: found none, expected gender"),
        (MEN, "groups: found man again, expected one list of each group"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_field(line: dict[str, Any] | str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, MEN, "", line)
    with pytest.raises(InputError, match=f"^{path}, line 3.*({message})"):
        read_cases(path)


def test_a_second_list_needs_groups(tmp_path: Path) -> None:
    fruit = {"slot": "fruit", "words": ["figs"]}
    with pytest.raises(InputError, match="line 2: groups: found none, expected no second list of this slot"):
        read_cases(written(tmp_path, fruit, fruit))


def test_no_case_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mine.jsonl: found no case"):
        read_cases(written(tmp_path, WOMEN))
    with pytest.raises(InputError, match="found no case to test"):
        run(always("other"), [])


def test_the_report_shows_failures_gaps_and_rules_and_is_json(tmp_path: Path) -> None:
    text = "[[“No | none,”]] {speaker} said."
    cases = read_cases(written(tmp_path, WOMEN, MEN, {**PLAIN, "test": "a | b", "text": text, "rule": 12}))
    result = run(Fake(lambda text, said: "other" if text.isupper() else "denial"), cases, seed=5)
    assert msgspec.json.decode(msgspec.json.encode(result), type=Behaviours) == result
    report = markdown(run(always("other"), cases))
    assert r"| a \| b | MFT | 1 | 1 | 100.0 [20.7, 100.0] |" in report
    assert "| 12 | 1 | 0 | 0.0 [0.0, 79.3] |" in report
    assert "| another speaker: gender | 1 | 2 | 0.0 | 1.000 | 0.0 (accusation) |" in report
    widths = {line.count("|") - line.count(r"\|") for line in report.splitlines() if line.startswith("| ")}
    assert widths == {6, 5, 7}
