"""A clinic's closed month: what was ruled for each patient, with the facts it was ruled on, and its claim lines."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, TenantTable, references


class MonthClose(TenantTable):
    """That a clinic's month is being closed, or is closed."""

    __tablename__ = "month_closes"
    __table_args__ = (
        references("clinics", "clinic_id"),
        UniqueConstraint("tenant_id", "clinic_id", "service_month"),
        CheckConstraint("state IN ('closing', 'closed')", name="state"),
    )

    clinic_id: Mapped[UUID]
    service_month: Mapped[date]
    state: Mapped[str]
    requested_by: Mapped[UUID | None]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    closed_at: Mapped[datetime | None]


class PatientMonth(TenantTable):
    """A ruled patient-month with the facts frozen beside it."""

    __tablename__ = "patient_months"
    __table_args__ = (
        references("patients", "patient_id"),
        references("clinics", "clinic_id"),
        references("practitioners", "practitioner_id"),
        references("documents", "document_id"),
        UniqueConstraint("tenant_id", "patient_id", "practitioner_id", "service_month"),
        Index("patient_months_clinic_idx", "tenant_id", "clinic_id", "service_month"),
        CheckConstraint("status IN ('ready', 'blocked')", name="status"),
    )

    patient_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    program: Mapped[str]
    service_month: Mapped[date]
    status: Mapped[str]
    countable_seconds: Mapped[int]
    facts: Mapped[dict[str, Any]]
    facts_hash: Mapped[str]
    ruling: Mapped[dict[str, Any]]
    document_id: Mapped[UUID | None]
    ruled_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class ClaimLine(TenantTable):
    """One code of a ready patient-month. Amounts are national non-facility fees in cents."""

    __tablename__ = "claim_lines"
    __table_args__ = (
        references("patient_months", "patient_month_id"),
        references("patients", "patient_id"),
        UniqueConstraint("tenant_id", "patient_month_id", "position"),
    )

    patient_month_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    position: Mapped[int]
    code: Mapped[str]
    units: Mapped[int]
    service_date: Mapped[date]
    place_of_service: Mapped[str]
    amount_cents: Mapped[int | None]


class MonthException(TenantTable):
    """A named fact that blocked, adjusted or informed a ruling."""

    __tablename__ = "month_exceptions"
    __table_args__ = (
        references("patient_months", "patient_month_id"),
        references("patients", "patient_id"),
        UniqueConstraint("tenant_id", "patient_month_id", "position"),
    )

    patient_month_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    position: Mapped[int]
    code: Mapped[str]
    severity: Mapped[str]
    message: Mapped[str]
    fact: Mapped[str | None]


class RuleLimits(Base):
    """Unit limits that an operator loaded in place of the assumed ones: public numbers, the same for every tenant."""

    __tablename__ = "rule_limits"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    quarter: Mapped[str]
    source: Mapped[str]
    limits: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
