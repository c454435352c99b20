"""Recording who may hold the tenant's patient data, and until when."""

import asyncio
from datetime import date
from uuid import UUID

from sqlalchemy import insert, update

from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import DETAIL_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries
from caretide.tenants.models import Agreement
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
