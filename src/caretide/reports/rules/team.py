"""What a manager's figures mean: the bands of a month, its pace, and the hours that are left in it. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from caretide.billing.rules.words import title
from caretide.kernel.calendar import working_days
from caretide.kernel.month import Month

FIRST_THRESHOLD: Final = 20 * 60
"""Seconds that care management asks for first (99490); the pace of a month is measured by it."""

HELD: Final = (0, 1)
UNDER: Final = 2
"""Bands of `billing.models.MonthStanding`: what a fact stops, and what only time is missing from."""

SERIES: Final = ("Held by a fact", "Under threshold", "At threshold", "Complete")
TONES: Final = ("bad", "warn", "2", "3")
"""A panel's month as a stacked bar: names and colors of its parts."""

WORKING_DAYS: Final = 5
"""Days that a member's weekly hours spread over."""

LONG: Final = 2 * 60 * 60
"""Seconds after which a running timer looks forgotten: four times the longest visit that programs pay for."""

Show = Literal["enrolled", "reached", "on-track", "at-risk", "held", "fact", "out-of-reach"]

LISTS: Final[dict[str, str]] = {
    "enrolled": "Enrolled",
    "reached": "At threshold",
    "on-track": "On track",
    "at-risk": "At risk",
    "held": "Held by a fact",
    "fact": "Held by one fact",
    "out-of-reach": "Out of reach",
}
"""The lists that the numbers open, by key."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A benchmark: from `good` percent on all is well, below `poor` something is wrong; `source` says who found it."""

    good: int
    poor: int
    source: str


SERVED: Final = Goal(80, 60, "share of enrolled reaching 20 minutes: 90% is the target of good programs (AAACN)")
"""The share of those enrolled who reach the first threshold in a month."""


def pace(today: date) -> int:
    """Return the seconds that may be missing today: who lacks more will not reach twenty minutes at an even pace."""
    month = Month.of(today)
    whole = working_days(month.first, month.last)
    return FIRST_THRESHOLD * working_days(today, month.last) // whole


def available_seconds(weekly_hours: float, days: int, away: float = 0) -> int:
    """Return the seconds that people with these hours a week, all together, have in some working days.

    `away` is what is missing of it, in a week's hours times days: 40 hours a week for two days make 80.
    """
    return round((weekly_hours * days - away) * 3600 / WORKING_DAYS)


def hours(seconds: int) -> str:
    """Return seconds as hours with one digit, `1,204.5 h`, rounded up: what is needed is never told short."""
    tenths = -(-seconds // 360)
    return f"{tenths // 10:,}.{tenths % 10} h"


def share(part: int, whole: int) -> str:
    """Return `16 of 20 (80%)`, or a dash where there is nothing to divide; percent are rounded down."""
    return f"{part:,} of {whole:,} ({part * 100 // whole}%)" if whole else "–"


def parts(bands: dict[int, int]) -> tuple[int, int, int, int]:
    """Return the values of `SERIES` from patients counted by band."""
    return sum(bands.get(band, 0) for band in HELD), bands.get(UNDER, 0), bands.get(3, 0), bands.get(4, 0)


def fact_title(code: str | None) -> str:
    """Return what blocks a month, in words."""
    return title(code) if code else "Something else"
