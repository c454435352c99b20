"""The web's spine: how a caller must be known, one transaction per request, and what every answer carries.

A route declares only how the caller must be known; permissions stand on verbs. Three nets catch a forgotten
declaration: `Router` cannot be made without one, a test walks every route, and the gate (`caretide.runtime.gate`)
answers 500 to any response on which nothing decided access.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy.exc import DBAPIError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from caretide.kernel.actor import Actor
from caretide.kernel.errors import TooMany, Unauthenticated, Unavailable
from caretide.kernel.ids import new_id
from caretide.runtime.cookies import VISIT, read_cookie
from caretide.runtime.devices import known_device
from caretide.runtime.forgery import check_token
from caretide.runtime.gate import SAFE_METHODS
from caretide.runtime.limits import FREE, WAYS_IN, Limiter, network_at
from caretide.runtime.log import log
from caretide.runtime.trail import Origin, ids_in
from caretide.runtime.tx import Database, Tx

FindActor = Callable[[Tx, str, bool], Awaitable[Actor]]
"""Turns a session's secret into the actor behind it; raises Unauthenticated. False where the request was no sign of
life: a page that only asks whether anything changed."""

Steps = Callable[[], AbstractAsyncContextManager[Tx]]
"""Opens a transaction; the one before is over by then."""

QUIET: Final = "x-caretide-quiet"
"""The header by which a page says that nobody is behind its request."""


class Known(StrEnum):
    """How the caller of a route must be known."""

    PUBLIC = "public"
    SESSION = "session"
    PENDING = "pending"
    TOKEN = "token"  # noqa: S105 - the name of a way to be known, not a secret


class Router(APIRouter):
    """A router whose every route is reached by callers known in one declared way.

    `in_steps` is for public routes that ask somebody outside: they open one transaction before and one after.
    """

    def __init__(self, known: Known, *, in_steps: bool = False, **options: Any) -> None:
        openers = {Known.PUBLIC: open_steps if in_steps else open_public, Known.SESSION: open_session}
        openers |= {Known.PENDING: open_pending, Known.TOKEN: open_token}
        super().__init__(dependencies=[Depends(openers[known], scope="function")], **options)
        self.known = known


async def open_public(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for nobody: sign-in and invitations only. A form needs the token of this browser's visit.

    What may hash a password waits at the door first.
    """
    await _let_in(request)
    async with _door(request), database_of(request).tx(Actor.nobody(), origin_of(request)) as tx:
        yield tx


async def open_steps(request: Request) -> AsyncIterator[Steps]:
    """Return what opens one transaction after another for nobody; in between no connection is held.

    Each commits by itself: what the first one used up stays so, whatever becomes of the second.
    """
    await _let_in(request)
    database, origin = database_of(request), origin_of(request)
    yield lambda: database.tx(Actor.nobody(), origin)


async def _let_in(request: Request) -> None:
    decide(request.scope, Known.PUBLIC)
    if request.method not in SAFE_METHODS and request.app.state.has_forms:
        await check_token(request, browser_secrets(request), database_of(request).clock())
    await _count_stranger(request)


async def open_session(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the person whose session cookie this is; unsafe methods need the session's token too."""
    secret = session_secret(request)
    if request.method not in SAFE_METHODS:
        await check_token(request, [secret], database_of(request).clock())
    await _count(request, secret)
    async with _opened(request, secret, Known.SESSION) as tx:
        yield tx


async def open_pending(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the person behind a session that may still lack a factor: only to give or enroll one."""
    secret = session_secret(request)
    if request.method not in SAFE_METHODS:
        await check_token(request, [secret], database_of(request).clock())
    await _count(request, secret)
    async with _door(request), _opened(request, secret, Known.PENDING) as tx:
        yield tx


async def open_token(request: Request) -> AsyncIterator[Tx]:
    """Open a transaction for the bearer of a token or of a session's secret.

    Cookies are not looked at: no request can be forged.
    """
    secret = bearer_secret(request)
    await _count(request, secret, "token")
    async with _opened(request, secret, Known.TOKEN) as tx:
        yield tx


def limiter_of(request: Request) -> Limiter:
    """Return what counts the application's requests."""
    return request.app.state.limiter


async def _count_stranger(request: Request) -> None:
    """Count a request of somebody who is not known: by their device if that is, otherwise by address and way in.

    Whoever cannot be counted cannot sign in: a database that does not answer refuses this too.
    """
    device = known_device(request) if request.app.state.has_forms else ""
    way = cost_of(request)
    kind = "returning" if device else way if way in WAYS_IN else "stranger"
    await limiter_of(request).spend(kind, device or network_of(request))


def cost_of(request: Request) -> str:
    """Return the kind of its own that a route's requests are counted under, or an empty string."""
    return getattr(request.scope.get("endpoint"), "costs", "")


async def _count(request: Request, secret: str, kind: str = "") -> None:
    """Count a request before a connection is taken for it; a database that cannot count lets it pass.

    Whose the session is was learned from its first request here. The address counts unless it is this machine's own:
    a proxy that nobody named must not have one address count for everybody; nor where the browser is known.
    """
    cost = cost_of(request)
    if cost == FREE:
        return
    limiter, network = limiter_of(request), network_of(request)
    account, tenant = limiter.known(secret) or (secret, "")
    device = known_device(request) if request.app.state.has_forms else ""
    place = ("device", device) if device else ("address", "" if network in _LOOPBACK else network)
    spent = [place, (kind, secret), ("account", account)]
    try:
        for name, subject in (*spent, ("tenant", tenant), (cost, account)):
            if name and subject:
                await limiter.spend(name, subject)
    except (Unavailable, OSError, DBAPIError):
        log.warning("requests cannot be counted")


_LOOPBACK: Final = frozenset({"", "127.0.0.1", "::1"})


def session_secret(request: Request) -> str:
    """Return the session's secret from the cookie; raise Unauthenticated where there is none."""
    secret = request.cookies.get(request.app.state.session_cookie)
    if not secret:
        raise Unauthenticated
    return secret


def browser_secrets(request: Request) -> list[str]:
    """Return what a page of this browser may be bound to: its session, ended or not, and its visit before that."""
    found = (request.cookies.get(request.app.state.session_cookie, ""), read_cookie(request, VISIT))
    return [secret for secret in found if secret]


def bearer_secret(request: Request) -> str:
    """Return the token or session's secret from the authorization header; raise Unauthenticated where there is none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send a token: `Authorization: Bearer TOKEN`, one of yours or from POST /api/v1/sessions")
    return secret


def _opened(request: Request, secret: str, known: Known) -> AbstractAsyncContextManager[Tx]:
    state = request.app.state
    # A token is shown, never kept in a cookie: one that stands there is no session.
    finders = {Known.PENDING: state.find_entrant, Known.TOKEN: state.find_bearer}
    find_actor: FindActor = finders.get(known, state.find_actor)

    async def identify(tx: Tx) -> Actor:
        tx.is_quiet = QUIET in request.headers
        actor = await find_actor(tx, secret, not tx.is_quiet)
        decide(request.scope, known)
        request.state.actor = actor
        limiter_of(request).learn(secret, str(actor.account_id or secret), str(actor.tenant_id or ""))
        return actor

    return database_of(request).tx_for(identify, origin_of(request, secret))


def origin_of(request: Request, secret: str | None = None) -> Origin:
    """Return where a request came from, for the audit.

    The route is its template, so that no id stands in it. The address is the peer's; behind a proxy it is for the
    server to put the trusted proxy's word in its place. Tokens, browsers and secrets of no session are told apart by
    128 bits of a hash; a session that is found gives its own name.
    """
    route = request.scope.get("route")
    agent = request.headers.get("user-agent")
    return Origin(
        route=f"{request.method} {request.scope.get('root_path', '')}{getattr(route, 'path', '')}",
        request_id=new_id(),
        session=None if secret is None else hashlib.sha256(secret.encode()).hexdigest()[:32],
        ip=request.client.host if request.client else None,
        agent=None if agent is None else hashlib.sha256(agent.encode()).hexdigest()[:32],
        asked=frozenset(ids_in([request.path_params, dict(request.query_params)])),
    )


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
    # A passkey hashes no password: those who guess passwords must not keep its holder waiting.
    return nullcontext() if request.method in SAFE_METHODS or cost_of(request) == "passkey" else door.passed()


PublicTx = Annotated[Tx, Depends(open_public, scope="function")]
PublicSteps = Annotated[Steps, Depends(open_steps, scope="function")]
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
    """Return the network that asks, as the connection has it: no header is believed."""
    return network_at(request.client.host) if request.client else ""


def database_of(request: Request) -> Database:
    """Return the application's pool."""
    return request.app.state.database


def decide(scope: Scope, known: str) -> None:
    """Note on the request that something decided who may have the answer."""
    scope["caretide.access"][0] = known


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
