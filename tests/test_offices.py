from __future__ import annotations

import pytest

from quoth.model.entities import entities
from quoth.model.offices import title_in, titles_of


@pytest.mark.parametrize(
    ("phrase", "title"),
    [
        ("the Ohio senator", "senator"),
        ("the senator from Ohio", "senator"),
        ("the former senator", None),
        ("the committee", None),
        ("senator", None),
    ],
)
def test_a_phrase_names_an_office(phrase: str, title: str | None) -> None:
    assert title_in(phrase) == title


def test_titles_are_read_off_the_names() -> None:
    text = "Sen. Ann Ode met Karl Brun and the former senator Bo Lund. “Good,” said President Ode."
    held = {e.name: titles_of(text, e) for e in entities(text)}
    assert held["Ann Ode"] >= {"senator", "president"}
    assert "senator" not in held["Karl Brun"] | held["Bo Lund"]
