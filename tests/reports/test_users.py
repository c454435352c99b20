"""Administration by program: the tenant's people, and nobody who gives themselves a role."""

import httpx
import pytest
from sqlalchemy import update

from caretide.kernel.errors import Conflict
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from tests.cast import Cast
from tests.client import Visit

USERS = "/admin/users"


@pytest.fixture
async def program(cast: Cast, api: Visit) -> httpx.AsyncClient:
    return await api(cast.administrator)


async def test_users_are_listed_by_role_and_status(program: httpx.AsyncClient, cast: Cast) -> None:
    everybody = (await program.get(USERS)).json()
    assert (everybody["total"], everybody["page"], everybody["pages"]) == (7, 1, 1)
    assert [one["name"] for one in everybody["users"]] == sorted(one["name"] for one in everybody["users"])
    some = (await program.get(f"{USERS}?role=coordinator&status=active")).json()
    assert {one["role"] for one in some["users"]} == {"coordinator"}
    assert some["total"] == 2
    here = next(one for one in everybody["users"] if one["id"] == str(cast.administrator.member_id))
    assert here["sessions"] == 1
    assert (await program.get(f"{USERS}?page=99")).json()["page"] == 1


async def test_a_user_is_invited_given_another_role_suspended_and_let_in_again(program: httpx.AsyncClient) -> None:
    made = (await program.post(USERS, json={"email": "nina@example.com", "name": "Nina Ode", "role": "billing"})).json()
    home = f"{USERS}/{made['member_id']}"
    invited = (await program.get(home)).json()
    assert (invited["status"], invited["invited_until"][:10]) == ("invited", made["expires_at"][:10])
    changed = await program.put(f"{home}/role", json={"role": "manager"})
    assert (changed.status_code, changed.json()["role"]) == (200, "manager")
    assert (await program.post(f"{home}/suspend")).status_code == 204
    assert (await program.get(home)).json()["status"] == "suspended"
    assert (await program.post(f"{home}/reinstate")).status_code == 204


async def test_a_role_that_is_none_is_refused_by_field(program: httpx.AsyncClient, cast: Cast) -> None:
    home = f"{USERS}/{cast.billing.member_id}/role"
    answer = await program.put(home, json={"role": "operator"})
    assert (answer.status_code, answer.json()["field"]) == (422, "role")
    answer = await program.put(home, json={"role": "practitioner"})
    assert (answer.status_code, answer.json()["field"]) == (422, "practitioner_id")
    assert (await program.put(home, json={"role": "auditor", "more": 1})).status_code == 422


@pytest.mark.req("Z-06")
async def test_nobody_gives_themselves_a_role(program: httpx.AsyncClient, cast: Cast) -> None:
    home = f"{USERS}/{cast.administrator.member_id}"
    assert (await program.put(f"{home}/role", json={"role": "coordinator"})).status_code == 403
    assert (await program.post(f"{home}/suspend")).status_code == 403


@pytest.mark.req("Z-06")
@pytest.mark.parametrize("change", [{"role": "administrator"}, {"status": "suspended"}])
async def test_the_database_itself_refuses_a_role_one_gives_oneself(
    change: dict[str, str], database: Database, cast: Cast
) -> None:
    mine = update(Member).where(Member.id == cast.coordinator.member_id).values(**change)
    with pytest.raises(Conflict, match="Nobody changes their own role"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(mine)


async def test_who_may_not_is_told_which_permission_is_lacking(cast: Cast, api: Visit) -> None:
    for actor in (cast.manager, cast.coordinator, cast.billing, cast.practitioner, cast.auditor):
        answer = await (await api(actor)).get(USERS)
        assert (answer.status_code, answer.json()["permission"]) == (403, "member:write")
    answer = await (await api(cast.billing)).get("/manager/team-metrics")
    assert (answer.status_code, answer.json()["permission"]) == (403, "team:read")
    assert (await (await api(cast.manager)).get("/manager/team-metrics")).status_code == 200


async def test_another_tenants_user_is_not_there(program: httpx.AsyncClient) -> None:
    unknown = "0190a6c2-0000-7000-8000-000000000000"
    assert (await program.get(f"{USERS}/{unknown}")).status_code == 404
    assert (await program.put(f"{USERS}/{unknown}/role", json={"role": "billing"})).status_code == 404
