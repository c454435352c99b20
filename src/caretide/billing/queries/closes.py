"""How the close of a month stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Row, Select, any_, bindparam, func, select

from caretide.billing.models import ClaimLine, MonthClose, PatientMonth
from caretide.kernel.errors import NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants


@requires(Permission.MONTH_READ, reads(Data.MONTH))
@remembered
async def close_states(tx: Tx, month: Month) -> dict[UUID, str]:
    """Return `closing` or `closed` for each clinic whose close of a month was asked for."""
    rows = (await tx.db.execute(_STATES, {"month": month.first})).all()
    return {row.clinic_id: row.state for row in rows}


_MONTH = bindparam("month", type_=Date)
_STATES = select(MonthClose.clinic_id, MonthClose.state).where(MonthClose.service_month == _MONTH)
_MARKS = select(MonthClose.clinic_id, MonthClose.state, MonthClose.closed_at).where(MonthClose.service_month == _MONTH)
_UNRENDERED = (
    select(PatientMonth.clinic_id, func.count())
    .where(
        PatientMonth.service_month == _MONTH,
        PatientMonth.status == "ready",
        PatientMonth.document_id.is_(None),
    )
    .group_by(PatientMonth.clinic_id)
)


@dataclass(frozen=True, slots=True)
class CloseMark:
    """That a clinic's month is being closed or is closed, and how many of its records are still to be rendered."""

    clinic_id: UUID
    state: str
    closed_at: datetime | None
    unrendered: int

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state == "closed" and not self.unrendered


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def count_frozen(tx: Tx, clinic_ids: Sequence[UUID], month: Month) -> int:
    """Return how many patient-months the close of some clinics froze."""
    return (await tx.db.execute(_FROZEN, {"clinics": clinic_ids, "month": month.first})).scalar_one()


_FROZEN = select(func.count()).where(
    PatientMonth.clinic_id == any_(bindparam("clinics", type_=Ids())), PatientMonth.service_month == _MONTH
)


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def marks_of(tx: Tx, month: Month) -> list[CloseMark]:
    """Return the closes of a month, by clinic. Only what is still to be rendered is counted: nothing once it is."""
    asked = {"month": month.first}
    rows = (await tx.db.execute(_MARKS, asked)).all()
    left: dict[UUID, int] = {}
    if rows:
        left = {row[0]: row[1] for row in (await tx.db.execute(_UNRENDERED, asked)).all()}
    return [CloseMark(row.clinic_id, row.state, row.closed_at, left.get(row.clinic_id, 0)) for row in rows]


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def unrendered(tx: Tx, clinic_id: UUID, month: Month) -> list[UUID]:
    """Return the ready patient-months of a closed clinic that have no record yet."""
    wanted = select(PatientMonth.id).where(
        PatientMonth.clinic_id == clinic_id,
        PatientMonth.service_month == month.first,
        PatientMonth.status == "ready",
        PatientMonth.document_id.is_(None),
    )
    return list((await tx.db.execute(wanted.order_by(PatientMonth.id))).scalars())


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def records(tx: Tx, month: Month) -> list[UUID]:
    """Return the documents of a month's records."""
    wanted = select(PatientMonth.document_id).where(
        PatientMonth.service_month == month.first, PatientMonth.document_id.is_not(None)
    )
    found = (await tx.db.execute(wanted.order_by(PatientMonth.id))).scalars()
    return [document_id for document_id in found if document_id is not None]


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def frozen_facts(tx: Tx, patient_month_id: UUID) -> Row[UUID, str, date, bytes, UUID | None]:
    """Return patient, program, month, frozen facts and record of a patient-month."""
    wanted = select(
        PatientMonth.patient_id,
        PatientMonth.program,
        PatientMonth.service_month,
        PatientMonth.facts,
        PatientMonth.document_id,
    ).where(PatientMonth.id == patient_month_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound
    tx.touch(row.patient_id)
    return row


@dataclass(frozen=True, slots=True)
class ClinicStatus:
    """How far the close of a clinic's month is. `records` of `ready` records are kept; `amount` in cents."""

    clinic_id: UUID
    slug: str
    name: str
    state: str
    closed_at: datetime | None
    ready: int = 0
    blocked: int = 0
    records: int = 0
    lines: int = 0
    amount: int = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state == "closed" and self.records == self.ready


@requires(Permission.MONTH_READ, reads(Data.MONTH, Data.SETTINGS))
async def status(tx: Tx, month: Month) -> list[ClinicStatus]:
    """Return how each clinic's month stands."""
    closes = {
        row.clinic_id: row
        for row in (
            await tx.db.execute(
                select(MonthClose.clinic_id, MonthClose.state, MonthClose.closed_at).where(
                    MonthClose.service_month == month.first
                )
            )
        ).all()
    }
    ready = func.count().filter(PatientMonth.status == "ready")
    blocked = func.count().filter(PatientMonth.status == "blocked")
    counts = {
        row[0]: row[1:]
        for row in (
            await tx.db.execute(
                select(PatientMonth.clinic_id, ready, blocked, func.count(PatientMonth.document_id))
                .where(PatientMonth.service_month == month.first)
                .group_by(PatientMonth.clinic_id)
            )
        ).all()
    }
    money = {row[0]: (int(row[1]), int(row[2])) for row in (await tx.db.execute(_money(month))).all()}
    return [
        ClinicStatus(
            clinic.id,
            clinic.slug,
            clinic.name,
            closes[clinic.id].state if clinic.id in closes else "open",
            closes[clinic.id].closed_at if clinic.id in closes else None,
            *counts.get(clinic.id, (0, 0, 0)),
            *money.get(clinic.id, (0, 0)),
        )
        for clinic in await tenants.clinics(tx)
    ]


def _money(month: Month) -> Select[UUID, int, Any]:
    """Ask for lines and cents by clinic; PostgreSQL sums to numeric, which the caller counts as an integer."""
    return (
        select(
            PatientMonth.clinic_id,
            func.count(ClaimLine.id),
            func.coalesce(func.sum(ClaimLine.amount_cents), 0),
        )
        .join(
            ClaimLine,
            (ClaimLine.tenant_id == PatientMonth.tenant_id) & (ClaimLine.patient_month_id == PatientMonth.id),
        )
        .where(PatientMonth.service_month == month.first)
        .group_by(PatientMonth.clinic_id)
    )
