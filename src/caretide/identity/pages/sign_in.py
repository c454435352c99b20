"""Signing in and out: password and second factor, passkey alone, and back after a pause."""

from dataclasses import replace

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions, queries
from caretide.identity.actions import Refused, SignedIn
from caretide.identity.queries.policy import is_asked_for_passkey
from caretide.identity.rules import Site, Stage, device_name
from caretide.identity.rules.policy import is_by_passkey
from caretide.identity.schemas import FactorsOf, ProofPage, SignInPage
from caretide.kernel.errors import Invalid
from caretide.runtime.devices import know_device
from caretide.runtime.limits import costs
from caretide.runtime.tx import Tx
from caretide.runtime.web import (
    Known,
    PendingTx,
    PublicTx,
    Router,
    drop_session,
    keep_session,
    network_of,
    session_secret,
)
from caretide.ui import respond
from caretide.ui.forms import FormState

public = Router(Known.PUBLIC)
entering = Router(Known.PENDING)

REFUSED = (
    "No account signs in with this address and password. After several wrong ones in a row the next has to wait, up to"
    " 15 minutes; a passkey always works, and your administrator can help."
)
"""One sentence for an unknown address, a wrong password and a resting account: none can be told from another."""

WRONG_CODE = "This code is not right, or was used before. Wait for the app's next one."
OFF = "Codes were switched off for this account after too many wrong ones. Use a passkey, or ask your administrator."


def refusal(form: str, refused: Refused, sentence: str) -> FormState:
    """Return the state of a form whose secret was wrong."""
    wait = f" Wait {refused.seconds} seconds before the next try." if 0 < refused.seconds < 60 else ""
    return FormState.failed(form, Invalid(sentence + wait), {})


def site_of(request: Request) -> Site:
    """Return where this installation is reached."""
    return Site.of(request.app.state.base_url)


def entered(request: Request, signed_in: SignedIn, then: str, *, done: str = "") -> Response:
    """Lead on with a session: to its second factor, to the choice of a tenant, or to where its person wanted to go."""
    to = respond.local(then)
    if not signed_in.is_whole:
        to = f"{queries.SECOND}?next={to}"
    elif signed_in.tenants != 1:
        to = "/tenants"
    response = respond.redirect(request, to, done=done)
    keep_session(request, response, signed_in.secret)
    if signed_in.is_whole:
        know_device(request, response)
    return response


@public.get("/sign-in")
@costs("entrance")
async def show_sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask for a passkey, or for address and password."""
    return respond.visitor_page(request, "identity/sign_in.html", SignInPage(next=respond.local(next)))


@public.post("/sign-in")
@costs("password")
async def sign_in(request: Request, tx: PublicTx) -> Response:
    """Open a session with its first factor, or ask again."""
    values = await respond.fields(request)
    email, password, then = (str(values.get(name, "")) for name in ("email", "password", "next"))
    device = device_name(request.headers.get("user-agent", ""))
    signed_in = await actions.sign_in(tx, email, password, network=network_of(request), device=device)
    if isinstance(signed_in, SignedIn):
        return entered(request, signed_in, then)
    return _ask_again(request, SignInPage(next=respond.local(then), email=email), signed_in)


def _ask_again(request: Request, page: SignInPage, refused: Refused) -> Response:
    form = refusal("sign-in", Refused(), REFUSED)
    response = respond.visitor_page(
        request, "identity/sign_in.html", page, form=form, status=429 if refused.seconds else 401
    )
    if refused.seconds:
        response.headers["retry-after"] = str(refused.seconds)
    return response


@public.post("/sign-in/passkey-question")
@costs("passkey")
async def ask_passkey(request: Request, tx: PublicTx) -> Response:
    """Answer what the browser has a passkey sign, whosever it is."""
    return respond.json_text(await actions.passkey_question(tx, site_of(request)))


@public.post("/sign-in/passkey")
@costs("passkey")
async def sign_in_by_passkey(request: Request, tx: PublicTx) -> Response:
    """Open a session by a passkey alone."""
    values = await respond.fields(request)
    then, device = str(values.get("next", "/")), device_name(request.headers.get("user-agent", ""))
    try:
        async with tx.attempt():
            signed_in = await actions.sign_in_by_passkey(
                tx, site_of(request), str(values.get("answer", "")), device=device
            )
    except Invalid as error:
        form, page = FormState.failed("passkey", error, {}), SignInPage(next=respond.local(then))
        return respond.visitor_page(request, "identity/sign_in.html", page, form=form, status=401)
    return entered(request, signed_in, then)


@entering.get(queries.SECOND)
async def show_second(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask for the second factor; who has none sets one up, who gave it goes on."""
    known = await queries.standing(tx, session_secret(request))
    to = respond.local(next)
    if known.stage is not Stage.PARTIAL:
        return respond.redirect(request, to)
    if not (await queries.factors_of(tx, known.account_id)).has_second:
        return respond.redirect(request, f"/welcome/factor?next={to}")
    return respond.visitor_page(request, "identity/second.html", await _proof(tx, request, to))


async def shown_factors(tx: Tx, known: queries.Known) -> FactorsOf:
    """Return what may be asked for of what an account has: no password where a passkey opened the session and has to.

    What is shown decides nothing; the verbs do.
    """
    factors = await queries.factors_of(tx, known.account_id)
    if is_by_passkey(known.amr) and await is_asked_for_passkey(tx, known.account_id, known.tenant_id):
        return replace(factors, has_password=False)
    return factors


async def _proof(tx: Tx, request: Request, to: str) -> ProofPage:
    known = await queries.standing(tx, session_secret(request))
    factors = await shown_factors(tx, known)
    vouched = known.issuer is not None
    return ProofPage(name=known.display_name, email=known.email, factors=factors, next=to, vouched=vouched)


@entering.post(queries.SECOND)
async def give_code(request: Request, tx: PendingTx) -> Response:
    """Take a code."""
    values = await respond.fields(request)
    then = respond.local(str(values.get("next", "/")))
    secret = session_secret(request)
    found = await actions.prove_code(tx, secret, str(values.get("code", "")))
    if isinstance(found, SignedIn):
        used = Stage.OPEN if str(values.get("code", "")).strip().replace(" ", "").isdecimal() else Stage.PARTIAL
        return entered(
            request, found, then if used is Stage.OPEN else "/me", done="" if used is Stage.OPEN else "recovery"
        )
    form = refusal("second", found, OFF if found.disabled else WRONG_CODE)
    status = 429 if found.seconds else 401
    return respond.visitor_page(
        request, "identity/second.html", await _proof(tx, request, then), form=form, status=status
    )


@entering.post("/sign-in/own-passkey-question")
@costs("passkey")
async def ask_own_passkey(request: Request, tx: PendingTx) -> Response:
    """Answer what the browser has one of the account's passkeys sign."""
    known = await queries.standing(tx, session_secret(request))
    return respond.json_text(await actions.passkey_question(tx, site_of(request), known.account_id))


@entering.post("/sign-in/own-passkey")
@costs("passkey")
async def give_passkey(request: Request, tx: PendingTx) -> Response:
    """Take a passkey: as second factor, after a pause, or to confirm who is there."""
    values = await respond.fields(request)
    then, secret = respond.local(str(values.get("next", "/"))), session_secret(request)
    try:
        async with tx.attempt():
            found = await actions.prove_passkey(tx, secret, site_of(request), str(values.get("answer", "")))
    except Invalid as error:
        form = FormState.failed("passkey", error, {})
        page = await _proof(tx, request, then)
        return respond.visitor_page(request, "identity/second.html", page, form=form, status=401)
    return entered(request, found, then)


@entering.get(queries.AGAIN)
async def show_again(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask somebody who was away for one factor: the session has the other."""
    known = await queries.standing(tx, session_secret(request))
    if known.stage is not Stage.IDLE:
        return respond.redirect(request, respond.local(next))
    return respond.visitor_page(request, "identity/again.html", await _proof(tx, request, respond.local(next)))


@entering.post(queries.AGAIN)
async def come_back(request: Request, tx: PendingTx) -> Response:
    """Take the password of somebody who was away."""
    values = await respond.fields(request)
    then, secret = respond.local(str(values.get("next", "/"))), session_secret(request)
    found = await actions.resume_by_password(tx, secret, str(values.get("password", "")), network=network_of(request))
    if isinstance(found, SignedIn):
        return entered(request, found, then)
    form = refusal("again", found, "This is not the password of this account.")
    page = await _proof(tx, request, then)
    return respond.visitor_page(request, "identity/again.html", page, form=form, status=429 if found.seconds else 401)


@entering.post("/sign-out")
async def sign_out(request: Request, tx: PendingTx) -> Response:
    """End the session and leave nothing of it in the browser; what stays names nobody (`caretide.runtime.devices`)."""
    await actions.sign_out(tx, session_secret(request))
    response = respond.redirect(request, "/sign-in", done="signed-out")
    drop_session(request, response)
    return response
