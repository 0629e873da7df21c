"""quoth with each Python and with the newest and oldest packages that it may meet; minutes each, and needs an index of packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "x86_64-unknown-linux-gnu": PYTHONS,
    "aarch64-unknown-linux-gnu": PYTHONS,
    "aarch64-apple-darwin": PYTHONS,
    "x86_64-apple-darwin": PYTHONS[:3],
    "x86_64-pc-windows-msvc": PYTHONS,
    "aarch64-pc-windows-msvc": PYTHONS[1:],
}
"""As docs/releasing.md tells them."""
EXTRAS = ("batch", "eval", "parquet", "html", "serve", "stats", "test")
ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def uv(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """No Python is fetched: those of this machine are tried."""
    package = pytest.importorskip("uv", reason="needs uv: pip install '.[release]'")
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    return subprocess.run(
        [package.find_uv_bin(), *command],
        check=False,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("python", "resolution"), [(PYTHONS[0], "lowest-direct"), *((python, "highest") for python in PYTHONS)]
)
def test_the_tests_pass(python: str, resolution: str, source: Path, tmp_path: Path) -> None:
    """As installed from the sources, without a checkout on the path."""
    found = uv("python", "find", "--no-project", python)
    if found.returncode:
        pytest.skip(f"no Python {python} on the path")
    folder = tmp_path / "env"
    assert uv("venv", "--seed", "--python", found.stdout.strip(), str(folder)).returncode == 0
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["pip", "install", "--python", str(interpreter)]
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    installed = uv(
        *install, "--only-binary", ":all:", "--resolution", resolution, "-r", "pyproject.toml", *extras
    )
    assert installed.returncode == 0, installed.stderr
    built = uv(*install, "--no-deps", str(source))
    assert built.returncode == 0, built.stderr
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = [str(interpreter), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(run, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{installed.stderr}\n{done.stdout[-10_000:]}"


@pytest.mark.parametrize(
    ("platform", "python"),
    [(platform, python) for platform, pythons in PLATFORMS.items() for python in pythons],
)
def test_every_core_dependency_has_a_wheel(platform: str, python: str) -> None:
    target = ["--python-platform", platform, "--python-version", python]
    resolved = uv("pip", "compile", "--quiet", "--only-binary", ":all:", *target, "pyproject.toml")
    assert resolved.returncode == 0, resolved.stderr
    assert "onnxruntime==" in resolved.stdout
