"""What the EHR said, version by version, and the runs that brought it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Encrypted, TenantTable, references


class EhrMessage(TenantTable):
    """One version of one contract message as it was accepted. Inserted once."""

    __tablename__ = "ehr_messages"
    __table_args__ = (
        references("patients", "patient_id"),
        UniqueConstraint("tenant_id", "source", "kind", "source_id", "version"),
    )

    source: Mapped[str]
    kind: Mapped[str]
    source_id: Mapped[str]
    version: Mapped[int]
    digest: Mapped[str]
    body: Mapped[str] = mapped_column(Encrypted("ehr_messages.body"))
    patient_id: Mapped[UUID | None]
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class ImportRun(TenantTable):
    """One import with its counts."""

    __tablename__ = "import_runs"
    __table_args__ = (references("clinics", "clinic_id"),)

    clinic_id: Mapped[UUID]
    source: Mapped[str]
    counts: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
