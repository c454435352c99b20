"""How figures, dates and times read on screen: the same everywhere, in US habit, never rounded up."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from caretide.kernel.money import dollars

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR
KIB: Final = 1024
ISO_DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def hms(seconds: int) -> str:
    """Return whole seconds as `0:13:42`."""
    return f"{seconds // HOUR}:{seconds % HOUR // MINUTE:02d}:{seconds % MINUTE:02d}"


def spent(seconds: int) -> str:
    """Return a sum of time as `1,681 h 41 min`, and what is less than an hour as `20 min 34 s`; cut, never rounded."""
    if seconds < HOUR:
        return f"{seconds // MINUTE} min {seconds % MINUTE:02d} s" if seconds else "0 min"
    return f"{seconds // HOUR:,} h {seconds % HOUR // MINUTE:02d} min"


def lasting(seconds: int) -> str:
    """Return how long a timer has run: its clock's figures, and from a day on as a sum of time."""
    return spent(seconds) if seconds >= DAY else hms(seconds)


def minutes(seconds: int) -> str:
    """Return whole seconds as `13:42`; minutes go on past sixty, as thresholds are told in minutes."""
    return f"{seconds // MINUTE}:{seconds % MINUTE:02d}"


def clock(seconds: int) -> str:
    """Return a running clock's figures: `12:34`, and `1:02:03` from an hour on."""
    return hms(seconds) if seconds >= HOUR else f"{seconds // MINUTE:02d}:{seconds % MINUTE:02d}"


def duration(seconds: int) -> str:
    """Return seconds as an ISO 8601 duration for the `datetime` attribute of `<time>`."""
    return f"PT{seconds}S"


def date_us(day: date) -> str:
    """Return `03/17/1948`."""
    return f"{day:%m/%d/%Y}"


def day_short(day: date) -> str:
    """Return `Nov 8`, for days of the month at hand."""
    return f"{day:%b} {day.day}"


def day_long(day: date) -> str:
    """Return `Nov 8, 2026`."""
    return f"{day:%b} {day.day}, {day.year}"


def dated(text: str) -> str:
    """Return a sentence with its `2026-11-08` written as `Nov 8, 2026`: the rules speak ISO 8601 and freeze it so."""
    return ISO_DATE.sub(_day_in_words, text)


def _day_in_words(found: re.Match[str]) -> str:
    try:
        return day_long(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def time_of_day(moment: datetime, zone: ZoneInfo) -> str:
    """Return an instant as `2:05 PM` in a clinic's time zone."""
    local = moment.astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M %p}"


def zone_name(zone: ZoneInfo, day: date) -> str:
    """Return what a clinic's time is called on a day: `MDT`."""
    return f"{datetime.combine(day, time(12), zone):%Z}"


def time_span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Return two instants as `10:29 - 10:38 AM` (with an en dash) in a clinic's time zone.

    One that ends on another day says which: `4:52 PM - Nov 21, 8:47 AM`. An end at midnight still belongs to its day.
    """
    first, last = time_of_day(start, zone), time_of_day(end, zone)
    until = local_day(end - timedelta(seconds=1), zone)
    if until > local_day(start, zone):
        return f"{first}\N{EN DASH}{day_short(local_day(end, zone))}, {last}"
    return f"{first[:-3] if first[-2:] == last[-2:] else first}\N{EN DASH}{last}"


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant as `Nov 8, 2026, 2:05 PM` in a clinic's time zone."""
    return f"{day_long(instant.astimezone(zone).date())}, {time_of_day(instant, zone)}"


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day that an instant lies in, in a clinic's time zone."""
    return instant.astimezone(zone).date()


def local_clock(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant as `14:05:07` in a clinic's time zone: what an input of a time takes."""
    return f"{instant.astimezone(zone):%H:%M:%S}"


def age(birth: date, on: date) -> int:
    """Return completed years of life on a day."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def initials(name: str) -> str:
    """Return one or two letters for a person's mark; titles after a comma are left out."""
    words = name.split(",", maxsplit=1)[0].replace(".", " ").split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return `1 patient`, `1,204 patients`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def file_size(octets: int) -> str:
    """Return bytes as `87 kB` or `1.2 MB`."""
    kib = octets / KIB
    return f"{kib / KIB:.1f} MB" if kib >= KIB else f"{max(1, round(kib))} kB"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "age": age,
    "clock": clock,
    "date_us": date_us,
    "dated": dated,
    "day_long": day_long,
    "day_short": day_short,
    "dollars": dollars,
    "duration": duration,
    "file_size": file_size,
    "hms": hms,
    "lasting": lasting,
    "local_clock": local_clock,
    "initials": initials,
    "local_day": local_day,
    "minutes": minutes,
    "moment": moment,
    "plural": plural,
    "spent": spent,
    "time_of_day": time_of_day,
    "zone_name": zone_name,
    "time_span": time_span,
}
"""Name in a template -> function."""
