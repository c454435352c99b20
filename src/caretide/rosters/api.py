"""Designations as JSON."""

from uuid import UUID

from caretide.kernel.errors import NotFound
from caretide.rosters import actions, queries
from caretide.rosters.schemas import DesignateBody, DesignatedCount, DesignateManyBody
from caretide.runtime.web import Known, Router, TokenTx
from caretide.tenants import queries as tenants

router = Router(Known.TOKEN, tags=["rosters"])


@router.get("/patients/{patient_id}/designation")
async def designation(tx: TokenTx, patient_id: UUID) -> queries.DesignationRow:
    """Who looks after a patient now."""
    found = await queries.designated(tx, patient_id)
    if found is None:
        raise NotFound("Nobody is designated for such a patient")
    return found


@router.post("/patients/{patient_id}/designation")
async def designate(tx: TokenTx, patient_id: UUID, body: DesignateBody) -> DesignatedCount:
    """Give a patient to a member from now on."""
    return DesignatedCount(changed=int(await actions.designate(tx, patient_id, body.member_id)))


@router.post("/designations")
async def designate_many(tx: TokenTx, body: DesignateManyBody) -> DesignatedCount:
    """Give many patients to one member from now on."""
    return DesignatedCount(changed=await actions.designate_many(tx, body.patient_ids, body.member_id))


@router.get("/members/{member_id}/roster")
async def roster(tx: TokenTx, member_id: UUID) -> list[UUID]:
    """The patients for whom a member is designated now."""
    await tenants.check_member(tx, member_id)
    return await queries.roster(tx, member_id)
