"""`quoth eval --pairs`: readers and scores on small invented corpora in the published layouts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quoth.cli import main
from quoth.errors import InputError
from quoth.eval.draws import Draws
from quoth.eval.pairs.corpora import Pair, PairArticle, joined_sentences, read_pairs
from quoth.eval.pairs.report import pairs_table
from quoth.eval.pairs.scores import PairScores, same_party, score_pairs
from quoth.records import SCHEMA_VERSION, ModelInfo, Record, Speaker, Statement, Target

SENTENCES = [
    "Harbour Minister Ruth Okoro spoke on Monday.",
    "“Ode Ports lied to us,” Okoro said.",
    "“We stand by her,” said Bo Lund.",
]


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


@pytest.fixture
def seesaw(tmp_path: Path) -> Path:
    rows = [{"id": k, "text": sentence} for k, sentence in enumerate(SENTENCES)]
    write(tmp_path / "articles" / "TRIPLET_007_DOCUMENT_1.json", {"title": "", "text": rows})
    triples = {
        "1": [{"subject": "Ruth Okoro", "sentiment": "NEG", "object": "ode ports", "annotators": ["A"]}],
        "2": [
            {"subject": "Not in the list", "sentiment": "POS", "object": "Ruth Okoro", "annotators": ["A"]}
        ],
    }
    entities = [["Ruth Okoro", ["People"], ["Main"], ["A"]], ["ode ports", ["Organization"], ["Main"], ["A"]]]
    gold = {"title": "", "entity lists": entities, "sentence-level stances": triples}
    write(tmp_path / "annotations" / "TRIPLET_007_DOCUMENT_1.json", gold)
    return tmp_path


@pytest.fixture
def basil(tmp_path: Path) -> Path:
    name = "2011/0a-1b_2"
    body = [[SENTENCES[0]], [SENTENCES[1], "It was raining."]]
    write(tmp_path / "articles" / f"{name}.json", {"triplet-uuid": "0a-1b", "body-paragraphs": body})

    def span(id: str, txt: str, quote: str, speaker: str, polarity: str = "neg") -> dict[str, str]:
        return {
            "id": id,
            "txt": txt,
            "quote": quote,
            "speaker": speaker,
            "target": "Ode_Ports",
            "polarity": polarity,
        }

    spans = [
        span("p1", "“Ode Ports lied to us,”", "yes", "Ruth_Okoro"),
        span("p1", "It was raining.", "no", ""),
        span("p0", "spoke", "yes", "other_anti"),
        span("title", "spoke", "no", ""),
        span("p1", "words that are not there", "yes", "Ruth_Okoro"),
    ]
    write(tmp_path / "annotations" / f"{name}_ann.json", {"phrase-level-annotations": spans})
    return tmp_path


def test_seesaw_gives_sentences_their_places_and_unlisted_names_none(seesaw: Path) -> None:
    corpus, (article,) = read_pairs(seesaw)
    assert (corpus, article.story) == ("SEESAW", "TRIPLET_007")
    against, unnamed = article.pairs
    assert article.text[against.start : against.end] == SENTENCES[1]
    assert (against.source, against.target, against.polarity) == ("Ruth Okoro", "ode ports", "negative")
    assert (unnamed.source, unnamed.target, unnamed.polarity) == (None, "Ruth Okoro", "positive")


def test_a_quotation_over_several_sentences_stays_in_one_line() -> None:
    text, places = joined_sentences([("0", "“They lied."), ("1", "We knew,” she said."), ("2", "It ended.")])
    assert text == "“They lied. We knew,” she said.\nIt ended."
    assert text[slice(*places["1"])] == "We knew,” she said."


def test_basil_gives_spans_of_paragraphs(basil: Path) -> None:
    corpus, (article,) = read_pairs(basil)
    assert (corpus, article.story) == ("BASIL", "0a-1b")
    told = [(article.text[p.start : p.end], p.source, p.quoted) for p in article.pairs]
    assert told == [
        ("“Ode Ports lied to us,”", "Ruth Okoro", True),
        ("It was raining.", None, False),
        ("spoke", None, True),
    ]
    assert {p.target for p in article.pairs} == {"Ode Ports"}


def test_dse_gives_directed_pairs_of_whole_words(tmp_path: Path) -> None:
    lines = [
        "[Okoro] accused [Ode Port]s of lying.\tOkoro\tOde Port\t3",
        "[Okoro] was praised by [Lun]d.\tOkoro\tLun\t2",
        "[Okoro] met [Lund].\tOkoro\tLund\t0",
    ]
    (tmp_path / "dse.txt").write_text("\n".join(lines) + "\n", "utf-8")
    corpus, articles = read_pairs(tmp_path / "dse.txt")
    assert corpus == "DSE" and articles[0].text == "Okoro accused Ode Ports of lying."
    told = [[(p.source, p.target, p.polarity) for p in a.pairs] for a in articles]
    assert told == [[("Okoro", "Ode Ports", "negative")], [("Lund", "Okoro", "positive")], []]


@pytest.mark.parametrize("line", ["three\tcells\tonly", "a\tb\tc\t5", "a\tb\tc\tx"])
def test_a_line_that_is_not_dse_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "dse.txt").write_text(line + "\n", "utf-8")
    with pytest.raises(InputError, match=r"dse\.txt, line 1: expected sentence, p, q and a class"):
        read_pairs(tmp_path / "dse.txt")


@pytest.mark.parametrize("content", ["{", "[]", '{"entity lists": []}'])
def test_a_file_of_another_layout_is_named(seesaw: Path, content: str) -> None:
    (seesaw / "annotations" / "TRIPLET_007_DOCUMENT_1.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match="TRIPLET_007_DOCUMENT_1"):
        read_pairs(seesaw)


def test_a_folder_of_no_known_layout_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SEESAW, BASIL"):
        read_pairs(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ruth Okoro", "Okoro", True),
        ("Harbour Minister Ruth Okoro", "Ruth Okoro", True),
        ("ode ports", "Ode Ports", True),
        ("Ruth Okoro", "Ann Okoro", False),
        ("Okoro administration", "Ruth Okoro", False),
        ("", "Okoro", False),
    ],
)
def test_names_of_one_party(one: str, other: str, same: bool) -> None:
    assert same_party(one, other) == same_party(other, one) == same


ARTICLE = PairArticle(
    "a",
    "s",
    "\n".join(SENTENCES),
    (
        Pair(45, 81, "Ruth Okoro", "Ode Ports", "negative", True),
        Pair(82, 114, "Bo Lund", "Ruth Okoro", "positive"),
    ),
)


def statement(**changes: Any) -> Statement:
    """Okoro's accusation; changes: of its fields."""
    text = "“Ode Ports lied to us,”"
    start = ARTICLE.text.index(text)
    told = Statement(
        "1", "1", start, start + len(text), text, "direct", False, 1.0, None,
        Speaker("Ruth Okoro", "person", None, None, 0.9), "accusation", {"accusation": 0.8}, None, False,
        "negative", {}, Target("Ode Ports", 46, 55, "Ode Ports"),
    )  # fmt: skip
    return replace(told, **changes)


def scored(*statements: Statement) -> PairScores:
    record = Record(SCHEMA_VERSION, "a", {}, [], ModelInfo("tiny", "1", ""), list(statements))
    return score_pairs("SEESAW", [ARTICLE], [record], Draws(100, 0))


def counts(found: PairScores) -> dict[str, tuple[int, int]]:
    measures = ("speaker", "target", "polarity", "praised", "negative_pairs")
    return {name: (getattr(found, name).right, getattr(found, name).n) for name in measures}


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        (
            {},
            {
                "speaker": (1, 1),
                "target": (1, 1),
                "polarity": (1, 1),
                "praised": (0, 1),
                "negative_pairs": (1, 1),
            },
        ),
        (
            {"stance": "solidarity", "stance_probabilities": {"solidarity": 0.8}},
            {
                "speaker": (1, 1),
                "target": (1, 1),
                "polarity": (0, 1),
                "praised": (0, 0),
                "negative_pairs": (0, 1),
            },
        ),
        (
            {"target": Target("us", 60, 62, None)},
            {
                "speaker": (1, 1),
                "target": (0, 1),
                "polarity": (0, 0),
                "praised": (0, 0),
                "negative_pairs": (0, 1),
            },
        ),
        (
            {"speaker": Speaker("Bo Lund", "person", None, None, 0.9)},
            {
                "speaker": (0, 1),
                "target": (0, 0),
                "polarity": (0, 0),
                "praised": (0, 0),
                "negative_pairs": (0, 1),
            },
        ),
        (
            {"speaker": None},
            {
                "speaker": (0, 0),
                "target": (0, 0),
                "polarity": (0, 0),
                "praised": (0, 0),
                "negative_pairs": (0, 1),
            },
        ),
        (
            {"stance": "other", "stance_probabilities": {"other": 0.8}},
            {
                "speaker": (1, 1),
                "target": (0, 0),
                "polarity": (0, 0),
                "praised": (0, 0),
                "negative_pairs": (0, 1),
            },
        ),
    ],
)
def test_each_measure_counts_its_own_cases(
    changes: dict[str, Any], right: dict[str, tuple[int, int]]
) -> None:
    assert counts(scored(statement(**changes))) == right


def test_blame_of_somebody_who_is_praised_in_the_gold_is_counted() -> None:
    start = ARTICLE.text.index("“We stand")
    blame = statement(
        start=start,
        end=start + 18,
        speaker=Speaker("Bo Lund", "person", None, None, 0.9),
        target=Target("her", 0, 3, "Ruth Okoro"),
    )
    found = scored(blame)
    assert (found.praised.right, found.praised.n) == (1, 1)
    assert (found.by_stance["accusation"].right, found.by_band["0.7 to 0.9"].right) == (0, 0)


def test_the_table_names_corpus_model_and_measures() -> None:
    table = pairs_table(scored(statement()))
    assert table.startswith("# tiny 1 on SEESAW\n\n1 articles of 1 stories, 2 human judgements.")
    assert "| target, given the speaker | 100.0 [100.0, 100.0] | 1 | 1 |" in table


def test_the_command_labels_and_scores(seesaw: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    run = CliRunner().invoke(
        main, ["eval", "--pairs", str(seesaw), "--model", "fast", "--resamples", "100", "--json", str(out)]
    )
    assert run.exit_code == 0, run.output
    assert "# fast" in run.stdout and json.loads(out.read_text("utf-8"))["pairs"] == 2


def test_options_that_do_not_apply_are_refused(seesaw: Path) -> None:
    run = CliRunner().invoke(main, ["eval", "--pairs", str(seesaw), "--split", "test"])
    assert run.exit_code == 2 and "split" in run.output
