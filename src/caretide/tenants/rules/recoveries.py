"""A new way in for somebody who lost theirs: how long it waits, how it stands, and its code.

NIST SP 800-63B-4, section 4.2: recovery does not bypass the second factor. Two things that travel apart open it: the
link, which goes by mail, and the code, which is told to its person by whoever made sure of them.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

LASTS: Final = timedelta(hours=24)
"""How long a request waits for its second administrator, and its link for its person."""

MOST_TRIES: Final = 5
"""Wrong codes after which a link is void. The code has 59 bits: this is for whoever guesses by hand."""

_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for another when read out."""

State = Literal["waits", "confirmed", "alone", "declined", "expired", "operator"]

STATES: Final[dict[State, str]] = {
    "waits": "Waits for a second administrator",
    "confirmed": "Confirmed",
    "alone": "By one administrator alone",
    "declined": "Declined",
    "expired": "Expired",
    "operator": "Given by whoever runs this installation",
}
"""How a request stands -> how it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRow:
    """A request for a new way in: for whom, why, by whom, and what became of it.

    Whoever runs the installation has no id here.
    """

    id: UUID
    member_id: UUID
    member: str
    reason: str
    asked_by_id: UUID | None
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    is_alone: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None

    def state(self, now: datetime) -> State:
        """Return how it stands."""
        if self.asked_by_id is None:
            return "operator"
        if self.is_alone:
            return "alone"
        if self.confirmed_at is not None:
            return "confirmed"
        if self.ended_at is not None:
            return "declined"
        return "waits" if now < self.expires_at else "expired"


def new_code() -> str:
    """Return a code to be read out: three groups of four."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def code_hash(recovery_id: UUID, code: str) -> bytes:
    """Return what is stored of a code, however it was typed: 59 random bits need no slow hash."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(recovery_id.bytes + plain.encode()).digest()
