"""My day and a patient's month as JSON."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from caretide.kernel.month import Month
from caretide.runtime.web import Known, Router, TokenTx
from caretide.workspace.queries.months import patient_month
from caretide.workspace.queries.roster import Wanted, my_day
from caretide.workspace.schemas.answers import DayOut, RulingOut
from caretide.workspace.schemas.roster import Choice

router = Router(Known.TOKEN, tags=["workspace"])


@router.get("/my-day")
async def show_day(tx: TokenTx, choice: Annotated[Choice, Depends()]) -> DayOut:
    """The roster: a coordinator's own, everybody's for other roles; `show` is one of the keys of `counts`."""
    return DayOut.of(await my_day(tx, Wanted(choice)))


@router.get("/patients/{patient_id}/month/{month}")
async def show_month(tx: TokenTx, patient_id: UUID, month: str) -> list[RulingOut]:
    """A patient's month (YYYY-MM) by billing practitioner: the ruling as it stands, frozen once the month is closed."""
    return [RulingOut.of(card) for card in await patient_month(tx, patient_id, Month.parse(month))]
