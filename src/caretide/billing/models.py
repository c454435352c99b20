"""A clinic's closed month: what was ruled for each patient, with the facts it was ruled on, and its claim lines.

And its open months: how each patient-month stands by what is recorded now, kept so that a page need not rule them all.
"""

from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, EncryptedJson, TenantTable, references

COMMON_WORDS: Final = (files("caretide.billing") / "facts_words_1.json").read_bytes()
"""What frozen facts have in common. Rows are stored by reference to it: it never changes, a better one gets a number
and a format byte of its own.
"""


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
    """A ruled patient-month with the facts frozen beside it: the canonical JSON that `facts_hash` is of, sealed."""

    __tablename__ = "patient_months"
    __table_args__ = (
        references("patients", "patient_id"),
        references("clinics", "clinic_id"),
        references("practitioners", "practitioner_id"),
        references("documents", "document_id"),
        # Partial, with conditions that always hold, so that a foreign key's look for (tenant_id, id) cannot be answered
        # from them: the revision that made them has the reason.
        Index(
            "patient_months_patient_idx",
            *("tenant_id", "patient_id", "practitioner_id", "service_month"),
            unique=True,
            postgresql_where=text("patient_id IS NOT NULL"),
        ),
        Index(
            "patient_months_month_idx",
            *("tenant_id", "service_month", "clinic_id"),
            postgresql_where=text("service_month IS NOT NULL"),
        ),
        Index(
            "patient_months_unrendered_idx",
            *("tenant_id", "service_month", "clinic_id"),
            postgresql_where=text("status = 'ready' AND document_id IS NULL"),
        ),
        CheckConstraint("status IN ('ready', 'blocked')", name="status"),
    )

    patient_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    program: Mapped[str]
    service_month: Mapped[date]
    status: Mapped[str]
    countable_seconds: Mapped[int]
    facts: Mapped[bytes] = mapped_column(EncryptedJson("patient_months.facts", COMMON_WORDS))
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


class MonthStanding(TenantTable):
    """How a patient-month stands: what ruling it gave when it was last ruled, in the columns that lists need.

    It is fresh while its patient has no `StandingMark` and `rules` is the fingerprint of the rules and of the clinic as
    they are now; `rules` 0 is a closed month's, which is never stale. `program` names all programs of the month,
    `ruled_program` the one whose thresholds these are. `band` and `reason` say what to do next, `missing_secs` how much
    time the next threshold lacks, `is_under` that not even the first is reached; `leads` marks the most urgent of
    several months of one patient. `codes` are `[code, units, cents]`, `exceptions` `[code, severity, message, fact]`,
    `thresholds` seconds; `lines` and `amount_cents` are of the codes.
    """

    __tablename__ = "month_standings"
    __table_args__ = (
        references("patients", "patient_id"),
        references("clinics", "clinic_id"),
        references("practitioners", "practitioner_id"),
        references("members", "coordinator_id"),
        UniqueConstraint("tenant_id", "patient_id", "practitioner_id", "service_month"),
        Index(
            "month_standings_urgency_idx",
            *("tenant_id", "service_month", "band", "missing_secs", "name_key", "patient_id"),
            postgresql_where=text("leads"),
        ),
        Index(
            "month_standings_coordinator_idx",
            *("tenant_id", "coordinator_id", "service_month", "band", "missing_secs", "name_key", "patient_id"),
        ),
        Index(
            "month_standings_clinic_idx",
            *("tenant_id", "clinic_id", "service_month", "status", "blocked_by", "name_key", "id"),
        ),
        Index(
            "month_standings_month_idx",
            *("tenant_id", "service_month", "status", "blocked_by", "name_key", "id"),
            # What lists are sorted and filtered by: a whole tenant's is answered from the index alone.
            postgresql_include=[
                *("leads", "clinic_id", "coordinator_id", "program", "band", "is_under"),
                *("countable_secs", "amount_cents", "last_contact_at", "patient_id"),
            ],
        ),
        CheckConstraint("status IN ('ready', 'blocked')", name="status"),
    )

    patient_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    coordinator_id: Mapped[UUID | None]
    service_month: Mapped[date]
    program: Mapped[str]
    ruled_program: Mapped[str]
    name_key: Mapped[str] = mapped_column(Text(collation="C"))
    leads: Mapped[bool]
    status: Mapped[str]
    band: Mapped[int]
    reason: Mapped[str]
    tone: Mapped[str]
    missing_secs: Mapped[int]
    countable_secs: Mapped[int]
    recorded_secs: Mapped[int]
    is_under: Mapped[bool]
    thresholds: Mapped[list[Any]]
    codes: Mapped[list[Any]]
    exceptions: Mapped[list[Any]]
    conditions: Mapped[str]
    lines: Mapped[int]
    amount_cents: Mapped[int | None]
    blocked_by: Mapped[str | None]
    service_date: Mapped[date | None]
    last_contact_at: Mapped[datetime | None]
    rules: Mapped[int] = mapped_column(BigInteger)
    ruled_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class StandingCount(TenantTable):
    """Standings of a clinic's month that have everything named here in common, summed.

    `months` are patient-months, `patients` those that lead, `under` the leading ones that reached no threshold.
    """

    __tablename__ = "standing_counts"
    __table_args__ = (
        references("clinics", "clinic_id"),
        UniqueConstraint(
            *("tenant_id", "service_month", "clinic_id", "coordinator_id", "program", "status", "band", "blocked_by"),
            "rules",
            name="standing_counts_key",
            postgresql_nulls_not_distinct=True,
        ),
    )

    clinic_id: Mapped[UUID]
    service_month: Mapped[date]
    coordinator_id: Mapped[UUID | None]
    program: Mapped[str]
    status: Mapped[str]
    band: Mapped[int]
    blocked_by: Mapped[str | None]
    rules: Mapped[int] = mapped_column(BigInteger)
    months: Mapped[int]
    patients: Mapped[int]
    under: Mapped[int]
    lines: Mapped[int]
    countable_secs: Mapped[int] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)


class StandingMonth(TenantTable):
    """How far a clinic's month is ruled: whoever comes up to the patient `filled_to`, by id, was, under `rules`.

    Once that `is_complete`, every patient-month has a standing or a mark. `is_frozen`: the month is closed, and its
    standings are what was frozen.
    """

    __tablename__ = "standing_months"
    __table_args__ = (
        references("clinics", "clinic_id"),
        UniqueConstraint("tenant_id", "clinic_id", "service_month"),
    )

    clinic_id: Mapped[UUID]
    service_month: Mapped[date]
    rules: Mapped[int] = mapped_column(BigInteger)
    filled_to: Mapped[UUID | None]
    is_complete: Mapped[bool]
    is_frozen: Mapped[bool]


class Candidate(TenantTable):
    """A patient in no program who by the chart could be, with the first program there is for them."""

    __tablename__ = "candidates"
    __table_args__ = (
        references("patients", "patient_id"),
        references("clinics", "clinic_id"),
        UniqueConstraint("tenant_id", "patient_id"),
        Index("candidates_order_idx", "tenant_id", "program", "name_key", "patient_id"),
        Index("candidates_clinic_idx", "tenant_id", "clinic_id", "program", "name_key", "patient_id"),
    )

    patient_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    program: Mapped[str]
    name_key: Mapped[str] = mapped_column(Text(collation="C"))


class StandingMark(TenantTable):
    """That something changed on which a patient's rulings rest. Triggers insert it with the change; see the migration.

    Whoever rules the patient anew deletes the marks that were read before anything else was.
    """

    __tablename__ = "standing_marks"
    __table_args__ = (Index("standing_marks_patient_idx", "tenant_id", "patient_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    patient_id: Mapped[UUID]
