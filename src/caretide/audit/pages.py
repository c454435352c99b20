"""The list of events, one event, and who saw a chart."""

from typing import Final
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError
from starlette.responses import Response

from caretide.audit.queries import charts, events
from caretide.audit.schemas import Asked
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

SECTION = "audit"


_SAID: Final = {
    "uuid_parsing": "Give a whole id, 36 characters, as an event shows it",
    "int_parsing": "Give a whole number",
    "date_from_datetime_parsing": "Give a day as YYYY-MM-DD",
    "extra_forbidden": "The address names a filter that does not exist",
    "string_pattern_mismatch": "This holds a character that no event has",
}
"""What is wrong with a filter, by pydantic's name for it; the others' own words are plain and quote nothing."""


def _read(request: Request) -> tuple[Asked, FormState | None]:
    """Read the filters of an address; what cannot be read is left out, and said beside its field."""
    sent = {name: value for name, value in request.query_params.items() if value}
    try:
        return Asked.model_validate(sent), None
    except ValidationError as error:
        wrong = {str(one["loc"][0]): _SAID.get(one["type"], one["msg"]) for one in error.errors()}
    fits = Asked.model_validate({name: value for name, value in sent.items() if name not in wrong})
    faults = {name if name in Asked.model_fields else "": said for name, said in wrong.items()}
    return fits, FormState("audit", sent, faults)


def _asked(request: Request) -> Asked:
    """Read the filters of an address: an input that was left empty counts as not sent."""
    return parsed(Asked, dict(request.query_params))


@router.get("/audit")
async def show_events(request: Request, tx: SessionTx) -> Response:
    """Show the events that the address asks for."""
    asked, form = _read(request)
    view = await events.events_page(tx, asked)
    return await respond.page(request, tx, "audit/events.html", view, section=SECTION, form=form)


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
    asked, form = _read(request)
    view = await charts.chart_page(tx, patient_id, asked)
    return await respond.page(request, tx, "audit/events.html", view, section=SECTION, form=form)


@router.get("/patients/{patient_id}/audit.csv")
@costs("export")
async def chart_sheet(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Send a patient's events as a spreadsheet."""
    return respond.sheet(await charts.chart_sheet(tx, patient_id, _asked(request)), "audit-of-chart")
