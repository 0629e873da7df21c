from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quoth.model.statements import Found, find_statements

Read = Callable[..., Any]
EXAMPLES = Path(__file__).parent.parent / "examples"


def found(text: str, read: Read, *attributions: tuple[str, str, str, str]) -> list[Found]:
    return find_statements(text, *read(text, *attributions))


def shown(text: str, statements: list[Found]) -> list[tuple[str, str]]:
    return [(s.kind, text[s.start : s.end]) for s in statements]


def test_a_cut_quotation_gives_two_pieces_of_one_group(read: Read) -> None:
    text = "“The dam held,” Ruth Okoro said, “and we were lucky.”"
    first, second = found(
        text,
        read,
        ("The dam held", "said", "Ruth Okoro", ""),
        ("and we were lucky", "said", "Ruth Okoro", ""),
    )
    assert shown(text, [first, second]) == [("direct", "“The dam held,”"), ("direct", "“and we were lucky.”")]
    assert first.group == second.group
    assert first.source and text[slice(*first.source)] == "Ruth Okoro"
    assert first.cue and text[slice(*first.cue)] == "said"


def test_a_paraphrase_is_its_clause_of_content(read: Read) -> None:
    text = "Ruth Okoro said that the ministry had known about the cracks in the dam for years."
    (statement,) = found(
        text,
        read,
        ("that the ministry had known about the cracks in the dam for years", "said", "Ruth Okoro", ""),
    )
    assert shown(text, [statement]) == [
        ("indirect", "that the ministry had known about the cracks in the dam for years")
    ]
    assert statement.speech


def test_a_paraphrase_does_not_end_in_an_and(read: Read) -> None:
    text = "The mayor said that the new bridge across the harbour was rotten, and she left."
    content = "that the new bridge across the harbour was rotten, and"
    (statement,) = found(text, read, (content, "said", "The mayor", ""))
    assert text[statement.start : statement.end] == "that the new bridge across the harbour was rotten"


def test_a_paraphrase_is_of_one_sentence(read: Read) -> None:
    text = (
        "The mayor said that the new bridge across the harbour was rotten. Nobody at the quay believed her."
    )
    content = "that the new bridge across the harbour was rotten. Nobody at the quay believed her"
    first, second = found(text, read, (content, "said", "The mayor", ""))
    assert text[first.start : first.end] == "that the new bridge across the harbour was rotten."
    assert text[second.start : second.end] == "Nobody at the quay believed her"


def test_a_short_paraphrase_is_given_with_what_was_done_to_it(read: Read) -> None:
    text = "On Monday the ministry strongly denied the charge."
    (statement,) = found(text, read, ("the charge", "strongly denied", "the ministry", ""))
    assert shown(text, [statement]) == [("indirect", "the ministry strongly denied the charge")]


def test_a_mixed_clause_comes_before_the_passage_inside_it(read: Read) -> None:
    text = "She said the inspectors had “looked the other way” for nine long years."
    clause = "the inspectors had “looked the other way” for nine long years"
    statements = found(text, read, (clause, "said", "She", ""))
    assert shown(text, statements) == [("mixed", clause), ("direct", "“looked the other way”")]
    assert statements[0].group == statements[1].group


def test_a_belief_is_no_speech(read: Read) -> None:
    text = "The mayor hopes that the new bridge will be open before the first snow falls."
    (statement,) = found(
        text, read, ("that the new bridge will be open before the first snow falls", "hopes", "The mayor", "")
    )
    assert not statement.speech


def test_a_quotation_over_paragraphs_is_one_group_and_keeps_its_source(read: Read) -> None:
    text = "Okoro said: “The dam held.\n\n“We were lucky.”"
    first, second = found(text, read, ("The dam held.", "said", "Okoro", ""))
    assert first.group == second.group
    assert second.source == first.source
    assert (text[first.end - 1], text[second.start]) == (".", "“")


def test_a_transcripts_turn_is_a_statement_of_its_label(read: Read) -> None:
    text = "OKORO: The dam held because we got lucky.\n\nHOST: And the next one?"
    statements = found(text, read)
    assert shown(text, statements) == [
        ("direct", "The dam held because we got lucky."),
        ("direct", "And the next one?"),
    ]
    assert [text[slice(*s.source)] for s in statements if s.source] == ["OKORO", "HOST"]


def test_clutter_says_nothing(read: Read) -> None:
    text = "Read more: ‘The dam held’ and other lucky escapes\n\nPhoto: “The dam” by Ruth Okoro"
    assert found(text, read) == []


def test_a_passage_without_a_reporting_clause_is_found_all_the_same(read: Read) -> None:
    text = "The film, “A River Runs Dry”, opens on Friday."
    (statement,) = found(text, read)
    assert (statement.kind, statement.cue, statement.source) == ("direct", None, None)
    assert statement.score < 0.1


def test_up_to_three_words_are_a_fragment_unless_they_are_a_sentence(read: Read) -> None:
    text = "He called it “a joke” and left. “Absolutely not,” Okoro said."
    fragment, sentence = found(text, read, ("“Absolutely not,”", "said", "Okoro", ""))
    assert (fragment.fragment, sentence.fragment) == (True, False)


def test_an_empty_text_has_no_statement(read: Read) -> None:
    assert found("", read) == []


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_extractor_says_spans_are_sound(seed: int, noise: Callable[..., Any]) -> None:
    with (EXAMPLES / "articles.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    for text in texts[seed % 2 :: 2]:
        statements = find_statements(text, *noise(text, seed))
        assert statements
        for s in statements:
            assert text[s.start : s.end].strip() and "\n" not in text[s.start : s.end]
            assert s.first < s.last and s.clause[0] < s.clause[1]
            assert all(span is None or text[slice(*span)].strip() for span in (s.cue, s.source))
        spans = [(s.start, s.end) for s in statements if s.kind != "direct"]
        assert len({*spans}) == len(spans)


def test_a_headline_inside_the_text_is_no_source(read: Read) -> None:
    text = "LINDHOLT MAYOR IN COURT\n\n“The dam held, and we were lucky,” she added."
    (statement,) = found(text, read, ("The dam held, and we were lucky", "added", "LINDHOLT MAYOR", ""))
    assert statement.source is None


def test_the_reporting_clause_stands_outside_the_quotation(read: Read) -> None:
    text = "“The claims that Okoro made are false, all of them.”"
    (statement,) = found(text, read, ("The claims that Okoro made are false", "made", "Okoro", ""))
    assert (statement.cue, statement.source) == (None, None)


def test_a_source_that_begins_with_a_possessive_ending_has_its_owner(read: Read) -> None:
    text = "The commission's chairman, Jonas Ek, denied it."
    (statement,) = found(text, read, ("it", "denied", "s chairman, Jonas Ek", ""))
    assert statement.source and text[slice(*statement.source)] == "The commission's chairman, Jonas Ek"
    assert text[statement.start : statement.end] == "The commission's chairman, Jonas Ek, denied it"


def test_an_abbreviation_ends_no_paraphrase_and_a_place_in_capitals_is_none(read: Read) -> None:
    text = "NEW OSTERVIK — The mate said that Capt. Ode had left the bridge."
    tokens, reading = read(
        text,
        ("NEW OSTERVIK", "said", "The mate", ""),
        ("that Capt. Ode had left the bridge", "said", "The mate", ""),
    )
    said = [text[s.start : s.end] for s in find_statements(text, tokens, reading)]
    assert said == ["that Capt. Ode had left the bridge"]
