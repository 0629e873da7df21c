"""Articles that tell one story: wire copy and near-duplicates, by the statements that they share."""

from __future__ import annotations

from collections.abc import Iterable

import regex

from quoth.extras import needs

PERMUTATIONS = 128
SHINGLE = 4
"""Words."""

_WORD = regex.compile(r"[\p{L}\p{N}]+")


def stories(articles: Iterable[tuple[str, list[str]]], similar: float = 0.7) -> dict[str, str]:
    """An article's id -> the id of the first article, in the order given, that shares so much of its statements.

    articles: ids and texts of statements.  similar: Jaccard similarity of their shingles, estimated by MinHash (Broder
    1997); an article without SHINGLE words of statements is its own story.  Raises MissingExtraError without datasketch.
    """
    with needs("Near-duplicates", "stats"):
        from datasketch import MinHash, MinHashLSH
    index = MinHashLSH(threshold=similar, num_perm=PERMUTATIONS)
    story: dict[str, str] = {}
    hashes: dict[str, MinHash] = {}
    for article, texts in articles:
        shingles = _shingles(texts)
        story[article] = article
        if not shingles:
            continue
        hashed = MinHash(num_perm=PERMUTATIONS)
        hashed.update_batch(shingles)
        near = [other for other in index.query(hashed) if hashes[other].jaccard(hashed) >= similar]
        if near:
            story[article] = max(near, key=lambda other: hashes[other].jaccard(hashed))
        else:
            # Only first articles are compared with, so that a chain of changes does not join two stories.
            index.insert(article, hashed)
            hashes[article] = hashed
    return story


def _shingles(texts: list[str]) -> list[bytes]:
    found = set()
    for text in texts:
        words = [word.casefold() for word in _WORD.findall(text)]
        found |= {" ".join(words[k : k + SHINGLE]).encode() for k in range(len(words) - SHINGLE + 1)}
    return sorted(found)
