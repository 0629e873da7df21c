"""Labelling by a server, for `quoth label --server`."""

from __future__ import annotations

from quoth.records import Article, Record
from quoth.serving.client import Client, ServerError


class ArticleError(Exception):
    """An article that the server refuses: of it alone, unlike an error of the run."""


class RemoteLabeler:
    """Stands where a run has its labeler."""

    def __init__(self, url: str, key: str | None, min_probability: float = 0.0) -> None:
        self._client = Client(url, key)
        self._options = {"min_probability": min_probability}

    def label_one(self, article: Article) -> Record:
        """Label one article; raise ArticleError if it is refused, ServerError if the server is out of reach."""
        try:
            return self._client.label(article, **self._options)
        except ServerError as error:
            if error.status in (413, 422, 504):
                raise ArticleError(str(error)) from error
            raise
