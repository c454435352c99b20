"""Who is on duty for a clinic's calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, Uuid, and_, bindparam, cast, func, or_, select

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.rosters.models import PoolDuty
from caretide.rosters.rules.shifts import DutyRow
from caretide.runtime.access import remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Clinic, Member

# A duty that was over yesterday is over in every time zone.
_STANDS = and_(
    PoolDuty.ended_at.is_(None),
    or_(PoolDuty.last_on.is_(None), PoolDuty.last_on >= cast(bindparam("yesterday"), Date)),
)
_DUTIES = (
    select(
        PoolDuty.id,
        PoolDuty.clinic_id,
        Clinic.name.label("clinic"),
        PoolDuty.member_id,
        Member.display_name,
        PoolDuty.first_on,
        PoolDuty.last_on,
        func.coalesce(PoolDuty.weekdays, []).label("weekdays"),
        PoolDuty.from_minute,
        PoolDuty.until_minute,
    )
    .join(Clinic, and_(Clinic.tenant_id == PoolDuty.tenant_id, Clinic.id == PoolDuty.clinic_id))
    .join(Member, and_(Member.tenant_id == PoolDuty.tenant_id, Member.id == PoolDuty.member_id))
    .where(_STANDS)
    .order_by(Clinic.name, PoolDuty.first_on, PoolDuty.from_minute, Member.display_name, PoolDuty.id)
)
_MINE = _DUTIES.where(PoolDuty.member_id == bindparam("member_id", type_=Uuid))


async def _rows(tx: Tx, wanted: Select[*tuple[Any, ...]], **asked: object) -> list[DutyRow]:
    rows: Sequence[Any] = (await tx.db.execute(wanted, {"yesterday": _yesterday(tx.now), **asked})).all()
    return [DutyRow(*row) for row in rows]


def _yesterday(now: datetime) -> Any:
    return datetime.fromtimestamp(now.timestamp() - 86_400, tz=now.tzinfo).date()


@requires(Permission.MEMBER_READ, reads(Data.ROSTER, Data.STAFF))
async def duties(tx: Tx) -> list[DutyRow]:
    """Return every duty that stands, by clinic."""
    return await _rows(tx, _DUTIES)


@requires(Permission.MEMBER_READ, reads(Data.ROSTER, Data.STAFF))
async def duty(tx: Tx, duty_id: UUID) -> DutyRow:
    """Return one duty that stands."""
    found = await _rows(tx, _DUTIES.where(PoolDuty.id == duty_id))
    if not found:
        raise NotFound("There is no such duty")
    return found[0]


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
@remembered
async def my_duties(tx: Tx) -> list[DutyRow]:
    """Return the duties by which the acting member answers calls now."""
    found = await _rows(tx, _MINE, member_id=tx.member_id)
    zones = {one.id: one.zone for one in await tenants.clinics(tx)} if found else {}
    return [one for one in found if one.holds(tx.now, zones[one.clinic_id])]


@requires(Permission.MEMBER_READ, reads(Data.ROSTER, Data.STAFF))
async def on_duty_for(tx: Tx, clinic_id: UUID) -> list[DutyRow]:
    """Return who is on duty for a clinic's calls now."""
    clinic = await tenants.clinic(tx, clinic_id)
    found = await _rows(tx, _DUTIES.where(PoolDuty.clinic_id == clinic_id))
    return [one for one in found if one.holds(tx.now, clinic.zone)]
