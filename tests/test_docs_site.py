"""The site is built without a network and a warning, takes nothing from elsewhere, and its links lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import quoth

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
"""Tags and the attributes by which a browser fetches something without being asked."""

_CSS_URL = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class _Page(HTMLParser):
    """What a page loads, what it links to, and the names that links may lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and {"stylesheet", "icon", "preload", "preconnect"} & {
            *given.get("rel", "").split()
        }:
            self.loads.append(given["href"])
        if tag in LOADED and LOADED[tag] in given:
            self.loads.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason="needs the extra 'docs'")
    built = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", ".", str(built)]
    ran = subprocess.run(
        command, check=False, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return built


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in site.rglob("*.html")}


def test_every_document_is_a_page(pages: dict[Path, _Page], site: Path) -> None:
    there = {path.relative_to(site).with_suffix("").as_posix() for path in pages}
    assert {f"docs/{path.stem}" for path in DOCS.glob("*.md")} <= there
    assert {"index", "README", "MODEL_CARD", "CHANGELOG", "CONTRIBUTING"} <= there


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, _Page], site: Path) -> None:
    outside = {url for page in pages.values() for url in page.loads if urlsplit(url).netloc}
    assert sum(len(page.loads) for page in pages.values()) > len(pages)
    styles = {url for path in site.rglob("*.css") for url in _CSS_URL.findall(path.read_text("utf-8"))}
    inline = {url for path in pages for url in _CSS_URL.findall(path.read_text("utf-8"))}
    assert outside | styles | inline == set()


def test_every_link_inside_the_site_leads_somewhere(pages: dict[Path, _Page], site: Path) -> None:
    broken, followed = [], 0
    for path, page in pages.items():
        for link in page.links + page.loads:
            scheme, host, address, _, anchor = urlsplit(link)
            if scheme or host:
                continue
            goal = (path.parent / unquote(address)).resolve() if address else path
            goal = goal / "index.html" if goal.is_dir() else goal
            followed += 1
            there = goal.is_relative_to(site) and goal.exists()
            if not there or anchor and unquote(anchor) not in pages[goal].ids:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert followed > 100 and broken == []


def test_the_api_page_has_every_public_name(pages: dict[Path, _Page], site: Path) -> None:
    ids = pages[site / "docs" / "api.html"].ids
    modules = {"label": "quoth", "Labeler": "quoth.labeler"}
    assert {f"{modules.get(name, 'quoth.records')}.{name}" for name in quoth.__all__} <= ids
    assert {
        "quoth.labeler.Labeler.label_one",
        "quoth.estimator.StanceClassifier.fit",
        "quoth.spacy.attach",
        "quoth.eval.harness.evaluate",
    } <= ids


def test_the_picture_and_the_way_name_what_there_is() -> None:
    picture = ET.parse(DOCS / "architecture.svg").getroot()
    texts = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    table = (DOCS / "architecture.md").read_text("utf-8")
    steps = dict(re.findall(r"^\| (\w+) \| `(quoth\.[\w.]+)` \|", table, re.MULTILINE))
    assert len(steps) == 12
    for function in steps.values():
        module, _, last = function.rpartition(".")
        assert callable(getattr(import_module(module), last))
    drawn = [text for text in texts if re.fullmatch(r"[a-z]+\.\w+", text)]
    assert len(drawn) == 9
    for text in drawn:
        assert any(function.endswith("." + text) for function in steps.values()), text
    for room in ("training/", "model/", "eval/", "src/quoth/"):
        assert room in texts and (ROOT / room).is_dir()


def test_the_picture_needs_nothing_and_says_what_it_shows() -> None:
    source = (DOCS / "architecture.svg").read_text("utf-8")
    assert re.findall(r"(?:href|url\()[^#]", source) == []
    assert {"title", "desc"} <= {element.tag.rpartition("}")[2] for element in ET.fromstring(source).iter()}


def test_the_picture_can_be_read_in_light_and_dark() -> None:
    source = (DOCS / "architecture.svg").read_text("utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in source.split("@media"))
    for colours in (light, dark):
        for ground in ("paper", "room", "street"):
            for ink in ("ink", "soft"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["line"], colours["paper"]) >= 3


def contrast(a: str, b: str) -> float:
    """Of two colours, as WCAG 2.2 has it."""

    def luminance(colour: str) -> float:
        shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("room", "others"),
    [("training", ["eval"]), ("eval", ["training"]), ("model", ["eval", "training"])],
)
def test_a_room_knows_nothing_of_the_others(room: str, others: list[str]) -> None:
    imports = [name for path in (ROOT / room).glob("*.py") for name in imported(path)]
    assert f"quoth.{room}" in {".".join(name.split(".")[:2]) for name in imports}
    for other in others:
        assert [name for name in imports if f"{name}.".startswith(f"quoth.{other}.")] == []


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, `from quoth import x` as quoth.x."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
