"""Where a manager begins: the team's month, the lists behind its numbers, its members."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.kernel.errors import Invalid
from caretide.reports import actions
from caretide.reports.queries.team import team
from caretide.reports.queries.team_lists import Asked, patient_list, unassigned
from caretide.reports.queries.team_member import member_page
from caretide.reports.queries.team_members import Wanted
from caretide.reports.queries.timers import stop_page
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.forms import FormState

router = Router(Known.SESSION)

SECTION = "team"
Sent = dict[str, str | tuple[str, ...]]


@router.get("/team")
async def show_team(request: Request, tx: SessionTx, sort: str = "", page: int = 1) -> Response:
    """Show the team's month."""
    view = await team(tx, Wanted(sort, page))
    return await respond.page(request, tx, "reports/team.html", view, section=SECTION)


@router.get("/team/patients")
async def show_patients(
    request: Request, tx: SessionTx, show: str = "enrolled", fact: str = "", sort: str = "", page: int = 1
) -> Response:
    """Show the patients behind a number."""
    view = await patient_list(tx, Asked(show, fact, sort, page))
    return await respond.page(request, tx, "reports/team_patients.html", view, section=SECTION)


@router.get("/team/unassigned")
async def show_unassigned(request: Request, tx: SessionTx, page: int = 1) -> Response:
    """Show the patients whom nobody looks after."""
    return await _unassigned(request, tx, page)


@router.post("/team/unassigned")
async def assign(request: Request, tx: SessionTx) -> Response:
    """Give the chosen patients, or all that the page showed, to a coordinator."""
    sent = await respond.fields(request)

    async def act() -> None:
        chosen = _ids(sent, "shown_id" if sent.get("which") == "shown" else "patient_id")
        member = _ids(sent, "member_id")
        await actions.assign(tx, chosen, member[0] if member else None)

    refused = await respond.attempt(tx, "assign", sent, act)
    if refused is not None:
        return await _unassigned(request, tx, 1, refused)
    return respond.redirect(request, "/team/unassigned", done="assigned")


@router.get("/team/timers/{member_id}/stop")
async def ask_to_stop(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Ask when the work of a forgotten timer ended."""
    view = await stop_page(tx, member_id, f"/team/timers/{member_id}/stop", "/team")
    return await respond.page(request, tx, "reports/stop_timer.html", view, section=SECTION)


@router.post("/team/timers/{member_id}/stop")
async def stop_timer(request: Request, tx: SessionTx, member_id: UUID) -> Response:
    """Stop a timer that somebody forgot."""
    view = await stop_page(tx, member_id, f"/team/timers/{member_id}/stop", "/team")
    sent = await respond.fields(request)
    refused = await respond.attempt(tx, "stop", sent, lambda: actions.stop_timer(tx, member_id, view.zone, sent))
    if refused is not None:
        return await respond.page(request, tx, "reports/stop_timer.html", view, section=SECTION, form=refused)
    return respond.redirect(request, "/team", done="timer-stopped")


@router.get("/team/{member_id}")
async def show_member(
    request: Request, tx: SessionTx, member_id: UUID, band: str = "", sort: str = "", page: int = 1
) -> Response:
    """Show one member's month."""
    view = await member_page(tx, Asked(sort=sort, page=page, member_id=member_id, band=band))
    return await respond.page(request, tx, "reports/team_member.html", view, section=SECTION)


async def _unassigned(request: Request, tx: Tx, page: int, form: FormState | None = None) -> Response:
    view = await unassigned(tx, page)
    return await respond.page(request, tx, "reports/team_unassigned.html", view, section=SECTION, form=form)


def _ids(sent: Sent, name: str) -> list[UUID]:
    """Return the ids that were sent under a name."""
    found = sent.get(name, ())
    try:
        return [UUID(one) for one in ((found,) if isinstance(found, str) else found) if one]
    except ValueError:
        raise Invalid("Choose from the list", field=name) from None
