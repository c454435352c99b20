"""One's own account: what one signs in with, and where one is signed in."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions, queries
from caretide.identity.actions import CONFIRM, Refused, SignedIn
from caretide.identity.pages.sign_in import WRONG_CODE, entered, refusal, shown_factors
from caretide.identity.queries.tokens import my_tokens
from caretide.identity.schemas import AccountPage, ProofPage
from caretide.kernel.errors import Invalid
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx, keep_session, network_of, session_secret
from caretide.ui import respond
from caretide.ui.forms import FormState
from caretide.ui.shell import landing

router = Router(Known.SESSION)


@router.get("/")
async def home(request: Request, tx: SessionTx) -> Response:
    """Lead to where this person's day begins."""
    return respond.redirect(request, landing(tx.actor.permissions))


@router.get("/me")
async def show_account(request: Request, tx: SessionTx) -> Response:
    """Show one's own account."""
    return await _show(request, tx)


async def _show(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    secret = session_secret(request)
    known = await queries.standing(tx, secret)
    tokens = await my_tokens(tx) if tx.actor.tenant_id is not None else []
    page = AccountPage(
        name=known.display_name,
        email=known.email,
        factors=await queries.factors_of(tx, known.account_id),
        passkeys=await queries.my_passkeys(tx),
        sessions=await queries.my_sessions(tx, secret),
        tokens=sum(one.state == "active" for one in tokens),
    )
    return await respond.page(request, tx, "identity/account.html", page, section="me", form=form)


@router.post("/me/password")
async def change_password(request: Request, tx: SessionTx) -> Response:
    """Put a new password in place of the old one; the other sessions end."""
    values = await respond.fields(request)
    new, again, current = (str(values.get(name, "")) for name in ("password", "password_again", "current"))
    found: list[str | Refused] = []

    async def act() -> None:
        if new != again:
            raise Invalid("The two passwords differ", field="password_again")
        words = [(await request.app.state.shell(tx, "me", None)).tenant_name]
        given = {"current": current, "network": network_of(request)}
        found.append(await actions.change_password(tx, session_secret(request), new, words=words, **given))

    refused = await respond.attempt(tx, "password", values, act)
    if found and isinstance(found[0], Refused):
        # Refused without undoing that it was counted.
        refused = refusal("password", found[0], "The current password is wrong.")
    return await _show(request, tx, refused) if refused else _renewed(request, found, "password")


def _renewed(request: Request, secrets: Sequence[object], done: str) -> Response:
    """Lead back to the account under the session's new secret."""
    response = respond.redirect(request, "/me", done=done)
    keep_session(request, response, str(secrets[0]))
    return response


@router.post("/me/passkeys/{passkey_id}")
async def rename_passkey(request: Request, tx: SessionTx, passkey_id: UUID) -> Response:
    """Call a passkey by another name."""
    values = await respond.fields(request)
    name = str(values.get("name", ""))
    refused = await respond.attempt(
        tx, f"passkey-{passkey_id}", values, lambda: actions.rename_passkey(tx, passkey_id, name)
    )
    return await _show(request, tx, refused) if refused else respond.redirect(request, "/me", done="passkey-named")


@router.post("/me/passkeys/{passkey_id}/remove")
async def remove_passkey(request: Request, tx: SessionTx, passkey_id: UUID) -> Response:
    """Take a passkey away."""
    found: list[str] = []

    async def act() -> None:
        found.append(await actions.remove_passkey(tx, session_secret(request), passkey_id))

    refused = await respond.attempt(tx, f"passkey-{passkey_id}", {}, act)
    return await _show(request, tx, refused) if refused else _renewed(request, found, "passkey-gone")


@router.post("/me/totp/remove")
async def remove_totp(request: Request, tx: SessionTx) -> Response:
    """Take the authenticator app away."""
    found: list[str] = []

    async def act() -> None:
        found.append(await actions.remove_totp(tx, session_secret(request)))

    refused = await respond.attempt(tx, "totp", {}, act)
    return await _show(request, tx, refused) if refused else _renewed(request, found, "totp-gone")


@router.post("/me/sessions/{session_id}/end")
async def end_session(request: Request, tx: SessionTx, session_id: UUID) -> Response:
    """End one of one's own sessions."""
    await actions.end_my_session(tx, session_id)
    return respond.redirect(request, "/me", done="session-ended")


@router.post("/me/sessions/end-others")
async def end_others(request: Request, tx: SessionTx) -> Response:
    """End all of one's sessions but this one."""
    await actions.end_my_other_sessions(tx, session_secret(request))
    return respond.redirect(request, "/me", done="sessions-ended")


@router.post("/me/stay")
async def stay(tx: SessionTx) -> Response:
    """Put off the end of a session that idles."""
    await actions.stay(tx)
    return Response(status_code=204)


@router.get(CONFIRM)
async def show_confirm(request: Request, tx: SessionTx, next: str = "/me") -> Response:  # noqa: A002 - the query's own name
    """Ask who is signed in to prove it again."""
    return await _ask(request, tx, respond.local(next))


async def _ask(request: Request, tx: Tx, then: str, form: FormState | None = None) -> Response:
    known = await queries.standing(tx, session_secret(request))
    factors = await shown_factors(tx, known)
    vouched = known.issuer is not None
    page = ProofPage(name=known.display_name, email=known.email, factors=factors, next=then, vouched=vouched)
    return await respond.page(request, tx, "identity/confirm.html", page, section="me", form=form)


@router.post(CONFIRM)
async def confirm(request: Request, tx: SessionTx) -> Response:
    """Take password and code."""
    values = await respond.fields(request)
    then, password, code = (str(values.get(name, "")) for name in ("next", "password", "code"))
    secret, network = session_secret(request), network_of(request)
    found = await actions.confirm_identity(tx, secret, password, code, network=network)
    if isinstance(found, SignedIn):
        return entered(request, found, then or "/me")
    return await _ask(
        request, tx, respond.local(then), refusal("confirm", found, f"Password or code is wrong. {WRONG_CODE}")
    )
