"""One's own sessions and tokens, and the tenant's tokens and service accounts.

Opening a session names a tenant and stands in `caretide.tenants.api`.
"""

from uuid import UUID

from fastapi import Request

from caretide.identity import actions, queries
from caretide.identity.queries.tokens import my_tokens, services, tokens
from caretide.identity.schemas import ServiceForm, ServiceOut, SessionLine, TokenForm, TokenMade, TokenOut
from caretide.runtime.web import Known, Router, TokenTx, bearer_secret

router = Router(Known.TOKEN, tags=["sessions"])


@router.delete("/sessions/current", status_code=204)
async def end_session(request: Request, tx: TokenTx) -> None:
    """End the session whose token this is."""
    await actions.sign_out(tx, bearer_secret(request))


@router.get("/me/sessions")
async def list_sessions(request: Request, tx: TokenTx) -> tuple[SessionLine, ...]:
    """List one's own sessions, the one that asks first. A token cannot ask: only a session's secret."""
    return await queries.my_sessions(tx, bearer_secret(request))


@router.delete("/me/sessions/{session_id}", status_code=204)
async def end_one(tx: TokenTx, session_id: UUID) -> None:
    """End one of one's own sessions."""
    await actions.end_my_session(tx, session_id)


@router.delete("/me/sessions", status_code=204)
async def end_others(request: Request, tx: TokenTx) -> None:
    """End all of one's sessions but the one that asks."""
    await actions.end_my_other_sessions(tx, bearer_secret(request))


@router.get("/me/tokens", tags=["tokens"])
async def list_my_tokens(tx: TokenTx) -> list[TokenOut]:
    """List one's own tokens. A token cannot ask: only a session's secret."""
    return await my_tokens(tx)


@router.post("/me/tokens", status_code=201, tags=["tokens"])
async def make_token(request: Request, tx: TokenTx, sent: TokenForm) -> TokenMade:
    """Make a token within ten minutes of signing in; its text is on this answer and nowhere else."""
    return await actions.create_token(tx, bearer_secret(request), sent, mode=request.app.state.mode)


@router.delete("/me/tokens/{token_id}", status_code=204, tags=["tokens"])
async def revoke_my_token(tx: TokenTx, token_id: UUID) -> None:
    """Revoke one of one's own tokens."""
    await actions.revoke_my_token(tx, token_id)


@router.get("/admin/tokens", tags=["admin"])
async def list_tokens(tx: TokenTx) -> list[TokenOut]:
    """List the tenant's tokens, those that stand first."""
    return await tokens(tx)


@router.delete("/admin/tokens/{token_id}", status_code=204, tags=["admin"])
async def revoke_token(tx: TokenTx, token_id: UUID) -> None:
    """Revoke anybody's token."""
    await actions.revoke_token(tx, token_id)


@router.get("/admin/service-accounts", tags=["admin"])
async def list_services(tx: TokenTx) -> list[ServiceOut]:
    """List the service accounts: programs that have tokens and never sign in."""
    return await services(tx)


@router.post("/admin/service-accounts", status_code=201, tags=["admin"])
async def make_service(tx: TokenTx, sent: ServiceForm) -> ServiceOut:
    """Make a service account."""
    return (await services(tx, await actions.create_service_account(tx, sent)))[0]


@router.get("/admin/service-accounts/{service_id}/tokens", tags=["admin"])
async def list_service_tokens(tx: TokenTx, service_id: UUID) -> list[TokenOut]:
    """List a service account's tokens."""
    await services(tx, service_id)
    return await tokens(tx, service_id=service_id)


@router.post("/admin/service-accounts/{service_id}/tokens", status_code=201, tags=["admin"])
async def make_service_token(request: Request, tx: TokenTx, service_id: UUID, sent: TokenForm) -> TokenMade:
    """Make a token of a service account within ten minutes of signing in; its text is on this answer alone."""
    mode = request.app.state.mode
    return await actions.create_service_token(tx, bearer_secret(request), service_id, sent, mode=mode)


@router.delete("/admin/service-accounts/{service_id}", status_code=204, tags=["admin"])
async def end_service(tx: TokenTx, service_id: UUID) -> None:
    """End a service account, its tokens with it."""
    await actions.end_service_account(tx, service_id)
