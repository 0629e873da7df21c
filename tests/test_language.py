from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.language import SAMPLE, SHORTEST, english_warning

GERMAN = (
    "Die Bürgermeisterin sagte am Montag, die Mühle habe den Bach über Jahre hinweg vergiftet. „Wir zahlen nicht“,"
    " antwortete der Besitzer, und die Bauern forderten vom Gericht eine Entschädigung. "
)
ENGLISH = (
    "Mayor Ilse Brandt said on Monday that the mill had poisoned the stream for years. “We will not pay,” the"
    " owner answered, and the farmers asked the court for damages. "
)
FOREIGN = {
    "de": GERMAN,
    "es": "La alcaldesa dijo el lunes que el molino había envenenado el arroyo durante años y que los vecinos pedían"
    " una indemnización.",
    "fr": "La maire a déclaré lundi que le moulin avait empoisonné le ruisseau pendant des années et que les voisins"
    " demandaient réparation.",
    "ru": "Мэр заявила в понедельник, что мельница годами отравляла ручей, и жители требуют возмещения ущерба.",
    "ja": "市長は月曜日、工場が長年にわたって川を汚染していたと述べた。" * 3,
    "he": "ראש העיר אמרה ביום שני כי הטחנה הרעילה את הנחל במשך שנים וכי התושבים דורשים פיצויים מן הבעלים.",
}
PLAIN = {
    "news": ENGLISH,
    "capitals": ENGLISH.upper(),
    "line ends": ENGLISH.replace(" ", "\r\n"),
    "no-break spaces": ENGLISH.replace(" ", "\u00a0"),
    "headlines": "Harbour board rejects mill deal; farmers furious; Brandt vows appeal; court hearing expected Monday",
    "a quotation": ENGLISH + "„Wir zahlen nicht“, he added in German. " + ENGLISH,
}


@pytest.mark.parametrize("language", FOREIGN)
def test_another_language_is_named(language: str) -> None:
    assert english_warning(FOREIGN[language]) == (
        f"skipped: the text looks like language '{language}', not English"
    )


@pytest.mark.parametrize("kind", PLAIN)
def test_english_has_no_warning(kind: str) -> None:
    assert english_warning(PLAIN[kind]) is None


@pytest.mark.parametrize(
    "text", ["", " \r\n", "🙂" * 200, "2020 " * 99, "\u200f\u0301" * 99, GERMAN[: SHORTEST - 1]]
)
def test_too_few_letters_are_taken_for_english(text: str) -> None:
    assert english_warning(text) is None


def test_an_uncertain_guess_is_no_warning() -> None:
    assert (
        english_warning(
            "Madrid Roma Paris Lima Quito Milano Torino Porto Braga Nantes Lyon Brest Gent Bonn Ulm Kiel"
        )
        is None
    )


def test_only_the_beginning_counts() -> None:
    english = ENGLISH * (SAMPLE // len(ENGLISH) + 1)
    german = GERMAN * (SAMPLE // len(GERMAN) + 1)
    assert english_warning(english + german) is None
    assert english_warning(german + english) is not None


def test_plain_english_does_not_load_the_detector() -> None:
    code = (
        f"import sys, quoth.language as q; q.english_warning({ENGLISH!r}); print('py3langid' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=SHORTEST) | st.text(st.characters(categories=["L", "M"]), min_size=SHORTEST))
def test_any_text_has_an_answer(text: str) -> None:
    warning = english_warning(text)
    assert warning is None or warning.startswith("skipped: ") and "'en'" not in warning


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=SHORTEST - 1))
def test_a_short_text_has_no_warning(text: str) -> None:
    assert english_warning(text) is None
