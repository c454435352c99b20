"""Strict reading of JSON values: a fault is one line that begins with the path, such as `input.month: is missing`."""

import re
from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NoReturn, cast, get_args

from caretide.kernel.errors import Invalid

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PLAIN_KEY = re.compile(r"\w{1,60}", re.ASCII)
_LONGEST_TEXT = 500
FIRST_YEAR, LAST_YEAR = 1900, 2199


def refuse(path: str, fault: str) -> NoReturn:
    """Raise Invalid for the value at a path."""
    raise Invalid(f"{path}: {fault}", field=path)


def fields(value: object, path: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """Return an object that has all required keys and no unknown one."""
    if not isinstance(value, dict):
        refuse(path, "must be an object")
    found = cast("dict[str, Any]", value)
    for key in found:
        if key not in required and key not in optional:
            shown = key if _PLAIN_KEY.fullmatch(key) else f"[{key[:60]!a}]"
            refuse(f"{path}.{shown}", "is not a known key")
    for key in required:
        if key not in found:
            refuse(f"{path}.{key}", "is missing")
    return found


def items(value: object, path: str) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        refuse(path, "must be a list")
    return cast("list[Any]", value)


def text(value: object, path: str) -> str:
    """Return a text of reasonable length."""
    if not isinstance(value, str):
        refuse(path, "must be a text")
    if len(value) > _LONGEST_TEXT:
        refuse(path, f"must be at most {_LONGEST_TEXT} characters long")
    return value


def flag(value: object, path: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        refuse(path, "must be true or false")
    return value


def whole(value: object, path: str, most: int) -> int:
    """Return a whole number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(path, "must be a whole number")
    if value < 0:
        refuse(path, "must be >= 0")
    if value > most:
        refuse(path, f"must be <= {most}")
    return value


def one_of(value: object, path: str, literal: Any) -> Any:
    """Return one of the values of a Literal type."""
    choices = get_args(literal)
    if not isinstance(value, str) or value not in choices:
        refuse(path, f"must be one of {', '.join(choices)}")
    return value


def day(value: object, path: str) -> date:
    """Return a date written YYYY-MM-DD."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        refuse(path, "must be a date written YYYY-MM-DD")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        refuse(path, f"{value} is not a day of the calendar")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        refuse(path, f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def moment(value: str, path: str, zone: Any) -> datetime:
    """Return the datetime of a text that was matched as YYYY-MM-DDTHH:MM."""
    return datetime.combine(day(value[:10], path), datetime.strptime(value[11:], "%H:%M").time(), zone)  # noqa: DTZ007 -- only its clock is taken
