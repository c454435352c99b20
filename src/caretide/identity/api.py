"""Ending a session. Opening one names a tenant and stands in `caretide.tenants.api`."""

from fastapi import Request

from caretide.identity import actions
from caretide.runtime.web import Known, Router, TokenTx, bearer_secret

router = Router(Known.TOKEN, tags=["sessions"])


@router.delete("/sessions/current", status_code=204)
async def end_session(request: Request, tx: TokenTx) -> None:
    """End the session whose token this is."""
    await actions.sign_out(tx, bearer_secret(request))
