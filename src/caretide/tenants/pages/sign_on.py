"""Single sign-on: the way to an organization's provider and back, linking it, and setting it up."""

from fastapi import Request
from starlette.responses import Response

from caretide.identity import queries as identity
from caretide.identity.actions import providers
from caretide.identity.pages.sign_in import entered
from caretide.identity.provider import Heard, hear
from caretide.identity.queries.providers import Provider
from caretide.identity.rules import device_name
from caretide.identity.schemas import OfferedProvider, ProviderForm, WayPage
from caretide.kernel.errors import Invalid, NotFound
from caretide.runtime.cookies import drop_cookie, read_cookie, set_cookie
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, PendingTx, PublicSteps, PublicTx, Router, SessionTx, database_of, session_secret
from caretide.tenants import queries
from caretide.tenants.actions import sign_on as actions
from caretide.tenants.queries.sign_on import (
    RETURNS,
    company_sign_on_page,
    links_page,
    my_providers,
    offered_here,
    provider_at,
    provider_of,
    returns_to,
    sign_on_page,
)
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

way = Router(Known.PUBLIC)
returning = Router(Known.PUBLIC, in_steps=True)
entering = Router(Known.PENDING)
sign_on = Router(Known.SESSION)

KEPT = "caretide_way"
"""The cookie of a browser that is on its way to a provider and back: all its secrets are made from it."""


def _returns_to(request: Request, provider: Provider) -> str:
    return returns_to(request.app.state.base_url, provider.owner)


def _lead_on(request: Request, begun: providers.Begun, name: str, then: str = "/") -> Response:
    """Show where it goes on: a link, because a form may lead to nobody else's site (the content security policy)."""
    page = WayPage(next=then, name=name, href=begun.href)
    response = respond.visitor_page(request, "identity/way.html", page)
    set_cookie(request, response, KEPT, begun.kept, int(providers.LASTS.total_seconds()))
    return response


@way.get("/sign-in/sso")
async def ask_where(request: Request, tx: PublicTx, at: str = "", next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask which organization, or lead on to its provider."""
    then = respond.local(next)
    if not at.strip():
        return respond.visitor_page(request, "identity/way.html", WayPage(next=then))
    try:
        provider = await provider_at(tx, at)
    except NotFound as error:
        form = FormState.failed("way", Invalid(error.message, field="at"), {"at": at})
        return respond.visitor_page(request, "identity/way.html", WayPage(next=then, at=at), form=form)
    begun = await providers.begin_way(tx, provider, _returns_to(request, provider), {"next": then})
    return _lead_on(request, begun, provider.name, then)


@returning.get(f"{RETURNS}/{{owner}}")
async def come_back(request: Request, steps: PublicSteps, owner: str) -> Response:
    """Take in a browser that is back from a provider, which is asked between two transactions."""
    parts = request.query_params
    answer = {name: parts[name] for name in ("state", "code", "error", "iss") if name in parts}
    kept, device = read_cookie(request, KEPT), device_name(request.headers.get("user-agent", ""))
    secret = request.cookies.get(request.app.state.session_cookie, "")
    async with steps() as tx:
        taken = await actions.take_back(tx, kept, answer.get("state", ""), owner)
    heard = await _heard(request, taken, answer)
    async with steps() as tx:
        found = await actions.come_back(tx, taken, heard, secret=secret, device=device)
    response = _received(request, found)
    drop_cookie(request, response, KEPT)
    return response


async def _heard(request: Request, taken: actions.Taken | None, answer: dict[str, str]) -> Heard:
    if taken is None:
        return Heard()
    database = database_of(request)
    reach, now = database.stores.reach, database.clock()
    return await hear(reach, taken.provider, taken.back, answer, _returns_to(request, taken.provider), now)


def _received(request: Request, found: actions.Arrived | actions.Linked | actions.Turned) -> Response:
    if isinstance(found, actions.Turned):
        return respond.visitor_page(request, "identity/way.html", WayPage(why=found.why), status=401)
    if isinstance(found, actions.Linked):
        return respond.redirect(request, "/me/sign-on", done="linked")
    return entered(request, found.signed_in, found.next)


@way.post("/invitations/{token}/sso")
async def accept_by_provider(request: Request, tx: PublicTx, token: str) -> Response:
    """Lead an invited person on to their organization's provider."""
    await queries.invitation(tx, token)
    whose = str((await respond.fields(request)).get("whose", ""))
    provider = _chosen(await offered_here(tx, queries.tenant_of_token(token)), whose)
    begun = await providers.begin_way(tx, provider, _returns_to(request, provider), {"token": token}, purpose="join")
    return _lead_on(request, begun, provider.name)


def _chosen(offered: list[tuple[OfferedProvider, Provider]], whose: str) -> Provider:
    for one, provider in offered:
        if one.whose == whose:
            return provider
    raise NotFound("There is no such sign-on here")


@entering.get("/sign-in/again/sso")
async def come_again(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Lead somebody who was away on to the provider that vouched for them, which has to ask them anew."""
    known = await identity.standing(tx, session_secret(request))
    provider = await provider_of(tx, known.via_tenant, known.via_company)
    if provider is None:
        raise NotFound("Nobody vouched for this session")
    then = respond.local(next)
    begun = await providers.begin_way(tx, provider, _returns_to(request, provider), {"next": then}, again=True)
    return _lead_on(request, begun, provider.name, then)


@sign_on.get("/me/sign-on")
async def show_links(request: Request, tx: SessionTx) -> Response:
    """Show who vouches for one's account, and who could."""
    return await respond.page(request, tx, "identity/links.html", await links_page(tx), section="me")


@sign_on.post("/me/sign-on")
async def begin_link(request: Request, tx: SessionTx) -> Response:
    """Lead on to a provider that is to vouch for one's account."""
    provider = _chosen(await my_providers(tx), str((await respond.fields(request)).get("whose", "")))
    begun = await providers.begin_link(tx, session_secret(request), provider, _returns_to(request, provider))
    return _lead_on(request, begun, provider.name, "/me/sign-on")


@sign_on.post("/me/sign-on/remove")
async def unlink(request: Request, tx: SessionTx) -> Response:
    """Have somebody vouch for one's account no more."""
    values = await respond.fields(request)
    secret, issuer = session_secret(request), str(values.get("issuer", ""))
    refused = await respond.attempt(tx, "unlink", values, lambda: providers.unlink(tx, secret, issuer))
    if refused is None:
        return respond.redirect(request, "/me/sign-on", done="unlinked")
    return await respond.page(request, tx, "identity/links.html", await links_page(tx), section="me", form=refused)


@sign_on.get("/admin/sign-on")
async def show_provider(request: Request, tx: SessionTx) -> Response:
    """Show how the tenant's provider is set up."""
    return await _show(request, tx)


@sign_on.post("/admin/sign-on")
async def save_provider(request: Request, tx: SessionTx) -> Response:
    """Set it up or change it."""
    values = await respond.fields(request)
    refused = await respond.attempt(
        tx, "provider", values, lambda: providers.save_tenant_provider(tx, parsed(ProviderForm, values))
    )
    return (
        await _show(request, tx, refused) if refused else respond.redirect(request, "/admin/sign-on", done="provider")
    )


@sign_on.post("/admin/sign-on/off")
async def switch_off(request: Request, tx: SessionTx) -> Response:
    """Take its word no more."""
    await providers.switch_off_tenant_provider(tx)
    return respond.redirect(request, "/admin/sign-on", done="provider-off")


async def _show(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await sign_on_page(tx, request.app.state.base_url)
    return await respond.page(request, tx, "tenants/sign_on.html", view, section="admin", form=form)


@sign_on.get("/company/sign-on")
async def show_company_provider(request: Request, tx: SessionTx) -> Response:
    """Show how the provider of the company that one directs is set up."""
    return await _show_company(request, tx)


@sign_on.post("/company/sign-on")
async def save_company_provider(request: Request, tx: SessionTx) -> Response:
    """Set it up or change it."""
    values, secret = await respond.fields(request), session_secret(request)
    refused = await respond.attempt(
        tx, "provider", values, lambda: actions.save_my_company_provider(tx, secret, parsed(ProviderForm, values))
    )
    if refused is None:
        return respond.redirect(request, "/company/sign-on", done="provider")
    return await _show_company(request, tx, refused)


@sign_on.post("/company/sign-on/off")
async def switch_off_company(request: Request, tx: SessionTx) -> Response:
    """Take its word no more."""
    await actions.switch_off_my_company_provider(tx, session_secret(request))
    return respond.redirect(request, "/company/sign-on", done="provider-off")


async def _show_company(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await company_sign_on_page(tx, request.app.state.base_url)
    return await respond.page(request, tx, "tenants/sign_on.html", view, section="company", form=form)
