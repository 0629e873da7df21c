from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quoth.model.quotes import paragraphs, passages, turns

PIECES = ["word", "\r\n", *"sA9.,—\u0301🙂 \u00a0\n\u2028\u200e"]
MARKS = ["``", "''", *"“”„«»\"‘’'"]
TEXTS = st.lists(st.sampled_from([*PIECES, *MARKS, "BRANDT: "])).map("".join) | st.text()


def quoted(text: str) -> list[str]:
    return [text[p.start : p.end] for p in passages(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Brandt said “the mill poisoned the stream” on Monday.", ["“the mill poisoned the stream”"]),
        ('Brandt said: "We stay." "Why?" asked Ode.', ['"We stay."', '"Why?"']),
        ("« We stay, » said Brandt. «Why?» asked Ode.", ["« We stay, »", "«Why?»"]),
        ("„We stay“, said Brandt. „Why?” asked Ode.", ["„We stay“", "„Why?”"]),
        ("``We stay,'' said Brandt.", ["``We stay,''"]),
        ("“We stay,” “we pay” and “we win”.", ["“We stay,”", "“we pay”", "“we win”"]),
        ("(“Yes,” he said—“no”—and left.)", ["“Yes,”", "“no”"]),
        ("Said:\u00a0“No.”\u00a0Then left.", ["“No.”"]),
        ("Brandt left.” She said “We stay.”", ["“We stay.”"]),
        ("Brandt said ”no and left. “We stay,” said Ode.", ["“We stay,”"]),
        ('He is 6\'2" and said "I am tall" to us.', ['"I am tall"']),
        ('"He is 6\'2" tall," said Ode.', ['"He is 6\'2" tall,"']),
        ("\u200f“\u200eשלום\u200f”\u200f, said Yael.", ["“\u200eשלום\u200f”"]),
        ('\u200b"Yes"\u200b, she said.', ['"Yes"']),
        ("“The cafe\u0301 🙂 is open”, said Ode.", ["“The cafe\u0301 🙂 is open”"]),
        ("»We stay,« said Ode.", ["»We stay,«"]),
        ("”We stay,” said Ode.", ["”We stay,”"]),
        ('"We stay,"she said. "Go."', ['"We stay,"', '"Go."']),
    ],
)
def test_double_marks_of_every_style(text: str, expected: list[str]) -> None:
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("‘It isn’t us,’ said Ode. ‘It’s the farmers’ mud.’", ["‘It isn’t us,’", "‘It’s the farmers’ mud.’"]),
        ("'It isn't us,' said Ode. 'It's the farmers' mud.'", ["'It isn't us,'", "'It's the farmers' mud.'"]),
        ("‘Open the boys’ and the girls’ school,’ said Ode.", ["‘Open the boys’ and the girls’ school,’"]),
        ("‘Ask Jess,’ said Ode. The parents’ group agreed.", ["‘Ask Jess,’"]),
        ("‘We lost,’ said Ode of the ‘traitors’.", ["‘We lost,’", "‘traitors’"]),
        ("‘The “deal” is dead,’ said Ode. ‘It’s over.’", ["‘The “deal” is dead,’", "‘It’s over.’"]),
        ("‘The class of ’68 won,’ said Ode.", ["‘The class of ’68 won,’"]),
        ("In the '90s, rock 'n' roll was ‘king,’ he said.", ["‘king,’"]),
        ("‘We lost.\r\n\r\n‘It is over,’ said Ode.", ["‘We lost.", "‘It is over,’"]),
        ("It was Brandt's mill. The workers' union agreed.", []),
        ("‘20 left,’ said Ode. ‘All,’ she added.", ["‘20 left,’", "‘All,’"]),
        (
            "‘No letter came’, said Ode. ‘None’, she added.",
            ["‘No letter came’", "‘None’"],
        ),
        (
            "‘We lost,’ said Ode. She called them ‘heroes’ but the players’ union disagreed.",
            ["‘We lost,’", "‘heroes’"],
        ),
        (
            "‘We lost.’ ‘We want pay rises’, said Ode, the nurses’ leader.",
            ["‘We lost.’", "‘We want pay rises’"],
        ),
    ],
)
def test_single_marks_but_no_apostrophes(text: str, expected: list[str]) -> None:
    assert quoted(text) == expected


INNER = (
    ("“{}”", "‘never’"),
    ("“{}”", "“never”"),
    ("“{}”", '"never"'),
    ('"{}"', '"never"'),
    ("„{}“", "‚never‘"),
)


@pytest.mark.parametrize(("outer", "inner"), INNER)
def test_an_inner_quotation_stays_inside(outer: str, inner: str) -> None:
    text = outer.format(f"She told us {inner} and left.")
    assert quoted(f"{text} So it ended.") == [text]


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n\r\n", "\r", "\u2029", "\n \u00a0 \n\t"])
@pytest.mark.parametrize("mark", ['"', "“", "«", "``"])
def test_a_quotation_goes_on_over_paragraphs_that_open_with_a_mark(mark: str, gap: str) -> None:
    close = {'"': '"', "“": "”", "«": "»", "``": "''"}[mark]
    text = (
        f"{mark}We stay.{gap}{mark}We pay.{gap}{mark}We win,{close} said Ode.{gap}{mark}Good,{close} he said."
    )
    flags = [(p.continues, p.closed) for p in passages(text)]
    assert flags == [(False, False), (True, False), (True, True), (False, True)]
    assert quoted(text)[:3] == [f"{mark}We stay.", f"{mark}We pay.", f"{mark}We win,{close}"]


@pytest.mark.parametrize("invisible", ["\u200e", "\u200f", "\u200b", "\ufeff"])
def test_an_invisible_character_does_not_break_a_continuation(invisible: str) -> None:
    assert [p.continues for p in passages(f"“We stay.\n{invisible}“We win,” said Ode.")] == [False, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“We stay.\n\nOde left.\n\n“Bye,” he said.", [("“We stay.", False), ("“Bye,”", True)]),
        ("A lone” mark and “a pair”.", [("“a pair”", True)]),
        ("“Open, said Ode. “Closed,” she said.", [("“Open, said Ode.", False), ("“Closed,”", True)]),
        ('“Curly," she said, “again”.', [('“Curly,"', True), ("“again”", True)]),
        ("She said “no", [("“no", False)]),
    ],
)
def test_unbalanced_marks_never_raise(text: str, expected: list[tuple[str, bool]]) -> None:
    found = passages(text)
    assert [(text[p.start : p.end], p.closed) for p in found] == expected
    assert not any(p.continues for p in found)


@pytest.mark.parametrize(
    "text", ["", " \n\u00a0\r\n", "“", "”", '"', "''", "“”", '""', "“ ”", "“…”", "“🙂”", "‘’"]
)
def test_marks_without_words_give_no_passage(text: str) -> None:
    assert passages(text) == []


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_passages_are_ordered_and_inside_one_paragraph(text: str) -> None:
    lines = paragraphs(text)
    assert lines == sorted(lines)
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in lines)
    assert not any(set("\r\n\u2028\u2029") & set(text[a:b]) for a, b in lines)
    end = 0
    for p in passages(text):
        assert end <= p.start < p.end
        assert any(a <= p.start and p.end <= b for a, b in lines)
        assert any(text.startswith(mark, p.start) for mark in [*MARKS, "‟", "〝"])
        end = p.end


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_turns_are_ordered_and_inside_the_text(text: str) -> None:
    end = 0
    for turn in turns(text):
        assert end <= turn.label_start < turn.label_end < turn.start < turn.end <= len(text)
        end = turn.end


def test_turns_of_a_transcript() -> None:
    text = "SMITH: We go.\r\nILSE BRANDT, MAYOR: When? \nDR. O’HARA (by phone):\u00a0“Now,” I say.\nQUESTION: Why?"
    found = [(text[t.label_start : t.label_end], text[t.start : t.end]) for t in turns(text)]
    assert found == [("SMITH", "We go."), ("ILSE BRANDT", "When?"), ("DR. O’HARA", "“Now,” I say.")]


def test_turns_may_be_written_small_where_labels_come_back() -> None:
    text = "Q: When?\nA: Now.\nNote: we cut this.\nQ: Why?\nA: Nobody knows."
    assert [text[t.label_start : t.end] for t in turns(text)] == ["A: Now.", "A: Nobody knows."]
    assert turns("Brandt: Now.\nOslo: 3.\nBrandt: Soon.\nOslo: 4.") == []
    text = "We met Ilse Brandt.\nKarl Ode: When?\nBrandt: Now.\nKarl Ode: Why?\nBrandt: Nobody knows."
    assert [text[t.label_start : t.label_end] for t in turns(text)] == ["Karl Ode", "Brandt"] * 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SMITH: Go.",
        "SMITH: Go.\nPHOTO: A mill.",
        "SMITH:Go.\nODE:No.",
        "Ode: Go.\nVenn: No.",
        "ODE:\nVENN:\n",
        "WHAT THEY PLAN: A dam.\nWHO PAYS: Norway.",
    ],
)
def test_less_than_two_turns_are_no_transcript(text: str) -> None:
    assert turns(text) == []


@pytest.mark.parametrize("gap", ["\r", "\u2028", "\u2029"])
def test_a_turn_begins_at_any_line_end(gap: str) -> None:
    assert len(turns(f"SMITH: We will go.{gap}ODE: When?")) == 2


def test_a_paragraph_of_nothing_but_marks_is_read_to_its_end() -> None:
    """In the square of the time it would take minutes."""
    assert len(passages("“a” " * 100_000)) == 100_000
