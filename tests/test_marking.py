from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from quoth.marking import INK, PAPER, TINTS, marked, page_article, page_head, shorten, terminal_view
from quoth.records import Article, ModelInfo, Record, Speaker, Stance, Statement, Target

TEXT = "Mayor Ilse Brandt said the mill “poisoned the stream” for years.\n\nBut “not us”, they said 🙂."
HOSTILE = "\"><script>alert(1)</script>'\x00\x1b[2J\u202e[bold]:smile:&amp; <img src=//x.test onerror=x>"


def statement(start: int, end: int, text: str = TEXT, **changes: Any) -> Statement:
    plain = Statement(
        id="s1",
        quotation="q1",
        start=start,
        end=end,
        text=text[start:end],
        kind="direct",
        fragment=False,
        probability=0.9,
        cue=None,
        speaker=None,
        stance="other",
        stance_probabilities={
            "accusation": 0.1,
            "denial": 0.1,
            "condemnation": 0.1,
            "solidarity": 0.1,
            "other": 0.6,
        },
        second_stance=None,
        abstained=False,
        sentiment="neutral",
        sentiment_probabilities={"negative": 0.2, "neutral": 0.6, "positive": 0.2},
        target=None,
    )
    return replace(plain, **changes)


def find(passage: str, **changes: Any) -> Statement:
    start = TEXT.index(passage)
    return statement(start, start + len(passage), **changes)


def sample() -> Record:
    """A mixed clause with a passage inside, and a fragment with neither speaker nor target."""
    mayor = Speaker("Ilse Brandt", "person", None, None, 0.8)
    mill = Target("the mill", 23, 31, "Dorn Mill")
    statements = [
        find("“poisoned the stream”", id="s2", speaker=mayor, target=mill, stance="condemnation"),
        find("the mill “poisoned the stream” for years", kind="mixed", speaker=mayor, target=mill),
        find("“not us”", id="s3", fragment=True, abstained=True, stance="denial"),
    ]
    metadata = {"title": "Mill & stream", "date": "2020-02-02", "source": "The Quill"}
    return Record("1", "m1", metadata, ["one line was skipped"], ModelInfo("tiny", "1", "00"), statements)


class Page(HTMLParser):
    """Checks that tags are balanced; collects tags, attributes and the text outside labels and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        self.depth = max(self.depth, self.open.count("mark"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"small", "style"} & set(self.open):
            self.text += data

    @property
    def marks(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "mark"]


def test_statements_are_nested_and_the_text_is_kept() -> None:
    html = marked(TEXT, sample().statements)
    page = Page(html)
    assert page.text == TEXT
    assert [mark["class"] for mark in page.marks] == ["other", "condemnation", "denial fragment"]
    assert page.depth == 2
    label = "<small><bdi>Ilse Brandt</bdi> → <bdi>Dorn Mill</bdi> · condemnation 0.10</small>"
    assert label + "“poisoned the stream”</mark> for years</mark>" in html
    assert "<small><bdi>unknown</bdi> · denial? 0.10</small>“not us”</mark>" in html


def test_the_title_tells_the_rest() -> None:
    title = Page(marked(TEXT, sample().statements)).marks[1]["title"]
    assert title == (
        "direct statement, probability 0.90\nspeaker: Ilse Brandt (person), probability 0.80\n"
        "stance: condemnation 0.10\ntarget: Dorn Mill (the mill)\nsentiment: neutral"
    )


@given(st.text(st.characters(exclude_characters="\r")), st.data())
def test_any_text_and_spans_give_balanced_marks(text: str, data: st.DataObject) -> None:
    offsets = st.integers(0, len(text))
    spans = data.draw(st.lists(st.tuples(offsets, offsets).map(sorted), max_size=6))
    page = Page(marked(text, [statement(start, end, text) for start, end in spans]))
    assert len(page.text) == len(text)
    assert len(page.marks) == len(spans)
    assert all(got in (given, "\ufffd") for got, given in zip(page.text, text, strict=True))


def test_a_hostile_article_does_nothing() -> None:
    speaker = Speaker(HOSTILE, "person", None, None, 0.5)
    target = Target(HOSTILE, 0, len(HOSTILE), HOSTILE)
    whole = statement(0, len(HOSTILE), HOSTILE, speaker=speaker, target=target)
    metadata = {"title": HOSTILE, "date": HOSTILE, "source": HOSTILE}
    record = Record("1", HOSTILE, metadata, [HOSTILE], ModelInfo("tiny", "1", "00"), [whole])
    page = page_article(record, Article("x", HOSTILE))
    parsed = Page(page)
    assert {tag for tag, _ in parsed.tags} == {"article", "h2", "p", "div", "mark", "small", "bdi"}
    assert {name for _, attributes in parsed.tags for name in attributes} == {"class", "dir", "title"}
    assert "\x00" not in page and "\x1b" not in page
    assert parsed.text.count("<script>alert(1)</script>'\ufffd\ufffd[2J\u202e[bold]:smile:&amp;") == 6

    console = Console(width=200, force_terminal=True)
    with console.capture() as capture:
        console.print(terminal_view(record, 200))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capture.get())
    assert not re.search("[\x00\x1b\u202e]", shown)
    assert "[bold]:smile:&amp;" in shown


def test_page_asks_for_nothing_from_outside() -> None:
    head = page_head()
    page = Page(head + "</main></body></html>")
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|url\(|@import", head)
    assert "default-src 'none'" in head
    assert [mark["class"] for mark in page.marks] == [*get_args(Stance), "other fragment"]


def test_article_has_heading_byline_and_warnings() -> None:
    text = Page(page_article(sample(), Article("m1", TEXT))).text
    assert "Mill & stream" in text
    assert "2020-02-02 · The Quill · m1" in text
    assert "Warning: one line was skipped" in text
    bare = replace(sample(), metadata={}, statements=[])
    assert re.search(r'<h2 dir="auto">m1</h2>\n.*m1 · no statements', page_article(bare, Article("m1", TEXT)))


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("background", [PAPER, *TINTS.values()])
def test_contrast_is_accessible(background: tuple[str, str], mode: int) -> None:
    low, high = sorted([luminance(INK[mode]), luminance(background[mode])])
    assert (high + 0.05) / (low + 0.05) >= 7  # WCAG AAA


def shown(record: Record, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(terminal_view(record, width))
    return capture.get().splitlines()


def test_terminal_view_has_one_line_per_statement() -> None:
    heading, columns, *rows, warning, last = shown(sample(), 100)
    assert heading == "Mill & stream"
    assert columns.split() == ["speaker", "stance", "target", "statement"]
    cells = [re.split(r"\s{2,}", row.strip()) for row in rows]
    assert cells == [
        ["Ilse Brandt", "other 0.60", "Dorn Mill", "the mill “poisoned the stream” for years"],
        ["Ilse Brandt", "condemnation 0.10", "Dorn Mill", "“poisoned the stream”"],
        ["unknown", "denial? 0.10", "“not us”"],
    ]
    assert (warning, last) == ("warning: one line was skipped", "")


@pytest.mark.parametrize("width", [60, 80, 133])
def test_terminal_lines_fit(width: int) -> None:
    record = sample()
    long = replace(
        record.statements[0], text="木" * 300, speaker=Speaker("x" * 90, "person", None, None, 0.5)
    )
    lines = shown(replace(record, statements=[long]), width)
    assert len(lines) == 5
    assert max(map(cell_len, lines)) <= width
    assert "…" in lines[2]


def test_terminal_view_without_statements() -> None:
    record = replace(sample(), metadata={}, warnings=[], statements=[])
    assert shown(record, 80) == ["m1", "no statements", ""]


def test_shorten_cuts_the_middle_between_graphemes() -> None:
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert shorten("two\n lines\t", 20) == "two lines"
    assert shorten("e\u0301" * 9, 5) == "e\u0301" * 2 + "…" + "e\u0301" * 2


@given(st.text(), st.integers(1, 30))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cell_len(shorten(text, width)) <= width
