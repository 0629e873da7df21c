"""What the script of the HTML report reads: every item of an evaluation, with its article's text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from quoth.eval.gold import SENTIMENTS, STANCES
from quoth.eval.items import Answer, Item
from quoth.eval.measures import speaker_outcome

SETTINGS = {"end_to_end": "end to end", "gold_spans": "on gold spans"}

# No encoding has these; one for one, so that offsets stay right.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """The text without the code points that UTF-8 does not have, its length kept."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def payload(items: Sequence[Item], texts: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """What the page's script reads, as compact JSON: rows in place of objects, each text once.

    articles: [id, title, text].  traits: [name, its values].  items: [article's index, name, start, end,
    kind, gold, found, told, speaker, index of each trait's value, null where it has none].  gold: [stance,
    second stance, sentiment, speaker, target] or null.  found, told: [start, end, stance, second stance,
    stance probabilities, sentiment, its probabilities, speaker, target, probability] or null.  speaker:
    as `speaker_outcome` has it, empty where gold has none.
    """
    ids = {article: k for k, article in enumerate(dict.fromkeys(item.article for item in items))}
    known: dict[str, dict[str, int]] = {}
    for item in items:
        for trait, value in item.traits.items():
            values = known.setdefault(trait, {})
            values.setdefault(value, len(values))

    def row(item: Item) -> list[object]:
        gold = item.gold
        labels = gold and (gold.stance, gold.stance2, gold.sentiment, gold.speaker, gold.target)
        traits = [values.get(item.traits.get(trait, "")) for trait, values in known.items()]
        place = [ids[item.article], item.name, item.start, item.end, item.kind]
        return [*place, labels, _answer(item.found), _answer(item.told), _named(item), traits]

    data = {
        "stances": STANCES,
        "sentiments": SENTIMENTS,
        "settings": SETTINGS,
        "traits": [(trait, list(values)) for trait, values in known.items()],
        "articles": [(id, encodable(titles.get(id, id)), encodable(texts[id])) for id in ids],
        "items": [row(item) for item in items],
    }
    return msgspec.json.encode(data).decode()


def _answer(answer: Answer | None) -> list[object] | None:
    if answer is None:
        return None
    stances, sentiments = answer.stance_probabilities, answer.sentiment_probabilities
    return [
        answer.start,
        answer.end,
        answer.stance,
        answer.stance2,
        [round(stances.get(label, 0.0), 3) for label in STANCES] if stances else [],
        answer.sentiment,
        [round(sentiments.get(label, 0.0), 3) for label in SENTIMENTS] if sentiments else [],
        answer.speaker,
        answer.target,
        round(answer.probability, 3),
    ]


def _named(item: Item) -> str:
    if item.gold is None or item.gold.speaker is None:
        return ""
    return speaker_outcome(item.gold.speaker, item.found)
