from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from quoth.eval import asides
from quoth.eval.draws import Figure
from quoth.eval.gold import GoldStatement
from quoth.eval.html import html
from quoth.eval.items import Answer, Item
from quoth.eval.markup import Markup, cell, fields, figure_cell, heat_table, join, percent, table, tag
from quoth.eval.payload import payload
from quoth.eval.result import (
    PRF,
    Articles,
    BaselineScores,
    Bin,
    Calibration,
    ClassScores,
    Confusion,
    Contrast,
    ExtractionScores,
    Invented,
    Point,
    Result,
    Run,
    SentimentScores,
    Slice,
    SpeakerScores,
    StanceScores,
    TargetScores,
)
from quoth.eval.suspects import Suspect

HALF = Figure(0.5, 0.4, 0.6)
ABSENT = Figure(None, None, None)
HOSTILE = "\"'</script><script>alert(1)</script><img src=x onerror=alert(1)>é\u2028"
TEXT = f"Ferry talks 🚢 end.\n\n“{HOSTILE}” said Ada Quill."
START, END = TEXT.index("“"), TEXT.index("”") + 1


def item(article: str = "ferry", **changes: Any) -> Item:
    gold = GoldStatement(START, END, "quoted", "denial", None, "negative", "Ada Quill", None)
    found = Answer(START, END, "direct", "other", None, {"other": 0.71239, "denial": 0.28761}, "neutral", {},
                   "Ms Ada Quill", None, 0.98765)  # fmt: skip
    whole = Item(article, START, END, "quoted", TEXT[START:END], gold, found, None, {"naming": HOSTILE})
    return msgspec.structs.replace(whole, **changes)


def result(**changes: Any) -> Result:
    """Every section filled with little."""
    one = ClassScores(HALF, HALF, ABSENT, 3, "3 gold items: too few")
    confusion = Confusion(["denial", "other", "none"], ["denial", "other"], [[2, 1], [0, 0], [4, 0]])
    stance = StanceScores(3, 1, HALF, HALF, HALF, HALF, {"denial": one}, confusion)
    speaker = SpeakerScores(3, 0.75, HALF, 2, 0, 1)
    feelings = Confusion(["negative"], ["negative"], [[3]])
    calibration = Calibration(
        3, HALF, 0.01, 0.02, HALF, HALF, [Bin(3, 0.8, HALF)], [Point(1.0, 0.2, HALF)], 0.1
    )
    whole: dict[str, Any] = {
        "run": Run(
            command="quoth eval", date="2026-01-02", quoth="0.1.0", git=None, model=None, gold="gold.jsonl",
            gold_hash="a" * 12, articles_hash="b" * 12, predictions="theirs.csv", predictions_hash="c" * 12,
            splits={"dev": 1}, seed=0, resamples=9, versions={"python": "3.11"}, seconds={},
        ),
        "notes": [HOSTILE],
        "articles": Articles(1, 0, 0),
        "extraction": {"quoted": ExtractionScores(3, 4, HALF, PRF(None, HALF, None), PRF(HALF, HALF, HALF))},
        "stance": {"end_to_end": {"quoted": stance}},
        "invented": Invented(2, {"denial": 2}),
        "speaker": {"all": speaker},
        "speaker_by_naming": {HOSTILE: speaker},
        "sentiment": {"end_to_end": {"all": SentimentScores(3, HALF, {"negative": one}, feelings)}},
        "target": {"all": TargetScores(2, HALF)},
        "calibration": {"end_to_end": {"all": calibration}},
        "slices": [Slice("speaker", "naming", HOSTILE, 1, 3, HALF, Figure(-0.2, -0.3, 0.1), 0.0004, None)],
        "items": [item()],
    }  # fmt: skip
    return Result(**(whole | changes))


class Page(HTMLParser):
    """Start tags with their attributes, and the text of each script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = tag == "script"
        if self._script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[-1] += data
        else:
            self.text += data


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html(result(), {"ferry": TEXT}, {"ferry": HOSTILE}))


def test_the_page_loads_nothing_and_allows_its_own_script_only(page: Page) -> None:
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy
    assert not [t for t, a in page.tags if "src" in a or t in ("link", "iframe", "object", "base")]
    assert all((a["href"] or "").startswith("#") for _, a in page.tags if "href" in a)
    assert not re.search(r"https?://|url\(|@import", "".join(page.scripts) + page.text)


def test_hostile_names_make_no_element_and_no_handler(page: Page) -> None:
    assert page.text.count(HOSTILE) == 3  # a note, a way of naming, a slice
    assert len(page.scripts) == 2
    assert not [t for t, a in page.tags if t == "img" or any(name.startswith("on") for name in a)]


def test_the_data_survive_the_way_into_the_page(page: Page) -> None:
    data = msgspec.json.decode(page.scripts[0])
    assert "<" not in page.scripts[0]
    assert data["articles"] == [["ferry", HOSTILE, TEXT]]
    assert data["traits"] == [["naming", [HOSTILE]]]
    found = [START, END, "other", None, [0, 0.288, 0, 0, 0.712], "neutral", [], "Ms Ada Quill", None, 0.988]
    gold = ["denial", None, "negative", "Ada Quill", None]
    assert data["items"] == [
        [0, f"ferry:{START}-{END}", START, END, "quoted", gold, found, None, "right", [0]]
    ]


def test_every_link_to_a_section_has_one(page: Page) -> None:
    anchors = {a["id"] for t, a in page.tags if t == "section"}
    links = {(a["href"] or "")[1:] for t, a in page.tags if t == "a"}
    assert {link for link in links if "=" not in link} == anchors


def test_a_part_that_was_not_tried_has_no_section() -> None:
    parts = ("extraction", "stance", "speaker", "speaker_by_naming", "sentiment", "target", "calibration")
    bare = Page(
        html(result(**{part: {} for part in parts}, slices=[], invented=Invented(0, {})), {"ferry": TEXT}, {})
    )
    assert [a["id"] for t, a in bare.tags if t == "section"] == ["summary", "items"]


def test_a_text_is_in_the_page_once_however_many_items_it_has() -> None:
    items = [item(start=k) for k in range(50)] + [item("other", start=k) for k in range(50)]
    data = payload(items, {"ferry": TEXT, "other": "Another text.", "unused": "Nobody's."}, {})
    assert [row[0] for row in msgspec.json.decode(data)["articles"]] == ["ferry", "other"]
    assert len(data) < 100 * 230 + 1000


def test_an_article_without_a_text_is_refused() -> None:
    with pytest.raises(KeyError, match="ferry"):
        html(result(), {}, {})


def test_half_a_surrogate_pair_becomes_one_replacement_character() -> None:
    made = html(result(notes=["cut \ud83d here"]), {"ferry": TEXT.replace("🚢", "\ud83d")}, {})
    assert "cut \ufffd here" in made
    assert msgspec.json.decode(Page(made).scripts[0])["articles"][0][2] == TEXT.replace("🚢", "\ufffd")


@pytest.mark.parametrize(
    "gold, found, verdict",
    [
        ("Ada Quill", "Mrs Ada Quill", "right"),
        ("Ada Quill", "Ida Quill", "wrong"),
        ("Ada Quill", None, "null"),
        (None, "Ada Quill", ""),
    ],
)
def test_speakers_are_judged_as_in_the_tables(gold: str | None, found: str | None, verdict: str) -> None:
    whole = item()
    assert whole.gold and whole.found
    labelled = GoldStatement(START, END, "quoted", "denial", None, None, gold, None)
    said = msgspec.structs.replace(whole.found, speaker=found)
    data = payload([item(gold=labelled, found=said)], {"ferry": TEXT}, {})
    assert msgspec.json.decode(data)["items"][0][8] == verdict


def test_suspects_and_baselines_have_tables() -> None:
    suspect = Suspect("ferry & quay", 3, 9, "stance", "other", "denial", 0.4)
    made = asides.suspects([suspect])
    assert 'href="#item=ferry+%26+quay%3A3-9"' in made
    baseline = BaselineScores("nearest name", "end_to_end", {}, {}, SpeakerScores(3, 1.0, HALF, 2, 0, 1),
                              Contrast(Figure(0.1, 0.0, 0.2), 0.0001))  # fmt: skip
    made = asides.baselines([baseline])
    assert "+10.0" in made and "&lt; .001" in made


@pytest.mark.parametrize(
    "empty", [asides.behaviour(None), asides.baselines([]), asides.agreement({}), asides.suspects([])]
)
def test_what_was_not_tried_is_empty(empty: Markup) -> None:
    assert empty == ""


@pytest.mark.parametrize(
    "share, sign, text",
    [(0.6459, "", "64.6"), (None, "", "–"), (1.0, "", "100.0"), (-0.021, "+", "−2.1"), (0.021, "+", "+2.1"),
     (-0.0001, "+", "0.0"), (0.0, "+", "0.0")],
)  # fmt: skip
def test_percent(share: float | None, sign: str, text: str) -> None:
    assert percent(share, sign) == text


@pytest.mark.parametrize(
    "value, made",
    [
        (1234, '<td class="number" data-value="1234">1,234</td>'),
        (0.25, '<td class="number" data-value="0.25">0.250</td>'),
        (None, '<td class="number">–</td>'),
        (True, "<td>yes</td>"),
        ("a<b", "<td>a&lt;b</td>"),
        (tag("b", "x"), "<td><b>x</b></td>"),
        (tag("td", "x"), "<td>x</td>"),
    ],
)
def test_cells(value: object, made: str) -> None:
    assert cell(value) == made


def test_a_figure_that_is_not_defined_is_a_dash_without_bar_and_interval() -> None:
    assert Page(cell(ABSENT)).text == "–"
    assert "data-value" not in cell(ABSENT)


@pytest.mark.parametrize(
    "figure, reach, low, width, value",
    [
        (Figure(0.5, 0.4, 0.6), None, 40, 20, 50),
        (Figure(0.0, -0.1, 0.2), 0.2, 25, 75, 50),
        (Figure(0.5, None, None), None, 50, 0, 50),
        (Figure(0.9, 0.5, 1.2), 0.5, 100, 0, 100),
    ],
)
def test_a_bar_spans_the_interval(
    figure: Figure, reach: float | None, low: float, width: float, value: float
) -> None:
    made = figure_cell(figure, reach)
    assert [float(x) for x in re.findall(r"(?:left|width):([\d.]+)%", made)] == [low, width, value]


def test_a_heat_table_leaves_out_labels_without_items_and_links_the_rest() -> None:
    confusion = Confusion(["a", "b", "none"], ["a", "b"], [[1, 3], [0, 0], [0, 2]])
    made = Page(heat_table(confusion, lambda gold, said: {"gold": gold, "predicted": said}))
    assert made.text.partition("statements.")[2] == "ab" + "a13" + "none02"
    assert [a["href"] for t, a in made.tags if t == "a"] == [
        "#gold=a&predicted=a", "#gold=a&predicted=b", "#gold=none&predicted=b"
    ]  # fmt: skip
    assert [a["style"] for t, a in made.tags if t == "td" and "style" in a] == [
        "--heat:25%", "--heat:75%", "--heat:0%", "--heat:100%"
    ]  # fmt: skip


def test_any_json_becomes_tables() -> None:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    made = Page(fields({"n_all": 3, "pairs": [{"who": "a, b", "kappa": figure}, {"who": "c"}], "none": []}))
    assert [t for t, _ in made.tags if t in ("table", "h3")] == ["table", "h3", "table"]
    assert "n all3" in made.text
    assert "a, b50.0[40.0, 60.0]c–" in made.text


def test_only_markup_is_left_as_it_is() -> None:
    assert join([tag("b", "<"), "<"]) == "<b>&lt;</b>&lt;"
    assert tag("a", "x", title='"', class_="c", data_value=1, id=None) == (
        '<a title="&quot;" class="c" data-value="1">x</a>'
    )


def test_heads_stand_above_their_numbers() -> None:
    made = Page(table(("", "n", "label"), [("a", 1, "x")]))
    assert [a.get("class") for t, a in made.tags if t == "th"][:3] == [None, "number", None]
