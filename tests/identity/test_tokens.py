"""Tokens of programs: shown once, never more than their owner, and gone with them."""

import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp

from caretide.identity.models import ApiToken
from caretide.identity.queries import session_hash
from caretide.identity.rules import TOKEN, token_place
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import (
    BASE,
    GRANTS,
    IN_PERSON,
    PERSONAL,
    SERVICE,
    Role,
    token_permissions,
    token_scopes,
)
from caretide.runtime.models import AuditEvent
from caretide.runtime.tx import Database
from caretide.tenants.models import Member, TenantSetting
from tests.cast import Cast, assemble
from tests.client import COOKIE, HOME, Visit, visitor
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled

Show = Callable[..., Awaitable[httpx.AsyncClient]]
READS = {"name": "Warehouse", "days": 30, "scopes": ["patient:read"]}


@pytest.fixture
def show(application: ASGIApp, stack: AsyncExitStack) -> Show:
    """Return a program that shows a token, from an address if that matters."""

    async def program(token: str, network: str = "") -> httpx.AsyncClient:
        made = await stack.enter_async_context(visitor(application, f"{HOME}/api/v1", network))
        made.headers["authorization"] = f"Bearer {token}"
        return made

    return program


async def make(api: Visit, actor: Actor, **changes: Any) -> dict[str, str]:
    """Make a token in an actor's name."""
    answer = await (await api(actor)).post("/me/tokens", json=READS | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def service(api: Visit, cast: Cast, **changes: Any) -> tuple[str, dict[str, str]]:
    """Make a service account with a token; return its id and the token."""
    program = await api(cast.administrator)
    made = (await program.post("/admin/service-accounts", json={"name": "Nightly import"})).json()["id"]
    answer = await program.post(f"/admin/service-accounts/{made}/tokens", json=READS | changes)
    assert answer.status_code == 201, answer.text
    return made, answer.json()


@pytest.mark.req("W-13")
async def test_token_is_shown_once_and_kept_as_a_hash(
    database: Database, cast: Cast, api: Visit, server: Server
) -> None:
    made = await make(api, cast.coordinator)
    assert TOKEN.fullmatch(made["token"])
    assert made["token"].startswith(f"caretide_dev_{cast.tenant_id.hex}")
    listed = (await (await api(cast.coordinator)).get("/me/tokens")).text
    assert made["id"] in listed
    assert made["token"] not in listed
    with psycopg.connect(server.admin) as connection:
        rows = connection.execute("SELECT t::text FROM api_tokens AS t WHERE id = %s", (made["id"],)).fetchall()
    assert made["token"].rpartition("_")[2] not in str(rows)
    async with database.tx(cast.system) as tx:
        kept = (await tx.db.execute(select(ApiToken.secret_hash).where(ApiToken.id == made["id"]))).scalar_one()
    assert bytes(kept) == session_hash(made["token"])


@pytest.mark.req("W-13")
async def test_page_shows_the_token_on_the_answer_that_made_it_alone(cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.coordinator)
    made = await browser.post(
        "/me/tokens", data={"name": "Sheet", "days": "30", "scopes": ["patient:read", "time:read"]}
    )
    assert made.status_code == 200, made.text
    found = TOKEN.search(made.text)
    assert found
    again = (await browser.get("/me/tokens")).text
    assert ("Sheet" in again, bool(TOKEN.search(again))) == (True, False)
    revoke = re.search(r'action="(/me/tokens/[^"]+/revoke)"', again)
    assert revoke
    assert (await browser.post(revoke[1])).status_code == 303
    assert "Revoked" in (await browser.get("/me/tokens")).text


@pytest.mark.req("W-13")
async def test_token_does_what_it_was_made_for_and_no_more(cast: Cast, api: Visit, show: Show) -> None:
    program = await show((await make(api, cast.manager))["token"])
    assert (await program.get("/patients")).status_code == 200
    assert (await program.get("/me")).json()["role"] == "manager"
    refused = await program.get("/manager/team-metrics")
    assert (refused.status_code, refused.json()["permission"]) == (403, "team:read")


@pytest.mark.req("W-13")
@pytest.mark.parametrize("role", list(Role))
def test_no_scope_gives_more_than_the_owner_has(role: Role) -> None:
    everything = [str(one) for one in GRANTS[Role.ADMINISTRATOR]]
    assert token_permissions(GRANTS[role], everything) <= GRANTS[role]
    assert not token_permissions(GRANTS[role], everything) & (PERSONAL | IN_PERSON)
    assert not token_scopes(GRANTS[role]) & (PERSONAL | IN_PERSON)
    assert token_permissions(GRANTS[role], ()) == BASE
    assert token_permissions(SERVICE, everything) <= SERVICE


@pytest.mark.req("W-13")
async def test_what_the_owner_may_not_do_is_no_scope(cast: Cast, api: Visit) -> None:
    program = await api(cast.billing)
    for scopes in (["member:write"], ["patient:read", "tenant:write"], ["self:manage"], ["nonsense"], []):
        refused = await program.post("/me/tokens", json=READS | {"scopes": scopes})
        assert (refused.status_code, refused.json()["field"]) == (422, "scopes")


@pytest.mark.req("W-13")
@pytest.mark.parametrize("days", [0, -1, 366, 4000])
async def test_token_lasts_a_year_at_most(days: int, cast: Cast, api: Visit) -> None:
    refused = await (await api(cast.billing)).post("/me/tokens", json=READS | {"days": days})
    assert (refused.status_code, refused.json()["field"]) == (422, "days")


@pytest.mark.req("W-13")
async def test_database_takes_no_longer_token_and_brings_none_back(database: Database, cast: Cast, api: Visit) -> None:
    made = await make(api, cast.coordinator)
    program = await api(cast.coordinator)
    assert (await program.delete(f"/me/tokens/{made['id']}")).status_code == 204
    this = update(ApiToken).where(ApiToken.id == made["id"])
    for values in ({"expires_at": database.clock() + timedelta(days=300)}, {"scopes": ["tenant:write"]}):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(this.values(**values))
    with pytest.raises(Exception, match="was revoked"):
        async with database.tx(cast.system) as tx:
            await tx.db.execute(this.values(revoked_at=None))


@pytest.mark.req("W-13")
async def test_expired_revoked_unknown_and_altered_tokens_are_told_alike(
    cast: Cast, api: Visit, show: Show, clock: HandClock
) -> None:
    made = [await make(api, cast.coordinator) for _ in range(3)]
    spent, revoked, good = (one["token"] for one in made)
    assert (await (await api(cast.coordinator)).delete(f"/me/tokens/{made[1]['id']}")).status_code == 204
    altered = good[:-1] + ("a" if good[-1] != "a" else "b")
    elsewhere = good.replace(cast.tenant_id.hex, cast.tenant_id.hex[::-1])
    foreign = f"caretide_prod_{'0' * 64}_{'a' * 43}"
    assert (await (await show(good)).get("/me")).status_code == 200
    bodies = {(await (await show(one)).get("/me")).text for one in (revoked, altered, elsewhere, foreign)}
    clock.advance(days=31)
    bodies |= {(await (await show(spent)).get("/me")).text}
    assert len(bodies) == 1
    assert "revoked, has expired or never was" in bodies.pop()


@pytest.mark.req("W-13", "H-11")
async def test_token_ends_with_its_owner(database: Database, cast: Cast, api: Visit, show: Show) -> None:
    program = await show((await make(api, cast.coordinator))["token"])
    assert (await program.get("/patients")).status_code == 200
    async with database.tx(cast.system) as tx:
        one = update(Member).where(Member.id == cast.coordinator.member_id)
        await tx.db.execute(one.values(status="suspended", suspended_at=tx.now))
    assert (await program.get("/patients")).status_code == 401


@pytest.mark.req("W-13")
async def test_token_shrinks_with_its_owners_role_and_the_tenants_settings(
    database: Database, cast: Cast, api: Visit, show: Show
) -> None:
    managers = await show((await make(api, cast.manager, scopes=["patient:read", "team:read"]))["token"])
    administrators = await show((await make(api, cast.administrator, scopes=["patient:read", "ending:read"]))["token"])
    assert (await managers.get("/manager/team-metrics")).status_code == 200
    assert (await administrators.get("/patients")).status_code == 200
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).where(Member.id == cast.manager.member_id).values(role="billing"))
        said = {"name": "administrators_see_health", "value": False, "recorded_at": tx.now}
        await tx.db.execute(insert(TenantSetting).values(id=cast.clinic_id, **said))
    assert (await managers.get("/manager/team-metrics")).status_code == 403
    assert (await administrators.get("/patients")).status_code == 403
    assert (await administrators.get("/admin/access-endings")).status_code == 200


@pytest.mark.req("W-13")
async def test_token_makes_no_token_and_ends_no_session(cast: Cast, api: Visit, show: Show) -> None:
    everything = sorted(GRANTS[Role.ADMINISTRATOR] - GRANTS[Role.BILLING] - PERSONAL - IN_PERSON)
    made = await make(api, cast.administrator, scopes=everything)
    program = await show(made["token"])
    assert (await program.post("/me/tokens", json=READS)).status_code == 403
    assert (await program.get("/me/tokens")).status_code == 403
    assert (await program.get("/me/sessions")).json()["permission"] == "self:manage"
    assert (await program.delete("/me/sessions")).status_code == 403
    account, _ = await service(api, cast)
    assert (await program.post("/admin/service-accounts", json={"name": "Mine"})).status_code == 403
    assert (await program.post(f"/admin/service-accounts/{account}/tokens", json=READS)).status_code == 403


@pytest.mark.req("W-13", "Z-05")
@pytest.mark.parametrize("scope", sorted(IN_PERSON))
async def test_no_token_is_made_that_lets_people_in(scope: str, cast: Cast, api: Visit) -> None:
    refused = await (await api(cast.administrator)).post("/me/tokens", json=READS | {"scopes": [scope]})
    assert (refused.status_code, refused.json()["field"]) == (422, "scopes")


@pytest.mark.req("W-13", "Z-05", "V-14")
async def test_token_made_with_it_before_lets_nobody_in(
    database: Database, cast: Cast, api: Visit, show: Show, clock: HandClock
) -> None:
    """A token that carried everything when it was made: neither links, roles, settings nor the like."""
    text = f"caretide_dev_{cast.tenant_id.hex}{new_id().hex}_{'k' * 43}"
    place = token_place(text)
    assert place
    async with database.tx(cast.administrator) as tx:
        whose = {"member_id": cast.administrator.member_id, "account_id": cast.administrator.account_id}
        row = {"id": place[1], "name": "Old", "scopes": sorted(IN_PERSON | {"patient:read"}), "networks": [], **whose}
        times = {"created_at": tx.now, "expires_at": tx.now + timedelta(days=30)}
        await tx.db.execute(insert(ApiToken).values(**row, **times, secret_hash=session_hash(text)))
    program, member = await show(text), f"/members/{cast.billing.member_id}"
    assert (await program.get("/patients")).status_code == 200
    person = {"email": "mallory@example.com", "name": "Mallory", "role": "administrator"}
    waived = {"member_id": str(cast.manager.member_id), "duty": "approve_own_time", "reason": "Few"}
    waived["ends_on"] = f"{clock.now.date() + timedelta(days=9)}"
    for method, path, body in (
        ("POST", "/members", person),
        ("POST", "/admin/users", person),
        ("POST", f"{member}/invitation", {}),
        ("POST", f"{member}/reinstate", {}),
        ("POST", f"{member}/new-way-in", {"reason": "We spoke"}),
        ("PATCH", member, {"role": "administrator"}),
        ("PATCH", "/admin/settings", {"idle_minutes": 30}),
        ("POST", "/admin/waivers", waived),
        ("POST", "/admin/service-accounts", {"name": "Mine"}),
        ("POST", "/emergency/search", {"number": "M001"}),
    ):
        answer = await program.request(method, path, json=body)
        assert (answer.status_code, answer.json().get("permission") in IN_PERSON) == (403, True), path


async def test_token_takes_a_recent_sign_in(cast: Cast, signed_in: Visit, clock: HandClock) -> None:
    browser = await signed_in(cast.coordinator)
    clock.advance(minutes=11)
    asked = await browser.post("/me/tokens", data={"name": "Late", "days": "30", "scopes": "patient:read"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/me/confirm")


async def test_token_in_a_cookie_is_no_session(
    cast: Cast, api: Visit, application: ASGIApp, stack: AsyncExitStack
) -> None:
    made = await make(api, cast.manager)
    browser = await stack.enter_async_context(visitor(application))
    browser.cookies.set(COOKIE, made["token"])
    found = await browser.get("/team")
    assert (found.status_code, found.headers["location"]) == (303, "/sign-in?next=/team")


@pytest.mark.req("W-13")
async def test_token_is_of_use_from_its_networks_alone(cast: Cast, api: Visit, show: Show) -> None:
    made = await make(api, cast.coordinator, networks=["203.0.113.0/24", "2001:db8:5::/48"])
    answers = [
        (await (await show(made["token"], address)).get("/me")).status_code
        for address in ("203.0.113.9", "2001:db8:5::1", "203.0.114.9", "2001:db8:6::1")
    ]
    assert answers == [200, 200, 401, 401]
    refused = await (await api(cast.coordinator)).post("/me/tokens", json=READS | {"networks": ["the office"]})
    assert (refused.status_code, refused.json()["field"]) == (422, "networks")


@pytest.mark.req("W-13")
async def test_last_use_is_kept_to_the_minute(cast: Cast, api: Visit, show: Show, clock: HandClock) -> None:
    program = await show((await make(api, cast.coordinator))["token"])

    async def used() -> str | None:
        return (await (await api(cast.coordinator)).get("/me/tokens")).json()[0]["last_used_at"]

    assert await used() is None
    await program.get("/me")
    first = await used()
    assert first is not None
    clock.advance(seconds=30)
    await program.get("/me")
    assert await used() == first
    clock.advance(seconds=31)
    await program.get("/me")
    assert (await used() or "") > first


async def test_roster_wall_stands_before_a_coordinators_token(
    database: Database, cast: Cast, api: Visit, show: Show
) -> None:
    mine, _ = await enrolled(database, cast)
    other, _ = await enrolled(database, cast, to=cast.other_coordinator)
    program = await show((await make(api, cast.coordinator))["token"])
    assert (await program.get(f"/patients/{mine}")).status_code == 200
    assert (await program.get(f"/patients/{other}")).status_code == 404


@pytest.mark.req("W-13")
async def test_service_account_reads_and_never_signs_in(database: Database, cast: Cast, api: Visit, show: Show) -> None:
    made, token = await service(api, cast, scopes=["patient:read", "patient:import"])
    program = await show(token["token"])
    assert (await program.get("/patients")).status_code == 200
    assert (await program.get("/me")).json()["role"] == "service account"
    refused = await program.get("/manager/team-metrics")
    assert (refused.status_code, refused.json()["permission"]) == (403, "team:read")
    async with database.tx(cast.system) as tx:
        seen = (await tx.db.execute(select(AuditEvent).where(AuditEvent.actor_kind == "service"))).mappings().all()
    assert {(str(one["account_id"]), one["session"]) for one in seen} == {
        (made, session_hash(token["token"])[:16].hex())
    }
    program = await api(cast.administrator)
    assert (await program.delete(f"/admin/service-accounts/{made}")).status_code == 204
    assert (await (await show(token["token"])).get("/me")).status_code == 401
    again = await program.post(f"/admin/service-accounts/{made}/tokens", json=READS)
    assert again.status_code == 409


@pytest.mark.req("W-13")
async def test_service_token_carries_nothing_that_takes_a_person(cast: Cast, api: Visit) -> None:
    program = await api(cast.administrator)
    made = (await program.post("/admin/service-accounts", json={"name": "Nightly"})).json()["id"]
    for scope in ("time:write", "time:approve", "member:write", "month:close", "audit:read"):
        refused = await program.post(f"/admin/service-accounts/{made}/tokens", json=READS | {"scopes": [scope]})
        assert (refused.status_code, refused.json()["field"]) == (422, "scopes")
    assert (await program.post("/admin/service-accounts", json={"name": "Nightly"})).status_code == 409


async def test_administrators_pages_list_and_revoke_every_token(
    cast: Cast, api: Visit, show: Show, signed_in: Visit
) -> None:
    mine = await make(api, cast.coordinator)
    account, theirs = await service(api, cast)
    browser = await signed_in(cast.administrator)
    page = (await browser.get("/admin/tokens")).text
    assert all(name in page for name in ("Warehouse", "Coordinator Person", "Nightly import"))
    assert "Nightly import" in (await browser.get(f"/admin/service-accounts/{account}")).text
    for one in (mine, theirs):
        assert (await browser.post(f"/admin/tokens/{one['id']}/revoke")).status_code == 303
        assert (await (await show(one["token"])).get("/me")).status_code == 401
        assert (await browser.post(f"/admin/tokens/{one['id']}/revoke")).status_code == 303
    made = await browser.post(
        f"/admin/service-accounts/{account}/tokens", data={"name": "New", "days": "7", "scopes": "patient:read"}
    )
    assert TOKEN.search(made.text)
    assert (await browser.post(f"/admin/service-accounts/{account}/end")).status_code == 303
    assert "Ended" in (await browser.get(f"/admin/service-accounts/{account}")).text
    wrong = await browser.post("/admin/service-accounts", data={"name": ""})
    assert wrong.status_code == 422


async def test_nobody_else_sees_or_revokes_a_token(database: Database, cast: Cast, api: Visit, show: Show) -> None:
    made = await make(api, cast.coordinator)
    other = await assemble(database)
    for actor, path, status in (
        (cast.other_coordinator, f"/me/tokens/{made['id']}", 404),
        (cast.manager, f"/admin/tokens/{made['id']}", 403),
        (other.administrator, f"/admin/tokens/{made['id']}", 404),
        (replace(other.administrator), f"/me/tokens/{made['id']}", 404),
    ):
        assert (await (await api(actor)).delete(path)).status_code == status
    assert (await (await show(made["token"])).get("/me")).status_code == 200
