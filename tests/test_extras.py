from __future__ import annotations

import importlib

import pytest

from quoth.errors import MissingExtraError, QuothError
from quoth.extras import needs


@pytest.mark.parametrize(
    "module", ["not_installed_anywhere", "not_installed_anywhere.part", "json.not_a_part", "quothing_not"]
)
def test_a_missing_package_is_named_with_its_extra(module: str) -> None:
    with pytest.raises(MissingExtraError) as caught, needs("Reading Parquet", "parquet"):
        importlib.import_module(module)
    assert str(caught.value) == "Reading Parquet needs the extra 'parquet': pip install 'quoth[parquet]'"
    assert caught.value.extra == "parquet"
    assert isinstance(caught.value, QuothError)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_missing_module_of_quoth_itself_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="quoth.not_a_module"), needs("Training", "train"):
        importlib.import_module("quoth.not_a_module")


def test_nothing_happens_where_the_package_is_there() -> None:
    with needs("Reading JSON", "json"):
        module = importlib.import_module("json")
    assert module.loads("1") == 1


@pytest.mark.parametrize("error", [ImportError("broken package"), ValueError("no"), KeyboardInterrupt()])
def test_other_errors_pass_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, needs("Training", "train"):
        raise error
    assert caught.value is error


def test_an_error_without_a_name_counts_as_a_missing_package() -> None:
    with pytest.raises(MissingExtraError), needs("Training", "train"):
        raise ModuleNotFoundError("no name")
