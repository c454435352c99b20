"""The page of a patient's attempts, and the form that records one."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.outreach import actions
from caretide.outreach.queries import attempts_page
from caretide.outreach.schemas import AttemptForm, CorrectionForm
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

Sent = dict[str, str | tuple[str, ...]]
Act = Callable[[Sent], Awaitable[object]]
ShowPatient = Callable[[Request, Tx, UUID, FormState], Awaitable[Response]]


@router.get("/patients/{patient_id}/attempts")
async def show_attempts(request: Request, tx: SessionTx, patient_id: UUID, page: int = 1) -> Response:
    """Show every attempt of a patient."""
    return await _show(request, tx, patient_id, page=page)


@router.post("/patients/{patient_id}/attempts")
async def record_attempt(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Record an attempt."""

    async def record(sent: Sent) -> None:
        await actions.record_from_form(tx, patient_id, parsed(AttemptForm, sent))

    return await _submit(request, tx, patient_id, ("attempt", record, "attempt"))


@router.post("/patients/{patient_id}/attempts/{attempt_id}/correct")
async def correct_attempt(request: Request, tx: SessionTx, patient_id: UUID, attempt_id: UUID) -> Response:
    """Correct an attempt of one's own."""

    async def correct(sent: Sent) -> None:
        await actions.correct_from_form(tx, patient_id, attempt_id, parsed(CorrectionForm, sent))

    return await _submit(request, tx, patient_id, (f"correct-{attempt_id}", correct, "attempt-corrected"))


async def _submit(request: Request, tx: Tx, patient_id: UUID, form: tuple[str, Act, str]) -> Response:
    """Do what a form (its name, what it does, the word when it is done) asks, on the page where it stood."""
    name, act, done = form
    sent = await respond.fields(request)
    refused = await respond.attempt(tx, name, sent, lambda: act(sent))
    from_patient = sent.get("back") == "patient"
    if refused is not None:
        # The patient's page is put together further up.
        show: ShowPatient = request.app.state.patient_page
        if from_patient:
            return await show(request, tx, patient_id, refused)
        return await _show(request, tx, patient_id, form=refused)
    home = f"/patients/{patient_id}"
    return respond.redirect(request, home if from_patient else f"{home}/attempts", done=done)


async def _show(
    request: Request, tx: Tx, patient_id: UUID, *, page: int = 1, form: FormState | None = None
) -> Response:
    view = await attempts_page(tx, patient_id, page)
    return await respond.page(request, tx, "outreach/attempts.html", view, section="my-day", form=form)
