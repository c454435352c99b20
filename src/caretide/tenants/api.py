"""Sessions, the tenant, its clinics and its people as JSON."""

from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from fastapi import Request
from starlette.responses import JSONResponse

from caretide.identity.actions import Refused
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, PublicTx, Router, TokenTx, bearer_secret, network_of
from caretide.tenants import actions, queries, schemas
from caretide.tenants.queries.recoveries import recoveries
from caretide.tenants.rules import ClinicRow, PractitionerRow, with_licenses
from caretide.tenants.rules.waivers import WaiverRow
from caretide.tenants.schemas.recoveries import RecoveryAsked, RecoveryForm, RecoveryOut

public = Router(Known.PUBLIC)
router = Router(Known.TOKEN)


@public.post("/sessions", status_code=201, tags=["sessions"], response_model=schemas.SessionOut)
@costs("password")
async def open_session(request: Request, tx: PublicTx, sent: schemas.SessionBody) -> schemas.SessionOut | JSONResponse:
    """Open a session; its token goes into `Authorization: Bearer` from then on."""
    network = network_of(request)
    issued = await actions.sign_in_to(tx, sent.email, sent.password, sent.code, sent.tenant, network=network)
    if isinstance(issued, Refused):
        return _refused("No account signs in with this address, password and code", issued)
    return schemas.SessionOut(token=issued.secret, tenant=issued.tenant)


@public.post("/invitations/accept", status_code=201, tags=["members"], response_model=schemas.Created)
async def accept_invitation(request: Request, tx: PublicTx, sent: schemas.AcceptBody) -> schemas.Created | JSONResponse:
    """Accept an invitation with a password, a new one or that of the address's account; return the account's id.

    Its person then signs in on the pages, which ask them to set up a second factor. `code` goes with a new way in.
    """
    network = network_of(request)
    account_id = await actions.accept_invitation(tx, sent.token, sent.password, code=sent.code, network=network)
    if isinstance(account_id, actions.WrongCode):
        return _refused(account_id.told, Refused())
    if isinstance(account_id, Refused):
        return _refused("This address has an account already; send its password", account_id)
    return schemas.Created(id=account_id)


def _refused(detail: str, refused: Refused) -> JSONResponse:
    """Answer by RFC 9457: not raised, because the count of wrong passwords is committed with the answer."""
    status, title = (429, "Too many tries") if refused.seconds else (401, "Please sign in")
    headers = {"retry-after": str(refused.seconds)} if refused.seconds else {}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


@router.get("/me", tags=["sessions"])
async def get_me(tx: TokenTx) -> schemas.Me:
    """Return who the token stands for."""
    return await queries.me(tx)


@router.get("/tenant", tags=["tenant"])
async def get_tenant(tx: TokenTx) -> schemas.ServedTenantOut:
    """Return the tenant, and who serves it."""
    company = await queries.serving_company(tx)
    tenant = schemas.TenantOut.model_validate(await queries.my_tenant(tx))
    return schemas.ServedTenantOut(**tenant.model_dump(), company=company.name if company else None)


@router.get("/clinics", tags=["clinics"])
async def list_clinics(tx: TokenTx) -> list[ClinicRow]:
    """List the clinics."""
    return await queries.clinics(tx)


@router.post("/clinics", status_code=201, tags=["clinics"])
async def create_clinic(tx: TokenTx, sent: schemas.ClinicBody) -> schemas.Created:
    """Add a clinic."""
    return schemas.Created(id=await actions.create_clinic(tx, actions.NewClinic(**sent.model_dump())))


@router.get("/clinics/{clinic_id}", tags=["clinics"])
async def get_clinic(tx: TokenTx, clinic_id: UUID) -> ClinicRow:
    """Return one clinic."""
    return await queries.clinic(tx, clinic_id)


@router.patch("/clinics/{clinic_id}", tags=["clinics"])
async def update_clinic(tx: TokenTx, clinic_id: UUID, sent: schemas.ClinicPatch) -> ClinicRow:
    """Change a clinic; what is not sent stays."""
    row = await queries.clinic(tx, clinic_id)
    known = actions.ClinicDetails(name=row.name, time_zone=row.time_zone, address=row.address, phone=row.phone)
    await actions.update_clinic(tx, clinic_id, replace(known, **sent.model_dump(exclude_unset=True)))
    return await queries.clinic(tx, clinic_id)


@router.get("/clinics/{clinic_id}/facts", tags=["clinics"])
async def list_facts(tx: TokenTx, clinic_id: UUID) -> list[schemas.ClinicFactOut]:
    """List the facts in effect today, by the clinic's own calendar."""
    clinic = await queries.clinic(tx, clinic_id)
    facts = await queries.clinic_facts(tx, clinic_id, tx.now.astimezone(clinic.zone).date())
    return [schemas.ClinicFactOut.model_validate(fact) for fact in facts.values()]


@router.post("/clinics/{clinic_id}/facts", status_code=201, tags=["clinics"])
async def record_fact(tx: TokenTx, clinic_id: UUID, sent: schemas.ClinicFactBody) -> schemas.Created:
    """Record a dated statement about a clinic."""
    dates = {"effective_on": sent.effective_on, "checked_on": sent.checked_on}
    return schemas.Created(id=await actions.record_clinic_fact(tx, clinic_id, sent.kind, value=sent.fact(), **dates))


@router.get("/practitioners", tags=["practitioners"])
async def list_practitioners(tx: TokenTx) -> list[PractitionerRow]:
    """List those under whose name months may be billed."""
    return await queries.practitioners(tx)


@router.post("/practitioners", status_code=201, tags=["practitioners"])
async def save_practitioner(tx: TokenTx, sent: schemas.PractitionerBody) -> schemas.Created:
    """Add a practitioner by NPI, or update the one who has it."""
    new = actions.NewPractitioner(**sent.model_dump())
    return schemas.Created(id=await actions.save_practitioner(tx, new))


@router.get("/members", tags=["members"])
async def list_members(tx: TokenTx) -> list[schemas.MemberOut]:
    """List the members."""
    return [schemas.MemberOut.model_validate(row) for row in await queries.members(tx)]


@router.post("/members", status_code=201, tags=["members"])
async def invite_member(request: Request, tx: TokenTx, sent: schemas.MemberBody) -> schemas.InvitedOut:
    """Invite somebody; the one-time link is on this answer and nowhere else."""
    return _invited(request, await actions.invite_member(tx, actions.NewMember(**with_licenses(sent.model_dump()))))


def _invited(request: Request, made: actions.Invited) -> schemas.InvitedOut:
    link = f"{request.app.state.base_url}/invitations/{made.token}"
    return schemas.InvitedOut(member_id=made.member_id, link=link, expires_at=made.expires_at)


@router.get("/members/{member_id}", tags=["members"])
async def get_member(tx: TokenTx, member_id: UUID) -> schemas.MemberOut:
    """Return one member."""
    return schemas.MemberOut.model_validate(await queries.member(tx, member_id))


@router.patch("/members/{member_id}", tags=["members"])
async def update_member(tx: TokenTx, member_id: UUID, sent: schemas.MemberPatch) -> schemas.MemberOut:
    """Change what is known of a member; what is not sent stays. Minutes recorded before keep what they began with."""
    known = await queries.member_details(tx, member_id)
    changes = with_licenses(sent.model_dump(exclude_unset=True))
    await actions.update_member(tx, member_id, replace(known, **changes))
    return schemas.MemberOut.model_validate(await queries.member(tx, member_id))


@router.post("/members/{member_id}/invitation", status_code=201, tags=["members"])
async def renew_invitation(request: Request, tx: TokenTx, member_id: UUID) -> schemas.InvitedOut:
    """Give somebody who has not come yet a new one-time link; the last one opens nothing any more."""
    return _invited(request, await actions.renew_invitation(tx, member_id))


@router.post("/members/{member_id}/suspend", status_code=204, tags=["members"])
async def suspend_member(tx: TokenTx, member_id: UUID) -> None:
    """End a member's access at once, sessions included. Refused while their timer runs: stop it first."""
    await actions.suspend_member(tx, member_id)


@router.post("/members/{member_id}/sign-out", status_code=204, tags=["members"])
async def sign_out_member(tx: TokenTx, member_id: UUID) -> None:
    """End a member's sessions in this tenant, from the next request on."""
    await actions.sign_out_member(tx, member_id)


@router.post("/members/{member_id}/new-way-in", status_code=201, tags=["members"])
async def ask_recovery(request: Request, tx: TokenTx, member_id: UUID, sent: RecoveryForm) -> RecoveryAsked:
    """Ask for a new way in for a member, within ten minutes of signing in; another administrator confirms it.

    Its code is on this answer and nowhere else; so is the link where there is no other administrator.
    """
    asked = await actions.ask_recovery(tx, bearer_secret(request), member_id, sent.reason)
    link = _invited(request, asked.invited).link if asked.invited else None
    return RecoveryAsked(id=asked.recovery_id, code=asked.code, expires_at=asked.expires_at, link=link)


@router.get("/admin/recoveries", tags=["admin"])
async def list_recoveries(tx: TokenTx) -> list[RecoveryOut]:
    """List the new ways in that were asked for, the latest first."""
    return [RecoveryOut(**asdict(one), state=one.state(tx.now)) for one in await recoveries(tx)]


@router.post("/admin/recoveries/{recovery_id}/confirm", status_code=201, tags=["admin"])
async def confirm_recovery(request: Request, tx: TokenTx, recovery_id: UUID) -> schemas.InvitedOut:
    """Confirm what another administrator asked for, within ten minutes of signing in; the link is on this answer."""
    return _invited(request, await actions.confirm_recovery(tx, bearer_secret(request), recovery_id))


@router.post("/admin/recoveries/{recovery_id}/decline", status_code=204, tags=["admin"])
async def decline_recovery(tx: TokenTx, recovery_id: UUID) -> None:
    """Decline a new way in, or take back that one asked for it."""
    await actions.decline_recovery(tx, recovery_id)


@router.post("/members/{member_id}/reinstate", status_code=204, tags=["members"])
async def reinstate_member(tx: TokenTx, member_id: UUID) -> None:
    """Let a suspended member in again."""
    await actions.reinstate_member(tx, member_id)


@router.get("/admin/waivers", tags=["admin"])
async def list_waivers(tx: TokenTx) -> list[schemas.WaiverOut]:
    """List the waivers of separated duties, the latest first."""
    return [_waiver(row, tx.now) for row in await queries.waivers(tx)]


@router.post("/admin/waivers", status_code=201, tags=["admin"])
async def waive_duty(tx: TokenTx, sent: schemas.WaiverForm) -> schemas.Created:
    """Let a member do alone what two people do otherwise, until a day a year off at most."""
    return schemas.Created(id=await actions.waive_duty(tx, sent.member_id, sent.duty, sent.ends_on, sent.reason))


@router.post("/admin/waivers/{waiver_id}/end", status_code=204, tags=["admin"])
async def end_waiver(tx: TokenTx, waiver_id: UUID) -> None:
    """End a waiver; what rests on it stands."""
    await actions.end_waiver(tx, waiver_id)


def _waiver(row: WaiverRow, now: datetime) -> schemas.WaiverOut:
    return schemas.WaiverOut(**asdict(row), state=row.state(now))
