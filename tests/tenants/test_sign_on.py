"""Single sign-on: who gets in by a provider's word, where that word is good, and every token that is not believed."""

import html
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from sqlalchemy import func, insert, select

from caretide.identity.actions.providers import link, save_company_provider
from caretide.identity.models import Account, LinkedIdentity, ProviderFlow, Session
from caretide.identity.queries.providers import tenant_provider
from caretide.identity.schemas import ProviderForm
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database, Stores
from caretide.tenants import actions as tenants
from caretide.tenants.models import CompanyAccount
from tests.cast import Cast, assemble
from tests.client import COOKIE, Visit
from tests.database import HandClock, Server
from tests.identity.accounts import also_works_in, code_at, give_code, give_password
from tests.identity.idp import CLIENT, SECRET, Claims, Provider, encoded, serving, sign

WAY = "caretide_way"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, list[HandClock]]]:
    """One provider for all tests of this module: its keys take a while to make."""
    clocks: list[HandClock] = []
    with serving(tmp_path_factory.mktemp("provider"), lambda: clocks[-1].now) as running:
        yield running, clocks


@pytest.fixture
def provider(house: tuple[Provider, list[HandClock]], clock: HandClock) -> Provider:
    """The provider, honest again, with somebody signed in there whom nobody has seen yet."""
    running, clocks = house
    clocks.append(clock)
    running.subject, running.amr, running.acr, running.proved_ago = f"sub-{new_id()}", ["pwd"], "", 5
    running.mint, running.document, running.status, running.published = None, {}, 200, []
    running.codes.clear()
    running.asked.clear()
    return running


@pytest.fixture
async def database(server: Server, stores: Stores, clock: HandClock, provider: Provider) -> AsyncIterator[Database]:
    """The application's pool, from which that provider may be reached."""
    opened = Database(server.app, replace(stores, reach=provider.reach), clock, pool_size=4)
    yield opened
    await opened.close()


def form(provider: Provider, **changes: str) -> dict[str, str]:
    known = {"name": "Lakeside sign-on", "issuer": provider.issuer, "client_id": CLIENT, "client_password": SECRET}
    return known | changes


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit, provider: Provider) -> httpx.AsyncClient:
    """An administrator's browser, in a tenant whose provider is set up."""
    made = await signed_in(cast.administrator)
    saved = await made.post("/admin/sign-on", data=form(provider))
    assert saved.status_code == 303, saved.text
    return made


def href_of(page: httpx.Response) -> str:
    """Return where a page leads on to."""
    found = re.search(r'href="(https://127\.0\.0\.1[^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def back(client: httpx.AsyncClient, page: httpx.Response, provider: Provider, **changes: str) -> httpx.Response:
    """Sign in at the provider that a page leads to, and come back."""
    answer = provider.authorize(href_of(page)) | changes
    return await client.get("/sign-in/sso/return", params={k: v for k, v in answer.items() if v})


async def enter(client: httpx.AsyncClient, slug: str, provider: Provider, **changes: str) -> httpx.Response:
    """Sign in by an organization's sign-on."""
    return await back(client, await client.get("/sign-in/sso", params={"at": slug}), provider, **changes)


async def linked(database: Database, actor: Actor, provider: Provider) -> None:
    """Let the provider's person be an actor's account."""
    assert actor.account_id is not None
    async with database.tx(Actor.nobody()) as tx:
        await link(tx, actor.account_id, provider.issuer, provider.subject)


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


async def invited(database: Database, cast: Cast, email: str) -> str:
    async with database.tx(cast.administrator) as tx:
        return (
            await tenants.invite_member(tx, tenants.NewMember(email=email, name="Dana Reyes", role="manager"))
        ).token


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


async def company_of(database: Database, provider: Provider, *served: Cast) -> tuple[str, Any]:
    """Make a service company with a provider, serving tenants; return its slug and id."""
    slug = f"company-{new_id().hex}"
    async with database.tx(Actor.operator()) as tx:
        company_id = await tenants.create_company(tx, slug=slug, name="Tidewater Care Partners")
        sent = ProviderForm(
            name="Tidewater sign-on", issuer=provider.issuer, client_id=CLIENT, client_password=SECRET, amr="mfa"
        )
        await save_company_provider(tx, company_id, sent)
    for cast in served:
        async with database.tx(cast.system) as tx:
            await tenants.serve_tenant(tx, company_id)
    return slug, company_id


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


def edited(**changes: Any) -> Any:
    """Return what mints a token that is honest but for some claims; None leaves a claim out."""

    def mint(idp: Provider, claims: Claims) -> str:
        said = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign(idp.key, said)

    return mint


def later(**seconds: float) -> Any:
    """Return what mints a token some of whose times are off by so many seconds."""

    def mint(idp: Provider, claims: Claims) -> str:
        now = int(idp.now().timestamp())
        return sign(idp.key, claims | {name: now + off for name, off in seconds.items()})

    return mint


STRANGE = RSAKey.generate_key(2048, {"kid": "one"})


def by_public_key(idp: Provider, claims: Claims) -> str:
    """Sign with the provider's public key as if it were a secret that we share."""
    public = idp.key.as_pem(private=False)
    return sign(OctKey.import_key(public), claims, "HS256", kid="one")


def unsigned(idp: Provider, claims: Claims) -> str:
    del idp
    return f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded(claims)}."


def cut(idp: Provider, claims: Claims) -> str:
    return sign(idp.key, claims).rpartition(".")[0] + "."


def altered(idp: Provider, claims: Claims) -> str:
    head, _, seal = sign(idp.key, claims).split(".")
    return f"{head}.{encoded(claims | {'sub': 'somebody else'})}.{seal}"


def twice(idp: Provider, claims: Claims) -> str:
    text = json.dumps(claims)
    return sign(idp.key, (text[:-1] + ', "sub": "somebody else"}').encode())


BAD: dict[str, Any] = {
    "no signature": unsigned,
    "signature cut off": cut,
    "claims changed": altered,
    "signed by a stranger": lambda idp, claims: sign(STRANGE, claims),
    "signed with the public key": by_public_key,
    "unknown key": lambda idp, claims: sign(idp.key, claims, kid="two"),
    "key of another kind": lambda idp, claims: sign(idp.key, claims, kid="curve"),
    "algorithm not offered": lambda idp, claims: sign(idp.key, claims, "RS512"),
    "key brought along (jwk)": lambda idp, claims: sign(STRANGE, claims, jwk=STRANGE.as_dict(private=False)),
    "key elsewhere (jku)": lambda idp, claims: sign(STRANGE, claims, jku="https://evil.example/keys"),
    "certificate elsewhere (x5u)": lambda idp, claims: sign(STRANGE, claims, x5u="https://evil.example/cert"),
    "certificate brought along (x5c)": lambda idp, claims: sign(idp.key, claims, x5c=["MIIB"]),
    "critical extension": lambda idp, claims: sign(idp.key, claims, crit=["exp"], exp=1),
    "token of another kind": lambda idp, claims: sign(idp.key, claims, typ="at+jwt"),
    "logout token": lambda idp, claims: sign(idp.key, claims, typ="logout+jwt"),
    "another issuer": edited(iss="https://evil.example"),
    "issuer with a slash": lambda idp, claims: sign(idp.key, claims | {"iss": idp.issuer + "/"}),
    "no issuer": edited(iss=None),
    "another audience": edited(aud="somebody else"),
    "no audience": edited(aud=None),
    "audiences, issued to nobody": edited(aud=[CLIENT, "somebody else"]),
    "audiences, issued to another": edited(aud=[CLIENT, "somebody else"], azp="somebody else"),
    "issued to another": edited(azp="somebody else"),
    "another nonce": edited(nonce="of another way"),
    "no nonce": edited(nonce=None),
    "nonce of another type": edited(nonce=["x"]),
    "no subject": edited(sub=None),
    "empty subject": edited(sub=""),
    "subject too long": edited(sub="x" * 256),
    "subject of another type": edited(sub=7),
    "expired": later(exp=-61),
    "no expiry": edited(exp=None),
    "expiry as text": edited(exp="9999999999"),
    "issued long ago": later(iat=-601),
    "issued in the future": later(iat=61),
    "no time of issue": edited(iat=None),
    "not before later": later(nbf=61),
    "proved too long ago": later(auth_time=-12 * 3600 - 61),
    "no time of proof": edited(auth_time=None),
    "proved in the future": later(auth_time=61),
    "amr of another type": edited(amr="mfa"),
    "subject named twice": twice,
    "no object": lambda idp, claims: sign(idp.key, b"[]"),
    "no JSON": lambda idp, claims: sign(idp.key, b"\xff\xfe"),
    "five parts": lambda idp, claims: sign(idp.key, claims) + ".x.y",
    "too long": lambda idp, claims: sign(idp.key, claims | {"filler": "x" * 20_000}),
    "nothing": lambda idp, claims: "",
}


@pytest.mark.req("V-15", "W-11")
@pytest.mark.parametrize("mint", BAD.values(), ids=BAD)
async def test_bad_token_is_refused(
    mint: Any,
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    clock.advance(minutes=2)
    provider.mint = mint
    refused = await enter(client, cast.slug, provider)
    assert (refused.status_code, COOKIE in client.cookies) == (401, False)
    assert "did not say, in a way that can be relied on" in html.unescape(refused.text)
    async with database.tx(Actor.nobody()) as tx:
        opened = select(func.count()).where(Session.account_id == cast.manager.account_id)
        assert (await tx.db.execute(opened)).scalar_one() == 0


@pytest.mark.req("V-15")
@pytest.mark.filterwarnings("ignore:Key size")
async def test_short_key_and_two_keys_that_fit_are_refused(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    short = RSAKey.generate_key(1024, {"kid": "short", "use": "sig"})
    provider.published = [provider.key, short]
    clock.advance(minutes=2)
    provider.mint = lambda idp, claims: sign(short, claims)
    assert (await enter(client, cast.slug, provider)).status_code == 401
    provider.published = [provider.key, RSAKey.generate_key(2048, {"kid": "else"})]
    clock.advance(hours=7)
    provider.mint = lambda idp, claims: sign(idp.key, claims, kid=None)
    assert (await enter(client, cast.slug, provider)).status_code == 401


@pytest.mark.req("V-15")
async def test_honest_tokens_of_every_kind_are_taken(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    fresh = ECKey.generate_key("P-256", {"kid": "new"})
    mints: list[Any] = [
        None,
        edited(aud=[CLIENT]),
        edited(aud=[CLIENT, "other"], azp=CLIENT),
        later(exp=-59, iat=-300),
        lambda idp, claims: sign(idp.curve, claims, "ES256"),
        lambda idp, claims: sign(idp.key, claims, "PS256"),
        lambda idp, claims: sign(idp.key, claims, kid=None, typ=None),
        lambda idp, claims: sign(fresh, claims, "ES256"),
    ]
    for mint in mints:
        provider.mint = mint
        clock.advance(minutes=2)
        provider.published = [provider.key, provider.curve, fresh] if mint is mints[-1] else []
        assert (await enter(client, cast.slug, provider)).status_code == 303, mints.index(mint)
    # A key that nobody knew yet was fetched, once.
    assert provider.asked.count("/keys") == 2


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
    answer = provider.authorize(href_of(page))
    # Another browser's way: somebody is not signed in as somebody else.
    refused = await browser.get("/sign-in/sso/return", params=answer)
    assert (refused.status_code, "took too long" in refused.text) == (401, True)
    wrong = await client.get("/sign-in/sso/return", params=answer | {"state": "x" * 43})
    assert wrong.status_code == 401
    client.cookies.set(WAY, kept, domain="localhost.local")
    assert (await client.get("/sign-in/sso/return", params=answer)).status_code == 303
    client.cookies.set(WAY, kept, domain="localhost.local")
    assert (await client.get("/sign-in/sso/return", params=answer)).status_code == 401
    page = await client.get("/sign-in/sso", params={"at": cast.slug})
    clock.advance(minutes=10, seconds=1)
    assert (await back(client, page, provider)).status_code == 401
    assert (await client.get("/sign-in/sso/return")).status_code == 401


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


@pytest.mark.req("V-15")
async def test_provider_that_names_itself_has_to(
    cast: Cast, signed_in: Visit, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": True}
    await (await signed_in(cast.administrator)).post("/admin/sign-on", data=form(provider))
    await linked(database, cast.manager, provider)
    assert (await enter(client, cast.slug, provider)).status_code == 401
    assert (await enter(client, cast.slug, provider, iss=provider.issuer)).status_code == 303


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
    provider.mint = edited(nonce="of another way")
    await enter(client, cast.slug, provider)
    with psycopg.connect(server.admin) as connection:
        said = "SELECT details FROM account_events WHERE verb = 'tenants.come_back' ORDER BY at DESC, id DESC LIMIT 1"
        row = connection.execute(said).fetchone()
    assert row is not None
    details = row[0]
    assert (details["outcome"], details["why"], details["issuer"]) == ("refused", "nonce", provider.issuer)


async def test_unknown_names_are_told_alike(cast: Cast, client: httpx.AsyncClient) -> None:
    """A tenant without a sign-on, and one that does not exist."""
    told = [(await client.get("/sign-in/sso", params={"at": name})).text for name in (cast.slug, "nowhere")]
    assert told[0].replace(cast.slug, "") == told[1].replace("nowhere", "")
    assert (await client.get("/sign-in/sso")).status_code == 200
