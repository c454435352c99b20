"""When a cover or a duty holds, and what may be recorded of either."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.permissions import Role

DESIGNABLE: Final = frozenset({Role.COORDINATOR, Role.MANAGER, Role.PRACTITIONER})
"""Roles of people who look after patients."""

MOST_DAYS: Final = 366
"""A cover ends within a year: a roster that goes for good is designated anew."""

WEEKDAYS: Final = {1: "Mon", 2: "Tue", 3: "Wed", 4: "Thu", 5: "Fri", 6: "Sat", 7: "Sun"}
"""ISO's number of a day of the week -> how it reads."""

DAY_MINUTES: Final = 24 * 60
_TIME: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(:00)?")

State = Literal["to come", "running", "over"]


@dataclass(frozen=True, slots=True)
class CoverRow:
    """A cover: who works whose roster, by id and name, on which days of which clinic's calendar."""

    id: UUID
    absent_id: UUID
    absent: str
    cover_id: UUID
    cover: str
    first_on: date
    last_on: date
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    clinic: str

    @property
    def until(self) -> datetime:
        """The moment at which the roster is its owner's alone again."""
        return self.ended_at or self.ends_at

    def state(self, now: datetime) -> State:
        """Return whether it holds, will, or did."""
        if self.until <= now:
            return "over"
        return "running" if self.starts_at <= now else "to come"


@dataclass(frozen=True, slots=True)
class DutyRow:
    """When a member is on duty for a clinic's calls, by ids and names; days and minutes are the clinic's."""

    id: UUID
    clinic_id: UUID
    clinic: str
    member_id: UUID
    name: str
    first_on: date
    last_on: date | None
    weekdays: Sequence[int]
    from_minute: int
    until_minute: int

    def holds(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Return whether the member is on duty at a moment; the database judges by the same rule (`ctx.holds`)."""
        here = moment.astimezone(zone)
        in_days = self.first_on <= here.date() and (self.last_on is None or here.date() <= self.last_on)
        on_day = not self.weekdays or here.isoweekday() in self.weekdays
        return in_days and on_day and self.from_minute <= here.hour * 60 + here.minute < self.until_minute

    @property
    def days(self) -> str:
        """The days of the week in words."""
        return days_in_words(self.weekdays)

    @property
    def hours(self) -> str:
        """The hours in words."""
        if (self.from_minute, self.until_minute) == (0, DAY_MINUTES):
            return "all day"
        return f"{clock_of(self.from_minute)}\N{EN DASH}{clock_of(self.until_minute)}"


def days_in_words(weekdays: Sequence[int]) -> str:
    """Return `every day`, `Mon` to `Fri` with a dash, or the days one by one."""
    if not weekdays or len(weekdays) == len(WEEKDAYS):
        return "every day"
    ordered = sorted(weekdays)
    names = [WEEKDAYS[one] for one in ordered]
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{names[0]}\N{EN DASH}{names[-1]}"
    return ", ".join(names)


def clock_of(minute: int) -> str:
    """Return a minute of the day as `8:05 AM`; the day's end is midnight."""
    if minute == DAY_MINUTES:
        return "midnight"
    hour, rest = divmod(minute, 60)
    return f"{hour % 12 or 12}:{rest:02d} {'AM' if hour < 12 else 'PM'}"


def minute_of(clock: str, field: str) -> int:
    """Return the minute of the day that `08:05` is, `24:00` the last; raise Invalid for anything else."""
    found = _TIME.fullmatch(clock.strip())
    minute = int(found[1]) * 60 + int(found[2]) if found else DAY_MINUTES + 1
    if minute > DAY_MINUTES:
        raise Invalid("Give a time of the day such as 08:00", field=field)
    return minute


def cover_span(first_on: date, last_on: date, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moments between which a cover holds: from the first day's midnight, or now, to the last one's end.

    Raises Invalid for days that are over, turned around or too many.
    """
    if first_on < now.astimezone(zone).date():
        raise Invalid("A cover begins today at the earliest", field="first_on")
    if last_on < first_on:
        raise Invalid("The last day is not before the first", field="last_on")
    if (last_on - first_on).days >= MOST_DAYS:
        raise Invalid("A cover is for a year at most; designate the patients anew instead", field="last_on")
    begins, ends = _midnight(first_on, zone), _midnight(last_on + timedelta(days=1), zone)
    return max(begins, now), ends


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def check_cover(known: Iterable[CoverRow], absent_id: UUID, cover_id: UUID, span: tuple[datetime, datetime]) -> None:
    """Raise unless nobody else works the roster meanwhile, and whoever is to work it is there."""
    if absent_id == cover_id:
        raise Invalid("Nobody covers themselves; choose somebody else", field="cover_id")
    for one in known:
        if one.starts_at >= span[1] or one.until <= span[0]:
            continue
        if one.absent_id == absent_id:
            raise Conflict(f"{one.cover} covers this roster from {_days(one)}; end that cover first")
        if one.absent_id == cover_id:
            raise Invalid(
                f"{one.absent} is away from {_days(one)}; choose somebody who is there",
                field="cover_id",
            )
        if one.cover_id == absent_id:
            raise Conflict(f"{one.cover} covers the roster of {one.absent} from {_days(one)}; end that cover first")


def _days(one: CoverRow) -> str:
    return " to ".join(f"{day:%b} {day.day}, {day.year}" for day in (one.first_on, one.last_on))


def check_duty(
    first_on: date, last_on: date | None, weekdays: Sequence[int], minutes: tuple[int, int], today: date
) -> None:
    """Raise Invalid naming the field for a duty that cannot be kept."""
    if first_on < today:
        raise Invalid("A duty begins today at the earliest", field="first_on")
    if last_on is not None and last_on < first_on:
        raise Invalid("The last day is not before the first", field="last_on")
    if (first_on - today).days > MOST_DAYS or (last_on is not None and (last_on - first_on).days > 10 * MOST_DAYS):
        raise Invalid("This day is too far away", field="first_on")
    if not set(weekdays) <= set(WEEKDAYS):
        raise Invalid("Choose from the days of the week", field="weekdays")
    if minutes[1] <= minutes[0]:
        raise Invalid("A duty ends after it begins; one through the night is two", field="until")
