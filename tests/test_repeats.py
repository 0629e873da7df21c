from __future__ import annotations

from typing import Any

from quoth.records import Span, Speaker, Statement, Target
from quoth.repeats import answer_once

LINE = "“The dam was never inspected,” engineer Lea Sandoval said of the ministry."
TEXT = f"{LINE}\n\nShe has worked there for nine years.\n\n{LINE}"
BODY = TEXT.rindex(LINE)


def said(at: int, name: str | None, probability: float = 0.9) -> Statement:
    start, end = at, at + LINE.index("”") + 1
    name_at = at + LINE.index("Lea Sandoval")
    target_at = at + LINE.index("the ministry")
    labels: Any = {"kind": "direct", "stance": "accusation", "sentiment": "negative", "second_stance": None}
    mention = Span.of(TEXT, name_at, name_at + 12)
    return Statement(
        id=f"abc:{start}-{end}", quotation=f"abc:{start}-{end}", start=start, end=end, text=TEXT[start:end],
        fragment=False, probability=probability, cue=Span.of(TEXT, name_at + 13, name_at + 17),
        speaker=Speaker(name, "person", mention, mention, probability),
        stance_probabilities={}, abstained=False, sentiment_probabilities={},
        target=Target("the ministry", target_at, target_at + 12, None), **labels,
    )  # fmt: skip


def test_a_repeated_paragraph_gets_the_answer_that_names_the_speaker() -> None:
    first, second = answer_once(TEXT, [said(0, None), said(BODY, "Lea Sandoval")])
    assert first == said(0, "Lea Sandoval")
    assert second == said(BODY, "Lea Sandoval")


def test_what_was_found_in_one_place_is_found_in_both() -> None:
    assert answer_once(TEXT, [said(0, "Lea Sandoval")]) == [
        said(0, "Lea Sandoval"),
        said(BODY, "Lea Sandoval"),
    ]


def test_of_equals_the_last_place_is_believed() -> None:
    first, second = answer_once(TEXT, [said(0, "Lea Sandoval", 0.9), said(BODY, "L. Sandoval", 0.9)])
    assert first.speaker and second.speaker
    assert first.speaker.name == second.speaker.name == "L. Sandoval"


def test_short_lines_may_be_said_by_two() -> None:
    text = "“No comment,” he said.\n“No comment,” he said."
    statements = [said(0, "Lea Sandoval")]
    assert answer_once(text, statements) is statements


def test_a_text_without_repeats_keeps_its_statements() -> None:
    statements = [said(0, "Lea Sandoval")]
    assert answer_once(LINE, statements) is statements
