"""The command line of annotators: quoth annotate."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from quoth.errors import ConfigError, InputError
from quoth.extras import needs

if TYPE_CHECKING:
    from quoth.annotating import Session
    from quoth.records import Article

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="ARTICLES...")
@click.option("--out", type=_FILE, required=True, metavar="LABELS.jsonl", help="Labels; goes on if begun.")
@click.option(
    "--annotator", default="annotator", show_default=True, metavar="NAME", help="Who labels; has a log of their own."
)  # fmt: skip
@click.option(
    "--mode",
    type=click.Choice(["evaluation", "training"]),
    default="evaluation",
    show_default=True,
    help="evaluation: only where statements are is proposed, articles come by chance; training: the model's labels are "
    "shown, articles that it is unsure of come first.",
)
@click.option("--adjudicate", nargs=2, metavar="A B", help="Decide where annotators A and B differ.")
@click.option("--model", default="small", show_default=True, help="What proposes statements.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the articles' order.")
@click.option("--split", default="annotated", show_default=True, help="Written into the labels.")
@click.option("--text-column", default="text", show_default=True, help="Field of rows of ARTICLES.")
@click.option("--id-column", default="id", show_default=True, help="Field of rows of ARTICLES.")
@click.option("--port", type=click.IntRange(0, 65535), default=8001, show_default=True)
def annotate(
    inputs: tuple[str, ...],
    out: Path,
    annotator: str,
    mode: Literal["evaluation", "training"],
    adjudicate: tuple[str, str] | None,
    model: str,
    seed: int,
    split: str,
    text_column: str,
    id_column: str,
    port: int,
) -> None:
    """Label articles by hand, on a page in your browser.

    Every key is on the disk before it is answered, in LABELS.NAME.log.jsonl; the labels that `quoth eval` reads are
    written from it whenever an article is done.  End it with Ctrl-C; the same command goes on.
    """
    with needs("Annotating", "serve"):
        import fastapi  # noqa: F401
        import markdown_it  # noqa: F401
        import uvicorn  # noqa: F401
    from quoth.adjudicating import Adjudication
    from quoth.annotating import Session
    from quoth.annotation_log import ADJUDICATED, annotator_name, annotators_of
    from quoth.labeler import Labeler

    if out.suffix != ".jsonl":
        raise InputError(f"{out}: found suffix {out.suffix!r}, expected .jsonl")
    if not out.parent.is_dir():
        raise InputError(f"{out}: expected a file in a folder that is there")
    articles = _read(inputs, id_column, text_column)
    if out.exists() and any(Path(name).exists() and out.samefile(name) for name in inputs):
        raise InputError(f"{out}: is also read; name another file for the output")
    if out.exists() and not annotators_of(out):
        raise InputError(
            f"{out}: is there, and not made by `quoth annotate` (no log beside it); name another file"
        )
    name = annotator_name(annotator)
    if name == ADJUDICATED:
        raise ConfigError(f"annotator {name!r}: is kept for decisions; see --adjudicate")
    labeler = Labeler.from_pretrained(model)
    session: Session
    if adjudicate:
        a, b = map(annotator_name, adjudicate)
        session = Adjudication(articles, out, a, b, labeler, split)
    else:
        if mode == "training":
            click.echo(
                f"quoth: looking for what the model is unsure of in {len(articles):,} articles", err=True
            )
        session = Session(articles, out, name, labeler, mode, seed, split)
    if session.log.warning:
        click.echo(f"quoth: {session.log.warning}", err=True)
    _run(session, port)


def _read(inputs: tuple[str, ...], id_column: str, text_column: str) -> list[Article]:
    from quoth.articles import Columns, Rejected, read

    articles = []
    for item in read(inputs, Columns(id_column, text_column), sys.stdin.buffer):
        if isinstance(item, Rejected):
            raise InputError(f"{item.place}: {item.reason}")
        articles.append(item)
    return articles


def _run(session: Session, port: int) -> None:
    """Serves until Ctrl-C or SIGTERM."""
    import uvicorn

    from quoth.annotation_server import AnnotationServer
    from quoth.cli_serve import bound

    listening = bound("127.0.0.1", port)
    listening.listen()  # the address that is told answers at once
    app = AnnotationServer(session).app
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    done = sum(row["done"] for row in session.overview()["articles"])
    click.echo(
        f"quoth: {session.annotator}, {done} of {len(session.order())} articles done; open "
        f"http://127.0.0.1:{listening.getsockname()[1]} in a browser, end with Ctrl-C",
        err=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listening])
    click.echo(f"quoth: {session.out} is written", err=True)
