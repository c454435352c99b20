"""What was rendered and kept."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import TenantTable, references


class Document(TenantTable):
    """A rendered PDF in the vault, by the SHA-256 of its whole file; never edited, only superseded."""

    __tablename__ = "documents"
    __table_args__ = (
        references("patients", "patient_id"),
        Index("documents_patient_idx", "tenant_id", "patient_id"),
    )

    patient_id: Mapped[UUID]
    kind: Mapped[str]
    service_month: Mapped[date]
    title: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    warnings: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    supersedes_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
