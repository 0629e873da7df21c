from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quoth.config import load
from quoth.errors import ConfigError


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    rate: float = 0.5


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    schedule: Schedule
    files: tuple[str, ...] = ()


GOOD = '# The mill’s settings\nname = "mühle 🙂"\nfiles = ["a", "b"]\n[schedule]\nsteps = 3\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mill.toml"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_read_as_its_kind(file: Path, end: str) -> None:
    file.write_bytes(GOOD.replace("\n", end).encode())
    assert load(file, Settings) == Settings("mühle 🙂", Schedule(3), ("a", "b"))


def test_a_whole_number_will_do_for_a_fraction(file: Path) -> None:
    file.write_text("steps = 3\nrate = 1")
    assert load(file, Schedule) == Schedule(3, 1.0)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("name =", "nmae =", "nmae"),
        ("files =", "flies =", "flies"),
        ("steps = 3", "steps = 3\nstep = 4", "step"),
        ("[schedule]", "[schedules]", "schedules"),
        ("[schedule]\nsteps = 3\n", "", "schedule"),
        ("steps = 3", "rate = 0.1", "steps"),
        ('name = "mühle 🙂"\n', "", "name"),
        ('"mühle 🙂"', "7", "$.name"),
        ('"b"', "7", "$.files[1]"),
        ("steps = 3", 'steps = "3"', "$.schedule.steps"),
        ("steps = 3", "steps = 3.5", "$.schedule.steps"),
        ("steps = 3", "steps = true", "$.schedule.steps"),
        ("steps = 3", "steps = 3\nrate = []", "$.schedule.rate"),
    ],
)
def test_an_unknown_missing_or_mistyped_key_is_named_with_its_file(
    file: Path, old: str, new: str, key: str
) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, Settings)
    assert str(caught.value).startswith(f"{file}: ")
    assert f"`{key}`" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"name", b"name = ", b"a = 1\na = 2", b"\xff\xfe", b"a = '\xe9'", b"\xef\xbb\xbfsteps = 3"]
)
def test_a_file_that_is_not_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, Schedule)
    assert str(caught.value).startswith(f"{file}: not a TOML file: ")


def test_a_missing_file_and_a_folder_are_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(file, Schedule)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(file.parent, Schedule)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_content_is_a_config_error(file: Path, content: str) -> None:
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigError):
        load(file, Schedule)
