"""Keeping what was rendered."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert

from caretide.documents.models import Document
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, creates
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """A finished PDF about a patient. `warnings` say what the renderer had to change."""

    patient_id: UUID
    kind: str
    month: Month
    title: str
    pdf: bytes
    warnings: tuple[str, ...] = ()
    supersedes_id: UUID | None = None


@requires(Permission.DOCUMENT_WRITE, creates(Data.DOCUMENT))
async def keep(tx: Tx, new: NewDocument) -> UUID:
    """Put a document into the vault and its SHA-256 into the database; return its id.

    The vault comes first: a file without a row is harmless and found again by its content; a row without a file is not.
    """
    sha256 = await asyncio.to_thread(tx.stores.vault.put, tx.tenant_id, new.pdf)
    document_id = new_id()
    await tx.db.execute(
        insert(Document).values(
            id=document_id,
            patient_id=new.patient_id,
            kind=new.kind,
            service_month=new.month.first,
            title=new.title,
            sha256=sha256,
            size=len(new.pdf),
            warnings=list(new.warnings),
            supersedes_id=new.supersedes_id,
        )
    )
    tx.touch(new.patient_id)
    return document_id
