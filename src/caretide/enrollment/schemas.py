"""The shapes of dated facts, and what the API takes and gives.

`FACTS` maps a kind to its model. Facts with a `month` speak of that month alone; the others stand from `effective_on`
on.
"""

from collections.abc import Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import to_json

from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission

FIRST_MONTH: Final = Month(2015, 1)
"""Care management is paid from this month on (CMS, CY2015 PFS final rule)."""

LAST_MONTH: Final = Month(2100, 12)


def _real_month(text: str) -> str:
    try:
        month = Month.parse(text)
    except Invalid:
        raise Invalid("This is not a month; write it as YYYY-MM, for example 2026-10", field="month") from None
    if not FIRST_MONTH <= month <= LAST_MONTH:
        raise Invalid(f"Name a month from {FIRST_MONTH} to {LAST_MONTH}", field="month")
    return str(month)


MonthText = Annotated[str, AfterValidator(_real_month)]
Short = Annotated[str, Field(max_length=200)]
ProgramName = Literal["CCM", "PCM"]


class Fact(BaseModel):
    """What every fact has in common: nothing unknown is taken, nothing is bent into shape."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class InitiatingVisit(Fact):
    """The visit that starts the service; `effective_on` is its day.

    `not_required`: seen within the year before care management began (CMS, CY2017 PFS final rule).
    """

    visit: Literal["not_required", "annual_wellness", "welcome_to_medicare", "office_visit", "transition"]
    practitioner_id: UUID | None = None


class CarePlan(Fact):
    """A plan as made or revised on `effective_on`."""

    plan: Literal["comprehensive", "disease_specific"]


class CarePlanCopy(Fact):
    """A copy of the plan, given on `effective_on`."""

    how: Literal["in_person", "mail", "portal", "email"]
    to: Literal["patient", "caregiver"] = "patient"


class DecisionMaking(Fact):
    """Medical decision making within a month; `effective_on` is the day.

    `by` says whether the billing practitioner made it; `practitioner_id` names who did, and outranks `by` where given.
    `basis` lists which of CPT's three elements support the level.
    """

    month: MonthText
    level: Literal["low", "moderate", "high"]
    by: Literal["billing_practitioner", "other"] = "billing_practitioner"
    practitioner_id: UUID | None = None
    basis: list[Literal["problems", "data", "risk"]] = []


class Election(Fact):
    """The practitioner's choice of a family of codes: for one month, or without `month` from `effective_on` on.

    A choice for a month outranks a standing one.
    """

    family: Literal["auto", "staff", "practitioner", "complex", "CCM", "PCM"]
    month: MonthText | None = None
    practitioner_id: UUID | None = None


class Stay(Fact):
    """Days in a facility, both included; no `to` while it lasts. Kinds as the ruling format names them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    type: Literal["inpatient_hospital", "SNF_part_A", "NF_non_part_A"]
    from_: Annotated[date, Field(alias="from")]
    to: date | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.to is not None and self.to < self.from_:
            raise ValueError("a stay ends on or after the day it begins")
        return self


class FacilityStays(Fact):
    """Every facility stay that touches a month; empty: somebody looked, and there is none.

    Stays do not overlap, but for the day of a transfer, which belongs to both.
    """

    month: MonthText
    stays: list[Stay]

    @model_validator(mode="after")
    def _one_after_another(self) -> Self:
        month = Month.parse(self.month)
        ordered = sorted(self.stays, key=lambda stay: (stay.from_, stay.to or date.max))
        if any(stay.from_ > month.last or (stay.to or date.max) < month.first for stay in ordered):
            raise Invalid(f"Record the stays that touch {month.title}, and no others", field="stays")
        for stay, after in pairwise(ordered):
            if after == stay or stay.to is None or after.from_ < stay.to:
                raise Invalid("Stays cannot overlap; end one before the next begins", field="stays")
        return self


class OtherClaim(Fact):
    """A care-management service that somebody bills for the same patient and month.

    `practitioner` is an NPI, or `ours` for whoever bills the month here, or empty where nobody knows.
    """

    code: Annotated[str, Field(pattern=r"^([0-9]{5}|[A-Z][0-9]{4}|[0-9]{4}[A-Z])$")]
    units: Annotated[int, Field(ge=1, le=99)] = 1
    practitioner: Short = ""
    same_group: bool
    same_specialty: bool | None = None
    dos: date | None = None
    status: Short | None = None


class OtherClaims(Fact):
    """Every such claim that is known; empty: somebody looked, and there is none."""

    month: MonthText
    claims: list[OtherClaim]

    @model_validator(mode="after")
    def _in_month(self) -> Self:
        month = Month.parse(self.month)
        if any(one.dos is not None and Month.of(one.dos) != month for one in self.claims):
            raise Invalid(f"A claim's date of service lies in {month.title}", field="claims")
        return self


class HospiceHomeHealth(Fact):
    """Whether hospice was elected, and whether a home health episode ran, in a month."""

    month: MonthText
    hospice_elected: bool
    home_health_episode: bool


class Risk(Fact):
    """What the practitioner attests of the conditions; from its day on it takes the place of the enrollment's own."""

    is_high_risk: bool
    expected_months: Annotated[int, Field(ge=1, le=600)]


FACTS: Final[dict[str, type[Fact]]] = {
    "initiating-visit": InitiatingVisit,
    "care-plan": CarePlan,
    "care-plan-copy": CarePlanCopy,
    "decision-making": DecisionMaking,
    "election": Election,
    "facility-stays": FacilityStays,
    "other-claims": OtherClaims,
    "hospice-home-health": HospiceHomeHealth,
    "risk": Risk,
}

FACT_PERMISSIONS: Final = {
    "care-plan": Permission.CARE_PLAN_WRITE,
    "care-plan-copy": Permission.CARE_PLAN_WRITE,
    "decision-making": Permission.PRACTITIONER_DECIDE,
    "election": Permission.PRACTITIONER_DECIDE,
}
"""What recording a kind of fact asks for besides `enrollment:write`."""


def read_fact(kind: str, value: Mapping[str, Any]) -> Fact:
    """Return a fact read strictly; raise Invalid naming the field, and never the value that was sent."""
    model = FACTS.get(kind)
    if model is None:
        raise Invalid(f"'{kind}' is not a kind of fact; use one of {', '.join(FACTS)}", field="kind")
    try:
        # Through JSON: strict, and yet dates and ids may come as the text that a form or an API sends.
        return model.model_validate_json(to_json(dict(value)))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{place or kind}: {first['msg']}", field=place or None) from None


class Body(BaseModel):
    """A request that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class EnrollBody(Body):
    """An enrollment to open. The last two are the practitioner's attestation; leave out what nobody attested."""

    program: ProgramName
    practitioner_id: UUID
    started_on: date
    is_high_risk: bool | None = None
    expected_months: int | None = Field(default=None, ge=1, le=600)


class EndBody(Body):
    """The last day of an enrollment, and why it ends."""

    ended_on: date
    reason: str = Field(min_length=1, max_length=500)


class ConsentBody(Body):
    """What a patient decided. `disclosures` are those that were made; without an offset `decided_at` is refused."""

    decision: Literal["accepted", "declined", "revoked"]
    mode: Literal["verbal", "written", "electronic"]
    decided_at: datetime
    obtained_by: str = Field(default="", max_length=200)
    script_version: str = Field(default="", max_length=100)
    disclosures: list[Literal["available", "cost_sharing", "one_practitioner", "may_stop", "sharing"]] = []


class FactBody(Body):
    """A dated fact. `effective_on` may be left out for a fact that speaks of one month."""

    value: dict[str, Any]
    effective_on: date | None = None
    checked_on: date
    supersedes_id: UUID | None = None


class Created(BaseModel):
    """The id of what was recorded."""

    id: UUID
