"""What is done on a patient's page: its forms, handed to the features that record them.

Whatever an address names beside the patient (an entry, an enrollment) must be the patient's, or there is no such thing.
"""

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from caretide.enrollment import actions as enrollment
from caretide.enrollment import queries as enrolled
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.patients import queries as patients
from caretide.rosters import actions as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import actions as time_log
from caretide.time_log import queries as times
from caretide.time_log.rules import LONGEST_TAKEN, told_end
from caretide.workspace.queries.timer import open_programs, patient_of_entry
from caretide.workspace.rules import forms
from caretide.workspace.rules.forms import Deciding, Reader, Sent


@requires(Permission.ENROLLMENT_WRITE, creates(Data.FACTS))
async def record_fact(tx: Tx, patient_id: UUID, kind: str, sent: Sent, month: Month | None = None) -> None:
    """Record what the form of a fact says; `month` is the one that the page shows, the present one by default."""
    clinic = await _clinic_of(tx, patient_id)
    shown = month or Month.of(tx.now.astimezone(clinic.zone).date())
    for fact in forms.facts_of(kind, sent, shown):
        since, looked = fact.effective_on, fact.checked_on
        try:
            await enrollment.record_fact(tx, patient_id, fact.kind, fact.value, checked_on=looked, effective_on=since)
        except Invalid as error:
            raise Invalid(error.message, field=fact.places.get(error.field or "", error.field)) from None


@requires(Permission.ENROLLMENT_WRITE, creates(Data.ENROLLMENT))
async def enroll(tx: Tx, patient_id: UUID, sent: Sent) -> UUID:
    """Enroll the patient as the form says; return the enrollment's id."""
    form = forms.enrolling_of(sent)
    try:
        return await enrollment.enroll(
            tx,
            patient_id,
            form.program,
            form.practitioner_id,
            started_on=form.started_on,
            is_high_risk=form.is_high_risk,
            expected_months=form.expected_months,
        )
    except Invalid as error:
        raise Invalid(error.message, field="effective_on" if error.field == "started_on" else error.field) from None


@requires(Permission.ENROLLMENT_WRITE, creates(Data.CONSENT, Data.ENROLLMENT))
async def record_consent(tx: Tx, patient_id: UUID, sent: Sent) -> UUID:
    """Record what the patient was told and answered."""
    clinic = await _clinic_of(tx, patient_id)
    return await _decide(tx, patient_id, forms.consent_of(sent, tx.now, clinic.zone))


@requires(Permission.ENROLLMENT_WRITE, creates(Data.CONSENT, Data.ENROLLMENT))
async def revoke_consent(tx: Tx, patient_id: UUID, sent: Sent) -> UUID:
    """Record that the patient takes the consent back."""
    clinic = await _clinic_of(tx, patient_id)
    return await _decide(tx, patient_id, forms.revocation_of(sent, tx.now, clinic.zone))


async def _decide(tx: Tx, patient_id: UUID, made: Deciding) -> UUID:
    if (await enrolled.enrollment(tx, made.enrollment_id)).patient_id != patient_id:
        raise NotFound("There is no such enrollment")
    return await enrollment.record_consent(
        tx,
        made.enrollment_id,
        made.decision,
        mode=made.mode,
        decided_at=made.decided_at,
        disclosures=made.disclosures,
    )


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def designate(tx: Tx, patient_id: UUID, sent: Sent) -> bool:
    """Give the patient to the member who was chosen; return whether that changed anything."""
    return await rosters.designate(tx, patient_id, Reader(sent).uuid("member_id"))


@requires(Permission.TIME_WRITE, creates(Data.TIME))
async def start_timer(tx: Tx, patient_id: UUID, sent: Sent) -> UUID:
    """Start the timer in the program and for the activity that were chosen; return its id."""
    clinic = await _clinic_of(tx, patient_id)
    form = Reader(sent)
    today = tx.now.astimezone(clinic.zone).date()
    programs = open_programs(await enrolled.enrollments(tx, patient_id), today)
    if not programs:
        raise Conflict("Time counts for a program. Enroll the patient first")
    program = form.choice("program", programs)
    with _as_sent():
        return await time_log.start_timer(tx, patient_id, programs[program], await _activity(tx, form))


@requires(Permission.TIME_WRITE, creates(Data.TIME, Data.NOTES))
async def stop_timer(tx: Tx, patient_id: UUID, sent: Sent) -> int:
    """Stop the timer that runs for this patient; return the seconds that were recorded.

    A tab that was left open must not stop time that has since been started for somebody else.
    """
    await patients.patient(tx, patient_id)
    timer = await times.running_timer(tx)
    if timer is None:
        raise Conflict("No timer is running; it was stopped before")
    if timer.patient_id != patient_id:
        raise Conflict("Your timer runs for another patient now; this one was stopped before")
    form, told = Reader(sent), None
    if tx.now - timer.started_at > LONGEST_TAKEN:
        zone = (await _clinic_of(tx, patient_id)).zone
        told = time_log.ToldEnd(told_end(form.text("day"), form.text("end"), zone), form.needed("reason"))
    return sum(entry.seconds for entry in await time_log.stop_timer(tx, form.text("note") or None, told))


@requires(Permission.TIME_VOID, changes(Data.TIME))
async def void_entry(tx: Tx, patient_id: UUID, entry_id: UUID, sent: Sent) -> None:
    """Void one of the patient's entries with a reason."""
    await patients.patient(tx, patient_id)
    if await patient_of_entry(tx, entry_id) != patient_id:
        raise NotFound("There is no such entry")
    await time_log.void_entry(tx, entry_id, forms.void_reason_of(sent))


@requires(Permission.TIME_WRITE, creates(Data.TIME, Data.NOTES))
async def tell_time(tx: Tx, patient_id: UUID, sent: Sent) -> None:
    """Record time after the fact, in the program and for the activity that were chosen."""
    clinic = await _clinic_of(tx, patient_id)
    form = Reader(sent)
    told = forms.told_span(sent, clinic.zone)
    programs = open_programs(await enrolled.enrollments(tx, patient_id), told[0].astimezone(clinic.zone).date())
    if not programs:
        raise Invalid("The patient was not enrolled then", field="day")
    program = form.choice("program", programs)
    what = await _activity(tx, form)
    why, note = form.needed("reason"), form.text("note") or None
    with _as_sent():
        await time_log.record_manual_entry(tx, patient_id, programs[program], what, *told, why, note)


@requires(Permission.TIME_VOID, changes(Data.TIME, Data.NOTES))
async def correct_entry(tx: Tx, patient_id: UUID, entry_id: UUID, sent: Sent) -> None:
    """Void one of the patient's entries and record what it should have been."""
    clinic = await _clinic_of(tx, patient_id)
    if await patient_of_entry(tx, entry_id) != patient_id:
        raise NotFound("There is no such entry")
    form = Reader(sent)
    told = forms.told_span(sent, clinic.zone)
    with _as_sent():
        await time_log.correct_entry(tx, entry_id, *told, await _activity(tx, form), form.needed("reason"))


async def _activity(tx: Tx, form: Reader) -> str:
    """Return the code of the activity that was chosen. One that is offered no more is refused in words of its own."""
    return form.choice("activity", await times.activities(tx))


@contextmanager
def _as_sent() -> Generator[None]:
    """Name the field of a refused activity as the page's forms do."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.message, field="activity" if error.field == "activity_type" else error.field) from None


async def _clinic_of(tx: Tx, patient_id: UUID) -> ClinicRow:
    """Return the patient's clinic; NotFound alike for an unknown patient and one behind a wall."""
    return await tenants.clinic(tx, (await patients.patient(tx, patient_id)).clinic_id)
