"""Giving patients to the members who look after them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, bindparam, insert, select, update

from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.patients.models import Patient
from caretide.rosters.models import Designation
from caretide.rosters.rules import DESIGNABLE
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member

_IDS = bindparam("ids", type_=Ids())


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def designate(tx: Tx, patient_id: UUID, member_id: UUID) -> bool:
    """Give a patient to a member from now on; return whether that changed anything."""
    return await designate_many(tx, [patient_id], member_id) == 1


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def designate_many(tx: Tx, patient_ids: Sequence[UUID], member_id: UUID) -> int:
    """Give patients to a member from now on; return how many changed hands.

    Who looked after them until now ends at this instant; patients who are already with the member stay as they are.
    """
    await _check_member(tx, member_id)
    wanted = set(patient_ids)
    asked = {"ids": sorted(wanted)}
    known = set((await tx.db.execute(select(Patient.id).where(Patient.id == any_(_IDS)), asked)).scalars())
    if known != wanted:
        raise NotFound("There is no such patient")
    running = select(Designation.patient_id, Designation.member_id, Designation.valid_from)
    running = running.where(Designation.patient_id == any_(_IDS), Designation.valid_to.is_(None)).with_for_update()
    current = {row.patient_id: row for row in (await tx.db.execute(running, asked)).all()}
    moving = sorted(one for one in wanted if one not in current or current[one].member_id != member_id)
    if any(one in current and current[one].valid_from > tx.now for one in moving):
        raise Conflict("A designation that begins later is already recorded")
    if moving:
        await _move(tx, moving, member_id)
    tx.touch(*moving)
    tx.note(member_id=str(member_id), changed=len(moving))
    return len(moving)


async def _move(tx: Tx, patient_ids: list[UUID], member_id: UUID) -> None:
    ended = update(Designation).where(Designation.patient_id == any_(_IDS), Designation.valid_to.is_(None))
    await tx.db.execute(ended.values(valid_to=tx.now), {"ids": patient_ids})
    shared = {"member_id": member_id, "valid_from": tx.now, "recorded_by": tx.actor.member_id}
    await tx.db.execute(insert(Designation), [{"id": new_id(), "patient_id": one, **shared} for one in patient_ids])


async def _check_member(tx: Tx, member_id: UUID) -> None:
    """Raise unless the member is at work here in a role that looks after patients."""
    row = (await tx.db.execute(select(Member.role, Member.status).where(Member.id == member_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such member")
    if row.status != "active":
        raise Invalid("This member is not active; choose somebody who is", field="member_id")
    if row.role not in DESIGNABLE:
        raise Invalid("Patients are given to coordinators, managers and practitioners", field="member_id")
