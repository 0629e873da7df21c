"""Whom a target phrase means."""

from __future__ import annotations

import pytest

from quoth.model.entities import entities
from quoth.model.targets import party


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("Ek’s lawyers", "Jonas Ek"),
        ("the authority’s claims", "Lindholt Port Authority"),
        ("the embassy’s claims", "the embassy"),
        ("the ministry", "the ministry"),
        ("the two boys", None),
        ("the mayor", "Ann Ode"),
        ("the court", "Lindholt court"),
        ("the North Korean government", "North Korean government"),
        ("the Lindholt mayor Ann Ode", "Ann Ode"),
        ("Lindholt farmers", "Lindholt farmers"),
        ("a Lindholt boat", None),
        ("Ek and others", "Jonas Ek"),
        ("fired", None),
        ("Ek’s critics", None),
        ("Lindholt Republican", None),
        ("the deal", None),
        ("selling the port", None),
        ("Ek openly attacks the mayor for its bias", "Jonas Ek"),
        ("the U.K", "U.K."),
    ],
)
def test_a_target_phrase_names_its_party(phrase: str, name: str | None) -> None:
    text = (
        "The Lindholt Port Authority fired Jonas Ek. Ek’s lawyers denied the authority’s claims, the embassy’s "
        "claims and all that the ministry and the two boys said. Mayor Ann Ode is ill, the mayor’s doctor told a Lindholt court; the court wept. Lindholt farmers saw "
        "the Lindholt mayor Ann Ode, Ek and others, and the North Korean government, in a Lindholt boat. "
        "Ek’s critics, a Lindholt Republican among them, liked the deal and selling the port. Ek openly attacks the mayor for its bias, and the U.K."
    )
    start = text.index(phrase)
    assert party(entities(text), text, start, start + len(phrase)) == name
