"""Cases of behavioural tests, written by hand: read from a file, checked, and filled with words.

A case is a line of JSON: a short text with one statement between [[ and ]], and the stance the codebook gives it:

    {"test": "denial, quoted", "text": "[[“We never took it,”]] {speaker} said.", "expect": "denial"}

`expect` may be a list of allowed stances; `rule` is the codebook's number where one decides.  A slot in braces is
filled from a word list, which is a line too, {"slot": "fruit", "words": ["pears", "plums"]}, or a field of the
case, "words": {"fruit": ["pears", "plums"]}.  A slot may have a list for each of several groups, told apart by
"groups": {"gender": "woman"}.  {he}, {him}, {his}, with a capital too, and {last}, the surname, follow {speaker}.

`changes` are edits of the text after which the answer is as stated, or the same where nothing is stated:

    "changes": [{"test": "negation", "replace": {"“We never": "“The guards"}, "expect": "accusation"}]
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec

from quoth.errors import InputError
from quoth.eval.gold import STANCES, decoded, read_lines

_PRONOUNS = {"woman": ("she", "her", "her"), "man": ("he", "him", "his")}
_FOLLOW = ("he", "him", "his", "He", "Him", "His", "last")
_SLOT = re.compile(r"\{([^{}]*)\}")
_MARKED = re.compile(r"(.*?)\[\[(.*?)\]\](.*)", re.DOTALL)


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may fill a slot.  groups: axis -> group, where a slot has several lists."""

    slot: str
    words: list[str]
    groups: dict[str, str] = {}


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    test: str
    replace: dict[str, str]
    expect: str | list[str] | None = None
    rule: int | None = None


class _CaseLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    test: str
    text: str
    expect: str | list[str]
    rule: int | None = None
    words: dict[str, list[str]] = {}
    changes: list[_Change] = []


@dataclass(frozen=True, slots=True)
class Edit:
    """A case's text after a change; expect: allowed stances, None where the answer must stay."""

    test: str
    text: str
    expect: tuple[str, ...] | None
    rule: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """text: with slots in braces, its statement between [[ and ]].  expect: allowed stances.  slots: of the text
    and its edits, with the lists that fill each."""

    test: str
    text: str
    expect: tuple[str, ...]
    rule: int | None
    slots: Mapping[str, Sequence[Words]]
    edits: tuple[Edit, ...]


Choice = Mapping[str, tuple[Words, int]]
"""Slot -> the list that fills it, and the position of the word, counted round and round."""


def read_cases(path: Path | None = None) -> list[Case]:
    """The cases of a file in the format above; without a path, the package's own.

    A file may use the package's word lists; lists that it gives for a slot take the place of the package's.
    Raises InputError, naming file, line and field.
    """
    shipped = Path(str(resources.files("quoth.eval") / "behaviour.jsonl"))
    lists, lines = _read(path or shipped)
    if path is not None:
        lists = {**_read(shipped)[0], **lists}
    if not lines:
        raise InputError(f"{path or shipped}: found no case, expected lines with test, text and expect")
    return [_case(line, lists, where) for where, line in lines]


def rule_cases() -> list[Case]:
    """The package's cases of codebook rules 1 to 19, whole texts without slots and changes, in the order of the
    rules."""
    return read_cases(Path(str(resources.files("quoth.eval") / "rules.jsonl")))


def choose(case: Case, rng: random.Random) -> Choice:
    """A list for each slot, and one position for all: names at the same place of two lists may share their
    surname, so that gender changes alone."""
    position = rng.randrange(1 << 16)
    return {slot: (rng.choice(lists), position) for slot, lists in case.slots.items()}


def filled(text: str, choice: Choice) -> str:
    """A case's text with words in its slots."""
    fills = {slot: words.words[position % len(words.words)] for slot, (words, position) in choice.items()}
    if "speaker" in choice:
        fills["last"] = fills["speaker"].rpartition(" ")[2]
        forms = _PRONOUNS.get(choice["speaker"][0].groups.get("gender", ""), ())
        for slot, form in zip(("he", "him", "his"), forms, strict=False):
            fills |= {slot: form, slot.capitalize(): form.capitalize()}
    return _SLOT.sub(lambda match: fills[match[1]], text)


def parts(marked: str) -> tuple[str, str, str]:
    """What stands before, between and after [[ and ]]."""
    match = _MARKED.fullmatch(marked)
    if match is None:
        raise InputError(f"found {marked!r}, expected one statement between [[ and ]]")
    return match[1], match[2], match[3]


def _read(path: Path) -> tuple[dict[str, list[Words]], list[tuple[str, _CaseLine]]]:
    """Word lists by slot, and cases with the place of each."""
    lists: dict[str, list[Words]] = {}
    cases = []
    for number, line in read_lines(path):
        where = f"{path}, line {number}"
        if "slot" in decoded(line, dict[str, msgspec.Raw], where):
            words = decoded(line, Words, where)
            _add(words, lists.setdefault(words.slot, []), where)
        else:
            cases.append((where, decoded(line, _CaseLine, where)))
    return lists, cases


def _add(words: Words, to: list[Words], where: str) -> None:
    if words.slot in _FOLLOW or not re.fullmatch(r"\w+", words.slot):
        expected = f"one word that is none of {', '.join(_FOLLOW)}"
        raise InputError(f"{where}: slot: found {words.slot!r}, expected {expected}")
    _check_words(words, f"{where}: words")
    if to:
        expected = ", ".join(to[0].groups) or "no second list of this slot, as the first has no groups"
        if not words.groups or {*words.groups} != {*to[0].groups}:
            found = ", ".join(words.groups) or "none"
            raise InputError(f"{where}: groups: found {found}, expected {expected}")
        if words.groups in [other.groups for other in to]:
            found = ", ".join(words.groups.values())
            raise InputError(f"{where}: groups: found {found} again, expected one list of each group")
    to.append(words)


def _check_words(words: Words, place: str) -> None:
    if not words.words or not all(word.strip() for word in words.words):
        raise InputError(f"{place}: found {words.words}, expected one word at least, and none of them empty")
    if wrong := [word for word in words.words if re.search(r"[\[\]{}]", word)]:
        raise InputError(f"{place}: found {wrong[0]!r}, expected a word without brackets and braces")


def _case(line: _CaseLine, lists: Mapping[str, Sequence[Words]], where: str) -> Case:
    own = {slot: [Words(slot, words)] for slot, words in line.words.items()}
    for slot in own:
        _check_words(own[slot][0], f"{where}: words of {slot!r}")
    lists = {**lists, **own}
    slots = _slots(line.text, lists, where)
    edits = []
    for number, change in enumerate(line.changes, 1):
        place = f"{where}: change {number}"
        text = _replaced(line.text, change.replace, place)
        slots |= _slots(text, lists, place)
        expect = None if change.expect is None else _stances(change.expect, place)
        edits.append(Edit(change.test, text, expect, change.rule))
    if unused := own.keys() - slots.keys():
        raise InputError(f"{where}: words: found {', '.join(sorted(unused))}, expected slots of the text")
    return Case(line.test, line.text, _stances(line.expect, where), line.rule, slots, tuple(edits))


def _stances(expect: str | list[str], where: str) -> tuple[str, ...]:
    allowed = (expect,) if isinstance(expect, str) else tuple(expect)
    if not allowed or not {*allowed} <= {*STANCES}:
        found = next((stance for stance in allowed if stance not in STANCES), "")
        raise InputError(f"{where}: expect: found {found!r}, expected one of {', '.join(STANCES)}")
    return allowed


def _replaced(text: str, replace: Mapping[str, str], place: str) -> str:
    for old, new in replace.items():
        found = text.count(old) if old else 0
        if found != 1:
            raise InputError(f"{place}: replace: found {old!r} {found} times in the text, expected it once")
        text = text.replace(old, new)
    if not replace:
        raise InputError(f"{place}: replace: found nothing, expected words of the text and what they become")
    return text


def _slots(text: str, lists: Mapping[str, Sequence[Words]], where: str) -> dict[str, Sequence[Words]]:
    """The lists of a text's slots; raises InputError for a text that is none of a case."""
    marked = _MARKED.fullmatch(text)
    if not marked or text.count("[[") + text.count("]]") != 2 or not re.search(r"\w", marked[2]):
        expected = "one statement between [[ and ]]"
        raise InputError(f"{where}: text: found {text!r}, expected {expected}")
    if re.search("[{}]", _SLOT.sub("", text)):
        raise InputError(f"{where}: text: found a brace alone, expected slots such as {{speaker}}")
    names = dict.fromkeys(_SLOT.findall(text))
    follow = [name for name in names if name in _FOLLOW]
    slots = {name: lists.get(name, ()) for name in names if name not in _FOLLOW}
    for name, words in slots.items():
        if not words:
            known = ", ".join(sorted([*lists, *_FOLLOW]))
            raise InputError(f"{where}: text: found the slot {{{name}}}, expected one of {known}")
    if follow and "speaker" not in slots:
        raise InputError(f"{where}: text: found {{{follow[0]}}}, expected {{speaker}} in the same text")
    if follow != ["last"] * len(follow) and any(
        each.groups.get("gender") not in _PRONOUNS for each in slots["speaker"]
    ):
        expected = "a gender, woman or man, in the groups of each list of speakers"
        raise InputError(f"{where}: text: found {{{follow[0]}}}, expected {expected}")
    return slots
