from __future__ import annotations

import pytest

from quoth.model.entities import entities
from quoth.model.headings import headings, is_heading


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("WHAT THE HARBOUR PLANS", True),
        ("Brandt Challenges Board Over Dam", True),
        ("Who Pays for the Lindholt Dam?", True),
        ("Brandt challenges the board over the dam", False),
        ("Brandt Said No.", False),
        ("Ilse Brandt", False),
        ("", False),
        ("Ilse Brandt met Karl Ode", False),
    ],
)
def test_a_heading_has_capitals_and_no_full_stop(line: str, heading: bool) -> None:
    assert is_heading(line) == heading


def test_a_lone_line_heads_nothing() -> None:
    assert headings("Brandt Challenges Board Over Dam") == []


def test_who_stands_in_a_heading_alone_is_no_party() -> None:
    text = "Ilse Brandt Challenges Board Over Dam\n\nIlse Brandt spoke.\n\nBRANDT’S OFFICE ANNOUNCES TALKS\n\nShe left."
    assert {e.name for e in entities(text)} == {"Ilse Brandt"}
