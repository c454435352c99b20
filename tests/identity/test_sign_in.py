"""Signing in: what opens a session, what is counted, and what a refusal tells."""

import asyncio

import httpx
import psycopg
import pytest

from caretide import main
from caretide.identity.pages import REFUSED
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import COOKIE, visitor
from tests.database import HandClock, Server
from tests.identity.accounts import PASSWORD, also_works_in, give_password, homeless

WRONG = "not the password at all"


@pytest.fixture
async def email(database: Database, cast: Cast) -> str:
    return await give_password(database, cast.administrator)


async def enter(client: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/sign-in", data={"email": email, "password": password, **more})


@pytest.mark.req("V-07")
async def test_right_password_opens_a_session(client: httpx.AsyncClient, email: str) -> None:
    answer = await enter(client, email.upper(), next="/clinics")
    assert (answer.status_code, answer.headers["location"]) == (303, "/clinics")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert (await client.get("/clinics")).status_code == 200


@pytest.mark.req("V-07", "W-01")
async def test_cookie_of_a_site_over_tls_is_bound_to_it(installation: Installation, email: str) -> None:
    settings = installation.settings.model_copy(update={"base_url": "https://care.example"})
    secure = Installation(settings, installation.urls, installation.stores, installation.database)
    async with visitor(main.create_app(secure), "https://care.example") as client:
        cookie = (await enter(client, email)).headers["set-cookie"]
    assert cookie.startswith("__Host-caretide_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.req("W-01")
async def test_every_sign_in_has_a_secret_of_its_own_that_is_not_stored(
    client: httpx.AsyncClient, email: str, server: Server
) -> None:
    client.cookies.set(COOKIE, "chosen by somebody else")
    secrets = [(await enter(client, email)).cookies[COOKIE] for _ in range(2)]
    assert len({*secrets, "chosen by somebody else"}) == 3
    with psycopg.connect(server.admin) as connection:
        stored = str(connection.execute("SELECT s::text FROM sessions s").fetchall())
    assert not any(secret in stored for secret in secrets)


@pytest.mark.parametrize(
    "next_",
    ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example", "x:y", ""],
)
async def test_sign_in_leads_nowhere_else(next_: str, client: httpx.AsyncClient, email: str) -> None:
    assert (await enter(client, email, next=next_)).headers["location"] == "/"
    assert 'name="next" value="/"' in (await client.get("/sign-in", params={"next": next_})).text


@pytest.mark.req("V-12")
async def test_unknown_address_answers_as_a_wrong_password_does(client: httpx.AsyncClient, email: str) -> None:
    known, unknown = await enter(client, email, WRONG), await enter(client, "nobody@example.com", WRONG)
    assert known.status_code == unknown.status_code == 401
    assert known.text.replace(email, "") == unknown.text.replace("nobody@example.com", "")
    assert REFUSED in known.text
    assert WRONG not in known.text
    assert COOKIE not in client.cookies


@pytest.mark.req("N-03")
async def test_ten_wrong_passwords_lock_the_account_for_fifteen_minutes(
    client: httpx.AsyncClient, email: str, clock: HandClock
) -> None:
    for _ in range(10):
        refused = await enter(client, email, WRONG)
    locked = await enter(client, email)
    assert locked.status_code == 401
    assert locked.text == refused.text
    clock.advance(minutes=14, seconds=59)
    assert (await enter(client, email)).status_code == 401
    clock.advance(seconds=2)
    assert (await enter(client, email)).status_code == 303


@pytest.mark.req("N-03")
async def test_failure_after_the_rest_locks_again_at_once(
    client: httpx.AsyncClient, email: str, clock: HandClock
) -> None:
    for _ in range(10):
        await enter(client, email, WRONG)
    clock.advance(minutes=16)
    await enter(client, email, WRONG)
    assert (await enter(client, email)).status_code == 401


async def test_success_clears_the_count(client: httpx.AsyncClient, email: str) -> None:
    for _ in range(2):
        for _ in range(9):
            await enter(client, email, WRONG)
        assert (await enter(client, email)).status_code == 303


@pytest.mark.req("N-03")
async def test_guesses_side_by_side_all_count(client: httpx.AsyncClient, email: str) -> None:
    await asyncio.gather(*(enter(client, email, WRONG) for _ in range(10)))
    assert (await enter(client, email)).status_code == 401


@pytest.mark.req("V-21")
async def test_every_try_is_on_record(client: httpx.AsyncClient, email: str, cast: Cast, server: Server) -> None:
    await enter(client, email, WRONG)
    await enter(client, email)
    with psycopg.connect(server.admin) as connection:
        query = "SELECT verb, outcome FROM account_events WHERE account_id = %s ORDER BY at"
        found = connection.execute(query, (cast.administrator.account_id,)).fetchall()
    assert found == [("identity.sign_in", "refused"), ("identity.sign_in", "done")]


async def test_account_of_several_tenants_chooses_one(
    client: httpx.AsyncClient, database: Database, cast: Cast, email: str
) -> None:
    other = await assemble(database)
    await also_works_in(database, cast.administrator, other.coordinator)
    assert (await enter(client, email, next="/clinics")).headers["location"] == "/tenants"
    undecided = await client.get("/clinics")
    assert (undecided.status_code, undecided.headers["location"]) == (303, "/tenants")
    page = (await client.get("/tenants")).text
    assert page.count("Lakeside Health") == 2
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    for place, status in ((other, 403), (cast, 200)):
        chosen = await client.post("/tenants", data={"tenant_id": str(place.tenant_id), "csrf_token": token})
        assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
        # A coordinator there, an administrator here: the role belongs to the place.
        assert (await client.get("/clinics")).status_code == status


async def test_account_of_no_tenant_is_told_so(client: httpx.AsyncClient, database: Database) -> None:
    _, email = await homeless(database)
    assert (await enter(client, email)).headers["location"] == "/tenants"
    assert "0 organizations" in (await client.get("/tenants")).text
