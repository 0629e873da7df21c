"""Other systems' answers as quoth records, so that they are scored like our own.

An adapter runs only where its library is installed (extra `peers`: textacy, gliner2).  What it says of an
article goes through `quoth.eval.predictions`, the neutral shape that any system's output has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from itertools import repeat
from pathlib import Path
from typing import Any

from quoth.errors import InputError, ModelError
from quoth.eval.baselines import sentence
from quoth.eval.gold import STANCES, GoldArticle
from quoth.eval.predictions import Said, said_records
from quoth.extras import needs
from quoth.model.entities import Entity, entities
from quoth.model.quotes import paragraphs
from quoth.records import Article, Record, Stance

DESCRIPTIONS: dict[Stance, str] = {
    "accusation": "asserts that somebody did, does or plans something blameworthy",
    "denial": "rejects an accusation, report or claim as false, or disclaims an act",
    "condemnation": "censures an act, policy or party as wrong",
    "solidarity": "expresses support, sympathy, unity or condolence",
    "other": "none of these: facts, forecasts, plans, demands, opinions",
}
"""The labels as GLiNER2 reads them, in the words of the codebook's table."""


def span_records(
    gold: Sequence[GoldArticle],
    stances: Sequence[Stance] | None = None,
    speakers: Sequence[str | None] | None = None,
    name: str = "baseline",
) -> dict[str, Record]:
    """The gold spans with a system's stances, speakers or both, by article id.

    stances, speakers: one a statement, article by article, as `quoth.eval.baselines` gives them; what is not
    given is `other` and no speaker.  name: of the system.  Raises InputError for a wrong number of them.
    """
    expected = sum(len(article.statements) for article in gold)
    for what, given in (("stances", stances), ("speakers", speakers)):
        if given is not None and len(given) != expected:
            raise InputError(f"{name}: {len(given)} predicted {what} for {expected} gold statements")
    told = zip(stances or repeat(None), speakers or repeat(None), strict=False)
    said = {
        a.id: [
            Said(s.start, s.end, stance=stance, speaker=speaker, kind=s.kind)
            for s, (stance, speaker) in zip(a.statements, told, strict=False)
        ]
        for a in gold
    }
    return said_records(name, said, {article.id: article.text for article in gold})


def textacy_records(articles: Iterable[Article], pipeline: Any = "en_core_web_sm") -> dict[str, Record]:
    """Direct quotations as textacy's rules find them (`textacy.extract.direct_quotations`, 0.13), by article.

    pipeline: the name of an installed spaCy pipeline with a parser, or one that is loaded.  textacy tells
    content, cue and speaker, no stance.  A text in which it finds an odd number of quotation marks it
    refuses: such a text is given to it one paragraph at a time, and the record's warnings count those that
    it refused then.  A speaker is given as fully as the article names it; a pronoun, which textacy does not
    resolve, only as the source.

    Raises MissingExtraError without textacy, and ModelError for a pipeline that is not installed.
    """
    with needs("The textacy adapter", "peers"):
        spacy, extract = import_module("spacy"), import_module("textacy.extract")
    if isinstance(pipeline, str):
        try:
            pipeline = spacy.load(pipeline)
        except OSError as error:
            raise ModelError(
                f"spaCy pipeline {pipeline!r} is not installed: python -m spacy download {pipeline}"
            ) from error
    texts: dict[str, str] = {}
    said: dict[str, list[Said]] = {}
    refused: dict[str, list[str]] = {}
    for article in articles:
        text, people = article.text, entities(article.text)
        refusals: list[str] = []
        try:
            found = [(0, triple) for triple in extract.direct_quotations(pipeline(text))]
        except ValueError:
            found, refusals = _by_paragraph(text, pipeline, extract.direct_quotations)
        texts[article.id], refused[article.id] = text, refusals
        said[article.id] = [quotation(triple, text, offset, people) for offset, triple in found]
    return {
        name: dataclasses.replace(record, warnings=[*record.warnings, *refused[name]])
        for name, record in said_records("textacy", said, texts).items()
    }


def _by_paragraph(
    text: str, pipeline: Any, quotations: Callable[[Any], Iterable[Any]]
) -> tuple[list[tuple[int, Any]], list[str]]:
    """(where the paragraph begins, triple), and a warning if there are paragraphs that were refused."""
    found: list[tuple[int, Any]] = []
    refusals = []
    for start, end in paragraphs(text):
        try:
            found += [(start, triple) for triple in quotations(pipeline(text[start:end]))]
        except ValueError as error:
            refusals.append(str(error))
    return found, [f"paragraphs refused: {len(refusals)} ({refusals[0]})"] if refusals else []


def quotation(triple: Any, text: str, offset: int, people: Sequence[Entity]) -> Said:
    """A statement of textacy's (speaker, cue, content): lists of spaCy tokens, and a span.

    offset: where in the text the parsed part begins.  people: the entities of the text; the speaker is
    the one whose mention ends the phrase, else the phrase as it is.
    """
    cue, source = (
        (offset + tokens[0].idx, offset + tokens[-1].idx + len(tokens[-1].text))
        for tokens in (triple.cue, triple.speaker)
    )
    named = [e.name for e in people for m in e.mentions if source[0] <= m.start and m.end == source[1]]
    pronoun = all(token.pos_ == "PRON" for token in triple.speaker)
    return Said(
        offset + triple.content.start_char,
        offset + triple.content.end_char,
        kind="direct",
        speaker=named[0] if named else None if pronoun else text[slice(*source)],
        cue=cue,
        source=source,
    )


def gliner2_stances(gold: Sequence[GoldArticle], path: str | Path, batch: int = 8) -> list[Stance]:
    """Stances of the gold spans by GLiNER2 (Zaratiana et al., EMNLP 2025), one a statement, in order.

    path: a folder with a checkpoint; nothing is downloaded.  The model reads the statement in its sentence,
    and chooses one of five labels, each with its `DESCRIPTIONS`.  `span_records` makes records of them.
    batch: texts at a time.

    Raises MissingExtraError without gliner2 and what it needs to run a model, and ModelError for a folder
    that is not there.
    """
    with needs("The GLiNER2 adapter", "peers"):
        loader = import_module("gliner2").AutoExtractor
    if not Path(path).is_dir():
        raise ModelError(f"{path}: no such folder, expected one with a GLiNER2 model")
    texts = [a.text[slice(*sentence(a.text, s.start, s.end))] for a in gold for s in a.statements]
    model = loader.from_pretrained(str(path), local_files_only=True)
    answers = model.batch_classify_text(texts, {"stance": {"labels": DESCRIPTIONS}}, batch_size=batch)
    return [chosen(answer) for answer in answers]


def chosen(answer: Mapping[str, Any]) -> Stance:
    """The stance of one of GLiNER2's answers, {"stance": label}.

    Raises ModelError for an answer that is none of the five, as of a checkpoint for other work.
    """
    found = answer.get("stance")
    for stance in STANCES:
        if stance == found:
            return stance
    raise ModelError(f"GLiNER2 answered {answer!r}, expected a stance: {', '.join(STANCES)}")
