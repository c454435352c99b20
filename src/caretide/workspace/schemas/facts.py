"""The dated facts that a ruling needs about one patient, and the form that records each."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from caretide.kernel.month import Month
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

    `missing`: nobody recorded it, and that holds the month; `stale`: it was last checked for an earlier month;
    `optional`: nobody recorded it, and the month does not need it.
    """

    kind: str
    title: str
    state: Literal["recorded", "missing", "stale", "optional"]
    value: str = ""
    effective_on: date | None = None
    checked_on: date | None = None
    recorded_by: str = ""
    fields: tuple[Field, ...] = ()
    history: tuple[FactEntry, ...] = ()
    why_not: str = ""


RISK: Final = "of death, acute exacerbation or decompensation, or functional decline, as the practitioner attests"
YES_NO: Final = (Option("yes", "Yes"), Option("no", "No"))

FACT_TITLES: Final = {
    "initiating-visit": "Initiating visit",
    "risk": "Risk and duration of the conditions",
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
    Option("in_person", "In person, on paper"),
    Option("mail", "By mail"),
    Option("portal", "Through the portal"),
    Option("email", "By secure e-mail"),
)
RECEIVERS: Final = (Option("patient", "The patient"), Option("caregiver", "The caregiver"))
LEVELS: Final = (Option("low", "Low"), Option("moderate", "Moderate"), Option("high", "High"))
FAMILIES: Final = (
    Option("auto", "No choice recorded: the default applies"),
    Option("staff", "Clinical staff time"),
    Option("practitioner", "Practitioner's own time"),
    Option("complex", "Complex care management"),
    Option("CCM", "CCM, for a patient in both programs"),
    Option("PCM", "PCM, for a patient in both programs"),
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


PRACTITIONER: Final = "practitioner_id"
MONTH: Final = "month"
"""Names of the two fields that depend on the page; the others stand as they are."""

_FIELDS: Final[dict[str, tuple[Field | str, ...]]] = {
    "risk": (
        Field(name="is_high_risk", label="Significant risk?", kind="radio", options=YES_NO, required=True, hint=RISK),
        Field(
            name="expected_months",
            label="Expected to last, in months",
            kind="number",
            required=True,
            hint="CCM needs 12, PCM 3; until death counts as longer",
        ),
        Field(name="effective_on", label="Attested on", kind="date", required=True),
    ),
    "initiating-visit": (
        Field(name="visit", label="Visit", kind="select", options=VISITS, required=True),
        Field(name="effective_on", label="Date of the visit", kind="date", required=True),
    ),
    "care-plan": (
        Field(name="plan", label="Plan", kind="select", options=PLANS, required=True),
        Field(name="effective_on", label="In effect since", kind="date", required=True),
        Field(name="copy_how", label="Copy to the patient", kind="select", options=COPIES),
        Field(name="copy_to", label="Given to", kind="select", options=RECEIVERS),
        Field(name="copy_on", label="Copy given on", kind="date", hint="Counts from this day on"),
    ),
    "decision-making": (
        MONTH,
        Field(name="level", label="Level", kind="select", options=LEVELS, required=True),
        PRACTITIONER,
        Field(name="effective_on", label="Decided on", kind="date", required=True),
    ),
    "election": (
        MONTH,
        Field(name="family", label="Family of codes", kind="select", options=FAMILIES, required=True),
        PRACTITIONER,
    ),
    "facility-stays": (
        Field(name="stay", label="Stay", kind="select", options=STAYS, required=True),
        Field(name="from", label="From", kind="date"),
        Field(name="to", label="To", kind="date", hint="Empty while it lasts"),
        Field(name="stay_2", label="Second stay", kind="select", options=STAYS),
        Field(name="from_2", label="Second stay from", kind="date"),
        Field(name="to_2", label="Second stay to", kind="date"),
    ),
    "other-claims": (
        MONTH,
        Field(name="found", label="Other care-management claims found?", kind="radio", options=YES_NO, required=True),
        Field(name="code", label="Code", hint="For example 99490"),
        Field(name="biller", label="Billed by", kind="select", options=BILLERS),
        Field(name="dos", label="Service date", kind="date"),
        Field(name="code_2", label="Second code"),
        Field(name="biller_2", label="Second billed by", kind="select", options=BILLERS),
        Field(name="dos_2", label="Second service date", kind="date"),
    ),
    "hospice-home-health": (
        MONTH,
        Field(name="hospice", label="Hospice elected?", kind="radio", options=YES_NO, required=True),
        Field(name="home_health", label="Home health episode?", kind="radio", options=YES_NO, required=True),
    ),
}


def fact_fields(
    kind: str,
    today: date,
    practitioners: tuple[Option, ...],
    service_month: Month | None = None,
    chosen: str = "",
) -> tuple[Field, ...]:
    """Return the fields of the form that records a fact of this kind; KeyError for an unknown kind.

    Every form ends with the day on which somebody looked: an unchecked fact is not known. `service_month` is the month
    that the page shows, today's unless told otherwise; `chosen` the practitioner whom the form names at first.
    """
    of_page = {
        MONTH: Field(
            name=MONTH,
            label="For the month",
            kind="month",
            value=str(service_month or Month.of(today)),
            required=True,
            hint="Year and month as YYYY-MM, for example 2026-10",
        ),
        PRACTITIONER: Field(
            name=PRACTITIONER, label="Practitioner", kind="select", value=chosen, options=practitioners, required=True
        ),
    }
    checked = Field(name="checked_on", label="Checked on", kind="date", value=today.isoformat(), required=True)
    return (*(of_page[one] if isinstance(one, str) else one for one in _FIELDS[kind]), checked)


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
