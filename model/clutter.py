"""Lines of a scraped page in which nobody speaks: offers, captions, bylines, lists of other stories."""

from __future__ import annotations

import regex

_CLUTTER = regex.compile(
    r"""(?:
      (?:also\ )?(?:read|see|watch|listen)(?:\ (?:more|next|also|now|here|live|the\ full\ \w+))?\s*[:»>|–—-]
    | (?:read\ more|more\ on\ this|related\ (?:stories|articles|coverage|content|topics|video))\b
    | (?:related|recommended|most\ read|trending|sponsored)\s*(?:[:\d]|$)
    | (?:more\ (?:from|stories|coverage)|you\ (?:may|might)\ also\ like|don['’]t\ miss|up\ next|in\ other\ news)\b
    | (?:sign\ up|by\ signing\ up|subscribe|log\ in|register|click\ here|tap\ here|download\ our|follow\ us|share\ this|join\ our|support\ our)\b
    | (?:get|receive)\ (?:our|the)\ .{0,80}(?:newsletter|inbox|app|alerts)\b
    | (?:advertisement|story\ continues|continue\ reading|article\ continues|this\ article\ is\ for\ subscribers)\b
    | (?:file\ )?(?:photo(?:graph)?|image|picture|video|media|caption|graphic)(?:\ (?:caption|credit|source|by|courtesy))?\s*[:/|]
    | (?:image|media)\ (?:caption|copyright|source)\b
    | (?:photo(?:graph)?s?|image|picture)\ (?:by|courtesy)\b
    | by(?-i:\ \p{Lu}[\p{L}.'’\-]+(?:(?:\ (?:van|von|de[rl]?|la|bin|al))*\ \p{Lu}[\p{L}.'’\-]+){1,3})
      (?:,?\ (?:and|&)\ [\p{L}\ .'’\-]+)?(?:[,|•·–—-].{0,60}(?<!\.))?$
    | (?:©|copyright\b|all\ rights\ reserved)
    | (?:published|updated|posted|last\ modified)\s*(?::|$|(?:(?:on|at)\ )?(?:\p{L}+\.?,?\ ){0,2}(?:\d|noon).{0,30}$)
    | (?:please\ )?(?:enable\ javascript|accept\ cookies|whitelist)
    | (?:unlimited|full)\ (?:digital\ access\b|access(?:\ (?:for|to\ (?:all|our|every))\b|\W*$))
    | (?:already\ a\ subscriber|cancel\ any\ ?time|free\ trial)
    )""",
    regex.VERBOSE | regex.IGNORECASE,
)
_AGENCY = r"(?:Getty(?:\ Images)?|AFP|R(?:euters|EUTERS)|AP(?:\ Photo)?|EPA)"
# An agency is credited after a mark ("Karl Ode/AFP", "(Reuters)") or before a slash; sentences only name it.
_CREDIT = regex.compile(
    rf"""(?:
      (?:^|[(/|,:\#]\s?|(?<!\p{{Lu}})\.\s?|\bvia\s){_AGENCY}\b[^\s()]*
    | \({_AGENCY}\b[^()]*
    | \b{_AGENCY}(?=/)(?:[/\ ]\s?(?:\p{{Ll}}{{2,3}}[\ \-])?\p{{Lu}}[^\s()/]*)+
    )\W*$""",
    regex.VERBOSE,
)
_SAID = regex.compile(
    r"""["“”„«»‘]|\b(?:sa(?:id|ys)|t(?:old|ells)|report(?:ed|s)|added|asked|according\ to)\b[^.!?]*\W*$"""
)


def is_clutter(line: str) -> bool:
    """Whether a line belongs to the page around an article, judged by how it begins or ends."""
    stripped = line.strip(" \t\u00a0*•·-–—|[](")
    credited = len(stripped) < 300 and _CREDIT.search(stripped) and not _SAID.search(stripped)
    return bool(credited or _CLUTTER.match(stripped))
