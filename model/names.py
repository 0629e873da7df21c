"""Names as news uses them: in full once, then by surname, with or without a title."""

from __future__ import annotations

import regex

from quoth.titles import TITLES

GENERIC = frozenset(
    """department ministry party times post house court university college institute bureau
    committee council commission association union bank group company corporation inc corp ltd llc plc
    office embassy police army navy force forces authority federation foundation center centre society
    service services board news network magazine journal press administration government campaign
    coalition alliance movement club league states kingdom republic nations state street church school
    hospital fund trust exchange parliament senate congress assembly caucus project report reports
    security airport airlines airways air team city county district station journalists americans
    democrats republicans organization organisation tv radio channel agency act treaty accord
    agreement protocol plan deal summit conference prize award festival motors electric technologies industries
    holdings international rights watch parenthood liberty freedom patrol enforcement reserve clinic fellowship observatory
    patriots herald tribune gazette chronicle directorate inspectorate guild qaeda shabaab shabab nusra taliban sun-times""".split()
)

PARTICLES = frozenset(
    "de da do dos das del della der den di du van von la le el al bin ibn binti bint ben abu ter ten ap af wa y e".split()
)

# Words that are capitalised only because they open a sentence, and times.
FUNCTION = frozenset(
    """a an the this that these those it he she they we i you his her their our my your its in on at by
    for from to of with as but and or nor so yet if when while where after before since because although
    though until unless once there here what who whom whose which why how no not yes now then also even
    still just only both either neither some any all many most more much few other another such each
    every one two three four five six seven eight nine ten mr mrs ms meanwhile however moreover instead
    according despite during under over among between against about asked speaking reached earlier later
    last next today yesterday tomorrow is was are were be been do does did has have had can could will
    would may might must shall should let let's it's he's she's they're we're i'm i've i'd i'll that's
    there's monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december says photo image getty ap reuters advertisement read
    related updated whether following including like citing noting calling saying adding writing given
    having being based""".split()
)

# Words before a name that belong to it only inside a sentence: the heading "Inside Ode’s Ministry".
_OPENERS = frozenset(
    """especially soon inside outside behind beyond within without amid near across toward towards upon via above below beneath
    beside around poor dear watch watched meet exclusive unlike besides
    whenever perhaps maybe otherwise nevertheless furthermore indeed certainly ultimately obviously again recently rather
    several""".split()
)

SUFFIXES = frozenset("jr jr. sr sr. ii iii iv".split())

# Park Won-soon is Park, Xi Jinping is Xi.
_JOINED_GIVEN = regex.compile(r"\p{Lu}\p{Ll}+-\p{Ll}+")
_FAMILY_FIRST = frozenset(
    "Xi Hu Wen Jiang Deng Mao Ri Choe Pak Wang Zhang Zhao Yang Liu Tsai Zhou Zhu Geng Cui".split()
)

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")
_INITIALS = regex.compile(r"(?:\p{Lu}\p{M}*\.-?)+")


def looks_like_person(name: str) -> bool:
    """Two to five words, capitalised but for particles, none of them an institution's word."""
    words = name.split()
    if not 2 <= len(words) <= 5:
        return False
    acronyms = (
        w for w in words if w.isupper() and w.isalpha() and len(w) > 2 and w.casefold() not in SUFFIXES
    )
    if not name.isupper() and any(acronyms):
        # An acronym is no part of a person's name.
        return False
    for word in words:
        plain = word.strip('“”"')
        bare = plain.strip(",.").casefold()
        if bare in GENERIC:
            return False
        if bare not in PARTICLES and not is_capitalised(plain):
            return False
    return words[0].casefold() != "the" and not any(ch.isdigit() for ch in name)


_CONTRACTED = regex.compile(r"(?:\p{L}+'(?:ll|ve|re|d)|\p{L}+n't)")


_ACRONYM = regex.compile(r"(?:\p{Lu}\.?){2,7}")


def is_acronym(name: str) -> bool:
    """WHO, U.N."""
    return _ACRONYM.fullmatch(name) is not None


def is_written_small(text: str, word: str) -> bool:
    """Whether a text also has a word, which it capitalises elsewhere, without a capital."""
    small = word.casefold()
    at = text.find(small)
    # A pattern of one's own for each word would take longer to compile than to find it.
    while at >= 0:
        around = text[max(at - 1, 0) : at] + text[at + len(small) : at + len(small) + 1]
        if not any(ch.isalpha() or ch == "-" for ch in around):
            return True
        at = text.find(small, at + 1)
    return False


def is_function(word: str) -> bool:
    """Whether a word is capitalised only for its place: "The", "I’m", "We’ll", "Monday"."""
    bare = word.casefold().replace("’", "'")
    return bare in FUNCTION or _CONTRACTED.fullmatch(bare) is not None


_COMPOUND = regex.compile(
    r".*-(?:\p{Ll}+ed|led|held|era|born|style|run|wide|language|speaking|shy|friendly|minded)|[DRI]-\p{Lu}.*"
)


def is_capitalised(word: str) -> bool:
    """Whether a word begins like a name, be it after an article ("Hussein", "al-Hussein"), and is none that only holds
    one ("Oslo-based", "D-Ohio")."""
    return without_article(word)[:1].isupper() and not _COMPOUND.fullmatch(word)


def without_article(word: str) -> str:
    """ "Hussein" for "al-Hussein"; other words, such as "Ben-Ode", as they are."""
    article, _, rest = word.partition("-")
    return rest if rest and article.casefold() in ("al", "el") else word


def surname(name: str) -> str | None:
    """The word that later mentions use; None for names that do not look like a person's."""
    if not looks_like_person(name):
        return None
    words = [w for w in name.split() if w.casefold().strip(",") not in SUFFIXES]
    if len(words) < 2:
        return None
    if words[0] in _FAMILY_FIRST or len(words) == 2 and _JOINED_GIVEN.fullmatch(words[1]):
        return words[0]
    # al-Hussein, bin Salman: the particle is not the surname, the word after it is.
    last = without_article(words[-1].strip(",."))
    return last if len(last) > 1 else None


def mentions(text: str, name: str) -> list[tuple[int, int]]:
    """Spans of `text` that name `name`: the name in full, or the surname of a person.

    A surname after another given name ("Melania Trump" for Donald Trump) is somebody else's.
    """
    words = name.split()
    if not words:
        return []
    pattern = r"\s+".join(regex.escape(word) for word in words)
    spans = [
        m.span() for m in regex.finditer(rf"(?<![\p{{L}}\p{{N}}]){pattern}(?![\p{{L}}\p{{M}}\p{{N}}])", text)
    ]
    last = surname(name)
    if last is None:
        return spans
    own = {w.casefold().strip(".,") for w in words}
    for match in regex.finditer(
        rf"(?<![\p{{L}}\p{{N}}\-]){regex.escape(last)}(?![\p{{L}}\p{{M}}\p{{N}}\-])", text
    ):
        start, end = match.span()
        if any(a <= start < b for a, b in spans):
            continue
        given = given_name_before(text, start)
        if given and given.casefold().strip(".,") not in own:
            continue
        spans.append((start, end))
    return sorted(spans)


def given_name_before(text: str, start: int) -> str | None:
    """The capitalised word right before a surname, unless it is a title or ends or opens a sentence."""
    head = text[max(0, start - 40) : start]
    if not head.endswith((" ", "\u00a0")):
        return None
    words = _WORD.findall(head)
    if not words:
        return None
    word: str = words[-1]
    gap = head[head.rindex(word) + len(word) :]
    if gap.strip() or not word[0].isupper():
        return None
    if word.endswith(("'s", "’s")):
        # "The Century Fund's Lee"
        return None
    if word.casefold().strip(".") in TITLES or word.casefold() in FUNCTION and word != "Will":
        return None
    if word.endswith(".") and not _INITIALS.fullmatch(word):
        return None
    return None if opens_with_verb(head, head.rindex(word), word) else word


def opens_sentence(text: str, start: int) -> bool:
    """Whether nothing stands before `start` in its line, or the end of a sentence or a mark."""
    before = text[max(0, start - 10) : start].rstrip(" \u00a0")
    return not before or before[-1] in ".!?\n\"“”'‘’:("


def opens_with_verb(text: str, start: int, word: str) -> bool:
    """Whether a word that can be a name ("Said Aziz") opens a sentence as a verb, as in the line "Said Lee: ..."."""
    return word in ("Said", "Added") and opens_sentence(text, start)


def is_opener(text: str, start: int, word: str) -> bool:
    """Whether a word opens a sentence and is capitalised only for that, as in "Inside Ode’s Ministry"."""
    return word.casefold() in _OPENERS and opens_sentence(text, start)
