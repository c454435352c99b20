"""Evidence as the input of the rules. What nobody recorded stays None: unknown, which holds the month."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, cast

from caretide.billing.rules.evidence import Entry, Evidence, Fact
from caretide.enrollment.rules import chronic_conditions
from caretide.kernel.month import Month
from caretide.programs.conditions import ChronicConditions
from caretide.programs.month_facts import (
    Activity,
    CarePlan,
    Consent,
    Coverage,
    Election,
    FacilityStay,
    InitiatingVisit,
    Mdm,
    OtherClaim,
    Patient,
    PatientMonth,
    PlanKind,
    Practitioner,
    Program,
    ProviderType,
    Role,
    StayKind,
    TimeEntry,
)
from caretide.time_log.rules import ACTIVITY_TYPES

KNOWN_COVERAGES: Final = frozenset({"original_medicare_part_b", "medicare_part_a_only", "medicare_advantage"})
NO_PART_B: Final = frozenset({"medicaid", "commercial", "other"})
STAY_KINDS: Final[dict[str, StayKind]] = {
    "inpatient_hospital": "inpatient_hospital",
    "skilled_nursing_facility": "SNF_part_A",
    "nursing_facility": "NF_non_part_A",
}
"""Where the EHR says somebody stayed -> kind of stay. A skilled nursing stay is Part A until checked."""


def patient_month(evidence: Evidence, lists: ChronicConditions) -> PatientMonth:
    """Return what the rules may look at."""
    facts = evidence.facts
    decision = facts.get("decision-making")
    return PatientMonth(
        month=evidence.month,
        programs=cast("tuple[Program, ...]", tuple(evidence.program.split("+"))),
        provider_type=cast("ProviderType", evidence.clinic.provider_type),
        practitioner=Practitioner(
            str(evidence.practitioner.id), evidence.practitioner.kind, evidence.practitioner.tin_group
        ),
        patient=_patient(evidence, lists),
        election=cast("Election", str(_value(facts.get("election"), "family") or "auto")),
        consent=_consent(evidence),
        initiating_visit=_visit(facts.get("initiating-visit")),
        care_plan=_care_plan(facts.get("care-plan"), facts.get("care-plan-copy"), evidence.month),
        access_24_7=_yes(evidence.clinic_facts.get("round-the-clock-access")),
        designated_team_member=True if evidence.designated else None,
        mdm=cast("Mdm | None", _value(decision, "level")),
        mdm_by=_decided_by(decision, evidence),
        cehrt=_yes(evidence.clinic_facts.get("certified-ehr")),
        entries=tuple(_entry(entry, evidence) for entry in evidence.entries),
        other_claims=_claims(facts.get("other-claims")),
    )


def _value(fact: Fact | None, key: str) -> Any:
    return None if fact is None else fact.value.get(key)


def _yes(fact: Fact | None) -> bool | None:
    return None if fact is None else bool(fact.value["value"])


def _patient(evidence: Evidence, lists: ChronicConditions) -> Patient:
    chart, facts = evidence.chart, evidence.facts
    hospice = facts.get("hospice-home-health")
    risk = facts.get("risk")
    high_risk = _value(risk, "is_high_risk")
    months = _value(risk, "expected_months")
    for enrolled in evidence.enrollments:
        high_risk = enrolled.is_high_risk if high_risk is None else high_risk
        months = enrolled.expected_months if months is None else months
    codes = [found.icd10 for found in chart.diagnoses]
    return Patient(
        coverage=_coverage(chart.coverage),
        qmb=chart.qmb,
        chronic_conditions=len(chronic_conditions(codes, lists)) if codes else None,
        condition_min_months=months,
        high_risk=high_risk,
        deceased_on=chart.deceased_on or (date.min if chart.is_deceased else None),
        facility_stays=_stays(evidence),
        hospice_elected=_value(hospice, "hospice_elected"),
        home_health_episode=_value(hospice, "home_health_episode"),
    )


def _coverage(kind: str | None) -> Coverage | None:
    if kind in NO_PART_B:
        # The rules ask only whether Part B pays; Part A alone and no Medicare at all have the same answer.
        return "medicare_part_a_only"
    return cast("Coverage", kind) if kind in KNOWN_COVERAGES else None


def _stays(evidence: Evidence) -> tuple[FacilityStay, ...] | None:
    """Return the stays that somebody checked together with those that the EHR reports; None while nobody checked."""
    checked = evidence.facts.get("facility-stays")
    if checked is None:
        return None
    known = [
        FacilityStay(stay["type"], _day(stay["from"]), _day(stay["to"]) if stay.get("to") else None)
        for stay in cast("list[Mapping[str, Any]]", checked.value["stays"])
    ]
    for stay in evidence.chart.stays:
        kind = STAY_KINDS.get(stay.facility)
        found = FacilityStay(kind, stay.since, stay.until) if kind else None
        # What a person checked outranks the EHR on the same days.
        if found and not any(_meet(found, other) for other in known):
            known.append(found)
    return tuple(sorted(known, key=lambda stay: (stay.first, stay.kind)))


def _meet(one: FacilityStay, other: FacilityStay) -> bool:
    return one.first <= (other.last or date.max) and other.first <= (one.last or date.max)


def _day(value: object) -> date:
    return date.fromisoformat(str(value))


def _consent(evidence: Evidence) -> Consent | None:
    standing = evidence.consent
    if standing.given is None:
        return Consent(status="missing") if standing.status == "missing" else None
    given = standing.given
    local = given.decided_at.astimezone(evidence.clinic.zone)
    return Consent(
        status=cast("Any", standing.status),
        obtained_on=standing.obtained_on,
        obtained_at=local,
        programs=tuple(evidence.program.split("+")),
        mode=given.mode,
        elements_complete=standing.elements_complete,
        practitioner=str(given.practitioner_id),
        revoked_on=standing.revoked_on,
    )


def _visit(fact: Fact | None) -> InitiatingVisit | None:
    if fact is None:
        return None
    return InitiatingVisit(required=fact.value["visit"] != "not_required", satisfied=True)


def _care_plan(plan: Fact | None, copy: Fact | None, month: Month) -> CarePlan | None:
    if plan is None:
        return None
    return CarePlan(
        exists=True,
        kind=cast("PlanKind", plan.value["plan"]),
        copy_given=True if copy else None,
        revised_this_month=month.first <= plan.effective_on <= month.last,
    )


def _decided_by(fact: Fact | None, evidence: Evidence) -> str | None:
    if fact is None:
        return None
    named = fact.value.get("practitioner_id")
    if named is not None:
        return "billing_practitioner" if str(named) == str(evidence.practitioner.id) else "other"
    return str(fact.value["by"])


def _claims(fact: Fact | None) -> tuple[OtherClaim, ...] | None:
    if fact is None:
        return None
    return tuple(
        OtherClaim(
            code=claim["code"],
            units=claim.get("units", 1),
            practitioner=claim.get("practitioner") or None,
            same_group=claim["same_group"],
            same_specialty=claim.get("same_specialty"),
            dos=_day(claim["dos"]) if claim.get("dos") else None,
            status=claim.get("status"),
        )
        for claim in cast("list[Mapping[str, Any]]", fact.value["claims"])
    )


def _entry(entry: Entry, evidence: Evidence) -> TimeEntry:
    zone = evidence.clinic.zone
    return TimeEntry(
        id=str(entry.id),
        who=str(entry.member_id),
        role=cast("Role", _role(entry, evidence)),
        seconds=entry.seconds,
        start=entry.start.astimezone(zone),
        end=entry.end.astimezone(zone),
        program=entry.program,
        activity=cast("Activity | None", ACTIVITY_TYPES[entry.activity_type].ruling),
    )


def _role(entry: Entry, evidence: Evidence) -> str:
    """Return as whose minutes an entry counts: only the billing practitioner's own are personally performed."""
    if entry.staff_role == "billing_practitioner" and entry.practitioner_id != evidence.practitioner.id:
        return "other_practitioner_same_group"
    return entry.staff_role
