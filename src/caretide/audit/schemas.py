"""Shapes of the audit, for pages and API."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from caretide.ui.forms import Option
from caretide.ui.tables import Listing


class Asked(BaseModel):
    """What a list of events is narrowed to; empty means all. `since` and `until` are days (UTC), both included.

    `sort` is a field with a minus for downward, `after` the last event of the page before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = None
    until: date | None = None
    member: UUID | None = None
    actor: str = ""
    role: str = ""
    account: UUID | None = None
    session: str = ""
    request: UUID | None = None
    ip: str = ""
    agent: str = ""
    route: str = ""
    verb: str = ""
    act: str = ""
    data: str = ""
    outcome: str = ""
    purpose: str = ""
    glass: UUID | None = None
    patient: UUID | None = None
    patients: int | None = None
    rows: int | None = None
    sort: str = ""
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOut:
    """One event. `who` is the member's name, or what acted where it was no member."""

    id: UUID
    at: datetime
    app_at: datetime
    who: str
    actor: str
    account_id: UUID | None
    member_id: UUID | None
    roles: list[str]
    session: str | None
    request_id: UUID | None
    ip: str | None
    agent: str | None
    route: str
    verb: str
    label: str
    act: str
    data: list[str]
    outcome: str
    purpose: str | None
    glass_id: UUID | None
    rows: int | None
    patients: int
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPage:
    """One page of the list; `narrowed` are the filters that no select shows, each with the address without it."""

    listing: Listing
    events: tuple[EventOut, ...]
    asked: Asked
    since: date
    more: str
    first: str
    sheet: str
    narrowed: tuple[tuple[str, str, str], ...]
    sorts: tuple[Option, ...]
    patient_name: str = ""
    patient_id: UUID | None = None
    viewers: tuple["Viewer", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody who saw a chart, or whatever acted: how often, when, and which classes of data."""

    who: str
    member_id: UUID | None
    roles: str
    events: int
    first: datetime
    last: datetime
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatientName:
    """A patient whom an event names; without a name where the reader may not see patients."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One event in full, with its bytes and whether they hold."""

    event: EventOut
    named: tuple[PatientName, ...]
    canonical: str
    leaf: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOut:
    """A patient whose data somebody received: in how many events, when, and how often each class of data."""

    patient_id: UUID
    events: int
    first: str
    last: str
    data: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check of the trail found: how many events hold, and the first that does not."""

    events: int
    fault: str = ""
    event_id: UUID | None = None
    at: datetime | None = None
