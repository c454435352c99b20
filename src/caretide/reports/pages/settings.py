"""What the tenant decides about itself."""

from fastapi import Request
from starlette.responses import Response

from caretide.reports.queries.settings import settings_page
from caretide.reports.schemas.settings import SettingsForm
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.tenants import actions
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

PLACE = "/admin/settings"


@router.get("/admin/settings")
async def show_settings(request: Request, tx: SessionTx) -> Response:
    """Show the settings and their history."""
    return await _show(request, tx)


@router.post("/admin/settings")
async def change_settings(request: Request, tx: SessionTx) -> Response:
    """Change what differs, from the next request on."""
    values = await respond.fields(request)

    async def change() -> None:
        await actions.change_settings(tx, parsed(SettingsForm, values).settings())

    refused = await respond.attempt(tx, "settings", values, change)
    return await _show(request, tx, refused) if refused else respond.redirect(request, PLACE, done="settings")


async def _show(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await settings_page(tx)
    return await respond.page(request, tx, "reports/settings.html", view, section="admin", form=form)
