from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from serving_support import client, refused

from quoth.errors import ConfigError
from quoth.serving.authentication import Keys, new_key


def test_keys_are_asked_for_and_can_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quoth.serving.authentication.LOOK", 0.0)
    path = tmp_path / "keys"
    key = new_key(path, "desk")
    assert key not in path.read_text()
    log = io.StringIO()
    with client(Keys(path), log) as served:
        assert refused(served.post("/v1/label", json={"text": "x"}), 401, "key")
        bearer = {"authorization": f"Bearer {key}"}
        assert served.post("/v1/label", json={"text": "x"}, headers=bearer).status_code == 200
        assert (
            served.post("/v1/label", json={"text": "x"}, headers={"authorization": "Bearer no"}).status_code
            == 401
        )
        assert served.get("/health/live").status_code == served.get("/").status_code == 200
        other = new_key(path, "archive")
        assert (
            served.post(
                "/v1/label", json={"text": "x"}, headers={"authorization": f"Bearer {other}"}
            ).status_code
            == 200
        )
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if not line.startswith("desk"))
        )
        time.sleep(0.01)
        assert served.post("/v1/label", json={"text": "x"}, headers=bearer).status_code == 401
    assert [json.loads(line).get("key") for line in log.getvalue().splitlines()] == [
        None,
        "desk",
        None,
        "archive",
        None,
    ]
    with pytest.raises(ConfigError, match="already"):
        new_key(path, "archive")
    path.write_text("desk 12\n")
    with pytest.raises(ConfigError, match="keys:1: expected a name"):
        Keys(path)
    path.write_text("")
    with pytest.raises(ConfigError, match="no key in it"):
        Keys(path)
