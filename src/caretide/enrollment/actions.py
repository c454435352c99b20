"""Enrolling patients, recording what they decided, and the dated facts that a month's ruling rests on."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select, update

from caretide.enrollment import queries, rules
from caretide.enrollment.models import Consent, Enrollment, EnrollmentStatus, PatientFact
from caretide.enrollment.schemas import (
    FACT_PERMISSIONS,
    CarePlanCopy,
    DecisionMaking,
    Election,
    FacilityStays,
    Fact,
    read_fact,
)
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import NAME_LENGTH, REASON_LENGTH, clean_text
from caretide.patients import queries as patients
from caretide.patients.schemas import PatientRow
from caretide.runtime.access import Denied, requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants

SCRIPT_VERSION = "2026-1"
"""The wording of the five disclosures that the consent form shows."""

# Built once: building a small statement costs more than running it.
_OPEN_ALREADY = select(Enrollment.id).where(
    Enrollment.patient_id == bindparam("patient_id"),
    Enrollment.program == bindparam("program"),
    Enrollment.ended_on.is_(None),
)
_INSERT_ENROLLMENT = insert(Enrollment)
_INSERT_STATUS = insert(EnrollmentStatus)
_INSERT_CONSENT = insert(Consent)
_INSERT_FACT = insert(PatientFact)


@requires(Permission.ENROLLMENT_WRITE, creates(Data.ENROLLMENT))
async def enroll(
    tx: Tx,
    patient_id: UUID,
    program: str,
    practitioner_id: UUID,
    *,
    started_on: date,
    is_high_risk: bool | None = None,
    expected_months: int | None = None,
) -> UUID:
    """Enroll a patient under a billing practitioner; return the enrollment's id.

    `is_high_risk` and `expected_months` are the practitioner's attestation; None when nobody attested. The chart's
    eligibility advises and does not refuse: whether a condition qualifies is the practitioner's to say.
    """
    if program not in rules.PROGRAMS:
        raise Invalid(f"'{program}' is not a program; use one of {', '.join(rules.PROGRAMS)}", field="program")
    patient = await patients.patient(tx, patient_id)
    zone = (await tenants.clinic(tx, patient.clinic_id)).zone
    _refuse_future(tx, started_on, zone, "started_on")
    if patient.deceased_on is not None or patient.is_deceased or not patient.is_active:
        raise Conflict("This patient has died or left; nobody can be enrolled after that")
    if (await tenants.practitioner(tx, practitioner_id)).tin_group is None:
        raise Invalid("This practitioner does not bill here; choose one with a billing group", field="practitioner_id")
    if (await tx.db.execute(_OPEN_ALREADY, {"patient_id": patient_id, "program": program})).first():
        raise Conflict(f"The patient is already enrolled in {program}; end that enrollment first")
    enrollment_id = new_id()
    row = {"id": enrollment_id, "patient_id": patient_id, "clinic_id": patient.clinic_id, "program": program}
    attested = {"is_high_risk": is_high_risk, "expected_months": expected_months}
    billed = {"practitioner_id": practitioner_id, "started_on": started_on}
    await tx.db.execute(_INSERT_ENROLLMENT, {**row, **attested, **billed})
    await _status(tx, enrollment_id, patient_id, "enrolled", "", started_on)
    return enrollment_id


@requires(Permission.ENROLLMENT_WRITE, changes(Data.ENROLLMENT))
async def end_enrollment(tx: Tx, enrollment_id: UUID, *, ended_on: date, reason: str) -> None:
    """End an enrollment with its last day."""
    row = await queries.enrollment(tx, enrollment_id)
    zone = (await tenants.clinic(tx, row.clinic_id)).zone
    _refuse_future(tx, ended_on, zone, "ended_on")
    why = clean_text(reason, field="reason", limit=REASON_LENGTH)
    if not why:
        raise Invalid("Say why the enrollment ends", field="reason")
    if ended_on < row.started_on:
        raise Invalid("An enrollment cannot end before it began", field="ended_on")
    ended = update(Enrollment).where(Enrollment.id == enrollment_id, Enrollment.ended_on.is_(None))
    if (await tx.db.execute(ended.values(ended_on=ended_on))).rowcount == 0:
        raise Conflict("This enrollment has already ended")
    await _status(tx, enrollment_id, row.patient_id, "ended", why, ended_on)


@requires(Permission.ENROLLMENT_WRITE, creates(Data.CONSENT, Data.ENROLLMENT))
async def record_consent(
    tx: Tx,
    enrollment_id: UUID,
    decision: str,
    *,
    mode: str,
    decided_at: datetime,
    disclosures: Collection[str],
    obtained_by: str = "",
    script_version: str = "",
) -> UUID:
    """Record what a patient decided about a program; return the record's id.

    `disclosures` are those of `rules.DISCLOSURES` that were made; with one missing the consent is kept and does not
    count. Back-dating is allowed: who recorded it, and when, is stamped beside it. A revocation takes effect at the end
    of its month. `obtained_by` is the actor unless somebody else is named.
    """
    row = await queries.enrollment(tx, enrollment_id)
    if decision not in {"accepted", "declined", "revoked"} or mode not in {"verbal", "written", "electronic"}:
        raise Invalid("A decision is accepted, declined or revoked; verbal, written or electronic", field="decision")
    unknown = set(disclosures) - set(rules.DISCLOSURES)
    if unknown:
        raise Invalid(f"The disclosures are {', '.join(rules.DISCLOSURES)}", field="disclosures")
    patient = await patients.patient(tx, row.patient_id)
    zone = (await tenants.clinic(tx, row.clinic_id)).zone
    rules.check_decided_at(decided_at, tx.now, patient.birth_date, zone)
    await _check_order(tx, row, decision)
    by = clean_text(obtained_by, field="obtained_by", limit=NAME_LENGTH)
    consent_id = new_id()
    made = {"decision": decision, "mode": mode, "decided_at": decided_at, "obtained_by": by or tx.actor.name}
    told = {name: name in disclosures for name in rules.DISCLOSURES}
    whose = {"enrollment_id": row.id, "patient_id": row.patient_id, "practitioner_id": row.practitioner_id}
    stamped = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now}
    script = clean_text(script_version, field="script_version", limit=NAME_LENGTH) or SCRIPT_VERSION
    values = {"id": consent_id, **whose, **made, **stamped, "disclosures": told, "script_version": script}
    await tx.db.execute(_INSERT_CONSENT, values)
    tx.note(enrollment_id=str(row.id), decision=decision)
    return consent_id


async def _check_order(tx: Tx, row: queries.EnrollmentRow, decision: str) -> None:
    """Raise unless the decision makes sense after what was decided before: only a standing consent is revoked."""
    standing = {one.enrollment.id: one.consent.status for one in await queries.enrollments(tx, row.patient_id)}
    stands = standing.get(row.id) == "documented"
    if decision == "revoked" and not stands:
        raise Conflict("There is no consent to revoke")
    if decision == "declined" and stands:
        raise Conflict("The patient has consented; record a revocation instead")


@requires(Permission.ENROLLMENT_WRITE, creates(Data.FACTS))
async def record_fact(
    tx: Tx,
    patient_id: UUID,
    kind: str,
    value: Mapping[str, Any],
    *,
    checked_on: date,
    effective_on: date | None = None,
    supersedes_id: UUID | None = None,
) -> UUID:
    """Record a dated fact; return its id. The shape of `value` is that of `schemas.FACTS[kind]`.

    A fact that speaks of one month takes that month's first day as `effective_on` unless told otherwise, and must have
    been checked on or after it: nobody can know in September what October brings. A correction names the record in
    whose place it stands.
    """
    fact = read_fact(kind, value)
    asked = FACT_PERMISSIONS.get(kind)
    if asked is not None and asked not in tx.actor.permissions:
        raise Denied(asked)
    fact = await _in_own_name(tx, fact)
    patient = await patients.patient(tx, patient_id)
    zone = (await tenants.clinic(tx, patient.clinic_id)).zone
    stored = fact.model_dump(mode="json", by_alias=True)
    text: str | None = stored.get("month")
    month = Month.parse(text) if text else None
    starts = effective_on or (month.first if month else None)
    if starts is None:
        raise Invalid("Say since when this is so", field="effective_on")
    if month is None:
        _refuse_future(tx, starts, zone, "effective_on")
    rules.check_fact_dates(kind, month, starts, checked_on, patient.birth_date)
    _refuse_future(tx, starts, zone, "effective_on")
    _refuse_future(tx, checked_on, zone, "checked_on")
    await _check_against_chart(tx, patient, fact, starts, tx.now.astimezone(zone).date())
    if supersedes_id is not None:
        await _check_superseded(tx, supersedes_id, patient_id, kind)
    fact_id = new_id()
    dates = {"effective_on": starts, "checked_on": checked_on, "service_month": month.first if month else None}
    stamped = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now, "supersedes_id": supersedes_id}
    row = {"id": fact_id, "patient_id": patient_id, "kind": kind, "value": stored}
    await tx.db.execute(_INSERT_FACT, {**row, **dates, **stamped})
    tx.note(kind=kind, month=text)
    return fact_id


async def _in_own_name(tx: Tx, fact: Fact) -> Fact:
    """Return a decision with the acting practitioner's id; raise Invalid where it names somebody else.

    Administrators may record for any practitioner; that they did is stamped beside it.
    """
    if not isinstance(fact, DecisionMaking | Election) or tx.actor.member_id is None:
        return fact
    me = await tenants.myself(tx)
    if me.role != Role.PRACTITIONER:
        return fact
    if fact.practitioner_id not in {None, me.practitioner_id}:
        raise Invalid("A practitioner decides in their own name only", field="practitioner_id")
    return fact.model_copy(update={"practitioner_id": me.practitioner_id})


async def _check_against_chart(tx: Tx, patient: PatientRow, fact: Fact, starts: date, today: date) -> None:
    """Raise Invalid where a fact cannot be so beside what is recorded of the patient already."""
    if isinstance(fact, FacilityStays):
        for stay in fact.stays:
            if not patient.birth_date <= stay.from_ <= today:
                raise Invalid("A stay begins between the patient's birth and today", field="stays")
    elif isinstance(fact, CarePlanCopy):
        first = await queries.first_plan_on(tx, patient.id)
        if first is not None and starts < first:
            raise Invalid("A copy cannot be given before there is a plan", field="effective_on")
    elif isinstance(fact, Election) and fact.family in rules.PROGRAMS:
        month = Month.parse(fact.month) if fact.month else None
        until = date.max if month is None else month.last
        mine = [one.enrollment for one in await queries.enrollments(tx, patient.id)]
        if not any(
            one.program == fact.family and one.started_on <= until and (one.ended_on is None or one.ended_on >= starts)
            for one in mine
        ):
            raise Invalid(f"The patient is not enrolled in {fact.family}", field="family")


async def _check_superseded(tx: Tx, fact_id: UUID, patient_id: UUID, kind: str) -> None:
    found = select(PatientFact.id).where(
        PatientFact.id == fact_id, PatientFact.patient_id == patient_id, PatientFact.kind == kind
    )
    if (await tx.db.execute(found)).first() is None:
        raise NotFound(f"There is no such record of {kind} to correct")
    corrected = select(PatientFact.id).where(PatientFact.supersedes_id == fact_id)
    if (await tx.db.execute(corrected)).first():
        raise Conflict("This record was already corrected; correct the newer one")


async def _status(tx: Tx, enrollment_id: UUID, patient_id: UUID, status: str, reason: str, effective_on: date) -> None:
    row = {"enrollment_id": enrollment_id, "patient_id": patient_id, "status": status, "reason": reason}
    stamped = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now, "effective_on": effective_on}
    await tx.db.execute(_INSERT_STATUS, {"id": new_id(), **row, **stamped})
    tx.note(enrollment_id=str(enrollment_id), status=status)


def _refuse_future(tx: Tx, day: date, zone: ZoneInfo, field: str) -> None:
    if day > tx.now.astimezone(zone).date():
        raise Invalid("This day has not come yet", field=field)
