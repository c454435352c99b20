"""Generated people as FHIR R4 resources, the way an EHR's bulk export writes them: NDJSON, one file a resource type.

Every resource says that it is generated: by a tag, and by HL7's security label for test data.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

from caretide.demo import names
from caretide.demo.catalogue import Disease, Drug, Substance
from caretide.demo.houses import Doctor
from caretide.demo.people import Person, Visit

Resource = dict[str, Any]

META: Final = {
    "tag": [{"system": "https://caretide.example/tags", "code": "generated", "display": "Not a real person"}],
    "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}],
}
_TERMS: Final = "http://terminology.hl7.org/CodeSystem"
_SNOMED: Final = "http://snomed.info/sct"
_ICD10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
# Source of Payment Typology, and the words that a payer's card carries.
_PAYERS: Final = {
    "original_b": ("12", "Medicare (Non-managed Care)", "Medicare", "Medicare Part A and Part B"),
    "advantage": ("11", "Medicare Managed Care", "{} Health Plans", "{} Medicare Advantage HMO"),
    "part_a_only": ("1", "Medicare", "Medicare", "Medicare Part A"),
}


def write_folder(folder: Path, people: Iterable[Person], doctors: Iterable[Doctor]) -> None:
    """Write the charts of people, and who treats them, into a folder."""
    files: dict[str, list[str]] = defaultdict(list)
    for resource in resources(people, doctors):
        files[resource["resourceType"]].append(json.dumps(resource, ensure_ascii=False))
    for kind, lines in files.items():
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")


def resources(people: Iterable[Person], doctors: Iterable[Doctor]) -> Iterator[Resource]:
    """Yield every resource."""
    known = list(doctors)
    for doctor in known:
        yield _practitioner(doctor)
    for person in people:
        yield _patient(person, known[person.doctor])
        yield from _chart(person, known[person.doctor])


def _resource(kind: str, key: str, **content: Any) -> Resource:
    return {"resourceType": kind, "id": key, "meta": META, **content}


def _concept(system: str, code: str, display: str | None = None) -> Resource:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def _practitioner(doctor: Doctor) -> Resource:
    return _resource(
        "Practitioner",
        doctor.key,
        active=True,
        identifier=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": doctor.npi}],
        name=[{"use": "official", "family": doctor.family, "given": [doctor.given]}],
    )


def _patient(person: Person, doctor: Doctor) -> Resource:
    town, postal_code = person.town
    mrn, mbi = _concept(f"{_TERMS}/v2-0203", "MR"), _concept(f"{_TERMS}/v2-0203", "MC")
    home = {"use": "home", "line": [person.street], "city": town, "state": person.state, "postalCode": postal_code}
    telecom: list[Resource] = [{"system": "phone", "value": person.phone, "use": "home", "rank": 1}]
    if person.email:
        telecom.append({"system": "email", "value": person.email, "use": "home"})
    return _resource(
        "Patient",
        person.key,
        active=True,
        identifier=[
            {"type": mrn, "system": f"https://{person.house}.example/mrn", "value": person.mrn},
            {"type": mbi, "system": "http://hl7.org/fhir/sid/us-mbi", "value": person.mbi},
        ],
        name=[{"use": "official", "family": person.family, "given": [person.given]}],
        telecom=telecom,
        gender=person.sex,
        birthDate=person.birth_date.isoformat(),
        **({"deceasedDateTime": person.died_on.isoformat()} if person.died_on else {}),
        address=[home | {"country": "US"}],
        communication=[
            {
                "language": _concept("urn:ietf:bcp:47", person.language, names.LANGUAGES[person.language][0]),
                "preferred": True,
            }
        ],
        generalPractitioner=[{"reference": f"Practitioner/{doctor.key}"}],
    )


def _chart(person: Person, doctor: Doctor) -> Iterator[Resource]:
    subject = {"reference": f"Patient/{person.key}"}
    for number, (disease, onset) in enumerate(person.diseases, 1):
        yield _condition(f"{person.key}-problem-{number}", subject, disease, onset)
    for number, (drug, authored) in enumerate(person.drugs, 1):
        yield _medication(f"{person.key}-drug-{number}", subject, drug, authored)
    for number, substance in enumerate(person.allergies, 1):
        yield _allergy(f"{person.key}-allergy-{number}", subject, substance)
    for number, visit in enumerate(person.visits, 1):
        yield _encounter(f"{person.key}-visit-{number}", subject, visit, doctor)
    if person.coverage in _PAYERS:
        yield _coverage(person, subject)


def _condition(key: str, subject: Resource, disease: Disease, onset: date) -> Resource:
    return _resource(
        "Condition",
        key,
        clinicalStatus=_concept(f"{_TERMS}/condition-clinical", "active"),
        verificationStatus=_concept(f"{_TERMS}/condition-ver-status", "confirmed"),
        category=[_concept(f"{_TERMS}/condition-category", "problem-list-item")],
        code={
            "coding": [
                {"system": _SNOMED, "code": disease.snomed, "display": disease.name},
                {"system": _ICD10, "code": disease.icd10},
            ],
            "text": disease.name,
        },
        subject=subject,
        onsetDateTime=onset.isoformat(),
        recordedDate=onset.isoformat(),
    )


def _medication(key: str, subject: Resource, drug: Drug, authored: date) -> Resource:
    return _resource(
        "MedicationRequest",
        key,
        status="active",
        intent="order",
        medicationCodeableConcept=_concept(_RXNORM, drug.rxnorm, drug.name) | {"text": drug.name},
        subject=subject,
        authoredOn=authored.isoformat(),
        dosageInstruction=[{"text": drug.dosage}],
    )


def _allergy(key: str, subject: Resource, substance: Substance) -> Resource:
    code, name = substance.reaction
    return _resource(
        "AllergyIntolerance",
        key,
        clinicalStatus=_concept(f"{_TERMS}/allergyintolerance-clinical", "active"),
        verificationStatus=_concept(f"{_TERMS}/allergyintolerance-verification", "confirmed"),
        criticality=substance.criticality,
        code=_concept(substance.system, substance.code, substance.name) | {"text": substance.name},
        patient=subject,
        reaction=[{"manifestation": [_concept(_SNOMED, code, name)]}],
    )


def _encounter(key: str, subject: Resource, visit: Visit, doctor: Doctor) -> Resource:
    inpatient = visit.kind == "inpatient"
    code, display = ("IMP", "inpatient encounter") if inpatient else ("AMB", "ambulatory")
    kind = ("32485007", "Hospital admission") if inpatient else ("185349003", "Encounter for check up")
    # Noon and four o'clock in Illinois, in universal time: the day is the same at every clinic.
    start, end = (datetime.combine(day, time(hour), UTC) for day, hour in ((visit.first, 18), (visit.last, 22)))
    return _resource(
        "Encounter",
        key,
        status="finished",
        **{"class": {"system": f"{_TERMS}/v3-ActCode", "code": code, "display": display}},
        type=[_concept(_SNOMED, *kind)],
        subject=subject,
        participant=[
            {
                "type": [_concept(f"{_TERMS}/v3-ParticipationType", "PPRF")],
                "individual": {"reference": f"Practitioner/{doctor.key}"},
            }
        ],
        period={"start": start.isoformat(), "end": end.isoformat()},
    )


def _coverage(person: Person, subject: Resource) -> Resource:
    code, display, payor, plan = _PAYERS[person.coverage]
    named = plan.format(person.payer)
    return _resource(
        "Coverage",
        f"{person.key}-coverage",
        status="active",
        type=_concept("https://nahdo.org/sopt", code, display),
        subscriberId=person.mbi,
        beneficiary=subject,
        period={"start": person.covered_since.isoformat()},
        payor=[{"display": payor.format(person.payer)}],
        **{"class": [{"type": _concept(f"{_TERMS}/coverage-class", "plan"), "value": code, "name": named}]},
    )
