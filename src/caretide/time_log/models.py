"""Names of kinds of work, running timers, finished entries, the decisions over them, their sums, locked months."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlalchemy.dialects.postgresql.ranges import Range
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Base, Encrypted, TenantTable, references

# The codes of the rules' ACTIVITY_TYPES: a test compares them.
STANDARD: Final = (
    "'patient_call', 'secure_message', 'care_plan', 'medication_review', 'education', 'coordination', 'transition', "
    "'community_services', 'results_review', 'preventive_care', 'prior_authorization', 'equipment', "
    "'unsuccessful_outreach', 'scheduling', 'supervision'"
)


class Activity(TenantTable):
    """A name under which the tenant offers, or offered, a kind of work: the newest version of a code stands.

    `standard` is one of `rules.ACTIVITY_TYPES`, the same in all versions: it alone decides how time counts. Inserted
    once; entries keep the version whose words they were recorded under.
    """

    __tablename__ = "activities"
    __table_args__ = (
        references("members", "recorded_by"),
        UniqueConstraint("tenant_id", "code", "version", name="activities_tenant_id_code_version_key"),
        UniqueConstraint("tenant_id", "id", "standard", name="activities_tenant_id_id_standard_key"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,62}$'", name="code"),
        CheckConstraint("length(label) BETWEEN 1 AND 200", name="label"),
        CheckConstraint(f"standard IN ({STANDARD})", name="standard"),
        CheckConstraint(f"code = standard OR code NOT IN ({STANDARD})", name="own_code"),
    )

    code: Mapped[str]
    version: Mapped[int]
    standard: Mapped[str]
    label: Mapped[str]
    is_offered: Mapped[bool]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime]


class Timer(TenantTable):
    """Running time. Deleted when it stops: what remains is the entry."""

    __tablename__ = "timers"
    __table_args__ = (
        references("members", "member_id"),
        references("patients", "patient_id"),
        references("enrollments", "enrollment_id"),
        references("clinics", "clinic_id"),
        UniqueConstraint("tenant_id", "member_id"),
        ForeignKeyConstraint(
            ["tenant_id", "activity_id", "activity_type"],
            ["activities.tenant_id", "activities.id", "activities.standard"],
            name="timers_tenant_id_activity_id_activity_type_fkey",
        ),
    )

    member_id: Mapped[UUID]
    account_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    enrollment_id: Mapped[UUID]
    # What the entry will need, as it stood at the start: a timer can be stopped whatever changed since.
    clinic_id: Mapped[UUID]
    program: Mapped[str]
    staff_role: Mapped[str]
    credential: Mapped[str]
    activity_type: Mapped[str]
    activity_id: Mapped[UUID | None]
    started_at: Mapped[datetime]


class TimerSign(Base):
    """When whoever a timer runs for last gave a sign of life, and a stretch without any that they did not account for.

    Kept from the first page on that showed the timer: of one that only a program knows there is nothing to go by. They
    go with the timer, whoever stops it.
    """

    __tablename__ = "timer_signs"
    __table_args__ = (CheckConstraint("(away_from IS NULL) = (away_to IS NULL) AND away_to > away_from", name="away"),)

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    timer_id: Mapped[UUID] = mapped_column(primary_key=True)
    alive_at: Mapped[datetime]
    call_until: Mapped[datetime | None]
    away_from: Mapped[datetime | None]
    away_to: Mapped[datetime | None]


class Draft(TenantTable):
    """What a member is typing and has not saved, by place (`timer:` and its id): it survives the end of a session."""

    __tablename__ = "drafts"
    __table_args__ = (references("members", "member_id"), UniqueConstraint("tenant_id", "member_id", "place"))

    member_id: Mapped[UUID]
    place: Mapped[str]
    text: Mapped[str] = mapped_column(Encrypted("drafts.text"))
    saved_at: Mapped[datetime]


class TimeEntry(TenantTable):
    """A finished interval of one member's seconds for one patient and program, within one service month."""

    __tablename__ = "time_log_entries"
    __table_args__ = (
        references("patients", "patient_id"),
        references("members", "coordinator_id"),
        references("members", "voided_by"),
        references("members", "entered_by"),
        references("enrollments", "enrollment_id"),
        references("clinics", "clinic_id"),
        references("time_log_entries", "supersedes_id"),
        ForeignKeyConstraint(
            ["tenant_id", "activity_id", "activity_type"],
            ["activities.tenant_id", "activities.id", "activities.standard"],
            name="time_log_entries_tenant_id_activity_id_activity_type_fkey",
        ),
        CheckConstraint("end_time > start_time", name="forward"),
        CheckConstraint(
            "extract(epoch FROM start_time) % 1 = 0 AND extract(epoch FROM end_time) % 1 = 0", name="whole_seconds"
        ),
        CheckConstraint("is_void = (void_reason IS NOT NULL)", name="void_reason"),
        CheckConstraint(
            "source IN ('timer', 'timer_stopped_by_another', 'manual', 'correction', 'correction_adding')",
            name="source",
        ),
        CheckConstraint(
            "(source IN ('manual', 'correction', 'correction_adding')) = (entry_reason IS NOT NULL)",
            name="entry_reason",
        ),
        CheckConstraint(
            "(source IN ('correction', 'correction_adding')) = (supersedes_id IS NOT NULL)", name="supersedes"
        ),
        UniqueConstraint("tenant_id", "id", "coordinator_id", name="time_log_entries_tenant_id_id_coordinator_id_key"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("coordinator_id", "="),
            (text("tstzrange(start_time, end_time)"), "&&"),
            name="time_log_entries_no_overlap",
            using="gist",
            where=text("NOT is_void"),
        ),
        Index(
            "time_log_entries_month_idx",
            "tenant_id",
            "service_month",
            "patient_id",
            postgresql_include=["duration_secs", "is_void"],
        ),
        Index("time_log_entries_patient_idx", "tenant_id", "patient_id", "start_time"),
        Index(
            "time_log_entries_void_idx",
            "tenant_id",
            "coordinator_id",
            "service_month",
            postgresql_where=text("is_void"),
        ),
        Index(
            "time_log_entries_awaiting_idx",
            "tenant_id",
            "start_time",
            postgresql_where=text("source IN ('manual', 'correction_adding') AND NOT is_void"),
        ),
    )

    patient_id: Mapped[UUID]
    coordinator_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    enrollment_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    program: Mapped[str]
    # The standard type, by which it counts, and the version of the tenant's own name for it, if it has one.
    activity_type: Mapped[str]
    activity_id: Mapped[UUID | None]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    # Whole seconds by construction: start rounds up, stop rounds down.
    duration_secs: Mapped[int] = mapped_column(
        Computed("extract(epoch FROM (end_time - start_time))::integer", persisted=True)
    )
    service_month: Mapped[date]
    staff_role: Mapped[str]
    credential: Mapped[str]
    source: Mapped[str]
    # Sealed before it gets here, because `row_hash` covers the sealed bytes: they can be verified without the key.
    note: Mapped[bytes | None] = mapped_column(LargeBinary)
    supersedes_id: Mapped[UUID | None]
    # Why time was told rather than taken; sealed before it gets here, as the note is.
    entry_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Who brought the entry in, as the database saw them: a manager may correct somebody else's.
    entered_by: Mapped[UUID | None] = mapped_column(server_default=text("ctx.member()"))
    is_void: Mapped[bool] = mapped_column(server_default=text("false"))
    void_reason: Mapped[str | None] = mapped_column(Encrypted("time_log_entries.void_reason"))
    voided_by: Mapped[UUID | None]
    voided_at: Mapped[datetime | None]
    row_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class TimeApproval(TenantTable):
    """A second person's decision over time that was entered after the fact. Inserted once; one an entry."""

    __tablename__ = "time_entry_approvals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "entry_id", "coordinator_id"],
            ["time_log_entries.tenant_id", "time_log_entries.id", "time_log_entries.coordinator_id"],
        ),
        references("patients", "patient_id"),
        references("members", "approved_by"),
        UniqueConstraint("tenant_id", "entry_id"),
        CheckConstraint("decision IN ('approved', 'refused')", name="decision"),
        CheckConstraint("approved_by <> coordinator_id OR waiver_id IS NOT NULL", name="second_person"),
        ForeignKeyConstraint(
            ["tenant_id", "waiver_id", "approved_by"],
            ["duty_waivers.tenant_id", "duty_waivers.id", "duty_waivers.member_id"],
            name="time_entry_approvals_tenant_id_waiver_id_approved_by_fkey",
        ),
        CheckConstraint("(decision = 'refused') = (reason IS NOT NULL)", name="reason"),
        Index("time_entry_approvals_patient_idx", "tenant_id", "patient_id"),
        Index(
            "time_entry_approvals_waived_idx",
            "tenant_id",
            "entry_id",
            postgresql_where=text("waiver_id IS NOT NULL"),
        ),
    )

    entry_id: Mapped[UUID]
    patient_id: Mapped[UUID]
    # The entry's, by the foreign key: a CHECK can see whether somebody decides over their own time.
    coordinator_id: Mapped[UUID]
    approved_by: Mapped[UUID]
    decision: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Encrypted("time_entry_approvals.reason"))
    decided_at: Mapped[datetime]
    # By which waiver somebody decided over their own time: the guard finds it, whoever decides does not choose it.
    waiver_id: Mapped[UUID | None]


class MonthSum(Base):
    """The live seconds of a patient's month in a program, kept by triggers. A row stays when its last entry is void.

    `awaiting_secs` waits for approval and is in none of the others; `entries` and `last_contact_at` go by all entries
    that stand, those that wait too.
    """

    __tablename__ = "month_seconds"
    __table_args__ = (
        references("patients", "patient_id"),
        CheckConstraint(
            "staff_secs >= 0 AND practitioner_secs >= 0 AND uncounted_secs >= 0 AND awaiting_secs >= 0"
            " AND entries >= 0",
            name="sums",
        ),
        Index("month_seconds_patient_idx", "tenant_id", "patient_id"),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    service_month: Mapped[date] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    program: Mapped[str] = mapped_column(primary_key=True)
    staff_secs: Mapped[int]
    practitioner_secs: Mapped[int]
    uncounted_secs: Mapped[int]
    awaiting_secs: Mapped[int]
    entries: Mapped[int]
    last_contact_at: Mapped[datetime | None]


class MemberDay(Base):
    """What a member recorded on a day, by the calendar of the clinic it was for; time that waits for approval too.

    An entry belongs to the day on which it began. Kept by triggers; a row stays when its last entry is void.
    """

    __tablename__ = "member_days"
    __table_args__ = (
        references("members", "member_id"),
        CheckConstraint("seconds >= 0 AND entries >= 0", name="sums"),
        Index("member_days_day_idx", "tenant_id", "day"),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    seconds: Mapped[int]
    entries: Mapped[int]


class AccountInterval(Base):
    """An account's taken time, in any tenant. Only triggers write it; nobody reads it."""

    __tablename__ = "account_intervals"
    __table_args__ = (
        ExcludeConstraint(("account_id", "="), ("during", "&&"), name="account_intervals_no_overlap", using="gist"),
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE, primary_key=True)


class MonthLock(TenantTable):
    """A clinic's closed service month: until it is released, no entry may be added to it or voided in it."""

    __tablename__ = "month_locks"
    __table_args__ = (
        references("clinics", "clinic_id"),
        references("members", "locked_by"),
        Index(
            "month_locks_standing_idx",
            "tenant_id",
            "clinic_id",
            "service_month",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    clinic_id: Mapped[UUID]
    service_month: Mapped[date]
    locked_by: Mapped[UUID | None]
    locked_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    released_by: Mapped[UUID | None]
    released_at: Mapped[datetime | None]
