"""What operators did and when, one JSON line each in `records/` under home. No health data.

Backups, drills, and the documents that a restore to a moment left without a row that names them.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from caretide.postgres.folders import Home, explained

BACKUPS = "backups"
DRILLS = "drills"
UNNAMED = "unnamed"


def remember(home: Home, kind: str, at: datetime, **facts: Any) -> None:
    """Add a record; a line is written whole or not at all."""
    path = _path(home, kind)
    line = json.dumps({"at": at.isoformat(), **facts}, default=str) + "\n"
    with explained(home.path):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def recall(home: Home, kind: str) -> list[dict[str, Any]]:
    """Return the records of a kind, the newest last; a line that a crash cut is left out."""
    path = _path(home, kind)
    if not path.exists():
        return []
    found: list[dict[str, Any]] = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def last(home: Home, kind: str) -> tuple[datetime, dict[str, Any]] | None:
    """Return the newest record with its time."""
    found = recall(home, kind)
    return (datetime.fromisoformat(found[-1]["at"]), found[-1]) if found else None


def _path(home: Home, kind: str) -> Path:
    return home.path / "records" / f"{kind}.jsonl"
