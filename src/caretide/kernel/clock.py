"""Where the present comes from: handed down, never reached for, so that tests and the demo can play a month."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime in UTC."""


def system_clock() -> datetime:
    """Return the present by the machine's clock."""
    return datetime.now(UTC)
