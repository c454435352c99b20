"""What a contract message means for the chart: whom it cannot be taken for, and which rows it becomes.

The rows are what the EHR says now: something that a later message no longer names leaves the chart. What it said before
stays in `ehr_messages`.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Invalid
from caretide.tenants.rules import check_npi
from tidegate.contract import (
    MBI_FORM,
    Address,
    Allergy,
    Condition,
    ContactPoint,
    Coverage,
    Encounter,
    Medication,
    PatientMessage,
    PractitionerMessage,
    RetractedKind,
    When,
)

Row = dict[str, Any]
"""Column values by name, without tenant and id."""

COLUMNS: Final = {
    "patient": (
        "mrn",
        "mbi",
        "family",
        "given",
        "birth_date",
        "sex",
        "language",
        "is_deceased",
        "deceased_on",
        "phone",
        "email",
        "address",
        "is_active",
    ),
    "practitioner": ("npi", "family", "given", "source_id"),
    "condition": (
        "source_id",
        "icd10",
        "icd10_also",
        "snomed",
        "name",
        "is_active",
        "is_problem",
        "onset",
        "abated",
    ),
    "medication": ("source_id", "rxnorm", "name", "dosage", "is_active", "authored"),
    "allergy": ("source_id", "code", "name", "criticality", "is_active"),
    "coverage": ("source_id", "kind", "payor", "plan", "is_active", "starts_on", "ends_on"),
    "encounter": (
        "source_id",
        "kind",
        "facility",
        "status",
        "name",
        "starts_at",
        "ends_at",
        "practitioner_source_id",
    ),
}
"""The columns that each kind's rows fill."""

# FHIR R4, condition-clinical: these three say that the problem is there today.
_PRESENT: Final = frozenset({"active", "recurrence", "relapse"})
_MBI: Final = re.compile(MBI_FORM)
_MEDICARE: Final = frozenset({"original_medicare_part_b", "medicare_part_a_only", "unknown"})


def refusal(message: PatientMessage | PractitionerMessage) -> str | None:
    """Return why a message cannot be taken, None when it can. The reason holds no health data."""
    if isinstance(message, PractitionerMessage):
        return _practitioner_refusal(message)
    if not message.family:
        return "no family name"
    if message.birth_date is None:
        return "no birth date"
    if message.birth_date.day is None:
        return "the birth date is not known to the day"
    return None


def _practitioner_refusal(message: PractitionerMessage) -> str | None:
    if message.npi is None:
        return "no valid NPI"
    try:
        check_npi(message.npi)
    except Invalid as error:
        return error.message
    return None if message.family else "no family name"


def patient_row(message: PatientMessage) -> Row:
    """Return a patient's own columns. A record that was merged into another is no longer active."""
    return {
        "mrn": message.mrn,
        "mbi": message.mbi or _mbi_of(message.coverages),
        "family": message.family,
        "given": message.given,
        "birth_date": message.birth_date.first_day if message.birth_date else None,
        "sex": message.sex or "unknown",
        "language": message.language,
        "is_deceased": bool(message.deceased) or message.deceased_on is not None,
        "deceased_on": _known_day(message.deceased_on),
        "phone": _best(message.phones),
        "email": _best(message.emails),
        "address": _address(message.addresses),
        "is_active": message.active is not False and message.replaced_by is None,
    }


def practitioner_row(message: PractitionerMessage) -> Row:
    """Return a practitioner's columns; how they bill is for people to say."""
    return {
        "npi": message.npi,
        "family": message.family,
        "given": message.given,
        "source_id": message.source_id,
    }


def chart_rows(message: PatientMessage, zone: ZoneInfo) -> dict[RetractedKind, list[Row]]:
    """Return a patient's rows by kind, each source id once, without what was entered in error.

    `zone` is the clinic's: days become instants in it.
    """
    erased = {(item.kind, item.source_id) for item in message.retracted}
    return {
        "condition": _rows("condition", message.conditions, condition_row, erased),
        "medication": _rows("medication", message.medications, medication_row, erased),
        "allergy": _rows("allergy", message.allergies, allergy_row, erased),
        "coverage": _rows("coverage", message.coverages, coverage_row, erased),
        "encounter": _rows("encounter", message.encounters, lambda item: encounter_row(item, zone), erased),
    }


def _rows(
    kind: RetractedKind, items: Iterable[Any], row: Callable[[Any], Row], erased: Container[tuple[str, str]]
) -> list[Row]:
    found: Mapping[str, Row] = {
        item.source_id: {"source_id": item.source_id, **row(item)}
        for item in items
        if (kind, item.source_id) not in erased
    }
    return list(found.values())


def condition_row(item: Condition) -> Row:
    """Return a diagnosis. What the EHR does not call present, or does not call confirmed, is not counted as active."""
    confirmed = item.verification in {None, "confirmed"}
    return {
        "icd10": item.icd10,
        "icd10_also": list(item.icd10_also),
        "snomed": item.snomed,
        "name": item.text or item.icd10 or item.snomed or "Unnamed condition",
        "is_active": confirmed and item.clinical_status in _PRESENT,
        "is_problem": "problem-list-item" in item.categories,
        "onset": _text(item.onset),
        "abated": _text(item.abatement),
    }


def medication_row(item: Medication) -> Row:
    """Return a prescription; a proposal or an option is not yet one (FHIR R4, medicationrequest-intent)."""
    return {
        "rxnorm": item.rxnorm,
        "name": item.text or item.rxnorm or "Unnamed medication",
        "dosage": item.dosage,
        "is_active": item.status == "active" and item.intent not in {"proposal", "option"},
        "authored": _text(item.authored),
    }


def allergy_row(item: Allergy) -> Row:
    """Return an allergy. Unlike a diagnosis it stands until the EHR says that it does not: the safe side to err on."""
    code = item.code.code if item.code else None
    refuted = item.verification in {"refuted", "entered-in-error"}
    return {
        "code": code,
        "name": item.text or (item.code.text if item.code else None) or code or "Unnamed allergy",
        "criticality": item.criticality,
        "is_active": not refuted and item.clinical_status in {None, "active"},
    }


def coverage_row(item: Coverage) -> Row:
    """Return a coverage. A partial date stands for the whole span it names (FHIR R4, Period)."""
    return {
        "kind": item.kind,
        "payor": item.payor_text or item.plan_text or item.type_text or "",
        "plan": item.plan_text or item.type_text,
        "is_active": item.status == "active",
        "starts_on": item.start.first_day if item.start else None,
        "ends_on": item.end.last_day if item.end else None,
    }


def encounter_row(item: Encounter, zone: ZoneInfo) -> Row:
    """Return a visit or stay."""
    coded = next((code.text or code.code for code in item.codes), None)
    return {
        "kind": item.encounter_class or "unknown",
        "facility": item.facility,
        "status": item.status,
        "name": item.text or coded or item.encounter_class or "Encounter",
        "starts_at": _first_instant(item.start, zone),
        "ends_at": _last_instant(item.end, zone),
        "practitioner_source_id": item.practitioner_id,
    }


def _text(when: When | None) -> str | None:
    return when.text if when else None


def _known_day(when: When | None) -> date | None:
    """Return a day that the source knows; a month or a year names none."""
    return when.first_day if when and when.precision in {"instant", "day"} else None


def _first_instant(when: When | None, zone: ZoneInfo) -> datetime | None:
    if when is None or when.instant:
        return when.instant if when else None
    return _midnight(when.first_day, zone)


def _last_instant(when: When | None, zone: ZoneInfo) -> datetime | None:
    """Return the last second of a day or longer: a period's end includes the whole of it (FHIR R4, Period.end)."""
    if when is None or when.instant:
        return when.instant if when else None
    return _midnight(when.last_day + timedelta(days=1), zone) - timedelta(seconds=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _best(points: Iterable[ContactPoint]) -> str | None:
    """Return the contact of the best rank, the first of those."""
    ranked = sorted(points, key=lambda point: point.rank or 99)
    return ranked[0].value if ranked else None


def _address(addresses: Iterable[Address]) -> str | None:
    """Return the home address in lines, else the first that is not an old one."""
    current = [address for address in addresses if address.use != "old"]
    chosen = next((address for address in current if address.use == "home"), current[0] if current else None)
    if chosen is None:
        return None
    place = " ".join(part for part in (chosen.state, chosen.postal_code) if part)
    town = ", ".join(part for part in (chosen.city, place) if part)
    return "\n".join(line for line in (*chosen.lines, town) if line) or None


def _mbi_of(coverages: Iterable[Coverage]) -> str | None:
    """Return the Medicare number that a Medicare coverage carries as its subscriber's, where the patient has none."""
    numbers = (item.subscriber_id for item in coverages if item.kind in _MEDICARE and item.subscriber_id)
    plain = (number.replace("-", "").replace(" ", "").upper() for number in numbers)
    return next((number for number in plain if _MBI.fullmatch(number)), None)
