"""The page for developers: every component in every state. It exists in development alone (see main.py)."""

from fastapi import Request
from starlette.responses import Response

from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.gallery import Gallery

development = Router(Known.SESSION)


@development.get("/_components")
async def show_components(request: Request, tx: SessionTx) -> Response:
    """Show the component library."""
    return await respond.page(request, tx, "gallery.html", Gallery())
