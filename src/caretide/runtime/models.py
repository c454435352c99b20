"""The trail's tables and the tenants' wrapped keys."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, TenantTable

LEAF: Final = "leaf = sha256('\\x00'::bytea || canonical)"
"""What the database checks of every event that it takes."""


class AuditEvent(TenantTable):
    """One verb that somebody used on a tenant's data, or was refused. Inserted once, never changed.

    `canonical` is the event as bytes; every other column is read out of it by the statement that inserts it. `leaf` is
    SHA-256(0x00 || canonical). `at` is the start of the transaction by the database's clock, `app_at` the same moment
    by the application's. `outcome` is `done`, `refused` or `not_found`; of the last two `details` has under `asked` the
    ids that were asked for.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        CheckConstraint(LEAF, name="leaf"),
        Index("audit_events_at_idx", "tenant_id", "at", "id"),
        Index("audit_events_member_id_idx", "tenant_id", "member_id", "at", "id"),
        Index("audit_events_tried_idx", "tenant_id", "at", "id", postgresql_where=text("outcome <> 'done'")),
    )

    at: Mapped[datetime]
    app_at: Mapped[datetime]
    actor_kind: Mapped[str]
    account_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    session: Mapped[str | None]
    request_id: Mapped[UUID | None]
    ip: Mapped[str | None]
    agent: Mapped[str | None]
    route: Mapped[str]
    verb: Mapped[str]
    act: Mapped[str]
    data: Mapped[list[str]] = mapped_column(ARRAY(Text))
    outcome: Mapped[str]
    purpose: Mapped[str | None]
    glass_id: Mapped[UUID | None]
    rows: Mapped[int | None]
    patients: Mapped[int]
    details: Mapped[dict[str, Any]]
    canonical: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEventPatient(TenantTable):
    """A patient whose data an audited verb returned or changed, as the event's bytes name them."""

    __tablename__ = "audit_event_patients"

    # The patient stands before the event in the key: what is asked for is a patient's events.
    patient_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=1)
    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=2)


class AccountEvent(Base):
    """What an account did before or beside any tenant: signing in, failing to, choosing a tenant.

    `canonical` and `leaf` as in `audit_events`.
    """

    __tablename__ = "account_events"
    __table_args__ = (CheckConstraint(LEAF, name="leaf"), Index("account_events_account_id_idx", "account_id", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    app_at: Mapped[datetime]
    account_id: Mapped[UUID | None]
    session: Mapped[str | None]
    request_id: Mapped[UUID | None]
    ip: Mapped[str | None]
    agent: Mapped[str | None]
    route: Mapped[str]
    verb: Mapped[str]
    act: Mapped[str]
    data: Mapped[list[str]] = mapped_column(ARRAY(Text))
    outcome: Mapped[str]
    details: Mapped[dict[str, Any]]
    canonical: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class TenantKey(TenantTable):
    """A tenant's column key, wrapped by the installation's key, which lives outside the database.

    It seals from `sealing_from` on, when every process has read it, until a newer one does; it opens for good what it
    sealed. `retired_at`: nothing is left that could be sealed anew.
    """

    __tablename__ = "tenant_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "version"),)

    version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    sealing_from: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    retired_at: Mapped[datetime | None]


class RequestCount(Base):
    """Requests of one kind by one account, token, tenant or address in the window that began last; subjects hashed."""

    __tablename__ = "request_counts"

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    starts_at: Mapped[datetime]
    taken: Mapped[int]
