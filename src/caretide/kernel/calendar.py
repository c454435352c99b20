"""Working days of the United States: Monday to Friday without the federal holidays, computed by rule for any year."""

from datetime import date, timedelta
from functools import cache
from typing import Final

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
WEEK: Final = 7
FIRST_OF_JUNETEENTH: Final = 2021
"""The first year with the holiday of June 19 (Pub. L. 117-17)."""


@cache
def holidays(year: int) -> frozenset[date]:
    """Return the days of a year on which federal holidays are kept (5 U.S.C. 6103).

    One that falls on a Saturday is kept on the Friday before, on a Sunday on the Monday after (Executive Order 11582):
    so December 31 can be the New Year's Day of the year that follows. Inauguration Day is Washington's alone.
    """
    fixed = [
        date(year, 1, 1),
        *([date(year, 6, 19)] if year >= FIRST_OF_JUNETEENTH else []),
        date(year, 7, 4),
        date(year, 11, 11),
        date(year, 12, 25),
        date(year + 1, 1, 1),
    ]
    moving = [
        _nth(year, 1, MONDAY, 3),
        _nth(year, 2, MONDAY, 3),
        _last_monday_of_may(year),
        _nth(year, 9, MONDAY, 1),
        _nth(year, 10, MONDAY, 2),
        _nth(year, 11, THURSDAY, 4),
    ]
    return frozenset(day for day in (*map(_kept_on, fixed), *moving) if day.year == year)


def is_working_day(day: date) -> bool:
    """Tell whether a day is one of Monday to Friday and no federal holiday is kept on it."""
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def days_of_work(first: date, last: date) -> list[date]:
    """Return the working days from one day to another, both included; none where the last comes first."""
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return [day for day in days if is_working_day(day)]


def working_days(first: date, last: date) -> int:
    """Return how many working days lie between two days, both included."""
    return len(days_of_work(first, last))


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % WEEK + WEEK * (number - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _kept_on(day: date) -> date:
    shift = {SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)
