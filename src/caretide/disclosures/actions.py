"""Giving something away, and recording that it was."""

from datetime import date
from uuid import UUID

from sqlalchemy import insert

from caretide.disclosures.models import Disclosure
from caretide.disclosures.rules import Given, checked
from caretide.disclosures.schemas import ReleaseForm
from caretide.documents import queries as documents
from caretide.documents.queries import DocumentRow
from caretide.kernel.errors import Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, creates, exports
from caretide.patients import queries as patients
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


def given_by(form: ReleaseForm) -> Given:
    """Return what a form says of the recipient, for the rules to judge."""
    return Given(
        recipient=form.recipient,
        address=form.address,
        purpose=form.purpose,
        basis=form.basis,
        held_until=form.held_until,
    )


@requires(Permission.DOCUMENT_RELEASE, exports(Data.DOCUMENT, Data.DISCLOSURE))
async def release_document(tx: Tx, document_id: UUID, given: Given) -> tuple[DocumentRow, bytes]:
    """Hand out a document for somebody outside; the bytes and the ledger's row come to be together or not at all."""
    found, pdf = await documents.content(tx, document_id)
    await _record(tx, found.patient_id, checked(given), "document", found.title, tx.now.date(), document_id)
    return found, pdf


@requires(Permission.DOCUMENT_RELEASE, creates(Data.DISCLOSURE, Data.DEMOGRAPHICS, Data.CONTACT))
async def record_disclosure(
    tx: Tx, patient_id: UUID, given: Given, *, what: str, disclosed_on: date, way: str = "sent"
) -> UUID:
    """Record what was given away by a way of its own: a fax, a letter, a copy handed over, a filing."""
    if not what.strip():
        raise Invalid("Say what was given", field="what")
    if disclosed_on > tx.now.date():
        raise Invalid("A disclosure is recorded once it was made", field="disclosed_on")
    await patients.patient(tx, patient_id)
    return await _record(tx, patient_id, checked(given), way, what.strip(), disclosed_on, None)


async def _record(
    tx: Tx, patient_id: UUID, given: Given, way: str, what: str, day: date, document_id: UUID | None
) -> UUID:
    id_ = new_id()
    row = {
        "id": id_,
        "patient_id": patient_id,
        "member_id": tx.actor.member_id,
        "way": way,
        "what": what,
        "disclosed_on": day,
        "document_id": document_id,
        "recipient": given.recipient.strip(),
        "address": given.address.strip(),
        "purpose": given.purpose.strip(),
        "basis": given.basis,
        "held_until": given.held_until,
    }
    await tx.db.execute(insert(Disclosure).values(**row))
    tx.touch(patient_id)
    tx.note(disclosure_id=str(id_), way=way, basis=given.basis)
    return id_
