"""Where an administrator begins."""

from fastapi import Request
from starlette.responses import Response

from caretide.reports.queries.administration import administration
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond

router = Router(Known.SESSION)


@router.get("/admin")
async def show_administration(request: Request, tx: SessionTx) -> Response:
    """Show the tenant at a glance."""
    return await respond.page(request, tx, "reports/administration.html", await administration(tx), section="admin")
