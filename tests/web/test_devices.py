"""A flood from an address shuts out strangers there, and neither passkeys nor browsers that were here before."""

from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from starlette.types import ASGIApp

from caretide.kernel.ids import new_id
from caretide.runtime.devices import DEVICE, LASTS, device_cookie, device_of
from caretide.runtime.limits import Limiter, limits, network_at
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import COOKIE, Visit, browser
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, come_in, give_password
from tests.identity.authenticator import Authenticator, asked, bind, enter
from tests.web.test_rates import strict

pytestmark = pytest.mark.req("W-10", "N-03")

OTHER_WAYS = (("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/invitations/none"))


@pytest.fixture
def address() -> str:
    """A network address that several browsers share, as those of a clinic do."""
    return f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}::1"


@pytest.fixture
async def known(
    application: ASGIApp,
    database: Database,
    clock: HandClock,
    stack: AsyncExitStack,
    signed_in: Visit,
    cast: Cast,
    address: str,
) -> tuple[httpx.AsyncClient, Authenticator]:
    """A browser in which a passkey's holder has signed in, and out again, a minute ago."""
    strict(application, database, clock)
    passkey, made = await bind(await signed_in(cast.coordinator))
    assert made.status_code == 303
    tab = await stack.enter_async_context(browser(application, clock, network=address))
    assert (await enter(tab, passkey.sign(await asked(tab)))).status_code == 303
    assert (await tab.post("/sign-out")).status_code == 303
    clock.advance(minutes=1)
    return tab, passkey


async def flood(tab: httpx.AsyncClient, *ways: tuple[str, str]) -> None:
    """Ask until each way is refused: a stranger's share is 15 of the least that can be set."""
    for method, path in ways:
        data = {"email": "nobody@example.com", "password": "x"} if method == "POST" else None
        answers = [(await tab.request(method, path, data=data)).status_code for _ in range(17)]
        assert answers[-1] == 429


async def test_flood_of_pages_and_passwords_leaves_the_passkeys_share(
    application: ASGIApp, database: Database, clock: HandClock, stack: AsyncExitStack, signed_in: Visit, cast: Cast
) -> None:
    passkey, _ = await bind(await signed_in(cast.coordinator))
    strict(application, database, clock)
    stranger = await stack.enter_async_context(browser(application, clock))
    await flood(stranger, *OTHER_WAYS)
    assert (await enter(stranger, passkey.sign(await asked(stranger)))).status_code == 303
    # Each way has a share of its own, and no more.
    await flood(stranger, ("POST", "/sign-in/passkey-question"))


async def test_known_browser_signs_in_by_passkey_while_strangers_of_its_address_flood(
    application: ASGIApp,
    clock: HandClock,
    stack: AsyncExitStack,
    known: tuple[httpx.AsyncClient, Authenticator],
    address: str,
) -> None:
    stranger = await stack.enter_async_context(browser(application, clock, network=address))
    await flood(stranger, *OTHER_WAYS, ("POST", "/sign-in/passkey-question"))
    tab, passkey = known
    assert (await tab.get("/sign-in")).status_code == 200
    assert (await enter(tab, passkey.sign(await asked(tab)))).status_code == 303
    assert (await tab.get("/me")).status_code == 200


async def test_work_in_a_known_browser_goes_on_when_its_address_is_used_up(
    database: Database,
    clock: HandClock,
    known: tuple[httpx.AsyncClient, Authenticator],
    address: str,
) -> None:
    tab, passkey = known
    assert (await enter(tab, passkey.sign(await asked(tab)))).status_code == 303
    one = Limiter(database, limits(60), clock)
    for _ in range(limits(60)["address"].most):
        await one.spend("address", network_at(address))
    assert (await tab.get("/me")).status_code == 200
    del tab.cookies[DEVICE]
    assert (await tab.get("/me")).status_code == 429


async def test_forged_foreign_and_old_cookie_is_a_strangers(
    application: ASGIApp,
    database: Database,
    clock: HandClock,
    stack: AsyncExitStack,
    known: tuple[httpx.AsyncClient, Authenticator],
    address: str,
) -> None:
    tab, _ = known
    mine, keys = tab.cookies[DEVICE], database.stores.keyring
    version, made, device, seal = mine.split(".")
    assert device_of(keys, mine, clock.now) == device
    later, other = f"{int(made, 16) + 60:x}", "A" * 22
    forged = [
        f"{version}.{made}.{other}.{seal}",
        f"{version}.{later}.{device}.{seal}",
        f"{version}.{made}.{device}.{'0' * 64}",
        f"{int(version) + 1}.{made}.{device}.{seal}",
        *(f"{made}.{device}.{seal}", mine + "0", "", "x", device_cookie(keys, device, clock.now + timedelta(days=1))),
        device_cookie(keys, device, clock.now - LASTS - timedelta(seconds=1)),
    ]
    stranger = await stack.enter_async_context(browser(application, clock, network=address))
    await flood(stranger, *OTHER_WAYS)
    for cookie in forged:
        assert device_of(keys, cookie, clock.now) == ""
        stranger.cookies.set(DEVICE, cookie)
        assert (await stranger.get("/sign-in")).status_code == 429
        stranger.cookies.delete(DEVICE)
    stranger.cookies.set(DEVICE, mine)
    assert (await stranger.get("/sign-in")).status_code == 200


async def test_device_that_floods_uses_up_its_own_share(
    application: ASGIApp,
    clock: HandClock,
    stack: AsyncExitStack,
    known: tuple[httpx.AsyncClient, Authenticator],
    address: str,
) -> None:
    await flood(known[0], ("GET", "/sign-in"))
    # One share for all its ways, and none of the address's on top.
    assert (await known[0].post("/sign-in/passkey-question")).status_code == 429
    other = await stack.enter_async_context(browser(application, clock, network=address))
    assert (await other.get("/sign-in")).status_code == 200


async def test_the_cookie_names_nobody_opens_nothing_and_stays_through_signing_out(
    application: ASGIApp,
    clock: HandClock,
    stack: AsyncExitStack,
    cast: Cast,
    known: tuple[httpx.AsyncClient, Authenticator],
) -> None:
    cookie = known[0].cookies[DEVICE]
    assert not known[0].cookies.get(COOKIE)
    bare = await stack.enter_async_context(browser(application, clock))
    bare.cookies.set(DEVICE, cookie)
    for path in ("/me", "/my-day", "/tenants", "/welcome/factor"):
        assert (await bare.get(path)).headers["location"].startswith("/sign-in")
    assert cast.coordinator.account_id is not None
    assert str(cast.coordinator.account_id) not in cookie
    assert cast.coordinator.account_id.hex not in cookie


async def test_only_a_completed_sign_in_makes_a_browser_known(
    database: Database, clock: HandClock, client: httpx.AsyncClient, cast: Cast
) -> None:
    email = await give_password(database, cast.manager)
    half = await client.post("/sign-in", data={"email": email, "password": PASSWORD})
    assert (half.status_code, DEVICE in client.cookies) == (303, False)
    whole = await come_in(client, email, clock.now)
    (line,) = (one for one in whole.headers.get_list("set-cookie") if one.startswith(DEVICE))
    assert {"httponly", "samesite=lax", "path=/", "max-age=7776000"} <= set(line.lower().split("; "))
    device = device_of(database.stores.keyring, client.cookies[DEVICE], clock.now)
    assert len(device) == 22
    clock.advance(days=80)
    await come_in(client, email, clock.now)
    # The same device, for another 90 days.
    assert device_of(database.stores.keyring, client.cookies[DEVICE], clock.now + timedelta(days=89)) == device
