"""The page of approvals: time that was told after the fact waits here for a second person."""

from fastapi import Request
from starlette.responses import Response

from caretide.kernel.ids import parse_id
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.time_log import actions
from caretide.time_log.queries import approvals_page
from caretide.ui import respond
from caretide.ui.forms import FormState

router = Router(Known.SESSION)

SECTION = "team"


@router.get("/approvals")
async def show_approvals(request: Request, tx: SessionTx, page: int = 1) -> Response:
    """Show what waits."""
    return await _show(request, tx, page)


@router.post("/approvals")
async def decide(request: Request, tx: SessionTx) -> Response:
    """Approve or refuse the entries that were ticked, all or none."""
    values = await respond.fields(request)
    approve = values.get("decision") == "approve"
    ticked = values.get("entry", ())

    async def act() -> None:
        ids = [parse_id(one) for one in ([ticked] if isinstance(ticked, str) else ticked)]
        await actions.decide_entries(tx, ids, approve=approve, reason=str(values.get("reason", "")))

    refused = await respond.attempt(tx, "approvals", values, act)
    if refused is not None:
        return await _show(request, tx, 1, refused)
    return respond.redirect(request, "/approvals", done="approved" if approve else "refused")


async def _show(request: Request, tx: Tx, page: int, form: FormState | None = None) -> Response:
    view = await approvals_page(tx, page)
    return await respond.page(request, tx, "time_log/approvals.html", view, section=SECTION, form=form)
