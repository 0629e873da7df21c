from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quoth.model.descriptions import describe, description_type
from quoth.model.entities import entities
from quoth.model.speakers import Named, name_speakers
from quoth.model.statements import find_statements

Read = Callable[..., Any]


def speaker(text: str, read: Read, content: str, cue: str, source: str, name: str = "") -> Named:
    tokens, reading = read(text, (content, cue, source, name))
    statements = find_statements(text, tokens, reading)
    statement = next(s for s in statements if content in text[s.start : s.end])
    return name_speakers(text, tokens, reading, statements, entities(text))[statement.group]


INTRO = (
    "Energy Minister Ruth Okoro flew in on Monday. The Lindholt Dam Commission met Jonas Ek, a lawyer.\n\n"
)


@pytest.mark.parametrize(
    ("source", "rest", "name", "full"),
    [
        ("Okoro", "", "", "Ruth Okoro"),
        ("Minister Okoro", "", "", "Ruth Okoro"),
        ("she", "", "Ruth Okoro", "Ruth Okoro"),
        ("the minister", "", "Ruth Okoro", "Ruth Okoro"),
        ("the commission", "", "", "Lindholt Dam Commission"),
        ("a senior official", "", "", "a senior official"),
        ("a person", " familiar with the talks", "", "a person familiar with the talks"),
        ("a lawyer for Okoro", "", "", "a lawyer for Okoro"),
        ("Okoro and Ek", "", "", "Ruth Okoro and Jonas Ek"),
        ("Senator Okoro of Iowa", "", "", "Ruth Okoro"),
        ("OKORO", "", "", "Ruth Okoro"),
        ("her lawyer", "", "Ruth Okoro", "Ruth Okoro’s lawyer"),
        ("three ministers, including Okoro", "", "", "three ministers"),
        ("Okoro and other ministers", "", "", "Okoro and other ministers"),
        ("Okoro, D-N.Y., and Ek both", "", "", "Ruth Okoro and Jonas Ek"),
        ("Norway’s Sea Ministry", "", "", "Norway’s Sea Ministry"),
        ("University of Oslo President Jonas Ek", "", "", "Jonas Ek"),
        ("by Sea Union lawyer Jonas Ek", "", "", "Jonas Ek"),
        ("press officer Jonas Ek Jonas EkSea talks", "", "", "Jonas Ek"),
        ("by local farmers", "", "", "local farmers"),
        ("the rescue crew on Monday", "", "", "the rescue crew"),
        ("the former minister", "", "", "the former minister"),
        ("the writer and radio host Jonas Ek", "", "", "Jonas Ek"),
        ("the commission, in particular Okoro", "", "", "the commission"),
        (
            "an official with direct",
            " knowledge of the talks",
            "",
            "an official with direct knowledge of the talks",
        ),
        ("Okoro and the Sea Union", "", "", "Ruth Okoro and the Sea Union"),
        ("the website DamFacts.com", "", "", "DamFacts.com"),
        ("Minister Okoro on Monday", "", "", "Ruth Okoro"),
        ("the Sea Union’s head of talent Jonas Ek", "", "", "Jonas Ek"),
        ("chief of staff Jonas Ek", "", "", "Jonas Ek"),
        ("Norwegian Vice Minister and Sea Minister Jonas Ek", "", "", "Jonas Ek"),
        (
            "the attorney for Sea Union founder Jonas Ek",
            "",
            "",
            "the attorney for Sea Union founder Jonas Ek",
        ),
        ("Sea Union and Dam spokesman Jonas Ek", "", "", "Jonas Ek"),
        ("released by Okoro’s lawyers", "", "", "Okoro’s lawyers"),
        ("user @damwatch", "", "", "@damwatch"),
        ("Okoro KC", "", "", "Ruth Okoro"),
        ("@Damwatch", "", "", "@Damwatch"),
    ],
)
def test_the_speaker_is_named_as_fully_as_the_article_does(
    source: str, rest: str, name: str, full: str, read: Read
) -> None:
    text = f"{INTRO}“The dam will hold for years,” {source}{rest} said."
    assert speaker(text, read, "The dam will hold for years", "said", source, name).name == full


def test_party_and_state_stand_for_the_name_before_them(read: Read) -> None:
    text = f"{INTRO}Jonas Ek (D-Calif.) said the dam would hold for years."
    assert (
        speaker(text, read, "the dam would hold for years", "said", "D-Calif.)", "Okoro").name == "Jonas Ek"
    )


def test_a_relative_pronoun_stands_for_the_name_before_it(read: Read) -> None:
    text = f"{INTRO}Jonas Ek, who said “the dam will hold for years”, left with Okoro."
    assert speaker(text, read, "the dam will hold for years", "said", "who", "Okoro").name == "Jonas Ek"


def test_what_the_tagger_takes_along_behind_a_relative_pronoun_is_no_name(read: Read) -> None:
    text = f"{INTRO}One donor, who identified herself as Ada Ek, wrote: “The dam will hold for years.”"
    found = speaker(text, read, "The dam will hold for years", "wrote", "who identified", "Ada Ek")
    assert found.name == "Ada Ek"


@pytest.mark.parametrize(("origin", "name"), [("Norwegian", None), ("British", "British")])
def test_an_adjective_does_not_speak(origin: str, name: str | None, read: Read) -> None:
    text = f"{INTRO}{origin} farmers left when Okoro called for rules: “The dam will hold for years.”"
    assert speaker(text, read, "The dam will hold for years", "", "", origin).name == name


@pytest.mark.parametrize("who", ["Some", "46 percent"])
def test_some_are_not_the_one_they_speak_of(who: str, read: Read) -> None:
    text = f"{INTRO}{who} said Okoro had lied."
    assert speaker(text, read, "Okoro had lied", "said", who, "Ruth Okoro").name == who


def test_they_may_be_one_person_but_first_a_group(read: Read) -> None:
    text = f"{INTRO}Harbour pilots met. They said the dam would break."
    group = speaker(text, read, "the dam would break", "said", "They", "Lindholt Dam Commission")
    assert group.name == "Lindholt Dam Commission"
    one = speaker(text, read, "the dam would break", "said", "They", "Ruth Okoro")
    assert one.name == "Ruth Okoro"


@pytest.mark.parametrize("name", ["May", "King", "Judge"])
def test_a_surname_may_be_a_month_or_a_title(name: str, read: Read) -> None:
    text = f"Lena {name} flew in on Monday.\n\n“The dam will hold for years,” {name} said."
    assert speaker(text, read, "The dam will hold for years", "said", name).name == f"Lena {name}"


def test_he_is_no_institution(read: Read) -> None:
    text = f"{INTRO}“The dam will hold for years,” he said."
    named = speaker(text, read, "The dam will hold for years", "said", "he", "Lindholt Dam Commission")
    assert named.name != "Lindholt Dam Commission"


def test_without_a_reporting_clause_the_link_decides(read: Read) -> None:
    text = f"{INTRO}“The dam will hold for years.”"
    named = speaker(text, read, "The dam will hold for years", "", "", "Jonas Ek")
    assert (named.name, named.type) == ("Jonas Ek", "person")


def test_where_the_text_does_not_tell_there_is_no_name(read: Read) -> None:
    text = f"{INTRO}“The dam will hold for years.”"
    assert speaker(text, read, "The dam will hold for years", "", "").name is None


@pytest.mark.parametrize(
    ("phrase", "description", "kind"),
    [
        ("a senior official, who asked not to be named", "a senior official", "unnamed"),
        ("the embassy", "the embassy", "organization"),
        ("two  officials", "two officials", "group"),
        ("police", "police", "organization"),
        ("a boss", "a boss", "unnamed"),
        ("officials at the plant", "officials at the plant", "group"),
        ("a harbour film on", "a harbour film", "unnamed"),
        ("a harbour film that won prizes", "a harbour film", "unnamed"),
        ("doctors, harbour pilots and teachers, who", "doctors, harbour pilots and teachers", "group"),
        ("a teacher, a friend of Ode and others", "a teacher", "unnamed"),
        ("27 percent", "27 percent", "group"),
        ("the harbour report released on Monday by the", "the harbour report", "organization"),
    ],
)
def test_a_description_keeps_what_tells_who_it_is(phrase: str, description: str, kind: str) -> None:
    assert describe(phrase) == description
    assert description_type(description) == kind


def test_who_only_passes_a_statement_on_does_not_speak(read: Read) -> None:
    text = f"{INTRO}“The dam will hold for years,” Okoro wrote, according to the Lindholt Herald."
    outlet = speaker(text, read, "The dam will hold for years", "according to", "the Lindholt Herald")
    assert outlet.name == "Lindholt Herald"
    sure = speaker(text, read, "The dam will hold for years", "according to", "the Lindholt Herald", "Okoro")
    assert sure.name == "Ruth Okoro"


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("the senator", "Ann Ode"),
        ("the Ohio senator", "Ann Ode"),
        ("the mayor", "Bo Lund"),
        ("the judge", "the judge"),
    ],
)
def test_a_title_stands_for_who_bears_it(phrase: str, name: str, read: Read) -> None:
    text = f"Sen. Ann Ode and Mayor Bo Lund met Kai Brun.\n\n“The dam will hold for years,” {phrase} said."
    assert speaker(text, read, "The dam will hold for years", "said", phrase).name == name


def test_who_bore_a_title_is_not_who_bears_it(read: Read) -> None:
    text = "Sen. Ann Ode met Kai Brun.\n\n“The dam will hold for years,” the former senator said."
    found = speaker(text, read, "The dam will hold for years", "said", "the former senator")
    assert found.name == "the former senator"


def test_of_two_with_a_title_the_one_pointed_at_speaks(read: Read) -> None:
    text = "Sen. Ann Ode met Sen. Bo Lund.\n\n“The dam will hold for years,” the senator said."
    found = speaker(text, read, "The dam will hold for years", "said", "the senator", "Bo Lund")
    assert found.name == "Bo Lund"


@pytest.mark.parametrize(
    ("source", "link", "name"),
    [
        ("the letter", "Jonas Ek", "Jonas Ek"),
        ("the letter", "", "the letter"),
        ("the company", "Solvind", "Solvind"),
        ("it", "Solvind", "Solvind"),
        ("the rescue crew", "the rescue crew", "the rescue crew"),
        ("Okoro of Ohio and Ek of New York", "", "Ruth Okoro and Jonas Ek"),
        ("Okoro, a broker, and her partner, Jonas Ek", "", "Ruth Okoro and Jonas Ek"),
        ("Okoro (D) of Ohio and Ek (R) of New York, who", "", "Ruth Okoro and Jonas Ek"),
        ("Okoro, Ohio Democrat and Mr. Ek", "", "Ruth Okoro and Jonas Ek"),
        ("Okoro, a broker, and friend of Jonas Ek", "", "Ruth Okoro"),
        ("Ek’s letter", "", "Jonas Ek"),
        ("Ek’s uncle", "Ek’s uncle", "Ek’s uncle"),
        ("the outlet", "Jonas Ek", "Jonas Ek"),
        ("Ek’s upcoming memoir", "", "Jonas Ek"),
        ("his website", "Jonas Ek", "Jonas Ek"),
        ("a Solvind press release", "", "Solvind"),
        ("Solvind’s motion", "", "Solvind"),
        ("a letter to the council from attorney Kai Brun", "", "Kai Brun"),
        ("a statement from the commission", "", "Lindholt Dam Commission"),
        ("Friday’s Solvind report", "", "Solvind"),
        ("a letter from attorney Kai Brun to the council", "", "Kai Brun"),
        ("the union in Lindholt", "Jonas Ek", "the union in Lindholt"),
        ("a study by two harbour pilots", "", "two harbour pilots"),
        ("a Facebook post", "", "a Facebook post"),
        ("a Solvind report of 2019", "", "a Solvind report of 2019"),
    ],
)
def test_behind_a_description_stands_who_fits_it(source: str, link: str, name: str, read: Read) -> None:
    text = f"{INTRO}Solvind sued.\n\n“The dam will hold for years,” {source} said."
    assert speaker(text, read, "The dam will hold for years", "said", source, link).name == name


def test_he_may_have_a_single_name_that_ends_like_a_plural(read: Read) -> None:
    text = "Pope Francis met Karl Ode on Monday.\n\n“The dam will hold for years,” he said."
    assert speaker(text, read, "The dam will hold for years", "said", "he", "Francis").name == "Francis"


def test_a_title_may_be_that_of_somebody_who_is_named_without_it(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The marks of a quotation, which these readings point nowhere with, take a third.
    monkeypatch.setattr("quoth.model.speakers.SURE", 0.6)
    text = "President Ann Ode met Kai Brun.\n\n“The dam will hold for years,” the Norwegian president said."
    source = ("The dam will hold for years", "said", "the Norwegian president")
    assert speaker(text, read, *source, "Kai Brun").name == "Kai Brun"
    assert speaker(text, read, *source).name == "Ann Ode"
    shorter = text.replace("the Norwegian president", "the president")
    found = speaker(shorter, read, "The dam will hold for years", "said", "the president", "Kai Brun")
    assert found.name == "Ann Ode"


def test_an_article_may_stand_before_the_source(read: Read) -> None:
    text = "Sen. Ann Ode met Kai Brun.\n\n“The dam will hold for years,” the Ohio senator said."
    assert speaker(text, read, "The dam will hold for years", "said", "Ohio senator").name == "Ann Ode"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("the administration", "Lund administration"),
        ("some Republicans", "some Republicans"),
        ("Republicans", "Republicans"),
    ],
)
def test_a_body_and_a_part_of_it(source: str, name: str, read: Read) -> None:
    text = (
        "Republicans met the Lund administration. His administration paid.\n\n"
        f"“The dam will hold for years,” {source} said."
    )
    assert speaker(text, read, "The dam will hold for years", "said", source).name == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("the weather service", "the weather service"),
        ("the outlet", "Ruth Okoro"),
        ("the company", "Solvind"),
    ],
)
def test_a_body_is_not_a_person_whom_the_link_points_at(source: str, name: str, read: Read) -> None:
    text = f"{INTRO}Solvind sued.\n\nThe river was falling, {source} said."
    pointed = "Ruth Okoro" if source != "the company" else "Solvind"
    assert speaker(text, read, "The river was falling", "said", source, pointed).name == name


def test_a_name_inside_a_description_does_not_speak(read: Read) -> None:
    text = f"{INTRO}“The dam may fall,” a senior Okoro official said.\n\n“The dam will hold for years,” the official said."
    first = ("The dam may fall", "", "a senior Okoro official", "")
    tokens, reading = read(
        text, first, ("The dam will hold for years", "said", "the official", "a senior Okoro official")
    )
    statements = find_statements(text, tokens, reading)
    people = entities(text)
    named = name_speakers(text, tokens, reading, statements, people)
    assert "Ruth Okoro" not in {named[s.group].name for s in statements}


def test_of_two_with_one_surname_the_one_whose_full_name_is_pointed_at_speaks(read: Read) -> None:
    text = "Ada Ode is married to Bo Ode, and Bo Ode fishes.\n\n“The dam will hold for years,” Ode said."
    pointed = speaker(text, read, "The dam will hold for years", "said", "Ode", "Ada Ode")
    assert pointed.name == "Ada Ode"
    assert speaker(text, read, "The dam will hold for years", "said", "Ode").name == "Bo Ode"


def test_a_body_is_nobody_who_is_described(read: Read) -> None:
    text = f"{INTRO}“The dam may fall,” a lawyer for Okoro said.\n\n“The dam will hold for years,” the company said."
    first = ("The dam may fall", "", "a lawyer for Okoro", "")
    told = ("The dam will hold for years", "said", "the company", "a lawyer for Okoro")
    tokens, reading = read(text, first, told)
    statements = find_statements(text, tokens, reading)
    named = name_speakers(text, tokens, reading, statements, entities(text))
    assert named[statements[-1].group].name == "the company"


def test_a_body_is_no_body_that_is_called_otherwise(read: Read) -> None:
    text = f"{INTRO}“The dam may fall,” the police union said.\n\n“The dam will hold for years,” the ministry said."
    first = ("The dam may fall", "", "the police union", "")
    told = ("The dam will hold for years", "said", "the ministry", "the police union")
    tokens, reading = read(text, first, told)
    statements = find_statements(text, tokens, reading)
    named = name_speakers(text, tokens, reading, statements, entities(text))
    assert named[statements[-1].group].name == "the ministry"


def test_a_person_described_is_no_body_that_the_link_points_at(read: Read) -> None:
    text = f"{INTRO}“The dam will hold for years,” the Ohio Republican said."
    source = ("The dam will hold for years", "said", "the Ohio Republican")
    assert speaker(text, read, *source, "Lindholt Dam Commission").name == "the Ohio Republican"
    assert speaker(text, read, *source, "Jonas Ek").name == "Jonas Ek"


def test_whoever_is_he_is_a_person(read: Read) -> None:
    text = "Brunts met Karl Ode on Monday.\n\n“The dam will hold for years,” he said."
    assert speaker(text, read, "The dam will hold for years", "said", "he", "Brunts").type == "person"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("the official", "one senior trade official"),
        ("the trade official", "one senior trade official"),
        ("the harbour official", "the harbour official"),
    ],
)
def test_a_person_without_a_name_is_who_was_introduced_so(source: str, name: str, read: Read) -> None:
    text = f"{INTRO}Then one senior trade official called.\n\n“The dam will hold for years,” {source} said."
    assert speaker(text, read, "The dam will hold for years", "said", source).name == name


def test_whoever_is_named_before_the_colon_has_the_turn(read: Read) -> None:
    turns = "Brandt: Will it hold?\nEk: The dam will hold for years.\nBrandt: And then?\nEk: Who knows."
    text = f"{INTRO}Ilse Brandt asked.\n{turns}"
    assert speaker(text, read, "The dam will hold for years", "", "", "Ruth Okoro").name == "Jonas Ek"
    assert speaker(text, read, "And then", "", "", "Ruth Okoro").name == "Ilse Brandt"
    answered = f"{INTRO}Q: Will it hold?\nA: The dam will hold for years.\nQ: And then?\nA: Who knows."
    assert speaker(answered, read, "The dam will hold for years", "", "", "Ruth Okoro").name is None
