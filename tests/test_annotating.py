"""Sessions of annotation, adjudication, merging and the order of articles, with a labeler that reads quotation marks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from quoth.adjudicating import Adjudication
from quoth.annotating import Edit, Put, Session, Stale
from quoth.annotation_log import Labels, read_log
from quoth.cli import main
from quoth.errors import ConfigError, InputError
from quoth.eval.gold import GoldStatement, origin_notes, read_gold
from quoth.merging import agreement_of, merged, progress_of
from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement, Target
from quoth.sampling import SHARPNESS, draws, scores_of

BAY = Article(
    "bay",
    "“They dredged our bay,” Ida Brandt said. “Pure fiction,” Bo Lund of Tarn Ltd. answered. Brandt blamed Lund.",
    {"title": "The bay", "date": "2026-01-02"},
)
QUAY = Article("quay", "Nothing was said at the quay.")


class Proposer:
    """Finds each passage between quotation marks: a denial by Ida Brandt of the bay, surer in later ones."""

    model = ModelInfo("m", "1", "0" * 12)

    def label(self, articles: Iterable[Article]) -> Iterator[Record]:
        for article in articles:
            found, start = [], -1
            while (start := article.text.find("“", start + 1)) >= 0:
                found.append(
                    said(article.text, start, article.text.find("”", start) + 1, 0.6 + 0.1 * len(found))
                )
            yield Record("1", article.id, {}, [], self.model, found)


def said(text: str, start: int, end: int, sure: float) -> Statement:
    rest = (1 - sure) / 4
    stances: Any = dict.fromkeys(("accusation", "condemnation", "solidarity", "other"), rest) | {
        "denial": sure
    }
    span = Span.of(text, start, end)
    return Statement(
        f"x:{start}", f"x:{start}", start, end, span.text, "direct", False, 0.9, None,
        Speaker("Ida Brandt", "person", None, None, 0.8), "denial", stances, None, False,
        "negative", {"negative": 0.7, "neutral": 0.2, "positive": 0.1}, Target("bay", 18, 21, None),
    )  # fmt: skip


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "articles.jsonl").write_text(
        "".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in (BAY, QUAY)), "utf-8"
    )
    return tmp_path / "labels.jsonl"


def session(
    out: Path, name: str = "ana", articles: Iterable[Article] = (BAY, QUAY), **options: Any
) -> Session:
    return Session(list(articles), out, name, Proposer(), **options)


def label(at: Session, start: int, stance: Any, article: str = "bay", **labels: Any) -> None:
    """All labels of the statement that begins there."""
    state = at.state(article)
    (row,) = [row for row in state["statements"] if row["start"] == start]
    told = {"sentiment": "negative", "speaker": "Ida Brandt"} | labels
    put = Put(start, row["end"], row["kind"], stance, **told)
    at.edit(Edit(article, state["version"], "stance", [(start, row["end"])], [put]))


def finish(at: Session, article: str) -> dict[str, Any]:
    return at.finish(article, at.state(article)["version"])


def test_evaluation_proposes_where_and_not_what(out: Path) -> None:
    found = session(out).opened("bay")
    assert found["statements"] == [
        {"start": 0, "end": 23, "kind": "quoted"},
        {"start": 41, "end": 56, "kind": "quoted"},
    ]
    assert {name["name"] for name in found["names"]} >= {"Ida Brandt", "Bo Lund"}
    assert "denial" not in out.with_name("labels.ana.log.jsonl").read_text("utf-8")


def test_training_shows_what_the_model_says(out: Path) -> None:
    at = session(out, mode="training")
    first = at.opened("bay")["statements"][0]
    assert first == {
        "start": 0, "end": 23, "kind": "quoted", "stance": "denial", "sentiment": "negative",
        "speaker": "Ida Brandt", "target": "bay", "proposed": 0.6,
    }  # fmt: skip
    finish(at, "bay")
    (gold,) = read_gold(out, out.with_name("articles.jsonl"))
    assert gold.origin is not None and gold.origin.proposals_shown and gold.origin.pool == 2
    shown, chosen = origin_notes([gold, *read_gold(out, out.with_name("articles.jsonl"))])
    assert shown.startswith("2 of 2 gold articles were labelled with a model's proposals in view")
    assert "chosen for what a model is unsure of" in chosen


def test_a_finished_article_is_gold(out: Path) -> None:
    at = session(out, split="dev")
    at.opened("bay")
    label(at, 0, "accusation", target="Tarn Ltd.")
    label(at, 41, "denial", stance2="condemnation", speaker="?")
    version = at.state("bay")["version"]
    at.edit(
        Edit(
            "bay",
            version,
            "add",
            [],
            [Put(88, 106, stance="accusation", sentiment="negative", speaker="Ida Brandt")],
        )
    )
    assert finish(at, "bay")["written"] == 1
    (gold,) = read_gold(out, out.with_name("articles.jsonl"))
    assert gold.statements == [
        GoldStatement(0, 23, "quoted", "accusation", None, "negative", "Ida Brandt", "Tarn Ltd."),
        GoldStatement(41, 56, "quoted", "denial", "condemnation", "negative", None, None),
        GoldStatement(88, 106, "indirect", "accusation", None, "negative", "Ida Brandt", None),
    ]
    assert (gold.split, gold.passes) == ("dev", 1)
    assert gold.origin is not None and not gold.origin.proposals_shown
    assert origin_notes([gold]) == []


def test_a_restart_goes_on(out: Path) -> None:
    at = session(out)
    before = at.opened("bay")
    label(at, 0, "accusation")
    at.close()
    again = session(out, seed=5)
    assert again.order() == at.order()
    assert again.opened("bay")["statements"][0]["stance"] == "accusation"
    assert again.opened("bay")["statements"][1] == before["statements"][1]
    assert again.undo("bay", again.state("bay")["version"])["statements"] == before["statements"]
    with pytest.raises(InputError, match="nothing to undo"):
        again.undo("bay", again.state("bay")["version"])


def test_what_does_not_fit_is_refused_and_not_logged(out: Path) -> None:
    at = session(out)
    at.opened("bay")
    with pytest.raises(Stale):
        at.edit(Edit("bay", 0, "delete", [(0, 23)]))
    bad = [
        (Put(0, 999), "does not lie in a text"),
        (Put(23, 24), "holds no word"),
        (Put(0, 23), "there is a statement at"),
        (Put(5, 9, target="the sea"), "target 'the sea' is not in the text"),
        (Put(5, 9, stance="denial", stance2="denial"), "the second stance is the first one"),
    ]
    size = at.log.path.stat().st_size
    for put, message in bad:
        with pytest.raises(InputError, match=message):
            at.edit(Edit("bay", 1, "add", [], [put]))
    with pytest.raises(InputError, match="statement 1: no stance yet"):
        finish(at, "bay")
    with pytest.raises(InputError, match="article 'sea': not among"):
        at.opened("sea")
    assert at.log.path.stat().st_size == size


def test_quoted_spans_that_cross_are_not_done(out: Path) -> None:
    at = session(out)
    at.opened("bay")
    for start in (0, 41):
        label(at, start, "other")
    put = Put(5, 50, "quoted", "other", sentiment="neutral", speaker="?")
    at.edit(Edit("bay", at.state("bay")["version"], "add", [], [put]))
    with pytest.raises(InputError, match="statement 2: quoted span .* overlaps"):
        finish(at, "bay")


def test_other_texts_and_other_modes_are_refused(out: Path) -> None:
    session(out).close()
    with pytest.raises(InputError, match="article bay: its text is another than the one that was annotated"):
        session(out, articles=[Article("bay", BAY.text + "!")])
    with pytest.raises(ConfigError, match="ana began it with --mode evaluation, found --mode training"):
        session(out, mode="training")
    with pytest.raises(ConfigError, match="ana began it"):
        session(out, "bo", mode="training")
    with pytest.raises(InputError, match="no article"):
        session(out, "bo", articles=[])


def test_articles_that_come_later_are_drawn_later(out: Path) -> None:
    session(out, articles=[BAY]).close()
    at = session(out)
    assert at.order() == ["bay", "quay"]
    assert [begin.pool for begin in at.log.progress.begins] == [1, 1]


def test_annotators_have_one_order_and_do_not_see_each_other(out: Path) -> None:
    many = [Article(f"a{k}", f"Text {k}. “Yes,” she said.") for k in range(20)]
    ana, bo = session(out, articles=many), session(out, "bo", articles=many[::-1], seed=9)
    assert ana.order() == bo.order() != [a.id for a in many]
    first = ana.order()[0]
    ana.opened(first)
    label(ana, ana.state(first)["statements"][0]["start"], "solidarity", first)
    finish(ana, first)
    assert "solidarity" not in json.dumps([bo.overview(), bo.opened(first)])
    assert not bo.overview()["articles"][0]["done"]


def both(out: Path) -> tuple[Session, Session]:
    ana, bo = session(out), session(out, "bo")
    for at in (ana, bo):
        at.opened("quay")
        finish(at, "quay")
        at.opened("bay")
    label(ana, 0, "accusation", target="Tarn Ltd.")
    label(bo, 0, "accusation", target="Tarn Ltd.", speaker="Ms. Ida Brandt")
    label(ana, 41, "denial")
    label(bo, 41, "condemnation", stance2="denial")
    version = bo.state("bay")["version"]
    bo.edit(
        Edit(
            "bay", version, "add", [], [Put(88, 106, stance="accusation", sentiment="negative", speaker="?")]
        )
    )
    return ana, bo


def test_a_disputed_article_waits_for_its_decision(out: Path) -> None:
    ana, bo = both(out)
    finish(ana, "bay")
    alone = merged(progress_of(out), "x")
    assert {row.article: row.passes for row in alone.rows} == {"bay": 1, "quay": 2} and not alone.waiting
    finish(bo, "bay")
    found = merged(progress_of(out), "x")
    assert ([row.article for row in found.rows], found.waiting) == (["quay"], ["bay"])
    assert found.rows[0].passes == 2

    judge = Adjudication([BAY, QUAY], out, "ana", "bo", Proposer())
    opened = judge.opened("bay")
    assert [row["differing"] for row in opened["compared"]] == [(), ("stance", "stance2"), ("marked",)]
    agreed, disputed, alone = opened["statements"]
    assert (agreed["stance"], agreed["speaker"], agreed["target"]) == (
        "accusation",
        "Ida Brandt",
        "Tarn Ltd.",
    )
    assert "stance" not in disputed and disputed["speaker"] == "Ida Brandt"
    assert alone == {"start": 88, "end": 106, "kind": "indirect"}
    with pytest.raises(InputError, match="statement 2: no stance yet"):
        finish(judge, "bay")
    label(judge, 41, "denial", stance2="condemnation")
    judge.edit(Edit("bay", judge.state("bay")["version"], "take", [(88, 106)]))
    assert finish(judge, "bay")["waiting"] == 0
    gold = {article.id: article for article in read_gold(out, out.with_name("articles.jsonl"))}
    assert [s.stance2 for s in gold["bay"].statements] == [None, "condemnation"]
    assert gold["bay"].passes == 2 and gold["bay"].origin is not None
    assert gold["bay"].origin.annotators == ["ana", "bo"]
    assert ana.write().waiting == []


def test_agreement_is_that_of_shared_articles(out: Path) -> None:
    ana, bo = both(out)
    assert agreement_of("ana", "bo", progress_of(out))["both"] == 0
    finish(ana, "bay")
    finish(bo, "bay")
    found = agreement_of("ana", "bo", progress_of(out))
    assert (found["articles"], found["both"], found["alone"]) == (2, 2, {"ana": 0, "bo": 1})
    assert found["fields"]["stance"]["raw"]["value"] == 0.5
    # Two pairs, labels a a, d c: D_o = 1/2, D_e = 1 - 2/12.
    assert found["fields"]["stance"]["alpha"]["value"] == pytest.approx(1 - 0.5 / (1 - 2 / 12))
    assert found["fields"]["speaker"]["raw"]["value"] == 1
    assert Adjudication([BAY, QUAY], out, "ana", "bo", Proposer()).agreement() == found


def test_passes_are_what_quoth_eval_reads(out: Path) -> None:
    from quoth.eval.agreement import read_passes

    ana, bo = both(out)
    command = ["labels", "passes", str(out), "-o", str(out.with_name("passes.jsonl"))]
    assert "no statement that two annotators marked" in CliRunner().invoke(main, command).output
    finish(ana, "bay")
    finish(bo, "bay")
    assert CliRunner().invoke(main, command).exit_code == 0
    found = read_passes(out.with_name("passes.jsonl"))
    assert [(i.start, i.labels) for i in found.items] == [
        (0, ("accusation", "accusation")),
        (41, ("denial", "condemnation")),
    ]


def test_agreement_of_nothing_is_empty(out: Path) -> None:
    session(out).close()
    session(out, "bo").close()
    judge = Adjudication([BAY, QUAY], out, "ana", "bo", Proposer())
    assert (judge.agreement(), judge.order()) == ({}, [])
    judge.close()
    with pytest.raises(InputError, match="no work of annotator 'cy'"):
        Adjudication([BAY], out, "ana", "cy", Proposer())
    with pytest.raises(ConfigError, match="was begun for ana and bo, found bo and ana"):
        Adjudication([BAY], out, "bo", "ana", Proposer())


def test_evaluation_draws_every_article_alike() -> None:
    articles = [Article(str(k), str(k)) for k in range(5)]
    firsts = Counter(draws(articles, seed)[0].article for seed in range(2000))
    assert all(abs(n - 400) < 80 for n in firsts.values()) and len(firsts) == 5
    drawn = draws(articles, 3)
    assert drawn == draws(articles, 3)
    assert [d.probability for d in drawn] == pytest.approx([1 / 5, 1 / 4, 1 / 3, 1 / 2, 1])


def test_training_draws_by_the_weights_that_it_states() -> None:
    articles = [Article(str(k), str(k)) for k in range(3)]
    scores = np.array([0.1, 0.3, 0.5])
    weights = np.exp(SHARPNESS * scores)
    firsts = Counter(draws(articles, seed, scores)[0].article for seed in range(3000))
    assert [firsts[str(k)] / 3000 for k in range(3)] == pytest.approx(weights / weights.sum(), abs=0.03)
    drawn = draws(articles, 1, scores)
    left = dict(zip("012", weights, strict=True))
    for draw in drawn:
        assert draw.probability == pytest.approx(left[draw.article] / sum(left.values()))
        del left[draw.article]


def test_unsure_and_rare_articles_score_more() -> None:
    def record(*stances: dict[str, float]) -> Record:
        rows = [said("“Yes”", 0, 5, 0.5) for _ in stances]
        for row, told in zip(rows, stances, strict=True):
            row.stance_probabilities.clear()
            row.stance_probabilities.update(told)  # type: ignore[arg-type]
        return Record("1", "a", {}, [], Proposer.model, rows)

    sure, unsure = {"other": 0.99, "denial": 0.01}, {"other": 0.5, "denial": 0.5}
    rare = {"other": 0.01, "solidarity": 0.99}
    common, odd, uncommon, empty = scores_of(
        [record(sure, sure, sure), record(unsure), record(rare), record()]
    )
    assert empty == 0 < common < min(odd, uncommon) and max(odd, uncommon) <= 1


def test_the_log_keeps_the_seed_and_the_model(out: Path) -> None:
    at = session(out, seed=7)
    (begin,) = read_log(at.log.path).begins
    assert (begin.seed, begin.model, begin.mode) == (7, "m 1 000000000000", "evaluation")
    assert Labels(0, 1, "quoted").lacks() == "stance"


def test_the_page_shows_the_codebook_of_the_docs() -> None:
    from quoth.pages import PAGE, codebook

    docs = Path(__file__).parents[1] / "docs" / "codebook.md"
    assert (PAGE / "codebook.md").read_bytes() == docs.read_bytes()
    shown = codebook()
    assert "<h1>The codebook</h1>" in shown and "<table>" in shown and "<a " not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "labels.csv"], "found suffix '.csv', expected .jsonl"),
        (["--out", "none/labels.jsonl"], "expected a file in a folder that is there"),
        (["--out", "theirs.jsonl"], "is there, and not made by `quoth annotate`"),
        (["--out", "labels.jsonl", "--annotator", "a b"], "annotator 'a b': expected a word"),
        (["--out", "labels.jsonl", "--annotator", "Adjudicated"], "is kept for decisions"),
        (["--out", "labels.jsonl", "--adjudicate", "ana", "bo"], "no work of annotator 'ana'"),
    ],
)
def test_what_the_command_refuses(
    out: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    monkeypatch.chdir(out.parent)
    Path("theirs.jsonl").write_text("{}\n", "utf-8")
    said = CliRunner().invoke(main, ["annotate", "articles.jsonl", *arguments])
    assert said.exit_code == 1 and message in said.output
    assert Path("theirs.jsonl").read_text("utf-8") == "{}\n"
