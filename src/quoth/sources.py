"""Where articles lie: standard input, files and folders, here or behind a URL, plain or compressed."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from quoth.errors import InputError
from quoth.extras import needs

SUFFIXES = {
    ".txt": "text",
    ".md": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".html": "html",
    ".htm": "html",
}
"""Suffix of a file, without that of its compression -> its format."""

COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of articles.

    place: a path, a URL, or None for standard input.  name: what messages call it.  id: of its one article, or the
    start of the ids of rows that have none.  format: None where only its first line can tell.
    partition: what the names of its folders tell of its rows ("year=2024/in.parquet").
    """

    place: Path | str | None
    name: str
    id: str
    format: str | None
    partition: dict[str, str] = field(default_factory=dict)


def sources(given: str | Path, format: str | None) -> Iterator[Source]:
    """The files that a path or URL stands for: itself, or those of known suffix in a folder, in sorted order.

    Raises InputError for a missing one and for an unknown suffix; MissingExtraError for a URL without fsspec.
    """
    if str(given) == "-":
        yield Source(None, "stdin", "stdin", format)
        return
    if isinstance(given, str) and "://" in given:
        files, is_folder = _behind(given)
    else:
        root = Path(given)
        if not root.exists():
            raise InputError(f"{root}: no such file or folder")
        is_folder = root.is_dir()
        found = sorted(root.rglob("*")) if is_folder else [root]
        # A file's name may hold bytes that are not UTF-8, which no output could hold.
        files = [
            (path, _printable(path), PurePosixPath(path.relative_to(root) if is_folder else path.name))
            for path in found
        ]
    for place, name, inside in files:
        stem, suffix = _stem_and_suffix(inside)
        known = format or SUFFIXES.get(suffix)
        if not is_folder:
            if known is None:
                raise InputError(f"{name}: found suffix {suffix!r}, expected one of {', '.join(SUFFIXES)}")
            yield Source(place, name, stem, known)
        elif known and not _hidden(inside) and (not isinstance(place, Path) or place.is_file()):
            yield Source(place, name, stem, known, _partition(inside))


def _behind(url: str) -> tuple[list[tuple[Path | str, str, PurePosixPath]], bool]:
    """(place, name, path below the URL) of each file behind it, and whether it is a folder."""
    try:
        fs, root = file_system(url)
        if not fs.exists(root):
            raise InputError(f"{url}: no such file or folder")
        is_folder = fs.isdir(root)
        found = sorted(fs.find(root)) if is_folder else [root]
    except (OSError, ValueError, ImportError) as error:
        raise InputError(f"{url}: cannot be read: {error}") from error
    paths = [PurePosixPath(path) for path in found]
    below = [
        path.relative_to(PurePosixPath(root)) if is_folder else PurePosixPath(path.name) for path in paths
    ]
    urls = [fs.unstrip_protocol(path) for path in found]
    return list(zip(urls, urls, below, strict=True)), is_folder


def file_system(url: str) -> tuple[Any, str]:
    """The file system behind a URL, of fsspec, and the path in it.

    Raises MissingExtraError without fsspec, and ValueError, ImportError or OSError for a URL of no known kind.
    """
    with needs("A URL", "batch"):
        from fsspec.core import url_to_fs
    fs, path = url_to_fs(url, use_listings_cache=False)  # others write there too
    return fs, path


def _stem_and_suffix(path: PurePosixPath) -> tuple[str, str]:
    bare = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return _printable(bare.with_suffix("")), bare.suffix.lower()


def _hidden(inside: PurePosixPath) -> bool:
    return any(part.startswith(".") for part in inside.parts)


def _partition(inside: PurePosixPath) -> dict[str, str]:
    pairs = (part.partition("=") for part in inside.parent.parts)
    return {key: value for key, equals, value in pairs if key and equals}


def _printable(path: Path | PurePosixPath) -> str:
    return path.as_posix().encode("utf-8", "backslashreplace").decode()


def raw(source: Source) -> AbstractContextManager[BinaryIO]:
    """The bytes of a file as they are stored; raises OSError."""
    assert source.place is not None
    if isinstance(source.place, Path):
        return source.place.open("rb")
    fs, path = file_system(source.place)
    return cast(AbstractContextManager[BinaryIO], fs.open(path, "rb"))


@contextmanager
def opened(source: Source, stdin: BinaryIO | None) -> Iterator[Iterable[bytes]]:
    """The bytes of a source, decompressed, to iterate over or seek in; reading them raises one of `damage()`."""
    if source.place is None:
        yield sys.stdin.buffer if stdin is None else stdin
        return
    with raw(source) as stored:
        name = str(source.place).lower()
        if name.endswith(".gz"):
            with gzip.GzipFile(fileobj=stored) as plain:
                yield plain
        elif name.endswith(".zst"):
            with _zstd().open(stored) as plain:
                yield plain
        else:
            yield stored


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        with needs("Zstandard input", "batch"):
            from backports import zstd
    return zstd


def damage() -> tuple[type[Exception], ...]:
    """What reading a damaged file raises."""
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    loaded = sys.modules.get(name)
    return (OSError, EOFError, zlib.error, *([loaded.ZstdError] if loaded else []))
