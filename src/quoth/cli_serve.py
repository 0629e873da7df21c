"""The command line of the endpoint: quoth serve, quoth key."""

from __future__ import annotations

import ipaddress
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quoth.errors import ConfigError
from quoth.extras import needs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from quoth.serving.service import Service


def _settings_of(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """A settings file gives defaults; environment and flags go before it."""
    if path is not None:
        from quoth.config import load

        table: dict[str, Any] = load(path, dict)
        known = {option.name for option in ctx.command.params} - {"config"}
        if unknown := table.keys() - known:
            raise ConfigError(
                f"{path}: unknown {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(filter(None, known)))}"
            )
        ctx.default_map = {**(ctx.default_map or {}), **table}
    return path


@click.command(context_settings={"auto_envvar_prefix": "QUOTH_SERVE"})
@click.option(
    "--config", type=click.Path(path_type=Path), is_eager=True, callback=_settings_of, expose_value=False,
    help="TOML file of these settings, names with underscores.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8000, show_default=True)
@click.option(
    "--model", default="small", show_default=True, help="A model of the package, or a model folder."
)
@click.option("--threads", type=click.IntRange(1), help="Processor cores to use.  [default: all]")
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True,
    help="Processes that label, each with its share of --threads; one labels in a thread of the server.",
)  # fmt: skip
@click.option("--keys", type=click.Path(path_type=Path), help="File of API keys, see `quoth key`.")
@click.option("--insecure", is_flag=True, help="Serve another address than this machine's own without keys.")
@click.option("--body-bytes", type=click.IntRange(1), default=2_000_000, show_default=True)
@click.option("--batch-bytes", type=click.IntRange(1), default=50_000_000, show_default=True)
@click.option("--batch-articles", type=click.IntRange(1), default=1_000, show_default=True)
@click.option(
    "--characters", type=click.IntRange(1), default=200_000, show_default=True, help="Of an article."
)
@click.option(
    "--quotation-marks", type=click.IntRange(1), default=4_000, show_default=True, help="Of an article."
)
@click.option(
    "--queue", type=click.IntRange(1), default=512, show_default=True, help="Articles that may wait."
)
@click.option(
    "--queue-characters", type=click.IntRange(1), default=5_000_000, show_default=True,
    help="Of all that wait.",
)  # fmt: skip
@click.option(
    "--concurrent", type=click.IntRange(1), default=800, show_default=True, help="Requests at once."
)
@click.option(
    "--bytes-at-once",
    type=click.IntRange(1),
    default=500_000_000,
    show_default=True,
    help="Of all their bodies.",
)
@click.option(
    "--connections",
    type=click.IntRange(1),
    default=900,
    show_default=True,
    help="Open at once; less than `ulimit -n`.",
)
@click.option(
    "--read-seconds", type=float, default=30.0, show_default=True,
    help="For a request's head to arrive, for its body, and for a client to take what it is sent.",
)  # fmt: skip
@click.option("--answer-seconds", type=float, default=300.0, show_default=True, help="For an answer.")
@click.option(
    "--drain-seconds", type=float, default=0.0, show_default=True, help="Still accept after SIGTERM."
)
@click.option(
    "--cors-origin",
    "origins",
    multiple=True,
    help="A site whose pages may ask, or * for all; may be repeated.",
)
@click.option("--tracing", is_flag=True, help="Send OpenTelemetry traces where OTEL_* variables say.")
@click.option("--log-texts", is_flag=True, help="Write articles into the log.")
def serve(
    host: str, port: int, keys: Path | None, origins: tuple[str, ...], tracing: bool, **rest: Any
) -> None:
    """Label over HTTP: POST /v1/label, /v1/label/batch, /v1/label/stream, /v1/stance; a page for readers at /.

    Settings come from flags, environment variables (QUOTH_SERVE_PORT=80) and --config, in this order.  SIGTERM: requests in
    work are answered, then the process ends with status 0.
    """
    with needs("Serving", "serve"):
        import asgi_correlation_id  # noqa: F401
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    from quoth.serving.app import create_app
    from quoth.serving.authentication import Keys

    if keys is None and not rest.pop("insecure") and not _is_own(host):
        raise ConfigError(
            f"host {host}: is seen by others, and there are no --keys; give some, or --insecure"
        )
    known = Keys(keys) if keys else None
    rest.pop("insecure", None)
    service = _service(**rest)
    app = create_app(service, known, origins)
    if tracing:
        from quoth.serving.tracing import trace

        trace(app)
    _run(app, service, host, port)


def _service(model: str, threads: int | None, workers: int, **limits: Any) -> Service:
    from quoth.cores import available
    from quoth.labeler import Labeler
    from quoth.serving.schemas import Settings
    from quoth.serving.service import Service
    from quoth.serving.workers import ProcessWorkers

    settings = Settings(**limits)
    if workers == 1:
        return Service(Labeler.from_pretrained(model, threads), settings)
    cores = threads or available()
    if workers > cores:
        raise ConfigError(f"workers {workers}: expected at most {cores}, the cores to use")
    return Service(ProcessWorkers(model, workers, cores // workers), settings)


def _is_own(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address; raises ConfigError where another process listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) on sockets that say what they are; else an answer's body waits for its head to be
    # acknowledged, 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise ConfigError(f"{host}:{port}: cannot be listened at: {error.strerror}") from error
    return listening


def _run(app: FastAPI, service: Service, host: str, port: int) -> None:
    from quoth.serving.logging import LibraryLog
    from quoth.serving.server import Server

    listening = bound(host, port)
    address = listening.getsockname()
    click.echo(f"quoth: {service.workers.model.name} at http://{address[0]}:{address[1]}", err=True)
    logging.basicConfig(handlers=[LibraryLog(service.log)], level=logging.WARNING)
    Server(app, host, port).run([listening])


@click.command()
@click.argument("name")
@click.option("--file", "path", type=click.Path(path_type=Path), required=True, help="Where its hash goes.")
def key(name: str, path: Path) -> None:
    """Make an API key under NAME and print it once; --file keeps only its hash.

    Take a key back by removing its line; a running server sees the change within a second.
    """
    from quoth.serving.authentication import new_key

    click.echo(new_key(path, name))
