"""Single sign-on: who gets in by a provider's word, and where that word is good."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from caretide.identity.models import Account, LinkedIdentity
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.cast import Cast, assemble
from tests.database import HandClock
from tests.identity.accounts import also_works_in, code_at, give_code, give_password
from tests.identity.idp import Provider, sign
from tests.tenants.sign_on.ways import back, company_of, enter, form, invited, linked


@pytest.mark.req("W-11", "V-15")
async def test_signed_in_person_links_and_enters_by_it_with_a_second_factor_of_ours(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    clock: HandClock,
    provider: Provider,
    client: httpx.AsyncClient,
) -> None:
    await give_password(database, cast.administrator)
    offered = (await browser.get("/me/sign-on")).text
    assert "Link Lakeside sign-on" in offered
    done = await back(browser, await browser.post("/me/sign-on", data={"whose": "tenant"}), provider)
    assert (done.status_code, done.headers["location"]) == (303, "/me/sign-on")
    assert provider.issuer in (await browser.get("/me/sign-on")).text
    entered = await enter(client, cast.slug, provider)
    assert (entered.status_code, entered.headers["location"]) == (303, "/sign-in/second?next=/")
    assert (await client.get("/admin")).headers["location"].startswith("/sign-in/second")
    whole = await give_code(client, code_at(clock.now))
    assert whole.status_code == 303
    assert (await client.get("/admin")).status_code == 200


@pytest.mark.req("W-11")
@pytest.mark.parametrize(
    ("agreed", "said", "second"),
    [
        ({"amr": "mfa"}, {"amr": ["pwd", "mfa"]}, False),
        ({"amr": "mfa hwk"}, {"amr": ["hwk"]}, False),
        ({"acr": "urn:two"}, {"acr": "urn:two"}, False),
        ({}, {"amr": ["mfa"], "acr": "urn:two"}, True),
        ({"amr": "mfa", "acr": "urn:two"}, {"amr": ["pwd"], "acr": "urn:one"}, True),
    ],
)
async def test_two_factors_there_are_believed_as_agreed_and_not_otherwise(
    agreed: dict[str, str],
    said: dict[str, Any],
    second: bool,
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
) -> None:
    assert (await browser.post("/admin/sign-on", data=form(provider, **agreed))).status_code == 303
    await give_password(database, cast.manager)
    await linked(database, cast.manager, provider)
    provider.amr, provider.acr = said.get("amr", []), said.get("acr", "")
    await enter(client, cast.slug, provider)
    found = await client.get("/team")
    assert (found.status_code == 303) is second


@pytest.mark.req("W-11", "V-15")
async def test_nobody_gets_in_by_an_address(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    address = await give_password(database, cast.manager)
    provider.mint = lambda idp, claims: sign(idp.key, claims | {"email": address, "email_verified": True})
    refused = await enter(client, cast.slug, provider)
    assert (refused.status_code, "Nobody here is linked to this sign-on" in refused.text) == (401, True)
    async with database.tx(Actor.nobody()) as tx:
        known = select(func.count()).where(LinkedIdentity.subject == provider.subject)
        assert (await tx.db.execute(known)).scalar_one() == 0


@pytest.mark.req("W-11")
async def test_invitation_is_accepted_by_the_organizations_sign_on(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    assert (await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))).status_code == 303
    provider.amr = ["mfa"]
    email = f"dana-{new_id().hex}@example.com"
    token = await invited(database, cast, email)
    assert "Accept with Lakeside sign-on" in (await client.get(f"/invitations/{token}")).text
    done = await back(client, await client.post(f"/invitations/{token}/sso", data={"whose": "tenant"}), provider)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert (await client.get("/team")).status_code == 200
    async with database.tx(Actor.nobody()) as tx:
        account = (await tx.db.execute(select(Account.__table__).where(Account.email == email))).one()
    assert account.password_hash is None
    # Used up, and theirs for good.
    assert (await client.get(f"/invitations/{token}")).status_code == 404
    again = await enter(client, cast.slug, provider)
    assert again.status_code == 303


@pytest.mark.req("W-11")
async def test_invitation_to_an_address_with_an_account_takes_that_accounts_proof(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    other = await assemble(database)
    address = await give_password(database, other.manager)
    token = await invited(database, cast, address)
    refused = await back(client, await client.post(f"/invitations/{token}/sso", data={"whose": "tenant"}), provider)
    assert (refused.status_code, "has an account already" in refused.text) == (401, True)
    assert (await client.get(f"/invitations/{token}")).status_code == 200


@pytest.mark.req("W-11")
async def test_tenants_providers_word_is_good_in_that_tenant_alone(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    """Whoever runs one tenant's provider does not come into another by it, nor by what they could enroll there."""
    assert (await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))).status_code == 303
    other = await assemble(database)
    await give_password(database, cast.manager)
    await also_works_in(database, cast.manager, other.manager)
    await linked(database, cast.manager, provider)
    provider.amr = ["mfa"]
    assert (await enter(client, cast.slug, provider)).status_code == 303
    assert (await client.get("/team")).status_code == 200
    places = (await client.get("/tenants")).text
    assert str(other.tenant_id) not in re.sub(r"(?s)<header.*?</header>", "", places)
    refused = await client.post("/tenants", data={"tenant_id": str(other.tenant_id)})
    assert refused.status_code == 409
    new = "several unrelated words again"
    for path, sent in (
        ("/welcome/app", {}),
        ("/welcome/passkey-offer", {}),
        ("/me/tokens", {"name": "x", "days": "30", "scopes": "patient:read"}),
        ("/me/password", {"password": new, "password_again": new}),
    ):
        asked = await client.post(path, data=sent)
        assert (asked.status_code, asked.headers.get("location")) == (303, "/me/confirm"), path


@pytest.mark.req("W-11")
async def test_suspended_unlinked_and_ended_people_do_not_get_in(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    other = await assemble(database)
    await linked(database, other.manager, provider)
    assert (await enter(client, cast.slug, provider)).status_code == 401
    provider.subject = f"sub-{new_id()}"
    await linked(database, cast.manager, provider)
    assert (await enter(client, cast.slug, provider)).status_code == 303
    assert cast.manager.member_id is not None
    async with database.tx(cast.administrator) as tx:
        await tenants.suspend_member(tx, cast.manager.member_id)
    assert (await enter(client, cast.slug, provider)).status_code == 401


@pytest.mark.req("W-11")
async def test_person_unlinks_what_is_not_their_only_way(
    browser: httpx.AsyncClient, cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    assert (await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))).status_code == 303
    provider.amr = ["mfa"]
    token = await invited(database, cast, f"dana-{new_id().hex}@example.com")
    await back(client, await client.post(f"/invitations/{token}/sso", data={"whose": "tenant"}), provider)
    refused = await client.post("/me/sign-on/remove", data={"issuer": provider.issuer})
    assert (refused.status_code, "Add a passkey or a password first" in refused.text) == (422, True)
    provider.subject = f"sub-{new_id()}"
    await linked(database, cast.administrator, provider)
    removed = [await browser.post("/me/sign-on/remove", data={"issuer": provider.issuer}) for _ in range(2)]
    assert [one.status_code for one in removed] == [303, 404]


@pytest.mark.req("W-11")
async def test_companys_sign_on_opens_all_that_it_serves_and_nothing_else(
    database: Database, cast: Cast, provider: Provider, client: httpx.AsyncClient
) -> None:
    second, third = await assemble(database), await assemble(database)
    slug, company_id = await company_of(database, provider, cast, second)
    for there in (second, third):
        await also_works_in(database, cast.manager, there.manager)
    await linked(database, cast.manager, provider)
    provider.amr = ["mfa"]
    assert (await enter(client, slug, provider)).status_code == 401
    async with database.tx(Actor.operator()) as tx:
        email = (await tx.db.execute(select(Account.email).where(Account.id == cast.manager.account_id))).scalar_one()
        await tenants.join_company(tx, company_id, email)
    entered = await enter(client, slug, provider)
    assert (entered.status_code, entered.headers["location"]) == (303, "/tenants")
    for there in (cast, second, cast):
        moved = await client.post("/tenants", data={"tenant_id": str(there.tenant_id)})
        assert (moved.status_code, moved.headers["location"]) == (303, "/")
        assert (await client.get("/team")).status_code == 200
    assert (await client.post("/tenants", data={"tenant_id": str(third.tenant_id)})).status_code == 409
    # The tenant says who serves it: from the next request on.
    _, another = await company_of(database, provider)
    async with database.tx(cast.system) as tx:
        await tenants.serve_tenant(tx, another)
    lost = await client.get("/team")
    assert (lost.status_code, lost.headers["location"]) == (303, "/tenants")
    assert (await client.post("/tenants", data={"tenant_id": str(second.tenant_id)})).status_code == 303
