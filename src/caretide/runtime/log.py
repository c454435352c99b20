"""The log: one JSON object a line, by an allow-list of fields, and never a message that may quote data.

What we say is a constant sentence with fields beside it. A field that is not on the list, or does not look as it
should, is left out, and the line says so. What a library says is kept only where it is a template, and without what it
fills in. An exception is logged as its kind and the places it passed through: PostgreSQL's text quotes the row.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, cast

import structlog

_NAME: Final = re.compile(r"[A-Za-z_][\w.]{0,99}")
_ROUTE: Final = re.compile(r"[A-Z]{3,7} /[\w./{}-]{0,199}|job [\w.]{1,99}")
_PLACE: Final = re.compile(r"[\w./@+-]{1,299}:\d{1,6}")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REASON: Final = re.compile(r"[A-Za-z][A-Za-z ,'()-]{0,99}")

FIELDS: Final[dict[str, re.Pattern[str]]] = {
    "fault": _NAME,
    "places": _PLACE,
    "route": _ROUTE,
    "kind": _NAME,
    "reason": _REASON,
    "action": _NAME,
    "tenant": _ID,
}
"""What may stand beside a sentence, and what it looks like: names of ours, templates of routes, places in the code.

`fault` is the class of an exception, `reason` the operating system's words for its error number, `action` the word by
which the queue calls what it does.
"""

_KEPT: Final = frozenset({"at", "level", "logger", "message"})
_UNSAID: Final = "(what a library said is not kept)"


def places(trace: TracebackType | None) -> list[str]:
    """Return where a fault passed through, innermost last, without the lines' text."""
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)][-8:]


def _fits(name: str, value: object) -> bool:
    many = cast("list[object]", value) if isinstance(value, list) else [value]
    return name in FIELDS and all(isinstance(one, str) and FIELDS[name].fullmatch(one) is not None for one in many)


def _allowed(_logger: object, level: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep the sentence and the fields that are on the list; name those that were left out."""
    given = dict(line)
    told: dict[str, Any] = {
        "at": given.pop("at"),
        "level": "error" if level == "exception" else level,
        "logger": "caretide",
        "message": given.pop("event"),
    }
    caught = given.pop("exc_info", None)
    error = sys.exc_info()[1] if caught is True else caught
    if isinstance(error, BaseException):
        given |= {"fault": type(error).__name__, "places": places(error.__traceback__)}
    told |= {name: value for name, value in given.items() if _fits(name, value)}
    left_out = sorted(name for name in given if name not in told and _NAME.fullmatch(name))
    return told | ({"left_out": left_out} if left_out else {})


log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger("caretide"),
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _allowed,
        structlog.processors.JSONRenderer(),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
"""Where all of us write: `log.error("a constant sentence", fault=..., route=...)`; a test reads every such call."""


class Line(logging.Formatter):
    """Formats a record as one line of JSON: ours is one already, a library's is made one from what is safe of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        if record.name == "caretide" and not record.args and _is_ours(record.msg):
            return record.msg
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # With arguments to fill in it is a template. Without, it may have been filled in before it came here.
            "message": str(record.msg).partition("\n")[0][:200] if record.args else _UNSAID,
            "places": [f"{record.pathname}:{record.lineno}"],
        }
        action = record.__dict__.get("action")
        if _fits("action", action):
            line["action"] = action
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
            line["places"] = places(record.exc_info[2])
        return json.dumps(line)


def _is_ours(message: object) -> bool:
    """Tell whether a message is a line that our own logger made."""
    if not isinstance(message, str) or "\n" in message:
        return False
    try:
        line = json.loads(message)
    except ValueError:
        return False
    return isinstance(line, dict) and set(cast("dict[str, object]", line)) <= _KEPT | {*FIELDS, "left_out"}


def configure(level: int = logging.WARNING) -> None:
    """Send everything to standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line())
    logging.basicConfig(handlers=[handler], level=level, force=True)
