"""The timer's pane on a patient's page."""

from collections.abc import Container, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from caretide.enrollment import queries as enrollment
from caretide.enrollment.queries import Enrolled
from caretide.enrollment.rules import ConsentStanding
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.patients.schemas import PatientRow
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.time_log.actions import note_sign
from caretide.time_log.models import TimeEntry
from caretide.time_log.queries import TimerRow
from caretide.time_log.rules import ACTIVITY_TYPES, LONGEST_TAKEN
from caretide.ui.forms import Option
from caretide.workspace.schemas.patient import TimerPane


@requires(Permission.TIME_READ, reads(Data.SETTINGS))
async def activity_options(tx: Tx) -> tuple[Option, ...]:
    """Return what work can be recorded as."""
    return tuple(
        Option(one.code, one.label if one.standard.counts else f"{one.label} (does not count)")
        for one in (await time_log.activities(tx)).values()
        if one.is_offered
    )


@requires(Permission.PATIENT_READ, reads(Data.TIME, Data.DEMOGRAPHICS, Data.ENROLLMENT))
async def timer_pane(tx: Tx, patient_id: UUID) -> TimerPane:
    """Return the pane of one patient's page."""
    who = await patients.patient(tx, patient_id)
    clinic = await tenants.clinic(tx, who.clinic_id)
    return await timer_beside(tx, who, clinic, await enrollment.enrollments(tx, patient_id))


@requires(Permission.PATIENT_READ, reads(Data.TIME, Data.DEMOGRAPHICS, Data.ENROLLMENT))
async def timer_beside(tx: Tx, who: PatientRow, clinic: ClinicRow, enrolled: Sequence[Enrolled]) -> TimerPane:
    """Return the pane for a patient whose chart and enrollments are at hand."""
    if not tx.is_quiet and Permission.TIME_WRITE in tx.actor.permissions:
        # Before the timer is looked at: whoever comes back is asked on the page that they come back to.
        await note_sign(tx)
    timer = await time_log.running_timer(tx)
    today = tx.now.astimezone(clinic.zone).date()
    if timer is not None:
        return await _running(tx, who, clinic, timer, enrolled)
    programs = open_programs(enrolled, today)
    why_not = _barred(tx, who, programs)
    return TimerPane(
        patient_id=who.id,
        patient_name=who.name,
        zone=clinic.zone,
        state="barred" if why_not else "idle",
        activities=() if why_not else await activity_options(tx),
        programs=tuple(Option(program, program) for program in programs),
        why_not=why_not,
        warning="" if why_not else _unconsented(enrolled, programs, Month.of(today)),
    )


@requires(Permission.TIME_READ, reads(Data.TIME))
async def patient_of_entry(tx: Tx, entry_id: UUID) -> UUID | None:
    """Return whose time an entry is; None for one that does not exist or lies behind a wall."""
    return (await tx.db.execute(select(TimeEntry.patient_id).where(TimeEntry.id == entry_id))).scalar_one_or_none()


def open_programs(enrolled: Sequence[Enrolled], today: date) -> dict[str, UUID]:
    """Return the enrollments that last today, by program."""
    rows = [one.enrollment for one in enrolled]
    return {
        row.program: row.id
        for row in rows
        if row.started_on <= today and (row.ended_on is None or row.ended_on >= today)
    }


def _barred(tx: Tx, who: PatientRow, programs: dict[str, UUID]) -> str:
    if Permission.TIME_WRITE not in tx.actor.permissions:
        return "Your role reads time and records none."
    if who.is_deceased or not who.is_active:
        return "The patient has died or left; no further time can count."
    return "" if programs else "Time counts for a program. Enroll the patient first."


def _unconsented(enrolled: Sequence[Enrolled], programs: Container[str], month: Month) -> str:
    """Return a warning when a program of the timer has no consent that stands in the month; empty otherwise."""
    timed = [one for one in enrolled if one.enrollment.program in programs and one.enrollment.ended_on is None]
    without = [one.enrollment.program for one in timed if not _consented(one.consent, month)]
    if not without:
        return ""
    if len(without) == len(timed):
        return "No consent yet: this time will not count."
    return f"No consent yet for {' or '.join(without)}: time for it will not count."


def _consented(standing: ConsentStanding, month: Month) -> bool:
    # What is taken back takes effect at the end of its month.
    lasts = standing.revoked_on is not None and Month.of(standing.revoked_on) >= month
    return standing.status == "documented" or (standing.status == "revoked" and lasts)


async def _running(
    tx: Tx, who: PatientRow, clinic: ClinicRow, timer: TimerRow, enrolled: Sequence[Enrolled]
) -> TimerPane:
    here = timer.patient_id == who.id
    month = Month.of(tx.now.astimezone(clinic.zone).date())
    name = ""
    if not here:
        wanted = select(Patient.given, Patient.family).where(Patient.id == timer.patient_id)
        row = (await tx.db.execute(wanted)).one_or_none()
        name = f"{row.given} {row.family}".strip() if row else "a patient no longer on your list"
    kind = ACTIVITY_TYPES.get(timer.activity_type)
    return TimerPane(
        patient_id=who.id,
        patient_name=who.name,
        zone=clinic.zone,
        state="running" if here else "elsewhere",
        key=timer.id.hex,
        started_at=timer.started_at,
        elapsed=max(0, int((tx.now - timer.started_at).total_seconds())),
        activity=timer.activity,
        program=timer.program,
        note=await time_log.draft_note(tx, timer.id) if here else "",
        is_call=(kind is not None and kind.is_contact) or (timer.call_until is not None and timer.call_until > tx.now),
        call_until=timer.call_until if timer.call_until and timer.call_until > tx.now else None,
        away=timer.signs.away if here else None,
        is_forgotten=here and tx.now - timer.started_at > LONGEST_TAKEN,
        elsewhere_patient_id=None if here else timer.patient_id,
        elsewhere_name=name,
        warning=_unconsented(enrolled, {timer.program}, month) if here and timer.program else "",
    )
