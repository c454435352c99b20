"""The passkey that a tenant asks for: given, made, or done without by working elsewhere."""

from fastapi import Request
from starlette.responses import Response

from caretide.identity import actions, queries
from caretide.identity.actions import SignedIn
from caretide.identity.pages.sign_in import WRONG_CODE, refusal
from caretide.identity.queries import WITH_PASSKEY
from caretide.identity.queries.policy import places_of_mine
from caretide.identity.rules import RECENT, Stage
from caretide.identity.rules.policy import is_by_passkey
from caretide.identity.schemas import WithPasskeyPage
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, PendingTx, Router, keep_session, network_of, session_secret
from caretide.ui import respond
from caretide.ui.forms import FormState

router = Router(Known.PENDING)

_ELSEWHERE = {Stage.PARTIAL: queries.SECOND, Stage.IDLE: queries.AGAIN}


@router.get(WITH_PASSKEY)
async def show(request: Request, tx: PendingTx, next: str = "/") -> Response:  # noqa: A002 - the query's own name
    """Ask for a passkey, or lead on to what else the session lacks; who has given one goes on."""
    known = await queries.standing(tx, session_secret(request))
    if known.stage in _ELSEWHERE:
        return respond.redirect(request, f"{_ELSEWHERE[known.stage]}?next={respond.local(next)}")
    if is_by_passkey(known.amr):
        return respond.redirect(request, respond.local(next))
    return await _ask(request, tx, known, respond.local(next))


async def _ask(
    request: Request, tx: Tx, known: queries.Known, then: str, form: FormState | None = None, status: int = 200
) -> Response:
    page = WithPasskeyPage(
        name=known.display_name,
        email=known.email,
        factors=await queries.factors_of(tx, known.account_id),
        next=then,
        vouched=known.issuer is not None,
        may_make=tx.now - known.auth_time <= RECENT,
        elsewhere=await places_of_mine(tx) > 1,
    )
    return respond.visitor_page(request, "identity/with_passkey.html", page, form=form, status=status)


@router.post(WITH_PASSKEY)
async def confirm(request: Request, tx: PendingTx) -> Response:
    """Take password and code again from somebody who is to make their first passkey, and signed in a while ago."""
    values = await respond.fields(request)
    then, password, code = (str(values.get(name, "")) for name in ("next", "password", "code"))
    secret = session_secret(request)
    known = await queries.standing(tx, secret)
    if known.stage in _ELSEWHERE:
        return respond.redirect(request, _ELSEWHERE[known.stage])
    found = await actions.confirm_identity(tx, secret, password, code, network=network_of(request))
    if isinstance(found, SignedIn):
        response = respond.redirect(request, f"{WITH_PASSKEY}?next={respond.local(then)}")
        keep_session(request, response, found.secret)
        return response
    form = refusal("confirm", found, f"Password or code is wrong. {WRONG_CODE}")
    return await _ask(request, tx, known, respond.local(then), form, 429 if found.seconds else 401)


@router.post("/sign-in/elsewhere")
async def leave(request: Request, tx: PendingTx) -> Response:
    """Leave the tenant that asks, and choose another."""
    secret = await actions.leave_tenant(tx, session_secret(request))
    response = respond.redirect(request, "/tenants")
    keep_session(request, response, secret)
    return response
