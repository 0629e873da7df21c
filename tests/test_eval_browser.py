"""The report's script in a headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from quoth.eval import measures
from quoth.eval.draws import Draws, Figure
from quoth.eval.gold import KINDS, SENTIMENTS, STANCES, GoldArticle, GoldStatement
from quoth.eval.html import html
from quoth.eval.items import Answer, Item, Judged
from quoth.eval.result import Articles, Invented, Result, Run, Setting, Slice

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[test]'")

BAY = """Flood relief 🌊 stalls in Marrow Bay.

“The council lied to us,” said Inés Falkenrath. “We stand with the town,” said Oduya Brandt.

Harbour master Pell denied that the gates were shut.

“It rained,” he said."""
HOSTILE = "\"'</script><img src=x onerror=\"document.title='hit'\"><b>bold</b> 🦆 “Shame on them.”"
ODD = "odd\"'</script>:&+=é"
"""An article's id."""


def item(
    article: GoldArticle, words: str, gold: Any, found: Any, told: Any, kind: Any = "quoted", **traits: str
) -> Item:
    """gold: stance, second stance, sentiment, speaker; found: stance, probability, sentiment, speaker; told: stance."""
    start = article.text.index(words)
    place = start, start + len(words)

    def answer(stance: Any, p: float, sentiment: Any, speaker: str | None) -> Answer:
        rest = dict.fromkeys(STANCES, (1 - p) / 4) | {stance: p}
        feelings = dict.fromkeys(SENTIMENTS, 0.2) | {sentiment: 0.6}
        return Answer(*place, "direct", stance, None, rest, sentiment, feelings, speaker, None, 0.9)

    return Item(
        article.id,
        *place,
        kind,
        words,
        GoldStatement(*place, kind, *gold, None) if gold else None,
        answer(*found) if found else None,
        answer(told, 0.8, "neutral", None) if told else None,
        traits,
    )


def rows() -> list[Judged]:
    bay, odd = GoldArticle("bay", BAY, "dev", []), GoldArticle(ODD, HOSTILE, "dev", [])
    ines, brandt = "Inés Falkenrath", "Oduya Brandt"
    in_bay = [
        item(bay, "“The council lied to us,”", ("accusation", None, "negative", ines),
             ("accusation", 0.7, "negative", ines), "accusation", naming="full name"),
        item(bay, "“We stand with the town,”", ("solidarity", None, "positive", brandt),
             ("other", 0.6, "neutral", ines), "solidarity", naming="full name"),
        item(bay, "that the gates were shut", ("denial", None, "neutral", "Pell"), None, "denial", "indirect",
             naming="surname"),
        item(bay, "“It rained,”", ("other", "denial", None, "Pell"), ("denial", 0.55, "neutral", None), "other",
             naming="pronoun"),
    ]  # fmt: skip
    stray = item(odd, "“Shame on them.”", None, ("condemnation", 0.95, "negative", None), None)
    return [
        Judged(GoldArticle("bay", BAY, "dev", [i.gold for i in in_bay if i.gold]), [], in_bay),
        Judged(odd, [], [stray]),
    ]


def result(judged: list[Judged]) -> Result:
    settings: tuple[Setting, ...] = ("end_to_end", "gold_spans")
    wide, draws = Figure(0.4, 0.1, 0.8), Draws(resamples=20)
    return Result(
        run=Run(
            command="", date="2026-01-02", quoth="0.1.0", git=None, model=None, gold="gold.jsonl", gold_hash="",
            articles_hash="", predictions="theirs.csv", predictions_hash=None, splits={}, seed=0, resamples=20,
            versions={}, seconds={},
        ),
        notes=[], articles=Articles(2, 0, 0), extraction={}, speaker={}, speaker_by_naming={}, target={},
        stance={s: {kind: measures.stance(judged, kind, s, draws) for kind in KINDS} for s in settings},
        sentiment={s: {"all": measures.sentiment(judged, "all", s, draws)} for s in settings},
        invented=Invented(0, {}), calibration={},
        slices=[
            Slice("stance, gold spans", "naming", "surname", 1, 9, wide, Figure(-0.2, -0.5, 0.1), 0.04, 0.08),
            Slice("stance, gold spans", "naming", "full name", 1, 10, wide, Figure(0.1, -0.3, 0.2), 0.5, 0.5),
            Slice("stance, gold spans", "naming", "pronoun", 1, 2, wide, Figure(-0.1, -0.3, 0.2), None, None),
        ],
        items=[i for row in judged for i in row.items],
    )  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    judged = rows()
    page = html(
        result(judged), {row.article.id: row.article.text for row in judged}, {"bay": "Flood", ODD: HOSTILE}
    )
    return written(tmp_path_factory.mktemp("report"), page)


def written(folder: Path, page: str) -> str:
    path = folder / "report.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def window(browser: Any) -> Any:
    opened = browser.new_page(viewport={"width": 1200, "height": 800})
    opened.set_default_timeout(5000)
    return opened


@pytest.fixture
def page(window: Any, address: str) -> Iterator[Any]:
    """The report, opened anew; whatever it complains of or asks the network for fails the test."""
    complaints: list[str] = []
    listeners = {
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "request": lambda request: request.url.startswith("file:") or complaints.append(request.url),
    }
    window.goto("about:blank")
    for event, listener in listeners.items():
        window.on(event, listener)
    window.goto(address)
    yield window
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    assert not complaints


def shown(page: Any) -> list[str]:
    """The statements in the list."""
    return page.locator("[role=option] .text").all_inner_texts()


def chosen(page: Any) -> str:
    return page.locator("[role=option][aria-selected=true] .text").inner_text()


LIED, STAND, SHUT, RAINED, SHAME = (
    "“The council lied to us,”", "“We stand with the town,”", "that the gates were shut", "“It rained,”",
    "“Shame on them.”",
)  # fmt: skip


def test_the_surest_errors_come_first(page: Any) -> None:
    assert shown(page) == [SHAME, STAND, RAINED, SHUT, LIED]
    assert page.locator("#count").inner_text() == "5 of 5 statements, 4 errors"


def test_spans_are_right_behind_an_emoji(page: Any, address: str) -> None:
    start = BAY.index(LIED)
    page.goto(f"{address}#item=bay:{start}-{start + len(LIED)}")
    assert page.locator("#detail mark.gold.said").all_inner_texts() == [LIED]
    assert chosen(page) == LIED


def test_an_article_is_text_whatever_it_says(page: Any) -> None:
    page.get_by_text(SHAME).first.click()
    assert page.locator("#detail h3").inner_text() == HOSTILE
    assert page.locator("#detail .context").inner_text() == HOSTILE
    assert page.locator("img, b:text('bold')").count() == 0
    assert page.title() == "Evaluation of theirs.csv"


def test_an_odd_id_has_a_link_that_leads_back(page: Any) -> None:
    page.get_by_text(SHAME).first.click()
    link = page.locator("#detail .top a")
    href, name = link.get_attribute("href"), link.inner_text()
    assert name.startswith(ODD) and name.endswith("*")
    page.keyboard.press("j")
    page.evaluate("href => { location.hash = '#summary'; location.hash = href }", href)
    page.wait_for_function("name => document.querySelector('#detail .top a')?.textContent === name", arg=name)


def test_a_statement_that_is_not_there_is_named(page: Any) -> None:
    page.evaluate("location.hash = '#item=nowhere:1-2'")
    page.locator("#detail", has_text="There is no statement nowhere:1-2 here.").wait_for()
    assert not page.locator("[role=option][aria-selected=true]").count()


def test_a_statement_opens_from_its_link_even_if_the_filters_leave_it_out(page: Any) -> None:
    start = BAY.index(LIED)
    page.evaluate("hash => { location.hash = hash }", f"item=bay:{start}-{start + len(LIED)}&outcome=missed")
    page.locator("#detail mark", has_text=LIED).wait_for()
    assert shown(page) == [SHUT]


@pytest.mark.parametrize(
    "filters, names",
    [
        ({"kind": "indirect"}, [SHUT]),
        ({"gold": "none"}, [SHAME]),
        ({"gold": "solidarity"}, [STAND]),
        ({"predicted": "other"}, [STAND, SHUT]),
        ({"outcome": "right"}, [LIED]),
        ({"outcome": "wrong"}, [STAND]),
        ({"outcome": "lenient"}, [RAINED]),
        ({"outcome": "missed"}, [SHUT]),
        ({"outcome": "invented"}, [SHAME]),
        ({"outcome": "error", "kind": "quoted"}, [SHAME, STAND, RAINED]),
        ({"speaker": "wrong"}, [STAND]),
        ({"speaker": "null"}, [RAINED]),
        ({"sentiment": "wrong"}, [STAND]),
        ({"sentiment": "positive>neutral"}, [STAND]),
        ({"sentiment": "right"}, [LIED]),
        ({"certainty": "0.6"}, [SHAME, STAND, LIED]),
        ({"t.naming": "surname"}, [SHUT]),
        ({"setting": "gold_spans", "sort": "article"}, [LIED, STAND, SHUT, RAINED]),
        ({"setting": "gold_spans", "outcome": "error"}, []),
        ({"q": "ines falk"}, [STAND, LIED]),
        ({"q": "FLOOD gates"}, [SHUT]),
        ({"q": "nobody"}, []),
        ({"kind": "no such kind", "outcome": "missed"}, [SHUT]),
    ],
)
def test_filters_from_the_address(page: Any, filters: dict[str, str], names: list[str]) -> None:
    page.evaluate("hash => { location.hash = hash }", urlencode(filters))
    page.wait_for_function("n => document.querySelectorAll('[role=option]').length === n", arg=len(names))
    assert shown(page) == names


def test_filters_and_statement_are_kept_in_the_address(page: Any) -> None:
    page.get_by_label("Gold stance").select_option("solidarity")
    page.get_by_label("Statement, speaker, title").fill("town")
    page.wait_for_function("() => location.hash.includes('q=town')")
    assert "gold=solidarity" in page.url and "item=bay" in page.url
    page.reload()
    assert shown(page) == [STAND]
    assert page.get_by_label("Gold stance").input_value() == "solidarity"
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("() => !location.hash.includes('gold')")
    assert len(shown(page)) == 5


def test_keys(page: Any) -> None:
    steps = [
        ("j", STAND),
        ("j", RAINED),
        ("k", STAND),
        ("ArrowDown", RAINED),
        ("End", LIED),
        ("k", SHUT),
        ("Home", SHAME),
    ]
    for key, name in steps:
        page.keyboard.press(key)
        assert chosen(page) == name
    page.get_by_label("Order").select_option("article")
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.keyboard.press("e")
    assert chosen(page) == STAND
    assert page.evaluate("document.activeElement.getAttribute('aria-activedescendant')") == "row-1"


def test_keys_for_search_help_and_the_whole_article(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("jake")
    assert page.get_by_label("Statement, speaker, title").input_value() == "jake"
    assert page.locator("#detail").inner_text() == "No statement passes these filters."
    page.get_by_label("Statement, speaker, title").fill("rained")
    page.keyboard.press("Escape")
    assert not page.locator("#detail .context", has_text="Flood relief").count()
    page.keyboard.press("a")
    assert page.locator("#detail .context").inner_text() == BAY
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_every_count_of_a_confusion_matrix_shows_as_many_statements(page: Any) -> None:
    links = page.locator(".heat a").evaluate_all(
        "nodes => nodes.map((a) => [a.getAttribute('href'), +a.textContent])"
    )
    assert len(links) == 14
    for href, count in links:
        page.locator(f".heat a[href='{href}']").click()
        page.wait_for_function("n => document.querySelectorAll('[role=option]').length === n", arg=count)
    # The page scrolls there after the list is drawn.
    page.wait_for_function("() => document.querySelector('#items').getBoundingClientRect().top < 100")


def test_a_slice_shows_its_statements_in_its_setting(page: Any) -> None:
    page.get_by_role("link", name="surname").click()
    page.wait_for_function("() => document.querySelectorAll('[role=option]').length === 1")
    assert page.get_by_label("Setting").input_value() == "gold_spans"
    assert page.get_by_label("naming").input_value() == "surname"


def test_a_press_on_a_head_sorts_and_another_turns_the_order(page: Any) -> None:
    table = page.locator(".sortable")
    values = table.locator("tbody td:nth-child(2)")
    assert values.all_inner_texts() == ["surname", "pronoun", "full name"]
    for head, order in [
        ("n", ["pronoun", "surname", "full name"]),
        ("n", ["full name", "surname", "pronoun"]),
        ("p", ["surname", "full name", "pronoun"]),
        ("p", ["full name", "surname", "pronoun"]),
        ("less all others", ["surname", "pronoun", "full name"]),
    ]:
        table.get_by_role("button", name=head, exact=True).click()
        assert values.all_inner_texts() == order
    assert table.locator("[aria-sort]").all_inner_texts() == ["less all others"]


def test_gold_and_predicted_labels_stand_side_by_side_and_differences_are_marked(page: Any) -> None:
    page.get_by_text(STAND).first.click()
    lines = page.locator(".labels tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => (cell.className ? '!' : '') + cell.textContent))"
    )
    assert lines[0] == ["stance", "solidarity", "!other", "solidarity"]
    assert lines[2:4] == [
        ["sentiment", "positive", "!neutral", "!neutral"],
        ["speaker", "Oduya Brandt", "!Inés Falkenrath", "–"],
    ]
    assert (
        page.locator(".shares tr", has_text="solidarity (gold)").first.locator(".number").inner_text()
        == "10 %"
    )


def test_of_thousands_only_those_in_sight_are_in_the_document(browser: Any, tmp_path: Path) -> None:
    text = "“No,” she said. " * 3000
    article = GoldArticle("long", text, "dev", [])
    first = item(article, "“No,”", ("denial", None, None, None), ("denial", 0.9, "neutral", None), "denial")
    many = [
        Item("long", k, k + 5, "quoted", "", first.gold, first.found, first.told, {})
        for k in range(0, 48000, 16)
    ]
    opened = browser.new_page(viewport={"width": 1200, "height": 800})
    opened.goto(written(tmp_path, html(result([Judged(article, [], many)]), {"long": text}, {})))
    assert 5 < opened.locator("[role=option]").count() < 60
    opened.locator("#list").focus()
    opened.keyboard.press("End")
    last = opened.locator("[role=option][aria-selected=true]")
    assert last.get_attribute("aria-posinset") == last.get_attribute("aria-setsize") == "3000"
    assert last.is_visible()
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 800, 420])
def test_nothing_is_wider_than_the_window(browser: Any, address: str, width: int, scheme: Any) -> None:
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened.goto(address)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = opened.evaluate(
        "(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    dark = sum(map(int, paper[4:-1].split(","))) < sum(map(int, ink[4:-1].split(",")))
    assert dark == (scheme == "dark")
    opened.close()
