"""A patient and what the EHR says of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Computed, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Encrypted, TenantTable, references


class Patient(TenantTable):
    """A person in care, at one clinic."""

    __tablename__ = "patients"
    __table_args__ = (
        references("clinics", "clinic_id"),
        UniqueConstraint("tenant_id", "source", "source_id"),
        Index("patients_name_key_idx", "tenant_id", "name_key", "id"),
        Index("patients_mrn_idx", "tenant_id", "mrn"),
        Index("patients_birth_date_idx", "tenant_id", "birth_date"),
        Index("patients_clinic_idx", "tenant_id", "clinic_id"),
    )

    clinic_id: Mapped[UUID]
    source: Mapped[str]
    source_id: Mapped[str]
    mrn: Mapped[str | None]
    mbi: Mapped[str | None] = mapped_column(Encrypted("patients.mbi"))
    family: Mapped[str]
    given: Mapped[str]
    # Searched by range (`>= 'x' and < 'y'`): under row-level security LIKE cannot use an index.
    name_key: Mapped[str] = mapped_column(Computed("lower(family || ' ' || given) COLLATE \"C\"", persisted=True))
    birth_date: Mapped[date]
    sex: Mapped[str]
    language: Mapped[str | None]
    # The EHR can know that somebody died without knowing the day: then `deceased_on` stays empty.
    is_deceased: Mapped[bool] = mapped_column(server_default=text("false"))
    deceased_on: Mapped[date | None]
    phone: Mapped[str | None] = mapped_column(Encrypted("patients.phone"))
    email: Mapped[str | None] = mapped_column(Encrypted("patients.email"))
    address: Mapped[str | None] = mapped_column(Encrypted("patients.address"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Condition(TenantTable):
    """A diagnosis. `is_problem` marks the problem list, as against a diagnosis of one encounter.

    `icd10_also` lists further ICD-10-CM codes of the same entry: one SNOMED concept can need two.
    """

    __tablename__ = "conditions"
    __table_args__ = (references("patients", "patient_id"), UniqueConstraint("tenant_id", "patient_id", "source_id"))

    patient_id: Mapped[UUID]
    source_id: Mapped[str]
    icd10: Mapped[str | None]
    icd10_also: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    snomed: Mapped[str | None]
    name: Mapped[str]
    is_active: Mapped[bool]
    is_problem: Mapped[bool]
    onset: Mapped[str | None]
    abated: Mapped[str | None]


class Medication(TenantTable):
    """A medication request."""

    __tablename__ = "medications"
    __table_args__ = (references("patients", "patient_id"), UniqueConstraint("tenant_id", "patient_id", "source_id"))

    patient_id: Mapped[UUID]
    source_id: Mapped[str]
    rxnorm: Mapped[str | None]
    name: Mapped[str]
    dosage: Mapped[str | None]
    is_active: Mapped[bool]
    authored: Mapped[str | None]


class Allergy(TenantTable):
    """An allergy or intolerance."""

    __tablename__ = "allergies"
    __table_args__ = (references("patients", "patient_id"), UniqueConstraint("tenant_id", "patient_id", "source_id"))

    patient_id: Mapped[UUID]
    source_id: Mapped[str]
    code: Mapped[str | None]
    name: Mapped[str]
    criticality: Mapped[str | None]
    is_active: Mapped[bool]


class Coverage(TenantTable):
    """An insurance coverage with its period, both ends inclusive."""

    __tablename__ = "coverages"
    __table_args__ = (references("patients", "patient_id"), UniqueConstraint("tenant_id", "patient_id", "source_id"))

    patient_id: Mapped[UUID]
    source_id: Mapped[str]
    kind: Mapped[str]
    payor: Mapped[str]
    plan: Mapped[str | None]
    is_active: Mapped[bool]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]


class Encounter(TenantTable):
    """A visit or stay. `facility` says in what kind of place; a stay in some of them stops minutes from counting."""

    __tablename__ = "encounters"
    __table_args__ = (references("patients", "patient_id"), UniqueConstraint("tenant_id", "patient_id", "source_id"))

    patient_id: Mapped[UUID]
    source_id: Mapped[str]
    kind: Mapped[str]
    facility: Mapped[str]
    status: Mapped[str | None]
    name: Mapped[str]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    practitioner_source_id: Mapped[str | None]
