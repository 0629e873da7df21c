from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.cues import is_speech

SAID = "said|told|wrote|denied|accused|has not said|was quoted as saying|according to|warned that|in a statement|vowed to"
OTHERS = "is|to|by|will|agrees|argues|begged|lies|fed|fell|carried|founded|dit|сказал|said\u00a0🙂|“said”|…"
MIND = "believes|thinks|thought|knew|felt|wants to|hoped|was worried|hopes strongly|is confident that|fears|learnt|has been convinced"
INTENTION = (
    "plans|intends to|aims to|decided|the decision|seeks to|sought|in his view|intentions|an expectation that"
)


@pytest.mark.parametrize("cue", SAID.split("|") + OTHERS.split("|"))
def test_a_cue_reports_words(cue: str) -> None:
    assert is_speech(cue)
    assert is_speech(cue.upper())


@pytest.mark.parametrize("cue", MIND.split("|") + INTENTION.split("|"))
def test_a_state_of_mind_or_an_intention_reports_none(cue: str) -> None:
    assert not is_speech(cue)
    assert not is_speech(cue.upper())
    assert not is_speech(f"\r\n{cue}\u00a0")


@pytest.mark.parametrize(
    "cue", "plan|plans|planned|planning|hope|hopes|hoped|hoping|worry|worries|worried|worrying".split("|")
)
def test_every_form_of_a_word_counts(cue: str) -> None:
    assert not is_speech(cue)


@pytest.mark.parametrize("cue", ["", " ", "\u00a0\r\n"])
def test_no_cue_reports_no_words(cue: str) -> None:
    assert not is_speech(cue)


@settings(deadline=None, max_examples=200)
@given(st.text(), st.sampled_from(["", "said", "believes", "plans to", "e\u0301", "\u200f"]))
def test_any_cue_has_an_answer_that_case_does_not_change(text: str, word: str) -> None:
    cue = f"{text} {word}"
    assert is_speech(cue) is is_speech(cue.casefold())
    if word == "believes":
        assert not is_speech(cue)
