"""What emergency access is used for, by whom, for how long, and when its review is overdue. Rules; nothing is read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.calendar import working_days
from caretide.kernel.errors import Invalid
from caretide.kernel.text import REASON_LENGTH, clean_text

CATEGORIES: Final = {
    "urgent": "Urgent clinical need",
    "call": "The patient or family is calling",
    "unreachable": "Whoever looks after them cannot be reached",
    "safety": "Danger to the patient or to others",
}
"""What emergency access is for -> how it reads."""

VERDICTS: Final = {"appropriate": "Appropriate", "not_appropriate": "Not appropriate"}
"""What a review finds -> how it reads."""

SHORTEST_REASON: Final = 10
MINUTES: Final = 60
"""How long it lasts at most; the database holds to it."""
AT_ONCE: Final = 3
"""How many patients one member may have open; the database holds to it."""
REVIEW_DAYS: Final = 2
"""Working days within which somebody else reviews a use; after them it holds up the close of a month."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Somebody who is on no roster of whoever asks: as much as tells one person from another."""

    patient_id: UUID
    given: str
    family: str
    birth_date: date
    mrn: str | None
    clinic: str
    time_zone: str
    is_visible: bool = False

    @property
    def name(self) -> str:
        """The name as it is read."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True, slots=True)
class OpenGlass:
    """A use of one's own that is open: whose record, and until when."""

    id: UUID
    patient_id: UUID
    patient: str
    until: datetime
    time_zone: str

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class GlassUse:
    """A use of emergency access with its review, if there is one; `looks` are the events recorded under it."""

    id: UUID
    patient_id: UUID
    patient: str
    clinic_id: UUID
    time_zone: str
    used_by: UUID
    name: str
    category: str
    reason: str
    opened_at: datetime
    until: datetime
    ended_at: datetime | None
    reviewed_by: str | None
    verdict: str | None
    note: str | None
    reviewed_at: datetime | None
    looks: int = 0

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def purpose(self) -> str:
        """What it was for, as it reads."""
        return CATEGORIES[self.category]

    def is_open(self, now: datetime) -> bool:
        """Return whether the record is open by it now."""
        return self.ended_at is None and self.until > now

    def is_overdue(self, now: datetime) -> bool:
        """Return whether nobody reviewed it in time, by the clinic's calendar."""
        return self.verdict is None and is_overdue(self.opened_at, now, self.zone)


def is_overdue(opened_at: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Return whether the working days within which a use is reviewed are over."""
    opened, today = opened_at.astimezone(zone).date(), now.astimezone(zone).date()
    return working_days(opened + timedelta(days=1), today) > REVIEW_DAYS


@dataclass(frozen=True, slots=True)
class DueReviews:
    """How many uses of emergency access nobody reviewed yet, and of these how many are overdue."""

    waiting: int = 0
    overdue: int = 0


def due(found: Iterable[tuple[datetime, ZoneInfo]], now: datetime) -> DueReviews:
    """Count uses that nobody reviewed, each with when it was opened and its clinic's time zone."""
    late = [is_overdue(opened_at, now, zone) for opened_at, zone in found]
    return DueReviews(len(late), sum(late))


def checked_reason(category: str, reason: str) -> str:
    """Return the reason as it is kept, or raise Invalid naming the field."""
    if category not in CATEGORIES:
        raise Invalid("Choose what it is for", field="category")
    text = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    if len(text) < SHORTEST_REASON:
        raise Invalid(f"Say why in at least {SHORTEST_REASON} characters: somebody else will read it", field="reason")
    return text


def checked_verdict(verdict: str, note: str) -> str | None:
    """Return the note of a review as it is kept, or raise Invalid naming the field."""
    if verdict not in VERDICTS:
        raise Invalid("Choose what you found", field="verdict")
    text = clean_text(note, field="note", limit=REASON_LENGTH)
    if verdict == "not_appropriate" and not text:
        raise Invalid("Say what was not appropriate, and what follows from it", field="note")
    return text or None
