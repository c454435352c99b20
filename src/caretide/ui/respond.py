"""How a page answers: a template in its frame, a redirect with a word of confirmation, a form that was refused.

The frame (`Shell`) is made by a feature further up, which the application hands over as `app.state.shell`.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from caretide.kernel.errors import Conflict, Invalid
from caretide.runtime.cookies import VISIT, drop_cookie, read_cookie, set_cookie
from caretide.runtime.forgery import csrf_token
from caretide.runtime.tx import Tx
from caretide.runtime.web import browser_secrets, database_of
from caretide.ui.forms import FormState
from caretide.ui.shell import ErrorPage, Message, Shell

FLASH: Final = "caretide_done"

DONE: Final = {
    "again": "Welcome back.",
    "assigned": "The patients were assigned.",
    "attempt": "The attempt was recorded.",
    "attempt-corrected": "Corrected. The first record stays beside it.",
    "added": "The time was entered. It counts once a second person approved it.",
    "approved": "Approved: the time counts.",
    "corrected": "The entry was corrected. The old one stays in the record, void.",
    "refused": "Refused: the time is void, and says why.",
    "agreement": "The agreement was recorded.",
    "agreement-ended": "The agreement ends on that day.",
    "activity": "The activity is offered from now on.",
    "activity-changed": "Changed. What was recorded before keeps its words.",
    "clinic": "The clinic was added.",
    "waiver": "The waiver stands. What rests on it says so, on the month and in its records.",
    "waiver-ended": "The waiver has ended. What rests on it stands.",
    "settings": "The settings stand from now on.",
    "clinic-changed": "The clinic was changed.",
    "clinic-fact": "Recorded for the clinic.",
    "closed-before": "This month was closed before; nothing was left to do.",
    "closing": "The close has begun.",
    "consent": "The consent was recorded.",
    "cover": "Cover is given. It ends by itself.",
    "cover-ended": "The cover has ended.",
    "declined": "It was declined; nothing of theirs has changed.",
    "designated": "The coordinator was designated.",
    "duty": "Recorded: they are on duty at those times.",
    "duty-ended": "The duty has ended.",
    "enrolled": "The patient is enrolled.",
    "fact": "Recorded.",
    "glass": "Emergency access is open. It ends by itself within the hour.",
    "glass-ended": "Emergency access has ended.",
    "invited": "The invitation is ready.",
    "practitioner": "The practitioner may bill.",
    "reviewed": "The review is signed.",
    "reinstated": "This person may come in again.",
    "revoked": "Recorded: the patient takes the consent back.",
    "signed-out": "You are signed out.",
    "started": "The timer is running.",
    "stopped": "The time was recorded.",
    "member": "Saved.",
    "no-time": "The timer was stopped before a whole second had passed; nothing was recorded.",
    "suspended": "This person's access has ended, and all that hung on it. What ended stands below.",
    "token-revoked": "The token is revoked: the next request with it is refused.",
    "linked": "Your organization's sign-on opens your account from now on.",
    "unlinked": "It does not open your account any more.",
    "provider": "The sign-on is set up, as its own document describes it.",
    "provider-off": "Its word is not taken any more; sessions that stood on it have ended.",
    "service": "The service account was made. Give it a token.",
    "service-ended": "The service account has ended, and its tokens with it.",
    "timer-stopped": "The timer was stopped. Its time awaits a second person's approval.",
    "timer-keep": "The time counts as worked.",
    "timer-call": "The call counts as work; the timer asks again in an hour.",
    "timer-leave_out": "The stretch was left out. The timer runs from here on.",
    "timer-stop": "The timer was stopped where you left; the time until then was recorded.",
    "timer-gone": "This timer was stopped meanwhile. Time in which nobody was seen awaits a second person.",
    "voided": "The entry is void. It stays in the record.",
    "passkey": "The passkey was added.",
    "passkey-gone": "The passkey was removed. Your other sessions have ended.",
    "passkey-named": "The passkey has its new name.",
    "password": "Your password was changed. Your other sessions have ended; tokens for programs go on.",
    "recovery": "You signed in with a recovery code, which is used up. If your phone or key is lost, remove it here.",
    "session-ended": "That session has ended.",
    "sessions-ended": "All your other sessions have ended.",
    "signed-out-member": "Their sessions here have ended.",
    "totp": "The authenticator app was set up. Other sessions of yours have ended.",
    "totp-gone": "The authenticator app was removed. Your other sessions have ended.",
    "welcome": "Welcome to Caretide.",
}
"""Key -> sentence. Only the key travels in the cookie, so nothing about a patient ever does."""

MakeShell = Callable[[Tx, str], Awaitable[Shell]]


async def page(
    request: Request,
    tx: Tx,
    template: str,
    view: object,
    *,
    section: str = "",
    form: FormState | None = None,
    status: int | None = None,
) -> Response:
    """Render a page in the frame of the person who asked; a refused form makes it a 422."""
    shell: Shell = await request.app.state.shell(tx, section, message_of(request))
    context = {"page": view, "shell": shell, "form": form or FormState(), "csrf_token": form_token(request)}
    return _html(request, template, context, status or (422 if form else 200))


def visitor_page(
    request: Request, template: str, view: object, *, form: FormState | None = None, status: int | None = None
) -> Response:
    """Render a page for somebody who has not signed in."""
    found = message_of(request)
    shell = Shell(messages=(found,) if found else ())
    known = browser_secrets(request)
    visit = known[0] if known else secrets.token_urlsafe(32)
    token = csrf_token(visit, database_of(request).clock())
    context = {"page": view, "shell": shell, "form": form or FormState(), "csrf_token": token}
    response = _html(request, template, context, status or (422 if form else 200))
    if not known:
        set_cookie(request, response, VISIT, visit)
    return response


def error_page(request: Request, error: ErrorPage) -> Response:
    """Render a refusal or fault. The frame is a visitor's: whatever failed may be what the real one needs."""
    return _html(request, "error.html", {"page": error, "shell": Shell(), "csrf_token": ""}, error.status)


def _html(request: Request, template: str, context: Mapping[str, Any], status: int) -> Response:
    text = request.app.state.templates.get_template(template).render(context)
    response = HTMLResponse(text, status_code=status)
    if status < 400 and read_cookie(request, FLASH):
        drop_cookie(request, response, FLASH)
    return response


def redirect(request: Request, to: str, *, done: str = "") -> Response:
    """Send the browser on after a change, with a sentence for the next page.

    A form that leads back to its own page (`live`) shows the answer there, so that nobody loses their place; any other
    request of htmx is told to load the page, which its target could not hold.
    """
    response = RedirectResponse(to, status_code=303)
    if request.headers.get("hx-request") and not _leads_back(request, to):
        response = Response(status_code=204, headers={"HX-Redirect": to})
    if done:
        set_cookie(request, response, FLASH, done, 30)
    return response


def file(content: bytes, name: str, media_type: str) -> Response:
    """Answer with a file to keep; its name says nothing of a patient."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def sheet(text: str, name: str) -> Response:
    """Answer with CSV to keep."""
    return file(text.encode(), f"{name}.csv", "text/csv; charset=utf-8")


def json_text(text: str) -> Response:
    """Answer with JSON that was made elsewhere: what a browser makes or uses a passkey with."""
    return Response(text, media_type="application/json")


def ask_for(request: Request, at: str) -> Response:
    """Lead to a page that asks for a factor, and from there back. A fragment gets nothing to show: 401 and the way."""
    if request.headers.get("hx-request"):
        # A fragment's own address holds no page: the browser goes back to the page that it was on.
        page = local(urlsplit(request.headers.get("hx-current-url", "")).path) if request.method != "GET" else ""
        return Response(status_code=401, headers={"HX-Redirect": f"{at}?next={page or request.url.path}"})
    # A form's own address shows nothing either: back to the page that it stood on, which our browsers name.
    page = request.url.path if request.method == "GET" else local(urlsplit(request.headers.get("referer", "")).path, "")
    return RedirectResponse(f"{at}?next={page}" if page else at, status_code=303)


def with_toast(response: Response, message: Message) -> Response:
    """Have a fragment's answer say a sentence (js/toasts.js); it must hold no health data, as headers are logged."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"tone": message.tone, "text": message.text}})
    return response


def _leads_back(request: Request, to: str) -> bool:
    page = urlsplit(request.headers.get("hx-current-url", "")).path
    return request.headers.get("hx-target") == "main" and page == urlsplit(to).path


def message_of(request: Request) -> Message | None:
    """Return the sentence that the last change left for this page."""
    text = DONE.get(read_cookie(request, FLASH))
    return Message("good", text) if text else None


def form_token(request: Request) -> str:
    """Return the token for the page's forms."""
    known = browser_secrets(request)
    return csrf_token(known[0], database_of(request).clock()) if known else ""


def local(path: str, otherwise: str = "/") -> str:
    """Return a path of this site, or `otherwise` for anything that could lead away."""
    parts = urlsplit(path)
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_ours and not parts.scheme and not parts.netloc else otherwise


async def fields(request: Request) -> dict[str, str | tuple[str, ...]]:
    """Return the fields of the form that was sent; a name that was sent more than once gives all its values."""
    form = await request.form()
    found: dict[str, str | tuple[str, ...]] = {}
    for name in form:
        values = tuple(value for value in form.getlist(name) if isinstance(value, str))
        # A file where text was asked for leaves nothing.
        found[name] = "" if not values else values[0] if len(values) == 1 else values
    found.pop("csrf_token", None)
    await form.close()
    return found


async def attempt(
    tx: Tx, name: str, values: Mapping[str, str | tuple[str, ...]], act: Callable[[], Awaitable[object]]
) -> FormState | None:
    """Do what a form asks; return the form's state when it is refused, None when it is done."""
    try:
        async with tx.attempt():
            await act()
    except Invalid as error:
        return FormState.failed(name, error, values)
    except Conflict as error:
        return FormState.failed(name, Invalid(error.message), values)
    return None
