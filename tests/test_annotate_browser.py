"""The page of `quoth annotate` in a headless Chromium: worked by keys, killed, gone on with, judged by `quoth eval`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quoth.cli import main
from quoth.records import Article, ModelInfo, Record, Statement

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")

from quoth.adjudicating import Adjudication
from quoth.annotating import Session
from quoth.annotation_log import read_log
from quoth.annotation_server import AnnotationServer

BAY = "🌊 “They dredged our bay,” Ida Brandt said. “Pure fiction,” Bo Lund answered. Brandt accused <b>Tarn Ltd.</b> of dumping sand in the old harbour."
QUAY = "“We stand with the crew,” said Mayor Lise Tveit.\n\n“It is an outrage,” she said of the toll."


class Proposer:
    """Finds each passage between quotation marks and calls it an accusation."""

    model = ModelInfo("m", "1", "0" * 12)

    def label(self, articles: Iterable[Article]) -> Iterator[Record]:
        for article in articles:
            spans = [match.span() for match in re.finditer("“[^”]*”", article.text)]
            yield Record("1", article.id, {}, [], self.model, [said(article.text, *span) for span in spans])


def said(text: str, start: int, end: int) -> Statement:
    stances: Any = {"accusation": 0.6, "denial": 0.1, "condemnation": 0.1, "solidarity": 0.1, "other": 0.1}
    return Statement(
        f"x:{start}", f"x:{start}", start, end, text[start:end], "direct", False, 0.9, None, None, "accusation",
        stances, None, False, "negative", {"negative": 0.7, "neutral": 0.2, "positive": 0.1}, None,
    )  # fmt: skip


Start = Callable[[Session], str]
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (409|422) ")
ARTICLES = [Article("bay", BAY, {"title": "The <i>bay</i>", "date": "2026-01-02"}), Article("quay", QUAY)]


@pytest.fixture
def served() -> Iterator[Start]:
    """served(session): its address."""
    ending: list[Callable[[], None]] = []

    def start(session: Session) -> str:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(AnnotationServer(session).app, log_config=None))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)

        def end() -> None:
            server.should_exit = True
            thread.join()

        ending.append(end)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for end in ending:
        end()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """visit(address, ...): the page there; whatever it complains of, or asks of others, fails the test."""
    complaints: list[str] = []
    contexts = []

    def go(address: str, **look: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}} | look)
        contexts.append(context)
        opened = context.new_page()
        opened.set_default_timeout(5000)
        # What the server refuses is shown on the page, and told to the console by the browser itself.
        opened.on("console", lambda m: REFUSED.match(m.text) or complaints.append(m.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("dialog", lambda dialog: complaints.append(dialog.message))
        opened.on("request", lambda r: r.url.startswith(address) or complaints.append(r.url))
        opened.goto(address)
        return opened

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def press(page: Any, keys: str) -> None:
    """Each key of a list, as fast as they come."""
    for key in keys.split():
        page.keyboard.press(key)


def wait(page: Any, said: str, place: str = "#status") -> None:
    page.locator(place, has_text=said).wait_for()


def words(page: Any) -> str:
    return str(page.evaluate("getSelection().toString()"))


def statements(out: Path, annotator: str, article: str) -> list[Any]:
    log = out.with_name(f"{out.stem}.{annotator}.log.jsonl")
    return list(read_log(log).works[article].statements.values())


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "labels.jsonl"


def test_an_article_is_labelled_by_keys_alone(visit: Any, served: Start, out: Path) -> None:
    page = visit(served(Session(ARTICLES[:1], out, "ana", Proposer())))
    wait(page, "Statement 1 of 2", "#place")
    shown = page.evaluate("document.querySelector('#text').textContent")
    assert shown == BAY
    assert page.inner_text("#title") == "The <i>bay</i>"
    assert page.get_attribute("#text mark[aria-current]", "data-label") == "1"
    press(page, "a Shift+C 1 w")
    page.keyboard.type("Ida Brandt")
    press(page, "Enter")
    wait(page, "1 of 2 statements labelled", "#counts")
    # The target, word by word: from the statement on to "Tarn Ltd.".
    for _ in range(15):
        page.keyboard.press(".")
    press(page, "Shift+ArrowRight")
    assert words(page) == "<b>Tarn Ltd.</b>"
    press(page, "Shift+ArrowLeft , .")
    assert words(page) == "<b>Tarn"
    press(page, "t ArrowRight d 1 r")
    wait(page, "2 of 2 statements labelled", "#counts")
    # A paraphrase that was not proposed.
    for _ in range(8):
        page.keyboard.press(".")
    press(page, "Shift+ArrowRight Shift+ArrowRight Shift+ArrowRight Shift+ArrowRight Shift+ArrowRight n")
    wait(page, "Statement 3 of 3, indirect", "#place")
    assert page.inner_text("#words") == "<b>Tarn Ltd.</b> of dumping sand in"
    press(page, "f")
    wait(page, "statement 3: no stance yet")
    press(page, "a 2 0 f")
    wait(page, "All articles are done")
    page.close()
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    found = [(BAY[s["start"] : s["end"]], s["kind"], s["stance"], s["stance2"], s["speaker"], s["target"]) for s in row["statements"]]  # fmt: skip
    assert found == [
        ("“They dredged our bay,”", "quoted", "accusation", "condemnation", "Ida Brandt", "b>Tarn"),
        ("“Pure fiction,”", "quoted", "denial", None, "Ida Brandt", None),
        ("<b>Tarn Ltd.</b> of dumping sand in", "indirect", "accusation", None, None, None),
    ]
    assert row["annotation"]["proposals_shown"] is False


def test_statements_are_cut_joined_deleted_and_brought_back(visit: Any, served: Start, out: Path) -> None:
    page = visit(served(Session(ARTICLES[1:], out, "ana", Proposer())))
    wait(page, "Statement 1 of 2", "#place")
    press(page, "s 3 . . . x")
    wait(page, "Statement 2 of 3", "#place")
    assert page.inner_text("#words") == "with the crew,”"
    first, second, _ = statements(out, "ana", "quay")
    assert (QUAY[first.start : first.end], first.stance, second.stance) == (
        "“We stand",
        "solidarity",
        "solidarity",
    )
    press(page, "ArrowLeft j")
    wait(page, "Statement 1 of 2", "#place")
    assert page.inner_text("#words") == "“We stand with the crew,”"
    press(page, "k")
    wait(page, "indirect", "#place")
    press(page, "Delete")
    wait(page, "Statement 1 of 1", "#place")
    press(page, "u u")
    wait(page, "Statement 1 of 2, quoted", "#place")
    press(page, "u u u u")
    page.locator('button[data-key="u"]:disabled').wait_for()
    assert [s.stance for s in statements(out, "ana", "quay")] == [None, None]
    press(page, "ArrowRight ArrowRight j")
    wait(page, "No statement comes after this one.")


def test_the_mouse_does_it_too(visit: Any, served: Start, out: Path) -> None:
    page = visit(served(Session(ARTICLES[:1], out, "ana", Proposer())))
    page.click("#text mark >> nth=1")
    wait(page, "Statement 2 of 2", "#place")
    page.click("#stances button.denial")
    wait(page, "Saved.")
    assert page.locator("#stances button[aria-pressed=true]").inner_text().startswith("denial")
    page.evaluate(
        """() => { const node = [...document.querySelector('#text').firstChild.childNodes].at(-1), at = node.data.indexOf('Brandt accused'),
        range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + 6); getSelection().removeAllRanges(); getSelection().addRange(range) }"""
    )
    page.click('button[data-key="w"]')
    page.locator("#text mark[data-label*=Brandt]").wait_for()
    assert statements(out, "ana", "bay")[1].speaker == "Brandt"
    assert "Ida Brandt" in page.evaluate("[...document.querySelectorAll('#names option')].map(o => o.value)")
    page.fill("#speaker", "")
    page.click("#title")
    page.locator("#text mark[data-label*=Brandt]").wait_for(state="detached")


def test_keys_can_be_turned_off_and_read(visit: Any, served: Start, out: Path) -> None:
    page = visit(served(Session(ARTICLES, out, "ana", Proposer())))
    wait(page, "Statement 1", "#place")
    press(page, "?")
    assert "repeat the speaker" in page.inner_text("#keys")
    page.uncheck("#keyed")
    press(page, "Escape d")
    page.click("#sentiments button >> nth=1")
    wait(page, "Saved.")
    page.close()
    (work,) = read_log(out.with_name("labels.ana.log.jsonl")).works.values()
    assert next((s.stance, s.sentiment) for s in work.statements.values()) == (None, "neutral")


def test_two_windows_do_not_write_over_each_other(visit: Any, served: Start, out: Path) -> None:
    address = served(Session(ARTICLES[:1], out, "ana", Proposer()))
    one, other = visit(address), visit(address)
    wait(other, "Statement 1", "#place")
    wait(one, "Statement 1", "#place")
    press(one, "a")
    wait(one, "Saved.")
    press(other, "d")
    wait(other, "changed in another window")
    assert other.locator("#stances button[aria-pressed=true]").inner_text().startswith("accusation")


def test_training_shows_proposals_and_says_so(visit: Any, served: Start, out: Path) -> None:
    page = visit(served(Session(ARTICLES[:1], out, "ana", Proposer(), mode="training")))
    wait(page, "these labels are a model’s")
    assert page.inner_text("#proposed") == "(proposed, 60 %)"
    press(page, "d")
    wait(page, "Saved.")
    assert page.inner_text("#proposed") == ""
    press(page, "f")
    wait(page, "All articles are done")


def adjudicated(served: Start, out: Path) -> str:
    """An article that ana and bo differ in, as the page shows it to a third."""
    from quoth.annotating import Edit, Put

    for name, stance in (("ana", "accusation"), ("bo", "condemnation")):
        session = Session(ARTICLES[:1], out, name, Proposer())
        for k, row in enumerate(session.opened("bay")["statements"]):
            put = Put(
                row["start"], row["end"], "quoted", stance if k else "denial", None, "negative", "Bo Lund"
            )  # type: ignore[arg-type]
            session.edit(Edit("bay", k + 1, "stance", [(put.start, put.end)], [put]))
        session.finish("bay", 3)
        session.close()
    return served(Adjudication(ARTICLES, out, "ana", "bo", Proposer()))


def test_differences_are_decided(visit: Any, served: Start, out: Path) -> None:
    page = visit(adjudicated(served, out))
    wait(page, "1 articles done by both; 2 statements marked by both", "#shared")
    assert page.locator("#figures tbody tr").count() == 3
    wait(page, "Statement 2 of 2", "#place")
    assert page.locator("#both tr.differs").inner_text().split() == [
        "stance",
        "≠",
        "accusation",
        "condemnation",
    ]
    assert out.read_text("utf-8") == ""
    press(page, "5 f")
    wait(page, "All articles are done")
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert [s["stance"] for s in row["statements"]] == ["denial", "condemnation"]
    assert (row["passes"], row["annotation"]["annotators"]) == (2, ["ana", "bo"])


def test_annotators_are_told_no_agreement(served: Start, out: Path) -> None:
    import httpx

    address = served(Session(ARTICLES, out, "ana", Proposer()))
    assert httpx.get(f"{address}/agreement").status_code == 404


def test_other_pages_cannot_write_or_read(served: Start, out: Path) -> None:
    """Not by a form, which needs no leave, nor by a name of theirs that points here."""
    import httpx

    address = served(Session(ARTICLES, out, "ana", Proposer()))
    body = json.dumps({"article": "bay", "version": 0})
    assert (
        httpx.post(f"{address}/open", content=body, headers={"content-type": "text/plain"}).status_code == 415
    )
    assert httpx.get(f"{address}/overview", headers={"host": "quoth.example"}).status_code == 400
    policy = httpx.get(address).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 700}}], ids=["light", "dark", "phone"])  # fmt: skip
def test_the_page_is_accessible(browser: Any, served: Start, out: Path, look: dict[str, Any]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(**look)
    page = context.new_page()
    page.set_default_timeout(5000)
    page.goto(adjudicated(served, out))
    wait(page, "Statement 2 of 2", "#place")
    wait(page, "1 articles done by both", "#shared")

    def violations() -> list[tuple[str, str]]:
        return [(v["id"], v["impact"]) for v in axe.Axe().run(page).response["violations"]]

    assert violations() == []
    press(page, "h")
    page.locator("#codebook h1").wait_for()
    assert "accusation" in page.inner_text("#codebook")
    assert violations() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    press(page, "?")
    assert violations() == []
    context.close()


class Command:
    """`quoth annotate` as its users run it, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        command = [
            "annotate",
            "articles.jsonl",
            "--out",
            "labels.jsonl",
            "--annotator",
            "Ana",
            "--port",
            str(self._port),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "quoth.cli", *command], cwd=self._folder, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.said = ""
        while "open http" not in self.said:
            line = self.process.stderr.readline()
            assert line, self.said
            self.said += line

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_server_loses_nothing_and_its_labels_are_gold(
    browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "articles.jsonl").write_text(
        "".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in ARTICLES), "utf-8"
    )
    command = Command(tmp_path)
    request.addfinalizer(lambda: command.process.kill())
    page = browser.new_page()
    page.set_default_timeout(10_000)
    page.goto(command.address)
    wait(page, "Statement 1", "#place")
    press(page, "s 3 0 ArrowRight d 1")
    wait(page, "1 of", "#counts")
    page.locator("#sentiments button[aria-pressed=true]").wait_for()
    wait(page, "Statement 2", "#place")
    before = page.evaluate("[...document.querySelectorAll('#text mark')].map(m => m.dataset.label)")
    command.kill()
    press(page, "c")
    wait(page, "Not saved: quoth does not answer.")
    assert page.locator("#stances button[aria-pressed=true]").inner_text().startswith("denial")

    with (tmp_path / "labels.ana.log.jsonl").open("ab") as log:
        log.write(b'{"event":"change","time":"2026')  # as a power cut leaves it
    command.start()
    assert "were no whole line" in command.said and "ana, 0 of 2 articles done" in command.said
    page.reload()
    wait(page, "Statement 2", "#place")
    assert page.evaluate("[...document.querySelectorAll('#text mark')].map(m => m.dataset.label)") == before
    for _ in ARTICLES:
        n = page.locator("#text mark").count()
        press(page, "ArrowLeft " * n + "o 2 0 ArrowRight " * n)
        wait(page, f"here {n} of {n} statements labelled", "#counts")
        press(page, "f")
        wait(page, "Done; labels.jsonl is written.")
    wait(page, "2 of 2 articles done", "#counts")
    page.close()
    command.process.terminate()
    assert command.process.wait(10) == 0

    monkeypatch.chdir(tmp_path)
    rows = list(map(json.loads, Path("labels.jsonl").read_text("utf-8").splitlines()))
    assert {row["article"] for row in rows} == {"bay", "quay"}
    told = {s["stance"] for row in rows for s in row["statements"]}
    assert told == {"other"}
    for arguments in (
        "labels export labels.jsonl --articles articles.jsonl --to csv -o gold.csv",
        "label articles.jsonl -o quoth.jsonl",
        "eval --gold labels.jsonl --articles articles.jsonl --predictions quoth.jsonl --resamples 100",
        "eval --gold gold.csv --articles articles.jsonl --predictions quoth.jsonl --resamples 100",
    ):
        result = CliRunner().invoke(main, arguments.split())
        assert result.exit_code == 0, result.output
    assert "2 articles" in result.output and "gold articles were labelled" not in result.output
