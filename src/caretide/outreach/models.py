"""Attempts to reach a patient, and their counts."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Base, Encrypted, TenantTable, references

CHANNEL_CHECK: Final = "channel IN ('phone', 'portal', 'text', 'mail', 'in_person')"
OUTCOME_CHECK: Final = (
    "outcome IN ('reached', 'voicemail', 'no_answer', 'busy', 'wrong_number', 'call_back', 'family', 'declined', "
    "'wants_to_leave', 'in_hospital', 'deceased', 'mistake')"
)
CONTACT: Final = "outcome IN ('reached', 'family', 'declined', 'wants_to_leave')"
"""The same lists as in `rules`; a test compares them."""


class Attempt(TenantTable):
    """One try to reach a patient, made by a member in their own name. Inserted once; a correction supersedes it."""

    __tablename__ = "attempts"
    __table_args__ = (
        references("patients", "patient_id"),
        references("members", "member_id"),
        references("time_log_entries", "time_entry_id"),
        references("attempts", "supersedes_id"),
        UniqueConstraint("tenant_id", "supersedes_id"),
        CheckConstraint(CHANNEL_CHECK, name="channel"),
        CheckConstraint(OUTCOME_CHECK, name="outcome"),
        CheckConstraint("(outcome = 'call_back') = (call_back_at IS NOT NULL)", name="call_back"),
        CheckConstraint("outcome <> 'mistake' OR supersedes_id IS NOT NULL", name="mistake"),
        Index("attempts_patient_idx", "tenant_id", "patient_id", "at"),
        Index("attempts_member_idx", "tenant_id", "member_id", "at"),
        Index(
            "attempts_call_back_idx",
            "tenant_id",
            "patient_id",
            "call_back_at",
            postgresql_where=text("call_back_at IS NOT NULL"),
        ),
    )

    patient_id: Mapped[UUID]
    member_id: Mapped[UUID]
    at: Mapped[datetime]
    # In the calendar of the patient's clinic: the counts of a month follow it.
    day: Mapped[date]
    channel: Mapped[str]
    outcome: Mapped[str]
    is_contact: Mapped[bool] = mapped_column(Computed(CONTACT, persisted=True))
    call_back_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Encrypted("attempts.note"))
    time_entry_id: Mapped[UUID | None]
    supersedes_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class AttemptMonth(Base):
    """How often a patient was tried in a month, and how often reached. Only a trigger writes it."""

    __tablename__ = "attempt_months"
    __table_args__ = (
        references("patients", "patient_id"),
        Index(
            "attempt_months_reach_idx",
            "tenant_id",
            "service_month",
            "contacts",
            "attempts",
            postgresql_include=["patient_id"],
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    service_month: Mapped[date] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    contacts: Mapped[int]


class AttemptDay(Base):
    """How often a member tried to reach somebody on a day, and how often it worked. Only a trigger writes it."""

    __tablename__ = "attempt_days"
    __table_args__ = (references("members", "member_id"),)

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    contacts: Mapped[int]
