"""The tenant's people: who they are, what they bring, and whether they may come in."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.reports import actions as reports
from caretide.reports.queries.people import Wanted, member_page, people_page
from caretide.reports.queries.timers import stop_page
from caretide.reports.schemas.people import InviteForm, InviteLink, MemberForm, gathered
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx, session_secret
from caretide.tenants import actions
from caretide.tenants.queries.recoveries import recovery
from caretide.tenants.rules import MemberDetails, with_licenses
from caretide.tenants.schemas.recoveries import NewWayIn, RecoveryForm
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

SECTION = "admin"
LIST = "/admin/people"


@router.get("/admin/people")
async def show_people(
    request: Request,
    tx: SessionTx,
    role: str = "",
    status: str = "",
    license: str = "",  # noqa: A002 - the query's own name
    sort: str = "",
    page: int = 1,
) -> Response:
    """Show the people whom the address asks for."""
    view = await people_page(tx, Wanted(role=role, status=status, license=license, sort=sort, page=page))
    return await respond.page(request, tx, "reports/people.html", view, section=SECTION)


@router.post("/admin/people")
async def invite(request: Request, tx: SessionTx) -> Response:
    """Invite somebody; the link is on the answer and nowhere else."""
    values = await respond.fields(request)
    links: list[InviteLink] = []

    async def act() -> None:
        form = _read(InviteForm, values)
        made = await actions.invite_member(tx, actions.NewMember(**with_licenses(form.model_dump())))
        links.append(_link(request, form.name, made))

    refused = await respond.attempt(tx, "invite", values, act)
    view = await people_page(tx, Wanted(), links[0] if links else None)
    return await respond.page(request, tx, "reports/people.html", view, section=SECTION, form=refused)


def _read(shape: type[Any], values: dict[str, str | tuple[str, ...]]) -> Any:
    return parsed(shape, gathered(values))


def _link(request: Request, name: str, made: actions.Invited) -> InviteLink:
    url = f"{request.app.state.base_url}/invitations/{made.token}"
    return InviteLink(name=name, url=url, expires_on=made.expires_at.date())


@router.get("/admin/people/{member_id}")
async def show_member(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Show one person."""
    return await _show(request, tx, member_id)


@router.post("/admin/people/{member_id}")
async def update(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Change what is known of a person."""

    async def act(values: dict[str, str | tuple[str, ...]]) -> None:
        form = _read(MemberForm, values)
        await actions.update_member(tx, member_id, MemberDetails(**with_licenses(form.model_dump())))

    return await _submit(request, tx, member_id, "member", act)


@router.post("/admin/people/{member_id}/invitation")
async def renew(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Make a new one-time link; it is on the answer and nowhere else."""
    made = await actions.renew_invitation(tx, member_id)
    name = (await member_page(tx, member_id)).person.name
    return await _show(request, tx, member_id, invited=_link(request, name, made))


@router.post("/admin/people/{member_id}/sign-out")
async def sign_out(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """End a person's sessions here, from the next request on."""
    await actions.sign_out_member(tx, member_id)
    return respond.redirect(request, f"{LIST}/{member_id}#access", done="signed-out-member")


@router.post("/admin/people/{member_id}/new-way-in")
async def ask_recovery(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Ask for a new way in; its code is on the answer and nowhere else, with the link where nobody has to confirm."""
    values, made, secret = await respond.fields(request), list[NewWayIn](), session_secret(request)
    name = (await member_page(tx, member_id)).person.name

    async def act() -> None:
        asked = await actions.ask_recovery(tx, secret, member_id, parsed(RecoveryForm, values).reason)
        url = _link(request, name, asked.invited).url if asked.invited else ""
        made.append(NewWayIn(name=name, code=asked.code, url=url, expires_at=asked.expires_at))

    refused = await respond.attempt(tx, "new-way-in", values, act)
    return await _show(request, tx, member_id, form=refused, new_way_in=made[0] if made else None)


@router.post("/admin/recoveries/{recovery_id}/confirm")
async def confirm_recovery(request: Request, tx: SessionTx, recovery_id: UUID) -> Response:
    """Confirm a new way in; the link is on the answer and nowhere else."""
    made, secret = list[NewWayIn](), session_secret(request)
    asked = await recovery(tx, recovery_id)

    async def act() -> None:
        link = await actions.confirm_recovery(tx, secret, recovery_id)
        url = _link(request, asked.member, link).url
        made.append(NewWayIn(name=asked.member, url=url, expires_at=link.expires_at))

    refused = await respond.attempt(tx, "new-way-in", {}, act)
    return await _show(request, tx, asked.member_id, form=refused, new_way_in=made[0] if made else None)


@router.post("/admin/recoveries/{recovery_id}/decline")
async def decline_recovery(request: Request, tx: SessionTx, recovery_id: UUID) -> Response:
    """Decline a new way in, or take it back."""
    asked = await recovery(tx, recovery_id)
    return await _submit(
        request, tx, asked.member_id, "declined", lambda _: actions.decline_recovery(tx, recovery_id), "new-way-in"
    )


@router.get("/admin/people/{member_id}/suspend")
async def ask_to_suspend(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Say what ends with a person's access, before it does."""
    view = await member_page(tx, member_id)
    return await respond.page(request, tx, "reports/suspend.html", view, section=SECTION)


@router.post("/admin/people/{member_id}/suspend")
async def suspend(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """End a person's access, with all that hangs on it."""
    return await _submit(request, tx, member_id, "suspended", lambda _: reports.end_access(tx, member_id))


@router.post("/admin/people/{member_id}/reinstate")
async def reinstate(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Let a person in again."""
    return await _submit(request, tx, member_id, "reinstated", lambda _: actions.reinstate_member(tx, member_id))


@router.get("/admin/people/{member_id}/stop-timer")
async def ask_to_stop(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Ask when the work of a person's timer ended, so that their access can end."""
    view = await stop_page(tx, member_id, f"{LIST}/{member_id}/stop-timer", f"{LIST}/{member_id}")
    return await respond.page(request, tx, "reports/stop_timer.html", view, section=SECTION)


@router.post("/admin/people/{member_id}/stop-timer")
async def stop_timer(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Stop a person's timer and record its time."""
    view = await stop_page(tx, member_id, f"{LIST}/{member_id}/stop-timer", f"{LIST}/{member_id}")
    sent = await respond.fields(request)
    refused = await respond.attempt(tx, "stop", sent, lambda: reports.stop_timer(tx, member_id, view.zone, sent))
    if refused is not None:
        return await respond.page(request, tx, "reports/stop_timer.html", view, section=SECTION, form=refused)
    return respond.redirect(request, f"{LIST}/{member_id}/suspend", done="timer-stopped")


async def _submit(
    request: Request,
    tx: Tx,
    member_id: UUID,
    done: str,
    act: Callable[[dict[str, str | tuple[str, ...]]], Awaitable[object]],
    form: str = "",
) -> Response:
    """Do what a form asks, and lead back to the person; a refused form comes back on their page."""
    values = await respond.fields(request)
    refused = await respond.attempt(tx, form or done, values, lambda: act(values))
    if refused is None:
        return respond.redirect(request, f"{LIST}/{member_id}", done=done)
    return await _show(request, tx, member_id, form=refused)


async def _show(
    request: Request,
    tx: Tx,
    member_id: UUID,
    *,
    form: FormState | None = None,
    invited: InviteLink | None = None,
    new_way_in: NewWayIn | None = None,
) -> Response:
    view = await member_page(tx, member_id, invited, new_way_in)
    return await respond.page(request, tx, "reports/member.html", view, section=SECTION, form=form)
