"""textacy and GLiNER2 are not installed where these tests usually run: their results are made by hand there,
and the tests that need the libraries themselves are skipped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quoth.errors import InputError, MissingExtraError, ModelError
from quoth.eval.adapters import chosen, gliner2_stances, quotation, span_records, textacy_records
from quoth.eval.gold import GoldArticle, GoldStatement
from quoth.model.entities import entities
from quoth.records import Article, Span, Stance

DENIED = "“We never took it,” Mayor Hilda Ode said.\n\n“Nobody did,” she said. Ode denied the charge."


def gold_article(text: str, *said: str) -> GoldArticle:
    statements = [
        GoldStatement(
            text.index(s),
            text.index(s) + len(s),
            "quoted" if s.startswith("“") else "indirect",
            "denial",
            None,
            None,
            "Hilda Ode",
            None,
        )
        for s in said
    ]
    return GoldArticle(text[:6], text, "dev", statements)


GOLD = [
    gold_article(DENIED, "“We never took it,”", "Ode denied the charge"),
    gold_article("Nothing was said."),
    gold_article("“No,” Ode said, as ever, and “Not us,” she added.", "“Not us,”"),
]


def test_span_records_hold_the_answers_in_order() -> None:
    stances: list[Stance] = ["denial", "accusation", "solidarity"]
    records = span_records(GOLD, stances, ["Hilda Ode", None, "Karl Brandt"], name="rules")
    told = [
        [(s.text, s.kind, s.stance, s.speaker.name if s.speaker else None) for s in r.statements]
        for r in records.values()
    ]
    assert list(records) == [a.id for a in GOLD]
    assert told == [
        [
            ("“We never took it,”", "direct", "denial", "Hilda Ode"),
            ("Ode denied the charge", "indirect", "accusation", None),
        ],
        [],
        [("“Not us,”", "direct", "solidarity", "Karl Brandt")],
    ]
    assert {r.model.name for r in records.values()} == {"rules"}


def test_span_records_may_have_stances_or_speakers_alone() -> None:
    (first, *_) = span_records(GOLD, stances=["denial"] * 3).values()
    assert [(s.stance, s.speaker) for s in first.statements] == [("denial", None)] * 2
    (first, *_) = span_records(GOLD, speakers=["Hilda Ode", None, None]).values()
    assert [(s.stance, s.speaker is not None) for s in first.statements] == [
        ("other", True),
        ("other", False),
    ]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"stances": ["denial"] * 2}, "rules: 2 predicted stances for 3 gold statements"),
        ({"speakers": ["Ode"] * 4}, "rules: 4 predicted speakers for 3 gold statements"),
        ({"stances": []}, "rules: 0 predicted stances for 3 gold statements"),
    ],
)
def test_span_records_want_one_answer_a_statement(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        span_records(GOLD, **answers, name="rules")


@dataclass
class Token:
    """What is read of a spaCy token."""

    idx: int
    text: str
    pos_: str


def triple(text: str, content: str, cue: str, speaker: str, pos: str = "PROPN") -> Any:
    """textacy's triple of phrases of a text, each at its first occurrence."""

    def tokens(phrase: str, pos: str) -> list[Token]:
        start = text.index(phrase)
        return [Token(text.index(word, start), word, pos) for word in phrase.split()]

    start = text.index(content)
    span = SimpleNamespace(start_char=start, end_char=start + len(content))
    return SimpleNamespace(speaker=tokens(speaker, pos), cue=tokens(cue, "VERB"), content=span)


@pytest.mark.parametrize(
    ("speaker", "pos", "name"),
    [
        ("Hilda Ode", "PROPN", "Hilda Ode"),
        ("Mayor Ode", "PROPN", "Hilda Ode"),
        ("Ode’s lawyer", "NOUN", "Ode’s lawyer"),
        ("she", "PRON", None),
    ],
)
def test_a_speaker_of_textacys_is_named_as_fully_as_the_article_does(
    speaker: str, pos: str, name: str | None
) -> None:
    before = "Hilda Ode came.\n"
    text = f"“We never took it,” {speaker} had said."
    found = triple(text, "“We never took it,”", "had said", speaker, pos)
    said = quotation(found, before + text, len(before), entities(before + text))
    whole = before + text
    assert (whole[said.start : said.end], said.kind) == ("“We never took it,”", "direct")
    assert said.cue and whole[slice(*said.cue)] == "had said"
    assert said.source and whole[slice(*said.source)] == speaker
    assert said.speaker == name


@pytest.fixture
def textacy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], list[Any]]], None]:
    """textacy(quotations): its place is taken by a function of a text, and a parse is the text itself."""

    def install(quotations: Callable[[str], list[Any]]) -> None:
        monkeypatch.setitem(sys.modules, "textacy.extract", SimpleNamespace(direct_quotations=quotations))
        monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=lambda name: str))

    return install


def test_textacys_quotations_become_records(textacy: Any) -> None:
    textacy(lambda text: [triple(text, "“We never took it,”", "said", "Hilda Ode")])
    record = textacy_records([Article("a", DENIED)])["a"]
    (statement,) = record.statements
    assert (statement.text, statement.kind, statement.stance) == ("“We never took it,”", "direct", "other")
    assert statement.cue == Span.of(DENIED, DENIED.index("said"), DENIED.index("said") + 4)
    assert statement.speaker and statement.speaker.name == "Hilda Ode"
    assert "stance: given by no statement of textacy" in record.warnings


def test_a_text_that_textacy_refuses_is_read_by_paragraphs(textacy: Any) -> None:
    def quotations(text: str) -> list[Any]:
        if text.count('"') % 2:
            raise ValueError("3 quotation marks found")
        return [triple(text, '"It sank,"', "said", "Ode")] if "Ode" in text else []

    textacy(quotations)
    text = 'It was late.\n"It was old.\n"It sank," Ode said.'
    record = textacy_records([Article("a", text), Article("b", "It rained.")])["a"]
    (statement,) = record.statements
    assert (statement.start, statement.text) == (text.index('"It sank'), '"It sank,"')
    assert record.warnings[-1] == "paragraphs refused: 1 (3 quotation marks found)"


def test_no_article_has_no_record(textacy: Any) -> None:
    textacy(lambda text: [])
    assert textacy_records([]) == {}


def test_a_pipeline_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, textacy: Any) -> None:
    textacy(lambda text: [])

    def load(name: str) -> None:
        raise OSError(f"[E050] Can't find model '{name}'")

    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=load))
    with pytest.raises(ModelError, match="'en_core_web_sm' is not installed: python -m spacy download"):
        textacy_records([Article("a", DENIED)])


def test_textacy_itself_on_a_parse_made_by_hand() -> None:
    pytest.importorskip("textacy")
    spacy = pytest.importorskip("spacy")
    language = spacy.blank("en")
    words = "“ We never took it , ” Mayor Hilda Ode said .".split()
    heads = [3, 3, 3, 10, 3, 3, 3, 9, 9, 10, 10, 10]
    deps = "punct nsubj neg ccomp dobj punct punct compound compound nsubj ROOT punct".split()
    poses = "PUNCT PRON PART VERB PRON PUNCT PUNCT PROPN PROPN PROPN VERB PUNCT".split()
    lemmas = [*words[:10], "say", "."]
    spaces = [False, True, True, True, False, False, True, True, True, True, False, False]

    def pipeline(text: str) -> Any:
        doc = spacy.tokens.Doc(
            language.vocab, words, spaces=spaces, heads=heads, deps=deps, pos=poses, lemmas=lemmas
        )
        assert doc.text == text
        return doc

    text = "“We never took it,” Mayor Hilda Ode said."
    (statement,) = textacy_records([Article("a", text)], pipeline)["a"].statements
    assert statement.text == "“We never took it,”"
    assert statement.cue and statement.cue.text == "said"
    assert statement.speaker and statement.speaker.name == "Hilda Ode"
    assert statement.speaker.source and statement.speaker.source.text == "Mayor Hilda Ode"


def test_gliner2_reads_each_statement_in_its_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Model:
        @classmethod
        def from_pretrained(cls, path: str, local_files_only: bool) -> Model:
            assert (path, local_files_only) == (str(tmp_path), True)
            return cls()

        def batch_classify_text(
            self, texts: list[str], tasks: dict[str, Any], batch_size: int
        ) -> list[dict[str, str]]:
            assert list(tasks["stance"]["labels"]) == [
                "accusation",
                "denial",
                "condemnation",
                "solidarity",
                "other",
            ]
            return [{"stance": "denial" if text in answered else "other"} for text in texts]

    answered = ["“We never took it,” Mayor Hilda Ode said.", "Ode denied the charge."]
    monkeypatch.setitem(sys.modules, "gliner2", SimpleNamespace(AutoExtractor=Model))
    assert gliner2_stances(GOLD, tmp_path) == ["denial", "denial", "other"]


@pytest.mark.parametrize("answer", [{"stance": "positive"}, {"stance": None}, {}, {"stance": ["denial"]}])
def test_an_answer_of_gliner2s_that_is_no_stance(answer: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="expected a stance: accusation, denial"):
        chosen(answer)


def test_gliner2_refuses_a_name_that_is_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gliner2", SimpleNamespace(AutoExtractor=None))
    with pytest.raises(ModelError, match="no such folder, expected one with a GLiNER2 model"):
        gliner2_stances(GOLD, tmp_path / "none")


def test_gliner2_itself_with_a_model_that_knows_nothing(tmp_path: Path) -> None:
    gliner2 = pytest.importorskip("gliner2")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    plain = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({token: k for k, token in enumerate(special.values())}, "[UNK]")
    )
    plain.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, **special)
    encoder = transformers.BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    config = gliner2.ExtractorConfig(model_name="tiny", max_width=4)
    gliner2.SpanExtractor(config, encoder_config=encoder, tokenizer=tokenizer).save_pretrained(tmp_path)
    told = gliner2_stances(GOLD, tmp_path, batch=2)
    assert len(told) == 3
    assert set(told) <= {"accusation", "denial", "condemnation", "solidarity", "other"}


@pytest.mark.parametrize(
    ("module", "run", "what"),
    [
        ("textacy.extract", lambda: textacy_records([]), "textacy"),
        ("gliner2", lambda: gliner2_stances(GOLD, "model"), "GLiNER2"),
    ],
)
def test_without_the_library(
    monkeypatch: pytest.MonkeyPatch, module: str, run: Callable[[], Any], what: str
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{what} adapter .* pip install 'quoth\[peers\]'"):
        run()
