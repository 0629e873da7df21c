from __future__ import annotations

import pytest

from quoth.model.source_phrases import whole_source


@pytest.mark.parametrize(
    ("tagged", "rest", "whole"),
    [
        (
            "an official with direct",
            " knowledge of the talks said",
            "an official with direct knowledge of the talks",
        ),
        ("a person", " familiar with the talks, who left", "a person familiar with the talks"),
        ("a spokesman for the", " Harbour Board said", "a spokesman for the Harbour Board"),
        ("a spokesman", " said on Monday", "a spokesman"),
        ("a man in the", " harbour said", "a man in the"),
        ("a union in New", " Brunt said", "a union in New Brunt"),
        ("a paper that was New", " said", "a paper that was New"),
        ("a reader", ", @ode, said", "a reader, @ode"),
    ],
)
def test_a_source_is_grown_to_the_end_of_its_words(tagged: str, rest: str, whole: str) -> None:
    text = f"“We stay,” {tagged}{rest}."
    start = text.index(tagged)
    a, b = whole_source(text, start, start + len(tagged))
    assert text[a:b] == whole


def test_an_account_is_named_with_its_sign() -> None:
    text = "“We stay,” @damwatch said."
    start = text.index("damwatch")
    assert whole_source(text, start, start + len("damwatch")) == (start - 1, start + len("damwatch"))


@pytest.mark.parametrize(
    "dateline",
    ["OSTERVIK — ", "BRUNT, Ohio (Herald) - ", "ST. BRUNT (Herald) -- ", "BRUNT, Sept. 3 (Sea Wire) — "],
)
def test_a_dateline_is_no_part_of_a_source(dateline: str) -> None:
    text = f"Nobody left.\n{dateline}The mayor said that it rained."
    start, end = text.index(dateline), text.index(" said")
    a, b = whole_source(text, start, end)
    assert text[a:b] == "The mayor"
    assert whole_source(text, a, b) == (a, b)


@pytest.mark.parametrize(
    ("before", "tagged"),
    [
        ("at least ", "13 women"),
        ("at ", "least one"),
        ("a small ", "number of ministers"),
        ("a group of ", "seven men"),
    ],
)
def test_a_source_has_its_number(before: str, tagged: str) -> None:
    text = f"“We stay,” {before}{tagged} said."
    start = text.index(tagged)
    a, b = whole_source(text, start, start + len(tagged))
    assert text[a:b] == before + tagged
    apart = f"“We stay,” {before}men, {tagged} said."
    start = apart.index(tagged)
    assert whole_source(apart, start, start + len(tagged))[0] == start
