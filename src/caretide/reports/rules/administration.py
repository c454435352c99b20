"""How a tenant's health reads."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal

Tone = Literal["good", "warn", "bad", "info", "neutral"]
StepKey = Literal["agreements", "clinic", "facts", "practitioner", "people", "settings", "patients"]

RENEW_WITHIN_DAYS: Final = 60
"""A license is told of this long before it runs out: boards take weeks to renew one."""

STALE_IMPORT_DAYS: Final = 3
"""An import older than this is told of: what the record says may have changed since."""

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK: Final = 7

VERBS: Final = {"billing.close_clinic": "Closing a month", "billing.render_month": "Monthly records"}
"""Jobs in words; another one is named as it is."""


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago something was, in its largest whole unit: `3 hours ago`."""
    seconds = int((now - then).total_seconds())
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def last_here(then: datetime, now: datetime, zone: tzinfo) -> str:
    """Return when somebody was last here: how long ago within a week, then the day, in a time zone."""
    day = then.astimezone(zone).date()
    return ago(then, now) if now - then < timedelta(days=WEEK) else f"{day:%b} {day.day}, {day.year}"


def days_left(ends: date, today: date) -> int:
    """Return the days until something runs out; fewer than none once it has."""
    return (ends - today).days


def license_tone(left: int) -> Tone:
    """Return how a license with so many days left looks."""
    return "bad" if left < 0 else "warn" if left <= RENEW_WITHIN_DAYS else "good"


def license_ends(left: int) -> str:
    """Return what is left of a license in words."""
    if left < 0:
        return "expired yesterday" if left == -1 else f"expired {-left:,} days ago"
    return "expires today" if left == 0 else "expires tomorrow" if left == 1 else f"expires in {left:,} days"


def close_words(state: str | None) -> tuple[str, Tone]:
    """Return how the close of a clinic's month stands."""
    known: dict[str | None, tuple[str, Tone]] = {"closed": ("Closed", "good"), "closing": ("Closing", "info")}
    return known.get(state, ("Open", "warn"))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


_NEWS: Final = (("created", "new"), ("updated", "changed"))


def import_words(counts: Mapping[str, Any]) -> str:
    """Return what the last import brought: of the patients whom its files named, how many are new and how many changed.

    An import of what changed since the last names a handful of a thousand, so that they are told as its own.
    """
    tally: Mapping[str, int] = counts.get("patient", {})
    # Removed are those that the source no longer names.
    named = sum(tally.values()) - tally.get("removed", 0)
    if not named:
        told = "its files named no patient"
    else:
        news = [f"{tally[key]:,} {word}" for key, word in _NEWS if tally.get(key)]
        told = f"its files named {_many(named, 'patient')}: {', '.join(news) or 'none new or changed'}"
    refused = counts.get("refused", 0)
    return f"{told}; {_many(refused, 'piece')} left out" if refused else told


STEPS: Final[tuple[tuple[StepKey, str, str, str], ...]] = (
    ("agreements", "Record the agreements", "No patient can come in before one is in force.", "/admin/agreements"),
    ("clinic", "Add a clinic", "Its time zone decides where a month begins and ends.", "/clinics"),
    ("facts", "Record what its months rest on", "Round-the-clock access, and the certified EHR.", "/clinics"),
    ("practitioner", "Name a billing practitioner", "Months are billed under their NPI.", "/practitioners"),
    ("people", "Invite people", "Somebody to call the patients, somebody to close the month.", "/admin/people"),
    ("settings", "Name a privacy contact", "Who is told when emergency access is used.", "/admin/settings"),
    ("patients", "Import patients", "FHIR files from the EHR, here or on the server.", "/admin/imports"),
)
"""The first steps of a tenant in their order: key, title, text, and where it is done."""


def is_settled(done: Collection[StepKey]) -> bool:
    """Tell whether every first step was done."""
    return all(key in done for key, *_ in STEPS)
