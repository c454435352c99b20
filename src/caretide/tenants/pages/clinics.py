"""Invitations, the choice of a tenant, and the clinics with their facts and people."""

from dataclasses import replace
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions as identity
from caretide.identity.rules import Factor, Site, device_name
from caretide.identity.schemas import InvitationPage, TenantsPage
from caretide.kernel.errors import Invalid
from caretide.runtime.devices import know_device
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, PublicTx, Router, SessionTx, keep_session, network_of, session_secret
from caretide.tenants import actions, queries
from caretide.tenants.actions.sign_on import choose_place
from caretide.tenants.queries.sign_on import offered_here, open_places
from caretide.tenants.schemas import (
    AcceptForm,
    ClinicEditForm,
    ClinicFactForm,
    ClinicForm,
    InviteForm,
    InviteLink,
    PractitionerForm,
    TenantForm,
    WaiverForm,
)
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

public = Router(Known.PUBLIC)
router = Router(Known.SESSION)

WAIVERS = "/admin/waivers"


@public.get("/invitations/{token}")
async def show_invitation(request: Request, tx: PublicTx, token: str) -> Response:
    """Show what the one-time link invites to."""
    return respond.visitor_page(request, "identity/invitation.html", await _invitation(tx, token))


async def _invitation(tx: Tx, token: str) -> InvitationPage:
    page = await queries.invitation_page(tx, token)
    offered = await offered_here(tx, queries.tenant_of_token(token))
    return replace(page, providers=tuple(one for one, _ in offered))


@public.post("/invitations/{token}")
async def accept_invitation(request: Request, tx: PublicTx, token: str) -> Response:
    """Take the password that was chosen, or that of the account; the second factor comes next."""
    page = await _invitation(tx, token)
    values = await respond.fields(request)
    accepted: list[UUID | identity.Refused | actions.WrongCode] = []

    async def accept() -> None:
        form = parsed(AcceptForm, values)
        password = form.password if page.has_account else form.agreed()
        sent = {"code": form.code, "network": network_of(request)}
        accepted.append(await actions.accept_invitation(tx, page.token, password, **sent))

    form = await respond.attempt(tx, "invitation", values, accept)
    if accepted and isinstance(accepted[0], UUID):
        return await _enter(request, tx, accepted[0], page.name, Factor.PASSWORD)
    if form is None:
        # Refused without undoing that it was counted.
        taken = Invalid("This address has an account already; enter its password to join", field="password")
        if isinstance(accepted[0], actions.WrongCode):
            taken = Invalid(accepted[0].told, field="code")
        form = FormState.failed("invitation", taken, values)
    return respond.visitor_page(request, "identity/invitation.html", page, form=form)


@public.post("/invitations/{token}/passkey-offer")
async def offer_passkey(request: Request, tx: PublicTx, token: str) -> Response:
    """Answer what the browser makes a first passkey from."""
    page = await queries.invitation_page(tx, token)
    site = Site.of(request.app.state.base_url)
    return respond.json_text(await identity.first_passkey_offer(tx, site, email=page.email, name=page.name))


@public.post("/invitations/{token}/passkey")
async def accept_with_passkey(request: Request, tx: PublicTx, token: str) -> Response:
    """Take a passkey as the account's way to sign in: nothing more is needed."""
    page = await _invitation(tx, token)
    values = await respond.fields(request)
    answer, code = (str(values.get(name, "")) for name in ("answer", "code"))
    accepted: list[UUID | actions.WrongCode] = []

    async def accept() -> None:
        site = Site.of(request.app.state.base_url)
        accepted.append(await actions.accept_with_passkey(tx, token, site, answer, code=code))

    form = await respond.attempt(tx, "invitation", values, accept)
    if accepted and isinstance(accepted[0], UUID):
        return await _enter(request, tx, accepted[0], page.name, Factor.PASSKEY)
    if form is None and isinstance(accepted[0], actions.WrongCode):
        form = FormState.failed("invitation", Invalid(accepted[0].told, field="code"), {})
    return respond.visitor_page(request, "identity/invitation.html", page, form=form)


async def _enter(request: Request, tx: Tx, account_id: UUID, name: str, factor: Factor) -> Response:
    """Open the session of somebody who accepted; what it lacks is asked for first."""
    device = device_name(request.headers.get("user-agent", ""))
    signed_in = await identity.enter(tx, account_id, name, factor, device)
    response = respond.redirect(request, "/welcome/codes" if signed_in.is_whole else "/sign-in/second")
    keep_session(request, response, signed_in.secret)
    if signed_in.is_whole:
        know_device(request, response)
    return response


@router.get("/tenants")
async def show_tenants(request: Request, tx: SessionTx) -> Response:
    """Ask where to work; who may not any more is told so."""
    ended = await queries.ended_places(tx)
    places = await open_places(tx, session_secret(request))
    page = TenantsPage(account_name=tx.actor.name, choices=tuple(places), ended=ended)
    return await respond.page(request, tx, "identity/tenants.html", page)


@router.post("/tenants")
async def choose_tenant(request: Request, tx: SessionTx) -> Response:
    """Work there from now on."""
    chosen = parsed(TenantForm, await respond.fields(request))
    secret = await choose_place(tx, session_secret(request), chosen.tenant_id)
    response = respond.redirect(request, "/")
    keep_session(request, response, secret)
    return response


@router.get("/clinics")
async def show_clinics(request: Request, tx: SessionTx) -> Response:
    """Show the tenant's clinics."""
    return await respond.page(request, tx, "tenants/clinics.html", await queries.clinics_page(tx), section="admin")


@router.post("/clinics")
async def create_clinic(request: Request, tx: SessionTx) -> Response:
    """Add a clinic."""
    values = await respond.fields(request)

    async def create() -> None:
        await actions.create_clinic(tx, actions.NewClinic(**parsed(ClinicForm, values).clinic()))

    refused = await respond.attempt(tx, "clinic", values, create)
    if refused is None:
        return respond.redirect(request, "/clinics", done="clinic")
    page = await queries.clinics_page(tx)
    return await respond.page(request, tx, "tenants/clinics.html", page, section="admin", form=refused)


@router.get("/clinics/{clinic_id}")
async def show_clinic(request: Request, tx: SessionTx, clinic_id: UUID) -> Response:
    """Show one clinic."""
    page = await queries.clinic_page(tx, clinic_id)
    return await respond.page(request, tx, "tenants/clinic.html", page, section="admin")


@router.post("/clinics/{clinic_id}")
async def update_clinic(request: Request, tx: SessionTx, clinic_id: UUID) -> Response:
    """Change a clinic's name, address, phone or, while no time was recorded, its time zone."""
    values = await respond.fields(request)

    async def change() -> None:
        sent = parsed(ClinicEditForm, values)
        await actions.update_clinic(tx, clinic_id, actions.ClinicDetails(**sent.model_dump()))

    refused = await respond.attempt(tx, "edit", values, change)
    if refused is None:
        return respond.redirect(request, f"/clinics/{clinic_id}", done="clinic-changed")
    page = await queries.clinic_page(tx, clinic_id)
    return await respond.page(request, tx, "tenants/clinic.html", page, section="admin", form=refused)


@router.get("/practitioners")
async def show_practitioners(request: Request, tx: SessionTx) -> Response:
    """Show under whose names months may be billed."""
    page = await queries.practitioners_page(tx)
    return await respond.page(request, tx, "tenants/practitioners.html", page, section="admin")


@router.post("/practitioners")
async def save_practitioner(request: Request, tx: SessionTx) -> Response:
    """Add a practitioner by NPI, or say how an imported one bills."""
    values = await respond.fields(request)

    async def save() -> None:
        sent = parsed(PractitionerForm, values)
        await actions.save_practitioner(tx, actions.NewPractitioner(**sent.model_dump()))

    refused = await respond.attempt(tx, "practitioner", values, save)
    if refused is None:
        return respond.redirect(request, "/practitioners", done="practitioner")
    page = await queries.practitioners_page(tx)
    return await respond.page(request, tx, "tenants/practitioners.html", page, section="admin", form=refused)


@router.post("/clinics/{clinic_id}/facts/{kind}")
async def record_fact(request: Request, tx: SessionTx, clinic_id: UUID, kind: str) -> Response:
    """Record a dated statement about a clinic."""
    values = await respond.fields(request)

    async def record() -> None:
        fact = parsed(ClinicFactForm, values)
        dates = {"effective_on": fact.effective_on, "checked_on": fact.checked_on}
        await actions.record_clinic_fact(tx, clinic_id, kind, value=fact.fact(), **dates)

    refused = await respond.attempt(tx, f"fact-{kind}", values, record)
    if refused is None:
        return respond.redirect(request, f"/clinics/{clinic_id}#fact-{kind}", done="clinic-fact")
    page = await queries.clinic_page(tx, clinic_id)
    return await respond.page(request, tx, "tenants/clinic.html", page, section="admin", form=refused)


@router.post("/members/invite")
async def invite_member(request: Request, tx: SessionTx) -> Response:
    """Invite somebody; the link is on the answer and nowhere else."""
    values = await respond.fields(request)
    form = parsed(InviteForm, values)
    links: list[InviteLink] = []

    async def invite() -> None:
        new = actions.NewMember(email=form.email, name=form.name, role=form.role, credential=form.credential)
        made = await actions.invite_to_clinic(tx, form.clinic_id, new, form.npi)
        url = f"{request.app.state.base_url}/invitations/{made.token}"
        links.append(InviteLink(name=form.name, url=url, expires_at=made.expires_at))

    refused = await respond.attempt(tx, "invite", values, invite)
    page = await queries.clinic_page(tx, form.clinic_id, links[0] if links else None)
    return await respond.page(request, tx, "tenants/clinic.html", page, section="admin", form=refused)


@router.get("/admin/waivers")
async def show_waivers(request: Request, tx: SessionTx) -> Response:
    """Show the waivers of separated duties."""
    return await _show_waivers(request, tx)


@router.post("/admin/waivers")
async def waive_duty(request: Request, tx: SessionTx) -> Response:
    """Record a waiver."""
    values = await respond.fields(request)

    async def waive() -> None:
        sent = parsed(WaiverForm, values)
        await actions.waive_duty(tx, sent.member_id, sent.duty, sent.ends_on, sent.reason)

    refused = await respond.attempt(tx, "waiver", values, waive)
    return await _show_waivers(request, tx, refused) if refused else respond.redirect(request, WAIVERS, done="waiver")


@router.post("/admin/waivers/{waiver_id}/end")
async def end_waiver(request: Request, tx: SessionTx, waiver_id: UUID) -> Response:
    """End a waiver."""
    refused = await respond.attempt(tx, f"end-{waiver_id}", {}, lambda: actions.end_waiver(tx, waiver_id))
    if refused is not None:
        return await _show_waivers(request, tx, refused)
    return respond.redirect(request, WAIVERS, done="waiver-ended")


async def _show_waivers(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await queries.waivers_page(tx)
    return await respond.page(request, tx, "tenants/waivers.html", view, section="admin", form=form)
