"""The service month: the unit in which care management is judged and billed."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Invalid

_SHAPE = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
FIRST_YEAR = 2000
LAST_YEAR = 2100


def is_month(text: str) -> bool:
    """Tell whether a text is written as a month is, `YYYY-MM`, of whatever year."""
    return _SHAPE.fullmatch(text) is not None


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month, written `YYYY-MM`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM` of the years 2000 to 2100; raise Invalid otherwise."""
        match = _SHAPE.fullmatch(text)
        if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
            shown = text[:20].encode("ascii", "backslashreplace").decode()
            raise Invalid(f"'{shown}' is not a month; write it as YYYY-MM, for example 2026-10", field="month")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the month that a day lies in."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """The last day."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def next(self) -> Self:
        """Return the month after this one."""
        return type(self).of(self.last + timedelta(days=1))

    def previous(self) -> Self:
        """Return the month before this one."""
        return type(self).of(self.first - timedelta(days=1))

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the half-open interval of instants [start, end) that is this month in a time zone."""
        start = datetime(self.year, self.number, 1, tzinfo=zone)
        after = self.next()
        return start, datetime(after.year, after.number, 1, tzinfo=zone)

    @property
    def title(self) -> str:
        """The month in words: `October 2026`."""
        return f"{calendar.month_name[self.number]} {self.year}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
