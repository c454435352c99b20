"""No other site and no other session changes anything."""

from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from starlette.types import ASGIApp

from caretide.runtime.cookies import VISIT
from caretide.runtime.forgery import TOKEN_SECONDS, csrf_token, is_token
from caretide.runtime.gate import Site, came_from_here
from caretide.runtime.tx import Database
from caretide.tenants import queries
from tests.cast import Cast
from tests.client import COOKIE, HOME, Visit, open_session, visitor
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, give_password

NEW = {"name": "Forged", "slug": "forged", "time_zone": "America/Denver", "tin_group": "T"}

SITES: dict[str, dict[str, str]] = {
    "cross-site": {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.example"},
    "same-site": {"sec-fetch-site": "same-site", "origin": "https://blog.localhost:8000"},
    "none": {"sec-fetch-site": "none"},
    "missing": {},
}
TOKENS = ("no token", "another session's", "expired", "the right one")


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.administrator)


async def slugs(database: Database, cast: Cast) -> list[str]:
    async with database.tx(cast.system) as tx:
        return [row.slug for row in await queries.clinics(tx)]


@pytest.mark.req("V-09", "W-03")
@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("place", ["header", "field"])
async def test_forged_change_is_refused(
    site: str, token: str, place: str, cast: Cast, application: ASGIApp, database: Database, stack: AsyncExitStack
) -> None:
    """Cross-site, same-site, none or unsaid, with no token, another session's or an old one: none of them passes."""
    secret, other = await open_session(database, cast.administrator), await open_session(database, cast.administrator)
    now = database.clock()
    sent = {
        "another session's": csrf_token(other, now),
        "expired": csrf_token(secret, now - timedelta(seconds=TOKEN_SECONDS + 2)),
        "the right one": csrf_token(secret, now),
    }.get(token)
    victim = await stack.enter_async_context(visitor(application))
    victim.cookies.set(COOKIE, secret)
    headers = SITES[site] | ({"x-csrf-token": sent} if sent and place == "header" else {})
    data = NEW | ({"csrf_token": sent} if sent and place == "field" else {})
    answer = await victim.post("/clinics", data=data, headers=headers)
    # A browser says "none" of what its own person does, such as sending a form again.
    is_real = (site, token) == ("none", "the right one")
    assert answer.status_code == (303 if is_real else 403)
    assert await slugs(database, cast) == (["forged", "lakeside"] if is_real else ["lakeside"])


@pytest.mark.req("V-09", "W-03")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "origin": HOME},
        {"sec-fetch-site": "same-origin", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "", "origin": "https://elsewhere.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": "http://localhost:8000.elsewhere.example"},
        {"sec-fetch-site": "", "origin": "https://localhost:8000"},
    ],
)
async def test_change_from_another_site_is_refused(
    headers: dict[str, str], browser: httpx.AsyncClient, client: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    for one in (browser, client):
        if not headers["sec-fetch-site"]:
            del one.headers["sec-fetch-site"]
    sent = {name: value for name, value in headers.items() if value}
    refused = await browser.post("/clinics", data=NEW, headers=sent)
    assert refused.status_code == 403
    assert "Cross-site" in refused.text
    assert await slugs(database, cast) == ["lakeside"]
    assert (await client.post("/sign-in", data={}, headers=sent)).status_code == 403


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": HOME}])
async def test_change_from_here_is_made(
    headers: dict[str, str], browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    del browser.headers["sec-fetch-site"]
    made = await browser.post("/clinics", data=NEW, headers=headers)
    assert (made.status_code, made.headers["location"]) == (303, "/clinics")
    assert await slugs(database, cast) == ["forged", "lakeside"]


@pytest.mark.req("W-03", "N-07")
@pytest.mark.parametrize("token", ["", "0" * 64, ".", "x.y", "68e28390.", "ü", "-1." + "0" * 64])
async def test_form_without_its_sessions_token_is_refused_with_what_to_do(
    token: str, browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    refused = await browser.post("/clinics", data=NEW | {"csrf_token": token}, headers={"x-csrf-token": ""})
    assert refused.status_code == 403
    assert "This form is out of date; reload the page and try again" in refused.text
    assert 'href="/"' in refused.text
    assert await slugs(database, cast) == ["lakeside"]


async def test_token_in_the_form_is_as_good_as_in_the_header(
    browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    form = NEW | {"csrf_token": browser.headers["x-csrf-token"]}
    assert (await browser.post("/clinics", data=form, headers={"x-csrf-token": ""})).status_code == 303
    assert await slugs(database, cast) == ["forged", "lakeside"]


@pytest.mark.req("W-03")
async def test_every_form_of_a_page_and_what_is_swapped_carry_the_token(browser: httpx.AsyncClient, cast: Cast) -> None:
    for path in ("/clinics", f"/clinics/{cast.clinic_id}", "/tenants"):
        page = (await browser.get(path)).text
        token = browser.headers["x-csrf-token"]
        assert page.count('method="post"') == page.count(f'name="csrf_token" value="{token}"') > 0, path
        main = page.partition('<main class="page')[2].partition(">")[0]
        assert f"""hx-headers='{{"x-csrf-token": "{token}"}}'""" in main, path


@pytest.mark.req("W-03")
async def test_cookie_does_not_open_the_api_nor_a_token_the_pages(
    browser: httpx.AsyncClient, cast: Cast, api: Visit
) -> None:
    assert (await browser.get("/api/v1/me")).status_code == 401
    program = await api(cast.administrator)
    answer = await program.get(f"{HOME}/clinics")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/clinics")
    assert COOKIE not in program.cookies


@pytest.mark.req("W-03")
async def test_program_needs_no_token_of_a_page_and_its_cookies_are_not_read(
    cast: Cast, api: Visit, database: Database
) -> None:
    program = await api(cast.administrator)
    # Whatever cookie goes along: the bearer's token decides.
    program.cookies.set(COOKIE, await open_session(database, cast.coordinator))
    made = await program.post("/clinics", json=NEW)
    assert made.status_code == 201
    assert await slugs(database, cast) == ["forged", "lakeside"]


async def sign_in_form(browser: httpx.AsyncClient) -> str:
    page = (await browser.get("/sign-in")).text
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


@pytest.mark.req("W-03")
async def test_nobody_is_signed_in_by_another_site(
    application: ASGIApp, database: Database, cast: Cast, stack: AsyncExitStack
) -> None:
    """The sign-in form has a token of the browser's visit: another browser's, or none, opens no session."""
    email = await give_password(database, cast.administrator)
    mine = await stack.enter_async_context(visitor(application))
    theirs = await stack.enter_async_context(visitor(application))
    mine.headers["sec-fetch-site"] = theirs.headers["sec-fetch-site"] = "same-origin"
    token, foreign = await sign_in_form(mine), await sign_in_form(theirs)
    assert mine.cookies[VISIT] != theirs.cookies[VISIT]
    entry = {"email": email, "password": PASSWORD}
    for sent in ({}, {"csrf_token": ""}, {"csrf_token": foreign}):
        assert (await mine.post("/sign-in", data=entry | sent)).status_code == 403
        assert COOKIE not in mine.cookies
    assert (await mine.post("/sign-in", data=entry | {"csrf_token": token})).status_code == 303
    assert COOKIE in mine.cookies


async def test_visit_is_named_once(client: httpx.AsyncClient) -> None:
    client.cookies.delete(VISIT)
    first = await client.get("/sign-in")
    assert "httponly" in first.headers["set-cookie"].lower()
    assert "set-cookie" not in (await client.get("/sign-in")).headers


def test_token_of_a_form_tells_nothing_of_the_session(clock: HandClock) -> None:
    assert csrf_token("secret", clock.now) != csrf_token("other", clock.now)
    assert "secret" not in csrf_token("secret", clock.now)


def test_token_serves_as_long_as_a_session_and_not_before_its_time(clock: HandClock) -> None:
    token = csrf_token("secret", clock.now)
    assert is_token(token, "secret", clock.now)
    assert is_token(token, "secret", clock.now + timedelta(seconds=TOKEN_SECONDS - 1))
    assert not is_token(token, "secret", clock.now + timedelta(seconds=TOKEN_SECONDS + 1))
    assert not is_token(token, "secret", clock.now - timedelta(minutes=1))


@pytest.mark.req("V-09")
def test_over_tls_only_the_exact_origin_is_ours() -> None:
    site, host = Site("https://care.example", in_development=False), "care.example"
    assert came_from_here({b"origin": b"https://care.example"}, host, site)
    for origin in (b"http://care.example", b"https://care.example:8443", b"https://x.care.example", b"null"):
        assert not came_from_here({b"origin": origin}, host, site)
