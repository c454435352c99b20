"""Members by program, service companies, and what the database itself refuses about people and clinics."""

import httpx
import pytest

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.time_log import actions as time_log
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled

LICENSE = {"kind": "RN", "state": "OH", "number": "OH-1", "expires_on": "2027-03-31"}


@pytest.fixture
async def program(cast: Cast, api: Visit) -> httpx.AsyncClient:
    return await api(cast.administrator)


async def test_patch_changes_what_is_sent_and_nothing_else(program: httpx.AsyncClient, cast: Cast) -> None:
    place = f"/members/{cast.coordinator.member_id}"
    sent = {"languages": ["ES", "zh-hant-tw", "es"], "licenses": [LICENSE], "weekly_hours": 36.5}
    changed = (await program.patch(place, json=sent)).json()
    assert changed["languages"] == ["es", "zh-Hant-TW"]
    assert (changed["licenses"], changed["weekly_hours"]) == ([LICENSE], 36.5)
    assert (changed["display_name"], changed["credential"]) == ("Coordinator Person", "RN")
    led = (await program.patch(place, json={"role": "billing"})).json()
    assert (led["role"], led["staff_role"], led["languages"]) == ("billing", "non_clinical", ["es", "zh-Hant-TW"])
    cleared = (await program.patch(place, json={"weekly_hours": None, "licenses": []})).json()
    assert (cleared["weekly_hours"], cleared["licenses"]) == (None, [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"role": "king"}, "role"),
        ({"weekly_hours": 0}, "weekly_hours"),
        ({"weekly_hours": 80.1}, "weekly_hours"),
        ({"languages": ["x"]}, "languages"),
        ({"licenses": [LICENSE, LICENSE]}, "licenses"),
        ({"licenses": [LICENSE | {"kind": "XX"}]}, "licenses"),
        ({"licenses": [LICENSE | {"expires_on": "1950-01-01"}]}, "licenses"),
    ],
)
async def test_unfit_change_is_refused_by_field(
    change: dict[str, object], field: str, program: httpx.AsyncClient, cast: Cast
) -> None:
    answer = await program.patch(f"/members/{cast.coordinator.member_id}", json=change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_suspended_is_not_suspended_again_and_who_is_at_work_not_reinstated(
    program: httpx.AsyncClient, cast: Cast
) -> None:
    place = f"/members/{cast.auditor.member_id}"
    assert (await program.post(f"{place}/reinstate")).status_code == 409
    assert (await program.post(f"{place}/suspend")).status_code == 204
    assert (await program.post(f"{place}/suspend")).status_code == 409
    assert (await program.post(f"{place}/invitation")).status_code == 409
    assert (await program.get(place)).json()["status"] == "suspended"


async def test_invitation_of_a_suspended_person_opens_nothing(program: httpx.AsyncClient) -> None:
    new = {"email": f"{new_id().hex}@example.com", "name": "New Person", "role": "auditor"}
    made = (await program.post("/members", json=new)).json()
    await program.post(f"/members/{made['member_id']}/suspend")
    token = made["link"].rpartition("/")[2]
    accepted = await program.post("/invitations/accept", json={"token": token, "password": "four unrelated words"})
    assert accepted.status_code == 404
    await program.post(f"/members/{made['member_id']}/reinstate")
    assert (await program.get(f"/members/{made['member_id']}")).json()["status"] == "invited"


async def test_clinic_is_changed_and_its_name_stays_its_own(program: httpx.AsyncClient, cast: Cast) -> None:
    place = f"/clinics/{cast.clinic_id}"
    changed = (await program.patch(place, json={"phone": "(555) 010-0100", "time_zone": "America/Denver"})).json()
    assert (changed["name"], changed["phone"], changed["time_zone"]) == (
        "Lakeside Clinic",
        "(555) 010-0100",
        "America/Denver",
    )
    await program.post("/clinics", json={"name": "Second", "time_zone": "America/Denver", "tin_group": "T"})
    assert (await program.patch(place, json={"name": "second"})).status_code == 409
    assert (await program.patch(place, json={"time_zone": "Moon/Base"})).status_code == 422


async def test_company_serves_tenants_that_say_so_each_behind_its_wall(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    slugs = [f"company-{new_id().hex}" for _ in range(2)]
    async with database.tx(Actor.operator()) as tx:
        ids = [await actions.create_company(tx, slug=slug, name="Tidewater Care Partners") for slug in slugs]
    for company_id in ids:
        async with database.tx(cast.system) as tx:
            await actions.serve_tenant(tx, company_id)
            await actions.serve_tenant(tx, company_id)
            standing = await queries.serving_company(tx)
            assert standing is not None
            assert standing.id == company_id
    async with database.tx(other.system) as tx:
        assert await queries.serving_company(tx) is None


async def test_no_tenants_own_people_make_a_company(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden, match="company:write"):
        async with database.tx(cast.administrator) as tx:
            await actions.create_company(tx, slug="x", name="X")


async def test_running_timer_keeps_a_person_and_their_clinics_zone_until_it_is_stopped(
    database: Database, cast: Cast, clock: HandClock, program: httpx.AsyncClient
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, *whom, "patient_call")
    clock.advance(minutes=5)
    place = f"/members/{cast.coordinator.member_id}"
    refused = await program.post(f"{place}/suspend")
    assert (refused.status_code, "timer is running" in refused.json()["detail"]) == (409, True)
    assert cast.coordinator.member_id is not None
    async with database.tx(cast.administrator) as tx:
        told = time_log.ToldEnd(clock.now, "They leave today")
        (logged,) = await time_log.stop_timer_of(tx, cast.coordinator.member_id, told)
    assert logged.seconds == 300
    assert (await program.post(f"{place}/suspend")).status_code == 204
    zone = await program.patch(f"/clinics/{cast.clinic_id}", json={"time_zone": "America/Denver"})
    assert (zone.status_code, "time zone cannot change" in zone.json()["detail"]) == (409, True)
    # Whoever still holds an old transaction's actor is refused by the database.
    with pytest.raises(Conflict, match="access has ended"):
        async with database.tx(cast.coordinator) as tx:
            await time_log.start_timer(tx, *whom, "patient_call")
