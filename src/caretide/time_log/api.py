"""Timers and time entries as JSON."""

from uuid import UUID

from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.runtime.web import Known, Router, TokenTx
from caretide.tenants import queries as tenants
from caretide.time_log import actions, queries, schemas
from caretide.time_log.rules import ACTIVITY_TYPES

router = Router(Known.TOKEN, tags=["time"])


@router.get("/activities")
async def activities(tx: TokenTx) -> list[schemas.ActivityOut]:
    """The kinds of work, and whether their seconds can count."""
    del tx
    return [
        schemas.ActivityOut(code=kind.code, label=kind.label, counts=kind.counts) for kind in ACTIVITY_TYPES.values()
    ]


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
async def stop_timer(tx: TokenTx, sent: schemas.StopBody) -> list[actions.Logged]:
    """Stop the caller's timer; the entries that it left, one for each month it lies in, none for less than a second."""
    return await actions.stop_timer(tx, sent.note)


@router.get("/clinics/{clinic_id}/timers")
async def running_timers(tx: TokenTx, clinic_id: UUID) -> list[queries.TimerRow]:
    """The timers that run at a clinic, the longest first."""
    await tenants.clinic(tx, clinic_id)
    return await queries.running_timers(tx, clinic_id)


@router.post("/members/{member_id}/timer/stop")
async def stop_timer_of(tx: TokenTx, member_id: UUID) -> list[actions.Logged]:
    """Stop somebody else's forgotten timer."""
    return await actions.stop_timer_of(tx, member_id)


@router.get("/patients/{patient_id}/entries")
async def entries(tx: TokenTx, patient_id: UUID, month: str) -> list[queries.EntryRow]:
    """List a patient's entries of a month (YYYY-MM), voided ones too, the latest first."""
    await patients.patient(tx, patient_id)
    return await queries.entries(tx, patient_id, Month.parse(month))


@router.post("/entries/{entry_id}/void", status_code=204)
async def void_entry(tx: TokenTx, entry_id: UUID, sent: schemas.VoidBody) -> None:
    """Void an entry, once, with a reason."""
    await actions.void_entry(tx, entry_id, sent.reason)
