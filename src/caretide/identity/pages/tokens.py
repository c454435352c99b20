"""Tokens of programs: one's own, and for administrators the tenant's with its service accounts."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions
from caretide.identity.queries.tokens import all_tokens_page, service_page, tokens_page
from caretide.identity.schemas import ServiceForm, TokenForm, TokenMade
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx, session_secret
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

MINE, ALL, SERVICES = "/me/tokens", "/admin/tokens", "/admin/service-accounts"


@router.get(MINE)
async def show_mine(request: Request, tx: SessionTx) -> Response:
    """Show one's own tokens."""
    return await respond.page(request, tx, "identity/tokens.html", await tokens_page(tx), section="me")


@router.post(MINE)
async def make_mine(request: Request, tx: SessionTx) -> Response:
    """Make a token; it is on the answer and nowhere else."""
    values, made = await respond.fields(request), list[TokenMade]()

    async def act() -> None:
        new, mode = parsed(TokenForm, values), request.app.state.mode
        made.append(await actions.create_token(tx, session_secret(request), new, mode=mode))

    refused = await respond.attempt(tx, "token", values, act)
    view = await tokens_page(tx, made[0] if made else None)
    return await respond.page(request, tx, "identity/tokens.html", view, section="me", form=refused)


@router.post("/me/tokens/{token_id}/revoke")
async def revoke_mine(request: Request, tx: SessionTx, token_id: UUID) -> Response:
    """Revoke one of one's own tokens."""
    await actions.revoke_my_token(tx, token_id)
    return respond.redirect(request, MINE, done="token-revoked")


@router.get(ALL)
async def show_all(request: Request, tx: SessionTx) -> Response:
    """Show the tenant's tokens and service accounts."""
    return await _show_all(request, tx)


async def _show_all(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await all_tokens_page(tx)
    return await respond.page(request, tx, "identity/all_tokens.html", view, section="admin", form=form)


@router.post("/admin/tokens/{token_id}/revoke")
async def revoke_any(request: Request, tx: SessionTx, token_id: UUID) -> Response:
    """Revoke anybody's token."""
    await actions.revoke_token(tx, token_id)
    return respond.redirect(request, ALL, done="token-revoked")


@router.post(SERVICES)
async def make_service(request: Request, tx: SessionTx) -> Response:
    """Make a service account, and lead to its page, where it gets its tokens."""
    values, made = await respond.fields(request), list[UUID]()

    async def act() -> None:
        made.append(await actions.create_service_account(tx, parsed(ServiceForm, values)))

    refused = await respond.attempt(tx, "service", values, act)
    if refused is not None:
        return await _show_all(request, tx, refused)
    return respond.redirect(request, f"{SERVICES}/{made[0]}", done="service")


@router.get("/admin/service-accounts/{service_id}")
async def show_service(request: Request, tx: SessionTx, service_id: UUID) -> Response:
    """Show one service account."""
    view = await service_page(tx, service_id)
    return await respond.page(request, tx, "identity/service.html", view, section="admin")


@router.post("/admin/service-accounts/{service_id}/tokens")
async def make_service_token(request: Request, tx: SessionTx, service_id: UUID) -> Response:
    """Make a token of a service account; it is on the answer and nowhere else."""
    values, made = await respond.fields(request), list[TokenMade]()

    async def act() -> None:
        new, mode = parsed(TokenForm, values), request.app.state.mode
        made.append(await actions.create_service_token(tx, session_secret(request), service_id, new, mode=mode))

    refused = await respond.attempt(tx, "token", values, act)
    view = await service_page(tx, service_id, made[0] if made else None)
    return await respond.page(request, tx, "identity/service.html", view, section="admin", form=refused)


@router.post("/admin/service-accounts/{service_id}/end")
async def end_service(request: Request, tx: SessionTx, service_id: UUID) -> Response:
    """End a service account, its tokens with it."""
    await actions.end_service_account(tx, service_id)
    return respond.redirect(request, f"{SERVICES}/{service_id}", done="service-ended")
