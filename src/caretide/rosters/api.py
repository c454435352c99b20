"""Designations, covers, duties and emergency access as JSON."""

from uuid import UUID

from fastapi import Request

from caretide.kernel.errors import NotFound
from caretide.rosters import actions, queries
from caretide.rosters.rules import CoverRow, DutyRow
from caretide.rosters.schemas import (
    BeyondBody,
    BeyondOut,
    CoverBody,
    DesignateBody,
    DesignatedCount,
    DesignateManyBody,
    DutyBody,
    GlassBody,
    GlassOut,
    Made,
    OpenOut,
    ReviewBody,
)
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, TokenTx, bearer_secret
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


@router.get("/covers")
async def covers(tx: TokenTx) -> list[CoverRow]:
    """The covers that hold or will, and those of the last sixty days."""
    return await queries.covers(tx)


@router.post("/covers", status_code=201)
async def give_cover(tx: TokenTx, body: CoverBody) -> Made:
    """Have a member work another's roster for a while."""
    return Made(id=await actions.give_cover(tx, body.absent_id, body.cover_id, body.first_on, body.last_on))


@router.post("/covers/{cover_id}/end")
async def end_cover(tx: TokenTx, cover_id: UUID) -> CoverRow:
    """End a cover now."""
    await actions.end_cover(tx, cover_id)
    return await queries.cover(tx, cover_id)


@router.get("/duties")
async def duties(tx: TokenTx) -> list[DutyRow]:
    """The duties that stand, by clinic."""
    return await queries.duties(tx)


@router.post("/duties", status_code=201)
async def add_duty(tx: TokenTx, body: DutyBody) -> Made:
    """Put a member on duty for a clinic's calls."""
    return Made(id=await actions.add_duty(tx, actions.NewDuty(**body.model_dump())))


@router.post("/duties/{duty_id}/end", status_code=204)
async def end_duty(tx: TokenTx, duty_id: UUID) -> None:
    """End a duty now."""
    await actions.end_duty(tx, duty_id)


@router.get("/clinics/{clinic_id}/duty")
async def on_duty(tx: TokenTx, clinic_id: UUID) -> list[DutyRow]:
    """Who is on duty for a clinic's calls now."""
    return await queries.on_duty_for(tx, clinic_id)


@router.post("/emergency/search")
@costs("search")
async def search_beyond(tx: TokenTx, body: BeyondBody) -> list[BeyondOut]:
    """Who exists beyond the roster; for those whom the tenant named for emergency access."""
    found = await queries.find_beyond(tx, body.number, body.family, body.born)
    return [BeyondOut.model_validate(one) for one in found]


@router.post("/emergency", status_code=201)
async def open_glass(request: Request, tx: TokenTx, body: GlassBody) -> Made:
    """Open a patient's record for an hour at most; the session's factors were given within ten minutes."""
    secret = bearer_secret(request)
    return Made(id=await actions.open_glass(tx, secret, body.patient_id, body.category, body.reason))


@router.get("/emergency")
async def my_glasses(tx: TokenTx) -> list[OpenOut]:
    """One's own uses that are open."""
    return [OpenOut.model_validate(one) for one in await queries.my_glasses(tx)]


@router.post("/emergency/{opening_id}/end", status_code=204)
async def end_glass(tx: TokenTx, opening_id: UUID) -> None:
    """End an emergency access."""
    await actions.end_glass(tx, opening_id)


@router.get("/emergency/uses")
async def glass_uses(tx: TokenTx) -> list[GlassOut]:
    """The uses that await review, and those of the last ninety days."""
    return [GlassOut.model_validate(one) for one in await queries.glass_uses(tx)]


@router.post("/emergency/{opening_id}/review", status_code=201)
async def review(tx: TokenTx, opening_id: UUID, body: ReviewBody) -> GlassOut:
    """Sign the review of somebody else's use."""
    await actions.review_glass(tx, opening_id, body.verdict, body.note)
    return GlassOut.model_validate(await queries.glass_use(tx, opening_id))
