"""The vocabulary of the gateway's tests: files go in by name, messages come out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tidegate import contract
from tidegate.charts import messages
from tidegate.vendors.ndjson.reading import gather

Json = dict[str, Any]
Content = bytes | str | list[Json] | Json


@dataclass(frozen=True)
class Stream:
    """What a run wrote, read back through the contract."""

    lines: list[bytes]
    messages: list[contract.AnyMessage]

    @property
    def patients(self) -> list[contract.PatientMessage]:
        return [message for message in self.messages if isinstance(message, contract.PatientMessage)]

    @property
    def patient(self) -> contract.PatientMessage:
        (only,) = self.patients
        return only

    @property
    def practitioners(self) -> list[contract.PractitionerMessage]:
        return [message for message in self.messages if isinstance(message, contract.PractitionerMessage)]

    @property
    def rejected(self) -> list[contract.Rejected]:
        return [message for message in self.messages if isinstance(message, contract.Rejected)]

    @property
    def summary(self) -> contract.Summary:
        last = self.messages[-1]
        assert isinstance(last, contract.Summary)
        return last

    def count(self, kind: str) -> contract.ResourceCount:
        return next(item for item in self.summary.resources if item.resource_type == kind)


Mapped = Callable[[Mapping[str, Content]], Stream]


def run(path: Path) -> Stream:
    lines = [contract.encode(message) for message in messages(gather(path), "ndjson")]
    return Stream(lines, [contract.decode(line) for line in lines])


def content(value: Content) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(line).encode() for line in lines)


@pytest.fixture
def mapped(tmp_path: Path) -> Mapped:
    """Return what maps files: text or bytes as they are, resources one a line."""

    def of(files: Mapping[str, Content]) -> Stream:
        folder = tmp_path / "export"
        for name, value in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(value))
        return run(folder)

    return of


@pytest.fixture
def mapped_folder() -> Callable[[Path], Stream]:
    """Return what maps a folder or file that is already there."""
    return run


@pytest.fixture
def ada() -> Json:
    """Return a patient with everything in its usual place."""
    return {
        "resourceType": "Patient",
        "id": "ada",
        "active": True,
        "identifier": [
            {
                "system": "urn:clinic",
                "value": "M-1",
                "type": coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
            },
            {"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1S00-E00-AA00"},
        ],
        "name": [{"use": "maiden", "family": "Byron"}, {"use": "official", "family": "King", "given": ["Ada", "A."]}],
        "telecom": [
            {"system": "phone", "value": "555-0100", "use": "home", "rank": 2},
            {"system": "phone", "value": "555-0199", "use": "old"},
            {"system": "email", "value": "ada@example.com"},
            {"system": "fax", "value": "555-0101"},
        ],
        "gender": "female",
        "birthDate": "1950-12-10",
        "address": [{"use": "home", "line": ["1 Mill St"], "city": "Salem", "state": "MA", "postalCode": "01970"}],
        "communication": [
            {"language": coded("urn:ietf:bcp:47", "en")},
            {"language": coded("urn:ietf:bcp:47", "es-US"), "preferred": True},
        ],
        "generalPractitioner": [{"reference": "Practitioner/bob"}],
    }


@pytest.fixture
def bob() -> Json:
    """Return a practitioner with a right NPI."""
    return {
        "resourceType": "Practitioner",
        "id": "bob",
        "active": True,
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
        "name": [{"family": "Ross", "given": ["Bob"]}],
    }


@pytest.fixture
def diabetes() -> Json:
    """Return an active problem of ada's."""
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "category": [coded("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")],
        "code": {
            "coding": [
                {"system": "http://snomed.info/sct", "code": "44054006", "display": "Diabetes mellitus type 2"},
                {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E119"},
            ]
        },
        "subject": {"reference": "Patient/ada"},
        "onsetDateTime": "2019-03",
        "recordedDate": "2019-03-04T10:00:00-05:00",
    }


def coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
