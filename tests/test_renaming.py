from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("datasets")

from quoth.training.examples import GoldArticle
from quoth.training.renaming import people, renamed

TEXT = (
    "Harbour chief Ida Brandt said the pilots “lied to Ida Brandt and to Brandt’s office.” "
    "“They never asked,” said Marek Olsson, a pilot. Brandt was not there. Olsson blamed the Port Authority."
)
NAMES = [("Amara", "Nwosu"), ("Bo", "Featherstonehaugh")]


def statement(said: str, target: object) -> dict[str, object]:
    start = TEXT.index(said)
    return {"start": start, "end": start + len(said), "stance": "accusation", "target": target}


@pytest.mark.parametrize("seed", range(4))
def test_a_person_has_one_new_name_throughout_and_offsets_follow(seed: int) -> None:
    guild = TEXT.index("Port Authority")
    said = [
        "“lied to Ida Brandt and to Brandt’s office.”",
        "“They never asked,”",
        "Olsson blamed the Port Authority",
    ]
    targets: list[object] = ["Brandt", None, [guild, guild + 14]]
    article = GoldArticle("a", TEXT, [statement(s, t) for s, t in zip(said, targets, strict=True)])
    new = renamed(article, NAMES, np.random.default_rng(seed))
    assert "Brandt" not in new.text and "Olsson" not in new.text and "Ida" not in new.text
    surname = new.text.split("’s office")[0].split()[-1]
    assert new.text.count(surname) >= 4
    assert f"{surname} was not there" in new.text
    first, second, third = (new.text[s["start"] : s["end"]] for s in new.statements)  # type: ignore[misc]
    assert (first[0], first[-9:]) == ("“", " office.”") and second == said[1]
    assert third.endswith(" blamed the Port Authority")
    places = [s["target"] for s in new.statements]
    assert new.text[slice(*places[0])].endswith(surname) and new.text[slice(*places[2])] == "Port Authority"  # type: ignore[misc]
    assert places[1] is None


def test_a_target_that_the_article_does_not_hold_stays_unfound() -> None:
    article = GoldArticle("a", TEXT, [statement("“They never asked,”", "the mayor")])
    assert renamed(article, NAMES, np.random.default_rng(0)).statements[0]["target"] == ""


def test_a_text_without_people_stays() -> None:
    article = GoldArticle("a", "The dam burst.", [{"start": 0, "end": 3, "target": None}])
    assert renamed(article, NAMES, np.random.default_rng(0)) == article


def test_people_are_given_name_and_surname() -> None:
    assert people([GoldArticle("a", TEXT, [])]) == [("Ida", "Brandt"), ("Marek", "Olsson")]
