"""The list of events: who may see it, what narrows and sorts it, and that reading it is on record."""

import csv
import io
from datetime import date
from uuid import UUID

import httpx
import pytest

from caretide.audit.queries import events
from caretide.audit.queries.events import SORTS
from caretide.audit.schemas import Asked
from caretide.kernel.permissions import Permission
from caretide.patients import queries as patients
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit
from tests.patients.cohort import admit

SINCE = {"since": "2020-01-01"}
LONG_AGO = date(2020, 1, 1)


@pytest.fixture
async def patient(database: Database, cast: Cast) -> UUID:
    """A patient whose chart the manager opened twice and the practitioner once."""
    admitted = await admit(database, cast)
    for who in (cast.manager, cast.manager, cast.practitioner):
        async with database.tx(who) as tx:
            await patients.patient(tx, admitted)
            await patients.conditions(tx, admitted)
    return admitted


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.auditor)


@pytest.mark.req("A-10", "H-05")
async def test_auditor_and_administrator_read_it_and_nobody_else(cast: Cast, signed_in: Visit, patient: UUID) -> None:
    for actor in (cast.auditor, cast.administrator):
        visit = await signed_in(actor)
        for path in ("/audit", "/audit.csv", f"/patients/{patient}/audit", f"/patients/{patient}/audit.csv"):
            assert (await visit.get(path)).status_code == 200, path
    for actor in (cast.manager, cast.coordinator, cast.billing, cast.practitioner):
        visit = await signed_in(actor)
        for path in ("/audit", "/audit.csv", f"/patients/{patient}/audit"):
            answer = await visit.get(path)
            assert answer.status_code in {403, 404}, path
            assert Permission.AUDIT_READ in answer.text
            assert "Manager Person" not in answer.text


@pytest.mark.req("A-10")
async def test_reading_the_audit_is_itself_recorded(
    database: Database, cast: Cast, browser: httpx.AsyncClient, patient: UUID
) -> None:
    await browser.get("/audit")
    await browser.get(f"/patients/{patient}/audit")
    async with database.tx(cast.system) as tx:
        found = await events.events(tx, Asked(member=cast.auditor.member_id, data="audit", since=LONG_AGO))
    assert {(one.verb, one.act, one.patients) for one in found} == {
        ("audit.events_page", "read", 0),
        ("audit.chart_page", "read", 1),
    }


@pytest.mark.req("A-10")
@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("field", sorted(SORTS))
async def test_every_field_sorts_and_pages_without_gap_or_repeat(
    database: Database, cast: Cast, patient: UUID, field: str, way: str
) -> None:
    async with database.tx(cast.system) as tx:
        asked = Asked(since=LONG_AGO, sort=f"{way}{field}")
        whole = await events.events(tx, asked, 1000)
        paged: list[UUID] = []
        after: UUID | None = None
        while part := await events.events(tx, asked.model_copy(update={"after": after}), 3):
            paged += [one.id for one in part]
            after = paged[-1]
    assert paged == [one.id for one in whole]
    assert len(set(paged)) == len(paged) > 9
    name = {"member": "member_id", "account": "account_id", "role": "roles", "request": "request_id"}.get(field, field)
    name = {"glass": "glass_id"}.get(name, name)
    keys = [str(getattr(one, name) or "") for one in whole] if name not in {"patients", "rows"} else []
    assert keys == sorted(keys, reverse=bool(way))


@pytest.mark.req("A-10")
async def test_every_field_narrows(database: Database, cast: Cast, signed_in: Visit, patient: UUID) -> None:
    visit = await signed_in(cast.manager)
    await visit.get(f"/patients/{patient}")
    await visit.get("/audit")  # refused, and on record as such
    async with database.tx(cast.system) as tx:
        everything = await events.events(tx, Asked(since=LONG_AGO), 1000)
        one = next(found for found in everything if found.verb == "workspace.patient_page")
        same = {
            "member": one.member_id, "account": one.account_id, "actor": one.actor, "role": one.roles[0],
            "session": one.session, "request": one.request_id, "ip": one.ip, "agent": one.agent, "route": one.route,
            "verb": one.verb, "act": one.act, "data": "conditions", "outcome": "done", "patient": patient,
            "patients": 1,
        }  # fmt: skip
        for name, value in same.items():
            assert value, name
            found = await events.events(tx, Asked.model_validate({"since": "2020-01-01", name: value}), 1000)
            assert one.id in {row.id for row in found}, name
            assert len(found) < len(everything), name
        until = Asked(since=LONG_AGO, until=LONG_AGO)
        assert await events.events(tx, until) == []


async def test_page_keeps_the_filters_in_its_links_and_takes_bad_ones_for_what_they_are(
    browser: httpx.AsyncClient, cast: Cast, patient: UUID
) -> None:
    page = (await browser.get("/audit", params=SINCE | {"verb": "patients.patient", "sort": "patients"})).text
    assert 'aria-sort="ascending"' in page
    assert "/audit.csv?since=2020-01-01&amp;verb=patients.patient&amp;sort=patients" in page
    for wrong in ({"member": "nobody"}, {"since": "yesterday"}, {"sideways": "x"}):
        assert (await browser.get("/audit", params=wrong)).status_code == 422
    assert "Nothing was recorded that fits" in (await browser.get("/audit", params={"verb": "none"})).text


async def test_sheet_has_every_field_of_what_is_shown(browser: httpx.AsyncClient, cast: Cast, patient: UUID) -> None:
    text = (await browser.get("/audit.csv", params=SINCE | {"verb": "patients.patient"})).text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [one["who"] for one in lines] == ["Practitioner Person", "Manager Person", "Manager Person"]
    assert set(lines[0]) == set(events.SHEET_COLUMNS)


@pytest.mark.req("A-10")
async def test_chart_names_everybody_who_saw_it(
    browser: httpx.AsyncClient, api: Visit, cast: Cast, patient: UUID
) -> None:
    page = (await browser.get(f"/patients/{patient}/audit")).text
    assert page.count("Manager Person") >= 3
    viewers = (await (await api(cast.auditor)).get(f"/patients/{patient}/viewers")).json()
    seen = {one["who"]: (one["events"], one["data"]) for one in viewers}
    assert seen["Manager Person"] == (4, ["conditions", "contact", "demographics"])
    assert seen["Practitioner Person"][0] == 2


async def test_event_shows_its_bytes_and_that_they_hold(
    database: Database, cast: Cast, browser: httpx.AsyncClient, patient: UUID
) -> None:
    async with database.tx(cast.system) as tx:
        (one, *_) = await events.events(tx, Asked(since=LONG_AGO, verb="patients.conditions"))
    page = (await browser.get(f"/audit/{one.id}")).text
    assert "Bytes hold" in page
    assert "Vega, Ana" in page
    assert str(patient) in page
    assert (await browser.get(f"/audit/{patient}")).status_code == 404


@pytest.mark.req("A-10")
async def test_page_offers_every_filter_and_opens_the_further_ones_that_are_set(
    browser: httpx.AsyncClient, cast: Cast, patient: UUID
) -> None:
    plain = (await browser.get("/audit")).text
    offered = {name for name in Asked.model_fields if f'name="{name}"' in plain}
    assert offered == {*Asked.model_fields} - {"after"}
    more = plain.split("audit-further")[1]
    assert 'audit-further">' in plain
    assert "More filters" in more
    assert "<script" not in more.split("</details>")[0]
    set_ = (await browser.get("/audit", params=SINCE | {"verb": "patients.patient", "rows": "0"})).text
    assert 'audit-further" open' in set_
    assert "More filters (2 set)" in set_
    assert 'value="patients.patient"' in set_
    assert set_.count('name="verb"') == 1
    assert 'name="patient"' not in (await browser.get(f"/patients/{patient}/audit")).text


@pytest.mark.req("A-10")
@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("patient", "Vega", "Give a whole id"),
        ("account", "x", "Give a whole id"),
        ("rows", "many", "Give a whole number"),
        ("patients", "-1", "greater than or equal to 0"),
        ("since", "yesterday", "Give a day"),
        ("until", "9999-12-31", "less than or equal to 2199-12-31"),
        ("app_since", "0001-01-01", "greater than or equal to 1970-01-01"),
        ("verb", "a\x00b", "no event has"),
        ("route", "x" * 201, "at most 200"),
        ("sideways", "x", "a filter that does not exist"),
    ],
)
async def test_filter_that_cannot_be_read_is_said_beside_its_field(
    browser: httpx.AsyncClient, cast: Cast, patient: UUID, name: str, typed: str, said: str
) -> None:
    for path in ("/audit", f"/patients/{patient}/audit"):
        answer = await browser.get(path, params={"outcome": "done", name: typed})
        assert answer.status_code == 422
        assert said in answer.text
        assert "Manager Person" in answer.text
        if name in {"account", "rows", "patients", "app_since", "verb", "route"}:
            assert 'audit-further" open' in answer.text
            assert f'id="audit-{name}-fault"' in answer.text
            assert f'aria-describedby="audit-{name}-' in answer.text
        elif name in {"since", "until"}:
            assert f'aria-describedby="audit-{name}-fault"' in answer.text


@pytest.mark.req("A-10")
async def test_days_of_the_application_clock_narrow_too(database: Database, cast: Cast, patient: UUID) -> None:
    async with database.tx(cast.system) as tx:
        everything = await events.events(tx, Asked(since=LONG_AGO), 1000)
        day = everything[0].app_at.date()
        same = await events.events(tx, Asked(since=LONG_AGO, app_since=day, app_until=day), 1000)
        none = await events.events(tx, Asked(since=LONG_AGO, app_until=LONG_AGO), 1000)
    assert everything[0].id in {one.id for one in same}
    assert none == []
