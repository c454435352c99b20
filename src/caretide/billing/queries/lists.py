"""A month's patient-months in lists: live ones as they stand now, closed ones as they were frozen, in one shape."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, any_, bindparam, select

from caretide.billing.models import ClaimLine, MonthException, PatientMonth
from caretide.billing.queries import evidence
from caretide.billing.queries.freshness import FROZEN
from caretide.billing.rules.evidence import Judged
from caretide.billing.rules.freeze import claim_lines, is_ready
from caretide.billing.rules.standing import UNRECORDED, Standing
from caretide.billing.rules.words import anchor, title
from caretide.billing.schemas import CodeUnits, ExceptionLine, RulingRow
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.programs.packs import Packs
from caretide.programs.ruling import ExceptionCode
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Practitioner
from caretide.tenants.queries import ClinicRow

_IDS = bindparam("ids", type_=Ids())
_PEOPLE = select(Patient.id, Patient.given, Patient.family).where(Patient.id == any_(_IDS))
_BILLING = select(Practitioner.id, Practitioner.given, Practitioner.family).where(Practitioner.id == any_(_IDS))


@dataclass(frozen=True, slots=True)
class RuledMonth:
    """A patient-month for a list: live or frozen, the same shape. `lines` are code, units, cents."""

    patient_id: UUID
    name: str
    practitioner: str
    program: str
    seconds: int
    status: str
    lines: tuple[tuple[str, int, int | None], ...]
    service_date: date | None
    exceptions: tuple[tuple[str, str, str, str | None], ...]
    document_id: UUID | None


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def closed_months(tx: Tx, clinic_id: UUID, month: Month) -> list[RuledMonth]:
    """Return a closed clinic's patient-months by patient's name."""
    rows = (
        await tx.db.execute(
            select(
                PatientMonth.id,
                PatientMonth.patient_id,
                Patient.given,
                Patient.family,
                Practitioner.given,
                Practitioner.family,
                PatientMonth.program,
                PatientMonth.countable_seconds,
                PatientMonth.status,
                PatientMonth.document_id,
            )
            .join(Patient, (Patient.tenant_id == PatientMonth.tenant_id) & (Patient.id == PatientMonth.patient_id))
            .join(
                Practitioner,
                (Practitioner.tenant_id == PatientMonth.tenant_id) & (Practitioner.id == PatientMonth.practitioner_id),
            )
            .where(PatientMonth.clinic_id == clinic_id, PatientMonth.service_month == month.first)
            .order_by(Patient.name_key, PatientMonth.id)
        )
    ).all()
    tx.touch(*(row[1] for row in rows))
    lines, exceptions = await _details(tx, clinic_id, month)
    return [
        RuledMonth(
            patient_id,
            f"{given} {family}".strip(),
            f"{by_given} {by_family}".strip(),
            program,
            seconds,
            status,
            tuple((line.code, line.units, line.amount_cents) for line in lines.get(month_id, ())),
            next((line.service_date for line in lines.get(month_id, ())), None),
            tuple((found.code, found.severity, found.message, found.fact) for found in exceptions.get(month_id, ())),
            document_id,
        )
        for month_id, patient_id, given, family, by_given, by_family, program, seconds, status, document_id in rows
    ]


async def _details(tx: Tx, clinic_id: UUID, month: Month) -> tuple[dict[UUID, list[Any]], dict[UUID, list[Any]]]:
    """Return claim lines and exceptions by patient-month."""
    found: list[dict[UUID, list[Any]]] = []
    for model in (ClaimLine, MonthException):
        wanted = (
            select(model.__table__)
            .join(
                PatientMonth,
                (model.tenant_id == PatientMonth.tenant_id) & (model.patient_month_id == PatientMonth.id),
            )
            .where(PatientMonth.clinic_id == clinic_id, PatientMonth.service_month == month.first)
            .order_by(model.patient_month_id, model.position)
        )
        grouped: dict[UUID, list[Any]] = defaultdict(list)
        for row in (await tx.db.execute(wanted)).all():
            grouped[row.patient_month_id].append(row)
        found.append(grouped)
    return found[0], found[1]


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def live_months(tx: Tx, clinic: ClinicRow, month: Month) -> list[RuledMonth]:
    """Return an open clinic's patient-months as they stand now, by patient's name."""
    packs = await evidence.packs(tx)
    found = [_live(judged, packs) for judged in await evidence.judged(tx, clinic, month)]
    return sorted(found, key=lambda row: (row.name.split()[-1:], row.name))


def _live(judged: Judged, packs: Packs) -> RuledMonth:
    ruling, subject = judged.ruling, judged.evidence
    ready = is_ready(ruling)
    return RuledMonth(
        subject.chart.patient_id,
        subject.chart.name,
        subject.practitioner.name,
        subject.program,
        ruling.countable_seconds,
        "ready" if ready else "blocked",
        tuple(claim_lines(judged, packs)),
        ruling.earliest_service_date if ready else None,
        tuple((found.code, found.severity.value, found.message, found.fact) for found in ruling.exceptions),
        None,
    )


@requires(Permission.MONTH_READ, reads(Data.MONTH, Data.DEMOGRAPHICS))
async def rows(tx: Tx, month: Month, found: Sequence[Standing]) -> tuple[RulingRow, ...]:
    """Return standings as rows of the month's page; of what is frozen, with its lines, exceptions and record."""
    asked = {"ids": [one.patient_id for one in found]}
    names = {row.id: f"{row.given} {row.family}".strip() for row in (await tx.db.execute(_PEOPLE, asked)).all()}
    whose = {"ids": {one.practitioner_id for one in found}}
    for row in (await tx.db.execute(_BILLING, whose)).all():
        names[row.id] = f"{row.given} {row.family}".strip()
    frozen = await _frozen(tx, month, [one for one in found if one.rules == FROZEN])
    answers: list[RulingRow] = []
    for one in found:
        lines, exceptions, document_id = frozen.get((one.patient_id, one.practitioner_id)) or (
            one.codes,
            one.exceptions,
            None,
        )
        ruled = RuledMonth(
            one.patient_id,
            names[one.patient_id],
            names[one.practitioner_id],
            one.program,
            one.countable_secs,
            one.status,
            tuple((code, units, cents) for code, units, cents in lines),
            one.service_date,
            tuple((code, severity, message, fact) for code, severity, message, fact in exceptions),
            document_id,
        )
        answers.append(row_of(ruled, month))
    return tuple(answers)


async def _frozen(tx: Tx, month: Month, found: Sequence[Standing]) -> dict[tuple[UUID, UUID], tuple[Any, Any, Any]]:
    """Return lines, exceptions and record of frozen patient-months by patient and practitioner."""
    if not found:
        return {}
    asked = {"ids": [one.patient_id for one in found], "month": month.first}
    kept = (await tx.db.execute(_KEPT, asked)).all()
    ids = {"ids": [row.id for row in kept]}
    lines: dict[UUID, list[Any]] = defaultdict(list)
    for month_id, *line in (await tx.db.execute(_LINES, ids)).all():
        lines[month_id].append(line)
    said: dict[UUID, list[Any]] = defaultdict(list)
    for month_id, *one in (await tx.db.execute(_SAID, ids)).all():
        said[month_id].append(one)
    return {(row.patient_id, row.practitioner_id): (lines[row.id], said[row.id], row.document_id) for row in kept}


_KEPT = select(PatientMonth.id, PatientMonth.patient_id, PatientMonth.practitioner_id, PatientMonth.document_id).where(
    PatientMonth.patient_id == any_(_IDS), PatientMonth.service_month == bindparam("month", type_=Date)
)
_LINES = (
    select(ClaimLine.patient_month_id, ClaimLine.code, ClaimLine.units, ClaimLine.amount_cents)
    .where(ClaimLine.patient_month_id == any_(_IDS))
    .order_by(ClaimLine.position)
)
_SAID = (
    select(
        MonthException.patient_month_id,
        MonthException.code,
        MonthException.severity,
        MonthException.message,
        MonthException.fact,
    )
    .where(MonthException.patient_month_id == any_(_IDS))
    .order_by(MonthException.position)
)


def row_of(row: RuledMonth, month: Month) -> RulingRow:
    """Return a patient-month as the page has it."""
    known = [cents for _, _, cents in row.lines if cents is not None]
    return RulingRow(
        patient_id=row.patient_id,
        name=row.name,
        practitioner=row.practitioner,
        program=row.program,
        seconds=row.seconds,
        codes=tuple(CodeUnits(code=code, units=units) for code, units, _ in row.lines),
        amount=sum(known) if known else None,
        service_date=row.service_date,
        exceptions=tuple(_exception(row.patient_id, month, *found) for found in row.exceptions),
        document_id=row.document_id,
    )


def _exception(
    patient_id: UUID, month: Month, code: str, severity: str, message: str, fact: str | None
) -> ExceptionLine:
    place = anchor(code, fact)
    return ExceptionLine(
        code=code,
        severity="block" if severity == "block" else "adjust" if severity == "adjust" else "info",
        title=title(code),
        message=message[:1].upper() + message[1:],
        fix=f"/patients/{patient_id}?month={month}#{place}" if place else "",
        unrecorded=UNRECORDED.get(fact, fact) if fact and code == ExceptionCode.FACT_UNKNOWN else "",
    )


def blocked_by(row: RulingRow) -> str:
    """Return the first thing that blocks a month; what nothing blocks and yet does not bill has no rules of its own."""
    return next((found.code for found in row.exceptions if found.severity == "block"), "PROVISIONAL_PACK")
