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

ROLES = frozenset(
    """striker goalkeeper midfielder defender forward winger quarterback linebacker receiver pitcher catcher referee umpire jockey
    boxer golfer sprinter swimmer cyclist skier wrestler bowler batsman batter cricketer footballer athlete skipper guitarist
    drummer bassist pianist violinist rapper musician composer conductor comedian comic dancer choreographer filmmaker novelist
    poet playwright writer artist painter sculptor photographer headteacher headmaster headmistress principal rector provost
    lecturer student pupil teacher tutor librarian researcher scientist physicist biologist chemist geologist astronomer
    epidemiologist virologist psychologist psychiatrist physician surgeon nurse midwife paramedic pharmacist dentist vet
    veterinarian farmer fisherman trawlerman welder plumber builder electrician loader postman carer pensioner
    shopkeeper shopper bystander barrister solicitor trader juror retiree volunteer campaigner presenter broadcaster
    firefighter parishioner deacon archdeacon vicar curate chaplain monsignor patriarch mullah emir sultan resident
    homeowner tenant landlord protester protestor demonstrator expert motorist passenger commuter pilot sailor soldier veteran whistleblower dissident pollster
    blogger vlogger influencer streamer podcaster entrepreneur businessman businesswoman investor banker architect
    engineer programmer developer mathematician theologian philosopher sociologist anthropologist archaeologist
    assemblyman assemblywoman brigadier commodore corporal taoiseach undersecretary ombudsman mum dad gran
    magistrate garda recorder advocate madam mep mla td mk dci di dc dcs pc ps insp supt det con dcp acp dcm cm sp hon shri smt""".split()
)
"""Work, rank or standing that stands before a full name, as at the beginning of a sentence. Before a single name they are
left: some are given names, too."""

POSTNOMINALS = frozenset("kc qc sc mp td mbe obe cbe phd frcs esq mep msp mla md jp".split())
"""Behind a full name."""


def is_role(word: str) -> bool:
    """Whether a word is in ROLES, or says as much: "Mother-of-two"."""
    return word.casefold().strip(".") in ROLES or "-of-" in word


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
