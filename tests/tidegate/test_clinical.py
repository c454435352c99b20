"""Conditions, medications, allergies and encounters."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.tidegate.conftest import Json, Mapped
from tidegate.contract import Code, Retracted, When

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
ADA = {"reference": "Patient/ada"}


def test_condition_keeps_both_codes_and_what_is_known_of_its_dates(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    (condition,) = mapped({"a.ndjson": [ada, diabetes]}).patient.conditions
    assert (condition.icd10, condition.snomed) == ("E11.9", "44054006")
    assert condition.text == "Diabetes mellitus type 2"
    assert (condition.clinical_status, condition.verification) == ("active", "confirmed")
    assert condition.categories == ("problem-list-item",)
    assert condition.onset == When(month="2019-03")
    assert condition.recorded is not None
    assert condition.recorded.text == "2019-03-04T10:00:00-05:00"


@pytest.mark.parametrize(
    ("codes", "icd10", "also"),
    [
        (["E11.22", "n18.30"], "E11.22", ("N18.30",)),
        (["E1122"], "E11.22", ()),
        (["I10"], "I10", ()),
        (["C7A.020"], "C7A.020", ()),
        (["Z79.4", "Z794"], "Z79.4", ()),
        (["250.00"], None, ()),
        (["diabetes"], None, ()),
    ],
)
def test_icd_codes_come_in_printed_form(
    mapped: Mapped, ada: Json, diabetes: Json, codes: list[str], icd10: str | None, also: tuple[str, ...]
) -> None:
    diabetes["code"] = {"coding": [{"system": ICD, "code": code} for code in codes]}
    (condition,) = mapped({"a.ndjson": [ada, diabetes]}).patient.conditions
    assert (condition.icd10, condition.icd10_also) == (icd10, also)


def test_code_that_the_user_chose_goes_first(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    diabetes["code"]["coding"] = [
        {"system": ICD, "code": "E11.8"},
        {"system": ICD, "code": "E11.9", "userSelected": True},
        {"system": "http://hl7.org/fhir/sid/icd-10", "code": "E11"},
    ]
    (condition,) = mapped({"a.ndjson": [ada, diabetes]}).patient.conditions
    assert (condition.icd10, condition.icd10_also) == ("E11.9", ("E11.8",))


def test_absent_reason_is_no_code_and_no_text(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    reason = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "masked"}
    diabetes["code"] = {"coding": [reason], "text": "Masked"}
    diabetes["clinicalStatus"] = {"coding": [reason]}
    (condition,) = mapped({"a.ndjson": [ada, diabetes]}).patient.conditions
    assert (condition.icd10, condition.snomed, condition.text, condition.clinical_status) == (None,) * 4


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2019", When(year="2019")),
        ("2019-03", When(month="2019-03")),
        ("2019-03-04", When(day=date(2019, 3, 4))),
        ("2019-03-04T05:06:07Z", When(instant=datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC))),
        ("2019-03-04T05:06:07.1234567+00:00", When(instant=datetime(2019, 3, 4, 5, 6, 7, 123456, tzinfo=UTC))),
        ("2019-03-04T05:06Z", When(instant=datetime(2019, 3, 4, 5, 6, tzinfo=UTC))),
        ("2019-03-04T05:06:07", When(day=date(2019, 3, 4))),
    ],
)
def test_date_is_kept_as_precisely_as_it_is_known(
    mapped: Mapped, ada: Json, diabetes: Json, written: str, read: When
) -> None:
    (condition,) = mapped({"a.ndjson": [ada, diabetes | {"onsetDateTime": written}]}).patient.conditions
    assert condition.onset == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "19",
        "2019-13",
        "2019-02-30",
        "0001-01-01",
        "9999",
        "1849-12-31",
        "2019-W01-1",
        "March 2019",
        "2019-03-04T25:00Z",
        "2019-03-04T05:06:07+99:99",
        "\uff12\uff10\uff11\uff19",
        "2019-03-04\n",
        "-2019",
    ],
)
def test_condition_with_an_absurd_date_is_rejected(mapped: Mapped, ada: Json, diabetes: Json, written: str) -> None:
    stream = mapped({"a.ndjson": [ada, diabetes | {"recordedDate": written}]})
    assert stream.patient.conditions == ()
    (rejected,) = stream.rejected
    assert (rejected.file, rejected.line, rejected.resource_type) == ("a.ndjson", 2, "Condition")
    assert rejected.reason.startswith("Condition.recordedDate is ")


def medication(**fields: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": ADA,
    } | fields


@pytest.mark.parametrize(
    ("fields", "rxnorm", "text"),
    [
        (
            {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "860975", "display": "metformin"}]}},
            "860975",
            "metformin",
        ),
        ({"medicationReference": {"reference": "Medication/m"}}, "1", "Stored"),
        (
            {
                "medicationReference": {"reference": "#inner"},
                "contained": [
                    {"resourceType": "Organization", "id": "x", "name": "y"},
                    {"resourceType": "Medication", "id": "inner", "code": {"text": "Contained"}},
                ],
            },
            None,
            "Contained",
        ),
        ({"medicationReference": {"reference": "Medication/gone", "display": "Shown"}}, None, "Shown"),
        ({}, None, None),
    ],
)
def test_medication_is_found_wherever_it_stands(
    mapped: Mapped, ada: Json, fields: Json, rxnorm: str | None, text: str | None
) -> None:
    stored = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"coding": [{"system": RXNORM, "code": "1"}], "text": "Stored"},
    }
    stream = mapped({"a.ndjson": [medication(**fields), ada, stored]})
    (found,) = stream.patient.medications
    assert (found.rxnorm, found.text, found.status, found.intent) == (rxnorm, text, "active", "order")
    assert stream.count("Medication").looked_up == 1


def test_dosage_lines_are_joined(mapped: Mapped, ada: Json) -> None:
    lines = [{"text": "One daily "}, {"patientInstruction": "with food"}, {"sequence": 3}]
    (found,) = mapped(
        {"a.ndjson": [ada, medication(dosageInstruction=lines, authoredOn="2026-05-04")]}
    ).patient.medications
    assert found.dosage == "One daily; with food"
    assert found.authored == When(day=date(2026, 5, 4))


def test_allergy_carries_code_criticality_and_reactions(mapped: Mapped, ada: Json) -> None:
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "patient": ADA,
        "criticality": "high",
        "code": {"coding": [{"system": RXNORM, "code": "7980", "display": "Penicillin G"}]},
        "reaction": [{"manifestation": [{"text": "Hives"}, {"text": "Hives"}]}],
    }
    (found,) = mapped({"a.ndjson": [ada, allergy]}).patient.allergies
    assert found.code == Code(system=RXNORM, code="7980", text="Penicillin G")
    assert (found.text, found.criticality, found.reactions) == ("Penicillin G", "high", ("Hives",))


def encounter(**fields: Any) -> Json:
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": ADA,
    } | fields


def test_encounter_names_its_visit_code_time_and_performer(mapped: Mapped, ada: Json, bob: Json) -> None:
    cpt = {"system": "http://www.ama-assn.org/go/cpt", "code": "G0439", "display": "AWV"}
    stream = mapped({
        "a.ndjson": [
            ada,
            bob,
            bob | {"id": "eve", "identifier": []},
            encounter(
                type=[{"coding": [cpt]}],
                period={"start": "2026-10-01T09:00:00-04:00", "end": "2026-10-01T09:30:00-04:00"},
                participant=[
                    {"individual": {"reference": "Practitioner/eve"}},
                    {"type": [{"coding": [{"code": "PPRF"}]}], "individual": {"reference": "Practitioner/bob"}},
                ],
            ),
        ]
    })  # fmt: skip
    (found,) = stream.patient.encounters
    assert (found.encounter_class, found.facility, found.status) == ("AMB", "ambulatory", "finished")
    assert found.codes == (Code(system="http://www.ama-assn.org/go/cpt", code="G0439", text="AWV"),)
    assert found.practitioner_id == "bob"
    assert found.start is not None
    assert found.start.text == "2026-10-01T09:00:00-04:00"


@pytest.mark.parametrize(
    ("class_code", "kind", "place", "facility"),
    [
        ("IMP", None, None, "inpatient_hospital"),
        ("IMP", (SNOMED, "449411000124106"), None, "skilled_nursing_facility"),
        ("IMP", None, (POS, "23"), "inpatient_hospital"),
        ("IMP", None, (POS, "31"), "skilled_nursing_facility"),
        ("AMB", None, (POS, "32"), "nursing_facility"),
        ("HH", (SNOMED, "305336008"), None, "hospice"),
        ("OBSENC", None, None, "observation"),
        ("VR", None, None, "virtual"),
        ("FLD", None, None, "unknown"),
        (None, None, None, "unknown"),
    ],
)
def test_facility_is_read_from_type_place_and_class(
    mapped: Mapped,
    ada: Json,
    class_code: str | None,
    kind: tuple[str, str] | None,
    place: tuple[str, str] | None,
    facility: str,
) -> None:
    visit = encounter(location=[{"location": {"reference": "Location/l"}}])
    visit["class"] = {"code": class_code} if class_code else {}
    visit["type"] = [{"coding": [{"system": kind[0], "code": kind[1]}]}] if kind else []
    location = {"resourceType": "Location", "id": "l", "type": []}
    location["type"] = [{"coding": [{"system": place[0], "code": place[1]}]}] if place else []
    (found,) = mapped({"a.ndjson": [ada, visit, location]}).patient.encounters
    assert found.facility == facility


def test_encounter_that_ends_before_it_starts_is_rejected(mapped: Mapped, ada: Json) -> None:
    stream = mapped({"a.ndjson": [ada, encounter(period={"start": "2026-02-01", "end": "2026-01"})]})
    assert [item.reason for item in stream.rejected] == ["Encounter.period ends before it starts"]


def test_what_was_entered_in_error_is_retracted(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    wrong = {"coding": [{"code": "entered-in-error"}]}
    error = "entered-in-error"
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": ADA, "verificationStatus": wrong}
    coverage = {"resourceType": "Coverage", "id": "v1", "beneficiary": ADA, "status": error}
    pieces = [
        diabetes | {"verificationStatus": wrong, "onsetDateTime": "not even a date"},
        allergy,
        coverage,
        encounter(status=error),
        medication(status=error),
    ]
    stream = mapped({"a.ndjson": [ada, *pieces]})
    patient = stream.patient
    assert not (patient.conditions + patient.allergies + patient.coverages + patient.encounters + patient.medications)
    assert patient.retracted == (
        Retracted(kind="allergy", source_id="a1"),
        Retracted(kind="condition", source_id="c1"),
        Retracted(kind="coverage", source_id="v1"),
        Retracted(kind="encounter", source_id="e1"),
        Retracted(kind="medication", source_id="m1"),
    )
    assert stream.count("Condition").retracted == 1
