"""Nobody asks more than their share; who is over it is told when to come back."""

from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.types import ASGIApp

from caretide.kernel.errors import TooMany, Unavailable
from caretide.kernel.ids import new_id
from caretide.runtime.limits import Limit, Limiter, costs, forget_old_counts, limits, network_at
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit, browser
from tests.database import HandClock
from tests.web.routes import sub_applications

pytestmark = pytest.mark.req("W-10")


def limiter(database: Database, clock: HandClock, most: int = 40) -> Limiter:
    return Limiter(database, {"account": Limit(most)}, clock)


async def spent(one: Limiter, subject: str, times: int) -> int:
    """Spend so often; return how many passed."""
    passed = 0
    for _ in range(times):
        try:
            await one.spend("account", subject)
        except TooMany:
            continue
        passed += 1
    return passed


async def test_beyond_the_limit_is_refused_until_the_window_ends(database: Database, clock: HandClock) -> None:
    one, subject = limiter(database, clock), str(new_id())
    clock.advance(seconds=12)
    assert await spent(one, subject, 60) == 40
    with pytest.raises(TooMany) as refused:
        await one.spend("account", subject)
    assert refused.value.seconds == 48
    assert await spent(one, str(new_id()), 1) == 1
    clock.advance(seconds=48)
    assert await spent(one, subject, 60) == 40


async def test_restart_and_second_process_forget_nothing(database: Database, clock: HandClock) -> None:
    subject = str(new_id())
    one, other = limiter(database, clock), limiter(database, clock)
    assert await spent(one, subject, 10) + await spent(other, subject, 10) == 20
    # What the two had leased and not used counts as used.
    assert await spent(limiter(database, clock), subject, 60) <= 20


async def test_a_block_costs_one_statement(
    database: Database, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, taken = limiter(database, clock, 400), 0
    take = one._take

    async def counted(*given: object) -> int:
        nonlocal taken
        taken += 1
        return await take(*given)  # type: ignore[arg-type]  # hands on what it was given

    monkeypatch.setattr(one, "_take", counted)
    subject = str(new_id())
    assert await spent(one, subject, 1000) == 400
    # Twenty blocks, and one question that the answer to is no; while over the limit nothing is asked.
    assert taken == 21


async def test_old_counts_are_forgotten(database: Database, clock: HandClock) -> None:
    one, subject = limiter(database, clock), str(new_id())
    await spent(one, subject, 1)
    clock.advance(days=2)
    assert await forget_old_counts(database, clock.now) >= 1
    assert await forget_old_counts(database, clock.now) == 0


def strict(application: ASGIApp, database: Database, clock: HandClock) -> None:
    """Hold the application to the least that can be set."""
    one = Limiter(database, limits(60), clock)
    for app in sub_applications(application).values():
        app.state.limiter = one


async def test_account_over_its_share_is_told_when_to_come_back_and_stops_its_timer(
    application: ASGIApp, database: Database, clock: HandClock, cast: Cast, signed_in: Visit, api: Visit
) -> None:
    strict(application, database, clock)
    nurse = await signed_in(cast.coordinator)
    answers = [await nurse.get("/attempts-that-do-not-exist") for _ in range(2)]
    assert {one.status_code for one in answers} == {404}
    found = [(await nurse.get("/tenants")).status_code for _ in range(80)]
    assert set(found) == {200, 429}
    refused = await nurse.get("/tenants")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "Too many requests; try again in" in refused.text
    program = await api(cast.coordinator)
    for _ in range(130):
        refused = await program.get("/me")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    # A minute that nobody can stop would be a wrong minute.
    stopped = await program.post("/timer/stop", json={})
    assert stopped.status_code not in {429, 503}
    assert (await nurse.post(f"/patients/{new_id()}/timer/stop")).status_code != 429


@pytest.mark.parametrize(("kind", "path"), [("search", "/patients/find"), ("document", "")])
async def test_dear_requests_have_limits_of_their_own(
    kind: str, path: str, application: ASGIApp, database: Database, clock: HandClock, cast: Cast, signed_in: Visit
) -> None:
    strict(application, database, clock)
    nurse = await signed_in(cast.manager)
    path = path or f"/documents/{new_id()}"
    found = [(await nurse.request("POST" if path == "/patients/find" else "GET", path)).status_code for _ in range(25)]
    assert found.count(429) >= 25 - limits(60)[kind].most - 2
    assert (await nurse.get("/tenants")).status_code == 200


@pytest.mark.req("V-10")
async def test_stranger_is_counted_by_the_address_of_the_connection(
    application: ASGIApp, database: Database, clock: HandClock, stack: AsyncExitStack
) -> None:
    strict(application, database, clock)
    guesser = await stack.enter_async_context(
        browser(application, clock, network=f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}::1")
    )
    found = [
        (await guesser.get("/sign-in", headers={"x-forwarded-for": f"198.51.100.{n}"})).status_code for n in range(20)
    ]
    assert found.count(429) == 20 - limits(60)["stranger"].most
    other = await stack.enter_async_context(browser(application, clock))
    assert (await other.get("/sign-in")).status_code == 200


@pytest.mark.req("W-10", "N-03")
async def test_addresses_of_one_network_share_what_strangers_may_ask(
    application: ASGIApp, database: Database, clock: HandClock, stack: AsyncExitStack
) -> None:
    """Whoever rents a machine has 2^64 addresses: they are one stranger, and fill one row."""
    strict(application, database, clock)
    place = f"2001:db8:{new_id().hex[-4:]}:{new_id().hex[-4:]}"
    found: list[int] = []
    for host in range(20):
        guesser = await stack.enter_async_context(browser(application, clock, network=f"{place}::{host + 1:x}"))
        found.append((await guesser.get("/sign-in")).status_code)
    assert found.count(429) == 20 - limits(60)["entrance"].most


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_network_is_counted_however_its_address_is_written(address: str, counted: str) -> None:
    assert network_at(address) == counted


class Blind(Limiter):
    """Cannot reach the database."""

    async def spend(self, kind: str, subject: str) -> None:
        raise Unavailable


async def test_where_nothing_can_be_counted_sign_in_is_closed_and_work_goes_on(
    application: ASGIApp, database: Database, cast: Cast, signed_in: Visit, client: httpx.AsyncClient
) -> None:
    for app in sub_applications(application).values():
        app.state.limiter = Blind(database, {})
    assert (await client.post("/sign-in", data={"email": "x@example.com", "password": "x"})).status_code == 503
    assert (await (await signed_in(cast.coordinator)).get("/tenants")).status_code == 200


def test_unknown_kind_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="no such limit"):
        costs("nothing")
