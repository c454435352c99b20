"""Waivers of separated duties. The database's guards say the same once more."""

from datetime import UTC, date
from uuid import UUID

from sqlalchemy import insert, update

from caretide.identity.sessions import require_fresh
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, decides
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries
from caretide.tenants.models import DutyWaiver
from caretide.tenants.rules.waivers import DUTIES, check_last_day, fits


@requires(Permission.TENANT_WRITE, decides(Data.STAFF, Data.SETTINGS))
async def waive_duty(tx: Tx, member_id: UUID, duty: str, ends_on: date, reason: str) -> UUID:
    """Let a member do alone what two people do otherwise, until a day a year off at most; return the waiver's id.

    By an administrator in person who signed in lately, and for themselves only where there is no other one to ask.
    """
    require_fresh(tx)
    why = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    if duty not in DUTIES:
        raise Invalid("Choose one of the listed duties", field="duty")
    check_last_day(ends_on, tx.now.astimezone(UTC).date())
    people = {one.id: one for one in await queries.members(tx) if one.status == "active"}
    if tx.member_id not in people or people[tx.member_id].role != Role.ADMINISTRATOR:
        raise Forbidden("An administrator records a waiver, in their own name")
    if member_id not in people or not fits(duty, people[member_id].role):
        raise Invalid("Choose somebody at work here whose role can do this at all", field="member_id")
    others = [one for one in people.values() if one.role == Role.ADMINISTRATOR and one.id != tx.member_id]
    if member_id == tx.member_id and others:
        raise Conflict("Nobody records a waiver for themselves while there is another administrator; ask them")
    stands = [one for one in await queries.waivers(tx) if (one.member_id, one.duty) == (member_id, duty)]
    if any(one.state(tx.now) == "stands" for one in stands):
        raise Conflict("A waiver of this stands already; end it first to record another one")
    waiver_id = new_id()
    values = {"member_id": member_id, "duty": duty, "ends_on": ends_on, "reason": why}
    signed = {"granted_by": tx.member_id, "granted_at": tx.now}
    await tx.db.execute(insert(DutyWaiver).values(id=waiver_id, **values, **signed))
    tx.note(waiver_id=str(waiver_id), member_id=str(member_id), duty=duty, ends_on=ends_on.isoformat())
    return waiver_id


@requires(Permission.TENANT_WRITE, changes(Data.STAFF, Data.SETTINGS))
async def end_waiver(tx: Tx, waiver_id: UUID) -> None:
    """End a waiver from now on; what rests on it stands, and goes on saying so."""
    found = next((one for one in await queries.waivers(tx) if one.id == waiver_id), None)
    if found is None:
        raise NotFound("There is no such waiver")
    if found.state(tx.now) != "stands":
        raise Conflict("This waiver has ended already")
    ended = {"ended_by": tx.member_id, "ended_at": tx.now}
    await tx.db.execute(update(DutyWaiver).where(DutyWaiver.id == waiver_id).values(**ended))
    tx.note(waiver_id=str(waiver_id))
