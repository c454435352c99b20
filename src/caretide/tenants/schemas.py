"""What the clinics' pages show and their forms ask for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from caretide.ui.forms import Field, Option


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicLine:
    """One clinic in the list; `missing_facts` counts practice facts that hold its months."""

    clinic_id: UUID
    name: str
    place: str
    members: int
    patients: int
    missing_facts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicsPage:
    """The clinics of the tenant."""

    clinics: tuple[ClinicLine, ...]
    zones: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeFact:
    """A statement about the practice as it stands: `value` is empty when nobody recorded one."""

    kind: str
    title: str
    value: str = ""
    effective_on: date | None = None
    checked_on: date | None = None
    recorded_by: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionerLine:
    """A billing practitioner."""

    name: str
    credential: str
    npi: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLine:
    """A person who works here; `state` is `active` or `invited`."""

    name: str
    email: str
    role: str
    credential: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteLink:
    """The one-time link of a new invitation: shown once, never again."""

    name: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicPage:
    """One clinic."""

    clinic_id: UUID
    name: str
    address: tuple[str, ...]
    phone: str
    zone: str
    setting: str
    today: date
    facts: tuple[PracticeFact, ...]
    practitioners: tuple[PractitionerLine, ...]
    members: tuple[MemberLine, ...]
    roles: tuple[Option, ...]
    invited: InviteLink | None = None


YES_NO: Final = (Option("yes", "Yes"), Option("no", "No"))

CLINIC_FACTS: Final = {
    "round-the-clock-access": "Round-the-clock access",
    "certified-ehr": "Certified EHR in use",
}
"""Kind (last part of the form's address) -> title."""


def clinic_fact_fields(today: date) -> tuple[Field, ...]:
    """Return the fields that every practice fact asks for."""
    return (
        Field(name="value", label="Is this so?", kind="radio", options=YES_NO, required=True),
        Field(name="detail", label="How", hint="For example: nurse line, (555) 010-0142"),
        Field(name="effective_on", label="In effect since", kind="date", required=True),
        Field(name="checked_on", label="Checked on", kind="date", value=today.isoformat(), required=True),
    )
