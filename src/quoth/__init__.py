"""quoth: who said what in the news, what each statement does, and toward whom."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from quoth.records import Article, Record, Span, Speaker, Statement, Target

if TYPE_CHECKING:
    from quoth.labeler import Labeler
    from quoth.serving.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = [
    "Article",
    "AsyncClient",
    "Client",
    "Labeler",
    "Record",
    "Span",
    "Speaker",
    "Statement",
    "Target",
    "label",
]


@functools.cache
def _default_labeler() -> Labeler:
    from quoth.labeler import Labeler

    return Labeler.from_pretrained()


def label(text: str | Article) -> Record:
    """Label one article with the default model, which is loaded at the first call."""
    return _default_labeler().label_one(text)


def __getattr__(name: str) -> object:
    # Loading onnxruntime takes longer than `quoth --help` may.
    if name == "Labeler":
        from quoth.labeler import Labeler

        return Labeler
    if name in ("Client", "AsyncClient"):
        from quoth.serving import client

        return getattr(client, name)
    raise AttributeError(f"module 'quoth' has no attribute {name!r}")
