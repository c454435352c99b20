"""Signing in and out."""

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions
from caretide.identity.schemas import SignInPage
from caretide.kernel.errors import Invalid
from caretide.runtime.web import Known, PublicTx, Router, SessionTx, session_secret
from caretide.ui import respond
from caretide.ui.forms import FormState
from caretide.ui.shell import landing

public = Router(Known.PUBLIC)
router = Router(Known.SESSION)

REFUSED = (
    "No account signs in with this address and password. After ten wrong passwords in a row an account rests for 15"
    " minutes; your administrator can help."
)
"""One sentence for an unknown address, a wrong password and a locked account: none can be told from another."""


@router.get("/")
async def home(request: Request, tx: SessionTx) -> Response:
    """Lead to where this person's day begins."""
    return respond.redirect(request, landing(tx.actor.permissions))


@public.get("/sign-in")
async def show_sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask for address and password."""
    return respond.visitor_page(request, "identity/sign_in.html", SignInPage(next=respond.local(next)))


@public.post("/sign-in")
async def sign_in(request: Request, tx: PublicTx) -> Response:
    """Open a session, or ask again."""
    values = await respond.fields(request)
    email, password, then = (str(values.get(name, "")) for name in ("email", "password", "next"))
    signed_in = await actions.sign_in(tx, email, password)
    if signed_in is None:
        form = FormState.failed("sign-in", Invalid(REFUSED), values)
        page = SignInPage(next=respond.local(then), email=email)
        return respond.visitor_page(request, "identity/sign_in.html", page, form=form, status=401)
    response = respond.redirect(request, respond.local(then) if signed_in.tenants == 1 else "/tenants")
    name, is_secure = request.app.state.session_cookie, request.app.state.base_url.startswith("https://")
    response.set_cookie(name, signed_in.secret, httponly=True, samesite="lax", secure=is_secure)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, tx: SessionTx) -> Response:
    """End the session and leave nothing in the browser."""
    await actions.sign_out(tx, session_secret(request))
    response = respond.redirect(request, "/sign-in", done="signed-out")
    name, is_secure = request.app.state.session_cookie, request.app.state.base_url.startswith("https://")
    response.delete_cookie(name, httponly=True, samesite="lax", secure=is_secure)
    response.headers["clear-site-data"] = '"cache", "storage"'
    return response
