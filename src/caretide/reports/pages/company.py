"""Where a service company's director begins."""

from fastapi import Request
from starlette.responses import Response

from caretide.reports.queries.company import company_page
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond

router = Router(Known.SESSION)


@router.get("/company")
async def show_company(request: Request, tx: SessionTx) -> Response:
    """Show staff, hours and counts across the company's tenants."""
    return await respond.page(request, tx, "reports/company.html", await company_page(tx), section="company")
