"""When a month may be closed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Conflict
from caretide.kernel.month import Month


def require_over(month: Month, zone: ZoneInfo, now: datetime, clinic: str) -> None:
    """Refuse to close a month that still runs somewhere: minutes may yet be earned."""
    _, end = month.bounds(zone)
    if now < end:
        raise Conflict(f"{month.title} is not over yet at {clinic}; it can be closed from {end:%B} {end.day} on")
