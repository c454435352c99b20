"""The ledger's table."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from caretide.runtime.db import Encrypted, TenantTable, references

# The rules' NOT_ACCOUNTED and WAYS: a test compares them.
LEFT_OUT: Final = (
    "'authorization', 'custody', 'individual', 'involved', 'limited_data_set', 'national_security', 'operations', "
    "'payment', 'treatment'"
)
BY: Final = "'document', 'export', 'filed', 'sent'"


class Disclosure(TenantTable):
    """Something of a patient that was given away. Inserted once, never changed; `is_accountable` follows from `basis`.

    `held_until` keeps a row out of what the patient is given, as an agency may ask for (45 CFR 164.528(a)(2)).
    """

    __tablename__ = "disclosures"
    __table_args__ = (
        references("patients", "patient_id"),
        references("members", "member_id"),
        references("documents", "document_id"),
        CheckConstraint(f"way IN ({BY})", name="way"),
        Index("disclosures_patient_id_idx", "tenant_id", "patient_id", "disclosed_on"),
    )

    patient_id: Mapped[UUID]
    member_id: Mapped[UUID | None]
    way: Mapped[str]
    disclosed_on: Mapped[date]
    what: Mapped[str] = mapped_column(Encrypted("disclosures.what"))
    document_id: Mapped[UUID | None]
    recipient: Mapped[str] = mapped_column(Encrypted("disclosures.recipient"))
    address: Mapped[str] = mapped_column(Encrypted("disclosures.address"))
    purpose: Mapped[str] = mapped_column(Encrypted("disclosures.purpose"))
    basis: Mapped[str]
    is_accountable: Mapped[bool] = mapped_column(Computed(f"basis NOT IN ({LEFT_OUT})", persisted=True))
    held_until: Mapped[date | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
