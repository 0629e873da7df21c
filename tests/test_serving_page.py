"""The page of `quoth serve` in a headless Chromium, answered by a fake labeler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_support import served

from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement, Target

TEXT = "🌊 “They lied,” said Ann Ode of the board. “Bo <img src=x onerror=alert(1)> \u202eEk”"
MODEL = ModelInfo("m", "1", "0" * 12)


class Labeler:
    """Finds each passage between quotation marks; the first is an accusation of the board, the others are denials."""

    model = MODEL
    label_set = None

    def label_one(self, article: Article) -> Record:
        found, start = [], -1
        while (start := article.text.find("“", start + 1)) >= 0:
            end = article.text.find("”", start) + 1
            found.append(said(article.text, start, end, "denial" if found else "accusation"))
        return Record("1", article.id, {}, ["odd"] if "odd" in article.text else [], MODEL, found)


def said(text: str, start: int, end: int, stance: Any) -> Statement:
    probabilities: Any = {
        "accusation": 0.1,
        "denial": 0.1,
        "condemnation": 0.05,
        "solidarity": 0.05,
        "other": 0.1,
    }
    span = Span.of(text, start, end)
    target = Target(span.text, start, end, "the <b>board</b>") if stance == "accusation" else None
    return Statement(
        f"x:{start}", f"x:{start}", start, end, span.text, "direct", False, 0.9, None,
        Speaker("Ann Ode", "person", span, None, 0.8), stance, probabilities | {stance: 0.6}, None, False,
        "negative", {"negative": 0.7, "neutral": 0.2, "positive": 0.1}, target,
    )  # fmt: skip


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Labeler()) as at:
        yield at.address


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page; whatever it complains of, or asks of others, fails the test."""
    complaints: list[str] = []
    opened = browser.new_page(viewport={"width": 1000, "height": 800})
    opened.set_default_timeout(5000)
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.on("request", lambda r: r.url.startswith((address, "blob:")) or complaints.append(r.url))
    opened.goto(address)
    yield opened
    opened.close()
    assert complaints == []


def ask(page: Any, text: str) -> None:
    page.fill("#text", text)
    page.click("button[type=submit]")
    page.locator("#status", has_text="statement").wait_for()


def test_statements_are_marked_where_they_stand(page: Any) -> None:
    ask(page, TEXT)
    marks = page.locator("#marked mark")
    assert marks.count() == 2
    assert (
        page.inner_text("#marked mark:first-of-type small") == "Ann Ode → the <b>board</b> · accusation 60 %"
    )
    shown = page.evaluate("[...document.querySelectorAll('#marked small')].forEach(s => s.remove()), document.querySelector('#marked').textContent")  # fmt: skip
    assert shown == TEXT
    assert page.locator("#marked img, #marked b").count() == 0
    assert page.inner_text("#status") == "2 statements."
    assert "m 1, 000000000000" in page.inner_text("#model")


def test_the_keyboard_reaches_each_statement_and_its_probabilities(page: Any) -> None:
    ask(page, TEXT)
    page.locator("#stances input").last.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "MARK"
    tip = page.inner_text("#tip")
    assert "accusation" in tip and "60 %" in tip and "negative 70 %" in tip
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Escape")
    assert page.locator("#tip").count() == 0


def test_a_stance_can_be_hidden(page: Any) -> None:
    ask(page, TEXT)
    page.uncheck("#stances input[value=accusation]")
    assert page.locator("#table tbody tr:visible").count() == 1
    assert page.locator("#marked mark.hidden-stance").count() == 1


def test_graph_and_table_say_who_and_whom(page: Any) -> None:
    ask(page, TEXT)
    assert page.get_attribute("#graph svg", "aria-label") == "Ann Ode toward the <b>board</b>: accusation, 1"
    assert page.locator("#graph path").count() == 1
    first = page.locator("#table tbody tr").first.locator("td").all_inner_texts()
    assert first[1:] == ["Ann Ode", "accusation", "0.60", "the <b>board</b>", "negative", "direct"]


def test_ties_of_one_speaker_are_told_apart_without_colour(page: Any) -> None:
    ask(page, TEXT + " “No.” “Yes.”")
    assert page.locator("#graph .stance").all_text_contents() == ["accusation"]
    assert page.locator("#graph polygon").count() == 1
    page.evaluate("""graph([["The board", "denial"], ["the board", "denial"], ["the board", "accusation"]].map(([name, stance]) =>
      ({ speaker: { name: "Ann Ode" }, target: { name }, stance })))""")
    assert page.locator("#graph .stance").all_text_contents() == ["denial (2)", "accusation"]
    starts = page.locator("#graph path").evaluate_all("paths => paths.map((p) => p.getPointAtLength(0).y)")
    assert abs(starts[0] - starts[1]) > 20


def test_what_was_found_is_counted_and_comes_into_view(page: Any) -> None:
    page.set_viewport_size({"width": 1000, "height": 500})
    ask(page, TEXT + "\n\nNothing was said." * 30)
    counts = page.locator("#stances label").all_inner_texts()
    assert [" ".join(text.split()) for text in counts] == ["accusation 1", "denial 1", "condemnation 0", "solidarity 0", "other 0"]  # fmt: skip
    assert page.locator("#marked").evaluate("m => m.getBoundingClientRect().top < innerHeight")
    page.fill("#text", "Nothing was said.")
    page.click("button[type=submit]")
    page.locator("#status", has_text="No statement found.").wait_for()
    assert page.locator("#answer").is_hidden()


def test_a_tip_stays_on_the_screen(page: Any) -> None:
    page.set_viewport_size({"width": 600, "height": 500})
    ask(page, "Nothing was said.\n\n" * 20 + TEXT + "\n\nNothing was said." * 20)
    mark = page.locator("#marked mark").last
    for block in ("start", "end"):
        # Scrolling moves marks under the pointer, which hides a tip, in a later frame.
        mark.evaluate(
            f"""async m => {{
                m.scrollIntoView({{ block: "{block}" }});
                for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame);
                m.blur(); m.focus({{ preventScroll: true }})
            }}"""
        )
        box, tip = mark.bounding_box(), page.locator("#tip").bounding_box()
        assert 0 <= tip["y"] and tip["y"] + tip["height"] <= 500
        assert tip["y"] >= box["y"] + box["height"] or tip["y"] + tip["height"] <= box["y"]


def test_a_server_that_asks_for_a_key_makes_the_page_ask(browser: Any, address: str) -> None:
    told = {
        "error": {
            "status": 401,
            "reason": "key",
            "message": "expected a key",
            "request_id": "1",
            "field": None,
        }
    }
    page = browser.new_page()
    page.goto(address)
    page.route("**/v1/label", lambda route: route.fulfill(status=200 if "authorization" in route.request.headers else 401, json=told))  # fmt: skip
    page.fill("#text", TEXT)
    page.click("button[type=submit]")
    page.locator("#status.failed", has_text="expected a key").wait_for()
    assert page.evaluate("document.activeElement.id") == "key"
    page.keyboard.type("secret")
    with page.expect_request("**/v1/label") as asked:
        page.keyboard.press("Enter")
    assert asked.value.headers["authorization"] == "Bearer secret"
    page.close()


def test_what_is_shown_can_be_saved(page: Any, tmp_path: Path) -> None:
    ask(page, "“=1+1,” she said.")
    for button, name in (("#json", "a.json"), ("#csv", "a.csv")):
        with page.expect_download() as download:
            page.click(button)
        download.value.save_as(tmp_path / name)
    assert json.loads((tmp_path / "a.json").read_text())["statements"][0]["text"] == "“=1+1,”"
    assert '"“=1+1,”","Ann Ode","accusation"' in (tmp_path / "a.csv").read_text("utf-8-sig")


def test_an_error_and_a_warning_are_told(page: Any, browser: Any, address: str) -> None:
    ask(page, "odd “yes,” she said")
    assert page.inner_text("#status") == "1 statement. odd"
    other = browser.new_page()
    other.goto(address)
    other.fill("#text", "x" * 200_001)
    other.click("button[type=submit]")
    other.locator("#status.failed", has_text="found 200,001 characters, expected at most 200,000").wait_for()
    assert other.locator("#answer").is_hidden()
    other.close()


def test_a_megabyte_of_marks_does_not_hang_the_page(page: Any) -> None:
    ask(page, ("“No,” she said. " * 1000)[:190_000])
    assert page.locator("#marked mark").count() == 1000


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 700}}], ids=["light", "dark", "phone"])  # fmt: skip
def test_the_page_is_accessible(browser: Any, address: str, look: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(**look)
    opened = context.new_page()
    opened.goto(address)
    opened.set_default_timeout(5000)
    ask(opened, TEXT)
    opened.locator("#marked mark").first.focus()
    found = axe.Axe().run(opened).response["violations"]
    assert [(v["id"], v["impact"]) for v in found] == []
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
