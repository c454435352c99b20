"""A manager's figures, a company's figures, and an administrator's people as JSON."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.reports import actions as reports
from caretide.reports.queries.agreements import register
from caretide.reports.queries.company import company_page
from caretide.reports.queries.endings import access_endings
from caretide.reports.queries.people import users
from caretide.reports.queries.settings import settings_out
from caretide.reports.queries.team import team_metrics
from caretide.reports.schemas.agreements import AgreementBody, AgreementMade, EndBody, RegisterOut
from caretide.reports.schemas.company import CompanyPage
from caretide.reports.schemas.people import EndingOut, RoleBody, UserOut, UsersOut
from caretide.reports.schemas.settings import SettingsOut, SettingsPatch
from caretide.reports.schemas.team import TeamMetrics
from caretide.runtime.web import Known, Router, TokenTx
from caretide.tenants import actions, queries
from caretide.tenants.rules import with_licenses
from caretide.tenants.schemas import InvitedOut, MemberBody

router = Router(Known.TOKEN)


@router.get("/manager/team-metrics", tags=["manager"])
async def metrics(tx: TokenTx, page: int = 1) -> TeamMetrics:
    """The figures of the Team page: the month in numbers, what blocks months, and 50 members a page by name."""
    return await team_metrics(tx, page)


@router.get("/company/metrics", tags=["company"])
async def company_metrics(tx: TokenTx) -> CompanyPage:
    """The figures of the company that the caller directs: staff, hours and counts, tenant by tenant."""
    return await company_page(tx)


@router.get("/admin/users", tags=["admin"])
async def list_users(tx: TokenTx, role: str = "", status: str = "", page: int = 1) -> UsersOut:
    """List the tenant's people with role, status, sessions and when they were last here; 50 a page, by name."""
    return await users(tx, role=role, status=status, page=page)


@router.post("/admin/users", status_code=201, tags=["admin"])
async def invite_user(request: Request, tx: TokenTx, sent: MemberBody) -> InvitedOut:
    """Invite somebody; the one-time link is on this answer and nowhere else."""
    made = await actions.invite_member(tx, actions.NewMember(**with_licenses(sent.model_dump())))
    link = f"{request.app.state.base_url}/invitations/{made.token}"
    return InvitedOut(member_id=made.member_id, link=link, expires_at=made.expires_at)


@router.get("/admin/users/{user_id}", tags=["admin"])
async def get_user(tx: TokenTx, user_id: UUID) -> UserOut:
    """Return one of the tenant's people."""
    return (await users(tx, user_id=user_id)).users[0]


@router.put("/admin/users/{user_id}/role", tags=["admin"])
async def change_role(tx: TokenTx, user_id: UUID, sent: RoleBody) -> UserOut:
    """Give somebody another role, from their next request on. Nobody changes their own."""
    known = await queries.member_details(tx, user_id)
    changed = replace(known, role=sent.role, practitioner_id=sent.practitioner_id or known.practitioner_id)
    await actions.update_member(tx, user_id, changed)
    return (await users(tx, user_id=user_id)).users[0]


@router.post("/admin/users/{user_id}/suspend", status_code=204, tags=["admin"])
async def suspend_user(tx: TokenTx, user_id: UUID) -> None:
    """End somebody's access: sessions, tokens and open links; a running timer stops at the last sign of life."""
    await reports.end_access(tx, user_id)


@router.post("/admin/users/{user_id}/reinstate", status_code=204, tags=["admin"])
async def reinstate_user(tx: TokenTx, user_id: UUID) -> None:
    """Let a suspended person in again."""
    await actions.reinstate_member(tx, user_id)


@router.get("/admin/access-endings", tags=["admin"])
async def list_endings(tx: TokenTx, since: datetime | None = None, after: UUID | None = None) -> list[EndingOut]:
    """The events `workforce.access_ended`, oldest first, 200 at most: whose access ended, and what with it.

    Ask again `after` the last one's id; who else gives these people access has to be told within a day.
    """
    return await access_endings(tx, since, after)


@router.get("/admin/agreements", tags=["admin"])
async def list_agreements(tx: TokenTx) -> RegisterOut:
    """List the agreements, and what must stand before there may be patients, and does not."""
    return await register(tx)


@router.post("/admin/agreements", status_code=201, tags=["admin"])
async def add_agreement(tx: TokenTx, sent: AgreementBody) -> AgreementMade:
    """Record a signed agreement with its file."""
    made = await actions.add_agreement(tx, sent.agreement())
    return AgreementMade(id=made, overlaps=[one.id for one in await queries.agreements_beside(tx, made)])


@router.get("/admin/agreements/{agreement_id}/file", tags=["admin"])
async def agreement_file(tx: TokenTx, agreement_id: UUID) -> Response:
    """Return the signed PDF, checked against its SHA-256."""
    return Response(await queries.agreement_file(tx, agreement_id), media_type="application/pdf")


@router.post("/admin/agreements/{agreement_id}/end", status_code=204, tags=["admin"])
async def end_agreement(tx: TokenTx, agreement_id: UUID, sent: EndBody) -> None:
    """End an agreement early, with its last day."""
    await actions.end_agreement(tx, agreement_id, sent.last_day, sent.reason)


@router.get("/admin/settings", tags=["admin"])
async def get_settings(tx: TokenTx) -> SettingsOut:
    """Return the tenant's settings and every change of them."""
    return await settings_out(tx)


@router.patch("/admin/settings", tags=["admin"])
async def change_settings(tx: TokenTx, sent: SettingsPatch) -> SettingsOut:
    """Change settings from the next request on; what is not sent stays."""
    known = await queries.settings(tx)
    await actions.change_settings(tx, replace(known, **sent.model_dump(exclude_unset=True)))
    return await settings_out(tx)
