"""The tenant's people, and what the forms about them send."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, field_validator

from caretide.kernel.errors import Invalid
from caretide.tenants.rules.recoveries import RecoveryRow
from caretide.tenants.schemas.recoveries import NewWayIn, RecoveryLine
from caretide.ui.forms import Option
from caretide.ui.shell import Tone
from caretide.ui.tables import Listing

LICENSE_ROWS = 6
"""How many licenses the form has room for; a program may send more."""

LICENSE_FIELDS = ("kind", "state", "number", "expires_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseLine:
    """A license as it reads, with what is left of it."""

    text: str
    ends: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """Somebody in the list. `note` says more about the status; `seen` is how long ago they were here."""

    member_id: UUID
    name: str
    email: str
    role: str
    credential: str
    languages: str
    licenses: tuple[LicenseLine, ...]
    hours: float | None
    status: str
    status_tone: Tone
    note: str
    seen: str
    is_here: bool
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteLink:
    """The one-time link of an invitation: shown once, never again."""

    name: str
    url: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonForm:
    """What the form about a person offers, and what stands in it before anybody types."""

    roles: tuple[Option, ...]
    staff_roles: tuple[Option, ...]
    practitioners: tuple[Option, ...]
    languages: tuple[Option, ...]
    license_kinds: tuple[Option, ...]
    states: tuple[Option, ...]
    values: dict[str, str] = field(default_factory=dict[str, str])
    spoken: tuple[str, ...] = ()
    license_rows: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """The list of people. `invited` is the link that was made just now; `waiting` are new ways in to be confirmed."""

    listing: Listing
    people: tuple[PersonLine, ...]
    form: PersonForm
    invited: InviteLink | None = None
    waiting: tuple[RecoveryRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPage:
    """One person. `why_not` says why their access cannot be ended by whoever looks; empty where it can."""

    member_id: UUID
    person: PersonLine
    form: PersonForm
    state: str
    joined: str
    sessions: int
    is_timing: bool
    panel: int
    why_not: str
    invited: InviteLink | None = None
    tokens: int = 0
    endings: tuple["EndingOut", ...] = ()
    recoveries: tuple[RecoveryLine, ...] = ()
    new_way_in: NewWayIn | None = None


class MemberForm(BaseModel):
    """A person as their form sends them; the rows of licenses come as `license_1_kind` and so on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    role: str = ""
    credential: str = ""
    staff_role: str | None = None
    practitioner_id: UUID | None = None
    languages: tuple[str, ...] = ()
    weekly_hours: float | None = None
    licenses: tuple[dict[str, Any], ...] = ()

    @field_validator("languages", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        """One ticked box is sent as a text, several as a row of them."""
        return (value,) if isinstance(value, str) else value


class InviteForm(MemberForm):
    """Somebody to invite."""

    email: str = ""


def gathered(values: dict[str, str | tuple[str, ...]]) -> dict[str, Any]:
    """Return a form's fields with its rows of licenses gathered; a row that was left empty is none.

    Raises Invalid for a row that was half filled in.
    """
    rows: list[dict[str, Any]] = []
    rest: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith("license_")}
    for number in range(1, LICENSE_ROWS + 1):
        row = {name: str(values.get(f"license_{number}_{name}", "")).strip() for name in LICENSE_FIELDS}
        if any(row[name] for name in LICENSE_FIELDS[1:]) or row["kind"]:
            rows.append({**row, "expires_on": _day(row["expires_on"])})
    return {**rest, "licenses": tuple(rows)}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Say on what day the license runs out", field="licenses") from None


class RoleBody(BaseModel):
    """Another role; who becomes a billing practitioner says which one they are."""

    model_config = ConfigDict(extra="forbid")

    role: str
    practitioner_id: UUID | None = None


class UserOut(BaseModel):
    """One of the tenant's people; `sessions` are those alive now, `invited_until` is when their link ends."""

    id: UUID
    name: str
    email: str
    role: str
    credential: str
    status: str
    sessions: int
    last_seen_at: datetime | None
    invited_until: datetime | None
    suspended_at: datetime | None


class UsersOut(BaseModel):
    """A page of the tenant's people."""

    users: list[UserOut]
    total: int
    page: int
    pages: int


class EndingOut(BaseModel):
    """The event `workforce.access_ended`: whose access ended, when, by whom (null: the command line), and what with it.

    `timer_seconds` were recorded of a running timer up to `timer_ended_at`, its last sign of life; they await approval.
    """

    id: UUID
    member_id: UUID
    name: str
    email: str
    ended_at: datetime
    ended_by: str | None
    sessions: int
    tokens: int
    links: int
    had_timer: bool
    timer_ended_at: datetime | None
    timer_seconds: int | None
