"""Who works whose roster for a while."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TIMESTAMP, Select, Uuid, and_, any_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.rosters.models import Cover, Designation
from caretide.rosters.rules import CoverRow
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Clinic, Member
from caretide.tenants.queries import ClinicRow

REMEMBERED: Final = timedelta(days=60)
"""How long a cover that is over stands on the page."""

_ABSENT, _COVER = aliased(Member), aliased(Member)
_NOW = bindparam("now", type_=TIMESTAMP(timezone=True))
_MEMBER = bindparam("member_id", type_=Uuid)
_UNTIL = func.coalesce(Cover.ended_at, Cover.ends_at)
_COVERS = (
    select(
        Cover.id,
        Cover.absent_id,
        _ABSENT.display_name.label("absent"),
        Cover.cover_id,
        _COVER.display_name.label("cover"),
        Cover.first_on,
        Cover.last_on,
        Cover.starts_at,
        Cover.ends_at,
        Cover.ended_at,
        Clinic.name.label("clinic"),
    )
    .join(_ABSENT, and_(_ABSENT.tenant_id == Cover.tenant_id, _ABSENT.id == Cover.absent_id))
    .join(_COVER, and_(_COVER.tenant_id == Cover.tenant_id, _COVER.id == Cover.cover_id))
    .join(Clinic, and_(Clinic.tenant_id == Cover.tenant_id, Clinic.id == Cover.clinic_id))
    .order_by(Cover.starts_at, Cover.id)
)
_STANDING = _COVERS.where(or_(Cover.cover_id == _MEMBER, Cover.absent_id == _MEMBER), _UNTIL > _NOW)
_MINE = (
    select(Designation.patient_id)
    .join(Patient, and_(Patient.tenant_id == Designation.tenant_id, Patient.id == Designation.patient_id))
    .where(
        Designation.member_id == any_(bindparam("whose", type_=Ids())),
        Designation.valid_from <= _NOW,
        or_(Designation.valid_to.is_(None), Designation.valid_to > _NOW),
    )
    .order_by(Designation.patient_id)
)


async def _rows(tx: Tx, wanted: Select[*tuple[Any, ...]], **asked: object) -> list[CoverRow]:
    return [CoverRow(*row) for row in (await tx.db.execute(wanted, {"now": tx.now, **asked})).all()]


@requires(Permission.TEAM_READ, reads(Data.ROSTER, Data.STAFF))
async def covers(tx: Tx, member_id: UUID | None = None) -> list[CoverRow]:
    """Return the covers that hold or will, and those of the last sixty days: all, or those of one member's roster."""
    wanted = _COVERS.where(tx.now - REMEMBERED < _UNTIL)
    return await _rows(tx, wanted if member_id is None else wanted.where(Cover.absent_id == member_id))


@requires(Permission.TEAM_READ, reads(Data.ROSTER, Data.STAFF))
async def cover(tx: Tx, cover_id: UUID) -> CoverRow:
    """Return one cover."""
    found = await _rows(tx, _COVERS.where(Cover.id == cover_id))
    if not found:
        raise NotFound("There is no such cover")
    return found[0]


@requires(Permission.PATIENT_READ, reads(Data.ROSTER, Data.STAFF))
@remembered
async def my_covers(tx: Tx) -> list[CoverRow]:
    """Return the covers in which the acting member has a part, those that hold or will."""
    return await _rows(tx, _STANDING, member_id=tx.member_id)


@requires(Permission.PATIENT_READ, reads(Data.ROSTER, Data.STAFF))
async def covering(tx: Tx) -> list[CoverRow]:
    """Return the covers by which the acting member works other rosters now."""
    found = await my_covers(tx)
    return [one for one in found if one.cover_id == tx.member_id and one.state(tx.now) == "running"]


@requires(Permission.PATIENT_READ, reads(Data.ROSTER, Data.STAFF))
async def my_cover(tx: Tx) -> CoverRow | None:
    """Return the cover of the acting member's own roster, the one that holds or comes next; None for none."""
    return next((one for one in await my_covers(tx) if one.absent_id == tx.member_id), None)


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
async def my_roster(tx: Tx, whose: Sequence[UUID] = ()) -> list[UUID]:
    """Return the patients of the acting member's roster and of those that they cover; `whose` names some of these.

    Nobody is named to the audit: whoever shows some of them names those.
    """
    rosters = {tx.member_id, *(one.absent_id for one in await covering(tx))}
    asked = {"whose": sorted(rosters & set(whose) if whose else rosters), "now": tx.now}
    return list((await tx.db.execute(_MINE, asked)).scalars())


@requires(Permission.ROSTER_WRITE, reads(Data.ROSTER))
async def calendar_of(tx: Tx, member_id: UUID) -> ClinicRow:
    """Return the clinic in whose calendar a member's days are told: that of most of their patients, or the first."""
    clinics = await tenants.clinics(tx)
    if not clinics:
        raise NotFound("There is no clinic yet")
    counted = (
        select(Patient.clinic_id)
        .join(Designation, and_(Designation.tenant_id == Patient.tenant_id, Designation.patient_id == Patient.id))
        .where(Designation.member_id == member_id, Designation.valid_to.is_(None))
        .group_by(Patient.clinic_id)
        .order_by(func.count().desc(), Patient.clinic_id)
        .limit(1)
    )
    found = (await tx.db.execute(counted)).scalar_one_or_none()
    return next((one for one in clinics if one.id == found), clinics[0])
