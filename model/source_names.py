"""Whom a source phrase names: "Bob Lee" of "Acme spokesman Bob Lee, who left"."""

from __future__ import annotations

import regex

from quoth.model.descriptions import AHEAD, is_document, is_work, without_behind
from quoth.model.entities import Entity
from quoth.model.names import is_function
from quoth.model.parties import entity_type, is_origin
from quoth.model.proper_names import Mention
from quoth.titles import POSTNOMINALS, is_title

_ARTICLES = ("the", "a", "an")
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}.'’\-]*")
_BEFORE_OTHER = frozenset(
    "for of to with from at by in on against about under near behind like as and or than".split()
)
_BEHIND = POSTNOMINALS | frozenset("plc inc ltd llc co".split())
_CLAUSE = regex.compile(r",? (?:who|which)\b")
_JOINT = regex.compile(r",? and |, ")
_SEGMENT = regex.compile(r"[^,;()–—]+")
_ORIGIN = regex.compile(r"(?:of|from|in|at|with|for)\s")
"""Bob Lee "of Iowa", "from the audit office"."""
_OVERRUN = regex.compile(r"\p{Ll}+ed\b")
"""A verb that the tagger took for part of the name."""
_EXAMPLES = regex.compile(
    r"\s*(?:including|in particular|especially|notably|such as|like|among them|led by)\b"
)
_OF_STATE = regex.compile(r"(?<=\p{Lu}\p{Ll}+) of \p{Lu}[\p{L}. ]+$")
"""Bob Lee "of Ohio"."""
_STAFF = regex.compile(r"\p{Lu}.*? \p{Ll}+ \p{Lu}")
"""Brun "spokesman" Bob Lee."""
_OWNER = regex.compile(r"((?:\p{Lu}[\p{L}.]+ )?\p{Lu}[\p{L}.]+['’]s )$")
_BY = regex.compile(r" (?:by|from) (?=\P{Nd})")
_ISSUED = regex.compile(r"(?:['’]s?)?(?: [\p{Ll}\-]+){1,3}")
_NO_ISSUERS = frozenset(
    "Facebook Twitter Instagram Telegram YouTube LinkedIn Weibo Democratic Republican".split()
)
_PAIRED = regex.compile(r"(?:, |\)(?: of \p{Lu}[\p{L} ]+?)? | (?:Republican|Democrat) )and ")
SEAT = regex.compile(r"(?:and )?[DRI]-\p{Lu}[\p{L}.]*")
"""Party and state: "D-N.Y."."""


class SourceNames:
    """The names in the source phrases of one article."""

    def __init__(self, text: str, people: list[Entity]) -> None:
        self._text = text
        self._people = people
        self._owner = {(m.start, m.end): entity for entity in people for m in entity.mentions}

    def head(self, start: int, end: int) -> tuple[Mention, Entity] | None:
        """The name that a source phrase is about: "Bob Lee" of "Acme spokesman Bob Lee", none of "Lee's aide"."""
        for segment in _SEGMENT.finditer(self._text, start, end):
            if _EXAMPLES.match(segment[0]):
                # "three ministers, including Bob Lee": the ministers speak.
                return None
            inside = [
                (Mention(a, b, self._text[a:b]), entity)
                for (a, b), entity in self._owner.items()
                if a < segment.end() and segment.start() < b
            ]
            for mention, entity in sorted(inside, key=lambda pair: -pair[0].end):
                rest = without_behind(self._text[mention.end : segment.end()]).strip(" .\u00a0\"”’'")
                if entity.type == "person" and _ORIGIN.match(rest) or _OVERRUN.match(rest):
                    rest = ""
                if rest.casefold().strip(".") in _BEHIND:
                    # Ann Ode KC, Acme plc
                    rest = ""
                if rest == "s" or rest.split()[:1] == entity.name.split()[:1]:
                    # A possessive, "Bob Lee's “zero tolerance”", or a page's layout: "Ann Ode Ann Marie OdeTrump calls ..."
                    rest = ""
                ahead = AHEAD.match(self._text, segment.start())
                begin = ahead.end() if ahead else segment.start()
                bodies = [m.end for m, e in inside if e.type != "person" and m.end < mention.start]
                if rest or bodies and _is_of_another(self._text[begin : mention.start]):
                    continue
                # "University of Oklahoma President Bob Lee": the preposition is the university's.
                before = _last_words(self._text[max([begin, *bodies]) : mention.start])
                if _named_by_office(before, entity) or not _BEFORE_OTHER.intersection(before):
                    return mention, entity
        return None

    def several(self, start: int, end: int) -> str | None:
        """ "Ortega, Ruiz and the West": the names of all, where a source phrase lists nothing but names."""
        phrase = without_behind(_CLAUSE.split(self._text[start:end])[0])
        parts = [_OF_STATE.sub("", p) for p in _JOINT.split(phrase) if not SEAT.fullmatch(p)]
        if len(parts) < 2 or " and " not in phrase:
            return None
        if any(part.startswith("other ") for part in parts):
            # "Ode and other ministers"
            return " ".join(phrase.split())
        names: list[str] = []
        people = True
        for part in parts:
            at = self._text.index(part, start, end)
            head = self.head(at, at + len(part))
            if head is None or head[0].end < at + len(part.rstrip(" .")):
                return None
            if not people and _STAFF.match(part):
                # "Customs and Harbour spokesman Bob Lee"
                return None
            people = head[1].type == "person"
            article = "the " if part == f"the {head[0].name}" else ""
            names.append(article + head[1].name)
        return ", ".join(names[:-1]) + " and " + names[-1] if len({*names}) == len(names) else None

    def pair(self, start: int, end: int) -> str | None:
        """ "Bob Lee, a broker, and his partner, Ann Brun": the names of both people."""
        if match := _PAIRED.search(self._text, start, end):
            first, second = self.head(start, match.start()), self.head(match.end(), end)
            people = [head[1] for head in (first, second) if head and self._is_person(*head)]
            if len(people) == 2 and people[0] is not people[1]:
                return f"{people[0].name} and {people[1].name}"
        return None

    def _is_person(self, mention: Mention, entity: Entity) -> bool:
        return entity.type == "person" and not self._text.endswith("the ", 0, mention.start)

    def with_owner(self, mention: Mention, entity: Entity) -> str:
        """ "Turkey's Ministry of Trade": whose, for a body that is named only so."""
        if entity_type(entity.name) == "person" or mention.name != entity.name:
            return entity.name
        owner = _OWNER.search(self._text, max(0, mention.start - 40), mention.start)
        # "Friday’s Labor Department report"
        return owner[1] + entity.name if owner and not is_function(owner[1][:-3]) else entity.name

    def author(self, phrase: str, source: tuple[int, int]) -> Entity | None:
        """ "Ode’s letter": Ode."""
        if is_document(phrase) or is_work(phrase):
            for (a, b), entity in self._owner.items():
                if source[0] <= a and b < source[1] and entity.type == "person" and self._text[b] in "'’":
                    return entity
        return None

    def issuer(self, start: int, end: int) -> tuple[int, int] | None:
        """Who says what a document says: "the ministry" of "a letter from the ministry", "the Herald" of "a Herald report"."""
        if match := _BY.search(self._text, start, end):
            work, to = self._text[start : match.start()], self._text.find(" to ", match.end(), end)
            # "a press release", "a letter to the council"
            issued = is_work(work) or is_document(work)
            return (match.end(), end if to < 0 else to) if issued else None
        if is_work(self._text[start:end]):
            for (a, b), entity in self._owner.items():
                issues = (
                    entity.type != "person" and entity.name not in _NO_ISSUERS and not is_origin(entity.name)
                )
                part = self._text.startswith(" of ", max(a - 4, start))
                if start <= a and issues and not part and _ISSUED.fullmatch(self._text, b, end):
                    return a, b
        return None

    def bearer(self, phrase: str) -> Entity | None:
        """Whose name a single word is that is also a title, a month or in capitals: "King", "May", "TRUMP"."""
        words = [w for w in _WORD.findall(phrase) if not (w.isupper() and len(w) < 3)]
        word = regex.sub(r"['’]s$", "", words[-1]).casefold() if words else ""
        if not phrase[:1].isupper() or any(not is_title(w) for w in words[:-1]):
            return None
        bearers = [
            e
            for e in self._people
            if e.type == "person" and word in (e.name.casefold().split()[0], e.name.casefold().split()[-1])
        ]
        return max(bearers, key=lambda e: (" " in e.name, len(e.mentions)), default=None)

    def antecedent(self, start: int) -> tuple[Mention, Entity] | None:
        """Whom a relative pronoun at `start` stands for: the name right before it."""
        for (a, b), entity in self._owner.items():
            if b <= start and not self._text[b:start].strip(" ,(\u00a0"):
                return Mention(a, b, self._text[a:b]), entity
        return None


def _last_words(before: str) -> list[str]:
    """The three words before a name, or fewer: those behind an "and" that joins offices."""
    words: list[str] = _WORD.findall(before)
    last = words[-1] if words else "the"
    if "and" not in words[:-1] or last in _ARTICLES or not is_title(last):
        return words[-3:]
    joined = words.index("and")
    if last[0].islower() and "and" in words[-3:-1]:
        # "the writer and radio host Bob Lee"
        return words[-3:][words[-3:].index("and") + 1 :]
    if joined and is_title(words[joined - 1]):
        # "Deputy Premier and Defense Minister Bob Lee"
        return words[joined + 1 :]
    return words[-3:]


def _named_by_office(before: list[str], entity: Entity) -> bool:
    """ "envoy for Peru Bob Lee" and "head of talent Bob Lee" name Bob Lee, "spokesman for Bob Lee" and "for President Lee" do not."""
    if entity.type != "person" or " " not in entity.name:
        return False
    last = before[-1] if before else ""
    if is_title(last):
        return False
    office = before[-2:-1] == ["of"] and (is_title(before[0]) or before[0] == "head")
    return last[:1].isupper() or office and last.isalpha() and before[0] not in _ARTICLES


_AIDE = regex.compile(
    r"(?:^|.* )\p{Ll}+(?:er|or|ey|man|woman|son|ide|ist|ife) (?:for|of|to) \p{Lu}.* (\p{Ll}+) $"
)


def _is_of_another(before: str) -> bool:
    """ "attorney for Acme founder Bob Lee": what stands before the name is about somebody else."""
    match = _AIDE.fullmatch(before)
    return match is not None and is_title(match[1])
