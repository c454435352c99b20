"""Every refusal names what is wrong and what to do, and tells nothing that it should not."""

from contextlib import AsyncExitStack

import httpx
import pytest

from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import HOME, Visit

CANARY = "Canary-1948-03-17"


async def test_unknown_page_is_a_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>Nothing here</h1>" in answer.text


async def test_unknown_address_of_the_api_is_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nothing")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": "Nothing here", "status": 404, "detail": "Not Found"}


@pytest.mark.req("T-23")
async def test_foreign_id_answers_byte_for_byte_as_an_unknown_one(
    database: Database, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    other = await assemble(database)
    program, browser = await api(cast.administrator), await signed_in(cast.administrator)
    fact = {"value": "yes", "effective_on": "2026-01-01", "checked_on": "2026-10-01"}
    body = fact | {"value": True, "kind": "certified-ehr"}
    invited = {"name": "N", "email": "n@example.com", "role": "coordinator"}
    for clinic_id in (other.clinic_id, new_id()):
        assert (await browser.get(f"/clinics/{clinic_id}")).status_code == 404
    ids = (other.clinic_id, new_id())
    pairs = [
        [await program.get(f"/clinics/{id_}") for id_ in ids],
        [await program.post(f"/clinics/{id_}/facts", json=body) for id_ in ids],
        [await browser.get(f"/clinics/{id_}") for id_ in ids],
        [await browser.post(f"/clinics/{id_}/facts/certified-ehr", data=fact) for id_ in ids],
        [await browser.post("/members/invite", data=invited | {"clinic_id": str(id_)}) for id_ in ids],
        [await browser.post("/tenants", data={"tenant_id": str(i)}) for i in (other.tenant_id, new_id())],
    ]
    for foreign, unknown in pairs:
        assert (foreign.status_code, foreign.content) == (404, unknown.content)
        assert dict(foreign.headers) == dict(unknown.headers)


async def test_lack_of_permission_names_it(cast: Cast, api: Visit, signed_in: Visit) -> None:
    program, browser = await api(cast.coordinator), await signed_in(cast.coordinator)
    answer = await program.post("/clinics", json={"name": "N", "time_zone": "America/Denver", "tin_group": "T"})
    assert answer.status_code == 403
    assert answer.json()["permission"] == "clinic:write"
    page = await browser.get("/clinics")
    assert page.status_code == 403
    assert "<code>clinic:write</code>" in page.text


@pytest.mark.req("W-16")
@pytest.mark.parametrize(
    "body",
    [
        {"name": [CANARY], "time_zone": CANARY, "tin_group": {"x": CANARY}},
        {"name": CANARY},
        [CANARY],
        CANARY,
    ],
)
async def test_unfit_body_is_refused_without_being_quoted(body: object, cast: Cast, api: Visit) -> None:
    answer = await (await api(cast.administrator)).post("/clinics", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert CANARY not in answer.text


@pytest.mark.req("W-16", "V-05")
async def test_unfit_id_text_and_unknown_field_are_refused_without_being_quoted(cast: Cast, api: Visit) -> None:
    program = await api(cast.administrator)
    unknown = {"name": "N", "time_zone": "America/Denver", "tin_group": "T", "tenant_id": CANARY}
    for answer in (
        await program.get(f"/clinics/{CANARY}"),
        await program.post("/clinics", content=f'{{"name": "{CANARY}'),
        await program.post("/clinics", json=unknown),
    ):
        assert answer.status_code == 422
        assert CANARY not in answer.text


async def test_refused_form_comes_back_with_what_was_typed_and_what_is_wrong(cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.administrator)
    typed = {"name": "Second", "slug": "lakeside", "time_zone": "America/Denver", "tin_group": "T"}
    answer = await browser.post("/clinics", data=typed)
    assert answer.status_code == 422
    assert "There is already a clinic &#39;lakeside&#39;" in answer.text
    assert 'value="Second"' in answer.text
    missing = await browser.post("/clinics", data=typed | {"tin_group": ""})
    assert "Fill this in" in missing.text
    unfit = await browser.post(f"/clinics/{cast.clinic_id}/facts/certified-ehr", data={"value": "yes"})
    assert unfit.status_code == 422


async def test_unfit_address_of_a_page_is_a_page(cast: Cast, signed_in: Visit) -> None:
    answer = await (await signed_in(cast.administrator)).get(f"/clinics/{CANARY}")
    assert answer.status_code == 422
    assert CANARY not in answer.text


async def test_stranger_is_led_to_sign_in_and_back(client: httpx.AsyncClient) -> None:
    asked = await client.get("/clinics")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=/clinics")
    sent = await client.post("/clinics", data={})
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")
    assert 'name="next" value="/clinics"' in (await client.get(asked.headers["location"])).text


async def test_fragment_of_an_ended_session_leads_the_whole_page_to_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/clinics", headers={"hx-request": "true"})
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["hx-redirect"] == "/sign-in?next=/clinics"


@pytest.mark.req("V-10", "T-30")
async def test_header_or_cookie_chooses_no_tenant(
    database: Database, cast: Cast, api: Visit, stack: AsyncExitStack
) -> None:
    other = await assemble(database)
    program = await api(cast.administrator)
    claimed = {"x-tenant": other.slug, "x-tenant-id": str(other.tenant_id), "x-forwarded-host": "elsewhere.example"}
    answer = await program.get("/tenant", headers=claimed, params={"tenant": other.slug})
    assert answer.json()["slug"] == cast.slug
    new = {"email": "n@example.com", "name": "N", "role": "auditor"}
    link = await program.post("/members", json=new, headers=claimed)
    assert link.json()["link"].startswith(f"{HOME}/invitations/")
