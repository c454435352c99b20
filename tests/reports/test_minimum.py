"""Minimum necessary: what billing is answered with, and what a company's director is."""

from datetime import timedelta
from uuid import UUID

import pytest

from caretide.enrollment import actions as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Role
from caretide.outreach import actions as outreach
from caretide.runtime.tx import Database
from caretide.tenants import actions
from caretide.time_log import actions as time_log
from tests.cast import Cast, agree, assemble, person
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.time_log.test_timer import log

WORD = "Xanthippe"
"""Stands in everything that somebody wrote, and nowhere else."""


async def written(database: Database, cast: Cast, clock: HandClock) -> tuple[UUID, UUID]:
    """Make a patient about whom something is written wherever it can be."""
    whom = await enrolled(database, cast)
    patient_id, enrollment_id = whom
    made = await log(database, clock, cast.coordinator, whom, 600)
    clock.advance(minutes=30)
    async with database.tx(cast.coordinator) as tx:
        await outreach.record_attempt(tx, patient_id, "phone", "reached", note=f"{WORD} said so")
        await time_log.void_entry(tx, made[0].id, f"{WORD} was somebody else")
        told = (clock.now - timedelta(minutes=25), clock.now - timedelta(minutes=15))
        spoken = (f"{WORD} forgot the timer", f"{WORD} asked for a ride")
        await time_log.record_manual_entry(tx, patient_id, enrollment_id, "patient_call", *told, *spoken)
    async with database.tx(cast.manager) as tx:
        await enrollment.end_enrollment(tx, enrollment_id, ended_on=clock.now.date(), reason=f"{WORD} moved away")
    return whom


def places(whom: tuple[UUID, UUID]) -> tuple[list[str], list[str]]:
    """Return the addresses of the API and of the pages at which something written is shown."""
    home = f"/patients/{whom[0]}"
    api = [f"{home}/entries?month=2026-10", f"{home}/attempts", f"/enrollments/{whom[1]}/history"]
    return api, [home, f"{home}/attempts"]


@pytest.mark.req("P-01")
async def test_billing_is_answered_without_a_written_word(
    database: Database, cast: Cast, clock: HandClock, api: Visit, signed_in: Visit
) -> None:
    whom = await written(database, cast, clock)
    programs, pages = places(whom)
    for actor, sees in ((cast.billing, False), (cast.manager, True)):
        program, browser = await api(actor), await signed_in(actor)
        for client, addresses in ((program, programs), (browser, pages)):
            for address in addresses:
                answer = await client.get(address)
                assert answer.status_code == 200, address
                assert (WORD in answer.text) is sees, (actor.name, address)
    minutes = (await (await api(cast.billing)).get(programs[0])).json()
    assert sorted(one["duration_secs"] for one in minutes) == [600, 600]
    assert {one["note"] for one in minutes} == {None}


@pytest.mark.req("P-01")
async def test_billing_is_answered_without_chart_and_contact(
    database: Database, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    patient_id, _ = await enrolled(database, cast)
    mine = (await (await api(cast.billing)).get(f"/patients/{patient_id}")).json()
    theirs = (await (await api(cast.coordinator)).get(f"/patients/{patient_id}")).json()
    for part in ("conditions", "medications", "allergies", "encounters"):
        assert mine[part] is None
        assert theirs[part] is not None
    assert mine["coverages"] == theirs["coverages"]
    assert (mine["patient"]["phone"], mine["patient"]["email"], mine["patient"]["address"]) == (None, None, None)
    page = (await (await signed_in(cast.billing)).get(f"/patients/{patient_id}")).text
    assert "Coverage" in page
    assert "Medications" not in page


@pytest.mark.req("P-01")
async def test_a_list_names_no_diagnosis_to_billing(database: Database, cast: Cast, signed_in: Visit) -> None:
    await enrolled(database, cast)
    seen = [(await (await signed_in(actor)).get("/my-day")).text for actor in (cast.billing, cast.manager)]
    assert ["Vega" in text for text in seen] == [True, True]
    assert ["iabetes" in text for text in seen] == [False, True]


async def directed(database: Database, cast: Cast) -> Actor:
    """Let a company serve the cast's tenant, its coordinator work for it and its auditor direct it."""
    async with database.tx(Actor.operator()) as tx:
        slug = f"c-{cast.tenant_id.hex}"
        company_id = await actions.create_company(tx, slug=slug, name="Harbor Care")
        await actions.join_company(tx, company_id, f"coordinator-{cast.tenant_id.hex}@example.com")
        await actions.join_company(tx, company_id, f"auditor-{cast.tenant_id.hex}@example.com", is_director=True)
    async with database.tx(cast.system) as tx:
        await actions.serve_tenant(tx, company_id)
        await agree(tx, company_id)
    assert cast.auditor.account_id is not None
    return Actor.account(cast.auditor.account_id, "Auditor Person")


async def test_a_director_sees_hours_and_counts_of_the_tenants_served_and_no_others(
    database: Database, cast: Cast, clock: HandClock, api: Visit, signed_in: Visit
) -> None:
    director = await directed(database, cast)
    other = await assemble(database)
    whom = await enrolled(database, cast)
    await log(database, clock, cast.coordinator, whom, 1234)
    await log(database, clock, other.coordinator, await enrolled(database, other), 99)
    found = (await (await api(director)).get("/company/metrics")).json()
    assert [(one["staff"], one["patients"], one["seconds_month"]) for one in found["tenants"]] == [(2, 1, 1234)]
    assert [(one["name"], one["seconds_month"]) for one in found["staff"]] == [
        ("Auditor Person", 0),
        ("Coordinator Person", 1234),
    ]
    page = await (await signed_in(director)).get("/company")
    assert page.status_code == 200
    assert "20 min 34 s" in page.text
    assert "Vega" not in page.text


async def test_nobody_else_sees_a_companys_figures(database: Database, cast: Cast, api: Visit) -> None:
    director = await directed(database, cast)
    for actor in (cast.administrator, cast.coordinator):
        answer = await (await api(actor)).get("/company/metrics")
        assert answer.status_code == 403
        assert "company:read" in answer.text
    refused = await (await api(director)).get("/patients")
    assert refused.status_code == 403
    assert "patient:read" in refused.text


async def test_a_director_is_nobody_in_the_tenants(database: Database, cast: Cast) -> None:
    """Inside a tenant the question sees no row of a patient: the wall is asked, not the page."""
    await enrolled(database, cast)
    async with database.tx(Actor("company", cast.tenant_id, frozenset(), walled=True)) as tx:
        for table in ("patients", "time_log_entries", "patient_months", "documents", "attempts"):
            counted = await tx.db.exec_driver_sql(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of ours
            assert counted.scalar_one() == 0, table


async def test_the_operator_reads_no_row_of_a_tenant(database: Database, cast: Cast) -> None:
    await enrolled(database, cast)
    async with database.tx(Actor.operator()) as tx:
        with pytest.raises(Exception, match="tenant context missing"):
            await tx.db.exec_driver_sql("SELECT count(*) FROM patients")
        await tx.db.rollback()


async def test_a_person_has_one_role_in_a_tenant(database: Database, cast: Cast) -> None:
    """A pair of duties that must stay apart cannot meet in one account: it is one member, with one role."""
    async with database.tx(cast.system) as tx:
        with pytest.raises(Exception, match="already a member"):
            await person(tx, Role.BILLING, "coordinator", cast.practitioner_id)
