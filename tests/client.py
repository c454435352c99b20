"""The application that production builds, reached as a browser and as a program reach it."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import insert
from starlette.types import ASGIApp

from caretide import main
from caretide.identity.models import Session
from caretide.identity.queries import session_hash
from caretide.identity.rules import Factor
from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock
from caretide.runtime.cookies import VISIT
from caretide.runtime.forgery import csrf_token
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database

HOME = "http://localhost:8000"
COOKIE = "caretide_session"

Visit = Callable[[Actor], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def application(installation: Installation) -> ASGIApp:
    """The whole application with nothing switched off."""
    return main.create_app(installation)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


def visitor(application: ASGIApp, base_url: str = HOME, network: str = "") -> httpx.AsyncClient:
    """Return a client of an application, by default at a network address of its own: failures there are counted."""
    address = network or f"2001:db8:{secrets.randbits(16):x}:{secrets.randbits(16):x}::1"
    return httpx.AsyncClient(transport=httpx.ASGITransport(application, client=(address, 443)), base_url=base_url)


def browser(application: ASGIApp, clock: Clock, base_url: str = HOME, network: str = "") -> httpx.AsyncClient:
    """Return a browser that has not signed in; every request carries the token that a form made just now would have."""
    prefix = "__Host-" if base_url.startswith("https://") else ""
    made = visitor(application, base_url, network)

    async def fill_in(request: httpx.Request) -> None:
        secret = made.cookies.get(prefix + COOKIE) or "a visit"
        request.headers.setdefault("x-csrf-token", csrf_token(secret, clock()))

    made.cookies.set(prefix + VISIT, "a visit")
    made.headers["sec-fetch-site"] = "same-origin"
    made.event_hooks = {"request": [fill_in]}
    return made


@pytest.fixture
async def client(application: ASGIApp, database: Database, stack: AsyncExitStack) -> httpx.AsyncClient:
    """A browser that has not signed in."""
    return await stack.enter_async_context(browser(application, database.clock))


async def open_session(database: Database, actor: Actor) -> str:
    """Sign an actor in without a password; return the session's secret."""
    secret = secrets.token_urlsafe(32)
    async with database.tx(Actor.nobody()) as tx:
        row = {"account_id": actor.account_id, "tenant_id": actor.tenant_id, "member_id": actor.member_id}
        times = {"created_at": tx.now, "last_seen_at": tx.now, "auth_time": tx.now, "amr": [Factor.PASSKEY]}
        await tx.db.execute(insert(Session).values(id_hash=session_hash(secret), **row, **times))
    return secret


@pytest.fixture
def signed_in(application: ASGIApp, database: Database, stack: AsyncExitStack) -> Visit:
    """Return a browser with an actor's session; its token goes along as htmx would send it."""

    async def visit(actor: Actor) -> httpx.AsyncClient:
        secret = await open_session(database, actor)
        tab = await stack.enter_async_context(browser(application, database.clock))
        # The domain that a cookie jar gives to a host without a dot: what the site sets takes this one's place.
        tab.cookies.set(COOKIE, secret, domain="localhost.local")
        tab.headers.update({"sec-fetch-site": "same-origin", "x-csrf-token": csrf_token(secret, database.clock())})
        return tab

    return visit


@pytest.fixture
def api(application: ASGIApp, database: Database, stack: AsyncExitStack) -> Visit:
    """Return a program that carries an actor's token; its addresses begin below /api/v1."""

    async def visit(actor: Actor) -> httpx.AsyncClient:
        program = await stack.enter_async_context(visitor(application, f"{HOME}/api/v1"))
        program.headers["authorization"] = f"Bearer {await open_session(database, actor)}"
        return program

    return visit
