"""Ways by which one tenant's administrators, who hold its provider and its links, tried to come into another's."""

import httpx
import pytest

from caretide.identity.actions.providers import enter_vouched, save_tenant_provider
from caretide.identity.queries.providers import tenant_provider
from caretide.identity.rules.id_tokens import Vouched
from caretide.identity.schemas import ProviderForm
from caretide.kernel.errors import Conflict
from caretide.reports.resets import reset
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.identity.accounts import also_works_in, give_password, sent
from tests.identity.authenticator import Authenticator
from tests.identity.idp import CLIENT, Provider
from tests.tenants.sign_on.ways import enter, form, linked
from tests.tenants.test_recoveries import NEW, WHY, place, shown

pytestmark = pytest.mark.req("N-08", "W-11")


async def test_reset_account_is_not_bound_anew_by_one_tenants_sign_on(
    installation: Installation,
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
) -> None:
    """Between the reset and the link, nothing that is left opens the account: no tenant's sign-on either."""
    assert (await browser.post("/admin/sign-on", data=form(provider, amr="mfa"))).status_code == 303
    provider.amr = ["mfa"]
    other = await assemble(database)
    email = await give_password(database, cast.manager)
    await also_works_in(database, cast.manager, other.manager)
    await linked(database, cast.manager, provider)
    made = await reset(installation, email, "She came by with her passport")
    entered = await enter(client, cast.slug, provider)
    offered = await client.post("/welcome/passkey-offer")
    assert (entered.status_code, offered.status_code) == (401, 303)
    # Her own link and code still let her in.
    path = made.link.partition("localhost:8000")[2]
    assert (await sent(client, path, **NEW, code=made.code)).headers["location"] == "/sign-in/second"


async def test_link_of_a_recovery_is_void_once_its_account_works_elsewhere_too(
    database: Database, cast: Cast, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    """Who holds link and code of one tenant's recovery does not come into the tenant that its person joined since."""
    other = await assemble(database)
    await give_password(database, cast.billing)
    page = (await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)).text
    code, link = shown(page, "code"), shown(page, "link")
    await also_works_in(database, cast.billing, other.billing)
    offer = (await client.post(f"{link}/passkey-offer")).json()
    for path, fields in ((link, NEW), (f"{link}/passkey", {"answer": Authenticator().make(offer)})):
        refused = await sent(client, path, **fields, code=code)
        assert (refused.status_code, "works elsewhere too" in refused.text) == (422, True), path


async def test_sign_on_that_was_taken_away_meanwhile_opens_nothing(
    database: Database, cast: Cast, provider: Provider
) -> None:
    """A way in that ends while its browser is on the way back ends before the session begins."""
    assert cast.manager.account_id is not None
    found = Vouched(issuer=provider.issuer, subject="taken", auth_time=database.clock(), acr="", amr=())
    async with database.tx(cast.administrator) as tx:
        await save_tenant_provider(
            tx, ProviderForm(name="x", issuer=provider.issuer, client_id=CLIENT, client_password="")
        )
        known = await tenant_provider(tx, cast.tenant_id)
        assert known is not None
        with pytest.raises(Conflict, match="taken from your account"):
            await enter_vouched(tx, known, found, cast.manager.account_id, "Manager Person", "")
