"""Cover, duty and emergency access, with its reviews."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.identity.opening import require_recent
from caretide.rosters import actions, queries
from caretide.rosters.rules import Beyond
from caretide.rosters.rules.shifts import DAY_MINUTES, minute_of
from caretide.rosters.schemas import BeyondBody, CoverBody, DutyForm, ReasonBody, ReviewBody
from caretide.runtime.limits import costs
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx, session_secret
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

COVER, DUTY, EMERGENCY, REVIEWS = "/cover", "/duty", "/emergency", "/emergency/reviews"
SECTION = "team"


@router.get("/cover")
async def show_covers(request: Request, tx: SessionTx, absent: UUID | None = None) -> Response:
    """Show who covers whom; `absent` fills the form with a member."""
    return await _covers(request, tx, absent)


@router.post("/cover")
async def give_cover(request: Request, tx: SessionTx) -> Response:
    """Have somebody work another's roster for a while."""
    values = await respond.fields(request)

    async def give() -> None:
        sent = parsed(CoverBody, values)
        await actions.give_cover(tx, sent.absent_id, sent.cover_id, sent.first_on, sent.last_on)

    refused = await respond.attempt(tx, "cover", values, give)
    return await _covers(request, tx, None, refused) if refused else respond.redirect(request, COVER, done="cover")


@router.post("/cover/{cover_id}/end")
async def end_cover(request: Request, tx: SessionTx, cover_id: UUID) -> Response:
    """End a cover."""
    refused = await respond.attempt(tx, "end", {}, lambda: actions.end_cover(tx, cover_id))
    return (
        await _covers(request, tx, None, refused) if refused else respond.redirect(request, COVER, done="cover-ended")
    )


@router.get("/duty")
async def show_duties(request: Request, tx: SessionTx) -> Response:
    """Show who is on duty for each clinic's calls."""
    return await _duties(request, tx)


@router.post("/duty")
async def add_duty(request: Request, tx: SessionTx) -> Response:
    """Put somebody on duty."""
    values = await respond.fields(request)

    async def add() -> None:
        sent = parsed(DutyForm, values)
        begins, until = minute_of(sent.begins, "begins"), minute_of(sent.until, "until") or DAY_MINUTES
        kept = sent.model_dump(exclude={"begins", "until"})
        await actions.add_duty(tx, actions.NewDuty(**kept, from_minute=begins, until_minute=until))

    refused = await respond.attempt(tx, "duty", values, add)
    return await _duties(request, tx, refused) if refused else respond.redirect(request, DUTY, done="duty")


@router.post("/duty/{duty_id}/end")
async def end_duty(request: Request, tx: SessionTx, duty_id: UUID) -> Response:
    """End a duty."""
    await actions.end_duty(tx, duty_id)
    return respond.redirect(request, DUTY, done="duty-ended")


@router.get("/emergency")
async def show_emergency(request: Request, tx: SessionTx) -> Response:
    """Show what is open, and ask who is looked for."""
    view = await queries.emergency_page(tx)
    return await respond.page(request, tx, "rosters/emergency.html", view, section="my-day")


@router.post("/emergency/search")
@costs("search")
async def search_beyond(request: Request, tx: SessionTx) -> Response:
    """Show who exists beyond the roster; a POST, so that no name stands in an address."""
    values = await respond.fields(request)
    found: list[Beyond] = []

    async def search() -> None:
        sent = parsed(BeyondBody, values)
        found.extend(await queries.find_beyond(tx, sent.number, sent.family, sent.born))

    refused = await respond.attempt(tx, "search", values, search)
    view = await queries.emergency_page(tx, None if refused else found)
    return await respond.page(request, tx, "rosters/emergency.html", view, section="my-day", form=refused)


@router.get("/emergency/reviews")
async def show_reviews(request: Request, tx: SessionTx) -> Response:
    """Show the uses of emergency access, those that await review first."""
    return await _reviews(request, tx)


@router.post("/emergency/reviews/{opening_id}")
async def review(request: Request, tx: SessionTx, opening_id: UUID) -> Response:
    """Sign a review."""
    values = await respond.fields(request)

    async def sign() -> None:
        sent = parsed(ReviewBody, values)
        await actions.review_glass(tx, opening_id, sent.verdict, sent.note)

    refused = await respond.attempt(tx, f"review-{opening_id}", values, sign)
    return await _reviews(request, tx, refused) if refused else respond.redirect(request, REVIEWS, done="reviewed")


@router.post("/emergency/openings/{opening_id}/end")
async def end_glass(request: Request, tx: SessionTx, opening_id: UUID) -> Response:
    """End an emergency access."""
    await actions.end_glass(tx, opening_id)
    return respond.redirect(request, "/", done="glass-ended")


@router.get("/emergency/{patient_id}")
async def ask_reason(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Ask what it is for, once both factors were given lately."""
    await require_recent(tx, session_secret(request))
    return await _opening(request, tx, patient_id)


@router.post("/emergency/{patient_id}")
async def open_glass(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Open a record."""
    values, secret = await respond.fields(request), session_secret(request)

    async def act() -> None:
        sent = parsed(ReasonBody, values)
        await actions.open_glass(tx, secret, patient_id, sent.category, sent.reason)

    refused = await respond.attempt(tx, "open", values, act)
    if refused is not None:
        return await _opening(request, tx, patient_id, refused)
    return respond.redirect(request, f"/patients/{patient_id}", done="glass")


async def _opening(request: Request, tx: Tx, patient_id: UUID, form: FormState | None = None) -> Response:
    view = await queries.opening_page(tx, patient_id)
    return await respond.page(request, tx, "rosters/opening.html", view, section="my-day", form=form)


async def _reviews(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await queries.reviews_page(tx)
    return await respond.page(request, tx, "rosters/reviews.html", view, section=SECTION, form=form)


async def _covers(request: Request, tx: Tx, absent: UUID | None, form: FormState | None = None) -> Response:
    view = await queries.cover_page(tx, absent)
    return await respond.page(request, tx, "rosters/cover.html", view, section=SECTION, form=form)


async def _duties(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await queries.duty_page(tx)
    return await respond.page(request, tx, "rosters/duty.html", view, section=SECTION, form=form)
