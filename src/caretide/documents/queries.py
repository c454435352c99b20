"""Which documents there are, and their bytes, checked on every read."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, column, select, table

from caretide.documents.models import Document
from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, exports, reads
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx

_LISTED = (
    Document.id,
    Document.patient_id,
    Document.kind,
    Document.service_month,
    Document.title,
    Document.sha256,
    Document.size,
    Document.warnings,
    Document.created_at,
)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A kept document without its bytes. `service_month` is the month's first day, `size` in bytes."""

    id: UUID
    patient_id: UUID
    kind: str
    service_month: date
    title: str
    sha256: str
    size: int
    warnings: list[Any]
    created_at: datetime

    @property
    def file_name(self) -> str:
        """The name under which it is saved: kind, month and hash, nothing about the patient."""
        return f"{self.kind}-{self.service_month:%Y-%m}-{self.sha256[:12]}.pdf"


# Nobody's documents are told from somebody's none by the patient's row: the table is the patients', further up.
_PATIENT = table("patients", column("tenant_id", Uuid), column("id", Uuid))
_OF_PATIENT = (
    select(*_LISTED)
    .select_from(_PATIENT)
    .outerjoin(Document, and_(Document.tenant_id == _PATIENT.c.tenant_id, Document.patient_id == _PATIENT.c.id))
    .where(_PATIENT.c.id == bindparam("patient_id"))
    .order_by(Document.created_at.desc())
)


@requires(Permission.DOCUMENT_READ, reads(Data.DOCUMENT))
async def of_patient(tx: Tx, patient_id: UUID) -> list[DocumentRow]:
    """Return a patient's documents, the newest first; raise NotFound for whoever cannot be seen, in one way."""
    rows = (await tx.db.execute(_OF_PATIENT, {"patient_id": patient_id})).all()
    if not rows:
        raise NotFound("There is no such patient")
    tx.touch(patient_id)
    return [DocumentRow(*row) for row in rows if row.id is not None]


@requires(Permission.DOCUMENT_READ, reads(Data.DOCUMENT))
async def document(tx: Tx, document_id: UUID) -> DocumentRow:
    """Return one document without its bytes."""
    row = (await tx.db.execute(select(*_LISTED).where(Document.id == document_id))).one_or_none()
    if row is None:
        raise NotFound
    tx.touch(row.patient_id)
    return DocumentRow(*row)


@requires(Permission.DOCUMENT_READ, exports(Data.DOCUMENT))
async def content(tx: Tx, document_id: UUID) -> tuple[DocumentRow, bytes]:
    """Return a document with its bytes; raise IntegrityFault where they are not the ones that were kept."""
    found = await document(tx, document_id)
    return found, await asyncio.to_thread(tx.stores.vault.get, tx.tenant_id, found.sha256)


@requires(Permission.DOCUMENT_READ, reads(Data.DOCUMENT))
async def hashes(tx: Tx) -> list[str]:
    """Return the SHA-256 of every document of the tenant: what the vault must hold."""
    return list((await tx.db.execute(select(Document.sha256).distinct().order_by(Document.sha256))).scalars())


@requires(Permission.DOCUMENT_READ, reads(Data.DOCUMENT))
async def reread(tx: Tx, sha256: str) -> int:
    """Open a document, which compares tag and hash, and return its size; nobody is shown anything."""
    return len(await asyncio.to_thread(tx.stores.vault.get, tx.tenant_id, sha256))
