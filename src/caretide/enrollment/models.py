"""Enrollments with their history, consents, and dated facts about a patient."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Encrypted, TenantTable, references


class Enrollment(TenantTable):
    """A patient in a program under a billing practitioner."""

    __tablename__ = "enrollments"
    __table_args__ = (
        references("patients", "patient_id"),
        references("clinics", "clinic_id"),
        references("practitioners", "practitioner_id"),
        CheckConstraint("program IN ('CCM', 'PCM')", name="program"),
        CheckConstraint("ended_on >= started_on", name="forward"),
        Index(
            "enrollments_open_idx",
            "tenant_id",
            "patient_id",
            "program",
            unique=True,
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index("enrollments_clinic_idx", "tenant_id", "clinic_id"),
        Index("enrollments_patient_idx", "tenant_id", "patient_id", postgresql_where=text("patient_id IS NOT NULL")),
    )

    patient_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    program: Mapped[str]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    # Attested at enrollment (the definition of CCM and PCM asks for both): risk, and how long the conditions will last.
    is_high_risk: Mapped[bool | None]
    expected_months: Mapped[int | None]


class EnrollmentStatus(TenantTable):
    """A change of an enrollment's status, with its reason. Inserted once."""

    __tablename__ = "enrollment_statuses"
    __table_args__ = (
        references("enrollments", "enrollment_id"),
        references("patients", "patient_id"),
        CheckConstraint("status IN ('enrolled', 'ended')", name="status"),
        Index("enrollment_statuses_enrollment_idx", "tenant_id", "enrollment_id"),
    )

    enrollment_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(Encrypted("enrollment_statuses.reason"))
    effective_on: Mapped[date]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Consent(TenantTable):
    """A patient's decision about a program: accepted, declined or revoked. Inserted once."""

    __tablename__ = "consents"
    __table_args__ = (
        references("enrollments", "enrollment_id"),
        references("patients", "patient_id"),
        references("practitioners", "practitioner_id"),
        CheckConstraint("decision IN ('accepted', 'declined', 'revoked')", name="decision"),
        CheckConstraint("mode IN ('verbal', 'written', 'electronic')", name="mode"),
        Index("consents_patient_idx", "tenant_id", "patient_id"),
    )

    enrollment_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    decision: Mapped[str]
    mode: Mapped[str]
    decided_at: Mapped[datetime]
    obtained_by: Mapped[str]
    script_version: Mapped[str]
    disclosures: Mapped[dict[str, Any]]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class PatientFact(TenantTable):
    """A dated fact that a ruling needs; `kind` names its shape in `schemas.FACTS`. Inserted once.

    `service_month` is the first day of the one month that a fact speaks of; empty for a fact that stands from
    `effective_on` until a later one. A correction is a new record that names the one in whose place it stands.
    """

    __tablename__ = "patient_facts"
    __table_args__ = (
        references("patients", "patient_id"),
        references("patient_facts", "supersedes_id"),
        Index("patient_facts_patient_idx", "tenant_id", "patient_id", "kind", "effective_on"),
        Index("patient_facts_supersedes_idx", "tenant_id", "supersedes_id", unique=True),
    )

    patient_id: Mapped[UUID]
    kind: Mapped[str]
    value: Mapped[dict[str, Any]]
    service_month: Mapped[date | None]
    effective_on: Mapped[date]
    checked_on: Mapped[date]
    supersedes_id: Mapped[UUID | None]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
