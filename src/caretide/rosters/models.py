"""Which coordinator a patient is designated to, and when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import TenantTable, references


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
