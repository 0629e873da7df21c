"""Lines of a scraped page in which nobody speaks: offers, captions, bylines, lists of other stories."""

from __future__ import annotations

import regex

_CLUTTER = regex.compile(
    r"""(?:
      (?:also\ )?(?:read|see|watch|listen)(?:\ (?:more|next|also|now|here|live|the\ full\ \w+))?\s*[:»>|–—-]
    | (?:read\ more|more\ on\ this|related(?:\ (?:stories|articles|coverage|content|topics))?|recommended|most\ read|trending)\b
    | (?:more\ (?:from|stories|coverage)|you\ (?:may|might)\ also\ like|don['’]t\ miss|up\ next|in\ other\ news)\b
    | (?:sign\ up|subscribe|log\ in|register|click\ here|tap\ here|download\ our|follow\ us|share\ this|join\ our|support\ our)\b
    | (?:get|receive)\ (?:our|the)\ .{0,40}(?:newsletter|inbox|app|alerts)\b
    | (?:advertisement|sponsored|story\ continues|continue\ reading|article\ continues|this\ article\ is\ for\ subscribers)\b
    | (?:file\ )?(?:photo(?:graph)?|image|picture|video|media|caption|graphic)(?:\ (?:caption|credit|source|by|courtesy))?\s*[:/|]
    | (?:image|media)\ (?:caption|copyright|source)\b
    | (?:photo(?:graph)?s?|image|picture)\ (?:by|courtesy)\b
    | by\ \p{Lu}[\p{L}.'’\-]+(?:\ \p{Lu}[\p{L}.'’\-]+){1,3}(?:,?\ (?:and|&)\ [\p{L}\ .'’\-]+)?(?:[,|•·–—-].{0,60})?$
    | (?:©|copyright\b|all\ rights\ reserved)
    | (?:published|updated|posted|last\ modified)\s*(?::|on\b|at\b|\d)
    | (?:please\ )?(?:enable\ javascript|accept\ cookies|whitelist)
    | (?:unlimited|full)\ (?:digital\ )?access\b
    | (?:already\ a\ subscriber|cancel\ any\ ?time|free\ trial)
    )""",
    regex.VERBOSE | regex.IGNORECASE,
)
_CREDIT = regex.compile(
    r"(?:\((?:AP|AFP|Reuters|Getty)[^)]*\)|(?:/|via )?(?:Getty Images|AFP|Reuters|AP Photo|EPA)\S*)\W*$"
)


def is_clutter(line: str) -> bool:
    """Whether a line belongs to the page around an article, judged by how it begins or ends."""
    stripped = line.strip(" \t\u00a0*•·-–—|[](")
    return bool(_CLUTTER.match(stripped)) or len(stripped) < 300 and bool(_CREDIT.search(stripped))
