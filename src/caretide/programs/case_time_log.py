"""The time log of the public format: seconds of people, with as much of date and clock as is known."""

import re
from datetime import UTC, date, datetime, timedelta

from caretide.programs.case_fields import day, fields, items, moment, one_of, refuse, text, whole
from caretide.programs.month_facts import Activity, Kind, Role, TimeEntry

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_LONGEST = 31 * 86_400
_OPTIONAL = ("kind", "date", "start", "end", "overlaps", "program", "used_for", "activity")


def time_entries(value: object, path: str) -> tuple[TimeEntry, ...]:
    """Return the entries of a log; raise Invalid naming the path of what does not fit."""
    return tuple(_entry(one, f"{path}[{place}]", place) for place, one in enumerate(items(value, path)))


def _entry(value: object, path: str, place: int) -> TimeEntry:
    found = fields(value, path, ("who", "role", "seconds"), _OPTIONAL)
    seconds = whole(found["seconds"], f"{path}.seconds", _LONGEST)
    on = None if found.get("date") is None else day(found["date"], f"{path}.date")
    start, end, clock = _when(found.get("start"), found.get("end"), on, path)
    _refuse_too_long(seconds, start, end, clock, path)
    return TimeEntry(
        id=str(place),
        who=text(found["who"], f"{path}.who"),
        role=one_of(found["role"], f"{path}.role", Role),
        seconds=seconds,
        kind=one_of(found.get("kind", "non_face_to_face"), f"{path}.kind", Kind),
        day=start.date() if start is not None else on,
        start=start,
        end=end,
        clock=clock,
        overlaps=_optional_text(found.get("overlaps"), f"{path}.overlaps"),
        program=_optional_text(found.get("program"), f"{path}.program"),
        used_for=_optional_text(found.get("used_for"), f"{path}.used_for"),
        activity=None if found.get("activity") is None else one_of(found["activity"], f"{path}.activity", Activity),
    )


def _optional_text(value: object, path: str) -> str | None:
    return None if value is None else text(value, path)


def _when(
    start: object, end: object, on: date | None, path: str
) -> tuple[datetime | None, datetime | None, tuple[int, int] | None]:
    """Return start and end, or seconds since midnight where the day is not known, or nothing at all.

    The format's local times become UTC: within one clinic's month only their order and distance matter.
    """
    if start is None and end is None:
        return None, None, None
    if start is None or end is None:
        refuse(f"{path}.{'start' if start is None else 'end'}", "is missing; start and end go together")
    first, last = text(start, f"{path}.start"), text(end, f"{path}.end")
    if _CLOCK.fullmatch(first) and _CLOCK.fullmatch(last):
        since, until = _seconds(first), _seconds(last)
        if until < since:
            refuse(f"{path}.end", "must not lie before start; write YYYY-MM-DDTHH:MM where an entry crosses midnight")
        if on is None:
            return None, None, (since, until)
        midnight = datetime(on.year, on.month, on.day, tzinfo=UTC)
        return midnight + timedelta(seconds=since), midnight + timedelta(seconds=until), None
    for name, written in (("start", first), ("end", last)):
        if not _MOMENT.fullmatch(written):
            refuse(f"{path}.{name}", "must be HH:MM or YYYY-MM-DDTHH:MM, the same for start and end")
    began, ended = moment(first, f"{path}.start", UTC), moment(last, f"{path}.end", UTC)
    if ended < began:
        refuse(f"{path}.end", "must not lie before start")
    if on is not None and on != began.date():
        refuse(f"{path}.date", "does not agree with start")
    return began, ended, None


def _refuse_too_long(
    seconds: int, start: datetime | None, end: datetime | None, clock: tuple[int, int] | None, path: str
) -> None:
    """Refuse more seconds than lie between two clock readings, each of which may hide up to a minute."""
    if start is not None and end is not None:
        span = int((end - start).total_seconds())
    elif clock is not None:
        span = clock[1] - clock[0]
    else:
        return
    if seconds >= span + 60:
        refuse(f"{path}.seconds", f"{seconds} seconds do not fit between start and end")


def _seconds(clock: str) -> int:
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60
