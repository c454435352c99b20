"""Contract messages for tests: one ordinary patient, to be changed at will."""

from datetime import UTC, date, datetime
from typing import Any

from tidegate.contract import (
    Address,
    Allergy,
    Code,
    Condition,
    ContactPoint,
    Coverage,
    Encounter,
    Medication,
    PatientMessage,
    PractitionerMessage,
    When,
)

CANARY = "canary4711"
"""Stands in every field that is encrypted, so that a leak can be searched for."""


def day(text: str) -> When:
    return When(day=date.fromisoformat(text))


def instant(text: str) -> When:
    return When(instant=datetime.fromisoformat(text).replace(tzinfo=UTC))


def condition(source_id: str, icd10: str, name: str = "A problem", **changes: Any) -> Condition:
    usual = {"clinical_status": "active", "verification": "confirmed", "categories": ("problem-list-item",)}
    return Condition(source_id=source_id, icd10=icd10, text=name, **(usual | changes))


def coverage(source_id: str = "cov-1", **changes: Any) -> Coverage:
    usual = {
        "kind": "original_medicare_part_b",
        "status": "active",
        "start": day("2020-01-01"),
        "payor_text": "Medicare",
    }
    return Coverage(source_id=source_id, **(usual | changes))


def stay(source_id: str, start: str, end: str | None, **changes: Any) -> Encounter:
    usual = {"encounter_class": "IMP", "facility": "inpatient_hospital", "status": "finished", "text": "Admission"}
    return Encounter(source_id=source_id, start=instant(start), end=instant(end) if end else None, **(usual | changes))


def patient(source_id: str = "p-1", **changes: Any) -> PatientMessage:
    usual: dict[str, Any] = {
        "mrn": f"MRN-{source_id}",
        "mbi": "1S00A00AA00",
        "family": "Vega",
        "given": "Ana",
        "birth_date": day("1941-03-07"),
        "sex": "female",
        "language": "es",
        "phones": (ContactPoint(value=f"+1 555 {CANARY}", use="home"),),
        "emails": (ContactPoint(value=f"{CANARY}@example.org"),),
        "addresses": (Address(lines=(f"1 {CANARY} Street",), city="Springfield", state="IL", postal_code="62701"),),
        "conditions": (condition("c-1", "E11.9", "Type 2 diabetes"), condition("c-2", "I10", "Hypertension")),
        "medications": (
            Medication(source_id="m-1", rxnorm="860975", text="Metformin 500 mg", status="active", intent="order"),
        ),
        "allergies": (Allergy(source_id="a-1", code=Code(code="7980"), text="Penicillin", clinical_status="active"),),
        "coverages": (coverage(),),
        "encounters": (stay("e-1", "2026-09-02T10:00", "2026-09-04T16:00"),),
    }
    return PatientMessage(source_id=source_id, **(usual | changes))


def practitioner(source_id: str = "dr-1", **changes: Any) -> PractitionerMessage:
    return PractitionerMessage(
        source_id=source_id, **({"npi": "9990000108", "family": "Osei", "given": "Kofi"} | changes)
    )
