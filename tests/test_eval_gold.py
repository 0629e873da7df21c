from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from quoth.errors import InputError
from quoth.eval.gold import GoldArticle, GoldStatement, read_gold
from quoth.eval.predictions import predicted_records
from quoth.records import ModelInfo, Record, to_json

TEXT = "“We never took it,” said Café owner Ida Brandt."
ITEM = {
    "start": 0,
    "end": 19,
    "kind": "quoted",
    "stance": "denial",
    "stance2": None,
    "sentiment": "negative",
    "speaker": "Ida Brandt",
    "target": None,
}


def line(article: str = "a1", text: str = TEXT, items: list[dict[str, object]] | None = None) -> str:
    row = {
        "article": article,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "split": "dev",
        "passes": 2,
    }
    return json.dumps(row | {"statements": [ITEM] if items is None else items})


def write(folder: Path, labels: list[str], texts: dict[str, str]) -> tuple[Path, Path]:
    (folder / "articles").mkdir()
    for article, text in texts.items():
        row = json.dumps({"ID": article, "content_original": text})
        (folder / "articles" / f"{article}.json").write_text(row, "utf-8")
    (folder / "labels.jsonl").write_text("\n".join(labels) + "\n", "utf-8")
    return folder / "labels.jsonl", folder / "articles"


def test_folder_and_jsonl_give_the_same_articles(tmp_path: Path) -> None:
    labels, folder = write(tmp_path, [line(), "", line("a2", "Nothing.", [])], {"a1": TEXT, "a2": "Nothing."})
    table = tmp_path / "articles.jsonl"
    rows = [{"id": "a2", "text": "Nothing."}, {"id": "unlabelled", "text": "x"}, {"id": "a1", "text": TEXT}]
    table.write_text("\n".join(map(json.dumps, rows)), "utf-8")

    expected = GoldStatement(0, 19, "quoted", "denial", None, "negative", "Ida Brandt", None)
    assert read_gold(labels, folder) == [
        GoldArticle("a1", TEXT, "dev", [expected], passes=2),
        GoldArticle("a2", "Nothing.", "dev", [], passes=2),
    ]
    assert read_gold(labels, table) == read_gold(labels, folder)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            [ITEM | {"stance": "praise"}],
            r"item 0: Invalid enum value 'praise'.*\$\.stance.*solidarity, other",
        ),
        (
            [ITEM, ITEM | {"start": 5, "kind": "direct"}],
            r"item 1: Invalid enum value 'direct'.*quoted, indirect",
        ),
        ([ITEM | {"sentiment": "bad"}], r"item 0: .*\$\.sentiment.*negative, neutral, positive"),
        ([{k: v for k, v in ITEM.items() if k != "speaker"}], r"item 0: .*missing required field `speaker`"),
        ([ITEM | {"end": len(TEXT) + 1}], r"item 0: span \(0, 48\) does not lie in a text of 47"),
        ([ITEM | {"start": -1}], r"item 0: span \(-1, 19\)"),
        ([ITEM | {"start": 19}], r"item 0: span \(19, 19\)"),
        ([ITEM, ITEM | {"stance": "other"}], r"item 1: span \(0, 19\) is labelled twice"),
    ],
)
def test_bad_item(tmp_path: Path, items: list[dict[str, object]], message: str) -> None:
    labels, folder = write(tmp_path, ["", line(items=items)], {"a1": TEXT})
    with pytest.raises(InputError, match=rf"labels\.jsonl, line 2, article a1, {message}"):
        read_gold(labels, folder)


@pytest.mark.parametrize(
    ("rows", "texts", "message"),
    [
        ([line()], {"a1": TEXT + "\n"}, "line 1, article a1: the text in .* has sha256"),
        ([line(), line("a2")], {"a1": TEXT}, "line 2, article a2: no text in"),
        ([line(), line("a2"), line()], {"a1": TEXT, "a2": TEXT}, "line 3: article a1 is on line 1 already"),
        (['{"article": "a1"}'], {"a1": TEXT}, "line 1: .*`sha256`"),
        (["{"], {"a1": TEXT}, "line 1: "),
    ],
)
def test_bad_line(tmp_path: Path, rows: list[str], texts: dict[str, str], message: str) -> None:
    labels, folder = write(tmp_path, rows, texts)
    with pytest.raises(InputError, match=rf"labels\.jsonl, {message}"):
        read_gold(labels, folder)


def test_bad_article_files(tmp_path: Path) -> None:
    labels, folder = write(tmp_path, [line()], {"a1": TEXT})
    (folder / "a1.json").write_text("{}")
    with pytest.raises(InputError, match="article a1: no text"):
        read_gold(labels, folder)
    (folder / "a1.json").write_text("[")
    with pytest.raises(InputError, match=r"line 1, article a1: .*a1\.json: "):
        read_gold(labels, folder)
    table = tmp_path / "articles.jsonl"
    table.write_text('{"id": "a1", "text": "x"}\n{"id": "a1", "text": "y"}\n')
    with pytest.raises(InputError, match=r"articles\.jsonl, line 2: article a1 is on line 1 already"):
        read_gold(labels, table)
    with pytest.raises(InputError, match=r"absent\.jsonl: No such file"):
        read_gold(labels, tmp_path / "absent.jsonl")


def test_predictions(tmp_path: Path) -> None:
    record = Record("1", "a1", {}, [], ModelInfo("m", "0", "0" * 12), [])
    path = tmp_path / "predicted.jsonl"
    path.write_bytes(to_json(record) + b"\n\n")
    assert predicted_records(path, {"a1": TEXT}) == {"a1": record}
    path.write_bytes(to_json(record) + b"\n" + to_json(record))
    with pytest.raises(InputError, match=r"predicted\.jsonl, line 2: article a1 is on line 1 already"):
        predicted_records(path, {"a1": TEXT})
    path.write_bytes(to_json(record) + b'\n{"schema": "2", "id": "a2", "statements": []}')
    with pytest.raises(
        InputError, match=r"predicted\.jsonl, line 2, article a2: not a quoth record: .*schema"
    ):
        predicted_records(path, {"a1": TEXT})
