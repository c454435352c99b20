"""Sessions, clinics and people by program."""

import httpx
import pytest

from caretide.kernel.permissions import GRANTS, Role
from caretide.runtime.tx import Database
from tests.cast import NPI, Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, also_works_in, code_at, give_password, homeless

CLINIC = {"name": "Harbor Internists", "time_zone": "America/New_York", "tin_group": "TIN-1"}


@pytest.fixture
async def program(cast: Cast, api: Visit) -> httpx.AsyncClient:
    return await api(cast.administrator)


@pytest.fixture
def code(clock: HandClock) -> str:
    return code_at(clock.now)


async def open_session(
    client: httpx.AsyncClient, email: str, code: str, password: str = PASSWORD, **more: str
) -> httpx.Response:
    sent = {"email": email, "password": password, "code": code, **more}
    return await client.post("/api/v1/sessions", json=sent)


@pytest.mark.req("H-07", "N-04")
async def test_token_is_opened_with_password_and_code(
    client: httpx.AsyncClient, database: Database, cast: Cast, code: str
) -> None:
    email = await give_password(database, cast.coordinator)
    for wrong in ("000000", "", "abcd-efgh-jkmn"):
        assert (await open_session(client, email, wrong)).status_code == 401
    opened = await open_session(client, email, code)
    assert opened.status_code == 201
    assert opened.json()["tenant"] == cast.slug
    me = (await client.get("/api/v1/me", headers={"authorization": f"Bearer {opened.json()['token']}"})).json()
    assert me["role"] == "coordinator"
    assert me["name"] == "Coordinator Person"
    assert me["tenant"] == {"slug": cast.slug, "name": "Lakeside Health", "is_generated": True}
    assert set(me["permissions"]) == GRANTS[Role.COORDINATOR]


@pytest.mark.req("N-03")
async def test_wrong_password_is_a_problem(
    client: httpx.AsyncClient, database: Database, cast: Cast, code: str
) -> None:
    email = await give_password(database, cast.coordinator)
    answers = [await open_session(client, who, code, "wrong") for who in [email] * 4 + [f"nobody-{email}"]]
    assert {(a.status_code, a.headers["content-type"]) for a in answers} == {(401, "application/problem+json")}
    assert len({a.content for a in answers}) == 1
    fifth = await open_session(client, email, code, "wrong")
    assert (fifth.status_code, fifth.headers["retry-after"]) == (429, "1")
    assert (await open_session(client, email, code)).content == fifth.content


async def test_account_of_several_tenants_names_one(
    client: httpx.AsyncClient, database: Database, cast: Cast, code: str
) -> None:
    other = await assemble(database)
    email = await give_password(database, cast.coordinator)
    await also_works_in(database, cast.coordinator, other.manager)
    unnamed = await open_session(client, email, code)
    assert (unnamed.status_code, unnamed.json()["field"]) == (422, "tenant")
    assert cast.slug in unnamed.json()["detail"]
    assert other.slug in unnamed.json()["detail"]
    for slug in ("no-such-tenant", (await assemble(database)).slug):
        assert (await open_session(client, email, code, tenant=slug)).status_code == 403
    assert (await open_session(client, email, code, tenant=other.slug)).json()["tenant"] == other.slug


async def test_account_of_no_tenant_gets_no_token(client: httpx.AsyncClient, database: Database, code: str) -> None:
    _, email = await homeless(database)
    answer = await open_session(client, email, code)
    assert (answer.status_code, answer.json()["detail"]) == (403, "You do not work in any tenant")


async def test_clinic_is_made_read_and_listed(program: httpx.AsyncClient) -> None:
    made = await program.post("/clinics", json=CLINIC)
    assert made.status_code == 201
    read = (await program.get(f"/clinics/{made.json()['id']}")).json()
    assert (read["slug"], read["place_of_service"]) == ("harbor-internists", "11")
    assert [row["slug"] for row in (await program.get("/clinics")).json()] == ["harbor-internists", "lakeside"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"time_zone": "Moon/Base"}, "time_zone"), ({"provider_type": "x"}, "provider_type"), ({"slug": "A B"}, "slug")],
)
async def test_unfit_clinic_is_refused_by_field(change: dict[str, str], field: str, program: httpx.AsyncClient) -> None:
    answer = await program.post("/clinics", json=CLINIC | change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_fact_of_a_clinic_is_recorded_and_listed(program: httpx.AsyncClient, cast: Cast) -> None:
    place = f"/clinics/{cast.clinic_id}/facts"
    fact = {"kind": "certified-ehr", "value": True, "effective_on": "2026-01-01", "checked_on": "2026-10-01"}
    assert (await program.post(place, json=fact)).status_code == 201
    assert (await program.get(place)).json() == [fact | {"value": {"value": True}}]
    unknown = await program.post(place, json=fact | {"kind": "weather"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "kind")


async def test_practitioner_is_added_by_npi_and_updated(program: httpx.AsyncClient) -> None:
    new = {"npi": "1234567893", "family": "Ortiz", "given": "Ana", "tin_group": "TIN-1"}
    first = await program.post("/practitioners", json=new)
    again = await program.post("/practitioners", json=new | {"family": "Ortiz-Lee"})
    assert first.json() == again.json()
    assert {row["npi"]: row["family"] for row in (await program.get("/practitioners")).json()} == {
        NPI: "Raman",
        "1234567893": "Ortiz-Lee",
    }


async def test_member_is_invited_and_listed_once(program: httpx.AsyncClient) -> None:
    new = {"email": "New@Example.com", "name": "New Person", "role": "auditor"}
    made = await program.post("/members", json=new)
    assert made.status_code == 201
    listed = {row["email"]: row for row in (await program.get("/members")).json()}
    assert (listed["new@example.com"]["status"], listed["new@example.com"]["staff_role"]) == ("invited", "non_clinical")
    renewed = await program.post("/members", json=new)
    assert (renewed.status_code, renewed.json()["link"] != made.json()["link"]) == (201, True)
    assert [row["email"] for row in (await program.get("/members")).json()].count("new@example.com") == 1
    assert (await program.post("/members", json=new | {"email": "x@y.example", "role": "king"})).status_code == 422


@pytest.mark.parametrize("role", ["coordinator", "manager", "billing", "practitioner", "auditor"])
async def test_only_administrators_change_the_tenant(role: str, cast: Cast, api: Visit) -> None:
    program = await api(getattr(cast, role))
    assert (await program.post("/clinics", json=CLINIC)).status_code == 403
    somebody = {"email": "a@b.example", "name": "A", "role": "auditor"}
    assert (await program.post("/members", json=somebody)).status_code == 403
    new = {"npi": "1234567893", "family": "Ortiz", "given": "Ana"}
    assert (await program.post("/practitioners", json=new)).status_code == 403
    assert (await program.get("/clinics")).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"address": "x" * 501}, "address"),
        ({"phone": "5" * 51}, "phone"),
        ({"place_of_service": "office"}, "place_of_service"),
        ({"place_of_service": "\u0661\u0661"}, "place_of_service"),
    ],
)
async def test_unfit_text_of_a_clinic_is_refused(
    change: dict[str, str], field: str, program: httpx.AsyncClient
) -> None:
    answer = await program.post("/clinics", json=CLINIC | change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_second_clinic_of_a_name_is_refused(program: httpx.AsyncClient) -> None:
    answer = await program.post("/clinics", json=CLINIC | {"name": "LAKESIDE Clinic", "slug": "another"})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "There is already a clinic of this name; give this one another",
    )


@pytest.mark.parametrize(
    ("dates", "field"),
    [
        ({"effective_on": "1989-12-31"}, "effective_on"),
        ({"effective_on": "2026-10-06"}, "effective_on"),
        ({"checked_on": "2026-10-06"}, "checked_on"),
        ({"checked_on": "2025-12-31"}, "checked_on"),
    ],
)
async def test_day_of_a_clinics_fact_that_cannot_be_is_refused(
    dates: dict[str, str], field: str, program: httpx.AsyncClient, cast: Cast
) -> None:
    fact = {"kind": "certified-ehr", "value": True, "effective_on": "2026-01-01", "checked_on": "2026-10-01"} | dates
    answer = await program.post(f"/clinics/{cast.clinic_id}/facts", json=fact)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(("change", "field"), [({"name": "a\x1bb"}, "name"), ({"credential": "x" * 51}, "credential")])
async def test_unfit_text_of_a_member_is_refused(
    change: dict[str, str], field: str, program: httpx.AsyncClient
) -> None:
    new = {"email": "new@example.com", "name": "New Person", "role": "auditor"}
    answer = await program.post("/members", json=new | change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.req("V-13")
async def test_own_sessions_are_listed_and_ended_by_program(cast: Cast, api: Visit) -> None:
    one, two, three = [await api(cast.manager) for _ in range(3)]
    lines = (await one.get("/me/sessions")).json()
    assert [line["is_this"] for line in lines] == [True, False, False]
    assert (await one.delete(f"/me/sessions/{lines[1]['id']}")).status_code == 204
    assert sorted([(await each.get("/me")).status_code for each in (two, three)]) == [200, 401]
    assert (await one.delete("/me/sessions")).status_code == 204
    assert [(await each.get("/me")).status_code for each in (one, two, three)] == [200, 401, 401]
