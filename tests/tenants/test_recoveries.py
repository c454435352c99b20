"""A new way in: two administrators, a link and a code; one alone is told of."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert, select, update

from caretide.identity.models import Account, Passkey
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Role
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database
from caretide.tenants import actions
from caretide.tenants.models import Invitation, Recovery
from caretide.tenants.rules.recoveries import code_hash, new_code
from tests.cast import Cast, assemble, person
from tests.client import HOME, Visit
from tests.database import HandClock
from tests.identity.accounts import enter, give_password, sent
from tests.identity.authenticator import Authenticator
from tests.tenants.test_settings import change

pytestmark = pytest.mark.req("N-08")

WHY = {"reason": "I called her on the number of her file, and we spoke"}
NEW = {"password": "another cheerful set of words", "password_again": "another cheerful set of words"}


@pytest.fixture
async def second(database: Database, cast: Cast) -> Actor:
    """A second administrator."""
    async with database.tx(cast.system) as tx:
        return await person(tx, Role.ADMINISTRATOR, "second", cast.practitioner_id)


def place(cast: Cast) -> str:
    return f"/admin/people/{cast.billing.member_id}"


def shown(page: str, what: str) -> str:
    found = re.findall(rf'id="new-way-in-{what}" readonly value="([^"]+)"', page)
    return found[0].removeprefix(HOME) if found else ""


async def waiting(database: Database, cast: Cast) -> UUID:
    async with database.tx(cast.system) as tx:
        return (
            await tx.db.execute(select(Recovery.id).order_by(Recovery.asked_at.desc()))
        ).scalars().first() or new_id()


def said(letter: Message) -> str:
    payload = letter.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return " ".join(payload.decode().split())


def letters(database: Database, address: str) -> list[Message]:
    post = database.stores.post
    assert isinstance(post, FolderPost)
    found = [message_from_bytes(file.read_bytes()) for file in sorted(post.folder.glob("*.eml"))]
    return [one for one in found if one["To"] == address]


async def test_two_administrators_a_link_and_a_code_let_somebody_in_again(
    database: Database, cast: Cast, second: Actor, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    email = await give_password(database, cast.billing)
    theirs, one, other = await signed_in(cast.billing), await signed_in(cast.administrator), await signed_in(second)
    page = (await one.post(f"{place(cast)}/new-way-in", data=WHY)).text
    code = shown(page, "code")
    assert (len(code), shown(page, "link")) == (14, "")
    # Nothing has happened yet: a mistake, or malice, of one takes nothing away.
    assert (await theirs.get("/me")).status_code == 200
    assert "asked for a new way in for" in (await other.get("/admin/people")).text
    recovery_id = await waiting(database, cast)
    mine = await one.post(f"/admin/recoveries/{recovery_id}/confirm")
    assert (mine.status_code, "not the one who asked" in mine.text) == (422, True)
    assert "Speak with Billing Person yourself" in (await other.get(place(cast))).text
    page = (await other.post(f"/admin/recoveries/{recovery_id}/confirm")).text
    link = shown(page, "link")
    assert (link.startswith("/invitations/"), shown(page, "code")) == (True, "")
    assert link not in (await other.get(place(cast))).text
    assert (await theirs.get("/me")).headers["location"] == "/sign-in?next=/me"
    assert (await enter(client, email)).status_code == 401
    assert "Code that you were told" in (await client.get(link)).text
    for wrong in ("", "aaaa-aaaa-aaaa"):
        refused = await sent(client, link, **NEW, code=wrong)
        assert (refused.status_code, "not the code that was told to you" in refused.text) == (422, True)
    accepted = await sent(client, link, **NEW, code=code.upper().replace("-", " "))
    assert accepted.headers["location"] == "/sign-in/second"
    # The second factor comes next, as for anybody.
    assert (await client.get("/sign-in/second")).headers["location"] == "/welcome/factor?next=/"
    assert (await client.get("/months")).headers["location"].startswith("/sign-in/second")


async def test_the_link_alone_opens_nothing_and_is_void_after_five_wrong_codes(
    database: Database, cast: Cast, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    await give_password(database, cast.billing)
    page = (await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)).text
    code, link = shown(page, "code"), shown(page, "link")
    device = Authenticator()
    offer = (await client.post(f"{link}/passkey-offer")).json()
    for _ in range(4):
        answer = device.make(offer)
        assert (await sent(client, f"{link}/passkey", answer=answer, code=new_code())).status_code == 422
    last = await sent(client, link, **NEW, code=new_code())
    assert (last.status_code, "the link is void" in last.text) == (422, True)
    assert (await sent(client, link, **NEW, code=code)).status_code == 404
    assert (await client.get(link)).status_code == 404


async def test_a_passkey_is_bound_with_the_code(
    database: Database, cast: Cast, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    await give_password(database, cast.billing)
    page = (await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)).text
    offer = (await client.post(f"{shown(page, 'link')}/passkey-offer")).json()
    answer = {"answer": Authenticator().make(offer), "code": shown(page, "code")}
    assert (await sent(client, f"{shown(page, 'link')}/passkey", **answer)).status_code == 303
    assert (await client.get("/me")).status_code == 200


async def test_everybody_concerned_is_told_at_every_address(
    database: Database, cast: Cast, second: Actor, signed_in: Visit
) -> None:
    known, private = f"billing-{cast.tenant_id.hex}@example.com", f"private-{cast.tenant_id.hex}@example.com"
    async with database.tx(Actor.nobody()) as tx:
        await tx.db.execute(update(Account).where(Account.id == cast.billing.account_id).values(email=private))
    await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)
    for address in (known, private):
        assert [one["Subject"] for one in letters(database, address)] == [
            "Somebody asked for a new way in to your account"
        ]
    (told,) = letters(database, f"second-{cast.tenant_id.hex}@example.com")
    assert str(cast.billing.member_id) in said(told)
    await (await signed_in(second)).post(f"/admin/recoveries/{await waiting(database, cast)}/confirm")
    for address in (known, private):
        assert letters(database, address)[-1]["Subject"] == "Your ways to sign in were taken away"
    of_second, told = letters(database, f"administrator-{cast.tenant_id.hex}@example.com")
    assert of_second["Subject"] == "Your organization has another administrator"
    assert "was confirmed" in said(told)


async def test_one_administrator_alone_is_told_of_and_printed(
    database: Database, cast: Cast, signed_in: Visit, api: Visit
) -> None:
    await change(database, cast, privacy_contact=f"privacy-{cast.tenant_id.hex}@example.com")
    browser = await signed_in(cast.administrator)
    page = (await browser.post(f"{place(cast)}/new-way-in", data=WHY)).text
    assert shown(page, "code")
    assert shown(page, "link")
    (told,) = letters(database, f"privacy-{cast.tenant_id.hex}@example.com")
    assert "one administrator alone" in said(told)
    auditor = await signed_in(cast.auditor)
    assert "by one administrator alone" in (await auditor.get("/audit")).text
    (found,) = (await (await api(cast.administrator)).get("/admin/recoveries")).json()
    assert (found["state"], found["reason"]) == ("alone", WHY["reason"])


async def test_second_administrator_who_is_locked_out_is_let_in_by_the_first(
    cast: Cast, second: Actor, signed_in: Visit
) -> None:
    browser = await signed_in(cast.administrator)
    page = (await browser.post(f"/admin/people/{second.member_id}/new-way-in", data=WHY)).text
    assert shown(page, "link")


async def test_a_request_expires_after_a_day(
    database: Database, cast: Cast, second: Actor, clock: HandClock, signed_in: Visit
) -> None:
    one = await signed_in(cast.administrator)
    await one.post(f"{place(cast)}/new-way-in", data=WHY)
    again = await one.post(f"{place(cast)}/new-way-in", data=WHY)
    assert (again.status_code, "waits to be confirmed already" in again.text) == (422, True)
    recovery_id = await waiting(database, cast)
    clock.advance(hours=24)
    other = await signed_in(second)
    late = await other.post(f"/admin/recoveries/{recovery_id}/confirm")
    assert (late.status_code, "Nobody confirmed this within a day" in late.text) == (422, True)
    assert "Expired" in (await other.get(place(cast))).text
    assert shown((await other.post(f"{place(cast)}/new-way-in", data=WHY)).text, "code")


async def test_a_link_lasts_a_day(cast: Cast, client: httpx.AsyncClient, clock: HandClock, signed_in: Visit) -> None:
    page = (await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)).text
    clock.advance(hours=23, minutes=59)
    assert (await client.get(shown(page, "link"))).status_code == 200
    clock.advance(minutes=1)
    assert (await client.get(shown(page, "link"))).status_code == 404


async def test_whoever_declines_leaves_everything_as_it_is(
    database: Database, cast: Cast, second: Actor, signed_in: Visit
) -> None:
    theirs, one, other = await signed_in(cast.billing), await signed_in(cast.administrator), await signed_in(second)
    await one.post(f"{place(cast)}/new-way-in", data=WHY)
    recovery_id = await waiting(database, cast)
    assert (await other.post(f"/admin/recoveries/{recovery_id}/decline")).headers["location"] == place(cast)
    assert "Declined" in (await other.get(place(cast))).text
    decided = await other.post(f"/admin/recoveries/{recovery_id}/confirm")
    assert (decided.status_code, "decided before" in decided.text) == (422, True)
    assert (await theirs.get("/me")).status_code == 200


async def test_both_asking_and_confirming_need_a_recent_sign_in(
    database: Database, cast: Cast, second: Actor, clock: HandClock, signed_in: Visit
) -> None:
    one, other = await signed_in(cast.administrator), await signed_in(second)
    assert (await one.post(f"{place(cast)}/new-way-in", data=WHY)).status_code == 200
    recovery_id = await waiting(database, cast)
    clock.advance(minutes=11)
    for answer in (
        await one.post(f"/admin/people/{cast.manager.member_id}/new-way-in", data=WHY),
        await other.post(f"/admin/recoveries/{recovery_id}/confirm"),
    ):
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me/confirm")


async def test_programs_ask_confirm_and_list(cast: Cast, second: Actor, api: Visit, client: httpx.AsyncClient) -> None:
    one, other = await api(cast.administrator), await api(second)
    path = f"/members/{cast.billing.member_id}/new-way-in"
    assert (await one.post(path, json={})).status_code == 422
    assert (await one.post(path, json={"reason": "  "})).json()["field"] == "reason"
    made = (await one.post(path, json=WHY)).json()
    assert made["link"] is None
    assert (await one.post(f"/admin/recoveries/{made['id']}/confirm")).status_code == 409
    assert (await other.post(f"/admin/recoveries/{new_id()}/confirm")).status_code == 404
    link = (await other.post(f"/admin/recoveries/{made['id']}/confirm")).json()["link"]
    (found,) = (await other.get("/admin/recoveries")).json()
    assert (found["state"], found["confirmed_by"]) == ("confirmed", "Second Person")
    assert "code" not in found
    accepted = {"token": link.rpartition("/")[2], "password": NEW["password"]}
    client.base_url = f"{HOME}/api/v1"
    wrong = await client.post("/invitations/accept", json=accepted | {"code": "no"})
    assert (wrong.status_code, "not the code" in wrong.json()["detail"]) == (401, True)
    assert (await client.post("/invitations/accept", json=accepted | {"code": made["code"]})).status_code == 201


@pytest.mark.req("T-23")
async def test_another_tenants_request_is_an_unknown_one(
    database: Database, cast: Cast, second: Actor, signed_in: Visit
) -> None:
    await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)
    recovery_id = await waiting(database, cast)
    stranger = await signed_in((await assemble(database)).administrator)
    for what in ("confirm", "decline"):
        assert (await stranger.post(f"/admin/recoveries/{recovery_id}/{what}")).status_code == 404
    assert second.tenant_id == cast.tenant_id


async def test_another_tenants_invitation_claims_no_account_in_between(
    database: Database, cast: Cast, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    """Somebody else's administrator, who knows the address, is no way around the code."""
    email = await give_password(database, cast.billing)
    page = (await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)).text
    other = await assemble(database)
    async with database.tx(other.administrator) as tx:
        new = actions.NewMember(email=email, name="Billing Person", role="billing")
        rogue = f"/invitations/{(await actions.invite_member(tx, new)).token}"
    refused = await sent(client, rogue, **NEW)
    assert (refused.status_code, "has an account already" in refused.text) == (422, True)
    offer = (await client.post(f"{rogue}/passkey-offer")).json()
    refused = await sent(client, f"{rogue}/passkey", answer=Authenticator().make(offer))
    assert (refused.status_code, "has an account already" in refused.text) == (422, True)
    async with database.tx(Actor.nobody()) as tx:
        mine = select(Passkey.id).where(Passkey.account_id == cast.billing.account_id)
        assert (await tx.db.execute(mine)).first() is None
    assert (await sent(client, shown(page, "link"), **NEW, code=shown(page, "code"))).status_code == 303
    assert (await sent(client, rogue, password=NEW["password"])).status_code == 303


async def test_administrator_who_makes_the_second_one_is_told_of(
    database: Database, cast: Cast, second: Actor, signed_in: Visit
) -> None:
    """Whoever invites the one who then confirms does not act unseen: the others and the privacy contact are told."""
    contact, other = f"privacy-{cast.tenant_id.hex}@example.com", f"second-{cast.tenant_id.hex}@example.com"
    await change(database, cast, privacy_contact=contact)
    before = {one: len(letters(database, one)) for one in (contact, other)}
    async with database.tx(cast.administrator) as tx:
        new = actions.NewMember(
            email=f"puppet-{cast.tenant_id.hex}@example.com", name="Sock Puppet", role="administrator"
        )
        puppet = (await actions.invite_member(tx, new)).member_id
    for address in (contact, other):
        (told,) = letters(database, address)[before[address] :]
        assert (told["Subject"], str(puppet) in said(told)) == ("Your organization has another administrator", True)
    await (await signed_in(cast.administrator)).post(f"{place(cast)}/new-way-in", data=WHY)
    await (await signed_in(second)).post(f"/admin/recoveries/{await waiting(database, cast)}/confirm")
    assert "was confirmed" in said(letters(database, contact)[-1])


@pytest.mark.req("Z-08")
async def test_the_database_itself_asks_for_the_second_administrator(
    database: Database, cast: Cast, second: Actor
) -> None:
    async def asked(actor: Actor, **changes: Any) -> UUID:
        async with database.tx(actor) as tx:
            row: dict[str, Any] = {
                "id": new_id(),
                "member_id": cast.billing.member_id,
                "reason": "x",
                "is_alone": False,
            }
            row |= {"asked_by": actor.member_id, "asked_at": tx.now, "expires_at": tx.now + timedelta(hours=24)}
            row |= {"code_hash": code_hash(row["id"], "x"), **changes}
            await tx.db.execute(insert(Recovery).values(**row))
        return row["id"]

    async def confirmed(actor: Actor, who: Actor) -> None:
        async with database.tx(actor) as tx:
            this = update(Recovery).where(Recovery.id == recovery_id)
            await tx.db.execute(this.values(confirmed_by=who.member_id, confirmed_at=tx.now))

    for actor, changes in (
        (cast.administrator, {"is_alone": True}),
        (cast.administrator, {"asked_by": second.member_id}),
        (cast.administrator, {"member_id": cast.administrator.member_id}),
        (cast.manager, {}),
        (cast.administrator, {"expires_at": database.clock() + timedelta(days=9)}),
    ):
        with pytest.raises((Conflict, Invalid)):
            await asked(actor, **changes)
    recovery_id = await asked(cast.administrator)
    link = {"member_id": cast.billing.member_id, "token_hash": b"x", "expires_at": database.clock()}
    for recovery in (None, recovery_id):
        with pytest.raises(Conflict):
            async with database.tx(cast.administrator) as tx:
                await tx.db.execute(insert(Invitation).values(id=new_id(), recovery_id=recovery, **link))
    for actor, who in (
        (cast.administrator, cast.administrator),
        (cast.administrator, second),
        (cast.manager, cast.manager),
    ):
        with pytest.raises((Conflict, Invalid)):
            await confirmed(actor, who)
    await confirmed(second, second)
    async with database.tx(second) as tx:
        await tx.db.execute(insert(Invitation).values(id=new_id(), recovery_id=recovery_id, **link))
