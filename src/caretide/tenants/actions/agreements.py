"""Recording who may hold the tenant's patient data, and until when."""

import asyncio
from datetime import date
from uuid import UUID

from sqlalchemy import insert, update

from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import DETAIL_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.jobs import job
from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx
from caretide.tenants import queries
from caretide.tenants.models import Agreement, AgreementNotice
from caretide.tenants.rules.agreements import NewAgreement, checked_agreement, today_of


@requires(Permission.TENANT_WRITE, creates(Data.SETTINGS))
async def add_agreement(tx: Tx, new: NewAgreement) -> UUID:
    """Record a signed agreement; its file goes to the vault first, as with documents. Return its id."""
    checked = checked_agreement(new)
    if checked.company_id is not None:
        await queries.company(tx, checked.company_id)
    sha256 = await asyncio.to_thread(tx.stores.vault.put, tx.tenant_id, checked.file)
    agreement_id = new_id()
    values = {
        "kind": checked.kind,
        "party": checked.party,
        "company_id": checked.company_id,
        "file_sha256": sha256,
        "file_octets": len(checked.file),
        "effective_on": checked.effective_on,
        "ends_on": checked.ends_on,
        "breach_notice_hours": checked.breach_notice_hours,
        "subcontractors": list(checked.subcontractors),
        "at_end": checked.at_end,
        "recorded_by": tx.actor.member_id,
        "recorded_at": tx.now,
    }
    await tx.db.execute(insert(Agreement).values(id=agreement_id, **values))
    tx.note(agreement_id=str(agreement_id), kind=checked.kind, sha256=sha256)
    return agreement_id


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def end_agreement(tx: Tx, agreement_id: UUID, last_day: date, reason: str) -> None:
    """End an agreement early, with its last day; from the next day on it lets no patient in."""
    found = await queries.agreement(tx, agreement_id)
    if found.ended_on is not None or found.state(today_of(tx.now)) == "ended":
        raise Conflict("This agreement has ended already")
    if last_day < found.effective_on:
        raise Invalid("The last day is not before the agreement takes effect", field="last_day")
    if found.ends_on is not None and last_day > found.ends_on:
        raise Invalid("It ends before that day anyway", field="last_day")
    because = clean_text(reason, field="reason", limit=DETAIL_LENGTH, required=True)
    ended = {"ended_on": last_day, "ended_because": because, "ended_by": tx.actor.member_id, "ended_at": tx.now}
    await tx.db.execute(update(Agreement).where(Agreement.id == agreement_id).values(**ended))
    tx.note(agreement_id=str(agreement_id), last_day=last_day.isoformat())


@job
@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def tell_of_endings(tx: Tx) -> None:
    """Write to the administrators and the privacy contact of each agreement that ends soon; of each alarm once."""
    due = await queries.ending_agreements(tx)
    chosen = (await queries.settings(tx)).privacy_contact
    people = await queries.members(tx)
    to = {one.email for one in people if one.role == Role.ADMINISTRATOR and one.status == "active"}
    letters = [ending.letter(today_of(tx.now)) for ending in due]
    for address in sorted(to | ({chosen} if chosen else set())):
        tx.letters += [Letter(address, *letter) for letter in letters]
    sent = [{"agreement_id": one.agreement.id, "days": days, "sent_at": tx.now} for one in due for days in one.days]
    if sent:
        await tx.db.execute(insert(AgreementNotice), [{"id": new_id()} | row for row in sent])
    tx.note(agreements=[str(one.agreement.id) for one in due])
