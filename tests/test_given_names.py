from __future__ import annotations

from quoth.model.given_names import _HE, _SHE, gender_of_given, gender_of_title


def test_given_names_and_titles_have_a_gender() -> None:
    assert [gender_of_given(n) for n in ("Karl", "Ilse", "Robin")] == ["he", "she", None]
    assert [gender_of_title(t) for t in ("Ms.", "Sir", "Sen.")] == ["she", "he", None]


def test_no_name_is_of_both_genders() -> None:
    assert not _HE & _SHE
    assert all(name == name.casefold() for name in _HE | _SHE)
