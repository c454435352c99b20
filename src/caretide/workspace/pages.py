"""My day and the patient page, with its forms."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from caretide.kernel.ids import parse_id
from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.runtime.limits import FREE, costs
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.time_log import actions as time_log
from caretide.ui import respond
from caretide.ui.forms import FormState
from caretide.workspace import actions
from caretide.workspace.queries.patient import patient_page
from caretide.workspace.queries.roster import Wanted, my_day
from caretide.workspace.queries.timer import timer_pane
from caretide.workspace.rules.forms import Reader, Sent
from caretide.workspace.schemas.roster import Choice

router = Router(Known.SESSION)

SECTION = "my-day"
FOUND = 8
"""How many patients the palette names; whoever looks for more has the search of My day."""

Act = Callable[[Tx, UUID, Sent], Awaitable[object]]
"""What a form of the patient page does."""


@router.get("/my-day")
async def show_day(request: Request, tx: SessionTx, choice: Annotated[Choice, Depends()]) -> Response:
    """Show the roster."""
    view = await my_day(tx, Wanted(choice))
    return await respond.page(request, tx, "workspace/my_day.html", view, section=SECTION)


@router.post("/my-day/search")
@costs("search")
async def search(request: Request, tx: SessionTx) -> Response:
    """Show whom a search finds; it is a POST, so that no name stands in an address."""
    sent = Reader(await respond.fields(request))
    view = await my_day(tx, Wanted(Choice(show=sent.text("show"), page=sent.page("page")), sent.text("q")))
    template = "_roster.html" if request.headers.get("hx-request") else "my_day.html"
    return await respond.page(request, tx, f"workspace/{template}", view, section=SECTION)


@router.get("/my-day/queue")
async def show_queue(request: Request, tx: SessionTx) -> Response:
    """Show the roster's first rows alone, for the pane beside a patient."""
    return await respond.page(request, tx, "workspace/_queue.html", await my_day(tx, Wanted()))


@router.post("/patients/find")
@costs("search")
async def find(request: Request, tx: SessionTx) -> Response:
    """Name the patients that begin as somebody types, for the command palette."""
    text = Reader(await respond.fields(request)).text("q")
    found = await patients.search(tx, text, limit=FOUND) if text else []
    return await respond.page(request, tx, "workspace/_found.html", found)


@router.get("/patients/{patient_id}")
async def show_patient(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Show a patient, in the present month or an earlier one."""
    return await _show(request, tx, patient_id, month)


@router.get("/patients/{patient_id}/timer")
async def show_timer(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Show the timer alone, for a page on which it may have changed."""
    return await respond.page(request, tx, "workspace/timer.html", await timer_pane(tx, patient_id))


@router.post("/patients/{patient_id}/timer/start")
async def start_timer(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Start the timer."""
    return await _submit(request, tx, patient_id, month, ("timer", actions.start_timer, "started"))


@router.post("/patients/{patient_id}/timer/draft")
async def keep_draft(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Keep what was typed beside the running timer."""
    del patient_id  # the timer knows whose it is
    sent = await respond.fields(request)
    await time_log.keep_draft(tx, parse_id(str(sent.get("timer", ""))), str(sent.get("note", "")))
    return Response(status_code=204)


@router.post("/patients/{patient_id}/timer/stop")
@costs(FREE)
async def stop_timer(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Stop the timer and record its time."""
    recorded: list[int] = []

    async def stop(tx: Tx, patient_id: UUID, sent: Sent) -> None:
        recorded.append(await actions.stop_timer(tx, patient_id, sent))

    answer = await _submit(request, tx, patient_id, month, ("timer", stop, "stopped"))
    return respond.redirect(request, _address(patient_id, month), done="no-time") if recorded == [0] else answer


@router.post("/patients/{patient_id}/entries/{entry_id}/void")
async def void_entry(request: Request, tx: SessionTx, patient_id: UUID, entry_id: UUID, month: str = "") -> Response:
    """Void an entry."""

    async def void(tx: Tx, patient_id: UUID, sent: Sent) -> None:
        await actions.void_entry(tx, patient_id, entry_id, sent)

    return await _submit(request, tx, patient_id, month, (f"void-{entry_id}", void, "voided"))


@router.post("/patients/{patient_id}/entries")
async def tell_time(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Record time after the fact."""
    return await _submit(request, tx, patient_id, month, ("told", actions.tell_time, "added"))


@router.post("/patients/{patient_id}/entries/{entry_id}/correct")
async def correct_entry(request: Request, tx: SessionTx, patient_id: UUID, entry_id: UUID, month: str = "") -> Response:
    """Correct an entry."""

    async def correct(tx: Tx, patient_id: UUID, sent: Sent) -> None:
        await actions.correct_entry(tx, patient_id, entry_id, sent)

    return await _submit(request, tx, patient_id, month, (f"correct-{entry_id}", correct, "corrected"))


@router.post("/patients/{patient_id}/enroll")
async def enroll(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Enroll the patient in a program."""
    return await _submit(request, tx, patient_id, month, ("enroll", actions.enroll, "enrolled"))


@router.post("/patients/{patient_id}/consent")
async def record_consent(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Record what the patient was told and answered."""
    name = f"consent-{Reader(await respond.fields(request)).text('enrollment_id')}"
    return await _submit(request, tx, patient_id, month, (name, actions.record_consent, "consent"))


@router.post("/patients/{patient_id}/consent/revoke")
async def revoke_consent(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Record that the patient takes the consent back."""
    name = f"revoke-{Reader(await respond.fields(request)).text('enrollment_id')}"
    return await _submit(request, tx, patient_id, month, (name, actions.revoke_consent, "revoked"))


@router.post("/patients/{patient_id}/facts/{kind}")
async def record_fact(request: Request, tx: SessionTx, patient_id: UUID, kind: str, month: str = "") -> Response:
    """Record a dated fact."""

    async def record(tx: Tx, patient_id: UUID, sent: Sent) -> None:
        await actions.record_fact(tx, patient_id, kind, sent, _month(month))

    return await _submit(request, tx, patient_id, month, (f"fact-{kind}", record, "fact"))


@router.post("/patients/{patient_id}/designate")
async def designate(request: Request, tx: SessionTx, patient_id: UUID, month: str = "") -> Response:
    """Choose who calls the patient."""
    return await _submit(request, tx, patient_id, month, ("designate", actions.designate, "designated"))


async def _submit(request: Request, tx: Tx, patient_id: UUID, month: str, form: tuple[str, Act, str]) -> Response:
    """Do what a form (its name, what it does, the word when it is done) asks, or show it again with what was wrong."""
    name, act, done = form
    values = await respond.fields(request)
    refused = await respond.attempt(tx, name, values, lambda: act(tx, patient_id, values))
    if refused is not None:
        return await _show(request, tx, patient_id, month, refused)
    return respond.redirect(request, _address(patient_id, month), done=done)


async def refused(request: Request, tx: Tx, patient_id: UUID, form: FormState) -> Response:
    """Show a patient's page with a form of a feature further down, which was refused (`app.state.patient_page`)."""
    return await _show(request, tx, patient_id, "", form)


async def _show(request: Request, tx: Tx, patient_id: UUID, month: str, form: FormState | None = None) -> Response:
    view = await patient_page(tx, patient_id, _month(month))
    return await respond.page(request, tx, "workspace/patient.html", view, section=SECTION, form=form)


def _month(text: str) -> Month | None:
    return Month.parse(text) if text else None


def _address(patient_id: UUID, month: str) -> str:
    return f"/patients/{patient_id}" + (f"?month={Month.parse(month)}" if month else "")
