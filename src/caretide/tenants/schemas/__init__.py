"""What the clinics' pages show, what their forms ask for, and what the API takes and gives."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from caretide.kernel.errors import Invalid
from caretide.tenants.schemas.waivers import WaiverForm as WaiverForm
from caretide.tenants.schemas.waivers import WaiverLine as WaiverLine
from caretide.tenants.schemas.waivers import WaiverOut as WaiverOut
from caretide.tenants.schemas.waivers import WaiversPage as WaiversPage
from caretide.ui.forms import Field, Option


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicLine:
    """One clinic in the list; `missing_facts` counts practice facts that hold its months."""

    clinic_id: UUID
    name: str
    place: str
    missing_facts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicsPage:
    """The clinics of the tenant."""

    clinics: tuple[ClinicLine, ...]
    zones: tuple[Option, ...]
    settings: tuple[Option, ...]


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
    """A billing practitioner. `credential` is the kind in words; `member` signs in for them, empty if nobody does."""

    name: str
    credential: str
    npi: str
    group: str
    member_id: UUID | None = None
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionersPage:
    """Those under whose names months may be billed, and what the form to add one offers."""

    practitioners: tuple[PractitionerLine, ...]
    kinds: tuple[Option, ...]
    groups: tuple[Option, ...]


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
    zones: tuple[Option, ...] = ()
    time_zone: str = ""
    full_address: str = ""
    group: str = ""
    invited: InviteLink | None = None


YES_NO: Final = (Option("yes", "Yes"), Option("no", "No"))

FACT_HINTS: Final = {
    "round-the-clock-access": "For example: nurse line, (555) 010-0142",
    "certified-ehr": "For example: its name and version",
}
CLINIC_FACTS: Final = {
    "round-the-clock-access": "Round-the-clock access",
    "certified-ehr": "Certified EHR in use",
}
"""Kind (last part of the form's address) -> title."""


def clinic_fact_fields(kind: str, today: date) -> tuple[Field, ...]:
    """Return the fields that a practice fact asks for."""
    return (
        Field(name="value", label="Is this so?", kind="radio", options=YES_NO, required=True),
        Field(name="detail", label="How", hint=FACT_HINTS[kind]),
        Field(name="effective_on", label="In effect since", kind="date", required=True),
        Field(name="checked_on", label="Checked on", kind="date", value=today.isoformat(), required=True),
    )


class Body(BaseModel):
    """What comes in: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClinicBody(Body):
    """A new clinic. `tin_group` is the billing group's name or tax id (TIN)."""

    name: str
    time_zone: str
    tin_group: str
    slug: str | None = None
    address: str = ""
    phone: str = ""
    provider_type: str = "physician_practice"
    place_of_service: str = "11"


class ClinicForm(ClinicBody):
    """A new clinic as its form sends it: the address in parts."""

    city: str = ""
    region: str = ""
    postal_code: str = ""

    def clinic(self) -> dict[str, Any]:
        """Return the clinic with its address on one line, parts apart by commas."""
        place = (self.address, self.city, f"{self.region} {self.postal_code}".strip())
        known = self.model_dump(exclude={"city", "region", "postal_code"})
        return known | {"address": ", ".join(part for part in place if part)}


class ClinicEditForm(Body):
    """What may change about a clinic, as its page sends it."""

    name: str
    time_zone: str
    address: str = ""
    phone: str = ""


class PractitionerForm(Body):
    """A billing practitioner as their page sends them."""

    given: str
    family: str
    npi: str
    kind: str
    tin_group: str


class ClinicFactForm(Body):
    """A dated statement about a clinic: whether it is so, and how."""

    value: bool
    detail: str = ""
    effective_on: date
    checked_on: date

    def fact(self) -> dict[str, Any]:
        """Return what is recorded as the fact's value."""
        return {"value": self.value} | ({"detail": self.detail} if self.detail else {})


class ClinicFactBody(ClinicFactForm):
    """A dated statement about a clinic, with its kind: `round-the-clock-access` or `certified-ehr`."""

    kind: str


class PractitionerBody(Body):
    """A practitioner; with a billing group, one under whose name months may be billed."""

    npi: str
    family: str
    given: str
    kind: str = "physician"
    tin_group: str | None = None


class LicenseBody(Body):
    """A license: its kind (such as RN), the two letters of the state, its number, and its last day."""

    kind: str
    state: str
    number: str
    expires_on: date


class MemberBody(Body):
    """Somebody to invite. `staff_role` says as whose minutes their time counts; by default it follows the role.

    `languages` are BCP 47 tags; `weekly_hours` is the capacity that work is handed out by.
    """

    email: str
    name: str
    role: str
    credential: str = ""
    staff_role: str | None = None
    practitioner_id: UUID | None = None
    languages: tuple[str, ...] = ()
    licenses: tuple[LicenseBody, ...] = ()
    weekly_hours: float | None = None


class MemberPatch(Body):
    """What changes about a member; what is not sent stays. Licenses are sent all together."""

    name: str = ""
    role: str = ""
    credential: str = ""
    staff_role: str = ""
    practitioner_id: UUID | None = None
    languages: tuple[str, ...] = ()
    licenses: tuple[LicenseBody, ...] = ()
    weekly_hours: float | None = None


class ClinicPatch(Body):
    """What changes about a clinic; what is not sent stays. Its time zone stays once time was recorded."""

    name: str = ""
    time_zone: str = ""
    address: str = ""
    phone: str = ""


class InviteForm(Body):
    """Somebody to invite, as a clinic's page sends it. What is missing is for the action to say."""

    clinic_id: UUID
    name: str = ""
    email: str = ""
    role: str = ""
    credential: str = ""
    npi: str = ""


class TenantForm(Body):
    """Where somebody wants to work."""

    tenant_id: UUID


class AcceptBody(Body):
    """An invitation's token and the password to sign in with from now on."""

    token: str
    password: str
    code: str = ""


class AcceptForm(Body):
    """A new password, typed twice; or once, that of the account which the address has already."""

    password: str
    password_again: str = ""
    code: str = ""

    def agreed(self) -> str:
        """Return the password if both are the same; raise Invalid otherwise."""
        if self.password != self.password_again:
            raise Invalid("The two passwords differ", field="password_again")
        return self.password


class SessionBody(Body):
    """A sign-in by program. `tenant` is a slug; an account that works in one tenant need not name it.

    `code` is the second factor: what the authenticator app shows now, or a recovery code.
    """

    email: str
    password: str
    code: str
    tenant: str | None = None


class SessionOut(BaseModel):
    """A new session: the token is shown once."""

    token: str
    tenant: str


class TenantOut(BaseModel):
    """A tenant; `is_generated` says that its patients are no persons."""

    model_config = ConfigDict(from_attributes=True)

    slug: str
    name: str
    is_generated: bool


class ServedTenantOut(TenantOut):
    """A tenant with the service company whose staff work in it, if there is one."""

    company: str | None


class Me(BaseModel):
    """Who acts, as what, where, and with which permissions."""

    name: str
    role: str
    tenant: TenantOut
    permissions: list[str]


class ClinicFactOut(BaseModel):
    """A statement in effect about a clinic."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    value: dict[str, Any]
    effective_on: date
    checked_on: date


class LicenseOut(BaseModel):
    """A license of a member."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    state: str
    number: str
    expires_on: date


class MemberOut(BaseModel):
    """A person who works in the tenant; `status` is `invited`, `active` or `suspended`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    display_name: str
    email: str
    role: str
    credential: str
    staff_role: str
    status: str
    practitioner_id: UUID | None
    languages: tuple[str, ...]
    licenses: tuple[LicenseOut, ...]
    weekly_hours: float | None


class InvitedOut(BaseModel):
    """A new member and the one-time link that lets them in: shown once."""

    member_id: UUID
    link: str
    expires_at: datetime


class Created(BaseModel):
    """The id of what was recorded."""

    id: UUID
