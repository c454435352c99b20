"""The patient page, put together from the features below."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import any_, bindparam, func, select

from caretide.documents import queries as documents
from caretide.enrollment import queries as enrollment
from caretide.enrollment.models import Consent
from caretide.enrollment.queries import Enrolled
from caretide.enrollment.rules import DISCLOSURES, PROGRAMS, ConsentStanding
from caretide.kernel.errors import NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach.queries import attempts_card
from caretide.patients import queries as patients
from caretide.patients.schemas import PatientRow
from caretide.rosters import queries as rosters
from caretide.rosters.actions import DESIGNABLE
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.time_log.queries import EntryRow
from caretide.ui.filters import day_long
from caretide.ui.forms import Option
from caretide.ui.shell import Tone
from caretide.workspace.queries.chart import chart
from caretide.workspace.queries.facts import fact_lines
from caretide.workspace.queries.months import month_cards
from caretide.workspace.queries.timer import activity_options, timer_beside
from caretide.workspace.schemas.patient import (
    Designation,
    DocumentLine,
    EligibilityLine,
    EnrollForm,
    EnrollmentLine,
    EntryLine,
    PatientPage,
)

PROGRAM_NAMES: Final = {"CCM": "Chronic care management (CCM)", "PCM": "Principal care management (PCM)"}
MODES: Final = {"verbal": "by word", "written": "in writing", "electronic": "electronically"}


@requires(Permission.PATIENT_READ, reads(Data.DEMOGRAPHICS, Data.CONTACT))
async def patient_page(tx: Tx, patient_id: UUID, asked: Month | None = None) -> PatientPage:
    """Return everything on a patient's page, for the present month or an earlier one that was asked for."""
    who = await patients.patient(tx, patient_id)
    clinic = await tenants.clinic(tx, who.clinic_id)
    today = tx.now.astimezone(clinic.zone).date()
    present = Month.of(today)
    month = asked or present
    if month > present:
        raise NotFound(f"{month.title} has not come yet")
    enrolled = [one for one in await enrollment.enrollments(tx, patient_id) if _touches(one, month)]
    entries = await time_log.entries(tx, patient_id, month)
    locked = await time_log.is_locked(tx, clinic.id, month)
    found = await chart(tx, who, clinic, today)
    declined = await _declined(tx, clinic, month, enrolled)
    label, tone = _consent_badge(enrolled, declined)
    return PatientPage(
        patient=found.header,
        zone=clinic.zone,
        today=today,
        consent_label=label,
        consent_tone=tone,
        timer=await timer_beside(tx, who, clinic, enrolled),
        months=await month_cards(tx, patient_id, clinic, month, entries),
        entries=tuple(_entry(tx, row, locked=locked) for row in entries),
        told_programs=_told_programs(tx, enrolled, month) if not locked else (),
        activities=await _activities(tx),
        eligibility=await _eligibility(tx, patient_id, clinic),
        enrollments=tuple(_enrollment(one, declined) for one in enrolled),
        enroll=await _enroll_form(tx, who, enrolled),
        may_consent=Permission.ENROLLMENT_WRITE in tx.actor.permissions,
        may_release=Permission.DOCUMENT_RELEASE in tx.actor.permissions,
        may_audit=Permission.AUDIT_READ in tx.actor.permissions,
        facts=await fact_lines(tx, patient_id, clinic, month, enrolled) if enrolled else (),
        designation=await _designation(tx, patient_id, clinic),
        documents=await _documents(tx, patient_id),
        attempts=None if asked else await attempts_card(tx, patient_id, clinic.zone, has_died=who.is_deceased),
        asked=None if month == present else month,
        earlier=month.previous(),
        later=month.next() if month < present else None,
        conditions=found.conditions,
        medications=found.medications,
        allergies=found.allergies,
        coverages=found.coverages,
    )


def _touches(one: Enrolled, month: Month) -> bool:
    """Whether an enrollment is of use on the page of a month: it is open, or ended in it or after it."""
    return one.enrollment.ended_on is None or one.enrollment.ended_on >= month.first


async def _declined(tx: Tx, clinic: ClinicRow, month: Month, enrolled: Sequence[Enrolled]) -> dict[UUID, date]:
    """Return when the patient last declined, by enrollment, as far as a month knows."""
    if not enrolled:
        return {}
    asked = {
        "patient_id": enrolled[0].enrollment.patient_id,
        "ids": [one.enrollment.id for one in enrolled],
        "end": month.bounds(clinic.zone)[1],
    }
    rows = (await tx.db.execute(_DECLINED, asked)).all()
    return {row.enrollment_id: row.at.astimezone(clinic.zone).date() for row in rows}


_DECLINED = (
    select(Consent.enrollment_id, func.max(Consent.decided_at).label("at"))
    .where(
        # By the patient, too: that is what consents are indexed by.
        Consent.patient_id == bindparam("patient_id"),
        Consent.enrollment_id == any_(bindparam("ids", type_=Ids())),
        Consent.decision == "declined",
        Consent.decided_at < bindparam("end"),
    )
    .group_by(Consent.enrollment_id)
)


def _consent_badge(enrolled: Sequence[Enrolled], declined: Mapping[UUID, date]) -> tuple[str, Tone]:
    """Return the consent of all enrollments together: the worst of them."""
    if not enrolled:
        return "No consent", "neutral"
    found = [_consent(one.consent, declined.get(one.enrollment.id)) for one in enrolled]
    label, tone, _ = next((one for one in found if one[1] != "good"), found[0])
    return label, tone


def _consent(standing: ConsentStanding, declined_on: date | None) -> tuple[str, Tone, str]:
    """Return label, tone and sentence of a consent."""
    given = standing.given
    if given is None or standing.obtained_on is None:
        if declined_on:
            on = day_long(declined_on)
            return "Consent declined", "bad", f"The patient declined on {on}. Without consent nothing can be billed."
        return "No consent", "bad", "No consent is recorded. Without it nothing can be billed."
    told = len(given.disclosures & set(DISCLOSURES))
    by = f", by {given.obtained_by}" if given.obtained_by else ""
    asked = f"{MODES.get(given.mode, given.mode)} on {day_long(standing.obtained_on)}"
    if standing.status == "other_practitioner":
        return "Consent elsewhere", "bad", f"Accepted {asked} with another practitioner; ask again for this one"
    if standing.status == "revoked":
        when = f" on {day_long(standing.revoked_on)}" if standing.revoked_on else ""
        return "Consent revoked", "bad", f"Accepted {asked}; taken back{when}, which takes effect at that month's end"
    if not standing.elements_complete:
        missing = f"{told} of {len(DISCLOSURES)} disclosures were made. Ask again, with all of them"
        return "Consent incomplete", "warn", f"Accepted {asked}{by}, but only {missing}"
    return "Consent on file", "good", f"Accepted {asked}, all five disclosures{by}"


def _enrollment(one: Enrolled, declined: Mapping[UUID, date]) -> EnrollmentLine:
    row = one.enrollment
    _, tone, sentence = _consent(one.consent, declined.get(row.id))
    return EnrollmentLine(
        enrollment_id=row.id,
        program=row.program,
        practitioner=row.practitioner,
        status=f"ended {day_long(row.ended_on)}" if row.ended_on else "enrolled",
        since=row.started_on,
        consent=sentence,
        consent_tone=tone,
        consented=one.consent.status == "documented",
    )


async def _eligibility(tx: Tx, patient_id: UUID, clinic: ClinicRow) -> tuple[EligibilityLine, ...]:
    answer = (await enrollment.eligibility(tx, clinic.id, [patient_id]))[patient_id]
    return tuple(
        EligibilityLine(
            program=program,
            eligible=answer.of(program),
            reasons=tuple(reason.text for reason in answer.reasons_of(program)),
        )
        for program in PROGRAMS
    )


async def _enroll_form(tx: Tx, who: PatientRow, enrolled: Sequence[Enrolled]) -> EnrollForm | None:
    """Return the choices; None for somebody who may not enroll, and where there is nobody or nothing to enroll."""
    taken = {row.program for one in enrolled if (row := one.enrollment).ended_on is None}
    left = [program for program in PROGRAMS if program not in taken]
    gone = who.is_deceased or who.deceased_on is not None or not who.is_active
    if Permission.ENROLLMENT_WRITE not in tx.actor.permissions or gone or not left:
        return None
    practitioners = tuple(Option(str(one.id), one.name) for one in await tenants.practitioners(tx))
    # Who acts as a practitioner most likely enrolls for themselves; an enrollment for a colleague is theirs to record.
    own = str(await tenants.acting_practitioner(tx) or "")
    known = [one.value for one in practitioners if one.value == own or len(practitioners) == 1]
    return EnrollForm(
        programs=tuple(Option(program, PROGRAM_NAMES[program]) for program in left),
        practitioners=practitioners,
        practitioner=known[0] if known else "",
    )


def _told_programs(tx: Tx, enrolled: Sequence[Enrolled], month: Month) -> tuple[Option, ...]:
    if Permission.TIME_WRITE not in tx.actor.permissions:
        return ()
    found = {one.enrollment.program for one in enrolled if one.enrollment.started_on <= month.last}
    return tuple(Option(program, program) for program in PROGRAMS if program in found)


async def _activities(tx: Tx) -> tuple[Option, ...]:
    if not tx.actor.permissions & {Permission.TIME_WRITE, Permission.TIME_VOID}:
        return ()
    return await activity_options(tx)


def _entry(tx: Tx, row: EntryRow, *, locked: bool) -> EntryLine:
    mine = row.coordinator_id == tx.actor.member_id or Permission.ROSTER_WRITE in tx.actor.permissions
    return EntryLine(
        entry_id=row.id,
        started_at=row.start_time,
        ended_at=row.end_time,
        seconds=row.duration_secs,
        activity=row.activity,
        person=f"{row.person}, {row.credential}" if row.credential else row.person,
        note=row.note or "",
        may_void=mine and not row.is_void and not locked and Permission.TIME_VOID in tx.actor.permissions,
        voided=row.is_void,
        void_reason=row.void_reason or "",
        voided_by=row.voided_by or "",
        activity_code=row.activity_code,
        awaits=row.awaits,
        corrects=row.supersedes_id is not None,
        told=row.entry_reason or "",
        decided=_decided(row),
    )


def _decided(row: EntryRow) -> str:
    """Return who let an entry count, and that they did so alone where they did."""
    if row.decision != "approved":
        return ""
    return f"{row.decided_by}, under a waiver of separated duties" if row.is_waived else row.decided_by or ""


async def _designation(tx: Tx, patient_id: UUID, clinic: ClinicRow) -> Designation:
    found = await rosters.designated(tx, patient_id)
    options: tuple[Option, ...] = ()
    if Permission.ROSTER_WRITE in tx.actor.permissions:
        people = [one for one in await tenants.members(tx) if one.status == "active" and one.role in DESIGNABLE]
        options = tuple(
            Option(str(one.id), f"{one.display_name}, {one.credential}" if one.credential else one.display_name)
            for one in people
        )
    return Designation(
        current=found.name if found else "",
        since=found.valid_from.astimezone(clinic.zone).date() if found else None,
        options=options,
    )


async def _documents(tx: Tx, patient_id: UUID) -> tuple[DocumentLine, ...]:
    if Permission.DOCUMENT_READ not in tx.actor.permissions:
        return ()
    return tuple(
        DocumentLine(document_id=row.id, title=row.title, made_at=row.created_at, octets=row.size)
        for row in await documents.of_patient(tx, patient_id)
    )
