"""Questions about eligibility, enrollments, consents and dated facts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Date, Select, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from caretide.enrollment import rules
from caretide.enrollment.models import Consent, Enrollment, EnrollmentStatus, PatientFact
from caretide.kernel.errors import NotFound
from caretide.kernel.fields import Needs, all_shown
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.patients.rules import age
from caretide.programs.conditions import ChronicConditions, load_conditions
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Member, Practitioner

_IDS = bindparam("ids", type_=Ids())


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """An enrollment with its billing practitioner. `ended_on` is its last day; None while it lasts."""

    id: UUID
    patient_id: UUID
    clinic_id: UUID
    program: str
    started_on: date
    ended_on: date | None
    is_high_risk: bool | None
    expected_months: int | None
    practitioner_id: UUID
    npi: str
    family: str
    given: str
    kind: str
    tin_group: str | None

    @property
    def practitioner(self) -> str:
        """The billing practitioner's name."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrollment and how its consent stands in the month that was asked for."""

    enrollment: EnrollmentRow
    consent: rules.ConsentStanding


@dataclass(frozen=True, slots=True)
class StatusRow:
    """A change of an enrollment's status."""

    status: str
    reason: Annotated[str | None, Needs(Permission.NOTE_READ)]
    effective_on: date
    recorded_by: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class FactRow:
    """A dated fact: `value` has the shape that `schemas.FACTS` gives for its kind."""

    id: UUID
    patient_id: UUID
    kind: str
    value: dict[str, Any]
    service_month: date | None
    effective_on: date
    checked_on: date
    recorded_by: str | None
    recorded_at: datetime
    superseded: bool = False


@cache
def chronic_lists() -> ChronicConditions:
    """Return the lists of chronic conditions, read once."""
    return load_conditions()


@requires(Permission.PATIENT_READ, reads(Data.CONDITIONS, Data.DEMOGRAPHICS, Data.ENROLLMENT))
async def eligibility(
    tx: Tx, clinic_id: UUID, patient_ids: Sequence[UUID] | None = None
) -> dict[UUID, rules.Eligibility]:
    """Return what the charts say today about both programs: of the patients named, or of all the clinic's.

    Whoever may not read charts is told how many conditions there are, and not which.
    """
    clinic = await tenants.clinic(tx, clinic_id)
    today = tx.now.astimezone(clinic.zone).date()
    charts = await patients.ruling_facts(tx, patient_ids, clinic_id, Month.of(today))
    answers = {
        one: rules.eligibility(
            [diagnosis.icd10 for diagnosis in chart.diagnoses],
            chart.coverage,
            age(chart.birth_date, today),
            deceased=chart.is_deceased or chart.deceased_on is not None,
            is_active=chart.is_active,
            lists=chronic_lists(),
        )
        for one, chart in charts.items()
    }
    if Permission.CHART_READ in tx.actor.permissions:
        return answers
    return {one: answer.counted() for one, answer in answers.items()}


@requires(Permission.PATIENT_READ, reads(Data.CONDITIONS, Data.DEMOGRAPHICS, Data.ENROLLMENT))
async def candidates(
    tx: Tx, clinic_id: UUID, patient_ids: Sequence[UUID] | None = None
) -> dict[UUID, rules.Eligibility]:
    """Return the clinic's patients who are eligible for a program and in none: of those named, or of all."""
    enrolled = exists().where(Enrollment.tenant_id == Patient.tenant_id, Enrollment.patient_id == Patient.id)
    free = select(Patient.id).where(
        Patient.clinic_id == clinic_id,
        Patient.is_active,
        Patient.is_deceased.is_(False),
        ~enrolled.where(Enrollment.ended_on.is_(None)),
    )
    if patient_ids is not None:
        free = free.where(Patient.id == any_(_IDS)).params(ids=list(patient_ids))
    found = await eligibility(tx, clinic_id, list((await tx.db.execute(free)).scalars()))
    return {one: answer for one, answer in found.items() if answer.ccm or answer.pcm}


_ENROLLMENT = (
    Enrollment.id,
    Enrollment.patient_id,
    Enrollment.clinic_id,
    Enrollment.program,
    Enrollment.started_on,
    Enrollment.ended_on,
    Enrollment.is_high_risk,
    Enrollment.expected_months,
    Practitioner.id,
    Practitioner.npi,
    Practitioner.family,
    Practitioner.given,
    Practitioner.kind,
    Practitioner.tin_group,
)
_BILLED_BY = and_(Practitioner.tenant_id == Enrollment.tenant_id, Practitioner.id == Enrollment.practitioner_id)
_ENROLLMENTS = select(*_ENROLLMENT).join(Practitioner, _BILLED_BY)
_ONE_ENROLLMENT = _ENROLLMENTS.where(Enrollment.id == bindparam("enrollment_id"))


_OF_PATIENT = _ENROLLMENTS.where(Enrollment.patient_id == bindparam("patient_id")).order_by(
    Enrollment.ended_on.desc().nulls_first(), Enrollment.started_on.desc()
)
_OPEN_IN = (
    Enrollment.clinic_id == bindparam("clinic_id"),
    Enrollment.started_on <= bindparam("last", type_=Date),
    or_(Enrollment.ended_on.is_(None), Enrollment.ended_on >= bindparam("first", type_=Date)),
)
_IN_MONTH = _ENROLLMENTS.where(*_OPEN_IN).order_by(
    Enrollment.patient_id, Enrollment.program, Enrollment.started_on, Enrollment.id
)
_SOME_IN_MONTH = _IN_MONTH.where(Enrollment.patient_id == any_(_IDS))
_PATIENTS_IN_MONTH = select(Enrollment.patient_id).where(*_OPEN_IN).distinct().order_by(Enrollment.patient_id)


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT, Data.CONSENT))
async def enrollments(tx: Tx, patient_id: UUID) -> list[Enrolled]:
    """Return a patient's enrollments, open ones first, with consent as it stands this month."""
    found = await _rows(tx, _OF_PATIENT, {"patient_id": patient_id})
    tx.touch(patient_id)
    decisions = await _decisions(tx, (patient_id,))
    answers: list[Enrolled] = []
    for row in found:
        zone = (await tenants.clinic(tx, row.clinic_id)).zone
        month = Month.of(tx.now.astimezone(zone).date())
        consent = rules.consent_in(decisions[patient_id, row.program], row.practitioner_id, month, zone)
        answers.append(Enrolled(row, consent))
    return answers


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def enrollment(tx: Tx, enrollment_id: UUID) -> EnrollmentRow:
    """Return one enrollment; NotFound alike for an unknown one, another tenant's, and one behind the roster wall."""
    found = await _rows(tx, _ONE_ENROLLMENT, {"enrollment_id": enrollment_id})
    if not found:
        raise NotFound("There is no such enrollment")
    tx.touch(found[0].patient_id)
    return found[0]


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def history(tx: Tx, enrollment_id: UUID) -> list[StatusRow]:
    """Return how an enrollment's status changed, the earliest first."""
    row = await enrollment(tx, enrollment_id)
    wanted = (
        select(
            EnrollmentStatus.status,
            EnrollmentStatus.reason,
            EnrollmentStatus.effective_on,
            Member.display_name,
            EnrollmentStatus.recorded_at,
        )
        .outerjoin(
            Member, and_(Member.tenant_id == EnrollmentStatus.tenant_id, Member.id == EnrollmentStatus.recorded_by)
        )
        .where(EnrollmentStatus.enrollment_id == row.id)
        .order_by(EnrollmentStatus.recorded_at, EnrollmentStatus.id)
    )
    return all_shown((StatusRow(*one) for one in (await tx.db.execute(wanted)).all()), tx.actor.permissions)


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def enrolled_in(
    tx: Tx, clinic_id: UUID, month: Month, patient_ids: Sequence[UUID] | None = None
) -> list[Enrolled]:
    """Return the clinic's enrollments that were open on a day of the month, with consent as it stood in that month.

    Of the patients named, or of all. Three statements, however many; ordered by patient and program.
    """
    zone = (await tenants.clinic(tx, clinic_id)).zone
    asked: dict[str, Any] = {"clinic_id": clinic_id, "first": month.first, "last": month.last}
    if patient_ids is not None:
        asked["ids"] = patient_ids
    found = await _rows(tx, _IN_MONTH if patient_ids is None else _SOME_IN_MONTH, asked)
    tx.touch(*(row.patient_id for row in found))
    decisions = await _decisions(tx, tuple(sorted({row.patient_id for row in found})))
    return [
        Enrolled(row, rules.consent_in(decisions[row.patient_id, row.program], row.practitioner_id, month, zone))
        for row in found
    ]


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def patients_in(tx: Tx, clinic_id: UUID, month: Month) -> list[UUID]:
    """Return the patients of the clinic's enrollments that were open on a day of the month, in the order of their ids.

    What is then asked of some of them at a time is recorded as looked at there.
    """
    asked = {"clinic_id": clinic_id, "first": month.first, "last": month.last}
    return list((await tx.db.execute(_PATIENTS_IN_MONTH, asked)).scalars())


async def _rows(tx: Tx, wanted: Select[*tuple[Any, ...]], asked: Mapping[str, Any]) -> list[EnrollmentRow]:
    return [EnrollmentRow(*row) for row in (await tx.db.execute(wanted, asked)).all()]


_DECISIONS = (
    select(
        Consent.patient_id,
        Enrollment.program,
        Consent.decision,
        Consent.decided_at,
        Consent.practitioner_id,
        Consent.mode,
        Consent.disclosures,
        Consent.obtained_by,
        Consent.script_version,
        Consent.recorded_at,
        Member.display_name,
    )
    .join(Enrollment, and_(Enrollment.tenant_id == Consent.tenant_id, Enrollment.id == Consent.enrollment_id))
    .outerjoin(Member, and_(Member.tenant_id == Consent.tenant_id, Member.id == Consent.recorded_by))
    .where(Consent.patient_id == any_(_IDS))
    .order_by(Consent.recorded_at, Consent.id)
)


@remembered
async def _decisions(tx: Tx, patient_ids: tuple[UUID, ...]) -> dict[tuple[UUID, str], list[rules.Decision]]:
    """Return every decision by patient and program, whoever the practitioner was, the earliest recorded first."""
    found: defaultdict[tuple[UUID, str], list[rules.Decision]] = defaultdict(list)
    for patient, program, decision, at, practitioner, mode, told, by, script, recorded_at, recorded_by in (
        await tx.db.execute(_DECISIONS, {"ids": patient_ids})
    ).all():
        made = frozenset(name for name, done in told.items() if done)
        one = rules.Decision(decision, at, practitioner, mode, made, by, script, recorded_at, recorded_by)
        found[patient, program].append(one)
    return found


_CORRECTION = aliased(PatientFact)
_SUPERSEDED = exists().where(
    _CORRECTION.tenant_id == PatientFact.tenant_id, _CORRECTION.supersedes_id == PatientFact.id
)
_RECORDER = and_(Member.tenant_id == PatientFact.tenant_id, Member.id == PatientFact.recorded_by)
_FACT = (
    PatientFact.id,
    PatientFact.patient_id,
    PatientFact.kind,
    PatientFact.value,
    PatientFact.service_month,
    PatientFact.effective_on,
    PatientFact.checked_on,
    Member.display_name,
    PatientFact.recorded_at,
)


_STANDING = (
    select(*_FACT)
    .outerjoin(Member, _RECORDER)
    .where(
        or_(
            PatientFact.service_month == bindparam("first", type_=Date),
            and_(PatientFact.service_month.is_(None), PatientFact.effective_on <= bindparam("last", type_=Date)),
        ),
        ~_SUPERSEDED,
    )
    .ext(distinct_on(PatientFact.patient_id, PatientFact.kind))
    .order_by(
        PatientFact.patient_id,
        PatientFact.kind,
        PatientFact.service_month.is_(None),
        PatientFact.effective_on.desc(),
        PatientFact.recorded_at.desc(),
        PatientFact.id.desc(),
    )
)
_STANDING_OF = _STANDING.where(PatientFact.patient_id == any_(_IDS))
_EVERY = (
    select(*_FACT, _SUPERSEDED)
    .outerjoin(Member, _RECORDER)
    .where(PatientFact.patient_id == bindparam("patient_id"))
    .order_by(PatientFact.recorded_at.desc(), PatientFact.id.desc())
)


@requires(Permission.PATIENT_READ, reads(Data.FACTS))
@remembered
async def facts_as_of(tx: Tx, patient_ids: Sequence[UUID] | None, month: Month) -> dict[UUID, dict[str, FactRow]]:
    """Return the facts in effect for a month, by patient and kind: of those named, or of all. One statement.

    Superseded records are out. A fact that speaks of one month (`facility-stays`, `other-claims`,
    `hospice-home-health`, `decision-making`, an `election` for the month) answers for that month alone, the latest
    recorded of several; that somebody looked on or after its first day was seen to when it was recorded. Any other
    fact (`initiating-visit`, `care-plan`, `care-plan-copy`, `risk`, a standing `election`) answers from its
    `effective_on` to the next: the latest that took effect by the month's last day, the latest recorded of several.
    So a copy given in November is no fact of October, whenever it was recorded. An election for the month outranks a
    standing one.
    """
    asked: dict[str, Any] = {"first": month.first, "last": month.last}
    if patient_ids is not None:
        asked["ids"] = patient_ids
    rows = (await tx.db.execute(_STANDING if patient_ids is None else _STANDING_OF, asked)).all()
    found: defaultdict[UUID, dict[str, FactRow]] = defaultdict(dict)
    for row in rows:
        found[row.patient_id][row.kind] = FactRow(*row)
    tx.touch(*found)
    return dict(found)


@requires(Permission.PATIENT_READ, reads(Data.FACTS))
async def first_plan_on(tx: Tx, patient_id: UUID) -> date | None:
    """Return the day on which a patient's first care plan took effect, by the records that stand; None without one."""
    tx.touch(patient_id)
    return (await tx.db.execute(_FIRST_PLAN_ON, {"patient_id": patient_id})).scalar_one()


_FIRST_PLAN_ON = select(func.min(PatientFact.effective_on)).where(
    PatientFact.patient_id == bindparam("patient_id"), PatientFact.kind == "care-plan", ~_SUPERSEDED
)


@requires(Permission.PATIENT_READ, reads(Data.FACTS))
async def patient_facts(tx: Tx, patient_id: UUID) -> list[FactRow]:
    """Return everything that was ever recorded of a patient, the latest record first."""
    tx.touch(patient_id)
    return [FactRow(*row) for row in (await tx.db.execute(_EVERY, {"patient_id": patient_id})).all()]
