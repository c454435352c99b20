"""What is asked before somebody else's timer is stopped."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class StopPage:
    """A member's running timer; times are told in `zone`, that of the clinic it runs for."""

    member_id: UUID
    person: str
    started_at: datetime
    elapsed: int
    zone: ZoneInfo
    action: str = ""
    back: str = ""
