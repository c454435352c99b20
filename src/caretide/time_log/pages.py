"""The page of approvals, where told time waits for a second person, and the administrator's page of activities."""

from fastapi import Request
from starlette.responses import Response

from caretide.kernel.ids import parse_id
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.time_log import actions
from caretide.time_log.queries import activities_page, approvals_page
from caretide.time_log.schemas import ActivityChangeForm, ActivityForm, AnswerForm, SignForm
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

SECTION = "team"
MY_DAY = "/my-day"
ACTIVITIES = "/admin/activities"


@router.get("/approvals")
async def show_approvals(request: Request, tx: SessionTx, page: int = 1) -> Response:
    """Show what waits."""
    return await _show(request, tx, page)


@router.post("/approvals")
async def decide(request: Request, tx: SessionTx) -> Response:
    """Approve or refuse the entries that were ticked, all or none."""
    values = await respond.fields(request)
    approve = values.get("decision") == "approve"
    ticked = values.get("entry", ())

    async def act() -> None:
        ids = [parse_id(one) for one in ([ticked] if isinstance(ticked, str) else ticked)]
        await actions.decide_entries(tx, ids, approve=approve, reason=str(values.get("reason", "")))

    refused = await respond.attempt(tx, "approvals", values, act)
    if refused is not None:
        return await _show(request, tx, 1, refused)
    return respond.redirect(request, "/approvals", done="approved" if approve else "refused")


@router.post("/timer/alive")
async def note_sign(request: Request, tx: SessionTx) -> Response:
    """Note when the page last saw its person."""
    sent = parsed(SignForm, await respond.fields(request))
    await actions.note_sign(tx, sent.quiet_for)
    return Response(status_code=204)


@router.post("/timer/answer")
async def answer_timer(request: Request, tx: SessionTx) -> Response:
    """Account for a stretch without a sign of life."""
    values = await respond.fields(request)
    sent = parsed(AnswerForm, values)

    async def answer() -> None:
        await actions.answer_timer(tx, sent.timer, sent.answer, sent.quiet_for)

    refused = await respond.attempt(tx, "timer", values, answer)
    done = "timer-gone" if refused else f"timer-{sent.answer}"
    return respond.redirect(request, respond.local(sent.next or MY_DAY), done=done)


async def _show(request: Request, tx: Tx, page: int, form: FormState | None = None) -> Response:
    view = await approvals_page(tx, page)
    return await respond.page(request, tx, "time_log/approvals.html", view, section=SECTION, form=form)


@router.get("/admin/activities")
async def show_activities(request: Request, tx: SessionTx) -> Response:
    """Show under which names work is offered."""
    return await _show_activities(request, tx)


@router.post("/admin/activities")
async def add_activity(request: Request, tx: SessionTx) -> Response:
    """Offer an activity of the tenant's own."""
    values = await respond.fields(request)

    async def add() -> None:
        sent = parsed(ActivityForm, values)
        await actions.add_activity(tx, sent.label, sent.standard)

    refused = await respond.attempt(tx, "activity", values, add)
    return await _show_activities(request, tx, refused) if refused else _done(request, "activity")


@router.post("/admin/activities/{code}")
async def change_activity(request: Request, tx: SessionTx, code: str) -> Response:
    """Rename an activity, stop offering it or offer it again."""
    values = await respond.fields(request)

    async def change() -> None:
        sent = parsed(ActivityChangeForm, values)
        await actions.change_activity(tx, code, label=sent.label, is_offered=sent.is_offered)

    refused = await respond.attempt(tx, f"change-{code}", values, change)
    return await _show_activities(request, tx, refused) if refused else _done(request, "activity-changed")


def _done(request: Request, done: str) -> Response:
    return respond.redirect(request, ACTIVITIES, done=done)


async def _show_activities(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await activities_page(tx)
    return await respond.page(request, tx, "time_log/activities.html", view, section="admin", form=form)
