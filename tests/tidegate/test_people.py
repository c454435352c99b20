"""Patients and practitioners."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.tidegate.conftest import Json, Mapped
from tidegate.contract import Address, ContactPoint, When

ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


def test_patient_carries_all_that_a_claim_and_a_call_need(mapped: Mapped, ada: Json, bob: Json) -> None:
    patient = mapped({"a.ndjson": [ada, bob]}).patient
    assert (patient.source_id, patient.family, patient.given) == ("ada", "King", "Ada A.")
    assert (patient.mrn, patient.mbi, patient.sex, patient.active) == ("M-1", "1S00E00AA00", "female", True)
    assert patient.birth_date == When(day=date(1950, 12, 10))
    assert (patient.deceased, patient.deceased_on) == (None, None)
    assert patient.language == "es-US"
    assert patient.phones == (ContactPoint(value="555-0100", use="home", rank=2),)
    assert patient.emails == (ContactPoint(value="ada@example.com"),)
    assert patient.addresses == (
        Address(use="home", lines=("1 Mill St",), city="Salem", state="MA", postal_code="01970"),
    )
    assert patient.general_practitioner_id == "bob"


def test_patient_of_an_id_alone_is_mapped(mapped: Mapped) -> None:
    patient = mapped({"a.ndjson": [{"resourceType": "Patient", "id": "x"}]}).patient
    assert (patient.family, patient.birth_date, patient.sex, patient.deceased, patient.active) == ("", None) + (
        None,
    ) * 3


def test_what_the_server_may_not_tell_is_not_read_as_a_value(mapped: Mapped) -> None:
    masked = {
        "resourceType": "Patient",
        "id": "x",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-mbi", "_value": ABSENT}],
        "name": [{"_family": ABSENT, "given": [None], "_given": [ABSENT]}],
        "telecom": [{"system": "phone", "_value": ABSENT}],
        "_gender": ABSENT,
        "_birthDate": ABSENT,
        "_deceasedBoolean": ABSENT,
        "communication": [
            {
                "language": {
                    "coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
                    ]
                }
            }
        ],
    }
    patient = mapped({"a.ndjson": [masked]}).patient
    assert (patient.mbi, patient.family, patient.given, patient.phones) == (None, "", "", ())
    assert (patient.sex, patient.birth_date, patient.deceased, patient.language) == (None,) * 4


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1EG4-TE5-MK73", "1EG4TE5MK73"),
        ("1eg4te5mk73", "1EG4TE5MK73"),
        (" 1EG4 TE5 MK73 ", "1EG4TE5MK73"),
        ("4S18TM0TC45", "4S18TM0TC45"),
        ("0EG4TE5MK73", None),
        ("1EG4TE5MK7", None),
        ("1EG4TE5MK733", None),
        ("1BG4TE5MK73", None),
        ("1EGATE5MK73", None),
        ("1EG4SE5MK73", None),
        ("1EG4TE5MKA3", None),
        ("XXXXXXXMK73", None),
        ("123-45-6789A", None),
    ],
)
def test_medicare_number_is_taken_in_its_right_form_only(
    mapped: Mapped, ada: Json, written: str, read: str | None
) -> None:
    ada["identifier"] = [{"system": "http://hl7.org/fhir/sid/us-mbi", "value": written}]
    stream = mapped({"a.ndjson": [ada]})
    assert stream.patient.mbi == read
    assert [item.what for item in stream.summary.dropped] == (
        [] if read else ["Patient.identifier: not a Medicare Beneficiary Identifier"]
    )


def test_medicare_number_is_found_by_its_type_too(mapped: Mapped, ada: Json) -> None:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MC"}]}
    ada["identifier"] = [{"type": kind, "value": "1EG4TE5MK73"}, {"type": kind, "use": "old", "value": "1EG4TE5MK72"}]
    assert mapped({"a.ndjson": [ada]}).patient.mbi == "1EG4TE5MK73"


@pytest.mark.parametrize(
    ("value", "read"),
    [("1234567893", "1234567893"), (" 1234567893", "1234567893"), ("1234567890", None), ("123456789", None)],
)
def test_npi_needs_its_check_digit(mapped: Mapped, bob: Json, value: str, read: str | None) -> None:
    bob["identifier"][0]["value"] = value
    assert [item.npi for item in mapped({"a.ndjson": [bob]}).practitioners] == [read]


@pytest.mark.parametrize(
    ("fields", "deceased", "on"),
    [
        ({"deceasedBoolean": False}, False, None),
        ({"deceasedBoolean": True}, True, None),
        ({"deceasedDateTime": "2026"}, True, When(year="2026")),
        (
            {"deceasedDateTime": "2026-01-02T03:04:05Z"},
            True,
            When(instant=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ),
    ],
)
def test_death_is_told_from_its_date(mapped: Mapped, ada: Json, fields: Json, deceased: bool, on: When | None) -> None:
    patient = mapped({"a.ndjson": [ada | fields]}).patient
    assert (patient.deceased, patient.deceased_on) == (deceased, on)


@pytest.mark.parametrize(
    ("spoken", "language"),
    [
        ([("es", None)], "es"),
        ([("en_US", True), ("es", None)], "en-US"),
        ([("en", None), ("es", None)], None),
        ([("en", False), ("es", False)], None),
        ([("English please", True)], None),
    ],
)
def test_language_is_the_preferred_one_or_the_only_one(
    mapped: Mapped, ada: Json, spoken: list[tuple[str, bool | None]], language: str | None
) -> None:
    ada["communication"] = [
        {"language": {"coding": [{"code": code}]}} | ({} if preferred is None else {"preferred": preferred})
        for code, preferred in spoken
    ]
    assert mapped({"a.ndjson": [ada]}).patient.language == language


@pytest.mark.parametrize(
    ("names", "family", "given"),
    [
        ([{"use": "old", "family": "X"}, {"family": "Y"}], "Y", ""),
        ([{"use": "nickname", "given": ["N"]}, {"use": "usual", "family": "U"}], "U", ""),
        ([{"text": "Ada King"}], "Ada King", ""),
        ([{"family": "  van \n der  Berg "}], "van der Berg", ""),
        ([], "", ""),
    ],
)
def test_best_name_is_taken(mapped: Mapped, ada: Json, names: Any, family: str, given: str) -> None:
    patient = mapped({"a.ndjson": [ada | {"name": names}]}).patient
    assert (patient.family, patient.given) == (family, given)


def test_merged_patient_names_the_one_that_stays(mapped: Mapped, ada: Json) -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/eve"}}]
    assert mapped({"a.ndjson": [ada | {"link": link, "active": False}]}).patient.replaced_by == "eve"


def test_unknown_gender_code_is_dropped_and_counted(mapped: Mapped, ada: Json) -> None:
    stream = mapped({"a.ndjson": [ada | {"gender": "F"}]})
    assert stream.patient.sex is None
    assert [item.count for item in stream.summary.dropped] == [1]


def test_practice_role_stands_for_its_practitioner(mapped: Mapped, ada: Json, bob: Json) -> None:
    role = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/bob"}}
    ada["generalPractitioner"] = [{"reference": "Organization/o"}, {"reference": "PractitionerRole/r"}]
    assert mapped({"a.ndjson": [ada, role, bob]}).patient.general_practitioner_id == "bob"
