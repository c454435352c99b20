"""The trail's tables and the tenants' wrapped keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, TenantTable, references


class AuditEvent(TenantTable):
    """One verb that somebody used on a tenant's data, or was refused. Inserted once, never changed."""

    __tablename__ = "audit_events"

    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor_kind: Mapped[str]
    account_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    verb: Mapped[str]
    outcome: Mapped[str]
    details: Mapped[dict[str, Any]]


class AuditEventPatient(TenantTable):
    """A patient whose data an audited verb returned or changed."""

    __tablename__ = "audit_event_patients"
    __table_args__ = (references("audit_events", "id"),)

    # Sorted last, so that the tenant leads the key.
    patient_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=1)


class AccountEvent(Base):
    """What an account did before or beside any tenant: signing in, failing to, choosing a tenant."""

    __tablename__ = "account_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    account_id: Mapped[UUID | None]
    verb: Mapped[str]
    outcome: Mapped[str]


class TenantKey(TenantTable):
    """A tenant's column key, wrapped by the installation's key, which lives outside the database."""

    __tablename__ = "tenant_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "version"),)

    version: Mapped[int]
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
