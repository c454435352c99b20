"""Waivers of separated duties: what two people do otherwise, and one may do alone until a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal
from uuid import UUID

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import GRANTS, Permission, Role

DUTIES: Final = {"approve_own_time": "Approve time that is their own, or that they entered"}
"""A pair of duties that one person may hold -> how it reads. Each is held apart by the database."""

NEEDS: Final = {"approve_own_time": Permission.TIME_APPROVE}
"""What a member can do at all who is to do it alone."""

State = Literal["stands", "expired", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRow:
    """A waiver: for whom, by whom, why, and its last day by UTC's calendar; `ended_at` where it was ended before."""

    id: UUID
    duty: str
    member_id: UUID
    member: str
    reason: str
    granted_by: str
    granted_at: datetime
    ends_on: date
    ended_by: str | None
    ended_at: datetime | None

    def state(self, now: datetime) -> State:
        """Return whether it stands."""
        if self.ended_at is not None:
            return "ended"
        return "stands" if self.granted_at <= now and self.ends_on >= now.astimezone(UTC).date() else "expired"


def fits(duty: str, role: str) -> bool:
    """Return whether a member of a role could do what a waiver is about."""
    return NEEDS[duty] in GRANTS[Role(role)]


def check_last_day(ends_on: date, today: date) -> None:
    """Raise Invalid for a last day that is over, or further off than a year."""
    if ends_on < today:
        raise Invalid("This day is over", field="ends_on")
    try:
        latest = today.replace(year=today.year + 1)
    except ValueError:  # 29 February
        latest = date(today.year + 1, 2, 28)
    if ends_on > latest:
        raise Invalid("A waiver lasts for a year at most; it can be recorded anew", field="ends_on")
