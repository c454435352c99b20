"""Whose patients are whose: by designation, by cover for a colleague, on duty for a clinic's calls, in an emergency."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Encrypted, TenantTable, references


class Designation(TenantTable):
    """A patient's designated coordinator from one moment until another; one at a time."""

    __tablename__ = "designations"
    __table_args__ = (
        references("patients", "patient_id"),
        references("members", "member_id"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("patient_id", "="),
            (text("tstzrange(valid_from, valid_to)"), "&&"),
            name="designations_one_at_a_time",
            using="gist",
        ),
        Index("designations_member_idx", "tenant_id", "member_id", postgresql_include=["patient_id"]),
    )

    patient_id: Mapped[UUID]
    member_id: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Cover(TenantTable):
    """That a member works another's roster, on days of a clinic's calendar; the designations stay.

    `starts_at` and `ends_at` are the moments that follow from the days. Ended early once, never changed otherwise.
    """

    __tablename__ = "covers"
    __table_args__ = (
        references("members", "absent_id"),
        references("members", "cover_id"),
        references("members", "recorded_by"),
        references("members", "ended_by"),
        references("clinics", "clinic_id"),
        CheckConstraint("absent_id <> cover_id", name="apart"),
        CheckConstraint("first_on <= last_on AND starts_at < ends_at", name="forward"),
        CheckConstraint("ended_at >= starts_at AND ended_at <= ends_at", name="ended"),
        ExcludeConstraint(
            ("tenant_id", "="),
            ("absent_id", "="),
            (text("tstzrange(starts_at, coalesce(ended_at, ends_at))"), "&&"),
            name="covers_one_at_a_time",
            using="gist",
        ),
        Index("covers_cover_idx", "tenant_id", "cover_id", "ends_at"),
    )

    absent_id: Mapped[UUID]
    cover_id: Mapped[UUID]
    clinic_id: Mapped[UUID]
    first_on: Mapped[date]
    last_on: Mapped[date]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]


class PoolDuty(TenantTable):
    """When a member answers a clinic's calls, by the clinic's clock: all the clinic's patients are theirs meanwhile.

    From `first_on` to `last_on` (none where it goes on), on `weekdays` (ISO's, Monday is 1; every day where none is
    named), from one minute of the day until another. Ended once, never changed otherwise.
    """

    __tablename__ = "pool_duties"
    __table_args__ = (
        references("clinics", "clinic_id"),
        references("members", "member_id"),
        references("members", "recorded_by"),
        references("members", "ended_by"),
        CheckConstraint("last_on >= first_on", name="forward"),
        CheckConstraint("from_minute >= 0 AND until_minute > from_minute AND until_minute <= 1440", name="hours"),
        CheckConstraint(
            "weekdays <@ '{1,2,3,4,5,6,7}'::smallint[] AND cardinality(weekdays) BETWEEN 1 AND 7", name="weekdays"
        ),
        Index("pool_duties_member_idx", "tenant_id", "member_id", postgresql_where=text("ended_at IS NULL")),
    )

    clinic_id: Mapped[UUID]
    member_id: Mapped[UUID]
    first_on: Mapped[date]
    last_on: Mapped[date | None]
    weekdays: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    from_minute: Mapped[int] = mapped_column(SmallInteger)
    until_minute: Mapped[int] = mapped_column(SmallInteger)
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]


class GlassOpening(TenantTable):
    """A use of emergency access: one patient, by a member to whom the wall does not show them, for an hour at most.

    Made by `ctx.break_glass` and ended by `ctx.end_glass` alone. Never changed otherwise.
    """

    __tablename__ = "glass_openings"
    __table_args__ = (
        references("patients", "patient_id"),
        references("members", "used_by"),
        references("members", "ended_by"),
        # What a review refers to, with who used it.
        UniqueConstraint("tenant_id", "id", "used_by"),
        CheckConstraint("category IN ('urgent', 'call', 'unreachable', 'safety')", name="category"),
        CheckConstraint("until > opened_at AND until <= opened_at + interval '60 minutes'", name="hour"),
        CheckConstraint("ended_at >= opened_at AND ended_at <= until", name="ended"),
        Index("glass_openings_used_by_idx", "tenant_id", "used_by", "until"),
    )

    patient_id: Mapped[UUID]
    used_by: Mapped[UUID]
    category: Mapped[str]
    reason: Mapped[str] = mapped_column(Encrypted("glass_openings.reason"))
    opened_at: Mapped[datetime]
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]


class GlassReview(TenantTable):
    """What somebody else found of a use of emergency access. Inserted once."""

    __tablename__ = "glass_reviews"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "opening_id", "used_by"],
            ["glass_openings.tenant_id", "glass_openings.id", "glass_openings.used_by"],
        ),
        references("members", "reviewed_by"),
        UniqueConstraint("tenant_id", "opening_id"),
        CheckConstraint("reviewed_by <> used_by", name="another"),
        CheckConstraint("verdict IN ('appropriate', 'not_appropriate')", name="verdict"),
        CheckConstraint("verdict = 'appropriate' OR note IS NOT NULL", name="note"),
    )

    opening_id: Mapped[UUID]
    used_by: Mapped[UUID]
    reviewed_by: Mapped[UUID]
    verdict: Mapped[str]
    note: Mapped[str | None] = mapped_column(Encrypted("glass_reviews.note"))
    reviewed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
