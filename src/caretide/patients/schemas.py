"""Patients as they go out: rows of the chart, and what the API takes and gives."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from caretide.kernel.fields import Needs
from caretide.kernel.permissions import Permission

Chart = Needs(Permission.CHART_READ)
Contact = Needs(Permission.CONTACT_READ)


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A patient as the EHR has them."""

    id: UUID
    clinic_id: UUID
    source: str
    source_id: str
    mrn: str | None
    mbi: str | None
    family: str
    given: str
    birth_date: date
    sex: str
    language: str | None
    is_deceased: bool
    deceased_on: date | None
    phone: Annotated[str | None, Contact]
    email: Annotated[str | None, Contact]
    address: Annotated[str | None, Contact]
    is_active: bool
    updated_at: datetime

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True, slots=True)
class PatientLine:
    """A patient in a list."""

    id: UUID
    clinic_id: UUID
    mrn: str | None
    family: str
    given: str
    birth_date: date
    sex: str
    is_deceased: bool
    is_active: bool

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A diagnosis; `onset` and `abated` are ISO 8601, as precise as the source knew."""

    id: UUID
    source_id: str
    icd10: str | None
    icd10_also: list[str]
    snomed: str | None
    name: str
    is_active: bool
    is_problem: bool
    onset: str | None
    abated: str | None


@dataclass(frozen=True, slots=True)
class MedicationRow:
    """A prescription."""

    id: UUID
    source_id: str
    rxnorm: str | None
    name: str
    dosage: str | None
    is_active: bool
    authored: str | None


@dataclass(frozen=True, slots=True)
class AllergyRow:
    """An allergy or intolerance, or the statement that there is none."""

    id: UUID
    source_id: str
    code: str | None
    name: str
    criticality: str | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A coverage; both ends inclusive."""

    id: UUID
    source_id: str
    kind: str
    payor: str
    plan: str | None
    is_active: bool
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class EncounterRow:
    """A visit or stay."""

    id: UUID
    source_id: str
    kind: str
    facility: str
    status: str | None
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    practitioner_source_id: str | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An ICD-10-CM code of the active problem list, in the words of the chart."""

    icd10: str
    name: str


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay in days of the clinic's calendar; `until` is None while it goes on."""

    facility: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class PatientRulingFacts:
    """What the chart contributes to the judgment of one month.

    `coverage` is None when nothing in force is recorded, and "unknown" when a record leaves open whether Part B is.
    `qmb` is True or None: the EHR never proves that somebody is not one. `stays` touch the month.
    """

    patient_id: UUID
    clinic_id: UUID
    family: str
    given: str
    birth_date: date
    mrn: str | None
    mbi: str | None
    is_deceased: bool
    deceased_on: date | None
    is_active: bool
    coverage: str | None
    qmb: bool | None
    diagnoses: tuple[Diagnosis, ...]
    stays: tuple[Stay, ...]

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}".strip()


class Shape(BaseModel):
    """What the API takes and gives: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PatientSearch(Shape):
    """A search. It travels in the body: a name or a birth date has no place in an address."""

    text: Annotated[str, Field(max_length=200)] = ""
    clinic_id: UUID | None = None
    after: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PatientList(Shape):
    """One page of patients by name; `next` is the `after` of the following page, null on the last."""

    patients: list[PatientLine]
    next: UUID | None


class PatientChart(Shape):
    """A patient with what the EHR says of them; null is what the caller may not see."""

    patient: PatientRow
    conditions: Annotated[list[ConditionRow] | None, Chart]
    medications: Annotated[list[MedicationRow] | None, Chart]
    allergies: Annotated[list[AllergyRow] | None, Chart]
    coverages: list[CoverageRow]
    encounters: Annotated[list[EncounterRow] | None, Chart]
