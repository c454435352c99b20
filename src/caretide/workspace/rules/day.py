"""How much of the month is left to work in."""

from datetime import date, timedelta

from caretide.kernel.month import Month


def working_days_left(today: date) -> int:
    """Return how many of Monday to Friday are left of the month, today included. Holidays are not known here."""
    days = (Month.of(today).last - today).days + 1
    return sum((today + timedelta(days=ahead)).weekday() < 5 for ahead in range(days))
