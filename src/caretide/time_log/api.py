"""Timers and time entries as JSON."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import Query

from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.runtime.limits import FREE, costs
from caretide.runtime.web import Known, Router, TokenTx
from caretide.tenants import queries as tenants
from caretide.time_log import actions, queries, schemas
from caretide.time_log.rules import Offering

router = Router(Known.TOKEN, tags=["time"])


@router.get("/activities")
async def activities(tx: TokenTx) -> list[schemas.ActivityOut]:
    """The kinds of work that the tenant offers, and whether their seconds can count."""
    return [_out(one) for one in (await queries.activities(tx)).values() if one.is_offered]


@router.get("/admin/activities", tags=["admin"])
async def all_activities(tx: TokenTx) -> schemas.ActivitiesOut:
    """Every kind of work, those that are not offered any more too, and every change of them."""
    changes = await queries.changes_of_activities(tx)
    return schemas.ActivitiesOut(
        activities=[_detail(one) for one in (await queries.activities(tx)).values()], changes=changes
    )


@router.post("/admin/activities", status_code=201, tags=["admin"])
async def add_activity(tx: TokenTx, sent: schemas.ActivityForm) -> schemas.ActivityDetail:
    """Offer a kind of work of the tenant's own; the standard type that it stands on says how its time counts."""
    return _detail(await actions.add_activity(tx, sent.label, sent.standard))


@router.patch("/admin/activities/{code}", tags=["admin"])
async def change_activity(tx: TokenTx, code: str, sent: schemas.ActivityPatch) -> schemas.ActivityDetail:
    """Rename a kind of work, stop offering it, or offer it again; what was recorded keeps its words."""
    return _detail(await actions.change_activity(tx, code, label=sent.label, is_offered=sent.is_offered))


def _out(one: Offering) -> schemas.ActivityOut:
    return schemas.ActivityOut(code=one.code, label=one.label, counts=one.standard.counts, standard=one.standard.code)


def _detail(one: Offering) -> schemas.ActivityDetail:
    return schemas.ActivityDetail(**_out(one).model_dump(), is_offered=one.is_offered, is_own=one.is_own)


@router.get("/timer")
async def running_timer(tx: TokenTx) -> queries.TimerRow | None:
    """The caller's running timer in this tenant, or null."""
    return await queries.running_timer(tx)


@router.post("/timer/start", status_code=201)
async def start_timer(tx: TokenTx, sent: schemas.StartBody) -> queries.TimerRow | None:
    """Start the caller's timer, on the server's clock."""
    await actions.start_timer(tx, sent.patient_id, sent.enrollment_id, sent.activity_type)
    return await queries.running_timer(tx)


@router.post("/timer/stop")
@costs(FREE)
async def stop_timer(tx: TokenTx, sent: schemas.StopBody) -> list[actions.Logged]:
    """Stop the caller's timer; the entries that it left, one for each month it lies in, none for less than a second."""
    told = sent.ended and actions.ToldEnd(sent.ended.end, sent.ended.reason)
    return await actions.stop_timer(tx, sent.note, told)


@router.post("/timer/alive", status_code=204)
async def note_sign(tx: TokenTx, sent: schemas.SignBody) -> None:
    """Note that the caller is at work; from the first time on, a timer without such signs asks, and is stopped."""
    await actions.note_sign(tx, sent.quiet_for)


@router.post("/timer/answer")
async def answer_timer(tx: TokenTx, sent: schemas.AnswerBody) -> list[actions.Logged]:
    """Account for a stretch without a sign of life of the caller's timer; what that recorded."""
    return await actions.answer_timer(tx, sent.timer, sent.answer, sent.quiet_for)


@router.get("/clinics/{clinic_id}/timers")
async def running_timers(tx: TokenTx, clinic_id: UUID) -> list[queries.TimerRow]:
    """The timers that run at a clinic, the longest first."""
    await tenants.clinic(tx, clinic_id)
    return await queries.running_timers(tx, clinic_id)


@router.post("/members/{member_id}/timer/stop")
async def stop_timer_of(tx: TokenTx, member_id: UUID, sent: schemas.EndBody) -> list[actions.Logged]:
    """Stop somebody else's forgotten timer when its work ended; a third person approves the time."""
    return await actions.stop_timer_of(tx, member_id, actions.ToldEnd(sent.end, sent.reason))


@router.get("/patients/{patient_id}/entries")
async def entries(tx: TokenTx, patient_id: UUID, month: str) -> list[queries.EntryRow]:
    """List a patient's entries of a month (YYYY-MM), voided ones too, the latest first."""
    await patients.patient(tx, patient_id)
    return await queries.entries(tx, patient_id, Month.parse(month))


@router.post("/entries/{entry_id}/void", status_code=204)
async def void_entry(tx: TokenTx, entry_id: UUID, sent: schemas.VoidBody) -> None:
    """Void an entry, once, with a reason."""
    await actions.void_entry(tx, entry_id, sent.reason)


@router.post("/entries/manual", status_code=201)
async def record_manual_entry(tx: TokenTx, sent: schemas.ToldBody) -> list[actions.Logged]:
    """Record the caller's time after the fact; it counts once a second person approved it."""
    told = (sent.activity_type, sent.start, sent.end, sent.reason, sent.note)
    return await actions.record_manual_entry(tx, sent.patient_id, sent.enrollment_id, *told)


@router.post("/entries/{entry_id}/correct", status_code=201)
async def correct_entry(tx: TokenTx, entry_id: UUID, sent: schemas.CorrectBody) -> list[actions.Logged]:
    """Void an entry and record what it should have been; what that adds waits for approval."""
    return await actions.correct_entry(tx, entry_id, sent.start, sent.end, sent.activity_type, sent.reason)


@router.post("/entries/{entry_id}/approve", status_code=204)
async def approve_entry(tx: TokenTx, entry_id: UUID) -> None:
    """Let somebody else's told time count."""
    await actions.approve_entry(tx, entry_id)


@router.post("/entries/{entry_id}/refuse", status_code=204)
async def refuse_entry(tx: TokenTx, entry_id: UUID, sent: schemas.RefuseBody) -> None:
    """Refuse somebody else's told time, which voids it."""
    await actions.refuse_entry(tx, entry_id, sent.reason)


@router.get("/approvals")
async def approvals(tx: TokenTx, page: Annotated[int, Query(ge=1, le=10_000)] = 1) -> list[schemas.AwaitingOut]:
    """List the entries that wait for a second person, the oldest first, fifty a page."""
    return [
        schemas.AwaitingOut.model_validate({**asdict(row), "seconds": row.duration_secs, "zone": row.zone.key})
        for row in await queries.awaiting(tx, page)
    ]
