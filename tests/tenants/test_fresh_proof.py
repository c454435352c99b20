"""What changes who may do what asks for factors that were given within ten minutes, and is told to the others."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import Message

import httpx
import pytest
from sqlalchemy import func, select

from caretide.identity.sessions import require_fresh
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unauthenticated
from caretide.kernel.permissions import Role
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.models import DutyWaiver, Invitation, Member, TenantSetting
from tests.cast import Cast, person
from tests.client import HOME, Visit
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, code_at, give_password, sent

Ask = Callable[[str, str, dict[str, object]], Awaitable[httpx.Response]]
NEW = {"email": "mallory@example.com", "name": "Mallory", "role": "administrator"}
SETTINGS = {"administrators_see_health": "true", "idle_minutes": "30", "timer_ask_minutes": "5"}
SETTINGS |= {"sign_in_policy": "any", "privacy_contact": "mallory@example.com"}
PROVIDER = {"name": "Mine", "issuer": "https://idp.example.com", "client_id": "caretide"}


async def invited(database: Database, cast: Cast) -> str:
    """Return a member who was invited and has not come."""
    async with database.tx(cast.system) as tx:
        new = actions.NewMember(email=f"new-{cast.tenant_id.hex}@example.com", name="New One", role="auditor")
        return str((await actions.invite_member(tx, new)).member_id)


async def stand(database: Database, cast: Cast) -> list[object]:
    """Return what an intruder would change."""
    async with database.tx(cast.system) as tx:
        people = (await tx.db.execute(select(Member.id, Member.role, Member.status).order_by(Member.id))).all()
        counts = [
            (await tx.db.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (Invitation, TenantSetting, DutyWaiver)
        ]
        return [*people, *counts]


def waiver(cast: Cast, clock: HandClock) -> dict[str, str]:
    last = f"{clock.now.date() + timedelta(days=30)}"
    return {"member_id": str(cast.manager.member_id), "duty": "approve_own_time", "ends_on": last, "reason": "Few"}


@pytest.mark.req("V-13", "Z-05")
async def test_page_of_a_session_signed_in_long_ago_asks_who_it_is_and_changes_nothing(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    member = await invited(database, cast)
    known = {"name": "Billing Person", "role": "administrator"}
    browser = await signed_in(cast.administrator)
    clock.advance(minutes=11)
    before = await stand(database, cast)
    for page, path, form in (
        ("/admin/people", "/admin/people", NEW),
        (f"/clinics/{cast.clinic_id}", "/members/invite", NEW | {"clinic_id": str(cast.clinic_id)}),
        (f"/admin/people/{member}", f"/admin/people/{member}/invitation", {}),
        (f"/admin/people/{cast.billing.member_id}", f"/admin/people/{cast.billing.member_id}", known),
        ("/admin/settings", "/admin/settings", SETTINGS),
        ("/admin/sign-on", "/admin/sign-on", PROVIDER),
        ("/admin/sign-on", "/admin/sign-on/off", {}),
        ("/admin/waivers", "/admin/waivers", waiver(cast, clock)),
    ):
        answer = await browser.post(path, data=form, headers={"referer": f"{HOME}{page}"})
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/me/confirm?next={page}"), path
    assert await stand(database, cast) == before


@pytest.mark.req("V-13")
async def test_confirming_leads_back_and_then_the_link_is_made(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    await give_password(database, cast.administrator)
    browser = await signed_in(cast.administrator)
    assert "/me/confirm" not in (await browser.get("/admin/people")).text
    clock.advance(minutes=11)
    assert "/me/confirm?next=/admin/people" in (await browser.get("/admin/people")).text
    assert "who may do what here" in (await browser.get("/me/confirm?next=/admin/people")).text
    browser.headers.pop("x-csrf-token")
    proof = {"password": PASSWORD, "code": code_at(clock.now), "next": "/admin/people"}
    assert (await sent(browser, "/me/confirm", **proof)).headers["location"] == "/admin/people"
    made = await browser.post("/admin/people", data=NEW)
    assert (made.status_code, "/invitations/" in made.text) == (200, True)


@pytest.mark.req("V-13", "Z-05")
async def test_program_with_a_session_of_long_ago_is_told_to_step_up(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    member, person_ = await invited(database, cast), f"/members/{cast.billing.member_id}"
    async with database.tx(cast.system) as tx:
        await actions.suspend_member(tx, cast.auditor.member_id or cast.clinic_id)
    program = await api(cast.administrator)
    clock.advance(minutes=11)
    before = await stand(database, cast)
    for method, path, body in (
        ("POST", "/members", NEW),
        ("POST", "/admin/users", NEW),
        ("POST", f"/members/{member}/invitation", {}),
        ("POST", f"/members/{cast.auditor.member_id}/reinstate", {}),
        ("POST", f"/admin/users/{cast.auditor.member_id}/reinstate", {}),
        ("PATCH", person_, {"role": "administrator"}),
        ("PUT", f"/admin/users/{cast.billing.member_id}/role", {"role": "administrator"}),
        ("PATCH", "/admin/settings", {"idle_minutes": 30}),
        ("POST", "/admin/waivers", waiver(cast, clock)),
    ):
        answer = await program.request(method, path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (403, "step-up-required"), path
    assert await stand(database, cast) == before
    # What is known of somebody beside their role is no such act.
    assert (await program.patch(person_, json={"credential": "CPC"})).status_code == 200


@pytest.mark.req("V-13")
async def test_session_is_as_old_as_its_factors_and_a_program_has_none(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    secret = (await api(cast.administrator)).headers["authorization"].removeprefix("Bearer ")
    async with database.tx_for(lambda tx: queries.actor_behind(tx, secret)) as tx:
        found = tx.actor
    assert found.proved_at == clock.now
    program = replace(found, kind="token", proved_at=None)
    cases: list[tuple[Actor, int, bool]] = [(found, 600, True), (found, 601, False), (program, 0, False)]
    cases += [(replace(program, kind="service"), 0, False), (cast.system, 601, True)]
    for actor, seconds, passes in cases:
        async with database.tx(actor) as tx:
            tx.now = clock.now + timedelta(seconds=seconds)
            if passes:
                require_fresh(tx)
            else:
                with pytest.raises(Unauthenticated, match="Confirm that it is you"):
                    require_fresh(tx)


def text_of(letter: Message) -> str:
    """Return what a letter says."""
    found = letter.get_payload(decode=True)
    assert isinstance(found, bytes)
    return found.decode()


def letters(database: Database) -> list[tuple[str, str]]:
    """Return address and text of every letter about settings."""
    post = database.stores.post
    assert isinstance(post, FolderPost)
    found = [message_from_bytes(file.read_bytes()) for file in sorted(post.folder.glob("*.eml"))]
    told = [one for one in found if one["Subject"] == "Settings of your organization were changed"]
    return [(str(one["To"]), " ".join(text_of(one).split())) for one in told]


@pytest.mark.req("N-08", "P-01")
async def test_other_administrators_and_the_privacy_contact_are_told_which_setting_changed(
    database: Database, cast: Cast, api: Visit
) -> None:
    def ours() -> list[tuple[str, str]]:
        return [one for one in letters(database) if cast.tenant_id.hex in one[0]]

    async with database.tx(cast.system) as tx:
        await person(tx, Role.ADMINISTRATOR, "second", cast.practitioner_id)
        known = replace(await queries.settings(tx), privacy_contact=f"privacy-{cast.tenant_id.hex}@example.com")
        await actions.change_settings(tx, known)
    here = {f"{name}-{cast.tenant_id.hex}@example.com" for name in ("second", "privacy")}
    first = ours()
    assert {to.partition("-")[0] for to, _ in first} == {"administrator", "second"}
    program = await api(cast.administrator)
    sent_ = {"administrators_see_health": False, "privacy_contact": "elsewhere@example.net"}
    assert (await program.patch("/admin/settings", json=sent_)).status_code == 200
    told = ours()[len(first) :]
    assert {to for to, _ in told} == here
    for _, text in told:
        assert "Administrator Person changed: Administrators see health data, Privacy contact." in text
        assert "elsewhere" not in text
    assert (await program.patch("/admin/settings", json=sent_)).status_code == 200
    assert ours() == [*first, *told]
