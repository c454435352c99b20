"""Setting up a second factor: the first one in coming in, further ones later. Both ways need a recent sign-in."""

from dataclasses import replace

import segno
from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions, queries
from caretide.identity.actions import SignedIn
from caretide.identity.pages.sign_in import site_of
from caretide.identity.rules import Stage
from caretide.identity.schemas import CodesPage, EnrollPage
from caretide.runtime.devices import know_device
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, PendingTx, Router, keep_session, session_secret
from caretide.ui import respond

router = Router(Known.PENDING)

FACTOR, CODES = "/welcome/factor", "/welcome/codes"


@router.get(FACTOR)
async def show_factor(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Offer a passkey first, and an authenticator app."""
    return respond.visitor_page(request, "identity/factor.html", await _page(request, tx, next))


async def _page(request: Request, tx: Tx, then: str, *, with_app: bool = False) -> EnrollPage:
    secret = session_secret(request)
    known = await queries.standing(tx, secret)
    factors = await queries.factors_of(tx, known.account_id)
    page = EnrollPage(name=known.display_name, factors=factors, next=respond.local(then))
    if not with_app:
        return page
    seed = await actions.begin_totp(tx, secret)
    qr, size = _qr_path(seed.uri)
    return replace(page, secret=seed.secret, qr=qr, qr_size=size)


def _qr_path(text: str) -> tuple[str, int]:
    """Return a QR code as the data of an SVG path, and how wide it is: no inline style, no foreign markup."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, bit in enumerate(row) if bit]
    return "".join(dark), len(rows)


@router.post("/welcome/app")
async def begin_totp(request: Request, tx: PendingTx) -> Response:
    """Show what an authenticator app needs."""
    then = str((await respond.fields(request)).get("next", "/"))
    page = await _page(request, tx, then, with_app=True)
    return respond.visitor_page(request, "identity/factor.html", page)


@router.post("/welcome/totp")
async def confirm_totp(request: Request, tx: PendingTx) -> Response:
    """Bind the authenticator app by its first code."""
    values = await respond.fields(request)
    then, secret = str(values.get("next", "/")), session_secret(request)
    found: list[SignedIn] = []

    async def act() -> None:
        found.append(await actions.confirm_totp(tx, secret, str(values.get("code", ""))))

    refused = await respond.attempt(tx, "totp", values, act)
    if refused is not None:
        page = await _page(request, tx, then, with_app=True)
        return respond.visitor_page(request, "identity/factor.html", page, form=refused)
    return await _enrolled(request, tx, found[0], then, "totp")


@router.post("/welcome/passkey-offer")
async def offer_passkey(request: Request, tx: PendingTx) -> Response:
    """Answer what the browser makes a passkey from."""
    return respond.json_text(await actions.passkey_offer(tx, session_secret(request), site_of(request)))


@router.post("/welcome/passkey")
async def add_passkey(request: Request, tx: PendingTx) -> Response:
    """Bind a passkey."""
    values = await respond.fields(request)
    then, secret = str(values.get("next", "/")), session_secret(request)
    answer, name = str(values.get("answer", "")), str(values.get("name", ""))
    found: list[SignedIn] = []

    async def act() -> None:
        found.append(await actions.add_passkey(tx, secret, site_of(request), answer, name))

    refused = await respond.attempt(tx, "passkey", values, act)
    if refused is not None:
        return respond.visitor_page(request, "identity/factor.html", await _page(request, tx, then), form=refused)
    return await _enrolled(request, tx, found[0], then, "passkey")


async def _enrolled(request: Request, tx: Tx, signed_in: SignedIn, then: str, done: str) -> Response:
    """Go on to the recovery codes where there are none yet, else back."""
    codes = (await queries.factors_of(tx, signed_in.account_id)).codes_left
    to = respond.local(then) if codes else f"{CODES}?next={respond.local(then)}"
    response = respond.redirect(request, to, done=done)
    keep_session(request, response, signed_in.secret)
    if signed_in.is_whole:
        know_device(request, response)
    return response


@router.get(CODES)
async def offer_codes(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Say what recovery codes are for, before they are shown."""
    known = await queries.standing(tx, session_secret(request))
    if known.stage is not Stage.OPEN:
        return respond.redirect(request, queries.SECOND)
    return respond.visitor_page(request, "identity/codes.html", CodesPage(codes=(), next=respond.local(next)))


@router.post(CODES)
async def make_codes(request: Request, tx: PendingTx) -> Response:
    """Show ten recovery codes, here and never again."""
    then = respond.local(str((await respond.fields(request)).get("next", "/")))
    codes = await actions.new_recovery_codes(tx, session_secret(request))
    return respond.visitor_page(request, "identity/codes.html", CodesPage(codes=codes, next=then))
