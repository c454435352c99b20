"""Passkeys only: for administrators, for everybody, with each request, and with nobody locked out."""

import httpx
import pytest
from sqlalchemy import insert, select, update
from starlette.types import ASGIApp

from caretide.identity import actions as identity
from caretide.identity.models import Passkey, Session
from caretide.identity.queries import session_hash
from caretide.identity.rules import Factor
from caretide.identity.rules.policy import asks_for_passkey, is_by_passkey
from caretide.identity.schemas import TokenForm
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Role
from caretide.runtime.tx import Database
from caretide.tenants import actions
from caretide.tenants.rules.settings import TenantSettings
from tests.cast import Cast, assemble
from tests.client import COOKIE, Visit, browser, open_session, visitor
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, also_works_in, code_at, come_in, give_password, sent
from tests.identity.authenticator import Authenticator, Hold, asked, bind, enter
from tests.tenants.test_settings import SETTINGS, change

pytestmark = pytest.mark.req("N-04")

ASKED_AT = "/sign-in/with-passkey"


@pytest.fixture
async def passkeys_only(database: Database, cast: Cast, hold: Hold) -> Authenticator:
    """Ask everybody for a passkey; the administrator has one."""
    device = await hold(cast.administrator)
    await change(database, cast, sign_in_policy="everybody")
    return device


def is_asked(answer: httpx.Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].partition("?")[0] == ASKED_AT


def test_a_policy_asks_whom_it_names() -> None:
    asked_for = {(policy, role) for policy in (None, "any", "administrators", "everybody") for role in Role}
    found = {one for one in asked_for if asks_for_passkey(*one)}
    everybody = {("everybody", role) for role in Role}
    assert found == {("administrators", Role.ADMINISTRATOR), *everybody}
    assert [is_by_passkey({one}) for one in Factor] == [False, False, False, True, False, True]


async def test_a_session_by_password_is_asked_for_a_passkey_and_makes_its_first(
    database: Database, cast: Cast, client: httpx.AsyncClient, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    assert (await come_in(client, email, clock.now)).status_code == 303
    assert (await client.get("/team")).status_code == 200
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    turned = await client.get("/team")
    assert is_asked(turned)
    page = await client.get(turned.headers["location"])
    assert "asks for a passkey" in page.text
    assert "Make a passkey" in page.text
    device, made = await bind(client)
    assert made.status_code == 303
    assert (await client.get("/team")).status_code == 200
    assert (await client.get(f"{ASKED_AT}?next=/team")).headers["location"] == "/team"
    assert device.count == 0


async def _hold_behind(database: Database, cast: Cast) -> None:
    """Give the administrator a passkey that was used, without the ceremony."""
    async with database.tx(Actor.nobody()) as tx:
        row = {"account_id": cast.administrator.account_id, "credential_id": cast.tenant_id.bytes, "public_key": b"k"}
        await tx.db.execute(insert(Passkey).values(**row, sign_count=0, name="Key", last_used_at=tx.now))


async def test_whoever_holds_a_passkey_gives_it_and_adds_no_other_by_password(
    database: Database, cast: Cast, client: httpx.AsyncClient, hold: Hold, clock: HandClock
) -> None:
    device = await hold(cast.manager)
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    email = await give_password(database, cast.manager)
    await come_in(client, email, clock.now)
    assert is_asked(await client.get("/team"))
    assert "Use your passkey" in (await client.get(ASKED_AT)).text
    assert is_asked(await client.post("/welcome/passkey-offer"))
    assert is_asked(await client.post("/welcome/passkey", data={"answer": "{}"}))
    question = await asked(client, "/sign-in/own-passkey-question")
    given = await client.post("/sign-in/own-passkey", data={"answer": device.sign(question), "next": "/team"})
    assert given.headers["location"] == "/team"
    assert (await client.get("/team")).status_code == 200
    assert (await bind(client))[1].status_code == 303


async def test_administrators_alone_are_asked_where_the_tenant_says_so(
    database: Database, application: ASGIApp, cast: Cast, clock: HandClock
) -> None:
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="administrators")
    for actor, place, status in ((cast.manager, "/team", 200), (cast.administrator, "/admin", 303)):
        email = await give_password(database, actor)
        async with browser(application, clock) as tab:
            await come_in(tab, email, clock.now)
            answer = await tab.get(place)
            assert (answer.status_code, is_asked(answer)) == (status, status == 303), place


async def test_who_signed_in_a_while_ago_confirms_first(
    database: Database, cast: Cast, client: httpx.AsyncClient, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    await come_in(client, email, clock.now)
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    clock.advance(minutes=11)
    page = (await client.get(ASKED_AT)).text
    assert "more than ten minutes ago" in page
    assert "Make a passkey" not in page
    wrong = await sent(client, ASKED_AT, password="not it at all, no", code=code_at(clock.now))
    assert (wrong.status_code, "Password or code is wrong" in wrong.text) == (401, True)
    right = await sent(client, ASKED_AT, password=PASSWORD, code=code_at(clock.now), next="/team")
    assert right.headers["location"] == f"{ASKED_AT}?next=/team"
    assert is_asked(await client.get("/team"))
    assert (await bind(client))[1].status_code == 303
    assert (await client.get("/team")).status_code == 200


async def test_password_and_code_confirm_nothing_where_a_passkey_is_asked_for(
    database: Database, cast: Cast, client: httpx.AsyncClient, passkeys_only: Authenticator, clock: HandClock
) -> None:
    await give_password(database, cast.administrator)
    await enter(client, passkeys_only.sign(await asked(client)))
    assert (await client.get("/admin")).status_code == 200
    assert "Password" not in (await client.get("/me/confirm")).text
    confirmed = await sent(client, "/me/confirm", password=PASSWORD, code=code_at(clock.now), next="/me")
    assert confirmed.status_code == 303
    assert is_asked(await client.get("/me"))


async def test_after_a_pause_the_passkey_brings_back_and_the_password_does_not(
    database: Database, cast: Cast, client: httpx.AsyncClient, passkeys_only: Authenticator, clock: HandClock
) -> None:
    await give_password(database, cast.administrator)
    await enter(client, passkeys_only.sign(await asked(client)))
    clock.advance(minutes=16)
    assert (await client.get("/admin")).headers["location"].startswith("/sign-in/again")
    assert "Password" not in (await client.get("/sign-in/again")).text
    assert (await sent(client, "/sign-in/again", password=PASSWORD)).status_code == 401
    assert (await client.get("/admin")).headers["location"].startswith("/sign-in/again")
    question = await asked(client, "/sign-in/own-passkey-question")
    await sent(client, "/sign-in/own-passkey", answer=passkeys_only.sign(question))
    assert (await client.get("/admin")).status_code == 200


async def test_last_passkey_stays_while_a_tenant_asks_for_one(
    database: Database, cast: Cast, signed_in: Visit, hold: Hold
) -> None:
    await hold(cast.administrator)
    await give_password(database, cast.administrator)
    tab = await signed_in(cast.administrator)
    await change(database, cast, sign_in_policy="administrators")
    async with database.tx(Actor.nobody()) as tx:
        mine = select(Passkey.id).where(Passkey.account_id == cast.administrator.account_id)
        first = (await tx.db.execute(mine)).scalar_one()
    refused = await tab.post(f"/me/passkeys/{first}/remove")
    assert (refused.status_code, "asks for a passkey; add another one first" in refused.text) == (422, True)
    assert (await bind(tab))[1].status_code == 303
    tab.headers.pop("x-csrf-token")
    assert (await tab.post(f"/me/passkeys/{first}/remove")).status_code == 303


async def test_nobody_asks_for_passkeys_who_has_used_none(
    database: Database, cast: Cast, signed_in: Visit, hold: Hold
) -> None:
    tab = await signed_in(cast.administrator)
    form = {"administrators_see_health": "true", "idle_minutes": "15", "sign_in_policy": "everybody"}
    refused = await tab.post(SETTINGS, data=form)
    assert (refused.status_code, "Sign in with a passkey of your own once" in refused.text) == (422, True)
    with pytest.raises(Invalid, match="Have an administrator sign in"):
        async with database.tx(cast.system) as tx:
            await actions.change_settings(tx, TenantSettings(sign_in_policy="administrators"))
    await hold(cast.manager)
    assert (await tab.post(SETTINGS, data=form)).status_code == 422
    await hold(cast.administrator)
    assert (await tab.post(SETTINGS, data=form)).status_code == 303
    page = (await tab.get(SETTINGS)).text
    assert page.count("Everybody by a passkey only") > 1
    # Asking for less locks nobody out.
    assert (await tab.post(SETTINGS, data=form | {"sign_in_policy": "any"})).status_code == 303
    assert (await tab.post(SETTINGS, data=form | {"sign_in_policy": "nobody"})).status_code == 422


async def test_programs_hold_tokens_and_no_session_by_password(
    database: Database, application: ASGIApp, cast: Cast, api: Visit, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    secret = await open_session(database, cast.manager)
    async with database.tx(cast.manager) as tx:
        made = await identity.create_token(tx, secret, TokenForm(name="Feed", days=7, scopes=("patient:read",)))
    await _hold_behind(database, cast)
    program = await api(cast.administrator)
    assert (await program.patch(SETTINGS, json={"sign_in_policy": "everybody"})).json()["sign_in_policy"] == "everybody"
    async with visitor(application, "http://localhost:8000/api/v1") as other:
        body = {"email": email, "password": PASSWORD, "code": code_at(clock.now), "tenant": cast.slug}
        refused = await other.post("/sessions", json=body)
        assert (refused.status_code, "asks for a passkey" in refused.json()["detail"]) == (403, True)
        other.headers["authorization"] = f"Bearer {made.token}"
        assert (await other.get("/me")).status_code == 200
        await _opened_by(database, secret, Factor.PASSWORD, Factor.TOTP)
        other.headers["authorization"] = f"Bearer {secret}"
        refused = await other.get("/me")
        assert (refused.status_code, "a program works here with a token" in refused.json()["detail"]) == (401, True)


async def _opened_by(database: Database, secret: str, *amr: Factor) -> None:
    async with database.tx(Actor.nobody()) as tx:
        this = update(Session).where(Session.id_hash == session_hash(secret))
        await tx.db.execute(this.values(amr=sorted(amr)))


@pytest.mark.parametrize(
    ("amr", "is_in"),
    [
        ({Factor.PASSWORD, Factor.TOTP}, False),
        ({Factor.PASSWORD, Factor.RECOVERY}, False),
        ({Factor.VOUCHED, Factor.TOTP}, False),
        ({Factor.VOUCHED, Factor.PASSKEY}, True),
        ({Factor.PASSWORD, Factor.PASSKEY}, True),
        # How people prove themselves at their organization's provider is that provider's policy.
        ({Factor.VOUCHED_TWICE}, True),
    ],
)
async def test_what_opened_a_session_decides(
    amr: set[Factor], is_in: bool, database: Database, application: ASGIApp, cast: Cast, clock: HandClock
) -> None:
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    secret = await open_session(database, cast.manager)
    await _opened_by(database, secret, *amr)
    async with browser(application, clock) as tab:
        tab.cookies.set(COOKIE, secret, domain="localhost.local")
        answer = await tab.get("/team")
        assert (answer.status_code, is_asked(answer)) == ((200, False) if is_in else (303, True))


async def test_each_tenant_asks_for_itself(
    database: Database, cast: Cast, client: httpx.AsyncClient, clock: HandClock
) -> None:
    other = await assemble(database)
    await also_works_in(database, cast.manager, other.manager)
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    email = await give_password(database, cast.manager)
    assert (await come_in(client, email, clock.now)).headers["location"] == "/tenants"
    assert (await client.get("/tenants")).text.count("asks for a passkey") == 1
    await sent(client, "/tenants", tenant_id=str(cast.tenant_id))
    assert is_asked(await client.get("/tenants"))
    assert "Work in another organization" in (await client.get(ASKED_AT)).text
    assert (await sent(client, "/sign-in/elsewhere")).headers["location"] == "/tenants"
    await sent(client, "/tenants", tenant_id=str(other.tenant_id))
    assert (await client.get("/team")).status_code == 200


async def test_invitation_is_accepted_by_passkey_and_not_by_a_new_password(
    database: Database, cast: Cast, client: httpx.AsyncClient
) -> None:
    await _hold_behind(database, cast)
    await change(database, cast, sign_in_policy="everybody")
    async with database.tx(cast.administrator) as tx:
        new = actions.NewMember(email=f"new-{cast.tenant_id.hex}@example.com", name="Newt", role="coordinator")
        link = f"/invitations/{(await actions.invite_member(tx, new)).token}"
    page = (await client.get(link)).text
    assert "asks for a passkey" in page
    assert "Choose a password" not in page
    refused = await sent(client, link, password=PASSWORD, password_again=PASSWORD)
    assert (refused.status_code, "accept with one" in refused.text) == (422, True)
    offer = (await client.post(f"{link}/passkey-offer")).json()
    assert (await sent(client, f"{link}/passkey", answer=Authenticator().make(offer))).status_code == 303
    assert (await client.get("/my-day")).status_code == 200
