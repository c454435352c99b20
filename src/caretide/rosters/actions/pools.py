"""Putting members on duty for a clinic's calls."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import insert, update

from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.rosters import queries
from caretide.rosters.models import PoolDuty
from caretide.rosters.rules.shifts import DAY_MINUTES, DESIGNABLE, check_duty
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDuty:
    """A duty to come: days and minutes are the clinic's, no weekday means every day, no last day that it goes on."""

    clinic_id: UUID
    member_id: UUID
    first_on: date
    last_on: date | None = None
    weekdays: tuple[int, ...] = ()
    from_minute: int = 0
    until_minute: int = DAY_MINUTES


@requires(Permission.ROSTER_WRITE, creates(Data.ROSTER))
async def add_duty(tx: Tx, new: NewDuty) -> UUID:
    """Put a member on duty for a clinic's calls; return the duty's id. Meanwhile they see the clinic's patients."""
    clinic = await tenants.clinic(tx, new.clinic_id)
    member = await tenants.member(tx, new.member_id)
    if member.status != "active":
        raise Invalid("This member is not active; choose somebody who is", field="member_id")
    if member.role not in DESIGNABLE:
        raise Invalid("Calls are answered by coordinators, managers and practitioners", field="member_id")
    weekdays = sorted(set(new.weekdays))
    minutes = (new.from_minute, new.until_minute)
    check_duty(new.first_on, new.last_on, weekdays, minutes, tx.now.astimezone(clinic.zone).date())
    same = (new.clinic_id, new.member_id, new.first_on, new.last_on, tuple(weekdays), *minutes)
    for one in await queries.duties(tx):
        known = (one.clinic_id, one.member_id, one.first_on, one.last_on, tuple(one.weekdays))
        if (*known, one.from_minute, one.until_minute) == same:
            raise Conflict("This duty is already recorded")
    duty_id = new_id()
    values = {
        "clinic_id": new.clinic_id,
        "member_id": new.member_id,
        "first_on": new.first_on,
        "last_on": new.last_on,
        "weekdays": weekdays or None,
        "from_minute": new.from_minute,
        "until_minute": new.until_minute,
        "recorded_by": tx.actor.member_id,
        "recorded_at": tx.now,
    }
    await tx.db.execute(insert(PoolDuty).values(id=duty_id, **values))
    tx.note(duty_id=str(duty_id), clinic_id=str(new.clinic_id), member_id=str(new.member_id))
    return duty_id


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def end_duty(tx: Tx, duty_id: UUID) -> None:
    """End a duty now; one that is still to come does not come."""
    found = await queries.duty(tx, duty_id)
    ended = {"ended_at": tx.now, "ended_by": tx.actor.member_id}
    await tx.db.execute(update(PoolDuty).where(PoolDuty.id == duty_id, PoolDuty.ended_at.is_(None)).values(**ended))
    tx.note(duty_id=str(duty_id), clinic_id=str(found.clinic_id), member_id=str(found.member_id))
