"""Starting and stopping time, voiding an entry, locking a month."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from caretide.enrollment import queries as enrollment
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.db import cipher
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log import queries
from caretide.time_log.models import MonthLock, TimeEntry, Timer
from caretide.time_log.rules import ACTIVITY_TYPES, EntryFacts, row_hash, split_by_month, whole_seconds
from caretide.time_log.schemas import NOTE_LENGTH


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that a stopped timer left."""

    id: UUID
    patient_id: UUID
    month: str
    start_time: datetime
    end_time: datetime
    seconds: int


@requires(Permission.TIME_WRITE)
async def start_timer(tx: Tx, patient_id: UUID, enrollment_id: UUID, activity_type: str) -> UUID:
    """Start the acting member's timer for a patient; return its id.

    An account has one at most, in all tenants together. Raise Conflict where one runs (`queries.running_timer` says for
    whom, if it is in this tenant), or where the month is closed.
    """
    if activity_type not in ACTIVITY_TYPES:
        raise Invalid("Choose one of the listed activities", field="activity_type")
    found = await enrollment.enrollment(tx, enrollment_id)
    if found.patient_id != patient_id:
        raise NotFound("There is no such enrollment")
    today = tx.now.astimezone((await tenants.clinic(tx, found.clinic_id)).zone).date()
    if found.started_on > today or (found.ended_on is not None and found.ended_on < today):
        raise Conflict("The patient is not enrolled today; enroll them first")
    me = await tenants.myself(tx)
    if me.account_id is None:
        raise Forbidden("Accept your invitation first: time is recorded under an account")
    running = await queries.running_timer(tx)
    if running is not None:
        whom = "this patient" if running.patient_id == patient_id else "another patient"
        raise Conflict(f"Your timer already runs for {whom}; stop it first")
    timer_id = new_id()
    whose = {"member_id": me.id, "account_id": me.account_id, "staff_role": me.staff_role, "credential": me.credential}
    for_whom = {"patient_id": patient_id, "enrollment_id": enrollment_id, "clinic_id": found.clinic_id}
    what = {"program": found.program, "activity_type": activity_type, "started_at": tx.now}
    await tx.db.execute(insert(Timer).values(id=timer_id, **whose, **for_whom, **what))
    tx.touch(patient_id)
    return timer_id


@requires(Permission.TIME_WRITE)
async def stop_timer(tx: Tx, note: str | None = None) -> list[Logged]:
    """Stop the acting member's timer and record its time: one entry for each month of the clinic's that it lies in.

    Less than a whole second leaves no entry. Raise NotFound where no timer runs here.
    """
    return await _stop(tx, tx.member_id, note, "timer")


@requires(Permission.ROSTER_WRITE)
async def stop_timer_of(tx: Tx, member_id: UUID) -> list[Logged]:
    """Stop somebody else's forgotten timer, now, and record all of its time; what should not count is voided then."""
    return await _stop(tx, member_id, None, "timer_stopped_by_another")


async def _stop(tx: Tx, member_id: UUID, note: str | None, source: str) -> list[Logged]:
    text = clean_text(note or "", field="note", limit=NOTE_LENGTH)
    # Whoever deletes the row has stopped it: a second tab finds nothing, and records nothing twice.
    gone = delete(Timer).where(Timer.member_id == member_id).returning(Timer)
    timer = (await tx.db.execute(gone)).one_or_none()
    if timer is None:
        raise NotFound("No timer is running")
    tx.touch(timer.patient_id)
    whole = whole_seconds(timer.started_at, tx.now)
    if whole is None:
        return []
    zone = (await tenants.clinic(tx, timer.clinic_id)).zone
    made = [
        EntryFacts(
            id=new_id(),
            tenant_id=tx.tenant_id,
            patient_id=timer.patient_id,
            coordinator_id=timer.member_id,
            account_id=timer.account_id,
            enrollment_id=timer.enrollment_id,
            clinic_id=timer.clinic_id,
            program=timer.program,
            activity_type=timer.activity_type,
            start_time=piece.start,
            end_time=piece.end,
            service_month=piece.month.first,
            staff_role=timer.staff_role,
            credential=timer.credential,
            source=source,
            note=cipher().seal(text.encode(), queries.NOTE_PLACE) if text else None,
        )
        for piece in split_by_month(*whole, zone)
    ]
    await tx.db.execute(insert(TimeEntry), [_row(one) for one in made])
    tx.note(entries=[str(one.id) for one in made])
    return [_logged(one) for one in made]


def _row(entry: EntryFacts) -> dict[str, Any]:
    """Return an entry's columns. The database fills in the tenant from the context; the hash covers it all the same."""
    values = asdict(entry)
    del values["tenant_id"]
    return {**values, "row_hash": row_hash(entry)}


def _logged(entry: EntryFacts) -> Logged:
    seconds = int((entry.end_time - entry.start_time).total_seconds())
    month = str(Month.of(entry.service_month))
    return Logged(entry.id, entry.patient_id, month, entry.start_time, entry.end_time, seconds)


@requires(Permission.TIME_VOID)
async def void_entry(tx: Tx, entry_id: UUID, reason: str) -> None:
    """Void an entry, once, with a reason: one's own, or anybody's for those who lead a team.

    The entry stays, and its time is free for a correct one. Raise Conflict for a voided entry and in a closed month.
    """
    why_void = clean_text(reason, field="reason", limit=REASON_LENGTH)
    if not why_void:
        raise Invalid("Say why this entry does not count", field="reason")
    wanted = select(TimeEntry.patient_id, TimeEntry.coordinator_id).where(TimeEntry.id == entry_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound("There is no such entry")
    # Whoever hands out patients answers for the team's time as well.
    if row.coordinator_id != tx.member_id and Permission.ROSTER_WRITE not in tx.actor.permissions:
        raise Forbidden("Only the person who logged it, or a manager, can void this entry")
    voided = update(TimeEntry).where(TimeEntry.id == entry_id, TimeEntry.is_void.is_(False))
    why = {"is_void": True, "void_reason": why_void, "voided_by": tx.member_id, "voided_at": tx.now}
    if (await tx.db.execute(voided.values(**why))).rowcount == 0:
        raise Conflict("This entry is already void")
    tx.touch(row.patient_id)
    tx.note(entry_id=str(entry_id))


@requires(Permission.MONTH_CLOSE)
async def lock_month(tx: Tx, clinic_id: UUID, month: Month) -> bool:
    """Lock a clinic's month: no entry is added to it or voided in it from then on. Return False if it already was.

    Raise Conflict while a timer runs that began in the month or before: its time could never be recorded.
    """
    await tenants.clinic(tx, clinic_id)
    tx.note(clinic_id=str(clinic_id), month=str(month))
    if await queries.is_locked(tx, clinic_id, month):
        return False
    who = {"locked_by": tx.actor.member_id, "locked_at": tx.now}
    await tx.db.execute(insert(MonthLock).values(id=new_id(), clinic_id=clinic_id, service_month=month.first, **who))
    return True


@requires(Permission.MONTH_CLOSE)
async def unlock_month(tx: Tx, clinic_id: UUID, month: Month) -> None:
    """Release a clinic's month; the lock stays on record with who released it."""
    released = update(MonthLock).where(
        MonthLock.clinic_id == clinic_id, MonthLock.service_month == month.first, MonthLock.released_at.is_(None)
    )
    who = {"released_by": tx.actor.member_id, "released_at": tx.now}
    if (await tx.db.execute(released.values(**who))).rowcount == 0:
        raise Conflict(f"{month.title} is not closed for this clinic")
    tx.note(clinic_id=str(clinic_id), month=str(month))
