"""The audit for programs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from caretide.audit.queries import charts, events, scope
from caretide.audit.schemas import Asked, EventOut, EventPage, SeenOut, Tried, Viewer
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["audit"])


@router.get("/audit/events")
async def list_events(tx: TokenTx, asked: Annotated[Asked, Query()]) -> list[EventOut]:
    """List events, 50 a page; the id of the last one as `after` asks for the next page."""
    return await events.events(tx, asked)


@router.get("/audit/events/{event_id}")
async def get_event(tx: TokenTx, event_id: UUID) -> EventPage:
    """Return one event with its canonical bytes and its leaf."""
    return await events.event_page(tx, event_id)


@router.get("/audit/scope")
async def breach_scope(
    tx: TokenTx, since: datetime, until: datetime, actor: str = "", session: str = ""
) -> list[SeenOut]:
    """List the patients whose data an actor or a session received in a span."""
    return await scope.breach_scope(tx, since=since, until=until, actor=actor, session=session)


@router.get("/patients/{patient_id}/viewers")
async def list_viewers(tx: TokenTx, patient_id: UUID) -> list[Viewer]:
    """List who saw a patient's data."""
    return await charts.viewers(tx, patient_id)


@router.get("/patients/{patient_id}/tries")
async def list_tries(tx: TokenTx, patient_id: UUID) -> list[Tried]:
    """List who asked for a patient's chart, or for what hangs on it, and was shown nothing."""
    return await charts.tries(tx, patient_id)
