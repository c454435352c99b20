"""What was given to whom."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from caretide.disclosures.models import Disclosure
from caretide.disclosures.rules import BASES, WAYS, six_years_before
from caretide.disclosures.schemas import DisclosureOut, LedgerPage, ReleasePage
from caretide.documents import queries as documents
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, exports, reads
from caretide.patients import queries as patients
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.ui.forms import Option
from caretide.ui.sheet import csv_text

COLUMNS = ("date", "recipient", "address", "what", "purpose", "basis", "accountable", "by")


@requires(Permission.PATIENT_READ, reads(Data.DISCLOSURE, Data.STAFF, Data.DEMOGRAPHICS, Data.CONTACT))
async def ledger(
    tx: Tx, patient_id: UUID, *, since: date | None = None, accountable: bool = False
) -> list[DisclosureOut]:
    """Return what was given away of a patient, the newest first; six years back unless asked otherwise.

    `accountable` leaves out what an accounting does, and what is held back for an agency today.
    """
    await patients.patient(tx, patient_id)
    start = since or six_years_before(tx.now.date())
    wanted = (
        select(Disclosure)
        .where(Disclosure.patient_id == patient_id, Disclosure.disclosed_on >= start)
        .order_by(Disclosure.disclosed_on.desc(), Disclosure.id.desc())
        .with_only_columns(*Disclosure.__table__.columns)
    )
    tx.touch(patient_id)
    names = {one.id: one.display_name for one in await tenants.members(tx)}
    rows = (await tx.db.execute(wanted)).all()
    found = [
        DisclosureOut(
            id=row.id,
            disclosed_on=row.disclosed_on,
            way=WAYS[row.way],
            what=row.what,
            document_id=row.document_id,
            recipient=row.recipient,
            address=row.address,
            purpose=row.purpose,
            basis=BASES[row.basis],
            is_accountable=row.is_accountable,
            held_until=row.held_until,
            member=names.get(row.member_id, "Caretide"),
        )
        for row in rows
    ]
    today = tx.now.date()
    return [one for one in found if not accountable or (one.is_accountable and not _is_held(one, today))]


def _is_held(one: DisclosureOut, today: date) -> bool:
    return one.held_until is not None and one.held_until >= today


@requires(Permission.PATIENT_READ, reads(Data.DISCLOSURE, Data.STAFF, Data.DEMOGRAPHICS, Data.CONTACT))
async def ledger_page(tx: Tx, patient_id: UUID) -> LedgerPage:
    """Return a patient's ledger with the form to record something that went out by another way."""
    who = await patients.patient(tx, patient_id)
    rows = await ledger(tx, patient_id)
    return LedgerPage(
        patient_id=patient_id,
        name=who.name,
        since=six_years_before(tx.now.date()),
        rows=tuple(rows),
        accountable=sum(one.is_accountable for one in rows),
        bases=_bases(),
        may_record=Permission.DOCUMENT_RELEASE in tx.actor.permissions,
        today=tx.now.date(),
    )


@requires(Permission.DOCUMENT_RELEASE, reads(Data.DOCUMENT, Data.DEMOGRAPHICS, Data.CONTACT))
async def release_page(tx: Tx, document_id: UUID) -> ReleasePage:
    """Return the form under which a document goes out."""
    found = await documents.document(tx, document_id)
    who = await patients.patient(tx, found.patient_id)
    return ReleasePage(
        document_id=document_id, patient_id=found.patient_id, name=who.name, title=found.title, bases=_bases()
    )


@requires(Permission.PATIENT_READ, exports(Data.DISCLOSURE, Data.STAFF, Data.DEMOGRAPHICS, Data.CONTACT))
async def accounting(tx: Tx, patient_id: UUID) -> str:
    """Return the accounting that a patient may ask for, as CSV: date, recipient, address, what and why."""
    return _sheet(await ledger(tx, patient_id, accountable=True))


@requires(Permission.PATIENT_READ, exports(Data.DISCLOSURE, Data.STAFF, Data.DEMOGRAPHICS, Data.CONTACT))
async def ledger_sheet(tx: Tx, patient_id: UUID) -> str:
    """Return the whole ledger of six years as CSV."""
    return _sheet(await ledger(tx, patient_id))


def _sheet(rows: Sequence[DisclosureOut]) -> str:
    lines = [
        (
            one.disclosed_on.isoformat(),
            one.recipient,
            one.address,
            one.what,
            one.purpose,
            one.basis,
            "yes" if one.is_accountable else "no",
            one.member,
        )
        for one in rows
    ]
    return csv_text(COLUMNS, lines)


def _bases() -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in BASES.items())
