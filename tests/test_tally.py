from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from quoth.cli import main
from quoth.errors import InputError
from quoth.exploring import page
from quoth.people import merged, read_names, write_names
from quoth.records import ModelInfo, Record, Span, Speaker, Statement, Target
from quoth.stories import stories
from quoth.tally import STANCES, Corpus, Count, Coverage, Pair, _intervals
from quoth.writing import writer_into

pytest.importorskip("duckdb")
pytest.importorskip("datasketch")


def said(k: int, stance: str, p: float, speaker: str | None, target: str | None) -> Statement:
    """A statement whose stance has probability p, the rest being shared by the others."""
    probabilities = dict.fromkeys(STANCES, (1 - p) / 4) | {stance: p}
    span = Span(0, 4, "They")
    fields: dict[str, Any] = {
        "id": f"x:{k}", "quotation": f"x:{k}", "start": 0, "end": 4, "text": f"They did it {k} times over", "kind": "direct",
        "fragment": False, "probability": 0.9, "cue": None,
        "speaker": speaker and Speaker(speaker, "person", span, span, 0.9),
        "stance": stance, "stance_probabilities": probabilities, "second_stance": None, "abstained": False,
        "sentiment": "neutral", "sentiment_probabilities": {"negative": 0.0, "neutral": 1.0, "positive": 0.0},
        "target": target and Target("They", 0, 4, target),
    }  # fmt: skip
    return Statement(**fields)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two articles of the Post in March, one of the Herald in April, as a batch run leaves them."""
    accused = said(1, "accusation", 0.8, "Ann Ode", "Bo Lund")
    official = Speaker("a senior official", "unnamed", None, None, 0.9)
    articles = {
        ("a", "Post", "2031-03-01"): [accused, said(2, "denial", 0.6, "Bo Lund", None)],
        ("b", "Post", "2031-03-02"): [
            said(3, "accusation", 0.6, "Mayor Ann Ode", "the mob"),
            replace(said(4, "accusation", 0.4, None, "the US"), speaker=official),
        ],
        ("c", "Herald", "2031-04-02"): [accused],
    }
    with (
        (tmp_path / "part-000000-x.parquet").open("wb") as file,
        writer_into(file, "part", "parquet") as writer,
    ):
        for (id, source, date), statements in articles.items():
            metadata = {"source": source, "date": date}
            writer.write(Record("1", id, metadata, [], ModelInfo("m", "0", "0" * 12), statements), None)  # type: ignore[arg-type]
    return tmp_path


def of(counts: list[Count], stance: str) -> list[tuple[str, int, float]]:
    return [(c.group, c.labelled, c.expected) for c in counts if c.stance == stance]


def test_counts_sum_probabilities_in_each_group(corpus: Path) -> None:
    found = Corpus(corpus)
    assert of(found.counts("stance"), "accusation") == [("all", 4, 2.7)]  # .8 + .1 + .6 + .4 + .8
    assert of(found.counts("outlet"), "accusation") == [("Post", 3, 1.9), ("Herald", 1, 0.8)]
    assert of(found.counts("month"), "accusation") == [("2031-03", 3, 1.9), ("2031-04", 1, 0.8)]
    assert {c.statements for c in found.counts("stance")} == {5}
    assert sum(c.expected for c in found.counts("stance")) == pytest.approx(5, abs=0.3)
    assert all(c.low <= c.expected <= c.high for c in found.counts("outlet"))


def test_who_accuses_whom_by_names_that_are_names(corpus: Path) -> None:
    found = Corpus(corpus)
    found.rename(merged(found.names()))
    assert found.pairs("accusation") == [Pair("Ann Ode", "Bo Lund", 2, 1.6, 2)]
    # A senior official and the mob are nobody across articles; the US is.
    assert found.coverage("accusation") == Coverage(labelled=4, speaker=3, target=3, both=2)
    assert of(found.counts("speaker"), "accusation")[0][:2] == ("Ann Ode", 3)


def test_a_story_is_counted_once(corpus: Path) -> None:
    found = Corpus(corpus)
    told = stories(found.texts())
    assert told == {"a": "a", "b": "b", "c": "c"}
    found.keep_first(told | {"c": "a"})
    assert of(found.counts("stance"), "accusation") == [("all", 3, 1.9)]


def test_near_duplicates_share_a_story_and_other_articles_do_not() -> None:
    wire = "we have found the boat and nobody was in it when it sank off the northern pier on sunday night"
    other = "the harbour will be closed until the last of the ice has gone and the pilots are back at work"
    articles = [("a", [wire]), ("b", [other]), ("c", [wire + " she said"]), ("d", ["no"]), ("e", ["no"])]
    assert stories(articles) == {"a": "a", "b": "b", "c": "a", "d": "d", "e": "e"}


def test_intervals_hold_the_count_of_labels_that_the_probabilities_promise() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        p = rng.dirichlet(np.ones(5), size=60)
        articles = np.repeat(np.arange(30), 2)
        labels = np.array([rng.choice(5, p=row) for row in p])
        low, high = _intervals(p, articles, rng)
        inside += low[0] <= (labels == 0).sum() <= high[0]
    assert inside >= 185


def test_names_are_written_edited_and_read(tmp_path: Path) -> None:
    names = [("Ann Ode", 5), ("Mayor Ann Ode", 2), ("Ode", 2), ("Ann J. Ode", 1)]
    path = tmp_path / "names.csv"
    assert write_names(path, names) == {
        "Ann Ode": "Ann Ode", "Mayor Ann Ode": "Ann Ode", "Ode": "Ode", "Ann J. Ode": "Ann Ode"
    }  # fmt: skip
    path.write_text(path.read_text().replace("Ode,Ode,2", "Ode,Ann Ode,2"))
    assert read_names(path)["Ode"] == "Ann Ode"
    path.write_text("name,counted_as\nOde\n")
    with pytest.raises(InputError, match=r"names\.csv:2: found \['Ode'\]"):
        read_names(path)
    path.write_text("a,b\n")
    with pytest.raises(InputError, match="expected"):
        read_names(path)


def test_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a folder of Parquet parts"):
        Corpus(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"no")
    with pytest.raises(InputError, match="not statements of quoth"):
        Corpus(tmp_path / "x.parquet")


def test_the_command_prints_tables_and_csv(corpus: Path, tmp_path: Path) -> None:
    def run(*args: str) -> Any:
        return CliRunner().invoke(main, ["stats", str(corpus), *args], catch_exceptions=False)

    pairs = run("--by", "pair", "--csv")
    assert pairs.stdout.splitlines() == [
        "speaker,target,labelled,expected,articles",
        "Ann Ode,Bo Lund,2,1.6,2",
    ]
    assert "of 4 statements of accusation 3 name the speaker, 3 the target, 2 both" in pairs.stderr
    assert run("--by", "pair", "-o", str(tmp_path / "pairs.csv")).stdout == ""
    assert (tmp_path / "pairs.csv").read_text("utf-8-sig").splitlines() == pairs.stdout.splitlines()
    names = str(tmp_path / "names.csv")
    assert "edit it and run again" in run("--by", "speaker", "--names", names).stderr
    assert "Bo Lund" in run("--by", "speaker", "--names", names).stdout
    assert "3 articles with statements tell 3 stories" in run("--stories").stderr
    assert len(run("--by", "month", "--stance", "denial", "--csv").stdout.splitlines()) == 3


def test_the_page_shows_the_counts_and_nothing_from_outside(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "explore.html"
    result = CliRunner().invoke(main, ["explore", str(corpus), "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    html = out.read_text()
    assert "5 statements in 3 articles" in html
    assert "Of 4 statements of accusation 3 name the speaker, 3 the target, 2 both." in html
    assert "2031-03" in html and "<polyline" in html
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "") and "<script" not in html


def test_a_hostile_name_is_text_on_the_page(tmp_path: Path) -> None:
    statement = said(1, "accusation", 0.8, "Ann <script>alert(1)</script>", "Bo & Lund")
    with (
        (tmp_path / "part-000000-x.parquet").open("wb") as file,
        writer_into(file, "part", "parquet") as writer,
    ):
        record = Record(
            "1", "a", {"source": "<b>", "date": "soon"}, [], ModelInfo("m", "0", "0" * 12), [statement]
        )
        writer.write(record, None)  # type: ignore[arg-type]
    html = page(Corpus(tmp_path), "<i>")
    assert "<script" not in html and "<b>" not in html and "<i>" not in html
    assert "Ann &lt;script&gt;" in html and "Bo &amp; Lund" in html
