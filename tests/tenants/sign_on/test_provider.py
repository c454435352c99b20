"""Setting a provider up: what its document has to say, and where it may be."""

import html
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import insert

from caretide.identity.queries.providers import tenant_provider
from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database
from caretide.tenants.models import CompanyAccount
from tests.cast import Cast
from tests.client import Visit
from tests.database import Server
from tests.identity.idp import SECRET, Provider
from tests.tenants.sign_on.ways import company_of, enter, form, linked


@pytest.mark.req("W-11")
async def test_switching_it_off_ends_what_stood_on_it(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))
    provider.amr = ["mfa"]
    await linked(database, cast.manager, provider)
    await enter(client, cast.slug, provider)
    assert (await client.get("/team")).status_code == 200
    assert (await browser.post("/admin/sign-on/off")).status_code == 303
    assert (await client.get("/team")).status_code == 303
    assert (await browser.get("/team")).status_code == 200
    assert (await client.get("/sign-in/sso", params={"at": cast.slug})).status_code == 422
    assert "Off" in (await browser.get("/admin/sign-on")).text


async def test_director_sets_up_the_companys_provider_and_nobody_else_does(
    database: Database, cast: Cast, provider: Provider, signed_in: Visit
) -> None:
    _, company_id = await company_of(database, provider, cast)
    browser = await signed_in(cast.manager)
    assert (await browser.get("/company/sign-on")).status_code == 403
    assert (await browser.post("/company/sign-on", data=form(provider))).status_code == 403
    async with database.tx(Actor.nobody()) as tx:
        row = {"company_id": company_id, "account_id": cast.manager.account_id, "is_director": True}
        await tx.db.execute(insert(CompanyAccount).values(**row, joined_at=tx.now))
    assert "Tidewater sign-on" in (await browser.get("/company/sign-on")).text
    assert (await browser.post("/company/sign-on", data=form(provider, name="Tidewater"))).status_code == 303
    assert (await browser.post("/company/sign-on/off")).status_code == 303


@pytest.mark.req("W-11")
async def test_clients_secret_is_sealed_and_never_shown(
    browser: httpx.AsyncClient, cast: Cast, database: Database, server: Server, provider: Provider
) -> None:
    page = (await browser.get("/admin/sign-on")).text
    assert ("Kept sealed" in page, SECRET in html.unescape(page)) == (True, False)
    with psycopg.connect(server.admin) as connection:
        rows = connection.execute("SELECT encode(sealed_secret, 'escape') FROM tenant_providers").fetchall()
    assert SECRET not in str(rows)
    assert (await browser.post("/admin/sign-on", data=form(provider, client_password=""))).status_code == 303
    async with database.tx(cast.system) as tx:
        known = await tenant_provider(tx, cast.tenant_id)
    assert known is not None
    assert known.secret == SECRET
    # Another client is another one's affair.
    assert (
        await browser.post("/admin/sign-on", data=form(provider, client_id="x", client_password=""))
    ).status_code == 303
    async with database.tx(cast.system) as tx:
        known = await tenant_provider(tx, cast.tenant_id)
    assert known is not None
    assert known.secret is None


DOCUMENTS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://elsewhere.example"},
    "a slash more": {"issuer": None},
    "no token endpoint": {"token_endpoint": None},
    "plain http": {"token_endpoint": "http://127.0.0.1/token"},
    "a script's address": {"authorization_endpoint": "javascript:alert(1)"},
    "no PKCE": {"code_challenge_methods_supported": ["plain"]},
    "no code": {"response_types_supported": ["id_token"]},
    "shared secrets only": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    "keys elsewhere": {"jwks_uri": "https://169.254.169.254/keys"},
    "keys nowhere": {"jwks_uri": "https://127.0.0.1:1/keys"},
}


@pytest.mark.req("V-15", "V-03")
@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_discovery_document_that_is_wrong_is_refused(
    document: dict[str, Any], cast: Cast, signed_in: Visit, provider: Provider
) -> None:
    provider.document = document
    browser = await signed_in(cast.administrator)
    refused = await browser.post("/admin/sign-on", data=form(provider))
    assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True)
    assert SECRET not in html.unescape(refused.text)


@pytest.mark.req("V-03")
@pytest.mark.parametrize(
    "issuer",
    ["http://127.0.0.1", "https://localhost", "https://10.0.0.1", "https://[::1]", "https://a:b@127.0.0.1", "x"],
)
async def test_issuer_inside_our_network_is_not_reached_unless_the_operator_says_so(
    issuer: str, cast: Cast, signed_in: Visit, provider: Provider
) -> None:
    browser = await signed_in(cast.administrator)
    refused = await browser.post("/admin/sign-on", data=form(provider, issuer=issuer))
    assert (refused.status_code, provider.asked) == (422, [])


@pytest.mark.req("V-15")
async def test_provider_that_names_itself_has_to(
    cast: Cast, signed_in: Visit, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": True}
    await (await signed_in(cast.administrator)).post("/admin/sign-on", data=form(provider))
    await linked(database, cast.manager, provider)
    assert (await enter(client, cast.slug, provider)).status_code == 401
    assert (await enter(client, cast.slug, provider, iss=provider.issuer)).status_code == 303


async def test_unknown_names_are_told_alike(cast: Cast, client: httpx.AsyncClient) -> None:
    """A tenant without a sign-on, and one that does not exist."""
    told = [(await client.get("/sign-in/sso", params={"at": name})).text for name in (cast.slug, "nowhere")]
    assert told[0].replace(cast.slug, "") == told[1].replace("nowhere", "")
    assert (await client.get("/sign-in/sso")).status_code == 200
