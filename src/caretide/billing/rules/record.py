"""A judged month as the record that an auditor reads: the same facts, in words, frozen before anything is rendered.

The shapes are those of `documents.schemas`, written as plain mappings with every key: a clinic closes thousands of
months at a time, and building and walking validated models would take longer than ruling them. A record is validated
when it is rendered, and a test holds these facts to what the models write.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date
from itertools import repeat
from typing import Any, Final

from caretide.billing.rules.evidence import Entry, Evidence, Fact, Judged
from caretide.billing.rules.words import title
from caretide.documents.render.words import day
from caretide.documents.schemas import AMOUNT_NOTE, FORMAT
from caretide.enrollment.rules import ConsentStanding
from caretide.programs.fees import amount
from caretide.programs.packs import Packs
from caretide.programs.ruling import EntryVerdict, Ruling
from caretide.time_log.rules import ACTIVITY_TYPES

Facts = dict[str, Any]
"""One of the shapes of `documents.schemas`; moments are aware and in UTC."""

PROGRAM_NAMES: Final = {
    "CCM": "Chronic Care Management",
    "PCM": "Principal Care Management",
    "CCM+PCM": "Chronic and Principal Care Management",
}
PRACTITIONER_KINDS: Final = {
    "physician": "Physician",
    "nurse_practitioner": "Nurse practitioner",
    "physician_assistant": "Physician assistant",
    "clinical_nurse_specialist": "Clinical nurse specialist",
    "certified_nurse_midwife": "Certified nurse-midwife",
    "other": "Other",
}
EMPLOYERS: Final = {
    "clinical_staff": "Employee",
    "clinical_staff_contracted": "Contracted",
    "clinical_staff_outside_us": "Outside the United States",
    "clinical_staff_excluded": "Excluded individual",
    "billing_practitioner": "Practitioner",
    "qhp_incident_to": "Qualified professional, incident to",
    "non_clinical": "Not clinical staff",
}
FAMILIES: Final = {
    "ccm_staff": "CCM, clinical staff",
    "ccm_complex": "CCM, complex",
    "ccm_practitioner": "CCM, practitioner's own time",
    "pcm_staff": "PCM, clinical staff",
    "pcm_practitioner": "PCM, practitioner's own time",
}
PLACES: Final = {"11": "office", "19": "off-campus outpatient hospital", "22": "on-campus outpatient hospital"}
STAYS: Final = {
    "inpatient_hospital": "Hospital, inpatient",
    "SNF_part_A": "Skilled nursing facility, Part A",
    "NF_non_part_A": "Nursing facility, not Part A",
}
VISITS: Final = {
    "not_required": "Not required: seen within the year before",
    "annual_wellness": "Annual wellness visit",
    "welcome_to_medicare": "Welcome to Medicare visit",
    "office_visit": "Office visit",
    "transition": "Transitional care visit",
}
DISCLOSURES: Final = {
    "available": "The service is available, and what it is",
    "cost_sharing": "Cost sharing applies",
    "one_practitioner": "Only one practitioner can be paid for it in a month",
    "may_stop": "It can be stopped at any time, effective at the end of the calendar month",
    "sharing": "Health information may be shared with others who treat the patient",
}
COPIES: Final = {"in_person": "In person", "mail": "By mail", "portal": "Through the portal", "email": "By e-mail"}
SUPERVISION: Final = "General supervision by the billing practitioner (42 CFR 410.26(b)(5))"
UNCOUNTED: Final = {
    "OTHER_FAMILY": "Not of the elected family",
    "OTHER_PROGRAM": "Counts for another program",
    "OUTSIDE_MONTH": "Outside the month",
}


def monthly_record(judged: Judged, packs: Packs) -> Facts:
    """Return the record's facts. Its date is the month's end, so that nothing in it depends on when it was made."""
    evidence, ruling = judged.evidence, judged.ruling
    chart, facts, at_clinic = evidence.chart, evidence.facts, evidence.clinic_facts
    _, end = evidence.month.bounds(evidence.clinic.zone)
    program = evidence.program
    return {
        "format": FORMAT,
        "as_of": end.astimezone(UTC),
        "month": str(evidence.month),
        "program": program,
        "program_name": PROGRAM_NAMES.get(program, program),
        "clinic": _clinic(evidence),
        "patient": {"name": chart.name, "birth_date": chart.birth_date, "mbi": chart.mbi, "mrn": chart.mrn},
        "practitioner": {
            "name": evidence.practitioner.name,
            "npi": evidence.practitioner.npi,
            "kind": PRACTITIONER_KINDS.get(evidence.practitioner.kind, evidence.practitioner.kind),
        },
        "supervision": SUPERVISION,
        "eligibility": _eligibility(evidence, judged),
        "consent": _consent(evidence),
        "initiating_visit": _visit(facts.get("initiating-visit")),
        "care_plan": _care_plan(facts.get("care-plan"), facts.get("care-plan-copy")),
        "access_24_7": _attestation(at_clinic.get("round-the-clock-access"), "Round-the-clock access"),
        "designated_contact": _contact(evidence.designated, evidence.designated_since),
        "certified_ehr": _attestation(at_clinic.get("certified-ehr"), "Certified EHR in use"),
        "ruling": _ruling(judged, packs),
        "rule_pack": ruling.pack or "none",
        "citations": [f"{citation.text} ({citation.source})" for citation in ruling.citations],
        "entries": _entries(evidence.entries, ruling.entries),
        "totals": _totals(evidence.entries, ruling),
        "decision_making": _decision(facts.get("decision-making")),
        "concurrency": [*_concurrency(facts.get("other-claims")), *_hospice(facts.get("hospice-home-health"))],
        "stays": _stays(judged),
        "findings": [
            {"severity": found.severity.value, "code": found.code, "message": found.message}
            for found in ruling.exceptions
        ],
        "review": None,
        "amendments": (),
        "supersedes": None,
        "provisional": ruling.provisional,
        "generated": evidence.generated,
    }


def _clinic(evidence: Evidence) -> Facts:
    clinic = evidence.clinic
    return {
        "name": clinic.name,
        "address": clinic.address,
        "phone": clinic.phone,
        "time_zone": clinic.time_zone,
        "billing_group": clinic.tin_group,
    }


def _eligibility(evidence: Evidence, judged: Judged) -> Facts:
    count = judged.facts.patient.chronic_conditions
    months = judged.facts.patient.condition_min_months
    known = f"{count} chronic conditions on the active problem list" if count is not None else "Conditions not recorded"
    lasting = f", expected to last at least {months} months" if months is not None else ""
    risk = {
        True: ", attested to place the patient at significant risk",
        False: ", attested not to place the patient at significant risk",
        None: "",
    }[judged.facts.patient.high_risk]
    conditions = [{"icd10": found.icd10, "name": found.name} for found in evidence.chart.diagnoses]
    return {"statement": f"{known}{lasting}{risk}.", "conditions": conditions}


def _consent(evidence: Evidence) -> Facts | None:
    standing: ConsentStanding = evidence.consent
    given = standing.given
    if given is None:
        return None
    ours = given.practitioner_id == evidence.practitioner.id
    return {
        "given_at": given.decided_at.astimezone(UTC),
        "mode": given.mode.capitalize(),
        "obtained_by": given.obtained_by or "Not recorded",
        "practitioner": evidence.practitioner.name if ours else "Another practitioner",
        "script_version": given.script_version or "Not recorded",
        "disclosures": [text for key, text in DISCLOSURES.items() if key in given.disclosures],
        "revoked_on": standing.revoked_on,
        "recorded_at": given.recorded_at.astimezone(UTC) if given.recorded_at else None,
        "recorded_by": given.recorded_by,
    }


def _visit(fact: Fact | None) -> Facts | None:
    if fact is None:
        return None
    kind = str(fact.value["visit"])
    return {"on": fact.effective_on, "kind": VISITS.get(kind, kind)}


def _care_plan(plan: Fact | None, copy: Fact | None) -> Facts | None:
    if plan is None:
        return None
    return {
        "kind": str(plan.value["plan"]).replace("_", "-").capitalize(),
        "version": plan.effective_on.isoformat(),
        "dated": plan.effective_on,
        "copy_given_on": copy.effective_on if copy else None,
        "copy_given_how": COPIES.get(str(copy.value["how"])) if copy else None,
    }


def _attestation(fact: Fact | None, words: str) -> Facts | None:
    if fact is None:
        return None
    return {
        "met": bool(fact.value["value"]),
        "statement": str(fact.value.get("detail") or words),
        "effective_on": fact.effective_on,
        "checked_on": fact.checked_on,
    }


def _contact(name: str | None, since: date | None) -> Facts | None:
    return None if name is None else {"met": True, "statement": name, "effective_on": since, "checked_on": None}


def _ruling(judged: Judged, packs: Packs) -> Facts:
    ruling, place = judged.ruling, judged.evidence.clinic.place_of_service
    day = ruling.earliest_service_date
    elected = judged.facts.election
    return {
        "family": FAMILIES.get(ruling.family, ruling.family) if ruling.family else None,
        "election": "None recorded; the default applies" if elected == "auto" else elected,
        "countable_seconds": ruling.countable_seconds,
        "codes": [
            {
                "code": line.code,
                "name": packs.codes[line.code].name,
                "units": line.units,
                "unit_cents": amount(line.code, day, facility=_is_facility(place), packs=packs) if day else None,
            }
            for line in ruling.codes
        ],
        "service_date": day if ruling.codes else None,
        "place_of_service": f"{place}, {PLACES[place]}" if place in PLACES else place,
        "diagnoses": [found.icd10 for found in judged.evidence.chart.diagnoses],
        "thresholds": [{"seconds": rung.seconds, "label": f"{rung.seconds // 60} min"} for rung in ruling.ladder],
        "amount_note": AMOUNT_NOTE,
    }


FACILITY_PLACES: Final = frozenset({"19", "21", "22", "23", "24", "26", "31", "34", "51", "52", "56", "61"})
"""Place-of-service codes that Medicare pays at the facility rate (CMS IOM 100-04, chapter 12, section 20.4.2)."""


def _is_facility(place: str) -> bool:
    return place in FACILITY_PLACES


def _entries(entries: Sequence[Entry], verdicts: Sequence[EntryVerdict]) -> list[Facts]:
    found: list[Facts] = []
    # The rules answer in the order of the entries, or, for a month before all rule packs, not at all.
    for entry, verdict in zip(entries, verdicts or repeat(None), strict=False):
        reason = verdict.reason if verdict else None
        found.append(
            {
                "started_at": entry.start.astimezone(UTC),
                "ended_at": entry.end.astimezone(UTC),
                "seconds": entry.seconds,
                "counted_seconds": verdict.counted if verdict else 0,
                "person": entry.person,
                "credential": entry.credential,
                "employer": EMPLOYERS[entry.staff_role],
                "activity": activity_words(entry),
                "program": entry.program,
                "reason": UNCOUNTED.get(reason, title(reason)) if reason else None,
                "late": _waived(entry),
            }
        )
    return found


def _waived(entry: Entry) -> str | None:
    """Return who approved time alone, and by whose leave."""
    one = entry.waiver
    if one is None:
        return None
    who = "whose time it is" if one.member_id == entry.member_id else "who entered it"
    return (
        f"approved by {one.member}, {who}, under a waiver of separated duties that {one.granted_by} recorded on "
        f"{day(one.granted_at.astimezone(UTC))}, until {day(one.ends_on)}: {one.reason}"
    )


def activity_words(entry: Entry) -> str:
    """Return what work was recorded as: the tenant's own words with those of the standard type that it counts as."""
    standard = ACTIVITY_TYPES[entry.activity_type].label
    return f"{entry.words} ({standard})" if entry.words else standard


def _totals(entries: Iterable[Entry], ruling: Ruling) -> list[Facts]:
    before = {"staff": 0, "practitioner": 0}
    for entry in entries:
        before["practitioner" if entry.staff_role == "billing_practitioner" else "staff"] += entry.seconds
    return [
        {"role": "Clinical staff", "before": before["staff"], "after": ruling.staff_seconds},
        {"role": "Billing practitioner", "before": before["practitioner"], "after": ruling.practitioner_seconds},
    ]


def _decision(fact: Fact | None) -> Facts | None:
    if fact is None:
        return None
    by = {"billing_practitioner": "The billing practitioner"}.get(str(fact.value.get("by")), "Somebody else")
    return {"level": str(fact.value["level"]).capitalize(), "on": fact.effective_on, "by": by}


def _hospice(fact: Fact | None) -> list[Facts]:
    if fact is None:
        return []
    return [
        {
            "service": service,
            "source": "Checked by the practice",
            "checked_on": fact.checked_on,
            "result": yes if fact.value[key] else "None",
            "clear": not fact.value[key],
        }
        for key, service, yes in (
            ("hospice_elected", "Hospice", "Elected"),
            ("home_health_episode", "Home health episode", "Open"),
        )
    ]


def _concurrency(fact: Fact | None) -> list[Facts]:
    if fact is None:
        return []
    found = [str(claim["code"]) for claim in fact.value.get("claims", ())]
    return [
        {
            "service": "Care management by others",
            "source": "Checked by the practice",
            "checked_on": fact.checked_on,
            "result": f"Found: {', '.join(found)}" if found else "None found",
            "clear": not found,
        }
    ]


def _stays(judged: Judged) -> list[Facts]:
    known = judged.facts.patient.facility_stays or ()
    return [{"kind": STAYS[stay.kind], "start": stay.first, "end": stay.last} for stay in known]
