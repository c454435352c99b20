"""What a passkey's answer may not be: another site's, another account's, used before, too late, altered.

Each lie is refused where the honest answer of the same key is taken.
"""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from starlette.types import ASGIApp

from caretide.identity.models import Passkey, Session
from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import COOKIE, Visit, browser
from tests.database import HandClock
from tests.identity.accounts import also_works_in, code_at, come_in, give_code, give_password
from tests.identity.accounts import enter as enter_by_password
from tests.identity.authenticator import PRESENT, VERIFIED, Authenticator, Hold, asked, bind, enter, octets, text

pytestmark = pytest.mark.req("N-04")


async def sessions(database: Database, actor: Actor) -> int:
    async with database.tx(Actor.nobody()) as tx:
        mine = select(func.count()).select_from(Session).where(Session.account_id == actor.account_id)
        return (await tx.db.execute(mine)).scalar_one()


def _elsewhere(client: bytes) -> bytes:
    return client.replace(b"localhost", b"localh0st")


def _spaced(client: bytes) -> bytes:
    return client + b" "


LIES: dict[str, dict[str, Any]] = {
    "another site's origin": {"origin": "https://caretide.example.net"},
    "another port": {"origin": "http://localhost:8001"},
    "a site below ours": {"origin": "http://evil.localhost:8000"},
    "another site's hash": {"rp_id": "example.net"},
    "a holder who was not checked": {"flags": PRESENT},
    "nobody present": {"flags": VERIFIED},
    "no flag at all": {"flags": 0},
    "a count that stands": {"count": 1},
    "a count that went back": {"count": 0},
    "the making of a key": {"type": "webauthn.create"},
    "a challenge of its own": {"challenge": text(bytes(32))},
    "an empty challenge": {"challenge": ""},
    "a credential that nobody has": {"id": b"nobody has this one at all, ever"},
    "an empty credential": {"id": b""},
    "client data altered after signing": {"client": _elsewhere},
    "client data with a space more": {"client": _spaced},
    "client data that is none": {"client": lambda _: b"[]"},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_opens_nothing_and_the_truth_does(
    lie: str, database: Database, cast: Cast, client: httpx.AsyncClient, hold: Hold
) -> None:
    device = await hold(cast.manager)
    before = await sessions(database, cast.manager)
    refused = await enter(client, device.sign(await asked(client), **LIES[lie]))
    assert (refused.status_code, COOKIE in refused.cookies) == (401, False)
    assert await sessions(database, cast.manager) == before
    assert (await enter(client, device.sign(await asked(client)))).status_code == 303


async def test_an_answer_is_good_once(
    cast: Cast, application: ASGIApp, client: httpx.AsyncClient, hold: Hold, clock: HandClock
) -> None:
    device = await hold(cast.manager)
    answer = device.sign(await asked(client))
    assert (await enter(client, answer)).status_code == 303
    async with browser(application, clock) as thief:
        assert (await enter(thief, answer)).status_code == 401
    # Not even a key that counts nothing (as synced ones do) has its challenge taken twice.
    question = await asked(client)
    assert (await enter(client, device.sign(question, count=device.count + 1))).status_code == 303
    assert (await enter(client, device.sign(question, count=device.count + 2))).status_code == 401


async def test_a_challenge_lasts_for_less_than_five_minutes(
    cast: Cast, client: httpx.AsyncClient, hold: Hold, clock: HandClock
) -> None:
    device = await hold(cast.manager)
    question = await asked(client)
    clock.advance(minutes=4, seconds=59)
    assert (await enter(client, device.sign(question))).status_code == 303
    late = await asked(client)
    clock.advance(minutes=5)
    assert (await enter(client, device.sign(late))).status_code == 401


async def test_another_accounts_passkey_is_no_second_factor_of_mine(
    database: Database, cast: Cast, client: httpx.AsyncClient, hold: Hold
) -> None:
    mine, theirs = await hold(cast.manager), await hold(cast.billing)
    email = await give_password(database, cast.manager)
    await enter_by_password(client, email)
    question = await asked(client, "/sign-in/own-passkey-question")
    assert [octets(one["id"]) for one in question["allowCredentials"]] == [mine.id]
    lies: tuple[tuple[Authenticator, dict[str, Any]], ...] = (
        (theirs, {}),
        (theirs, {"id": mine.id}),
        (mine, {"id": theirs.id}),
    )
    for device, lie in lies:
        fresh = await asked(client, "/sign-in/own-passkey-question")
        refused = await client.post("/sign-in/own-passkey", data={"answer": device.sign(fresh, **lie)})
        assert refused.status_code == 401
    assert (await client.get("/team")).headers["location"].startswith("/sign-in/second")
    last = mine.sign(await asked(client, "/sign-in/own-passkey-question"))
    assert (await client.post("/sign-in/own-passkey", data={"answer": last})).status_code == 303


async def test_a_key_is_of_one_account_alone(database: Database, cast: Cast, signed_in: Visit, hold: Hold) -> None:
    device = await hold(cast.manager)
    thief = await signed_in(cast.billing)
    offer = (await thief.post("/welcome/passkey-offer")).json()
    copied = Authenticator(key=device.key, id=device.id)
    assert (await thief.post("/welcome/passkey", data={"answer": copied.make(offer)})).status_code == 422
    async with database.tx(Actor.nobody()) as tx:
        held = select(Passkey.account_id).where(Passkey.credential_id == device.id)
        assert (await tx.db.execute(held)).scalar_one() == cast.manager.account_id


async def test_an_offer_is_for_the_account_that_asked(cast: Cast, signed_in: Visit) -> None:
    mine, theirs = await signed_in(cast.manager), await signed_in(cast.billing)
    offer = (await mine.post("/welcome/passkey-offer")).json()
    assert (await theirs.post("/welcome/passkey", data={"answer": Authenticator().make(offer)})).status_code == 422
    assert (await mine.post("/welcome/passkey", data={"answer": Authenticator().make(offer)})).status_code == 303


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://caretide.example.net"},
        {"rp_id": "example.net"},
        {"flags": PRESENT},
        {"type": "webauthn.get"},
        {"challenge": text(bytes(32))},
    ],
    ids=lambda lie: next(iter(lie)),
)
async def test_no_key_is_bound_by_a_lie(lie: dict[str, Any], database: Database, cast: Cast, signed_in: Visit) -> None:
    device, answer = await bind(await signed_in(cast.manager), **lie)
    assert answer.status_code == 422
    async with database.tx(Actor.nobody()) as tx:
        assert (await tx.db.execute(select(Passkey).where(Passkey.credential_id == device.id))).first() is None


async def test_a_question_for_signing_in_makes_no_key_and_an_offer_signs_nobody_in(
    cast: Cast, signed_in: Visit, client: httpx.AsyncClient, hold: Hold
) -> None:
    device = await hold(cast.manager)
    tab = await signed_in(cast.manager)
    offer = (await tab.post("/welcome/passkey-offer")).json()
    asked_for = await asked(client)
    assert (await enter(client, device.sign(asked_for, challenge=offer["challenge"]))).status_code == 401
    made = Authenticator().make(offer, challenge=asked_for["challenge"])
    assert (await tab.post("/welcome/passkey", data={"answer": made})).status_code == 422


@pytest.mark.req("T-20")
async def test_a_passkey_opens_its_own_tenants_and_no_other(
    database: Database, cast: Cast, client: httpx.AsyncClient, hold: Hold
) -> None:
    other = await assemble(database)
    device = await hold(cast.manager)
    await enter(client, device.sign(await asked(client)))
    assert (await client.get("/team")).status_code == 200
    assert (await client.post("/tenants", data={"tenant_id": str(other.tenant_id)})).status_code == 404
    await also_works_in(database, cast.manager, other.manager)
    assert (await client.post("/tenants", data={"tenant_id": str(other.tenant_id)})).status_code == 303


async def test_a_code_of_the_app_is_good_for_one_step_and_one_use(
    database: Database, application: ASGIApp, cast: Cast, client: httpx.AsyncClient, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    assert (await come_in(client, email, clock.now)).status_code == 303
    code = code_at(clock.now)
    async with browser(application, clock) as thief:
        await enter_by_password(thief, email)
        for again in (code, code_at(clock.now, -1), code_at(clock.now, -2)):
            assert (await give_code(thief, again)).status_code in {401, 429}
        clock.advance(seconds=30)
        assert (await give_code(thief, code)).status_code in {401, 429}


async def test_a_recovery_code_is_good_once(
    database: Database, application: ASGIApp, cast: Cast, signed_in: Visit, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    page = (await (await signed_in(cast.manager)).post("/welcome/codes")).text
    code = page.split("<li><code>")[1].split("</code>")[0]
    for expected in (303, 401):
        async with browser(application, clock) as tab:
            await enter_by_password(tab, email)
            assert (await give_code(tab, code)).status_code == expected
