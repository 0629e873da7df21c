"""A run folder: config, data hashes, versions, metrics and checkpoints of one training."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import datasets
import msgspec
import torch
import transformers

from quoth.errors import ConfigError


class Run:
    """A folder that outlives an interrupted training, so that a second start goes on with it."""

    def __init__(self, folder: Path, config: Any, data: dict[str, str]) -> None:
        """Open or begin a run; raises ConfigError when the folder belongs to other settings or data."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        identity = {"config": msgspec.to_builtins(config), "data": data}
        record = folder / "run.json"
        if record.exists():
            before = json.loads(record.read_text("utf-8"))
            if {key: before[key] for key in identity} != identity:
                raise ConfigError(f"{folder}: holds a run of another config or other data; name a new folder")
        else:
            versions = {m.__name__: m.__version__ for m in (torch, transformers, datasets)}
            versions["python"] = platform.python_version()
            record.write_text(json.dumps({**identity, "versions": versions}, indent=1), "utf-8")

    def log(self, **values: Any) -> None:
        """Append one line to metrics.jsonl."""
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time()), **values}) + "\n")

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint aside and rename it, so that a kill leaves the last whole one."""
        aside = self.folder / f"{name}.pt.part"
        torch.save(state, aside)
        os.replace(aside, self.folder / f"{name}.pt")

    def load(self, name: str) -> dict[str, Any] | None:
        """The last checkpoint of that name, if there is one."""
        path = self.folder / f"{name}.pt"
        state: dict[str, Any] | None = torch.load(path, weights_only=False) if path.exists() else None
        return state
