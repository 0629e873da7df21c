"""What a named party is: a person, a country, an organization or a group of people."""

from __future__ import annotations

import regex

from quoth.model.descriptions import head_noun, is_person
from quoth.model.names import GENERIC, SUFFIXES, is_acronym, is_written_small, looks_like_person
from quoth.records import SpeakerType
from quoth.titles import is_title

COUNTRIES = frozenset(
    """afghanistan albania algeria argentina armenia australia austria azerbaijan bahrain bangladesh belarus belgium
    bolivia bosnia brazil britain bulgaria cambodia cameroon canada chile china colombia congo croatia cuba cyprus
    czechia denmark ecuador egypt england eritrea estonia ethiopia finland france georgia germany ghana greece
    guatemala haiti honduras hungary iceland india indonesia iran iraq ireland israel italy japan jordan kazakhstan
    kenya kosovo kuwait kyrgyzstan laos latvia lebanon libya lithuania luxembourg malaysia mali malta mexico moldova
    mongolia montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua niger nigeria norway oman
    pakistan palestine panama paraguay peru philippines poland portugal qatar romania russia rwanda scotland senegal
    serbia singapore slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tajikistan tanzania
    thailand tunisia turkey turkmenistan uganda ukraine uruguay uzbekistan venezuela vietnam wales yemen zambia
    zimbabwe washington moscow beijing tehran london paris berlin kyiv kiev ankara brussels tokyo seoul pyongyang
    riyadh jerusalem islamabad delhi u.s. us u.k. uk eu""".split()
    + """burkina faso, costa rica, cote d'ivoire, czech republic, dominican republic, el salvador,
    equatorial guinea, hong kong, ivory coast, new zealand, north korea, north macedonia,
    northern ireland, papua new guinea, saudi arabia, sierra leone, south africa, south korea,
    south sudan, sri lanka, united arab emirates, united kingdom, united states,
    united states of america, vatican city""".replace(",\n   ", ",").split(", ")
)
_STATES = frozenset(
    """alabama alaska arizona arkansas california colorado connecticut delaware florida hawaii idaho illinois indiana iowa
    kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada
    ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia wisconsin wyoming""".split()
    + """new hampshire, new jersey, new mexico, new york, north carolina, north dakota, rhode island, south carolina,
    south dakota, west virginia, puerto rico""".replace(",\n   ", ",").split(", ")
)
_PARTISANS = frozenset("democrats republicans conservatives liberals socialists tories journalists".split())
_DEMONYMS = frozenset(
    """afghan african albanian algerian american arab argentine armenian asian australian austrian azeri bangladeshi belarusian
    belgian bolivian bosnian brazilian british bulgarian canadian chechen chilean chinese christian colombian congolese
    croatian cuban cypriot czech danish dutch egyptian english eritrean estonian ethiopian european finnish french georgian
    german ghanaian greek haitian hindu hungarian indian indonesian iranian iraqi irish islamic israeli italian japanese
    jewish jordanian kenyan korean kosovar kurdish kuwaiti lankan latino latvian lebanese liberian libyan lithuanian
    malaysian mexican moroccan muslim nepalese nigerian norwegian pakistani palestinian peruvian philippine polish
    portuguese rican romanian russian rwandan saudi scottish senegalese serbian shia shiite sikh slovak somali spanish
    sudanese sunni swedish swiss syrian taiwanese thai tibetan tunisian turkish ugandan ukrainian uyghur venezuelan
    vietnamese welsh western yemeni zimbabwean""".split()
)
_QUARTER = regex.compile(r"(?:north|south|saudi|sri|puerto|costa|latin|african)[ -]")


_THE = regex.compile(r"^the\s+", regex.IGNORECASE)
_COUNTRYMEN = frozenset(
    """dutchman frenchman englishman irishman welshman scotsman scot spaniard swede dane finn pole turk serb croat slovene slovak briton brit
    zealander aussie kiwi texan californian""".split()
)


def is_countryman(word: str) -> bool:
    """Whether a word tells where one person is from: "Kenyan", "Scot"."""
    return word.casefold() in _COUNTRYMEN or _is_demonym(word.casefold())


def _is_demonym(words: str) -> bool:
    """Of a word in lower case, or two: "african americans"."""
    quarter = _QUARTER.match(words)
    bare = words[quarter.end() :] if quarter else words
    return bare in _DEMONYMS or bare.removesuffix("s") in _DEMONYMS


def is_origin(name: str) -> bool:
    """Whether a name only tells where somebody is from, and cannot stand alone for people: "Israeli", "German"."""
    adjective = _is_demonym(name.casefold())
    return adjective and not name.casefold().endswith(("s", "ese", "sh", "ch"))


def entity_type(name: str) -> SpeakerType:
    """person, country or organization, by the words of the name."""
    bare = _THE.sub("", name).casefold()
    if bare in COUNTRIES:
        return "country"
    if bare.split()[-1] in _PARTISANS:
        return "group"
    if _is_demonym(bare) or _is_demonym(bare.split()[-1]) and bare.endswith("s"):
        # Norwegians, Northern Norwegians
        return "group"
    if bare in _STATES:
        return "organization"
    if looks_like_person(name):
        return "person"
    if any(w.strip(",.").casefold() in GENERIC for w in name.split()) or is_acronym(name):
        return "organization"
    words = [w for w in name.split() if w.casefold() not in SUFFIXES]
    return "person" if len(words) == 1 and not name.endswith("s") else "organization"


_BODIES = frozenset(
    """company firm group newspaper magazine journal broadcaster network charity organization organisation union party
    movement militia faction website outlet agency bank retailer carmaker automaker manufacturer insurer lender carrier
    giant startup start-up nonprofit utility ngo foundation coalition alliance platform brand chain airline club
    consultancy watchdog regulator subsidiary channel station association institute""".split()
)
"""What a name is called that is no person: "the water company Ode Brun"."""

_OF = frozenset("of from in at".split())
"""Sen. Ode "of" Ohio, the chairman, is no Ohio."""
_PLACED = frozenset("in across throughout near outside".split())
"""Nobody is "in" a person."""
_BEFORE = regex.compile(r"(?<![\p{L}\-])([\p{L}\-]+\.?) $")
_NAMED = regex.compile(r"(?<![\p{L}\-])([\p{L}\-]+), $")
_OF_BODY = regex.compile(
    r"\b(?:(?:of|at|for|from|in|with) (?:the|an?|his|her|its|their) (?:[\p{L}\-]+ ){0,3}|mail |letter )[\p{L}\-]+, $"
)
"""The head "of the charity", Ode, is no charity, nor the mail carrier Ode a carrier."""
_AGE = regex.compile(r",? \(?\d\d\)?[,)]")
_BEHIND = regex.compile(r", (?:(which)|(?:an?|the|one of|his|her|its) ([^,.;:()“”\"\n–—]{1,80}))")
_ALONE = regex.compile(
    r"[.,;’']|\s(?:said|says|has|have|had|is|was|were|will|would|and|to|in|on|did|does|also|itself)\b|$"
)
"""The Kremlin "said", unlike the Ode "campaign"."""
_PRONOUN = regex.compile(r" [^.;:()“”\"\n–—]{0,60}?\b(he|she|his|her|it|its)\b")
_GAELIC = regex.compile(r"(?:Mc|Mac|O['’])\p{Lu}")
_CUT = regex.compile(
    r"\s(?:that|which|who|based|founded|led|run|owned|behind|backed|known|called|made|working)\b"
)


def party_type(text: str, name: str, mentions: list[tuple[int, int]]) -> SpeakerType:
    """`entity_type`, mended by what stands around the mentions of the name in its article.

    mentions: characters [start, end) of `text`.  A body is called so ("the water company Ode Brun", "Ode Brun, a
    charity"), or has an article ("the Ode"); a person bears a title, an age or an office ("Mr. Ode", "Ode, 54,").
    """
    told = entity_type(name)
    if told not in ("person", "organization") or is_acronym(name):
        return told
    alone = " " not in name
    if alone and name.endswith("s") and is_written_small(text, name):
        # Officials
        return "group"
    hints = [hint for start, end in mentions if (hint := _hint(text, start, end, alone))]
    persons, bodies = hints.count("person"), hints.count("organization")
    if not alone:
        return "organization" if bodies > persons else told
    # Articles introduce people by more than a surname; McOde and O’Venn are people all the same.
    human = persons > bodies or persons == bodies and _GAELIC.match(name)
    return "person" if human and name.casefold() not in GENERIC else "organization"


def _hint(text: str, start: int, end: int, alone: bool) -> SpeakerType | None:
    """What the words around one mention make of it, if anything."""
    before = _BEFORE.search(text, max(0, start - 30), start)
    word = before[1].casefold() if before else ""
    named = _NAMED.search(text, max(0, start - 30), start)
    if (
        named
        and named[1].casefold() in _BODIES
        and text.startswith(",", end)
        and not _OF_BODY.search(text, max(0, start - 60), start)
    ):
        # "the water company, Ode Brun,"
        return "organization"
    if word in _BODIES or alone and word in _PLACED and text[end : end + 1] not in ("'", "’"):
        return "organization"
    if word not in ("the", "a", "an") and is_title(word) or _AGE.match(text, end):
        return "person"
    if word not in _OF and (behind := _BEHIND.match(text, end)):
        phrase = _CUT.split(behind[2] or "")[0]
        if behind[1] or head_noun(phrase) in _BODIES:
            return "organization"
        if is_person(phrase):
            return "person"
    if alone and word == "the":
        return "organization" if _ALONE.match(text, end) else None
    pronoun = _PRONOUN.match(text, end) if alone else None
    if pronoun is None:
        return None
    return "person" if pronoun[1] in ("he", "she", "his", "her") else "organization"
