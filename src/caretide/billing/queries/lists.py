"""A month's patient-months in lists: live ones as they stand now, closed ones as they were frozen, in one shape."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from caretide.billing.models import ClaimLine, MonthException, PatientMonth
from caretide.billing.queries import evidence
from caretide.billing.rules.evidence import Judged
from caretide.billing.rules.freeze import claim_lines, is_ready
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.patients.models import Patient
from caretide.programs.packs import Packs
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Practitioner
from caretide.tenants.queries import ClinicRow


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


@requires(Permission.MONTH_READ)
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


@requires(Permission.MONTH_READ)
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
