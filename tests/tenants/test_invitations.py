"""An invitation is a link that works once, for a week."""

import re

import httpx
import pytest

from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import HOME, Visit
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, code_at, come_in, give_password, sent

NEW = {"name": "Dana Reyes", "email": "dana@example.com", "role": "coordinator", "credential": "RN"}


@pytest.fixture
async def email(cast: Cast) -> str:
    """An address that nobody else has: accounts are shared by all tenants of the test's database."""
    return f"dana-{cast.tenant_id.hex}@example.com"


@pytest.fixture
async def link(cast: Cast, signed_in: Visit, email: str) -> str:
    browser = await signed_in(cast.administrator)
    sent = NEW | {"email": email, "clinic_id": str(cast.clinic_id)}
    answer = await browser.post("/members/invite", data=sent)
    assert answer.status_code == 200
    (found,) = re.findall(f'value="{HOME}(/invitations/[^"]+)"', answer.text)
    again = await browser.get(f"/clinics/{cast.clinic_id}")
    assert email in again.text
    assert "/invitations/" not in again.text
    return found


async def accept(client: httpx.AsyncClient, link: str, password: str = PASSWORD, again: str = "") -> httpx.Response:
    return await client.post(link, data={"password": password, "password_again": again or password})


@pytest.mark.req("H-07", "N-04")
async def test_invited_person_chooses_a_password_sets_up_an_app_and_is_in(
    client: httpx.AsyncClient, link: str, clock: HandClock
) -> None:
    page = (await client.get(link)).text
    assert "Welcome, Dana Reyes" in page
    assert "Lakeside Health" in page
    accepted = await accept(client, link)
    assert (accepted.status_code, accepted.headers["location"]) == (303, "/sign-in/second")
    assert (await client.get("/my-day")).headers["location"] == "/sign-in/second?next=/my-day"
    assert (await client.get("/sign-in/second")).headers["location"] == "/welcome/factor?next=/"
    assert "Set up your second step" in (await client.get("/welcome/factor")).text
    shown = (await sent(client, "/welcome/app")).text
    assert 'aria-label="QR code for the authenticator app"' in shown
    seed = shown.partition("data-select>")[2].partition("<")[0]
    assert "is not the code" in (await sent(client, "/welcome/totp", code="000000")).text
    bound = await sent(client, "/welcome/totp", code=code_at(clock.now, seed=seed))
    assert (bound.status_code, bound.headers["location"]) == (303, "/welcome/codes?next=/")
    codes = re.findall("<li><code>([^<]+)</code></li>", (await sent(client, "/welcome/codes")).text)
    assert len(set(codes)) == 10
    assert (await client.get("/my-day")).status_code == 200


async def test_invitation_works_once(client: httpx.AsyncClient, link: str) -> None:
    await accept(client, link)
    for answer in (await client.get(link), await accept(client, link)):
        assert answer.status_code == 404
        assert "This invitation was used or has expired; ask for a new one" in answer.text


async def test_invitation_ends_after_seven_days(client: httpx.AsyncClient, link: str, clock: HandClock) -> None:
    clock.advance(days=6, hours=23)
    assert (await client.get(link)).status_code == 200
    clock.advance(hours=1)
    assert (await accept(client, link)).status_code == 404


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: "x", lambda t: "0" * 32 + t[32:]])
async def test_changed_link_is_an_unknown_one(change: object, client: httpx.AsyncClient, link: str) -> None:
    assert callable(change)
    token = link.rpartition("/")[2]
    answer = await client.get(f"/invitations/{change(token)}")
    assert answer.status_code == 404
    assert "Dana" not in answer.text


async def test_another_tenants_name_before_the_secret_opens_nothing(
    client: httpx.AsyncClient, link: str, database: Database
) -> None:
    other = await assemble(database)
    token = link.rpartition("/")[2]
    assert (await client.get(f"/invitations/{other.tenant_id.hex}{token[32:]}")).status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "at least 15 characters"),
        (PASSWORD, PASSWORD + "x", "The two passwords differ"),
        ("", "", "Fill this in"),
        ("dana reyes dana reyes", "dana reyes dana reyes", "too easy to guess"),
    ],
)
async def test_refused_password_is_explained_and_the_link_still_works(
    password: str, again: str, told: str, client: httpx.AsyncClient, link: str
) -> None:
    refused = await client.post(link, data={"password": password, "password_again": again})
    assert refused.status_code == 422
    assert told in refused.text
    assert not password or f'"{password}"' not in refused.text
    assert (await accept(client, link)).status_code == 303


async def test_account_joins_another_tenant_with_its_own_password(
    client: httpx.AsyncClient, database: Database, cast: Cast, api: Visit, clock: HandClock
) -> None:
    other = await assemble(database)
    email = await give_password(database, other.coordinator)
    program = await api(cast.administrator)
    made = await program.post("/members", json={"email": email, "name": "Other Person", "role": "billing"})
    link = made.json()["link"].removeprefix(HOME)
    wrong = await accept(client, link, "another password altogether")
    assert wrong.status_code == 422
    assert "enter its password to join" in wrong.text
    assert (await accept(client, link)).status_code == 303
    assert (await come_in(client, email, clock.now)).headers["location"] == "/tenants"


@pytest.mark.req("N-03")
async def test_invitation_is_no_way_around_the_count_of_wrong_passwords(
    client: httpx.AsyncClient, database: Database, cast: Cast, api: Visit
) -> None:
    other = await assemble(database)
    email = await give_password(database, other.coordinator)
    program = await api(cast.administrator)
    made = await program.post("/members", json={"email": email, "name": "Other Person", "role": "billing"})
    link = made.json()["link"].removeprefix(HOME)
    for _ in range(5):
        await accept(client, link, "another password altogether")
    assert (await accept(client, link)).status_code == 422
    assert (await client.post("/sign-in", data={"email": email, "password": PASSWORD})).status_code == 429


async def test_program_accepts_an_invitation(client: httpx.AsyncClient, link: str, email: str) -> None:
    token = link.rpartition("/")[2]
    made = await client.post("/api/v1/invitations/accept", json={"token": token, "password": PASSWORD})
    assert made.status_code == 201
    # One factor opens no session of a program: its person sets the second one up on the pages.
    sent = {"email": email, "password": PASSWORD, "code": "000000"}
    assert (await client.post("/api/v1/sessions", json=sent)).status_code == 401


async def test_who_has_an_account_is_asked_for_its_password_once(
    client: httpx.AsyncClient, database: Database, cast: Cast, api: Visit, link: str
) -> None:
    other = await assemble(database)
    email = await give_password(database, other.coordinator)
    program = await api(cast.administrator)
    made = await program.post("/members", json={"email": email, "name": "Other Person", "role": "billing"})
    known = made.json()["link"].removeprefix(HOME)
    page = (await client.get(known)).text
    assert "Your password" in page
    assert "password_again" not in page
    assert "At least 15 characters" not in page
    assert "Choose a password" in (await client.get(link)).text
    assert (await client.post(known, data={"password": PASSWORD})).status_code == 303


async def test_inviting_again_gives_a_new_link_and_ends_the_lost_one(
    client: httpx.AsyncClient, cast: Cast, signed_in: Visit, link: str, email: str
) -> None:
    browser = await signed_in(cast.administrator)
    answer = await browser.post("/members/invite", data=NEW | {"email": email, "clinic_id": str(cast.clinic_id)})
    (renewed,) = re.findall(f'value="{HOME}(/invitations/[^"]+)"', answer.text)
    assert renewed != link
    assert (await client.get(link)).status_code == 404
    assert (await accept(client, renewed)).status_code == 303
