"""Starting and stopping time, telling it after the fact, correcting and deciding over it, locking a month."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.enrollment import queries as enrollment
from caretide.enrollment.queries import EnrollmentRow
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, decides
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.rosters.models import Designation
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log import queries
from caretide.time_log.actions.activities import add_activity as add_activity
from caretide.time_log.actions.activities import change_activity as change_activity
from caretide.time_log.actions.locks import lock_month as lock_month
from caretide.time_log.actions.locks import unlock_month as unlock_month
from caretide.time_log.actions.signs import answer_timer as answer_timer
from caretide.time_log.actions.signs import note_sign as note_sign
from caretide.time_log.actions.signs import stop_silent as stop_silent
from caretide.time_log.models import Activity, Draft, TimeApproval, TimeEntry, Timer
from caretide.time_log.recording import Kind, Whose, insert_entries, sealed
from caretide.time_log.recording import Logged as Logged
from caretide.time_log.rules import (
    AWAITING,
    LONGEST_TAKEN,
    corrected,
    counts_as,
    told_interval,
)
from caretide.time_log.schemas import NOTE_LENGTH
from caretide.time_log.stopping import ToldEnd as ToldEnd
from caretide.time_log.stopping import end_told, record, take

MOST_DECISIONS: Final = 200
"""Entries that one form decides over at most."""

# Built once: building a small statement costs more than running it.
_INSERT_TIMER = (
    upsert(Timer)
    .on_conflict_do_nothing(index_elements=[Timer.tenant_id, Timer.member_id])
    .execution_options(preserve_rowcount=True)
)
_INSERT_APPROVAL = insert(TimeApproval).returning(TimeApproval.waiver_id)
_KEPT = (*(one.name for one in fields(Whose)), *Kind._fields, "start_time", "end_time", "note", "source")
_CORRECTED = (
    select(*(TimeEntry.__table__.columns[name] for name in _KEPT), Activity.code)
    .outerjoin(Activity, queries.NAMED_ENTRY)
    .where(TimeEntry.id == bindparam("entry_id"))
)
_FIRST_MINE = (
    select(Designation.id)
    .where(
        Designation.patient_id == bindparam("patient_id"),
        Designation.member_id == bindparam("member_id"),
        Designation.valid_from <= bindparam("start"),
    )
    .limit(1)
)


@requires(Permission.TIME_WRITE, creates(Data.TIME))
async def start_timer(tx: Tx, patient_id: UUID, enrollment_id: UUID, activity_type: str) -> UUID:
    """Start the acting member's timer for a patient; return its id.

    An account has one at most, in all tenants together. Raise Conflict where one runs (`queries.running_timer` says for
    whom, if it is in this tenant), or where the month is closed.
    """
    kind = await _offered(tx, activity_type)
    found = await enrollment.enrollment(tx, enrollment_id)
    if found.patient_id != patient_id:
        raise NotFound("There is no such enrollment")
    today = tx.now.astimezone((await tenants.clinic(tx, found.clinic_id)).zone).date()
    if found.started_on > today or (found.ended_on is not None and found.ended_on < today):
        raise Conflict("The patient is not enrolled today; enroll them first")
    me = await tenants.myself(tx)
    if me.account_id is None:
        raise Forbidden("Accept your invitation first: time is recorded under an account")
    timer_id = new_id()
    whose = {"member_id": me.id, "account_id": me.account_id, "staff_role": me.staff_role, "credential": me.credential}
    for_whom = {"patient_id": patient_id, "enrollment_id": enrollment_id, "clinic_id": found.clinic_id}
    what = {"program": found.program, **kind._asdict(), "started_at": tx.now}
    made = await tx.db.execute(_INSERT_TIMER, {"id": timer_id, **whose, **for_whom, **what})
    if made.rowcount == 0:
        running = await queries.running_timer(tx)
        whom = "this patient" if running is not None and running.patient_id == patient_id else "another patient"
        raise Conflict(f"Your timer already runs for {whom}; stop it first")
    tx.touch(patient_id)
    return timer_id


@requires(Permission.TIME_WRITE, creates(Data.TIME, Data.NOTES))
async def stop_timer(tx: Tx, note: str | None = None, told: ToldEnd | None = None) -> list[Logged]:
    """Stop the acting member's timer and record its time: one entry for each month of the clinic's that it lies in.

    Less than a whole second leaves no entry. A timer that ran longer than anybody works in one stretch
    (`rules.LONGEST_TAKEN`) was forgotten: it takes a told end, and its time counts once a second person approved it; so
    does a stretch without a sign of life that nobody accounted for (`answer_timer`), an entry of its own.
    Raise NotFound where no timer runs here.
    """
    text = clean_text(note or "", field="note", limit=NOTE_LENGTH)
    if told is not None:
        return await end_told(tx, tx.member_id, told, text)
    timer = await take(tx, tx.member_id)
    if tx.now - timer.started_at > LONGEST_TAKEN:
        raise Invalid(
            "This timer has run for more than four hours. Say when the work ended and why it ran on", field="end"
        )
    return await record(tx, timer, tx.now, text)


@requires(Permission.TIME_WRITE, changes(Data.NOTES))
async def keep_draft(tx: Tx, timer_id: UUID, text: str) -> None:
    """Keep what the acting member is typing beside their running timer, until it stops; nothing typed keeps nothing.

    Raise Conflict where that timer was stopped meanwhile.
    """
    timer = await queries.running_timer(tx)
    if timer is None or timer.id != timer_id:
        raise Conflict("This timer was stopped; what it recorded has the note that was sent")
    tx.touch(timer.patient_id)
    kept = clean_text(text, field="note", limit=NOTE_LENGTH)
    row = {"text": kept, "saved_at": tx.now}
    draft = upsert(Draft).values(id=new_id(), member_id=tx.member_id, place=queries.draft_place(timer_id), **row)
    await tx.db.execute(
        draft.on_conflict_do_update(index_elements=[Draft.tenant_id, Draft.member_id, Draft.place], set_=row)
    )


@requires(Permission.ROSTER_WRITE, creates(Data.TIME))
async def stop_timer_of(tx: Tx, member_id: UUID, told: ToldEnd) -> list[Logged]:
    """Stop somebody else's forgotten timer at the end that is told, with the reason.

    Whoever stops it has not seen the work: its time counts once a person approved it who neither did the work nor
    stopped it.
    """
    return await end_told(tx, member_id, told, "")


async def _offered(tx: Tx, code: str) -> Kind:
    """Return what new time is recorded as; raise Invalid for what the tenant does not offer, or not any more."""
    found = await queries.activity_named(tx, code)
    return Kind(found.standard.code, found.words_id)


@requires(Permission.TIME_WRITE, creates(Data.TIME, Data.NOTES))
async def record_manual_entry(
    tx: Tx,
    patient_id: UUID,
    enrollment_id: UUID,
    activity_type: str,
    start: datetime,
    end: datetime,
    reason: str,
    note: str | None = None,
) -> list[Logged]:
    """Record the acting member's time after the fact; it counts once a second person approved it.

    `start` and `end` are aware and in the past; the reason says why no timer ran. One entry for each month of the
    clinic's. The database refuses a closed month and time that overlaps other time of the account's.
    """
    kind = await _offered(tx, activity_type)
    why = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    text = clean_text(note or "", field="note", limit=NOTE_LENGTH)
    told = told_interval(start, end, tx.now)
    found = await enrollment.enrollment(tx, enrollment_id)
    if found.patient_id != patient_id:
        raise NotFound("There is no such enrollment")
    await _check_enrolled(tx, found, told)
    me = await tenants.myself(tx)
    if me.account_id is None:
        raise Forbidden("Accept your invitation first: time is recorded under an account")
    await _check_roster(tx, patient_id, told[0])
    whose = Whose(
        patient_id=patient_id,
        coordinator_id=me.id,
        account_id=me.account_id,
        enrollment_id=enrollment_id,
        clinic_id=found.clinic_id,
        program=found.program,
        staff_role=me.staff_role,
        credential=me.credential,
    )
    tx.touch(patient_id)
    both = sealed(text, queries.NOTE_PLACE), sealed(why, queries.REASON_PLACE)
    return await insert_entries(tx, whose, kind, [(*told, "manual")], note=both[0], reason=both[1])


async def _check_enrolled(tx: Tx, found: EnrollmentRow, told: tuple[datetime, datetime]) -> None:
    zone = (await tenants.clinic(tx, found.clinic_id)).zone
    first, last = (moment.astimezone(zone).date() for moment in (told[0], told[1] - timedelta(seconds=1)))
    if found.started_on > first or (found.ended_on is not None and found.ended_on < last):
        raise Invalid("The patient was not enrolled then", field="start")


async def _check_roster(tx: Tx, patient_id: UUID, start: datetime) -> None:
    """Say in words what the roster wall would refuse without any: time before the patient was first one's own."""
    if not tx.actor.walled:
        return
    mine = {"patient_id": patient_id, "member_id": tx.member_id, "start": start}
    if (await tx.db.execute(_FIRST_MINE, mine)).first() is None:
        raise Invalid("The patient was not yet on your list then", field="start")


@requires(Permission.TIME_VOID, changes(Data.TIME, Data.NOTES))
async def correct_entry(
    tx: Tx, entry_id: UUID, start: datetime, end: datetime, activity_type: str, reason: str
) -> list[Logged]:
    """Void an entry and record what it should have been, in one transaction: one's own, or anybody's for a manager.

    What lies inside the old interval counts as it did. What reaches beyond it, or counts where it did not, is time told
    after the fact: an entry of its own, which waits for approval. The note goes along, and so do the words of an
    activity that stays the same, though it is not offered any more.
    """
    why = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    told = told_interval(start, end, tx.now)
    was = (await tx.db.execute(_CORRECTED, {"entry_id": entry_id})).mappings().one_or_none()
    if was is None:
        raise NotFound("There is no such entry")
    old: tuple[datetime, datetime] = (was["start_time"], was["end_time"])
    stays = activity_type == (was["code"] or was["activity_type"])
    kind = Kind(was["activity_type"], was["activity_id"]) if stays else await _offered(tx, activity_type)
    if stays and told == old:
        raise Invalid("Nothing would change", field="start")
    await _check_enrolled(tx, await enrollment.enrollment(tx, was["enrollment_id"]), told)
    await void_entry(tx, entry_id, why)
    await _check_roster(tx, was["patient_id"], told[0])
    now_counts = counts_as(kind.activity_type, was["staff_role"])
    keeps = now_counts in {"uncounted", counts_as(was["activity_type"], was["staff_role"])} and (
        was["source"] not in AWAITING or await queries.is_approved(tx, entry_id)
    )
    parts = corrected(old, told, keeps=keeps)
    stretches = [(one.start, one.end, "correction_adding" if one.adds else "correction") for one in parts]
    whose = Whose(**{one.name: was[one.name] for one in fields(Whose)})
    why_sealed = sealed(why, queries.REASON_PLACE)
    return await insert_entries(tx, whose, kind, stretches, note=was["note"], reason=why_sealed, supersedes_id=entry_id)


@requires(Permission.TIME_APPROVE, decides(Data.TIME))
async def approve_entry(tx: Tx, entry_id: UUID) -> None:
    """Let time that was told after the fact count: somebody else's, once, while its month is open."""
    await _decide(tx, [entry_id], "approved", None)


@requires(Permission.TIME_APPROVE, decides(Data.TIME))
async def refuse_entry(tx: Tx, entry_id: UUID, reason: str) -> None:
    """Refuse time that was told after the fact, which voids it: its stretch is free for what is right."""
    await decide_entries(tx, [entry_id], approve=False, reason=reason)


@requires(Permission.TIME_APPROVE, decides(Data.TIME))
async def decide_entries(tx: Tx, entry_ids: Collection[UUID], *, approve: bool, reason: str = "") -> None:
    """Approve or refuse several entries, all or none."""
    if not entry_ids:
        raise Invalid("Choose at least one entry", field="entry")
    if len(entry_ids) > MOST_DECISIONS:
        raise Invalid(f"Decide over at most {MOST_DECISIONS} at once", field="entry")
    why = None if approve else clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    await _decide(tx, entry_ids, "approved" if approve else "refused", why)


async def _decide(tx: Tx, entry_ids: Collection[UUID], decision: str, why: str | None) -> None:
    wanted = select(TimeEntry.id, TimeEntry.patient_id, TimeEntry.coordinator_id).where(TimeEntry.id.in_(entry_ids))
    rows = (await tx.db.execute(wanted.order_by(TimeEntry.id))).all()
    if len(rows) < len(set(entry_ids)):
        raise NotFound("There is no such entry")
    made = {"approved_by": tx.member_id, "decision": decision, "reason": why, "decided_at": tx.now}
    waivers: set[UUID] = set()
    for row in rows:
        whose = {"entry_id": row.id, "patient_id": row.patient_id, "coordinator_id": row.coordinator_id}
        found = (await tx.db.execute(_INSERT_APPROVAL, {"id": new_id(), **whose, **made})).scalar_one()
        if found is not None:
            waivers.add(found)
        if why is not None:
            await _void(tx, row.id, why)
    tx.touch(*(row.patient_id for row in rows))
    tx.note(entries=[str(row.id) for row in rows], **({"waivers": sorted(map(str, waivers))} if waivers else {}))


@requires(Permission.TIME_VOID, changes(Data.TIME))
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
    await _void(tx, entry_id, why_void)
    tx.touch(row.patient_id)
    tx.note(entry_id=str(entry_id))


async def _void(tx: Tx, entry_id: UUID, reason: str) -> None:
    voided = update(TimeEntry).where(TimeEntry.id == entry_id, TimeEntry.is_void.is_(False))
    why = {"is_void": True, "void_reason": reason, "voided_by": tx.member_id, "voided_at": tx.now}
    if (await tx.db.execute(voided.values(**why))).rowcount == 0:
        raise Conflict("This entry is already void")
