"""Titles before names, and when two names are the same."""

from __future__ import annotations

import regex

TITLES = frozenset(
    """mr mrs ms miss dr prof professor sir dame lord lady baroness president vice vice-president president-elect premier chancellor
    prime minister foreign secretary sen senator rep representative congressman congresswoman congresswomen evangelist gov governor mayor
    judge justice chief gen general col colonel maj major capt captain lt lieutenant sgt sergeant cmdr commander
    adm admiral pope king queen prince princess sheikh sheik ayatollah imam rabbi bishop archbishop cardinal rev
    reverend father sister brother pastor ambassador envoy attorney director chairman chairwoman chairperson chair
    speaker leader spokesman spokeswoman spokesperson officer detective inspector superintendent constable coach
    deputy former ex-president then-president mp msp first lady candidate nominee coroner sheriff marshal cllr
    manager adviser advisor journalist delegate member congressmen presidents editor analyst lawyer strategist economist correspondent reporter author
    columnist host anchor executive driver cartoonist spokespeople counsel consultant activist actor actress singer
    councillor councilman councilwoman commissioner comptroller treasurer ceo cfo founder professors whip minority majority democrat republican pm designate secretary-general
    senators sens reps representatives lawmaker prosecutor commentator witness organizer historian pundit moderator supervisor
    alderman agent neighbor neighbour teenager eyewitness the a an""".split()
)


def is_title(word: str) -> bool:
    """Whether a word stands before names and is none: "Sen.", "editor-in-chief", "ex-president"."""
    parts = word.casefold().strip(".").split("-")
    return any(part in TITLES for part in parts) and all(part in TITLES | _JOINED for part in parts)


_JOINED = frozenset("in co ex then elect vice".split())


def plain_name(name: str) -> str:
    """A name without case, extra white space, leading articles and titles, middle initials and a possessive
    ending: two names that are equal so are taken for the same."""
    words = regex.sub(r"'s?$", "", " ".join(name.casefold().replace("’", "'").split())).split()
    while len(words) > 1 and is_title(words[0]):
        words.pop(0)
    middle = [word for word in words[1:-1] if len(word.strip(".")) > 1]
    return " ".join([*words[:1], *middle, *words[1:][-1:]])
