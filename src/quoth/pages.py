"""The pages of this package, and the headers that keep them to themselves."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent / "page"

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Of every answer: no script, style or image from elsewhere, nothing kept by the browser or told to others."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_file(name: str) -> tuple[bytes, str]:
    """Content and media type of a file of the page folder."""
    return (PAGE / name).read_bytes(), _TYPES[Path(name).suffix]


def codebook() -> str:
    """The codebook as a piece of HTML, its links as plain words: they lead to pages that are not here."""
    from markdown_it import MarkdownIt

    text = (PAGE / "codebook.md").read_text("utf-8")
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    for rule in ("link_open", "link_close"):
        reader.add_render_rule(rule, lambda *_: "")
    return str(reader.render(text))
