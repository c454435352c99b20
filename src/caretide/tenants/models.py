"""A tenant, its sites and its people."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, Encrypted, TenantTable, references


class Tenant(Base):
    """A covered entity. Holds no health data; readable across tenants so that people can choose among theirs."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("idle_minutes BETWEEN 5 AND 30", name="idle_minutes"),
        CheckConstraint("timer_ask_minutes BETWEEN 3 AND 20", name="timer_ask_minutes"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_generated: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    idle_minutes: Mapped[int] = mapped_column(server_default=text("15"))
    timer_ask_minutes: Mapped[int] = mapped_column(server_default=text("5"))


class Company(Base):
    """A service company whose staff work in several tenants. It has a name and nothing of any patient."""

    __tablename__ = "companies"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_generated: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class CompanyService(TenantTable):
    """That a company serves the tenant: one at a time. The tenant says so, behind its own wall."""

    __tablename__ = "company_services"
    __table_args__ = (
        CheckConstraint("ended_at >= began_at", name="forward"),
        Index("company_services_standing_idx", "tenant_id", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id"))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CompanyAccount(Base):
    """That an account belongs to a service company; a director sees its figures. Ids alone: outside the tenant wall."""

    __tablename__ = "company_accounts"

    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True, index=True)
    is_director: Mapped[bool] = mapped_column(server_default=text("false"))
    joined_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class TenantSetting(TenantTable):
    """What the tenant decided about itself, from a moment on: the newest row of a name stands. Inserted once."""

    __tablename__ = "tenant_settings"
    __table_args__ = (
        references("members", "recorded_by"),
        CheckConstraint(
            "name IN ('administrators_see_health', 'idle_minutes', 'timer_ask_minutes', 'sign_in_policy', "
            "'privacy_contact', 'glass_members')",
            name="name",
        ),
        CheckConstraint(
            "CASE name WHEN 'administrators_see_health' THEN jsonb_typeof(value) = 'boolean' "
            "WHEN 'idle_minutes' THEN value IN (to_jsonb(5), to_jsonb(10), to_jsonb(15), to_jsonb(20), to_jsonb(25), "
            "to_jsonb(30)) WHEN 'timer_ask_minutes' THEN value IN (to_jsonb(3), to_jsonb(5), to_jsonb(10), "
            "to_jsonb(15), to_jsonb(20)) WHEN 'sign_in_policy' THEN value IN (to_jsonb('any'::text), "
            "to_jsonb('administrators'::text), to_jsonb('everybody'::text)) "
            "WHEN 'glass_members' THEN jsonb_typeof(value) = 'array' ELSE jsonb_typeof(value) = 'string' END",
            name="value",
        ),
        Index("tenant_settings_name_idx", "tenant_id", "name", text("recorded_at DESC")),
    )

    name: Mapped[str]
    value: Mapped[Any] = mapped_column(JSONB)
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime]


class Agreement(TenantTable):
    """A business associate agreement: its file lies in the vault under its SHA-256. Ended once, never changed.

    Without one in force the database refuses patients and imports (`agreement_guard`).
    """

    __tablename__ = "agreements"
    __table_args__ = (
        references("members", "recorded_by"),
        references("members", "ended_by"),
        CheckConstraint("kind IN ('operator', 'company', 'subcontractor')", name="kind"),
        CheckConstraint("(kind = 'company') = (company_id IS NOT NULL)", name="company"),
        CheckConstraint("at_end IN ('return', 'destroy', 'return_or_destroy')", name="at_end"),
        CheckConstraint("breach_notice_hours BETWEEN 1 AND 1440", name="breach_notice_hours"),
        CheckConstraint("ends_on >= effective_on", name="forward"),
        CheckConstraint("(ended_on IS NULL) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
    )

    kind: Mapped[str]
    party: Mapped[str]
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("companies.id"))
    file_sha256: Mapped[str]
    file_octets: Mapped[int]
    effective_on: Mapped[date]
    ends_on: Mapped[date | None]
    breach_notice_hours: Mapped[int]
    subcontractors: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    at_end: Mapped[str]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    ended_on: Mapped[date | None]
    ended_because: Mapped[str | None]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class AgreementNotice(TenantTable):
    """That an agreement's end was told of, so many days before it: once each."""

    __tablename__ = "agreement_notices"
    __table_args__ = (references("agreements", "agreement_id"), UniqueConstraint("tenant_id", "agreement_id", "days"))

    agreement_id: Mapped[UUID]
    days: Mapped[int]
    sent_at: Mapped[datetime]


class DutyWaiver(TenantTable):
    """That a member may do alone what two people do otherwise (`rules.waivers.DUTIES`), until a day.

    Inserted by an administrator, in their own name; ended once. What rests on it names it.
    """

    __tablename__ = "duty_waivers"
    __table_args__ = (
        references("members", "member_id"),
        references("members", "granted_by"),
        references("members", "ended_by"),
        UniqueConstraint("tenant_id", "id", "member_id", name="duty_waivers_tenant_id_id_member_id_key"),
        CheckConstraint("duty IN ('approve_own_time')", name="duty"),
        CheckConstraint(
            "ends_on >= (granted_at AT TIME ZONE 'UTC')::date "
            "AND ends_on <= (granted_at AT TIME ZONE 'UTC')::date + interval '1 year'",
            name="ends_on",
        ),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended"),
    )

    duty: Mapped[str]
    member_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Encrypted("duty_waivers.reason"))
    granted_by: Mapped[UUID]
    granted_at: Mapped[datetime]
    ends_on: Mapped[date]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class Recovery(TenantTable):
    """That a member who lost every way to sign in is to get a new one: asked for, and confirmed by somebody else.

    `is_alone`: there was no other administrator to ask. `asked_by` is nobody where whoever runs the installation gave
    it, to somebody who works in other tenants too: then nothing is to be confirmed. `code_hash` is of the code that the
    link asks for, told to its person apart from it; `tries` counts wrong ones.
    """

    __tablename__ = "recoveries"
    __table_args__ = (
        references("members", "member_id"),
        references("members", "asked_by"),
        references("members", "confirmed_by"),
        references("members", "ended_by"),
        UniqueConstraint("tenant_id", "id", "member_id", name="recoveries_tenant_id_id_member_id_key"),
        CheckConstraint(
            "asked_by IS NOT NULL OR (NOT is_alone AND confirmed_at IS NULL AND ended_at IS NULL)", name="operator"
        ),
        CheckConstraint("asked_by <> member_id AND confirmed_by <> member_id", name="others"),
        CheckConstraint("confirmed_by <> asked_by", name="second_person"),
        CheckConstraint(
            "(confirmed_by IS NULL) = (confirmed_at IS NULL) AND confirmed_at < expires_at "
            "AND NOT (is_alone AND confirmed_at IS NOT NULL)",
            name="confirmed",
        ),
        CheckConstraint(
            "(ended_by IS NULL) = (ended_at IS NULL) AND NOT (ended_at IS NOT NULL AND confirmed_at IS NOT NULL)",
            name="ended",
        ),
        CheckConstraint("expires_at = asked_at + interval '24 hours'", name="expires"),
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
        Index("recoveries_member_id_idx", "tenant_id", "member_id", text("asked_at DESC")),
    )

    member_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Encrypted("recoveries.reason"))
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    is_alone: Mapped[bool]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class Clinic(TenantTable):
    """A site: its calendar, its address, and how its claims are placed."""

    __tablename__ = "clinics"
    __table_args__ = (UniqueConstraint("tenant_id", "slug"), ForeignKeyConstraint(["tenant_id"], ["tenants.id"]))

    slug: Mapped[str]
    name: Mapped[str]
    time_zone: Mapped[str]
    address: Mapped[str] = mapped_column(server_default=text("''"))
    phone: Mapped[str] = mapped_column(server_default=text("''"))
    tin_group: Mapped[str]
    provider_type: Mapped[str] = mapped_column(server_default=text("'physician_practice'"))
    place_of_service: Mapped[str] = mapped_column(server_default=text("'11'"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class ClinicFact(TenantTable):
    """A dated statement about a clinic, such as that it can be reached round the clock. Inserted once."""

    __tablename__ = "clinic_facts"
    __table_args__ = (references("clinics", "clinic_id"),)

    clinic_id: Mapped[UUID]
    kind: Mapped[str]
    value: Mapped[dict[str, Any]]
    effective_on: Mapped[date]
    checked_on: Mapped[date]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Practitioner(TenantTable):
    """Somebody under whose name a month may be billed, or whom the EHR names."""

    __tablename__ = "practitioners"
    __table_args__ = (UniqueConstraint("tenant_id", "npi"),)

    npi: Mapped[str]
    family: Mapped[str]
    given: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default=text("'physician'"))
    tin_group: Mapped[str | None]
    source_id: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Member(TenantTable):
    """A person's place in the tenant: role, credential, and as whose minutes theirs count.

    `languages` are BCP 47 tags; `weekly_hours` is the capacity that work is handed out by, None while nobody said.
    A trigger refuses a suspension while the member's timer runs, another one a timer for a suspended member.
    """

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email"),
        references("practitioners", "practitioner_id"),
        CheckConstraint(
            "role IN ('administrator', 'manager', 'coordinator', 'billing', 'practitioner', 'auditor')", name="role"
        ),
        CheckConstraint("status IN ('invited', 'active', 'suspended')", name="status"),
        CheckConstraint("weekly_hours > 0 AND weekly_hours <= 80", name="weekly_hours"),
    )

    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    email: Mapped[str]
    display_name: Mapped[str]
    role: Mapped[str]
    credential: Mapped[str] = mapped_column(server_default=text("''"))
    staff_role: Mapped[str]
    practitioner_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=text("'invited'"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    weekly_hours: Mapped[float | None] = mapped_column(Numeric(4, 1, asdecimal=False))
    suspended_at: Mapped[datetime | None]


class MemberLicense(TenantTable):
    """What a member is licensed as in a state, until when. Given up or renewed, it is withdrawn; the row stays.

    The number is kept plain: state boards publish it, as the NPI is published.
    """

    __tablename__ = "member_licenses"
    __table_args__ = (
        references("members", "member_id"),
        Index(
            "member_licenses_standing_idx",
            "tenant_id",
            "member_id",
            "kind",
            "state",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    member_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[str]
    number: Mapped[str]
    expires_on: Mapped[date]
    recorded_by: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    withdrawn_at: Mapped[datetime | None]


class AccessEnding(TenantTable):
    """That a person's access to the tenant ended, and what ended with it: the event `workforce.access_ended`.

    Written by the transaction that ends it, once. `timer_ended_at` is the last sign of life that a running timer was
    stopped at; `timer_seconds` what was recorded of it, and awaits approval.
    """

    __tablename__ = "access_endings"
    __table_args__ = (
        references("members", "member_id"),
        references("members", "ended_by"),
        Index("access_endings_at_idx", "tenant_id", "ended_at", "id"),
        Index("access_endings_member_id_idx", "tenant_id", "member_id", "ended_at"),
        CheckConstraint("sessions >= 0 AND tokens >= 0 AND links >= 0", name="counts"),
    )

    member_id: Mapped[UUID]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime]
    sessions: Mapped[int]
    tokens: Mapped[int]
    links: Mapped[int]
    had_timer: Mapped[bool] = mapped_column(server_default=text("false"))
    timer_ended_at: Mapped[datetime | None]
    timer_seconds: Mapped[int | None]


class Invitation(TenantTable):
    """A one-time link by which a member sets a password. Only its SHA-256 is kept.

    For somebody who has come in before it rests on a recovery, and asks for that one's code too.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        references("members", "member_id"),
        ForeignKeyConstraint(
            ["tenant_id", "recovery_id", "member_id"],
            ["recoveries.tenant_id", "recoveries.id", "recoveries.member_id"],
            name="invitations_tenant_id_recovery_id_member_id_fkey",
        ),
        UniqueConstraint("tenant_id", "token_hash"),
    )

    member_id: Mapped[UUID]
    recovery_id: Mapped[UUID | None]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
