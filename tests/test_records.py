from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from quoth import records
from quoth.errors import InputError
from quoth.records import ModelInfo, Record, Span, Speaker, Statement, Target, from_json, json_schema, to_json

TEXT = "Ilse Brandt said the board “hid the cafe\u0301 fire 🔥”.\r\nIt “never” did.\u2028"


def sample() -> Record:
    brandt = Speaker("Ilse Brandt", "person", Span.of(TEXT, 0, 11), None, 0.9)
    passage = Statement(
        id="s1",
        quotation="q1",
        start=27,
        end=TEXT.index("”") + 1,
        text=TEXT[27 : TEXT.index("”") + 1],
        kind="direct",
        fragment=False,
        probability=1.0,
        cue=Span.of(TEXT, 12, 16),
        speaker=brandt,
        stance="accusation",
        stance_probabilities=dict.fromkeys(get_args(records.Stance), 0.2),
        second_stance="condemnation",
        abstained=False,
        sentiment="negative",
        sentiment_probabilities={"negative": 0.5, "neutral": 0.25, "positive": 0.25},
        target=Target("the board", 17, 26, None),
    )
    bare = dataclasses.replace(passage, id="s2", cue=None, speaker=None, second_stance=None, target=None)
    metadata: dict[str, Any] = {
        "title": "Fire & “smoke”\n",
        "date": None,
        "tags": [1, 2.5, True],
        "deep": {"\u200f": {}},
    }
    return Record("1", "a/1", metadata, ["a warning"], ModelInfo("tiny", "1", "0123abcd"), [passage, bare])


def changed(path: str, value: object) -> bytes:
    """The sample as JSON with one field, named as in error messages, set to another value."""
    document = json.loads(to_json(sample()))
    *steps, last = path.removeprefix("$.").replace("[0]", ".0").split(".")
    place: Any = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return json.dumps(document).encode()


def test_a_record_survives_json() -> None:
    line = to_json(sample())
    assert from_json(line) == from_json(line.decode()) == sample()
    assert b"\n" not in line and b"\r" not in line
    assert "cafe\u0301 fire 🔥" in line.decode()
    assert list(json.loads(line)) == [f.name for f in dataclasses.fields(Record)]


NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(st.none() | st.booleans() | NUMBERS | st.text(), st.lists, max_leaves=8)
METADATA = st.dictionaries(st.text(), VALUES | st.dictionaries(st.text(), VALUES))


@settings(deadline=None, max_examples=100)
@given(st.text(), METADATA, st.lists(st.text()), st.data())
def test_any_text_and_metadata_survive_json(
    text: str, metadata: dict[str, Any], warnings: list[str], data: st.DataObject
) -> None:
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    span = Span.of(text, start, end)
    assert span == Span(start, end, text[start:end])
    statement = dataclasses.replace(sample().statements[0], text=text, cue=span)
    record = Record("1", text, metadata, warnings, ModelInfo(text, "", ""), [statement])
    line = to_json(record)
    assert from_json(line) == record
    assert b"\n" not in line


WRONG_VALUES: list[tuple[str, object]] = [
    ("$.schema", "2"),
    ("$.id", 7),
    ("$.metadata", []),
    ("$.model.hash", None),
    ("$.statements", {}),
    ("$.statements[0].stance", "praise"),
    ("$.statements[0].start", "27"),
    ("$.statements[0].start", 0.5),
    ("$.statements[0].fragment", 1),
    ("$.statements[0].probability", None),
    ("$.statements[0].speaker.type", "animal"),
    ("$.statements[0].target.text", None),
]


@pytest.mark.parametrize(("path", "value"), WRONG_VALUES)
def test_a_wrong_value_is_refused_with_the_name_of_its_field(path: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        from_json(changed(path, value))
    assert f"`{path}`" in str(caught.value)


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Record)])
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    document = json.loads(to_json(sample()))
    del document[name]
    with pytest.raises(InputError, match=f"`{name}`"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    "line", ["", " ", "{", "[]", "null", b"\xff", b'{"schema": "\xff"}', "SMITH: We go.", "\ufeff{}"]
)
def test_a_line_that_is_no_record_is_refused(line: str | bytes) -> None:
    with pytest.raises(InputError, match="not a quoth record"):
        from_json(line)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InputError):
        from_json('{"schema": "1", "id": "\ud800"}')


SCHEMAS = {
    "the types": json_schema(),
    "the package": json.loads(Path(records.__file__).with_name("record.schema.json").read_text("utf-8")),
}


def accepts(schema: str, line: bytes) -> bool:
    return Draft202012Validator(SCHEMAS[schema]).is_valid(json.loads(line))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_schema_accepts_records(schema: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[schema])
    assert accepts(schema, to_json(sample()))
    for name in ("cue", "speaker", "second_stance", "target"):
        assert accepts(schema, changed(f"$.statements[0].{name}", None))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(("path", "value"), WRONG_VALUES)
def test_the_schema_refuses_what_the_reader_refuses(schema: str, path: str, value: object) -> None:
    assert not accepts(schema, changed(path, value))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("$.statements[0].stance", records.Stance),
        ("$.statements[0].sentiment", records.Sentiment),
        ("$.statements[0].kind", records.Kind),
        ("$.statements[0].speaker.type", records.SpeakerType),
    ],
)
def test_the_schema_accepts_every_label_and_no_other(schema: str, path: str, labels: Any) -> None:
    assert all(accepts(schema, changed(path, label)) for label in get_args(labels))
    assert not accepts(schema, changed(path, "unheard of"))
    assert not accepts(schema, changed(path, None))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("kind", [Record, ModelInfo, Statement, Span, Speaker, Target])
def test_the_schema_asks_for_every_field(schema: str, kind: type) -> None:
    definition = SCHEMAS[schema]["$defs"][kind.__name__]
    names = [f.name for f in dataclasses.fields(kind)]
    assert sorted(definition["properties"]) == sorted(names)
    # Only a model with a label set gives labels.
    assert sorted(definition["required"]) == sorted(n for n in names if not n.startswith("label"))


def test_records_cannot_be_changed_and_share_no_metadata() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample().id = "b"  # type: ignore[misc]
    assert records.Article("1", "").metadata is not records.Article("2", "").metadata
