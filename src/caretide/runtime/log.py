"""The log: one JSON object a line, by an allow-list of fields, and never a message that may quote data.

An exception is logged as its kind and the places it passed through. Its text stays out: PostgreSQL's quotes the row.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

OURS: Final = frozenset({"caretide"})
"""Loggers whose messages are written as they stand: their words are ours and carry ids alone."""


class Line(logging.Formatter):
    """Formats a record as JSON: time, level, logger, message template, and of an exception kind and places."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        known = record.name.split(".")[0] in OURS
        # The template without its arguments, for libraries: what they fill in is not ours to vouch for.
        told = record.getMessage() if known else str(record.msg).splitlines()[0][:200]
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": told,
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
            line["places"] = places(record.exc_info[2])
        return json.dumps(line)


def places(trace: TracebackType | None) -> list[str]:
    """Return where a fault passed through, innermost last, without the lines' text."""
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)][-8:]


def configure(level: int = logging.WARNING) -> None:
    """Send everything to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=level, force=True)
