"""No other site and no other session changes anything."""

import httpx
import pytest

from caretide.runtime.tx import Database
from caretide.runtime.web import csrf_token
from caretide.tenants import queries
from tests.cast import Cast
from tests.client import COOKIE, HOME, Visit

NEW = {"name": "Forged", "slug": "forged", "time_zone": "America/Denver", "tin_group": "T"}


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.administrator)


async def slugs(database: Database, cast: Cast) -> list[str]:
    async with database.tx(cast.system) as tx:
        return [row.slug for row in await queries.clinics(tx)]


@pytest.mark.req("V-09", "W-03")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": HOME},
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000.elsewhere.example"},
    ],
)
async def test_change_from_another_site_is_refused(
    headers: dict[str, str], browser: httpx.AsyncClient, client: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    refused = await browser.post("/clinics", data=NEW, headers=headers)
    assert refused.status_code == 403
    assert "Cross-site" in refused.text
    assert await slugs(database, cast) == ["lakeside"]
    assert (await client.post("/sign-in", data={}, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": HOME}]
)
async def test_change_from_here_is_made(
    headers: dict[str, str], browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    made = await browser.post("/clinics", data=NEW, headers=headers)
    assert (made.status_code, made.headers["location"]) == (303, "/clinics")
    assert await slugs(database, cast) == ["forged", "lakeside"]


@pytest.mark.req("W-03", "N-07")
@pytest.mark.parametrize("token", ["", "0" * 64, csrf_token("another session's secret"), "ü"])
async def test_form_without_its_sessions_token_is_refused_with_what_to_do(
    token: str, browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    del browser.headers["x-csrf-token"]
    refused = await browser.post("/clinics", data=NEW | {"csrf_token": token})
    assert refused.status_code == 403
    assert "This form is out of date; reload the page and try again" in refused.text
    assert 'href="/"' in refused.text
    assert await slugs(database, cast) == ["lakeside"]


async def test_token_in_the_form_is_as_good_as_in_the_header(
    browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    token = browser.headers.pop("x-csrf-token")
    assert (await browser.post("/clinics", data=NEW | {"csrf_token": token})).status_code == 303
    assert await slugs(database, cast) == ["forged", "lakeside"]


async def test_every_form_of_a_page_carries_the_token(browser: httpx.AsyncClient, cast: Cast) -> None:
    for path in ("/clinics", f"/clinics/{cast.clinic_id}", "/tenants"):
        page = (await browser.get(path)).text
        token = f'name="csrf_token" value="{browser.headers["x-csrf-token"]}"'
        assert page.count('method="post"') == page.count(token) > 0, path


@pytest.mark.req("W-03")
async def test_cookie_does_not_open_the_api_nor_a_token_the_pages(
    browser: httpx.AsyncClient, cast: Cast, api: Visit
) -> None:
    assert (await browser.get("/api/v1/me")).status_code == 401
    program = await api(cast.administrator)
    answer = await program.get(f"{HOME}/clinics")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/clinics")
    assert COOKIE not in program.cookies
