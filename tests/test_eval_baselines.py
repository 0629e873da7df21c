from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from quoth.errors import InputError, MissingExtraError, ModelError
from quoth.eval.baselines import (
    HYPOTHESES,
    features,
    fit_predict,
    lexicon,
    majority,
    nearest_name,
    nli,
    sentence,
)
from quoth.eval.gold import GoldArticle, GoldKind, GoldStatement
from quoth.records import Stance

SAID: list[tuple[str, Stance]] = [
    ("They robbed the dairy", "accusation"),
    ("They robbed the mill", "accusation"),
    ("They robbed the school", "accusation"),
    ("We never took it", "denial"),
    ("We never saw it", "denial"),
]


def article(text: str, *spans: tuple[str, Stance]) -> GoldArticle:
    statements = [
        GoldStatement(text.index(s), text.index(s) + len(s), "quoted", stance, None, "neutral", None, None)
        for s, stance in spans
    ]
    return GoldArticle(text[:9], text, "train", statements)


TRAIN = [article(f"“{said}”, somebody said.", (said, stance)) for said, stance in SAID]
DEV = [
    article(
        "“We never did”, he said. “They robbed us.”", ("We never did", "denial"), ("They robbed us", "other")
    )
]


def test_majority() -> None:
    assert majority(TRAIN, DEV) == ["accusation", "accusation"]


def test_features_mark_where_a_word_stands() -> None:
    text = "x" * 150 + " She denied: We did not, aides said"
    start, end = text.index("We"), text.index(",")
    assert features(text, start, end) == [
        *["we", "did", "not", "we did", "did not"],
        *["<" + gram for gram in ["x" * 87, "she", "denied", "x" * 87 + " she", "she denied"]],
        *[">" + gram for gram in ["aides", "said", "aides said"]],
    ]


def test_tfidf_learns_the_words_and_the_context() -> None:
    pytest.importorskip("sklearn")
    assert fit_predict(TRAIN, DEV) == ["denial", "accusation"]
    train = [
        article("She denied it: so much.", ("so much", "denial")),
        article("She accused him: so much.", ("so much", "accusation")),
    ]
    assert fit_predict(train, [article("He accused her: so much.", ("so much", "denial"))]) == ["accusation"]
    assert fit_predict(train, []) == []


def test_tfidf_needs_two_stances() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(InputError, match="at least two stances to learn, found {'accusation'}"):
        fit_predict(TRAIN[:2], DEV)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingExtraError, match=r"The TF-IDF baseline needs the extra 'eval'"):
        fit_predict(TRAIN, DEV)


def marked(text: str, kind: GoldKind = "quoted") -> list[GoldArticle]:
    """An article whose one statement stands between [[ and ]]."""
    before, said, after = re.split(r"\[\[|\]\]", text)
    start, end = len(before), len(before) + len(said)
    statement = GoldStatement(start, end, kind, "other", None, None, None, None)
    return [GoldArticle("a", before + said + after, "dev", [statement])]


@pytest.mark.parametrize(
    ("text", "stance"),
    [
        ("[[“The quay was empty,”]] Ode said, accusing the board of theft.", "accusation"),
        ("Ode denied it: [[“I was in Lima.”]]", "denial"),
        ("Ode said the army was [[“a disgrace”]] and condemned it.", "condemnation"),
        ("Ode offered her condolences: [[“It is a hard day.”]]", "solidarity"),
        ("Ode held the port’s owners responsible: [[“It was their crane.”]]", "accusation"),
        ("Ode expressed her full support for the crew: [[“We know them.”]]", "solidarity"),
        ("[[“It will rain,”]] Ode said.", "other"),
    ],
)
def test_the_lexicon_reads_the_reporting_clause(text: str, stance: str) -> None:
    assert lexicon(marked(text)) == [stance]


@pytest.mark.parametrize(
    ("text", "stance"),
    [
        ("Brandt, who condemned the raid, blamed Ode: [[“He opened the gate.”]]", "accusation"),
        ("Brandt, who blamed Ode, condemned the raid: [[“He opened the gate.”]]", "condemnation"),
        # As near: the one before.
        ("Ode denies [[“it”]] blaming Brandt.", "denial"),
        ("Ode denied it: [[“I condemn nobody.”]]", "denial"),
        ("[[“We stand with the miners and condemn no one,”]] Ode said.", "solidarity"),
        # Its sentence, its own words, its paragraph.
        (
            "Ode condemned it. [[“They fired first,”]] he told a crowd in Lima, and blamed the army.",
            "accusation",
        ),
        ("Ode condemned it. [[“We blame the army,”]] he said.", "accusation"),
        ("Ode condemned it. [[“They fired first,”]] he said.", "condemnation"),
        ("Ode condemned it.\n\n[[“They fired first,”]] he said.", "other"),
        ("“They condemn us,” Ode said. [[“It is late.”]]", "other"),
        ("Ode declined to condemn the raid: [[“We wait.”]]", "other"),
        ("Ode didn’t openly blame Brandt: [[“We wait.”]]", "other"),
        ("Ode did not speak and blamed Brandt: [[“We wait.”]]", "accusation"),
        ("The blameless undeniable Ode spoke: [[“We wait.”]]", "other"),
    ],
)
def test_the_nearest_cue_decides(text: str, stance: str) -> None:
    assert lexicon(marked(text)) == [stance]


def test_the_lexicon_reads_a_paraphrase_that_holds_its_clause() -> None:
    assert lexicon(marked("On Friday [[Ode rejected the charge]].", "indirect")) == ["denial"]


def test_every_statement_of_every_article_has_its_answer_in_order() -> None:
    gold = [*marked("Ode denied it: [[“No.”]]"), *DEV, *marked("Ode condemned it: [[“No.”]]")]
    assert lexicon(gold) == ["denial", "other", "other", "condemnation"]
    assert nearest_name(gold) == ["Ode", None, None, "Ode"]
    assert lexicon([]) == nearest_name([]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Ode spoke. [[“Why?”]] Brandt asked. Nobody knew.", "“Why?” Brandt asked."),
        ("Ode left. [[“It is late.”]] Brandt stayed.", "“It is late.”"),
        ("Ode left. [[“It is late.”]] said Brandt. She stayed.", "“It is late.” said Brandt."),
        ("Ode said [[it sank]] off the U.S. coast. It was old.", "Ode said it sank off the U.S. coast."),
        ("Ode of the U.S. Navy said [[it sank]]", "Ode of the U.S. Navy said it sank"),
        ("It was late.\n[[“It sank. It was old,”]] Ode said\nIt rained.", "“It sank. It was old,” Ode said"),
    ],
)
def test_the_sentence_of_a_statement(text: str, expected: str) -> None:
    (article,) = marked(text)
    start, end = sentence(article.text, article.statements[0].start, article.statements[0].end)
    assert article.text[start:end] == expected


@pytest.mark.parametrize(
    ("text", "kind", "speaker"),
    [
        ("[[“I was there,”]] Hilda Ode said. Karl Brandt was not.", "quoted", "Hilda Ode"),
        ("Karl Brandt smiled. Hilda Ode did not. [[“I was there,”]] she said.", "quoted", "Hilda Ode"),
        # As near: the one before.
        ("Hilda Ode: [[“I was there.”]], Karl Brandt smiled", "quoted", "Hilda Ode"),
        ("Hilda Ode came.\n\n[[“I was there,”]] Ode said.", "quoted", "Hilda Ode"),
        ("The Harbour Board met on Friday. [[“It sank,”]] it said.", "quoted", "Harbour Board"),
        ("Hilda Ode came.\n\n[[“I was there,”]] she said.", "quoted", None),
        ("Hilda Ode said so. “Ask Karl Brandt,” said she. [[“I was there.”]]", "quoted", "Hilda Ode"),
        ("[[“Ask Karl Brandt,”]] she said.", "quoted", None),
        ("In Peru [[“it rained,”]] she said.", "quoted", None),
        ("[[Hilda Ode told Karl Brandt that it sank]].", "indirect", "Hilda Ode"),
        ("Hilda Ode said [[that Karl Brandt was there]].", "indirect", "Hilda Ode"),
    ],
)
def test_the_nearest_name_speaks(text: str, kind: GoldKind, speaker: str | None) -> None:
    assert nearest_name(marked(text, kind)) == [speaker]


def nli_model(folder: Path, labels: dict[str, int]) -> Path:
    """A BERT of one layer that knows nothing, with the words of the hypotheses."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = sorted({w for h in HYPOTHESES.values() for w in re.findall(r"\w+|\W", h.casefold())} - {" "})
    vocabulary = {word: k for k, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    transformers.set_seed(3)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.3,
        label2id=labels,
        id2label={k: label for label, k in labels.items()},
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    plain = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, "[UNK]"))
    plain.normalizer = tokenizers.normalizers.BertNormalizer()
    plain.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    plain.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, model_max_length=64, **special
    ).save_pretrained(folder)
    return folder


NLI_GOLD = [
    *marked("[[“The speaker denies a report,”]] Ode said. It rained."),
    *marked("Ode was wrong. [[“Somebody did something wrong. An accusation!”]]"),
    *marked("[[“" + "support or condolences, " * 40 + "”]] Ode said."),
    *marked("Ode said [[she condemns anything without blaming]].", "indirect"),
    *marked("Ode expresses [[“sympathy”]] to somebody."),
    *marked("Ode gives [[“information, or a report, or something”]]."),
]


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("entailment", [0, 2])
def test_nli_takes_the_hypothesis_that_the_zero_shot_pipeline_takes(
    tmp_path: Path, entailment: int, batch: int
) -> None:
    labels = {"neutral": 1, "contradiction": 2 - entailment, "ENTAILMENT": entailment}
    folder = nli_model(tmp_path, labels)
    import transformers

    told = nli(folder, NLI_GOLD, batch=batch)
    pipeline = transformers.pipeline("zero-shot-classification", model=str(folder), device="cpu")
    stance_of = {hypothesis: stance for stance, hypothesis in HYPOTHESES.items()}
    expected = []
    for a in NLI_GOLD:
        premise = a.text[slice(*sentence(a.text, a.statements[0].start, a.statements[0].end))]
        answer = pipeline(premise, list(stance_of), hypothesis_template="{}")
        expected.append(stance_of[answer["labels"][0]])
    assert told == expected
    assert len(set(told)) > 1
    assert nli(folder, []) == []


def test_nli_refuses_a_model_that_does_not_name_entailment(tmp_path: Path) -> None:
    folder = nli_model(tmp_path, {"LABEL_0": 0, "LABEL_1": 1})
    with pytest.raises(
        ModelError, match=r"label2id: found LABEL_0, LABEL_1, expected one label 'entailment'"
    ):
        nli(folder, NLI_GOLD)


def test_nli_refuses_a_name_that_is_no_folder(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with pytest.raises(ModelError, match="no such folder"):
        nli(tmp_path / "none", NLI_GOLD)


def test_nli_without_transformers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"NLI model needs the extra 'train'"):
        nli(tmp_path, NLI_GOLD)
