"""The dated facts that a ruling needs about one patient, and the form that records each."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from caretide.ui.forms import Field, Option


@dataclass(frozen=True, slots=True, kw_only=True)
class FactEntry:
    """An earlier record of a fact."""

    value: str
    effective_on: date | None
    checked_on: date
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLine:
    """A dated fact that the ruling needs.

    `missing`: nobody recorded it, and that holds the month; `stale`: it was checked too long ago for this month.
    """

    kind: str
    title: str
    state: Literal["recorded", "missing", "stale"]
    value: str = ""
    effective_on: date | None = None
    checked_on: date | None = None
    recorded_by: str = ""
    fields: tuple[Field, ...] = ()
    history: tuple[FactEntry, ...] = ()
    why_not: str = ""


YES_NO: Final = (Option("yes", "Yes"), Option("no", "No"))

FACT_TITLES: Final = {
    "initiating-visit": "Initiating visit",
    "care-plan": "Care plan and its copy",
    "decision-making": "Medical decision making",
    "election": "Code family elected",
    "facility-stays": "Facility stays",
    "other-claims": "Claims by others",
    "hospice-home-health": "Hospice and home health",
}
"""Kind (last part of the form's address) -> title, in the order of the page."""

VISITS: Final = (
    Option("not_required", "Not required: seen within the last year"),
    Option("annual_wellness", "Annual wellness visit"),
    Option("welcome_to_medicare", "Welcome to Medicare visit"),
    Option("office_visit", "Office visit"),
    Option("transition", "Transitional care visit"),
)
PLANS: Final = (Option("comprehensive", "Comprehensive"), Option("disease_specific", "Disease-specific"))
COPIES: Final = (
    Option("", "Not given yet"),
    Option("paper", "On paper"),
    Option("portal", "Through the portal"),
    Option("mail", "By mail"),
    Option("caregiver", "To the caregiver"),
)
LEVELS: Final = (Option("low", "Low"), Option("moderate", "Moderate"), Option("high", "High"))
FAMILIES: Final = (
    Option("auto", "No choice recorded: the default applies"),
    Option("staff", "Clinical staff time"),
    Option("practitioner", "Practitioner's own time"),
    Option("complex", "Complex care management"),
)
STAYS: Final = (
    Option("none", "None this month"),
    Option("inpatient_hospital", "Hospital, inpatient"),
    Option("SNF_part_A", "Skilled nursing, Part A"),
    Option("NF_non_part_A", "Nursing facility, not Part A"),
)
BILLERS: Final = (
    Option("ours", "Our practitioner"),
    Option("same_group", "Another in our group"),
    Option("elsewhere", "Another practice"),
)


def fact_fields(kind: str, today: date, practitioners: tuple[Option, ...]) -> tuple[Field, ...]:
    """Return the fields of the form that records a fact of this kind; KeyError for an unknown kind.

    Every form ends with the day on which somebody looked: an unchecked fact is not known.
    """
    checked = Field(name="checked_on", label="Checked on", kind="date", value=today.isoformat(), required=True)
    effective = Field(name="effective_on", label="In effect since", kind="date", required=True)
    practitioner = Field(
        name="practitioner_id", label="Practitioner", kind="select", options=practitioners, required=True
    )
    month = Field(name="month", label="For the month", kind="month", value=f"{today:%Y-%m}", required=True)
    fields: dict[str, tuple[Field, ...]] = {
        "initiating-visit": (
            Field(name="visit", label="Visit", kind="select", options=VISITS, required=True),
            Field(name="effective_on", label="Date of the visit", kind="date", required=True),
        ),
        "care-plan": (
            Field(name="plan", label="Plan", kind="select", options=PLANS, required=True),
            effective,
            Field(name="copy_how", label="Copy to the patient", kind="select", options=COPIES),
            Field(name="copy_on", label="Copy given on", kind="date", hint="Counts from this day on"),
        ),
        "decision-making": (
            month,
            Field(name="level", label="Level", kind="select", options=LEVELS, required=True),
            practitioner,
            Field(name="effective_on", label="Decided on", kind="date", required=True),
        ),
        "election": (
            month,
            Field(name="family", label="Family of codes", kind="select", options=FAMILIES, required=True),
            practitioner,
        ),
        "facility-stays": (
            Field(name="stay", label="Stay", kind="select", options=STAYS, required=True),
            Field(name="from", label="From", kind="date"),
            Field(name="to", label="To", kind="date", hint="Empty while it lasts"),
        ),
        "other-claims": (
            month,
            Field(
                name="found", label="Other care-management claims found?", kind="radio", options=YES_NO, required=True
            ),
            Field(name="code", label="Code", hint="For example 99490"),
            Field(name="biller", label="Billed by", kind="select", options=BILLERS),
            Field(name="dos", label="Service date", kind="date"),
        ),
        "hospice-home-health": (
            month,
            Field(name="hospice", label="Hospice elected?", kind="radio", options=YES_NO, required=True),
            Field(name="home_health", label="Home health episode?", kind="radio", options=YES_NO, required=True),
        ),
    }
    return (*fields[kind], checked)


DISCLOSURES: Final = (
    Option("available", "The service is available, and what it is", "Care management between visits, by phone"),
    Option("cost_sharing", "Cost sharing applies", "Part B deductible and 20 percent, unless other coverage pays it"),
    Option("one_practitioner", "Only one practitioner can be paid for it in a month"),
    Option("may_stop", "It can be stopped at any time", "Effective at the end of the calendar month"),
    Option("sharing", "Health information may be shared with others who treat them"),
)
"""What a patient must be told before consent counts (CMS MLN909188)."""

CONSENT_MODES: Final = (Option("verbal", "By word"), Option("written", "In writing"))
CONSENT_ANSWERS: Final = (Option("accepted", "Accepted"), Option("declined", "Declined"))
