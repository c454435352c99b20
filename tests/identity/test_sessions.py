"""How long a session lives, and what ends it."""

import re
from datetime import UTC, datetime
from email import message_from_bytes

import httpx
import pytest
from sqlalchemy import update
from starlette.types import ASGIApp

from caretide.kernel.errors import Conflict
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from tests.cast import Cast, assemble
from tests.client import COOKIE, HOME, Visit
from tests.client import browser as new_browser
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, also_works_in, code_at, come_in, enter, give_code, give_password, sent


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


@pytest.mark.req("H-03", "N-06", "V-13")
async def test_password_brings_back_after_a_pause_under_a_new_secret(
    browser: httpx.AsyncClient, cast: Cast, database: Database, clock: HandClock
) -> None:
    await give_password(database, cast.administrator)
    del browser.headers["x-csrf-token"]
    clock.advance(minutes=20)
    before = browser.cookies[COOKIE]
    assert "Welcome back" in (await browser.get("/sign-in/again?next=/clinics")).text
    wrong = await sent(browser, "/sign-in/again", password="not the password at all", next="/clinics")
    assert (wrong.status_code, browser.cookies[COOKIE]) == (401, before)
    back = await sent(browser, "/sign-in/again", password=PASSWORD, next="/clinics")
    assert (back.status_code, back.headers["location"]) == (303, "/clinics")
    assert (await browser.get("/clinics")).status_code == 200
    stolen = await browser.get("/clinics", headers={"cookie": f"{COOKIE}={before}"})
    assert stolen.headers["location"] == "/sign-in?next=/clinics"
    # What brings back after a pause is one factor: it changes no way to sign in.
    assert (await sent(browser, "/welcome/app")).headers["location"] == "/me/confirm"


@pytest.mark.req("H-03")
async def test_page_that_only_asks_is_no_sign_of_life(browser: httpx.AsyncClient, clock: HandClock) -> None:
    for _ in range(2):
        clock.advance(minutes=7)
        assert (await browser.get("/clinics", headers={"x-caretide-quiet": "1"})).status_code == 200
    clock.advance(minutes=1)
    assert (await browser.get("/clinics")).headers["location"] == "/sign-in/again?next=/clinics"


@pytest.mark.req("H-03")
async def test_staying_is_a_sign_of_life(browser: httpx.AsyncClient, clock: HandClock) -> None:
    for _ in range(3):
        clock.advance(minutes=14)
        assert (await browser.post("/me/stay")).status_code == 204
    assert (await browser.get("/clinics")).status_code == 200


@pytest.mark.req("H-03")
async def test_expired_fragment_gets_no_body_and_the_way_back(browser: httpx.AsyncClient, clock: HandClock) -> None:
    clock.advance(minutes=16)
    answer = await browser.get("/clinics", headers={"hx-request": "true"})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["hx-redirect"] == "/sign-in/again?next=/clinics"


@pytest.mark.req("V-13", "H-01")
async def test_own_sessions_are_listed_and_ended_one_or_all(cast: Cast, signed_in: Visit) -> None:
    one, two, three = [await signed_in(cast.manager) for _ in range(3)]
    page = (await one.get("/me")).text
    assert page.count("/me/sessions/") == 3
    assert page.count("This one") == 1
    first = re.findall(r"/me/sessions/([0-9a-f-]{36})/end", page)[0]
    assert (await one.post(f"/me/sessions/{first}/end")).status_code == 303
    alive = [(await other.get("/me")).status_code for other in (two, three)]
    assert sorted(alive) == [200, 303]
    await one.post("/me/sessions/end-others")
    assert [(await each.get("/me")).status_code for each in (one, two, three)] == [200, 303, 303]


@pytest.mark.req("V-13")
async def test_nobody_ends_of_another_session(cast: Cast, signed_in: Visit) -> None:
    mine, other = await signed_in(cast.manager), await signed_in(cast.billing)
    spare = await signed_in(cast.billing)
    (theirs,) = re.findall(r"/me/sessions/([0-9a-f-]{36})/end", (await other.get("/me")).text)
    assert (await mine.post(f"/me/sessions/{theirs}/end")).status_code == 404
    assert (await spare.get("/me")).status_code == 200


@pytest.mark.req("W-01")
async def test_sixth_session_ends_the_one_that_was_quiet_longest(
    client: httpx.AsyncClient, cast: Cast, database: Database, signed_in: Visit, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    browsers: list[httpx.AsyncClient] = []
    for _ in range(5):
        browsers.append(await signed_in(cast.manager))
        clock.advance(seconds=30)
    await come_in(client, email, clock.now)
    assert [(await each.get("/me")).status_code for each in browsers] == [303, 200, 200, 200, 200]


@pytest.mark.req("W-01", "V-13", "V-14")
async def test_change_of_role_by_an_administrator_asks_for_a_sign_of_who_it_is(
    browser: httpx.AsyncClient, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    theirs = await signed_in(cast.billing)
    program = await api(cast.administrator)
    changed = await program.patch(f"/members/{cast.billing.member_id}", json={"role": "auditor"})
    assert changed.status_code == 200
    assert (await theirs.get("/me")).headers["location"] == "/sign-in/again?next=/me"


@pytest.mark.req("V-13", "H-11")
async def test_administrator_ends_a_members_sessions_from_the_next_request_on(
    cast: Cast, api: Visit, signed_in: Visit
) -> None:
    theirs = await signed_in(cast.billing)
    program = await api(cast.administrator)
    assert (await program.post(f"/members/{cast.billing.member_id}/sign-out")).status_code == 204
    assert (await theirs.get("/me")).headers["location"] == "/sign-in?next=/me"
    refused = await (await api(cast.manager)).post(f"/members/{cast.billing.member_id}/sign-out")
    assert refused.status_code == 403


@pytest.mark.req("V-13", "H-11")
async def test_session_that_was_elsewhere_meanwhile_comes_back_only_with_proof(
    database: Database, cast: Cast, api: Visit, signed_in: Visit, clock: HandClock
) -> None:
    elsewhere = await assemble(database)
    await also_works_in(database, cast.billing, elsewhere.billing)
    await give_password(database, cast.billing)
    stolen, here, there = await signed_in(cast.billing), str(cast.tenant_id), str(elsewhere.tenant_id)
    del stolen.headers["x-csrf-token"]
    assert (await stolen.post("/tenants", data={"tenant_id": there})).headers["location"] == "/"
    clock.advance(minutes=1)
    program = await api(cast.administrator)
    assert (await program.post(f"/members/{cast.billing.member_id}/sign-out")).status_code == 204
    barred = await stolen.post("/tenants", data={"tenant_id": here})
    assert (barred.status_code, barred.headers["location"].partition("?")[0]) == (303, "/me/confirm")
    assert (await stolen.get("/me")).status_code == 200
    wrong = await sent(stolen, "/me/confirm", password="not the owner's words at all", code="000000", next="/tenants")
    assert wrong.status_code == 422
    assert (await stolen.post("/tenants", data={"tenant_id": here})).headers["location"].startswith("/me/confirm")
    clock.advance(minutes=1)
    proved = await sent(stolen, "/me/confirm", password=PASSWORD, code=code_at(clock.now), next="/tenants")
    assert proved.headers["location"] == "/tenants"
    assert (await stolen.post("/tenants", data={"tenant_id": here})).headers["location"] == "/"


async def test_no_tenant_bars_anybody_from_another_nor_takes_a_bar_away(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    bar = "UPDATE memberships SET proved_after = %s WHERE account_id = %s"
    for who, when, told in (
        (other.administrator, datetime(2026, 1, 1, tzinfo=UTC), "out of itself"),
        (cast.administrator, None, "stays so"),
    ):
        with pytest.raises(Conflict, match=told):
            async with database.tx(who) as tx:
                await tx.db.exec_driver_sql(bar, (when, cast.billing.account_id))


@pytest.mark.req("N-08", "N-03")
async def test_new_way_in_takes_everything_away_and_hands_over_a_link(
    client: httpx.AsyncClient, cast: Cast, database: Database, api: Visit, signed_in: Visit, clock: HandClock
) -> None:
    email = await give_password(database, cast.billing)
    theirs = await signed_in(cast.billing)
    program = await api(cast.administrator)
    why = {"reason": "He came to my desk with his badge"}
    mine = await program.post(f"/members/{cast.administrator.member_id}/new-way-in", json=why)
    assert mine.status_code == 403
    made = await program.post(f"/members/{cast.billing.member_id}/new-way-in", json=why)
    assert made.status_code == 201
    assert (await theirs.get("/me")).headers["location"] == "/sign-in?next=/me"
    assert (await enter(client, email)).status_code == 401
    link = made.json()["link"].removeprefix(HOME)
    assert "Choose a password" in (await client.get(link)).text
    words = {"password": "another cheerful set of words", "password_again": "another cheerful set of words"}
    assert (await client.post(link, data=words)).status_code == 422
    accepted = await client.post(link, data=words | {"code": made.json()["code"]})
    assert accepted.headers["location"] == "/sign-in/second"
    assert (await client.get("/sign-in/second")).headers["location"] == "/welcome/factor?next=/"


@pytest.mark.req("N-08")
async def test_owner_is_told_by_letter_when_a_way_to_sign_in_changes(
    cast: Cast, database: Database, signed_in: Visit
) -> None:
    await give_password(database, cast.manager)
    browser = await signed_in(cast.manager)
    words = {"password": "another cheerful set of words", "password_again": "another cheerful set of words"}
    assert (await browser.post("/me/password", data=words | {"current": PASSWORD})).status_code == 303
    post = database.stores.post
    assert isinstance(post, FolderPost)
    letters = [message_from_bytes(file.read_bytes()) for file in post.folder.glob("*.eml")]
    found = [one for one in letters if one["To"] == f"manager-{cast.tenant_id.hex}@example.com"]
    assert [one["Subject"] for one in found] == ["Your password was changed"]


@pytest.mark.req("N-01", "V-13")
async def test_change_of_password_needs_a_recent_sign_in(
    cast: Cast, database: Database, signed_in: Visit, clock: HandClock
) -> None:
    await give_password(database, cast.manager)
    browser = await signed_in(cast.manager)
    clock.advance(minutes=11)
    words = {"password": "another cheerful set of words", "password_again": "another cheerful set of words"}
    words["current"] = PASSWORD
    assert (await browser.post("/me/password", data=words)).headers["location"] == "/me/confirm"
    for password, code, status in (
        ("wrong", code_at(clock.now), 422),
        (PASSWORD, "000000", 422),
        (PASSWORD, code_at(clock.now), 303),
    ):
        browser.headers.pop("x-csrf-token", "")
        answer = await sent(browser, "/me/confirm", password=password, code=code, next="/me")
        assert answer.status_code == status
    assert (await browser.post("/me/password", data=words)).headers["location"] == "/me"
    near = {"password": "Lakeside Health 2026", "password_again": "Lakeside Health 2026", "current": words["password"]}
    assert "too easy to guess" in (await browser.post("/me/password", data=near)).text


@pytest.mark.req("N-04")
async def test_recovery_code_works_once_beside_the_password(
    client: httpx.AsyncClient, application: ASGIApp, cast: Cast, database: Database, signed_in: Visit
) -> None:
    email = await give_password(database, cast.manager)
    browser = await signed_in(cast.manager)
    codes = re.findall("<li><code>([^<]+)</code></li>", (await browser.post("/welcome/codes")).text)
    assert len(codes) == 10
    await enter(client, email)
    used = await give_code(client, codes[0].upper())
    assert (used.status_code, used.headers["location"]) == (303, "/me")
    assert "9 of 10 left" in (await client.get("/me")).text
    async with new_browser(application, database.clock) as other:
        await enter(other, email)
        assert (await give_code(other, codes[0])).status_code == 401
        assert (await give_code(other, codes[1].replace("-", " "))).status_code == 303
