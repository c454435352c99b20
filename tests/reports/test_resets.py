"""A new way in by whoever runs the installation, for somebody who works in two tenants."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, insert, select, update
from typer.testing import CliRunner

from caretide.cli import app
from caretide.identity import actions as identity
from caretide.identity.models import Account, ApiToken, Passkey, RecoveryCode, TotpSeed
from caretide.identity.schemas import TokenForm
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Role
from caretide.reports.resets import Reset, reset
from caretide.runtime.installation import Installation
from caretide.runtime.models import AuditEvent
from caretide.runtime.tx import Database
from caretide.tenants import actions
from caretide.tenants.links import link_for
from caretide.tenants.models import Invitation, Member, Recovery
from caretide.tenants.rules.recoveries import LASTS, new_code
from tests.cast import Cast, assemble, person
from tests.client import HOME, Visit, open_session
from tests.database import HandClock
from tests.identity.accounts import also_works_in, enter, give_password, homeless, sent
from tests.identity.authenticator import Authenticator, bind
from tests.tenants.test_recoveries import NEW, letters, said

pytestmark = pytest.mark.req("N-08")

EVENTS = select(AuditEvent.actor_kind, AuditEvent.details, AuditEvent.canonical).where(
    AuditEvent.verb == "tenants.record_reset"
)
WHY = "She came by with her passport"


@pytest.fixture
async def other(database: Database, cast: Cast) -> Cast:
    """A second tenant, in which the first one's billing person works under another address."""
    made = await assemble(database)
    async with database.tx(made.system) as tx:
        guest = await person(tx, Role.BILLING, "guest", made.practitioner_id)
        mine = update(Member).where(Member.id == guest.member_id)
        await tx.db.execute(mine.values(account_id=cast.billing.account_id))
    await also_works_in(database, cast.billing, guest)
    return replace(made, billing=replace(guest, account_id=cast.billing.account_id))


async def ways(database: Database, actor: Actor) -> int:
    """Return how many things an account can sign in with."""
    async with database.tx(Actor.nobody()) as tx:
        count = 0
        for table in (Passkey, TotpSeed, RecoveryCode):
            of_actor = select(func.count()).select_from(table).where(table.account_id == actor.account_id)
            count += (await tx.db.execute(of_actor)).scalar_one()
        word = select(Account.password_hash).where(Account.id == actor.account_id)
        return count + ((await tx.db.execute(word)).scalar_one() is not None)


def member_of(actor: Actor) -> UUID:
    assert actor.member_id is not None
    return actor.member_id


def path_of(made: Reset) -> str:
    return made.link.removeprefix(HOME)


async def test_nothing_opens_the_account_but_link_and_code_and_then_it_opens_both_tenants(
    installation: Installation, cast: Cast, other: Cast, client: httpx.AsyncClient, signed_in: Visit, clock: HandClock
) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    here = await signed_in(cast.billing)
    await bind(here)
    there = await signed_in(other.billing)
    assert (await there.get("/me")).status_code == 200
    made = await reset(installation, email.upper(), WHY)
    assert (made.tenants, len(made.code), await ways(database, cast.billing)) == (2, 14, 0)
    for session in (here, there):
        assert (await session.get("/me")).headers["location"].startswith("/sign-in")
    assert (await enter(client, email)).status_code == 401
    assert "Code that you were told" in (await client.get(path_of(made))).text
    refused = await sent(client, path_of(made), **NEW, code=new_code())
    assert (refused.status_code, "not the code that was told to you" in refused.text) == (422, True)
    offer = (await client.post(f"{path_of(made)}/passkey-offer")).json()
    device = Authenticator()
    accepted = await sent(client, f"{path_of(made)}/passkey", answer=device.make(offer), code=made.code)
    assert accepted.status_code == 303
    places = (await client.get("/tenants")).text
    assert all(str(one.tenant_id) in places for one in (cast, other))
    assert (await client.get(path_of(made))).status_code == 404


async def test_link_is_void_after_five_wrong_codes_and_after_a_day(
    installation: Installation, cast: Cast, other: Cast, client: httpx.AsyncClient, clock: HandClock
) -> None:
    email = await give_password(installation.database, cast.billing)
    made = await reset(installation, email, WHY)
    for _ in range(5):
        assert (await sent(client, path_of(made), **NEW, code=new_code())).status_code == 422
    assert (await sent(client, path_of(made), **NEW, code=made.code)).status_code == 404
    again = await reset(installation, email, WHY)
    clock.advance(hours=23, minutes=59)
    assert (await client.get(path_of(again))).status_code == 200
    clock.advance(minutes=1)
    assert (await sent(client, path_of(again), **NEW, code=again.code)).status_code == 404


async def test_second_reset_voids_the_links_of_the_first(
    installation: Installation, cast: Cast, other: Cast, client: httpx.AsyncClient
) -> None:
    email = await give_password(installation.database, cast.billing)
    first, second = await reset(installation, email, WHY), await reset(installation, email, WHY)
    assert (await sent(client, path_of(first), **NEW, code=first.code)).status_code == 404
    assert (await sent(client, path_of(second), **NEW, code=second.code)).status_code == 303


async def test_no_tenants_invitation_binds_what_was_taken(
    installation: Installation, cast: Cast, other: Cast, client: httpx.AsyncClient, signed_in: Visit
) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    third = await assemble(database)
    await reset(installation, email, WHY)
    new = actions.NewMember(name="Billing Person", email=email, role="billing")
    async with database.tx(third.administrator) as tx:
        token = (await actions.invite_member(tx, new)).token
    refused = await sent(client, f"/invitations/{token}", **NEW)
    assert (refused.status_code, "has an account already" in refused.text) == (422, True)
    offer = (await client.post(f"/invitations/{token}/passkey-offer")).json()
    refused = await sent(client, f"/invitations/{token}/passkey", answer=Authenticator().make(offer))
    assert (refused.status_code, await ways(database, cast.billing)) == (422, 0)
    # Nor does a new link of an administrator's, who may not take what opens another tenant.
    browser = await signed_in(other.administrator)
    asked = await browser.post(f"/admin/people/{other.billing.member_id}/new-way-in", data={"reason": WHY})
    assert (asked.status_code, "whoever runs this installation" in asked.text) == (422, True)


async def test_every_tenant_has_its_record_and_its_administrators_and_the_person_are_told(
    installation: Installation, cast: Cast, other: Cast, signed_in: Visit
) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    await reset(installation, email, WHY)
    for tenant, member in ((cast, cast.billing), (other, other.billing)):
        async with database.tx(tenant.system) as tx:
            event = (await tx.db.execute(EVENTS)).one()
            assert (event.actor_kind, event.details["member_id"]) == ("system", str(member.member_id))
            assert WHY not in event.canonical.decode()
            links = select(func.count()).select_from(Invitation).where(Invitation.used_at.is_(None))
            mine = links.where(Invitation.member_id == member.member_id)
            assert (await tx.db.execute(mine)).scalar_one() == int(tenant is cast)
        page = (await (await signed_in(tenant.administrator)).get(f"/admin/people/{member.member_id}")).text
        assert "Given by whoever runs this installation" in page
        assert WHY in page
        (told,) = letters(database, f"administrator-{tenant.tenant_id.hex}@example.com")
        assert f"{member.member_id} was given by whoever runs this installation" in said(told)
        assert WHY not in said(told)
    for address in (email, f"guest-{other.tenant_id.hex}@example.com"):
        assert [one["Subject"] for one in letters(database, address)] == ["Your ways to sign in were taken away"]


async def test_tokens_end_in_every_tenant(installation: Installation, cast: Cast, other: Cast) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    for actor in (cast.billing, other.billing):
        async with database.tx(actor) as tx:
            secret = await open_session(database, actor)
            wanted = TokenForm(name="Program", days=30, scopes=("patient:read",))
            await identity.create_token(tx, secret, wanted, mode="test")
    await reset(installation, email, WHY)
    for tenant, actor in ((cast, cast.billing), (other, other.billing)):
        async with database.tx(tenant.system) as tx:
            standing = select(ApiToken.revoked_at).where(ApiToken.member_id == actor.member_id)
            assert (await tx.db.execute(standing)).scalar_one() is not None


async def test_the_link_is_of_a_tenant_where_the_person_works_and_to_the_account_that_they_have(
    installation: Installation, cast: Cast, other: Cast, client: httpx.AsyncClient
) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    async with database.tx(cast.administrator) as tx:
        await actions.suspend_member(tx, member_of(cast.billing), None)
    made = await reset(installation, email, WHY)
    assert path_of(made).startswith(f"/invitations/{other.tenant_id.hex}")
    accepted = await sent(client, path_of(made), **NEW, code=made.code)
    assert (accepted.status_code, await ways(database, cast.billing)) == (303, 1)
    async with database.tx(other.system) as tx:
        known = select(Member.account_id).where(Member.id == other.billing.member_id)
        assert (await tx.db.execute(known)).scalar_one() == cast.billing.account_id


async def test_who_is_not_to_be_let_in_is_refused_before_anything_is_taken(
    installation: Installation, cast: Cast
) -> None:
    database = installation.database
    email = await give_password(database, cast.billing)
    with pytest.raises(NotFound, match="no account"):
        await reset(installation, "nobody@example.com", WHY)
    with pytest.raises(Invalid):
        await reset(installation, email, "  ")
    with pytest.raises(Conflict, match="works nowhere"):
        await reset(installation, (await homeless(database))[1], WHY)
    async with database.tx(cast.administrator) as tx:
        await actions.suspend_member(tx, member_of(cast.billing), None)
    with pytest.raises(Conflict, match="ended in every tenant"):
        await reset(installation, email, WHY)
    assert await ways(database, cast.billing) == 2
    async with database.tx(Actor.operator()) as tx:
        await identity.end_account(tx, email)
    with pytest.raises(Conflict, match="account has ended"):
        await reset(installation, email, WHY)


async def test_administrator_cannot_act_as_whoever_runs_the_installation(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        async with database.tx(cast.administrator) as tx:
            await actions.record_reset(tx, member_of(cast.billing), WHY, with_link=True)
    row = {"id": new_id(), "member_id": cast.billing.member_id, "reason": WHY, "is_alone": False, "code_hash": b"x"}
    row |= {"asked_at": database.clock(), "expires_at": database.clock() + LASTS}
    with pytest.raises(Exception, match="in their own name"):
        async with database.tx(cast.administrator) as tx:
            await tx.db.execute(insert(Recovery).values(**row))
    async with database.tx(cast.system) as tx:
        made = await actions.record_reset(tx, member_of(cast.billing), WHY, with_link=False)
    with pytest.raises(Exception, match="Whoever runs the installation makes this link"):
        async with database.tx(cast.administrator) as tx:
            await link_for(tx, member_of(cast.billing), recovery_id=made.recovery_id)


@pytest.mark.usefixtures("commands")
async def test_command_prints_link_and_code(installation: Installation, cast: Cast, other: Cast) -> None:
    email = await give_password(installation.database, cast.billing)
    wanted = ["accounts", "reset", email, "--reason", WHY]
    shown = await asyncio.to_thread(CliRunner().invoke, app, [*wanted, "--json"])
    told = json.loads(shown.stdout)
    assert (told["tenants"], len(told["code"]), told["code"] in told["link"]) == (2, 14, False)
    shown = await asyncio.to_thread(CliRunner().invoke, app, wanted)
    assert "Code, to tell them by voice, never with the link" in shown.stdout
    shown = await asyncio.to_thread(CliRunner().invoke, app, wanted[:3])
    assert shown.exit_code == 2
