"""Dates, times and durations as an American auditor reads them, whatever the locale of the process."""

from datetime import date, datetime
from typing import Final

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(value: date) -> str:
    """Return `Oct 5, 2026`; not by strftime, which follows the locale."""
    return f"{_MONTHS[value.month - 1][:3]} {value.day}, {value.year}"


def moment(value: datetime) -> str:
    """Return `Oct 5, 2026, 14:03` in the value's own zone."""
    return f"{day(value)}, {value:%H:%M}"


def month(value: str) -> str:
    """Return `October 2026` for `2026-10`."""
    year, number = value.split("-")
    return f"{_MONTHS[int(number) - 1]} {year}"


def duration(seconds: int) -> str:
    """Return whole seconds as `h:mm:ss`; nothing is ever rounded."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"


def plural(count: int, one: str, many: str) -> str:
    """Return `1 entry`, `2 entries`."""
    return f"{count} {one if count == 1 else many}"
