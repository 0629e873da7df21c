"""The examples of deployment and of JavaScript, as far as they can be tried without a container engine or an init system."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from serving_support import served

from quoth.cli_serve import serve

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "examples" / "deploy"


def options() -> set[str]:
    return {name for p in serve.params if isinstance(p, click.Option) for name in p.opts}


def named(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def test_the_javascript_of_the_docs_labels(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    found = re.search(
        r"<!-- file: label\.mjs -->\n```js\n(.*?)^```$",
        (ROOT / "docs" / "serving.md").read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert found
    (tmp_path / "label.mjs").write_text(found[1], "utf-8")
    with served() as at:
        run = subprocess.run(
            [node, str(tmp_path / "label.mjs"), at.address], capture_output=True, text=True, check=True
        )
    assert run.stdout.splitlines()[0] == "Ann Ode accusation “They lied,” said Ann Ode."


def test_the_container_is_not_root_and_starts_the_server() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    instructions = [
        line.split(maxsplit=1) for line in re.sub(r"\\\n", " ", text).splitlines() if line and line[0] != "#"
    ]
    last = {word: rest for word, rest in instructions if word.isupper()}
    uid, _, gid = last["USER"].partition(":")
    assert int(uid) > 0 and int(gid) > 0
    assert last["ENTRYPOINT"].startswith('["/opt/quoth/bin/quoth", "serve"') and "health/ready" in text
    assert "--read-only" in text and "--cap-drop ALL" in text
    used = last["ENTRYPOINT"] + last["CMD"] + re.findall(r"quoth (--keys \S+)", text)[0]
    assert named(used) <= options() | {"--help"}


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs hadolint")
    subprocess.run([hadolint, str(DEPLOY / "Dockerfile")], check=True)


def test_the_unit_starts_the_server_without_rights() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "quoth.service")
    service = unit["Service"]
    assert named(service["ExecStart"]) <= options() and shlex.split(service["ExecStart"])[1] == "serve"
    for setting in ("NoNewPrivileges", "DynamicUser", "PrivateDevices", "ProtectHome", "RestrictNamespaces"):
        assert service[setting] == "yes"
    assert service["ProtectSystem"] == "strict" and service["CapabilityBoundingSet"] == ""


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    openssl = shutil.which("openssl")
    if nginx is None or openssl is None:
        pytest.skip("needs nginx and openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=quoth", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (DEPLOY / "nginx.conf").read_text("utf-8").replace("443", "18443")
    text = text.replace("/etc/ssl/quoth.pem", str(certificate)).replace(
        "/etc/ssl/private/quoth.key", str(key)
    )
    config = tmp_path / "nginx.conf"
    paths = "".join(
        f"{of}_temp_path {tmp_path};" for of in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ access_log off; {paths} {text} }}"
    )
    run = subprocess.run(
        [nginx, "-t", "-c", str(config), "-e", str(tmp_path / "log")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
