"""The list of events, one event, and who saw a chart."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.audit.queries import charts, events
from caretide.audit.schemas import Asked
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.forms import parsed

router = Router(Known.SESSION)

SECTION = "audit"


def _asked(request: Request) -> Asked:
    """Read the filters of an address: an input that was left empty counts as not sent."""
    return parsed(Asked, dict(request.query_params))


@router.get("/audit")
async def show_events(request: Request, tx: SessionTx) -> Response:
    """Show the events that the address asks for."""
    view = await events.events_page(tx, _asked(request))
    return await respond.page(request, tx, "audit/events.html", view, section=SECTION)


@router.get("/audit.csv")
@costs("export")
async def events_sheet(request: Request, tx: SessionTx) -> Response:
    """Send the events that the address asks for as a spreadsheet."""
    return respond.sheet(await events.sheet(tx, _asked(request)), "audit")


@router.get("/audit/{event_id}")
async def show_event(request: Request, tx: SessionTx, event_id: UUID) -> Response:
    """Show one event in full."""
    view = await events.event_page(tx, event_id)
    return await respond.page(request, tx, "audit/event.html", view, section=SECTION)


@router.get("/patients/{patient_id}/audit")
async def show_chart(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Show who saw a patient's chart."""
    view = await charts.chart_page(tx, patient_id, _asked(request))
    return await respond.page(request, tx, "audit/events.html", view, section=SECTION)


@router.get("/patients/{patient_id}/audit.csv")
@costs("export")
async def chart_sheet(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Send a patient's events as a spreadsheet."""
    return respond.sheet(await charts.chart_sheet(tx, patient_id, _asked(request)), "audit-of-chart")
