"""Cues of saying told from cues of believing, wanting and planning."""

from __future__ import annotations

import regex

_NOT_SAID = frozenset(
    """aim anticipate anxious assume attempt aware await believe care certain choose concern confident consider
    contemplate convinced decide decision desire determine determined disappointed doubt dream eager envision expect
    expectation fear feel feeling figure find follow forget foresee frustrated glad guess happy hate hear hesitate
    hope hopeful idea ignore imagine impression inclined intend intent intention interest interested keen know learn
    like likely look love mind mull need notice optimistic opinion perceive plan ponder poised prefer
    prepare prepared proud read ready realize realise recognize reckon regard remember resolve satisfied
    scared see seek sense set skeptical sought strive suppose sure surprised suspect tend think thought tired
    tempted try understand unaware uncertain unsure view wait want wary watch weigh wish witness wonder work worry
    worried willing""".split()
)
_IRREGULAR = {
    "thought": "think", "thinks": "think", "knew": "know", "known": "know", "felt": "feel", "saw": "see",
    "seen": "see", "found": "find", "chose": "choose", "chosen": "choose", "heard": "hear", "sought": "seek",
    "understood": "understand", "tries": "try", "tried": "try", "worries": "worry", "worried": "worry",
    "forgot": "forget", "read": "read", "learnt": "learn", "foresaw": "foresee", "dreamt": "dream",
}  # fmt: skip
_WORD = regex.compile(r"[\p{L}]+")


def is_speech(cue: str) -> bool:
    """Whether a cue reports words: any cue but one whose verb or noun is a state of mind or an intention.

    The codebook (rule 17) wants a verb or noun of saying; PolNeAR also counts beliefs and plans.
    """
    words = [w.casefold() for w in _WORD.findall(cue)]
    content = [w for w in words if w not in _LIGHT]
    if not content:
        return bool(words) or bool(cue.strip())
    return not any(_base(w) in _NOT_SAID for w in content[-2:] or words)


_LIGHT = frozenset(
    """a an the to of that for in on at by with is are was were be been being has have had do does did will would can
    could may might must should not n't also still already really very now as his her their its out up""".split()
)


def _base(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, instead in (
        ("ies", "y"),
        ("ing", ""),
        ("ing", "e"),
        ("ed", ""),
        ("ed", "e"),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending):
            stem = word[: -len(ending)] + instead
            if stem in _NOT_SAID:
                return stem
            if len(stem) > 2 and stem[-1] == stem[-2] and stem[:-1] in _NOT_SAID:
                return stem[:-1]
    return word
