"""Speakers without a name: what a phrase such as "the embassy" or "a senior official" describes."""

from __future__ import annotations

import regex

from quoth.model.names import GENERIC, is_function
from quoth.records import SpeakerType
from quoth.titles import is_title

AHEAD = regex.compile(
    r"(?:(?:(?:released|issued|published|signed|written|quoted) )?by|to|from|and|including|for|that|as|with)\s+(?=\S)"
)
"""What the tagger takes along before a source."""

_BEHIND = regex.compile(
    r"\s+(?:(?:on|this|last|late|early)\s)?(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|today|yesterday|week|month|year"
    r"|both|also|released|issued|published|as (?:he|she|they|it)|as|on|in|at|by|of|for|from|with|to|and|or|the|an?)$"
)


_LIST = regex.compile(
    r"[^,]+(?:, (?!(?:an?|the|one|in|on|at|as|from|of|with|including|such|particularly)\b)[^,]+)+,? and [^,]+"
)
"""Doctors, priests and teachers; not "a teacher, a friend of Ode"."""

_ACCOUNT = regex.compile(r"(?:\p{L}+ )*(@\w+)")
"""User "@ode"."""
_SHORT = regex.compile(r"[Tt]he ((?:\p{Ll}+ )?\p{Ll}+)")


def describe(phrase: str) -> str:
    """A source phrase as a description: without a relative clause, quotation marks, stray punctuation and what the
    tagger took along: a preposition before, a day or the beginning of a clause behind."""
    phrase = regex.split(r",?\s+(?:who|which|whom|whose|that)\b|\s[–—-]\s|[:;(]", " ".join(phrase.split()))[0]
    if not _LIST.fullmatch(phrase):
        phrase = regex.split(r",\s", phrase)[0]
    phrase = without_behind(_without_ahead(phrase.strip(" .,\"“”‘’'")))
    if account := _ACCOUNT.fullmatch(phrase):
        return str(account[1])
    return phrase.strip(" .,\"“”‘’'")


def without_behind(phrase: str) -> str:
    """A source phrase without a day or the beginning of a clause or phrase at its end."""
    while (cut := _BEHIND.sub("", phrase)) != phrase:
        phrase = cut
    return phrase


def _without_ahead(phrase: str) -> str:
    ahead = AHEAD.match(phrase)
    return phrase[ahead.end() :] if ahead else phrase


def description_type(phrase: str) -> SpeakerType:
    """organization, group or unnamed, by the head noun of a description."""
    noun = head_noun(phrase)
    if noun in GENERIC or noun in _BODIES or noun in _DOCUMENTS:
        return "organization"
    if noun.endswith("s") and not noun.endswith(("ss", "us")) or noun in _PLURALS:
        return "group"
    return "unnamed"


def fuller_description(text: str, phrase: str, start: int) -> str | None:
    """ "the administration": "Obama administration", where that is the only one that the text before `start` calls so."""
    match = _SHORT.fullmatch(phrase)
    if match is None or head_noun(phrase) not in GENERIC | _BODIES:
        return None
    whose = regex.finditer(
        rf"((?:\p{{Lu}}[\p{{L}}.]+(?:['’]s)? )+){regex.escape(match[1])}\b", text, endpos=start
    )
    names = {" ".join(w for w in m[1].split() if not is_function(w)) for m in whose} - {""}
    return f"{names.pop()} {match[1]}" if len(names) == 1 else None


def first_description(text: str, phrase: str, start: int) -> str | None:
    """ "the official": "a senior trade official", the one whom the text before `start` last introduced so."""
    words = phrase.split()[1:]
    if not 0 < len(words) <= 4 or not is_person(phrase):
        return None
    between = r" (?:(?!(?:for|of|the|to|in|on|and|who)\b)[\p{L}.’'\-]+ ){0,3}?"
    wanted = between.join(map(regex.escape, words))
    introduced = regex.compile(
        rf"(?<!(?:,|\b(?:is|was|as|be|been|became|like|of)) )\b(?:an?|one){between}{wanted}(?![\p{{L}}\-]|,? (?-i:\p{{Lu}})|,? (?:named|called) )",
        regex.IGNORECASE,
    )
    found = [m[0] for m in introduced.finditer(text, max(0, start - 3000), start)]
    return " ".join(found[-1].split()) if found else None


def is_body(phrase: str) -> bool:
    """Whether a description is of an institution that speaks for itself, unlike an outlet, which tells what others say."""
    noun, head = head_noun(phrase), _OF.split(phrase)[0]
    # "the union in Oslo", unlike "the Harbour Union"
    return head[1:].islower() and noun in GENERIC | _BODIES and noun not in _OUTLETS


def is_person(phrase: str) -> bool:
    """Whether a description is of somebody by office, work or family: "the senator", "her lawyer"."""
    noun = head_noun(phrase)
    return description_type(phrase) == "unnamed" and (is_title(noun) or _PERSON.search(noun) is not None)


def is_document(phrase: str) -> bool:
    """Whether a description is of something written, behind which its author speaks: "the letter"."""
    return head_noun(phrase) in _DOCUMENTS


_OF = regex.compile(r"\s(?:of|for|at|in|from|with|to|on|by|familiar|close|near|briefed)\s")


def is_work(phrase: str) -> bool:
    """Whether a description ends with something by which somebody speaks: a document, a book, a website."""
    return phrase.casefold().rpartition(" ")[2] in _WORKS


def head_noun(phrase: str) -> str:
    """The noun that a phrase is about: "official" of "a senior official at the ministry"."""
    head = _OF.split(phrase.casefold())[0].split()
    return head[-1].strip(".,'’") if head else ""


_PERSON = regex.compile(
    r"(?:er|or|ist|man|woman|ian|ee)$|^(?:official|aide|source|resident|witness|expert|widow|wife|son)$"
)
_BODIES = frozenset(
    """embassy ministry court newspaper firm airline regulator watchdog union charity administration panel commission
    company bank bureau tribunal prosecution defense defence family website account poll survey investigation inquiry
    military opposition regime palace network outlet broadcaster retailer carmaker automaker manufacturer insurer lender
    carrier giant startup start-up nonprofit utility brewer subsidiary militia faction ngo tank operator""".split()
)
_OUTLETS = frozenset(
    "newspaper paper magazine journal network channel station website site outlet news times post press tv radio agency".split()
)
_DOCUMENTS = frozenset(
    """statement report study lawsuit complaint indictment document memo letter filing paper note email message post tweet
    article editorial op-ed essay column release brief motion petition resolution order affidavit""".split()
)
_WORKS = _DOCUMENTS | frozenset("suit memoir book recollection testimony piece website".split())
_PLURALS = frozenset("percent people men women police staff children militia media press public crew".split())
