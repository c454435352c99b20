"""Who is designated for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TIMESTAMP, Uuid, and_, any_, bindparam, or_, select

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.rosters.models import Designation
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member


@dataclass(frozen=True, slots=True)
class DesignationRow:
    """A patient's designated member, by id and name, from one moment until another; no `valid_to` while it lasts."""

    patient_id: UUID
    member_id: UUID
    name: str
    valid_from: datetime
    valid_to: datetime | None


_COLUMNS = (
    Designation.patient_id,
    Designation.member_id,
    Member.display_name,
    Designation.valid_from,
    Designation.valid_to,
)
_WITH_MEMBER = and_(Member.tenant_id == Designation.tenant_id, Member.id == Designation.member_id)
# The roster wall stands on the patients and reads this table, so it cannot stand on this table too: every question
# joins the patient, and who may not see them learns nothing of who looks after them.
_WITH_PATIENT = and_(Patient.tenant_id == Designation.tenant_id, Patient.id == Designation.patient_id)
_DESIGNATIONS = select(*_COLUMNS).join(Member, _WITH_MEMBER).join(Patient, _WITH_PATIENT)
_IDS = bindparam("ids", type_=Ids())
_INSTANT = bindparam("instant", type_=TIMESTAMP(timezone=True))
# A designation holds from its beginning, included, to its end, which is not.
_HOLDS = and_(Designation.valid_from <= _INSTANT, or_(Designation.valid_to.is_(None), Designation.valid_to > _INSTANT))
_STANDING = _DESIGNATIONS.where(_HOLDS)
_STANDING_OF = _STANDING.where(Designation.patient_id == any_(_IDS))
_ROSTER = (
    select(Designation.patient_id)
    .join(Patient, _WITH_PATIENT)
    .where(Designation.member_id == bindparam("member_id", type_=Uuid), _HOLDS)
    .order_by(Designation.patient_id)
)


# Of those who are no coordinators few look after anybody: each is asked by index, and never all designations read.
_HAS_PATIENT = (
    select(Designation.id)
    .where(Designation.tenant_id == Member.tenant_id, Designation.member_id == Member.id, _HOLDS)
    .limit(1)
    .scalar_subquery()
)
_DESIGNEES = (
    select(Member.id, Member.display_name)
    .where(
        or_(
            Member.id == bindparam("also", type_=Uuid),
            and_(Member.status == "active", or_(Member.role == "coordinator", _HAS_PATIENT.is_not(None))),
        )
    )
    .order_by(Member.display_name, Member.id)
)


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def designees(tx: Tx, also: UUID | None = None) -> list[tuple[UUID, str]]:
    """Return id and name of who has a roster, by name: coordinators at work, and whoever else looks after somebody.

    `also` names one more, who stands chosen, whether they still work here or not.
    """
    rows = (await tx.db.execute(_DESIGNEES, {"also": also, "instant": tx.now})).all()
    return [(row.id, row.display_name) for row in rows]


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
async def designated(tx: Tx, patient_id: UUID) -> DesignationRow | None:
    """Return who looks after a patient now; None when nobody does."""
    return (await designated_as_of(tx, [patient_id], tx.now)).get(patient_id)


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
async def history(tx: Tx, patient_id: UUID) -> list[DesignationRow]:
    """Return everybody who was designated for a patient, the latest first."""
    wanted = _DESIGNATIONS.where(Designation.patient_id == patient_id)
    tx.touch(patient_id)
    rows = (await tx.db.execute(wanted.order_by(Designation.valid_from.desc()))).all()
    return [DesignationRow(*row) for row in rows]


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
async def roster(tx: Tx, member_id: UUID) -> list[UUID]:
    """Return the patients for whom a member is designated now: those of them whom the actor may see."""
    found = list((await tx.db.execute(_ROSTER, {"member_id": member_id, "instant": tx.now})).scalars())
    tx.touch(*found)
    return found


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
async def panel(tx: Tx, member_id: UUID) -> list[UUID]:
    """Return a member's patients as `roster` does, for other questions to be narrowed by.

    None of them is named: of a panel of two hundred a page shows fifty, and whoever shows them names those.
    """
    return list((await tx.db.execute(_ROSTER, {"member_id": member_id, "instant": tx.now})).scalars())


@requires(Permission.PATIENT_READ, reads(Data.ROSTER))
@remembered
async def designated_as_of(tx: Tx, patient_ids: Sequence[UUID] | None, instant: datetime) -> dict[UUID, DesignationRow]:
    """Return who was designated at an instant, by patient: of those named, or of all. One statement.

    A patient without an entry had nobody: continuity with a designated team member, a service element of CCM and PCM,
    was missing.
    """
    asked: dict[str, object] = {"instant": instant}
    if patient_ids is not None:
        asked["ids"] = patient_ids
    rows = (await tx.db.execute(_STANDING if patient_ids is None else _STANDING_OF, asked)).all()
    tx.touch(*(row.patient_id for row in rows))
    return {row.patient_id: DesignationRow(*row) for row in rows}
