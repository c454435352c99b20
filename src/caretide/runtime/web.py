"""The web's spine: how a caller must be known, one transaction per request, and what every answer carries.

A route declares only how the caller must be known; permissions stand on verbs. Three nets catch a forgotten
declaration: `Router` cannot be made without one, a test walks every route, and `AccessGate` answers 500 to any response
on which nothing decided access.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Forbidden, TooMany, Unauthenticated
from caretide.kernel.ids import new_id
from caretide.runtime.trail import Origin
from caretide.runtime.tx import Database, Tx

log = logging.getLogger("caretide")

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

FindActor = Callable[[Tx, str, bool], Awaitable[Actor]]
"""Turns a session's secret into the actor behind it; raises Unauthenticated. False where the request was no sign of
life: a page that only asks whether anything changed."""

QUIET: Final = "x-caretide-quiet"
"""The header by which a page says that nobody is behind its request."""


class Known(StrEnum):
    """How the caller of a route must be known."""

    PUBLIC = "public"
    SESSION = "session"
    PENDING = "pending"
    TOKEN = "token"  # noqa: S105 - the name of a way to be known, not a secret


class Router(APIRouter):
    """A router whose every route is reached by callers known in one declared way."""

    def __init__(self, known: Known, **options: Any) -> None:
        openers = {Known.PUBLIC: open_public, Known.SESSION: open_session}
        openers |= {Known.PENDING: open_pending, Known.TOKEN: open_token}
        super().__init__(dependencies=[Depends(openers[known], scope="function")], **options)
        self.known = known


async def open_public(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for nobody: sign-in and invitations only. What may hash a password waits at the door first."""
    decide(request.scope, Known.PUBLIC)
    async with _door(request), database_of(request).tx(Actor.nobody(), origin_of(request)) as tx:
        yield tx


async def open_session(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the person whose session cookie this is; unsafe methods need the session's token too."""
    secret = session_secret(request)
    if request.method not in SAFE_METHODS:
        await check_csrf(request, secret)
    async with _opened(request, secret, Known.SESSION) as tx:
        yield tx


async def open_pending(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the person behind a session that may still lack a factor: only to give or enroll one."""
    secret = session_secret(request)
    if request.method not in SAFE_METHODS:
        await check_csrf(request, secret)
    async with _door(request), _opened(request, secret, Known.PENDING) as tx:
        yield tx


async def open_token(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the bearer of a session's secret. Cookies are not looked at: no request can be forged."""
    async with _opened(request, bearer_secret(request), Known.TOKEN) as tx:
        yield tx


def session_secret(request: Request) -> str:
    """Return the session's secret from the cookie; raise Unauthenticated where there is none."""
    secret = request.cookies.get(request.app.state.session_cookie)
    if not secret:
        raise Unauthenticated
    return secret


def bearer_secret(request: Request) -> str:
    """Return the session's secret from the authorization header; raise Unauthenticated where there is none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send a token: `Authorization: Bearer TOKEN`, from POST /api/v1/sessions")
    return secret


def _opened(request: Request, secret: str, known: Known) -> AbstractAsyncContextManager[Tx]:
    state = request.app.state
    find_actor: FindActor = state.find_entrant if known is Known.PENDING else state.find_actor

    async def identify(tx: Tx) -> Actor:
        actor = await find_actor(tx, secret, QUIET not in request.headers)
        decide(request.scope, known)
        request.state.actor = actor
        return actor

    return database_of(request).tx_for(identify, origin_of(request, secret))


def origin_of(request: Request, secret: str | None = None) -> Origin:
    """Return where a request came from, for the audit.

    The route is its template, so that no id stands in it. The address is the peer's; behind a proxy it is for the
    server to put the trusted proxy's word in its place. Sessions and browsers are told apart by 128 bits of a hash.
    """
    route = request.scope.get("route")
    agent = request.headers.get("user-agent")
    return Origin(
        route=f"{request.method} {request.scope.get('root_path', '')}{getattr(route, 'path', '')}",
        request_id=new_id(),
        session=None if secret is None else session_mark(hashlib.sha256(secret.encode()).digest()),
        ip=request.client.host if request.client else None,
        agent=None if agent is None else hashlib.sha256(agent.encode()).hexdigest()[:32],
    )


def session_mark(id_hash: bytes) -> str:
    """Return what the audit calls a session of which this is the stored hash."""
    return id_hash[:16].hex()


class Door:
    """Lets a few in at a time to hash passwords, so that a flood of them takes neither the machine nor the database.

    Who waits holds no connection; beyond `most` waiting, the next is sent away with 429 (R-35).
    """

    def __init__(self, *, inside: int = 3, most: int = 60) -> None:
        self._inside = asyncio.Semaphore(inside)
        self._waiting = 0
        self._most = most

    @asynccontextmanager
    async def passed(self) -> AsyncGenerator[None]:
        """Wait for one's turn; raise TooMany where too many wait."""
        if self._waiting >= self._most:
            raise TooMany("Many people are signing in right now; try again in a moment", seconds=5)
        self._waiting += 1
        try:
            await self._inside.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._inside.release()


def _door(request: Request) -> AbstractAsyncContextManager[None]:
    door: Door = request.app.state.door
    return nullcontext() if request.method in SAFE_METHODS else door.passed()


PublicTx = Annotated[Tx, Depends(open_public, scope="function")]
SessionTx = Annotated[Tx, Depends(open_session, scope="function")]
PendingTx = Annotated[Tx, Depends(open_pending, scope="function")]
TokenTx = Annotated[Tx, Depends(open_token, scope="function")]


def keep_session(request: Request, response: Response, secret: str) -> None:
    """Give the browser a session's secret, in place of the one that it had."""
    state = request.app.state
    secure = state.base_url.startswith("https://")
    response.set_cookie(state.session_cookie, secret, httponly=True, samesite="lax", secure=secure)


def drop_session(request: Request, response: Response) -> None:
    """Take the session's secret from the browser, and whatever else it may have kept."""
    state = request.app.state
    secure = state.base_url.startswith("https://")
    response.delete_cookie(state.session_cookie, httponly=True, samesite="lax", secure=secure)
    response.headers["clear-site-data"] = '"cache", "storage"'


def network_of(request: Request) -> str:
    """Return the network address that asks, as the connection has it: no header is believed."""
    return request.client.host if request.client else ""


def database_of(request: Request) -> Database:
    """Return the application's pool."""
    return request.app.state.database


def decide(scope: Scope, known: str) -> None:
    """Note on the request that something decided who may have the answer."""
    scope["caretide.access"][0] = known


def csrf_token(secret: str) -> str:
    """Return the token that every form of a session carries; derived, so that nothing more need be stored."""
    return hmac.new(secret.encode(), b"caretide form", hashlib.sha256).hexdigest()


async def check_csrf(request: Request, secret: str) -> None:
    """Refuse a change that did not come from a page of this session."""
    sent = request.headers.get("x-csrf-token")
    if sent is None:
        form = await request.form()
        value = form.get("csrf_token")
        sent = value if isinstance(value, str) else ""
    if not secrets.compare_digest(sent.encode(), csrf_token(secret).encode()):
        raise Forbidden("This form is out of date; reload the page and try again")


POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The content security policy: nothing inline, nothing from elsewhere."""

HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class AccessGate:
    """The outermost middleware: headers on every answer, no cross-site change, and no answer that nobody decided on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # A list, so that sub-applications, which get copies of the scope, write to the same place.
        decision: list[str | None] = [None]
        scope["caretide.access"] = decision
        headers = dict(scope["headers"])
        if scope["method"] not in SAFE_METHODS and not _came_from_here(headers):
            await _plain(send, 403, b"Cross-site requests may not change anything here\n")
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            await _plain(send, 413, b"This is more than can be taken at once\n")
            return
        started = refused = False

        async def checked(message: Message) -> None:
            nonlocal started, refused
            if message["type"] == "http.response.start":
                started = True
                if message["status"] < 400 and decision[0] is None and not _redirect(message):
                    refused = True
                    await _plain(send, 500, b"Nothing decided who may see this answer\n")
                    return
                cached = decision[0] == "static" and message["status"] == 200
                extra = (b"cache-control", b"public, max-age=3600" if cached else b"no-store")
                kept = [pair for pair in message["headers"] if pair[0].lower() != b"cache-control"]
                message["headers"] = [*kept, *HEADERS, extra]
            if not refused:
                await send(message)

        try:
            await self.app(scope, receive, checked)
        except ClientDisconnect:
            log.info("the caller went away")
        except Exception as error:  # noqa: BLE001 - the server would log its message, which may quote health data
            if not started:
                log.error("fault %s outside every route", type(error).__name__)  # noqa: TRY400 - see above
                await _plain(send, 500, b"Something broke on our side\n")


MOST_BYTES: Final = 1024 * 1024
"""The largest body that is taken: every form and every JSON document is far smaller."""

_SAME_SITE: Final = frozenset({b"same-origin", b"none"})


def _came_from_here(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a change was sent by a page of ours, or by a program: those send neither header.

    Every current browser sends `Sec-Fetch-Site` to a trustworthy address; for the rest there is `Origin`.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site in _SAME_SITE
    return origin is None or origin.partition(b"://")[2] == headers.get(b"host")


def _redirect(message: Message) -> bool:
    """A redirect carries no data: the slash and sign-in redirects need no decision."""
    return 300 <= message["status"] < 400


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def decided(app: ASGIApp, known: str) -> ASGIApp:
    """Declare a raw ASGI application (static files, health) as open, by name."""
    return _Decided(app, known)


class _Decided:
    """A class, because Starlette takes a function for an endpoint that wants a request."""

    def __init__(self, app: ASGIApp, known: str) -> None:
        self.app = app
        self.known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decide(scope, self.known)
        await self.app(scope, receive, send)
