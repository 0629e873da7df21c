from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

spacy = pytest.importorskip("spacy", reason="needs spaCy: pip install '.[spacy]'")

from spacy.tokens import Doc, DocBin

import quoth
from quoth.errors import InputError
from quoth.spacy import attach

DAM = (
    "“They knew the dam was cracked and they hid it,” said Ida Brandt, who leads the valley’s union. "
    "Water board chief Bo Lund denied that anybody had been warned."
)
RAIN = "It rained all day in Quay Town, and nobody went out."
GLUED = "Reporters waited.“They hid it from us for years,”said Ida Brandt of the board. It rained."


@pytest.fixture(scope="module")
def nlp() -> Any:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("quoth")
    return pipeline


def test_a_doc_has_the_record_and_spans_with_its_answers(nlp: Any) -> None:
    doc = nlp(DAM)
    assert doc._.quoth == quoth.label(DAM)
    assert doc._.statements == doc._.quoth.statements
    first, second = doc.spans["quoth"]
    assert first.text == "“They knew the dam was cracked and they hid it,”"
    assert (first._.speaker, first._.stance, first.label_) == ("Ida Brandt", "accusation", "accusation")
    assert first._.stance_probabilities == first._.statement.stance_probabilities
    assert first._.sentiment == "negative"
    assert (second._.speaker, second._.stance) == ("Bo Lund", "denial")
    assert second._.statement == doc._.statements[1]
    assert any(span._.target for span in doc.spans["quoth"])


def test_a_span_of_somebody_else_says_nothing(nlp: Any) -> None:
    doc = nlp(DAM)
    assert doc[:3]._.statement is None and doc[:3]._.stance is None and doc[:3]._.target is None
    unread = spacy.blank("en")(DAM)
    assert unread._.quoth is None and unread._.statements == []


@pytest.mark.parametrize("texts", [[DAM, RAIN, "", GLUED, DAM]])
def test_a_batch_is_answered_as_one_by_one_and_in_order(nlp: Any, texts: list[str]) -> None:
    docs = list(nlp.pipe(texts, batch_size=2))
    assert [doc.text for doc in docs] == texts
    for doc in docs:
        assert doc._.quoth == quoth.label(doc.text)
        assert len(doc.spans["quoth"]) == len(doc._.statements)


def test_contexts_come_along(nlp: Any) -> None:
    ((doc, context),) = nlp.pipe([(DAM, {"day": 3})], as_tuples=True)
    assert context == {"day": 3} and len(doc._.statements) == 2


@pytest.mark.parametrize("text", [DAM, GLUED, "  \n" + DAM + "\n\n  " + GLUED])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_no_statement_is_lost_whatever_the_tokens_are(text: str, size: int) -> None:
    """Tokens of `size` characters, blind to words: each span covers its statement, and no token more than it must."""
    vocabulary = spacy.blank("en").vocab
    words = [text[k : k + size] for k in range(0, len(text), size)]
    doc = Doc(vocabulary, words, spaces=[False] * len(words))
    assert doc.text == text
    attach(doc, quoth.label(text))
    assert doc._.statements
    for span, statement in zip(doc.spans["quoth"], doc._.statements, strict=True):
        assert span.start_char <= statement.start and statement.end <= span.end_char
        assert statement.start - span.start_char < size and span.end_char - statement.end < size
        assert span._.statement == statement


def test_the_record_of_another_text_is_refused(nlp: Any) -> None:
    with pytest.raises(InputError, match="is not in the Doc's text: '“They knew"):
        attach(spacy.blank("en")(RAIN), quoth.label(DAM))


def test_a_pipeline_on_disk_keeps_its_settings(tmp_path: Path) -> None:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("quoth", config={"min_probability": 1.0})
    before = pipeline(DAM)
    assert all(statement.abstained for statement in before._.statements)
    pipeline.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe_meta("quoth").default_config["model"] == "small"
    assert loaded(DAM)._.quoth == before._.quoth
    assert spacy.blank("en").from_config(pipeline.config)(DAM)._.quoth == before._.quoth


def test_docs_on_disk_and_from_other_processes_keep_theirs(nlp: Any, tmp_path: Path) -> None:
    doc = nlp(DAM)
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "docs.spacy")
    (loaded,) = DocBin().from_disk(tmp_path / "docs.spacy").get_docs(nlp.vocab)
    (sent,) = nlp.pipe([DAM], n_process=2)
    for copy in (loaded, sent):
        assert copy._.quoth == doc._.quoth
        assert [span._.stance for span in copy.spans["quoth"]] == ["accusation", "denial"]


def test_the_entry_point_is_the_factory() -> None:
    path = Path(__file__).parents[1] / "pyproject.toml"
    points = tomllib.loads(path.read_text("utf-8"))["project"]["entry-points"]["spacy_factories"]
    module, _, name = points["quoth"].partition(":")
    assert getattr(__import__(module, fromlist=[name]), name) is spacy.registry.factories.get("quoth")
