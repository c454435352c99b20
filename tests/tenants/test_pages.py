"""The clinics' pages."""

import httpx
import pytest

from caretide.runtime.tx import Database
from caretide.tenants import queries
from tests.cast import Cast
from tests.client import Visit

SECOND = {
    "name": "Harbor Internists",
    "slug": "harbor",
    "time_zone": "America/New_York",
    "tin_group": "TIN-1",
    "provider_type": "rhc",
    "place_of_service": "72",
    "phone": "(555) 010-0199",
    "address": "9 Pier Road",
    "city": "Dunkirk",
    "region": "NY",
    "postal_code": "14048",
}


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.administrator)


async def test_clinic_is_added_with_its_address_and_setting(
    browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    made = await browser.post("/clinics", data=SECOND)
    assert made.headers["location"] == "/clinics"
    page = (await browser.get("/clinics")).text
    assert "The clinic was added." in page
    assert "Dunkirk, NY 14048" in page
    async with database.tx(cast.system) as tx:
        added = await queries.clinic_by_slug(tx, "harbor")
    assert added.address == "9 Pier Road, Dunkirk, NY 14048"
    assert (added.provider_type, added.place_of_service) == ("rhc", "72")


async def test_recorded_fact_stands_on_the_page_until_a_newer_one(browser: httpx.AsyncClient, cast: Cast) -> None:
    place = f"/clinics/{cast.clinic_id}"
    fact = {"value": "yes", "detail": "nurse line", "effective_on": "2026-01-01", "checked_on": "2026-10-01"}
    made = await browser.post(f"{place}/facts/round-the-clock-access", data=fact)
    assert made.headers["location"] == f"{place}#fact-round-the-clock-access"
    assert "Yes: nurse line" in (page := (await browser.get(place)).text)
    assert "Administrator Person" in page
    later = {"value": "no", "effective_on": "2026-10-01", "checked_on": "2026-10-05"}
    await browser.post(f"{place}/facts/round-the-clock-access", data=later)
    assert "Yes: nurse line" not in (await browser.get(place)).text
    assert "1 to record" in (await browser.get("/clinics")).text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": ""}, "Fill this in"),
        ({"effective_on": "soon"}, "valid date"),
        ({"checked_on": "2026-12-24"}, "a day that has not come"),
        ({"other": "x"}, "not permitted"),
    ],
)
async def test_unfit_fact_is_refused_beside_its_form(
    change: dict[str, str], told: str, browser: httpx.AsyncClient, cast: Cast
) -> None:
    fact = {"value": "yes", "effective_on": "2026-01-01", "checked_on": "2026-10-01"} | change
    answer = await browser.post(f"/clinics/{cast.clinic_id}/facts/certified-ehr", data=fact)
    assert answer.status_code == 422
    assert told in answer.text


async def test_practitioner_is_invited_with_an_npi(browser: httpx.AsyncClient, cast: Cast, database: Database) -> None:
    sent = {
        "clinic_id": str(cast.clinic_id),
        "name": "Ana Maria Ortiz",
        "email": "ortiz@example.com",
        "role": "practitioner",
        "credential": "FNP-C, NP",
    }
    refused = await browser.post("/members/invite", data=sent)
    assert refused.status_code == 422
    assert "has an NPI, and nobody else" in refused.text
    wrong = await browser.post("/members/invite", data=sent | {"npi": "1234567890"})
    assert "check digit" in wrong.text
    made = await browser.post("/members/invite", data=sent | {"npi": "1234567893"})
    assert made.status_code == 200
    assert "1234567893" in made.text
    async with database.tx(cast.system) as tx:
        added = {row.npi: row for row in await queries.practitioners(tx)}["1234567893"]
    assert (added.given, added.family, added.kind, added.tin_group) == (
        "Ana Maria",
        "Ortiz",
        "nurse_practitioner",
        "TIN-1",
    )


async def test_refused_invitation_leaves_nothing_behind(
    browser: httpx.AsyncClient, cast: Cast, database: Database
) -> None:
    sent = {"clinic_id": str(cast.clinic_id), "name": "A B", "email": "no", "role": "practitioner", "npi": "1234567893"}
    assert (await browser.post("/members/invite", data=sent)).status_code == 422
    async with database.tx(cast.system) as tx:
        assert "1234567893" not in {row.npi for row in await queries.practitioners(tx)}
