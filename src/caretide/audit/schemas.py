"""Shapes of the audit, for pages and API."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Bound

from caretide.ui.forms import Field, Option
from caretide.ui.tables import Listing

Day = Annotated[date, Bound(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
Fewest = Annotated[int, Bound(ge=0, le=1_000_000_000)]
Word = Annotated[str, Bound(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


def ended(outcome: str) -> str:
    """Return an outcome as people read it."""
    return outcome.replace("_", " ").capitalize()


class Asked(BaseModel):
    """What a list of events is narrowed to; empty means all. `since` and `until` are days (UTC), both included.

    `app_since` and `app_until` are days by the application's clock; `patients` and `rows` are the fewest. `sort`
    is a field with a minus for downward, `after` the last event of the page before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Day | None = None
    until: Day | None = None
    app_since: Day | None = None
    app_until: Day | None = None
    member: UUID | None = None
    actor: Word = ""
    role: Word = ""
    account: UUID | None = None
    session: Word = ""
    request: UUID | None = None
    ip: Word = ""
    agent: Word = ""
    route: Word = ""
    verb: Word = ""
    act: Word = ""
    data: Word = ""
    outcome: Word = ""
    purpose: Word = ""
    glass: UUID | None = None
    patient: UUID | None = None
    patients: Fewest | None = None
    rows: Fewest | None = None
    sort: Word = ""
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

    @property
    def asked(self) -> list[str]:
        """The ids that were asked for, where nothing was shown."""
        return self.details.get("asked", [])

    @property
    def ended(self) -> str:
        """The outcome as people read it."""
        return ended(self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPage:
    """One page of the list. `further` are the filters behind the usual ones, each with what it is set to.

    `narrowed` are those of them that are set, each with the address without it.
    """

    listing: Listing
    events: tuple[EventOut, ...]
    asked: Asked
    since: date
    more: str
    first: str
    sheet: str
    narrowed: tuple[tuple[str, str, str], ...]
    further: tuple[tuple[Field, str], ...]
    sorts: tuple[Option, ...]
    patient_name: str = ""
    patient_id: UUID | None = None
    viewers: tuple["Viewer", ...] = ()
    tries: tuple["Tried", ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Somebody who asked for a chart, or for what hangs on it, and was shown nothing: how often, when, by which way."""

    who: str
    member_id: UUID | None
    roles: str
    outcome: str
    events: int
    first: datetime
    last: datetime
    routes: tuple[str, ...]

    @property
    def ended(self) -> str:
        """The outcome as people read it."""
        return ended(self.outcome)


@dataclass(frozen=True, slots=True)
class PatientName:
    """A patient whom an event names; without a name where the reader may not see patients."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One event in full, with its bytes and whether they hold.

    Of the ids that a refused one asked for, `tried` are patients here, `others` anything else or nobody's.
    """

    event: EventOut
    named: tuple[PatientName, ...]
    tried: tuple[PatientName, ...]
    others: tuple[str, ...]
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
