"""A way to a provider and back: for one browser, once, for a while."""

import re

import httpx
import psycopg
import pytest
from sqlalchemy import select

from caretide.identity.models import ProviderFlow
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock, Server
from tests.identity.idp import Provider, sign
from tests.tenants.sign_on.ways import WAY, back, enter, form, href_of, linked, return_of


@pytest.mark.req("V-15")
async def test_way_is_good_once_for_one_browser_and_for_ten_minutes(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    page = await client.get("/sign-in/sso", params={"at": cast.slug})
    kept = client.cookies[WAY]
    answer, returns = provider.authorize(href_of(page)), return_of(page)
    # Another browser's way: somebody is not signed in as somebody else.
    refused = await browser.get(returns, params=answer)
    assert (refused.status_code, "took too long" in refused.text) == (401, True)
    wrong = await client.get(returns, params=answer | {"state": "x" * 43})
    assert wrong.status_code == 401
    client.cookies.set(WAY, kept, domain="localhost.local")
    assert (await client.get(returns, params=answer)).status_code == 303
    client.cookies.set(WAY, kept, domain="localhost.local")
    assert (await client.get(returns, params=answer)).status_code == 401
    page = await client.get("/sign-in/sso", params={"at": cast.slug})
    clock.advance(minutes=10, seconds=1)
    assert (await back(client, page, provider)).status_code == 401
    assert (await client.get(returns)).status_code == 401


@pytest.mark.req("V-15")
async def test_nothing_that_is_stored_tells_a_way(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    asked = dict(re.findall(r"(\w+)=([\w-]+)", href_of(await client.get("/sign-in/sso", params={"at": cast.slug}))))
    async with database.tx(Actor.nobody()) as tx:
        rows = str((await tx.db.execute(select(ProviderFlow.__table__))).all())
    assert asked["state"] not in rows
    assert asked["nonce"] not in rows
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


@pytest.mark.req("V-15")
@pytest.mark.parametrize(
    "changes", [{"error": "access_denied"}, {"code": ""}, {"code": "made up"}, {"iss": "https://evil.example"}]
)
async def test_answer_of_another_or_of_none_is_refused(
    changes: dict[str, str],
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
) -> None:
    await linked(database, cast.manager, provider)
    assert (await enter(client, cast.slug, provider, **changes)).status_code == 401


@pytest.mark.req("W-11", "N-06")
async def test_after_a_pause_the_provider_has_to_ask_anew(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))
    provider.amr = ["mfa"]
    await linked(database, cast.manager, provider)
    await enter(client, cast.slug, provider)
    clock.advance(minutes=16)
    away = await client.get("/team")
    assert away.headers["location"] == "/sign-in/again?next=/team"
    assert "/sign-in/again/sso" in (await client.get("/sign-in/again")).text
    page = await client.get("/sign-in/again/sso", params={"next": "/team"})
    assert "prompt=login" in href_of(page)
    provider.proved_ago = 600
    assert (await back(client, page, provider)).status_code == 401
    provider.proved_ago = 0
    page = await client.get("/sign-in/again/sso", params={"next": "/team"})
    done = await back(client, page, provider)
    assert (done.status_code, done.headers["location"]) == (303, "/team")
    assert (await client.get("/team")).status_code == 200


@pytest.mark.req("W-11")
async def test_link_goes_to_whoever_began_it_and_to_nobody_elses_account(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, signed_in: Visit
) -> None:
    await linked(database, cast.manager, provider)
    taken = await back(browser, await browser.post("/me/sign-on", data={"whose": "tenant"}), provider)
    assert (taken.status_code, "belongs to another account" in taken.text) == (401, True)
    provider.subject = f"sub-{new_id()}"
    page = await browser.post("/me/sign-on", data={"whose": "tenant"})
    other = await signed_in(cast.billing)
    other.cookies.set(WAY, browser.cookies[WAY], domain="localhost.local")
    assert (await back(other, page, provider)).status_code == 401
    forged = await browser.post("/me/sign-on", data={"whose": "tenant"}, headers={"x-csrf-token": "made up"})
    assert forged.status_code == 403


async def test_refusals_are_on_record_with_their_reason(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    server: Server,
) -> None:
    provider.mint = lambda idp, claims: sign(idp.key, claims | {"nonce": "of another way"})
    await enter(client, cast.slug, provider)
    with psycopg.connect(server.admin) as connection:
        said = "SELECT outcome, details FROM account_events WHERE verb = 'tenants.come_back' ORDER BY id DESC LIMIT 1"
        row = connection.execute(said).fetchone()
    assert row is not None
    assert (row[0], row[1]["why"], row[1]["issuer"]) == ("refused", "nonce", provider.issuer)


@pytest.mark.req("V-15", "W-11")
@pytest.mark.usefixtures("browser")
async def test_answer_that_comes_back_at_another_providers_address_is_given_to_nobody(
    cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient, server: Server
) -> None:
    """A provider that leads its visitors on to another tenant's is not handed the code that this one answers with."""
    other = await assemble(database)
    await linked(database, cast.manager, provider)
    page = await client.get("/sign-in/sso", params={"at": cast.slug})
    answer = provider.authorize(href_of(page))
    provider.asked.clear()
    mixed = return_of(page).replace(cast.tenant_id.hex, other.tenant_id.hex)
    assert mixed != return_of(page)
    refused = await client.get(mixed, params=answer)
    assert (refused.status_code, "took too long" in refused.text) == (401, True)
    assert provider.asked == []
    # The way is used up.
    assert (await client.get(return_of(page), params=answer)).status_code == 401
