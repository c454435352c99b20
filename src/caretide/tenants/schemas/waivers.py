"""Waivers of separated duties, as their page shows them and as forms and programs send them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from caretide.ui.forms import Option

State = Literal["stands", "expired", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverLine:
    """A waiver: who may do what alone, why, by whose leave, and until when."""

    id: UUID
    member: str
    duty: str
    reason: str
    state: State
    granted_by: str
    granted_at: datetime
    ends_on: date
    ended_by: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiversPage:
    """Every waiver, and what the form to record one offers."""

    lines: tuple[WaiverLine, ...]
    duties: tuple[Option, ...]
    people: tuple[Option, ...]


class WaiverForm(BaseModel):
    """A waiver of separated duties."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID
    duty: str
    ends_on: date
    reason: str


class WaiverOut(BaseModel):
    """A waiver of separated duties. `ends_on` is its last day by UTC's calendar; `state` says whether it stands."""

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
    state: State
