"""One's own sessions. Opening one names a tenant and stands in `caretide.tenants.api`."""

from uuid import UUID

from fastapi import Request

from caretide.identity import actions, queries
from caretide.identity.schemas import SessionLine
from caretide.runtime.web import Known, Router, TokenTx, bearer_secret

router = Router(Known.TOKEN, tags=["sessions"])


@router.delete("/sessions/current", status_code=204)
async def end_session(request: Request, tx: TokenTx) -> None:
    """End the session whose token this is."""
    await actions.sign_out(tx, bearer_secret(request))


@router.get("/me/sessions")
async def list_sessions(request: Request, tx: TokenTx) -> tuple[SessionLine, ...]:
    """List one's own sessions, the one that asks first."""
    return await queries.my_sessions(tx, bearer_secret(request))


@router.delete("/me/sessions/{session_id}", status_code=204)
async def end_one(tx: TokenTx, session_id: UUID) -> None:
    """End one of one's own sessions."""
    await actions.end_my_session(tx, session_id)


@router.delete("/me/sessions", status_code=204)
async def end_others(request: Request, tx: TokenTx) -> None:
    """End all of one's sessions but the one that asks."""
    await actions.end_my_other_sessions(tx, bearer_secret(request))
