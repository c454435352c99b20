"""The month: what bills, what is blocked, and the close."""

from dataclasses import asdict, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import Response

from caretide.billing import actions
from caretide.billing.queries import board
from caretide.kernel.ids import parse_id
from caretide.kernel.month import Month, is_month
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui.forms import FormState
from caretide.ui.respond import attempt, fields, page, redirect

router = Router(Known.SESSION)


@router.get("/months")
async def pick(
    request: Request, tx: SessionTx, wanted: Annotated[board.Wanted, Depends()], month: str = ""
) -> Response:
    """Go to the month that was picked, narrowed as the last one was; by default to the last full one."""
    chosen = month if is_month(month) else Month.parse(month) if month else await board.default_month(tx)
    kept = {name: value for name, value in asdict(replace(wanted, page=0)).items() if value}
    return redirect(request, f"/months/{chosen}" + (f"?{urlencode(kept)}" if kept else ""))


@router.get("/months/{month}")
async def show(request: Request, tx: SessionTx, month: str, wanted: Annotated[board.Wanted, Depends()]) -> Response:
    """Show a month."""
    return await _show(request, tx, "billing/month.html", month, wanted)


@router.get("/months/{month}/close")
async def ask(request: Request, tx: SessionTx, month: str, clinic: str = "") -> Response:
    """Ask before closing, for a browser without script."""
    return await _show(request, tx, "billing/close.html", month, board.Wanted(clinic))


@router.post("/months/{month}/close")
async def close(request: Request, tx: SessionTx, month: str) -> Response:
    """Ask for the close; jobs do it."""
    values = await fields(request)
    clinic = str(values.get("clinic", ""))
    chosen = [parse_id(clinic)] if clinic else None
    unfinished: list[int] = []

    async def ask_for_it() -> None:
        unfinished.append(await actions.request_close(tx, Month.parse(month), chosen))

    state = await attempt(tx, "close", values, ask_for_it)
    if state:
        return await _show(request, tx, "billing/close.html", month, board.Wanted(clinic), state)
    done = "closing" if unfinished[0] else "closed-before"
    return redirect(request, f"/months/{month}" + (f"?clinic={clinic}" if clinic else ""), done=done)


@router.get("/months/{month}/progress")
async def progress(request: Request, tx: SessionTx, month: str, clinic: str = "") -> Response:
    """Say how far the close is; when it is done, have the page loaded anew."""
    view = await board.month_page(tx, Month.parse(month), board.Wanted(clinic))
    if view.state != "closing" or view.progress is None:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    template = request.app.state.templates.get_template("billing/_progress.html")
    return Response(template.render(page=view), media_type="text/html")


async def _show(
    request: Request, tx: SessionTx, template: str, month: str, wanted: board.Wanted, form: FormState | None = None
) -> Response:
    nothing = await board.no_month(tx, month) if form is None else None
    if nothing:
        status = 422 if nothing.is_out_of_reach else 200
        return await page(request, tx, "billing/no_month.html", nothing, section="month", status=status)
    view = await board.month_page(tx, Month.parse(month), wanted)
    if view.waiting:
        await actions.rule_soon(tx, view.month)
    return await page(request, tx, template, view, section="month", form=form)
