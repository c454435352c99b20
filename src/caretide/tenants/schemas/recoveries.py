"""New ways in, as their pages show them and as programs ask for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from caretide.ui.shell import Tone

State = Literal["waits", "confirmed", "alone", "declined", "expired", "operator"]


class RecoveryForm(BaseModel):
    """A new way in to ask for: how whoever asks made sure that it is they."""

    model_config = ConfigDict(extra="forbid")

    reason: str


class RecoveryAsked(BaseModel):
    """A request for a new way in. `code` is on this answer and nowhere else; `link` where nobody had to confirm it."""

    id: UUID
    code: str
    expires_at: datetime
    link: str | None


class RecoveryOut(BaseModel):
    """A request for a new way in, and what became of it."""

    id: UUID
    member_id: UUID
    member: str
    reason: str
    state: State
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryLine:
    """A request as the person's page shows it; `is_mine`: whoever looks asked for it, and may only take it back."""

    id: UUID
    state: State
    words: str
    tone: Tone
    reason: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str
    decided_at: datetime | None
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWayIn:
    """What was made just now, shown once: the code to tell, the link to send, or one of them."""

    name: str
    expires_at: datetime
    code: str = ""
    url: str = ""
