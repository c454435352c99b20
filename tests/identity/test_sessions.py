"""How long a session lives, and what ends it."""

import httpx
import pytest
from sqlalchemy import update

from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from tests.cast import Cast
from tests.client import COOKIE, Visit
from tests.database import HandClock


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.administrator)


@pytest.mark.req("H-03", "N-06")
async def test_session_ends_after_fifteen_idle_minutes(browser: httpx.AsyncClient, clock: HandClock) -> None:
    clock.advance(minutes=14, seconds=59)
    assert (await browser.get("/clinics")).status_code == 200
    clock.advance(minutes=14, seconds=59)
    assert (await browser.get("/clinics")).status_code == 200
    clock.advance(minutes=15)
    ended = await browser.get("/clinics")
    assert (ended.status_code, ended.headers["location"]) == (303, "/sign-in/again?next=/clinics")


@pytest.mark.req("H-03", "N-06")
async def test_session_ends_after_twelve_hours_however_busy(browser: httpx.AsyncClient, clock: HandClock) -> None:
    for _ in range(12 * 6 - 1):
        clock.advance(minutes=10)
        assert (await browser.get("/clinics")).status_code == 200
    clock.advance(minutes=10)
    assert (await browser.get("/clinics")).status_code == 303


@pytest.mark.req("V-13", "W-06")
async def test_sign_out_ends_the_session_and_empties_the_browser(browser: httpx.AsyncClient) -> None:
    secret = browser.cookies[COOKIE]
    left = await browser.post("/sign-out")
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert left.headers["clear-site-data"] == '"cache", "storage"'
    assert "Max-Age=0" in next(line for line in left.headers.get_list("set-cookie") if line.startswith(COOKIE))
    assert "You are signed out." in (await browser.get("/sign-in")).text
    browser.cookies.clear()
    browser.cookies.set(COOKIE, secret)
    assert (await browser.get("/clinics")).status_code == 303


@pytest.mark.req("V-13")
async def test_sign_out_of_one_browser_leaves_the_other(cast: Cast, signed_in: Visit) -> None:
    one, other = await signed_in(cast.manager), await signed_in(cast.manager)
    await one.post("/sign-out")
    assert (await one.get("/tenants")).status_code == 303
    assert (await other.get("/tenants")).status_code == 200


@pytest.mark.req("V-13")
async def test_ended_token_opens_nothing(cast: Cast, api: Visit) -> None:
    program = await api(cast.manager)
    assert (await program.delete("/sessions/current")).status_code == 204
    answer = await program.get("/me")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.req("V-14", "H-11")
async def test_suspension_and_change_of_role_count_from_the_next_request(
    browser: httpx.AsyncClient, cast: Cast, database: Database
) -> None:
    for values, status in (({"role": "coordinator"}, 403), ({"status": "suspended"}, 303)):
        async with database.tx(cast.system) as tx:
            of_member = Member.id == cast.administrator.member_id
            await tx.db.execute(update(Member).where(of_member).values(**values))
        assert (await browser.get("/clinics")).status_code == status


@pytest.mark.parametrize("secret", ["", "x", "ü", "0" * 5000, "'; DROP TABLE sessions; --"])
async def test_made_up_secret_opens_nothing(secret: str, client: httpx.AsyncClient) -> None:
    answer = await client.get("/clinics", headers={"cookie": f"{COOKIE}={secret}".encode()})
    assert answer.status_code == 303
    token = await client.get("/api/v1/me", headers={"authorization": f"Bearer {secret}".encode()})
    assert token.status_code == 401


async def test_home_leads_to_the_roles_landing_page_or_to_sign_in(
    browser: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    assert (await browser.get("/")).headers["location"] == "/admin"
    assert (await client.get("/")).headers["location"] == "/sign-in?next=/"
