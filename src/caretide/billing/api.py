"""Months for programs."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from caretide.billing import actions
from caretide.billing.queries import closes, lists
from caretide.billing.queries.closes import ClinicStatus
from caretide.billing.queries.lists import RuledMonth
from caretide.kernel.month import Month
from caretide.runtime.web import Known, Router, TokenTx
from caretide.tenants import queries as tenants

router = Router(Known.TOKEN, tags=["months"])


class CloseBody(BaseModel):
    """Which clinics to close, by id; all of them when left out."""

    model_config = ConfigDict(extra="forbid")

    clinics: list[UUID] | None = None


class CloseRequested(BaseModel):
    """How many clinics have something left to do."""

    clinics: int


@router.get("/months/{month}")
async def get_status(tx: TokenTx, month: str) -> list[ClinicStatus]:
    """Return how each clinic's month stands."""
    return await closes.status(tx, Month.parse(month))


@router.get("/months/{month}/clinics/{clinic_id}/rulings")
async def get_rulings(tx: TokenTx, month: str, clinic_id: UUID) -> list[RuledMonth]:
    """Return a clinic's patient-months: frozen ones if it is closed, else as they stand now."""
    chosen = Month.parse(month)
    clinic = await tenants.clinic(tx, clinic_id)
    if (await closes.close_states(tx, chosen)).get(clinic_id) == "closed":
        return await lists.closed_months(tx, clinic_id, chosen)
    return await lists.live_months(tx, clinic, chosen)


@router.post("/months/{month}/close", status_code=202)
async def post_close(tx: TokenTx, month: str, body: CloseBody) -> CloseRequested:
    """Ask for the close of a month; jobs do it."""
    return CloseRequested(clinics=await actions.request_close(tx, Month.parse(month), body.clinics))
