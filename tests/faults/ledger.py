"""Append-only files of what the world outside the product saw, one JSON object a line."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class Ledger:
    """Written by one process, perhaps by several of its threads; read after the run."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, **fact: Any) -> None:
        line = json.dumps({"t": time.time(), **fact})
        with self._lock:
            self._file.write(line + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
