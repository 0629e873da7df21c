"""Titles before names, and when two names are the same."""

from __future__ import annotations

import regex

TITLES = frozenset(
    """mr mrs ms miss dr prof professor sir dame lord lady baroness president vice vice-president president-elect premier chancellor
    prime minister foreign secretary sen senator rep representative congressman congresswoman gov governor mayor
    judge justice chief gen general col colonel maj major capt captain lt lieutenant sgt sergeant cmdr commander
    adm admiral pope king queen prince princess sheikh sheik ayatollah imam rabbi bishop archbishop cardinal rev
    reverend father sister brother pastor ambassador envoy attorney director chairman chairwoman chairperson chair
    speaker leader spokesman spokeswoman spokesperson officer detective inspector superintendent constable coach
    deputy former ex-president then-president mp msp first lady candidate nominee coroner sheriff marshal cllr
    manager editor analyst lawyer strategist economist correspondent reporter author
    columnist host anchor executive driver cartoonist spokespeople counsel consultant activist actor actress singer
    councillor councilman councilwoman commissioner comptroller treasurer ceo cfo founder professors the a an""".split()
)


def plain_name(name: str) -> str:
    """A name without case, extra white space, leading articles and titles, and a possessive ending: two names
    that are equal so are taken for the same."""
    words = regex.sub(r"['’]s?$", "", " ".join(name.casefold().split())).split()
    while len(words) > 1 and words[0].strip(".") in TITLES:
        words.pop(0)
    return " ".join(words)
