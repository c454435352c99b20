"""Delays, rests and the end of an authenticator: what guessing costs, and whom it cannot shut out."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update
from starlette.types import ASGIApp

from caretide.identity.models import Failures
from caretide.identity.rules import Kind, rest_after
from caretide.identity.tries import forget_old_tries, of_account, of_password
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import browser
from tests.database import HandClock
from tests.identity.accounts import code_at, come_in, enter, give_code, give_password

WRONG = "not the password at all"


@pytest.fixture
async def email(database: Database, cast: Cast) -> str:
    return await give_password(database, cast.administrator)


async def fail(client: httpx.AsyncClient, clock: HandClock, email: str, times: int) -> None:
    """Fail so many times, each as soon as it is judged."""
    for _ in range(times):
        answer = await enter(client, email, WRONG)
        assert answer.status_code in {401, 429}
        clock.advance(seconds=int(answer.headers.get("retry-after", 0)))


async def failures(database: Database, email: str) -> int:
    async with database.tx(Actor.nobody()) as tx:
        wanted = select(func.coalesce(func.max(Failures.failures), 0))
        return (await tx.db.execute(wanted.where(Failures.subject == of_password(email).subject))).scalar_one()


@pytest.mark.req("N-03", "W-10")
async def test_delay_grows_from_the_fifth_failure_and_the_tenth_rests_fifteen_minutes(
    client: httpx.AsyncClient, email: str, clock: HandClock
) -> None:
    told: list[str | None] = []
    for _ in range(10):
        answer = await enter(client, email, WRONG)
        told.append(answer.headers.get("retry-after"))
        clock.advance(seconds=int(told[-1] or 0))
    assert told == [None] * 4 + ["1", "2", "4", "8", "16", "900"]
    assert (await enter(client, email)).status_code == 303


@pytest.mark.req("N-03", "W-10")
async def test_resting_password_is_not_even_looked_at(
    client: httpx.AsyncClient, database: Database, email: str, clock: HandClock
) -> None:
    await fail(client, clock, email, 9)
    refused = await enter(client, email, WRONG)
    for _ in range(3):
        locked = await enter(client, email)
        assert (locked.status_code, locked.text) == (429, refused.text)
    assert await failures(database, email) == 10
    clock.advance(minutes=14, seconds=59)
    assert (await enter(client, email)).status_code == 429
    clock.advance(seconds=1)
    assert (await enter(client, email)).status_code == 303


@pytest.mark.req("N-03")
async def test_success_clears_the_count(
    client: httpx.AsyncClient, database: Database, email: str, clock: HandClock
) -> None:
    await fail(client, clock, email, 9)
    assert (await enter(client, email)).status_code == 303
    assert await failures(database, email) == 0


@pytest.mark.req("N-03")
async def test_guesses_side_by_side_are_judged_one_after_the_other(
    client: httpx.AsyncClient, database: Database, email: str
) -> None:
    answers = await asyncio.gather(*(enter(client, email, WRONG) for _ in range(12)))
    # The fifth failure makes the next wait: no more than five of them were ever compared.
    assert await failures(database, email) == 5
    assert sum(answer.status_code == 429 for answer in answers) == 8


@pytest.mark.req("N-03")
async def test_fiftieth_failure_ends_the_password_whatever_follows(
    client: httpx.AsyncClient, database: Database, email: str, clock: HandClock
) -> None:
    await fail(client, clock, email, 10)
    async with database.tx(Actor.nobody()) as tx:
        mine = update(Failures).where(Failures.subject == of_password(email).subject)
        await tx.db.execute(mine.values(failures=49, rest_until=None))
    await enter(client, email, WRONG)
    for days in (0, 1, 400):
        clock.advance(days=days)
        assert (await enter(client, email)).status_code in {401, 429}


@pytest.mark.req("N-03", "W-10")
async def test_guesses_from_many_networks_count_together_and_survive_a_restart(
    application: ASGIApp, database: Database, email: str, clock: HandClock
) -> None:
    for host in range(5):
        async with browser(application, clock, network=f"198.51.100.{host}") as other:
            await enter(other, email, WRONG)
    assert await failures(database, email) == 5


@pytest.mark.req("N-03", "W-10")
async def test_network_that_fails_at_many_addresses_rests_and_another_does_not(
    application: ASGIApp, email: str, clock: HandClock
) -> None:
    async with browser(application, clock, network="203.0.113.7") as guesser:
        for number in range(30):
            await enter(guesser, f"somebody-{number}@example.com", WRONG)
        assert (await enter(guesser, email)).status_code == 429
        async with browser(application, clock) as other:
            assert (await enter(other, email)).status_code == 303
        clock.advance(minutes=15)
        assert (await enter(guesser, email)).status_code == 303


@pytest.mark.req("N-03", "N-04")
async def test_code_works_once(application: ASGIApp, client: httpx.AsyncClient, email: str, clock: HandClock) -> None:
    assert (await come_in(client, email, clock.now)).status_code == 303
    async with browser(application, clock) as other:
        await enter(other, email)
        for steps, status in ((0, 401), (-1, 401), (1, 303)):
            assert (await give_code(other, code_at(clock.now, steps))).status_code == status


@pytest.mark.req("N-04")
async def test_code_counts_half_a_minute_around_its_own(
    client: httpx.AsyncClient, email: str, clock: HandClock
) -> None:
    await enter(client, email)
    for steps in (-2, 2):
        assert (await give_code(client, code_at(clock.now, steps))).status_code == 401
    assert (await give_code(client, code_at(clock.now, -1))).status_code == 303


@pytest.mark.req("N-03")
async def test_app_is_switched_off_after_fifty_wrong_codes_of_its_life(
    client: httpx.AsyncClient, database: Database, cast: Cast, email: str, clock: HandClock
) -> None:
    await enter(client, email)
    await give_code(client, "000000")
    assert (await give_code(client, code_at(clock.now))).status_code == 303
    async with database.tx(Actor.nobody()) as tx:
        assert cast.administrator.account_id is not None
        mine = Failures.subject == of_account(Kind.TOTP, cast.administrator.account_id).subject
        # Success did not clear it.
        assert (await tx.db.execute(select(Failures.failures).where(mine))).scalar_one() == 1
        await tx.db.execute(update(Failures).where(mine).values(failures=49))
    await enter(client, email)
    await give_code(client, "000000")
    clock.advance(hours=1)
    await enter(client, email)
    off = await give_code(client, code_at(clock.now))
    assert off.status_code == 401
    assert "switched off" in off.text


@pytest.mark.req("N-03")
def test_no_kind_of_secret_is_ever_tried_a_hundred_times(clock: HandClock) -> None:
    for kind in (Kind.PASSWORD, Kind.TOTP, Kind.RECOVERY):
        assert not rest_after(kind, 49, clock.now).disabled
        assert rest_after(kind, 50, clock.now).disabled


@pytest.mark.req("W-10", "N-03")
async def test_few_tries_are_forgotten_after_a_month_and_many_are_not(
    client: httpx.AsyncClient, database: Database, email: str, clock: HandClock
) -> None:
    """A stranger leaves a row at each address that they think of: it does not stay for ever."""
    stranger = f"stranger-{new_id().hex}@example.com"
    await fail(client, clock, stranger, 4)
    await fail(client, clock, email, 5)
    await forget_old_tries(database, clock.now + timedelta(days=29))
    assert [await failures(database, one) for one in (stranger, email)] == [4, 5]
    await forget_old_tries(database, clock.now + timedelta(days=31))
    assert [await failures(database, one) for one in (stranger, email)] == [0, 5]
