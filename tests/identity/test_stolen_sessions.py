"""What becomes of the other sessions of an account when what it signs in with changes."""

import re
from email import message_from_bytes
from email.message import Message

import httpx
import pytest
from sqlalchemy import insert, update

from caretide.identity import passwords
from caretide.identity.models import Account, Passkey
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import COOKIE, Visit
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, code_at, come_in, enter, give_password, sent

NEW = "another cheerful set of words"
FORM = {"current": PASSWORD, "password": NEW, "password_again": NEW}


async def pair(signed_in: Visit, actor: Actor) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Return a browser of somebody's own and one with a session that was stolen; forms carry the token of the day."""
    mine, stolen = await signed_in(actor), await signed_in(actor)
    mine.headers.pop("x-csrf-token")
    return mine, stolen


async def is_ended(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/me")).headers.get("location") == "/sign-in?next=/me"


def text_of(letter: Message) -> str:
    """Return what a letter says."""
    found = letter.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found.decode()


def letters(database: Database, cast: Cast, name: str) -> list[tuple[str, str]]:
    """Return subject and text of what was written to somebody of the cast."""
    post = database.stores.post
    assert isinstance(post, FolderPost)
    found = [message_from_bytes(file.read_bytes()) for file in sorted(post.folder.glob("*.eml"))]
    to = f"{name}-{cast.tenant_id.hex}@example.com"
    return [(str(one["Subject"]), text_of(one)) for one in found if one["To"] == to]


@pytest.mark.req("V-13", "W-01", "N-08")
async def test_new_password_ends_a_stolen_session_and_goes_on_under_a_new_secret(
    cast: Cast, database: Database, signed_in: Visit, api: Visit
) -> None:
    await give_password(database, cast.manager)
    mine, stolen = await pair(signed_in, cast.manager)
    program = await api(cast.manager)
    before = mine.cookies[COOKIE]
    assert (await sent(mine, "/me/password", **FORM)).headers["location"] == "/me"
    assert mine.cookies[COOKIE] != before
    page = await mine.get("/me")
    assert (page.status_code, "Your other sessions have ended" in page.text) == (200, True)
    assert await is_ended(stolen)
    assert (await program.get("/me")).status_code == 401
    old = await mine.get("/me", headers={"cookie": f"{COOKIE}={before}"})
    assert old.headers["location"] == "/sign-in?next=/me"
    ((subject, text),) = letters(database, cast, "manager")
    assert subject == "Your password was changed"
    assert "other sessions have ended" in " ".join(text.split())


@pytest.mark.req("W-13")
async def test_page_says_that_tokens_outlive_a_password_and_leads_to_them(
    cast: Cast, database: Database, signed_in: Visit, api: Visit
) -> None:
    browser = await signed_in(cast.manager)
    assert "made for programs here" not in (await browser.get("/me")).text
    made = {"name": "Feed", "days": 30, "scopes": ["patient:read"]}
    assert (await (await api(cast.manager)).post("/me/tokens", json=made)).status_code == 201
    assert 'The token that you made for programs here goes on: <a href="/me/tokens">' in (await browser.get("/me")).text


@pytest.mark.req("N-03", "V-13")
async def test_wrong_current_password_changes_nothing_and_counts_as_a_try(
    cast: Cast, database: Database, signed_in: Visit, client: httpx.AsyncClient, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    mine, stolen = await pair(signed_in, cast.manager)
    for _ in range(10):
        refused = await sent(mine, "/me/password", **FORM | {"current": "not the password"})
        assert (refused.status_code, "The current password is wrong" in refused.text) == (422, True)
    assert not await is_ended(stolen)
    # Ten in a row rest for a quarter of an hour, at sign-in too: the right one is not looked at.
    assert (await sent(mine, "/me/password", **FORM)).status_code == 422
    assert (await enter(client, email)).status_code == 429
    clock.advance(minutes=16)
    assert (await come_in(client, email, clock.now)).status_code == 303


@pytest.mark.req("V-13")
async def test_first_password_asks_for_none(cast: Cast, database: Database, signed_in: Visit) -> None:
    async with database.tx(Actor.nobody()) as tx:
        mine = update(Account).where(Account.id == cast.manager.account_id)
        await tx.db.execute(mine.values(password_hash=None))
    browser, _ = await pair(signed_in, cast.manager)
    assert 'name="current"' not in (await browser.get("/me")).text
    assert (await sent(browser, "/me/password", password=NEW, password_again=NEW)).status_code == 303
    assert 'name="current"' in (await browser.get("/me")).text


@pytest.mark.req("V-13", "N-08")
async def test_removed_passkey_and_app_end_the_other_sessions(cast: Cast, database: Database, signed_in: Visit) -> None:
    await give_password(database, cast.manager)
    passkeys = (new_id(), new_id())
    async with database.tx(Actor.nobody()) as tx:
        for one in passkeys:
            key = {"account_id": cast.manager.account_id, "credential_id": one.bytes, "public_key": b"a key"}
            await tx.db.execute(insert(Passkey).values(id=one, **key, sign_count=0, name="My key"))
    for path in (f"/me/passkeys/{passkeys[0]}/remove", "/me/totp/remove"):
        mine, stolen = await pair(signed_in, cast.manager)
        before = mine.cookies[COOKIE]
        assert (await sent(mine, path)).headers["location"] == "/me"
        assert mine.cookies[COOKIE] != before, path
        assert (await mine.get("/me")).status_code == 200, path
        assert await is_ended(stolen), path
    told = letters(database, cast, "manager")
    assert len(told) == 2
    assert all("other sessions have ended" in " ".join(text.split()) for _, text in told)


@pytest.mark.req("V-13")
async def test_new_app_ends_the_other_sessions(
    cast: Cast, database: Database, signed_in: Visit, clock: HandClock
) -> None:
    mine, stolen = await pair(signed_in, cast.manager)
    shown = (await sent(mine, "/welcome/app", next="/me")).text
    assert not await is_ended(stolen)
    key = re.search(r'class="secret"[^>]*>([A-Z2-7]{32})<', shown)
    assert key
    assert (await sent(mine, "/welcome/totp", code=code_at(clock.now, seed=key[1]), next="/me")).status_code == 303
    assert (await mine.get("/me")).status_code == 200
    assert await is_ended(stolen)


@pytest.mark.req("H-03")
async def test_leaving_a_tenant_wakes_no_session_that_was_left_alone(
    cast: Cast, signed_in: Visit, clock: HandClock
) -> None:
    browser = await signed_in(cast.manager)
    clock.advance(minutes=16)
    browser.headers.pop("x-csrf-token")
    assert (await browser.get("/me")).headers["location"] == "/sign-in/again?next=/me"
    left = await sent(browser, "/sign-in/elsewhere")
    assert (left.status_code, left.headers["location"].partition("?")[0]) == (303, "/sign-in/again")
    await sent(browser, "/tenants", tenant_id=str(cast.tenant_id))
    assert (await browser.get("/team")).headers["location"] == "/sign-in/again?next=/team"


@pytest.mark.req("N-08", "V-13")
@pytest.mark.parametrize("is_whole", [True, False])
async def test_new_way_in_ends_sessions_that_work_in_no_tenant(
    is_whole: bool, cast: Cast, database: Database, client: httpx.AsyncClient, clock: HandClock, signed_in: Visit
) -> None:
    """Whoever has the password alone is not let in by the recovery that takes the second factor away."""
    email = await give_password(database, cast.billing)
    thief = client
    await (come_in(thief, email, clock.now) if is_whole else enter(thief, email))
    left = await sent(thief, "/sign-in/elsewhere")
    assert left.status_code == 303
    browser = await signed_in(cast.administrator)
    asked = await browser.post(f"/admin/people/{cast.billing.member_id}/new-way-in", data={"reason": "We spoke"})
    assert asked.status_code == 200
    assert (await thief.post("/welcome/passkey-offer")).headers["location"] == "/sign-in"


@pytest.mark.req("V-13")
async def test_app_that_a_stolen_session_began_is_not_the_one_that_is_confirmed(
    cast: Cast, database: Database, signed_in: Visit
) -> None:
    await give_password(database, cast.manager, app=False)
    mine, stolen = await pair(signed_in, cast.manager)
    known = re.findall(r'class="secret"[^>]*>([A-Z2-7]{32})<', (await sent(stolen, "/welcome/app", next="/me")).text)
    assert known
    assert (await sent(mine, "/me/password", **FORM)).status_code == 303
    begun = await sent(mine, "/welcome/app", next="/me")
    assert begun.status_code == 200
    assert known[0] not in begun.text


@pytest.mark.req("V-13", "N-08")
async def test_password_that_was_taken_away_while_it_was_compared_opens_nothing(
    cast: Cast, database: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = await give_password(database, cast.manager)

    async def slowly(password_hash: str, password: str) -> bool:
        async with database.tx(Actor.nobody()) as tx:
            of_actor = Account.id == cast.manager.account_id
            await tx.db.execute(update(Account).where(of_actor).values(password_hash=None))
        return await compared(password_hash, password)

    compared = passwords.verified
    monkeypatch.setattr(passwords, "verified", slowly)
    assert (await enter(client, email)).status_code == 401
