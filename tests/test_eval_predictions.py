from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quoth.errors import InputError
from quoth.eval import measures
from quoth.eval.attribution import score
from quoth.eval.draws import Draws
from quoth.eval.gold import KINDS, GoldArticle, GoldStatement
from quoth.eval.items import judged
from quoth.eval.predictions import FIELDS, predicted_documents, predicted_records
from quoth.records import Article, ModelInfo, Record, Span, Speaker, Statement, Target, to_json
from quoth.writing import open_writer

Make = Callable[..., Any]

QUOTE = (0, 19)


@pytest.fixture
def one(tax: GoldArticle) -> Callable[[Path], Record]:
    """one(path): the record of the only article that the file is of."""

    def read(path: Path) -> Record:
        records = predicted_records(path, {"a1": tax.text})
        assert list(records) == ["a1"]
        return records["a1"]

    return read


def scores(article: GoldArticle, records: dict[str, Record]) -> list[Any]:
    rows, draws = judged([article], records), Draws(20)
    return [
        *(measures.stance(rows, kind, "end_to_end", draws) for kind in KINDS),
        measures.speaker(rows, "all", draws),
        measures.sentiment(rows, "all", "end_to_end", draws),
        measures.target(rows, "all", draws),
    ]


def test_what_is_not_given_is_neutral_and_said_to_be_missing(lines: Make, one: Make) -> None:
    path = lines({"id": "a1", "statements": [{"start": 0, "end": 19}]})
    found = one(path)
    assert found.statements == [
        Statement(
            id="a1:0",
            quotation="a1:0",
            start=0,
            end=19,
            text="“We never took it,”",
            kind="direct",
            fragment=False,
            probability=1.0,
            cue=None,
            speaker=None,
            stance="other",
            stance_probabilities={},
            second_stance=None,
            abstained=False,
            sentiment="neutral",
            sentiment_probabilities={},
            target=None,
        )
    ]
    assert [w.partition(":")[0] for w in found.warnings] == [
        *("stance", "sentiment", "kind", "speaker", "target")
    ]
    assert found.model == ModelInfo("predicted.jsonl", "", hashlib.sha256(path.read_bytes()).hexdigest()[:12])
    msgspec.json.decode(to_json(found), type=Record)


def test_what_is_given_is_kept(lines: Make, one: Make, tax: GoldArticle) -> None:
    at = tax.text.index("Ida")
    said = {
        "start": QUOTE[0],
        "end": QUOTE[1],
        "text": "“We never took it,”",
        "kind": "quoted",
        "stance": "accusation",
        "stance2": "denial",
        "stance_probabilities": {"denial": 0.604, "accusation": 0.4},
        "sentiment_probabilities": {"negative": 0.7, "neutral": 0.3},
        "speaker": "Ida Brandt",
        "target": "the union",
        "quotation": "q",
        "probability": 0.25,
        "cue": [20, 24],
        "source": [at, at + 10],
    }
    found = one(lines({"id": "a1", "metadata": {"outlet": "Gull"}, "statements": [said]}))
    (s,) = found.statements
    assert (s.stance, s.second_stance, s.sentiment, s.kind) == ("accusation", "denial", "negative", "direct")
    assert sum(s.stance_probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert s.stance_probabilities["denial"] == pytest.approx(0.604 / 1.004)
    assert s.stance_probabilities["solidarity"] == 0
    assert s.speaker == Speaker("Ida Brandt", "person", None, Span(at, at + 10, "Ida Brandt"), 1.0)
    assert s.cue == Span(20, 24, "said")
    assert s.target == Target("the union", len(tax.text) - 10, len(tax.text) - 1, None)
    assert (s.quotation, s.probability) == ("q", 0.25)
    assert (found.metadata, found.warnings) == ({"outlet": "Gull"}, [])


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("“We never took it,”", "direct"),
        ("We never", "direct"),
        ("blamed the “harbour tax” again", "mixed"),
        ("again", "indirect"),
    ],
)
def test_the_quotation_marks_tell_the_kind(
    words: str, kind: str, lines: Make, one: Make, tax: GoldArticle
) -> None:
    start = tax.text.index(words)
    path = lines({"id": "a1", "statements": [{"start": start, "end": start + len(words)}]})
    assert one(path).statements[0].kind == kind


def test_the_likeliest_stance_where_only_probabilities_are_given(lines: Make, one: Make) -> None:
    said = {"start": 0, "end": 19, "stance_probabilities": {"other": 0.4, "denial": 0.6}}
    found = one(lines({"id": "a1", "statements": [said]}))
    assert found.statements[0].stance == "denial"
    assert not any(w.startswith("stance") for w in found.warnings)


def test_the_target_is_sought_nearest_to_the_statement_and_need_not_be_there(
    lines: Make, one: Make, tax: GoldArticle
) -> None:
    quote, claim, _ = tax.statements
    said = [{"start": s.start, "end": s.end, "target": t} for s, t in ((claim, "tax"), (quote, "the ferry"))]
    near, none = one(lines({"id": "a1", "statements": said})).statements
    at = tax.text.index("tax")
    assert near.target == Target("tax", at, at + 3, None)
    assert none.target == Target("the ferry", 0, 0, None)


def test_labels_of_a_second_reader_are_predictions(lines: Make, one: Make, tax: GoldArticle) -> None:
    statements = [msgspec.to_builtins(s) for s in tax.statements]
    row = {
        "article": "a1",
        "sha256": hashlib.sha256(tax.text.encode()).hexdigest(),
        "split": "dev",
        "passes": 1,
        "statements": statements,
    }
    path = lines(row)
    quoted, indirect, speaker, _, target = scores(tax, {"a1": one(path)})
    assert quoted.macro_f1_five.value == 1
    assert indirect.classes["accusation"].f1.value == 1
    assert (speaker.right, speaker.wrong, speaker.null) == (2, 0, 0)
    assert target.token_f1.value == 1
    with pytest.raises(InputError, match="line 1, article a1: the gold text has sha256"):
        predicted_records(path, {"a1": tax.text + " "})


def test_a_table_with_the_callers_columns_scores_as_the_same_lines_do(
    lines: Make, table: Make, one: Make, tax: GoldArticle
) -> None:
    last = tax.statements[-1]
    said = [
        {"start": 0, "end": 19, "stance": "denial", "speaker": "Brandt, Ida"},
        {"start": last.start, "end": last.end, "stance": "accusation", "speaker": None},
    ]
    rows = lines({"id": "a1", "statements": said})
    cells = table(
        "\ufeffdoc;begin;End;label;who;note",
        'a1;0;19;denial;"Brandt, Ida";x',
        f"a1;{last.start}.0;{last.end};accusation;;",
        ";;;;;",
    )
    mapped = predicted_records(
        cells, {"a1": tax.text}, {"article": "doc", "start": "begin", "stance": "label", "speaker": "who"}
    )
    assert mapped["a1"].statements == one(rows).statements
    assert scores(tax, mapped) == scores(tax, predicted_records(rows, {"a1": tax.text}))


def test_all_columns_are_read(table: Make, one: Make) -> None:
    cells = {
        "article": "a1",
        "start": "0",
        "end": "19",
        "stance": "denial",
        "stance2": "other",
        "kind": "mixed",
        "sentiment": "negative",
        "speaker": "Ida",
        "target": "it",
        "text": "“We never took it,”",
        "quotation": "q",
        "probability": "0.5",
        "cue_start": "20",
        "cue_end": "24",
        "source_start": "36",
        "source_end": "39",
        "p_accusation": "0",
        "p_denial": "0.9",
        "p_condemnation": "",
        "p_solidarity": "0",
        "p_other": "0.1",
        "p_negative": "1",
        "p_neutral": "0",
        "p_positive": "0",
    }
    assert set(cells) == set(FIELDS)
    (s,) = one(table("\t".join(cells), "\t".join(cells.values()), name="p.tsv")).statements
    assert (s.stance, s.second_stance, s.kind, s.sentiment, s.quotation) == (
        *("denial", "other", "mixed", "negative", "q"),
    )
    assert (s.probability, s.cue, s.speaker and s.speaker.source) == (
        *(0.5, Span(20, 24, "said"), Span(36, 39, "Ida")),
    )
    assert s.stance_probabilities == {
        "accusation": 0,
        "denial": 0.9,
        "condemnation": 0,
        "solidarity": 0,
        "other": 0.1,
    }
    assert s.sentiment_probabilities["negative"] == 1


def test_quoths_own_table_scores_as_its_records_do(tmp_path: Path) -> None:
    text = "“-5 % is no rise,” said @ida. “Never,” she said."
    gold = GoldArticle(
        "a1", text, "dev", [GoldStatement(1, 16, "quoted", "denial", None, "negative", "@ida", "rise")]
    )
    statement = Statement(
        id="x",
        quotation="x",
        start=1,
        end=16,
        text=text[1:16],
        kind="direct",
        fragment=False,
        probability=0.9,
        cue=Span(19, 23, "said"),
        speaker=Speaker("@ida", "person", None, None, 0.8),
        stance="denial",
        stance_probabilities={
            "accusation": 0.1,
            "denial": 0.6,
            "condemnation": 0.1,
            "solidarity": 0.1,
            "other": 0.1,
        },
        second_stance="other",
        abstained=True,
        sentiment="negative",
        sentiment_probabilities={"negative": 0.5, "neutral": 0.25, "positive": 0.25},
        target=Target("rise", 12, 16, None),
    )
    record = Record("1", "a1", {}, [], ModelInfo("m", "0", "0" * 12), [statement])
    for format in ("csv", "jsonl"):
        with open_writer(tmp_path / f"p.{format}", format) as writer:
            writer.write(record, Article("a1", text))
    from_table, from_lines = (predicted_records(tmp_path / f"p.{f}", {"a1": text}) for f in ("csv", "jsonl"))
    assert from_lines == {"a1": record}
    assert scores(gold, from_table) == scores(gold, from_lines)
    (read,) = from_table["a1"].statements
    assert read.stance_probabilities == pytest.approx(statement.stance_probabilities)
    assert (read.second_stance, read.speaker and read.speaker.name) == ("other", "@ida")


def test_an_article_without_statements_and_one_that_gold_does_not_have(
    lines: Make, table: Make, tax: GoldArticle
) -> None:
    cells = table("article,start,end", "a1,,", "b,5,9")
    rows = lines(
        {"id": "a1", "statements": []},
        {"id": "b", "statements": [{"start": 5, "end": 9}]},
    )
    for path in (cells, rows):
        records = predicted_records(path, {"a1": tax.text})
        assert {name: r.statements for name, r in records.items()} == {"a1": [], "b": []}
        assert records["b"].warnings == ["no text of this article: statements left out"]
        (row,) = judged([tax], records)
        assert [item.found for item in row.items] == [None] * 3


SAID = {"start": 0, "end": 19}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([SAID | {"stance": "praise"}], r"item 0: Invalid enum value 'praise' - at `\$.stance`.*stances acc"),
        ([SAID, SAID | {"kind": "spoken"}], r"item 1: Invalid enum value 'spoken'.*kinds direct, mixed"),
        ([SAID | {"sentiment": "bad"}], r"item 0: .*'bad' - at `\$.sentiment`.*sentiments negative"),
        ([SAID | {"stnace": "denial"}], r"item 0: .*unknown field `stnace`; fields are start, end, stance"),
        ([{"start": 0}], r"item 0: .*missing required field `end`"),
        ([SAID | {"start": "0"}], r"item 0: Expected `int`, got `str` - at `\$.start`"),
        ([SAID | {"end": 900}], r"item 0: span \(0, 900\) does not lie in a text of"),
        ([SAID | {"start": 19}], r"item 0: span \(19, 19\) does not lie in"),
        ([SAID | {"source": [3, 900]}], r"item 0, field 'source': span \(3, 900\) does not lie in"),
        ([SAID | {"cue": [3]}], r"item 0: Expected `array` of length 2.*\$\.cue"),
        (
            [SAID | {"text": "We never took it,"}],
            r"item 0: field 'text': found 'We never took it,', expected '“We never took .* as at \(0, 19\)",
        ),
        ([SAID, SAID], r"item 1: span \(0, 19\) is given twice, first at .*line 1, article a1, item 0"),
        ([SAID | {"probability": 1.5}], r"item 0: Expected `float` <= 1.0 - at `\$.probability`"),
        ([SAID | {"stance_probabilities": {"denial": 0.9}}], r"item 0: .*denial.*found a sum of 0.9, exp"),
        ([SAID | {"stance_probabilities": {"praise": 1}}], r"item 0: .*'praise'"),
    ],
)
def test_bad_item(rows: list[dict[str, Any]], message: str, lines: Make, tax: GoldArticle) -> None:
    path = lines({"id": "a1", "statements": rows})
    with pytest.raises(InputError, match=rf"predicted\.jsonl, line 1, article a1, {message}"):
        predicted_records(path, {"a1": tax.text})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a1"}', r", line 1: .*missing required field `statements`; expected JSON lines \{"),
        ("[", r", line 1: "),
        ('{"doc_id": "a1", "statements": []}', r", line 1: found fields doc_id, statements, expected 'id'"),
        (
            '{"id": 1, "statements": []}\n\n{"id": "1", "statements": []}',
            r", line 3: article 1 is on line 1 al",
        ),
        ('{"id": "a1", "schema": "1", "statements": []}', r", line 1, article a1: not a quoth record: "),
    ],
)
def test_bad_line(content: str, message: str, tmp_path: Path, tax: GoldArticle) -> None:
    path = tmp_path / "predicted.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"predicted\.jsonl{message}"):
        predicted_records(path, {"a1": tax.text})
    with pytest.raises(InputError, match=r"column mapping: expected a table \(.csv, .tsv\)"):
        predicted_records(path, {"a1": tax.text}, {"start": "begin"})


def test_a_record_of_another_text_is_named(tmp_path: Path, lines: Make, one: Make, tax: GoldArticle) -> None:
    record = one(lines({"id": "a1", "statements": [SAID]}))
    path = tmp_path / "records.jsonl"
    path.write_bytes(to_json(record))
    assert predicted_records(path, {"a1": tax.text}) == {"a1": record}
    with pytest.raises(InputError, match=r"records\.jsonl, line 1, article a1, item 0: field 'text': found"):
        predicted_records(path, {"a1": " " * 5 + tax.text})
    with pytest.raises(InputError, match=r"line 1, article a1, item 0: span \(0, 19\)"):
        predicted_records(path, {"a1": "short"})


def test_predicted_attributions_from_all_shapes_score_the_same(
    lines: Make, table: Make, tax: GoldArticle
) -> None:
    source, cue = [36, 46], [20, 24]
    assert tax.text[36:46] == "Ida Brandt"
    last = tax.statements[-1]
    content = [list(QUOTE), [last.start, last.end]]
    gold = [
        {
            "doc": "a1",
            "text": tax.text,
            "statements": [{"content": content, "source": [source], "cue": [cue]}],
        }
    ]
    documents = lines({"doc": "a1", "statements": gold[0]["statements"]})
    expected = predicted_documents(documents, gold)
    assert score(gold, expected)["attribution"]["all"]["f1"] == 100
    ends = f"{cue[0]},{cue[1]},{source[0]},{source[1]}"
    path = table(
        "article,start,end,quotation,cue_start,cue_end,source_start,source_end",
        f"a1,{QUOTE[0]},{QUOTE[1]},q,{ends}",
        f"a1,{last.start},{last.end},q,{ends}",
    )
    assert predicted_documents(path, gold) == expected
