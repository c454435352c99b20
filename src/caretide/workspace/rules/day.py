"""How much of the month is left to work in."""

from datetime import date

from caretide.kernel.calendar import working_days
from caretide.kernel.month import Month


def working_days_left(today: date) -> int:
    """Return how many working days are left of the month, today included."""
    return working_days(today, Month.of(today).last)
