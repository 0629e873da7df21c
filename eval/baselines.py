"""Stances and speakers of given spans by simple means: the bar to clear.

Every baseline answers for all statements of the gold articles: a flat list, article by article, in their
order there.  `quoth.eval.adapters.span_records` makes records of it, which are scored like any system's.

- `majority`, `fit_predict`: need labels to learn from.
- `lexicon`, `nearest_name`: rules, nothing learnt and nothing to load.
- `nli`: any zero-shot classifier that was trained to tell entailment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import regex

from quoth.errors import InputError, MissingExtraError, ModelError
from quoth.eval.gold import STANCES, GoldArticle, GoldStatement
from quoth.extras import needs
from quoth.model.entities import entities
from quoth.model.quotes import paragraphs, passages
from quoth.records import Stance

CONTEXT = 100
"""Characters of text to each side of a statement that the TF-IDF baseline sees."""

CUES: dict[Stance, str] = {
    "accusation": r"""accus(?:e[sd]?|ing) blam(?:e[sd]?|ing) alleg(?:e[sd]?|ing) implicat(?:e[sd]?|ing)
        h(?:eld|old(?:s|ing)?)(?:\s[\w'’-]+){1,5}?\sresponsible""",
    "denial": r"""den(?:y|ies|ied|ying) reject(?:s|ed|ing)? dismiss(?:es|ed|ing)? refut(?:e[sd]?|ing)
        disput(?:e[sd]?|ing) rebut(?:s|ted|ting)? disavow(?:s|ed|ing)? baseless unfounded""",
    "condemnation": r"""condemn(?:s|ed|ing|ation)? denounc(?:e[sd]?|ing) decr(?:y|ies|ied|ying)
        deplor(?:e[sd]?|ing) slam(?:s|med|ming)? blast(?:s|ed|ing)? lambast(?:es?|s|ed|ing)?
        criticis(?:e[sd]?|ing) criticiz(?:e[sd]?|ing) rebuk(?:e[sd]?|ing) outrag(?:ed|eous) unacceptable""",
    "solidarity": r"""st(?:and(?:s|ing)?|ood)\s(?:with|by|beside|alongside) solidarity condolences? sympath(?:y|ies)
        express(?:es|ed|ing)?(?:\s[\w'’-]+){0,3}?\ssupport p(?:ay|ays|aid|aying)\s(?:\w+\s)?tribute
        mourn(?:s|ed|ing)? thoughts\sand\sprayers""",
}
"""The words of `lexicon`, each a regular expression.  Nouns such as "allegation" are left out: what is done
to it ("rejected the allegation") tells more."""

HYPOTHESES: dict[Stance, str] = {
    "accusation": "The speaker accuses somebody of doing something wrong.",
    "denial": "The speaker denies an accusation or a report.",
    "condemnation": "The speaker condemns something that somebody did as wrong.",
    "solidarity": "The speaker expresses support, sympathy or condolences to somebody.",
    "other": "The speaker gives information without blaming, denying, condemning or supporting anything.",
}
"""What `nli` asks of each statement."""

_WORD = re.compile(r"\w+")
_CUE = regex.compile(
    "|".join(rf"(?P<{stance}>\b(?:{'|'.join(cues.split())})\b)" for stance, cues in CUES.items()),
    regex.IGNORECASE,
)
_NEGATION = regex.compile(
    r"(?:\b(?:not|never|without|declin\w+ to|refus\w+ to|stop\w* short of)|n['’]t)\s(?:\w+\s)?$",
    regex.IGNORECASE,
)
_SENTENCE_END = regex.compile(
    r"(?<!\b(?:\p{Lu}|Mr|Mrs|Ms|Dr|St|Sen|Rep|Gov|Gen|Col|Lt))[.!?][\"”’')\]]*\s+(?=[\"“‘(\[]?[\p{Lu}\p{N}])"
)


def majority(train: Sequence[GoldArticle], dev: Sequence[GoldArticle]) -> list[Stance]:
    """The commonest stance of `train` for each statement of `dev`, in order."""
    stances = _stances(train)
    if not stances:
        raise InputError("the majority baseline needs a statement to learn from, found none")
    return [Counter(stances).most_common(1)[0][0]] * len(_stances(dev))


def fit_predict(train: Sequence[GoldArticle], dev: Sequence[GoldArticle]) -> list[Stance]:
    """Stances of the statements of `dev`, in order, by TF-IDF and logistic regression fitted to `train`.

    Raises MissingExtraError without scikit-learn, and InputError if `train` has fewer than two stances.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise MissingExtraError("The TF-IDF baseline", "eval") from error
    stances = _stances(train)
    if len(set(stances)) < 2:
        raise InputError(f"the TF-IDF baseline needs at least two stances to learn, found {set(stances)}")
    if not _stances(dev):
        return []
    model = make_pipeline(
        TfidfVectorizer(analyzer=lambda features: features, sublinear_tf=True, max_features=200_000),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    model.fit(_samples(train), stances)
    predicted: list[Stance] = model.predict(_samples(dev)).tolist()
    return predicted


def lexicon(gold: Sequence[GoldArticle]) -> list[Stance]:
    """Stances by the words of `CUES`, as dictionary coders of events have it (CAMEO, Schrodt 2012).

    The cue nearest to the statement in its sentence decides, outside all quotation marks, where reporting
    clauses are; if there is none, the first in the statement itself; then the nearest of its paragraph.
    Of equally near ones the earlier decides.  A cue that is negated ("did not accuse", "declined to condemn":
    codebook, rule 7) is none, and a statement without a cue is `other`.
    """
    return [stance for article in gold for stance in _by_cues(article)]


def nearest_name(gold: Sequence[GoldArticle]) -> list[str | None]:
    """Speakers: the name nearest to the statement in its paragraph, of equally near ones the one before.

    Names of persons and organizations count, by `quoth.model.entities`, a rule of capitalised words; not
    those between quotation marks.  Only where there is none outside it, the first in a paraphrase counts,
    whose span may hold its reporting clause.  Each name is given as fully as the article does, None where
    the paragraph has none.
    """
    return [name for article in gold for name in _by_names(article)]


def nli(path: str | Path, gold: Sequence[GoldArticle], batch: int = 16) -> list[Stance]:
    """Stances by a Hugging Face model for natural language inference, zero-shot (Yin et al., EMNLP 2019).

    path: a folder with a sequence classification model and its tokenizer; nothing is downloaded.  The premise
    is the statement in its sentence, the hypotheses are `HYPOTHESES`, and the stance whose hypothesis has the
    highest logit of entailment is taken.  batch: statements at a time, five pairs each.

    Raises MissingExtraError without torch and transformers, and ModelError for a folder that is not there or
    a model whose config does not say in `label2id` which label is entailment.
    """
    with needs("A zero-shot NLI model", "train"):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    if not Path(path).is_dir():
        raise ModelError(f"{path}: no such folder, expected one with an NLI model")
    model = AutoModelForSequenceClassification.from_pretrained(path, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    entailment = [k for label, k in model.config.label2id.items() if label.casefold().startswith("entail")]
    if len(entailment) != 1:
        raise ModelError(
            f"{Path(path) / 'config.json'}, field label2id: found {', '.join(model.config.label2id)}, "
            "expected one label 'entailment'"
        )
    longest = min(512, tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512))
    premises = [a.text[slice(*sentence(a.text, s.start, s.end))] for a in gold for s in a.statements]
    stances: list[Stance] = []
    for k in range(0, len(premises), batch):
        some = premises[k : k + batch]
        pairs = [p for p in some for _ in STANCES], [HYPOTHESES[s] for s in STANCES] * len(some)
        inputs = tokenizer(
            *pairs, truncation="only_first", max_length=longest, padding=True, return_tensors="pt"
        )
        with torch.inference_mode():
            scores = model(**inputs).logits[:, entailment[0]].view(len(some), len(STANCES))
        stances += [STANCES[best] for best in scores.argmax(1).tolist()]
    return stances


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of the sentence, or sentences, that text[start:end] lies in, within its paragraph.

    A quoted passage that ends in a full stop ends its sentence, unless a small letter follows; one that ends
    otherwise ("Why?" Brandt asked) does not.
    """
    first, last = _paragraph(text, start, end)
    ends = [m.end() for m in _SENTENCE_END.finditer(text, first, last) if m.end() <= start]
    begin, rest = max(ends, default=first), text[end:last].lstrip()
    if text[start:end].rstrip("\"”’'").endswith(".") and not rest[:1].islower():
        return begin, end
    closing = _SENTENCE_END.search(text, end, last)
    return begin, closing.start() + len(closing.group().rstrip()) if closing else last


def _paragraph(text: str, start: int, end: int) -> tuple[int, int]:
    around = [(a, b) for a, b in paragraphs(text) if a < end and start < b]
    return min(start, around[0][0]), max(end, around[-1][1])


def _by_cues(article: GoldArticle) -> list[Stance]:
    text, quoted = article.text, [(p.start, p.end) for p in passages(article.text)]
    cues = [
        (m.start(), m.end(), stance)
        for m in _CUE.finditer(text)
        for stance in STANCES
        if stance == m.lastgroup and not _NEGATION.search(text, max(0, m.start() - 40), m.start())
    ]
    stances: list[Stance] = []
    for s in article.statements:
        near, far = sentence(text, s.start, s.end), _paragraph(text, s.start, s.end)
        found: list[tuple[int, int, Stance]] = []
        for start, end, stance in cues:
            if s.start <= start < s.end:
                found.append((1, start - s.start, stance))
            elif far[0] <= start < far[1] and not _inside(start, quoted):
                found.append((0 if near[0] <= start < near[1] else 2, _gap(s, start, end), stance))
        stances.append(min(found, key=lambda cue: cue[:2])[2] if found else "other")
    return stances


def _by_names(article: GoldArticle) -> list[str | None]:
    text, quoted = article.text, [(p.start, p.end) for p in passages(article.text)]
    names = sorted(
        (m.start, m.end, entity.name)
        for entity in entities(text)
        if entity.type in ("person", "organization")
        for m in entity.mentions
        if not _inside(m.start, quoted)
    )
    speakers: list[str | None] = []
    for s in article.statements:
        first, last = _paragraph(text, s.start, s.end)
        near = [(start, end, name) for start, end, name in names if first <= start < last]
        apart = [(start, end, name) for start, end, name in near if end <= s.start or s.end <= start]
        # Names in a paraphrase have no distance to it: the first is taken.
        found = min(apart or near, key=lambda n: _gap(s, n[0], n[1]) if apart else n[0], default=None)
        speakers.append(found[2] if found else None)
    return speakers


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _gap(statement: GoldStatement, start: int, end: int) -> int:
    return statement.start - end if end <= statement.start else start - statement.end


def _stances(articles: Sequence[GoldArticle]) -> list[Stance]:
    return [statement.stance for article in articles for statement in article.statements]


def _samples(articles: Sequence[GoldArticle]) -> list[list[str]]:
    return [features(a.text, s.start, s.end) for a in articles for s in a.statements]


def features(text: str, start: int, end: int) -> list[str]:
    """Word 1- and 2-grams of text[start:end], and of the characters to its left and right under a mark."""
    parts = {
        "": text[start:end],
        "<": text[max(0, start - CONTEXT) : start],
        ">": text[end : end + CONTEXT],
    }
    return [mark + gram for mark, part in parts.items() for gram in _grams(part)]


def _grams(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    return words + [f"{a} {b}" for a, b in pairwise(words)]
