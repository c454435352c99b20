"""Signing in with password and code: what opens a session, and what a refusal tells."""

import asyncio
import secrets

import httpx
import psycopg
import pytest
from sqlalchemy import update

from caretide import main
from caretide.identity.pages.sign_in import REFUSED
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from tests.cast import Cast, assemble
from tests.client import COOKIE, browser
from tests.database import HandClock, Server
from tests.identity.accounts import (
    PASSWORD,
    also_works_in,
    code_at,
    come_in,
    enter,
    give_code,
    give_password,
    homeless,
    sent,
)

WRONG = "not the password at all"


@pytest.fixture
async def email(database: Database, cast: Cast) -> str:
    return await give_password(database, cast.administrator)


@pytest.mark.req("V-07", "H-07", "N-04")
async def test_password_and_code_open_a_session(client: httpx.AsyncClient, email: str, clock: HandClock) -> None:
    begun = await enter(client, email.upper(), next="/clinics")
    assert (begun.status_code, begun.headers["location"]) == (303, "/sign-in/second?next=/clinics")
    cookie = begun.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    asked = await client.get(begun.headers["location"])
    assert "One more step" in asked.text
    whole = await give_code(client, code_at(clock.now), next="/clinics")
    assert (whole.status_code, whole.headers["location"]) == (303, "/clinics")
    assert (await client.get("/clinics")).status_code == 200


@pytest.mark.req("H-07", "N-04")
async def test_one_factor_opens_nothing_but_the_second_step(client: httpx.AsyncClient, email: str) -> None:
    await enter(client, email)
    for path in ("/", "/clinics", "/me", "/admin", "/tenants", "/my-day", "/months"):
        refused = await client.get(path)
        assert (refused.status_code, refused.headers["location"]) == (303, f"/sign-in/second?next={path}")
    token = client.cookies[COOKIE]
    assert (await client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})).status_code == 401
    assert (await client.get("/welcome/codes")).headers["location"] == "/sign-in/second"
    # Who has a second factor binds no other one with the password alone.
    for path in ("/welcome/app", "/welcome/passkey-offer", "/welcome/codes"):
        assert (await sent(client, path)).headers["location"] == "/me/confirm"


@pytest.mark.req("H-07")
async def test_sign_in_that_stops_halfway_is_over_after_fifteen_minutes(
    client: httpx.AsyncClient, email: str, clock: HandClock
) -> None:
    await enter(client, email)
    clock.advance(minutes=15)
    late = await give_code(client, code_at(clock.now))
    assert (late.status_code, late.headers["location"]) == (303, "/sign-in")


@pytest.mark.req("V-07", "W-01")
async def test_cookie_of_a_site_over_tls_is_bound_to_it(installation: Installation, email: str) -> None:
    settings = installation.settings.model_copy(update={"base_url": "https://care.example"})
    secure = Installation(settings, installation.urls, installation.stores, installation.database)
    async with browser(main.create_app(secure), installation.database.clock, "https://care.example") as client:
        cookie = (await enter(client, email)).headers["set-cookie"]
    assert cookie.startswith("__Host-caretide_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.req("W-01", "V-13")
async def test_every_step_has_a_secret_of_its_own_that_is_not_stored(
    client: httpx.AsyncClient, email: str, server: Server, clock: HandClock
) -> None:
    client.cookies.set(COOKIE, "chosen by somebody else")
    first = (await enter(client, email)).cookies[COOKIE]
    client.cookies.clear()
    client.cookies.set(COOKIE, first)
    second = (await give_code(client, code_at(clock.now))).cookies[COOKIE]
    assert len({first, second, "chosen by somebody else"}) == 3
    client.cookies.clear()
    client.cookies.set(COOKIE, first)
    assert (await client.get("/clinics")).headers["location"] == "/sign-in?next=/clinics"
    with psycopg.connect(server.admin) as connection:
        stored = str(connection.execute("SELECT s::text FROM sessions s").fetchall())
    assert not any(secret in stored for secret in (first, second))


@pytest.mark.parametrize(
    "next_",
    ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example", "x:y", ""],
)
async def test_sign_in_leads_nowhere_else(next_: str, client: httpx.AsyncClient, email: str, clock: HandClock) -> None:
    assert (await enter(client, email, next=next_)).headers["location"] == "/sign-in/second?next=/"
    assert (await give_code(client, code_at(clock.now), next=next_)).headers["location"] == "/"
    assert 'name="next" value="/"' in (await client.get("/sign-in", params={"next": next_})).text


@pytest.mark.req("V-12")
async def test_unknown_address_answers_as_a_wrong_password_does(client: httpx.AsyncClient, email: str) -> None:
    nobody = f"nobody-{secrets.token_hex(8)}@example.com"
    for _ in range(7):
        known, unknown = await enter(client, email, WRONG), await enter(client, nobody, WRONG)
        assert known.status_code == unknown.status_code
        assert known.headers.get("retry-after") == unknown.headers.get("retry-after")
        assert known.text.replace(email, "") == unknown.text.replace(nobody, "")
    assert REFUSED in known.text
    assert WRONG not in known.text
    assert COOKIE not in client.cookies


@pytest.mark.req("V-21", "N-04")
async def test_every_try_is_on_record_with_its_factor(
    client: httpx.AsyncClient, email: str, cast: Cast, server: Server, clock: HandClock
) -> None:
    await enter(client, email, WRONG)
    await enter(client, email)
    await give_code(client, "000000")
    await give_code(client, code_at(clock.now))
    with psycopg.connect(server.admin) as connection:
        query = "SELECT verb, outcome, details ->> 'factor' FROM account_events WHERE account_id = %s ORDER BY at, id"
        found = connection.execute(query, (cast.administrator.account_id,)).fetchall()
    assert [row for row in found if row[0] in {"identity.sign_in", "identity.prove_code"}] == [
        ("identity.sign_in", "refused", None),
        ("identity.sign_in", "done", None),
        ("identity.prove_code", "refused", "otp"),
        ("identity.prove_code", "done", "otp"),
    ]


async def test_account_of_several_tenants_chooses_one(
    client: httpx.AsyncClient, database: Database, cast: Cast, email: str, clock: HandClock
) -> None:
    other = await assemble(database)
    await also_works_in(database, cast.administrator, other.coordinator)
    assert (await come_in(client, email, clock.now, next="/clinics")).headers["location"] == "/tenants"
    undecided = await client.get("/clinics")
    assert (undecided.status_code, undecided.headers["location"]) == (303, "/tenants")
    page = (await client.get("/tenants")).text
    assert page.count("Lakeside Health") == 2
    for place, status in ((other, 403), (cast, 200)):
        before = client.cookies[COOKIE]
        chosen = await sent(client, "/tenants", tenant_id=str(place.tenant_id))
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
        # A coordinator there, an administrator here: the role belongs to the place, and so does the session's secret.
        assert (await client.get("/clinics")).status_code == status
        assert client.cookies[COOKIE] != before


async def test_account_of_no_tenant_is_told_so(client: httpx.AsyncClient, database: Database, clock: HandClock) -> None:
    _, email = await homeless(database)
    assert (await come_in(client, email, clock.now)).headers["location"] == "/tenants"
    assert "0 organizations" in (await client.get("/tenants")).text


@pytest.mark.req("H-11")
async def test_suspended_person_is_told_in_plain_words_once_both_factors_were_right(
    client: httpx.AsyncClient, database: Database, cast: Cast, email: str, clock: HandClock
) -> None:
    async with database.tx(cast.system) as tx:
        of_member = Member.id == cast.administrator.member_id
        await tx.db.execute(update(Member).where(of_member).values(status="suspended"))
    assert "ended" not in (await enter(client, email, WRONG)).text
    await come_in(client, email, clock.now)
    page = await client.get("/clinics", follow_redirects=True)
    assert page.url.path == "/tenants"
    assert "Your access to Lakeside Health has ended" in page.text


@pytest.mark.req("R-35")
async def test_many_who_sign_in_at_once_leave_the_database_to_others(
    client: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    emails = [await give_password(database, one, app=False) for one in (cast.manager, cast.billing, cast.auditor)]
    flood = [asyncio.create_task(enter(client, emails[one % 3], PASSWORD)) for one in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        assert (await client.get("/readyz")).status_code == 200
    answers = await asyncio.gather(*flood)
    assert {answer.status_code for answer in answers} == {303}
