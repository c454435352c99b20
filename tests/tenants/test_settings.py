"""What a tenant decides about itself, with its history."""

from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from sqlalchemy import delete, func, insert, select, update

from caretide.kernel.errors import Invalid
from caretide.kernel.ids import new_id
from caretide.patients.models import Patient
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.models import TenantSetting
from caretide.tenants.rules.settings import TenantSettings
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled

SETTINGS = "/admin/settings"


@pytest.fixture
async def program(cast: Cast, api: Visit) -> httpx.AsyncClient:
    return await api(cast.administrator)


async def change(database: Database, cast: Cast, **changes: object) -> None:
    async with database.tx(cast.administrator) as tx:
        wanted = replace(await queries.settings(tx), **changes)
        await actions.change_settings(tx, wanted)


async def test_changes_are_kept_with_who_made_them_from_what_to_what(program: httpx.AsyncClient) -> None:
    assert (await program.get(SETTINGS)).json() == {
        "administrators_see_health": True,
        "idle_minutes": 15,
        "timer_ask_minutes": 5,
        "sign_in_policy": "any",
        "privacy_contact": "",
        "glass_members": [],
        "changes": [],
    }
    assert (await program.patch(SETTINGS, json={"idle_minutes": 10})).json()["idle_minutes"] == 10
    await program.patch(SETTINGS, json={"idle_minutes": 10})
    found = (await program.patch(SETTINGS, json={"idle_minutes": 30, "privacy_contact": "Privacy@Example.com"})).json()
    told = [(one["name"], one["before"], one["after"], one["by"]) for one in found["changes"]]
    by = "Administrator Person"
    assert sorted(told[:2]) == [("idle_minutes", 10, 30, by), ("privacy_contact", "", "privacy@example.com", by)]
    assert told[2:] == [("idle_minutes", 15, 10, by)]


@pytest.mark.req("P-01")
async def test_administrators_lose_health_data_with_their_next_request(
    database: Database, cast: Cast, program: httpx.AsyncClient, signed_in: Visit
) -> None:
    patient_id, _ = await enrolled(database, cast)
    browser = await signed_in(cast.administrator)
    assert (await program.get(f"/patients/{patient_id}")).status_code == 200
    assert (await program.patch(SETTINGS, json={"administrators_see_health": False})).status_code == 200
    refused = await program.get(f"/patients/{patient_id}")
    assert (refused.status_code, refused.json()["permission"]) == (403, "patient:read")
    for place in ("/admin", "/admin/people", f"/admin/people/{cast.coordinator.member_id}", "/clinics", SETTINGS):
        assert (await browser.get(place)).status_code == 200, place
    for place in ("/my-day", "/team", "/months"):
        assert (await browser.get(place, follow_redirects=True)).status_code == 403, place
    await program.patch(SETTINGS, json={"administrators_see_health": True})
    assert (await program.get(f"/patients/{patient_id}")).status_code == 200


@pytest.mark.req("P-01")
async def test_the_database_shows_such_an_administrator_no_patient(
    database: Database, cast: Cast, program: httpx.AsyncClient
) -> None:
    await enrolled(database, cast)
    await program.patch(SETTINGS, json={"administrators_see_health": False})
    secret = program.headers["authorization"].removeprefix("Bearer ")
    async with database.tx_for(lambda tx: queries.actor_behind(tx, secret)) as tx:
        assert tx.actor.walled
        assert (await tx.db.execute(select(func.count()).select_from(Patient))).scalar_one() == 0


async def test_a_session_rests_when_the_tenant_says(
    database: Database, cast: Cast, clock: HandClock, program: httpx.AsyncClient
) -> None:
    await change(database, cast, idle_minutes=5)
    clock.advance(minutes=4)
    assert (await program.get("/me")).status_code == 200
    clock.advance(minutes=6)
    assert (await program.get("/me")).status_code == 401


async def test_a_tenant_may_let_sessions_rest_for_half_an_hour(
    database: Database, cast: Cast, clock: HandClock, program: httpx.AsyncClient
) -> None:
    await change(database, cast, idle_minutes=30)
    clock.advance(minutes=29)
    assert (await program.get("/me")).status_code == 200


async def test_one_tenants_settings_are_not_of_another(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    await change(database, cast, idle_minutes=5, privacy_contact="us@example.com")
    async with database.tx(other.administrator) as tx:
        assert await queries.settings(tx) == TenantSettings()
        assert await queries.changes_of_settings(tx) == []


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"idle_minutes": 4}, "idle_minutes"),
        ({"idle_minutes": 31}, "idle_minutes"),
        ({"timer_ask_minutes": 4}, "timer_ask_minutes"),
        ({"privacy_contact": "nobody"}, "email"),
        ({"glass_members": [str(new_id())]}, "glass_members"),
    ],
)
async def test_an_unfit_setting_is_refused_by_field(
    sent: dict[str, object], field: str, program: httpx.AsyncClient
) -> None:
    answer = await program.patch(SETTINGS, json=sent)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_emergency_access_is_for_people_at_work(database: Database, cast: Cast) -> None:
    chosen = (cast.coordinator.member_id or UUID(int=0),)
    await change(database, cast, glass_members=chosen)
    async with database.tx(cast.coordinator) as tx:
        assert (await queries.settings(tx)).glass_members == chosen
    async with database.tx(cast.system) as tx:
        await actions.suspend_member(tx, cast.auditor.member_id or UUID(int=0))
    with pytest.raises(Invalid, match="at work here"):
        await change(database, cast, glass_members=(*chosen, cast.auditor.member_id))


async def test_history_is_neither_changed_nor_removed(database: Database, cast: Cast) -> None:
    await change(database, cast, idle_minutes=5)
    for statement in (update(TenantSetting).values(value=15), delete(TenantSetting)):
        with pytest.raises(Exception, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(statement)
    row = {"id": new_id(), "name": "idle_minutes", "value": 500, "recorded_at": func.now()}
    with pytest.raises(Invalid):
        async with database.tx(cast.system) as tx:
            await tx.db.execute(insert(TenantSetting).values(**row))


async def test_only_who_administers_changes_settings(cast: Cast, api: Visit) -> None:
    for actor in (cast.manager, cast.coordinator, cast.billing, cast.practitioner):
        answer = await (await api(actor)).get(SETTINGS)
        assert (answer.status_code, answer.json()["permission"]) == (403, "tenant:read")
        answer = await (await api(actor)).patch(SETTINGS, json={"idle_minutes": 5})
        assert (answer.status_code, answer.json()["permission"]) == (403, "tenant:write")


async def test_an_administrator_changes_settings_on_the_page(cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.administrator)
    assert "Nothing was changed" in (await browser.get(SETTINGS)).text
    sent = {"administrators_see_health": "true", "idle_minutes": "10", "privacy_contact": "privacy@example.com"}
    sent |= {"glass_members": str(cast.coordinator.member_id)}
    assert (await browser.post(SETTINGS, data=sent)).status_code == 303
    page = (await browser.get(SETTINGS)).text
    assert "Who may use emergency access" in page
    assert "Coordinator Person" in page
    refused = await browser.post(SETTINGS, data=sent | {"privacy_contact": "nobody"})
    assert refused.status_code == 422
