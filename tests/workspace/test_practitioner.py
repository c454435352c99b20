"""What a practitioner's own forms offer: their own name where nobody else's can be recorded, and first elsewhere."""

import re

from sqlalchemy import delete

from caretide.patients.models import Coverage
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.billing.months import add_patient, record_month
from tests.cast import Cast
from tests.client import Visit


async def colleague(database: Database, cast: Cast) -> str:
    """Have a second practitioner bill for the tenant; return their id."""
    async with database.tx(cast.system) as tx:
        named = tenants.NewPractitioner(npi="9990000017", family="Abara", given="Chidi", tin_group="TIN-1")
        return str(await tenants.save_practitioner(tx, named))


def choices(page: str, form: str) -> dict[str, bool]:
    """Return the options of a form's practitioner, each with whether it stands chosen."""
    shown = page.partition(f'id="{form}"')[2].partition('name="practitioner_id"')[2].partition("</select>")[0]
    return {value: bool(chosen) for value, chosen in re.findall(r'<option value="([^"]*)"( selected)?>', shown)}


async def test_a_practitioner_decides_in_their_own_name_only(database: Database, cast: Cast, signed_in: Visit) -> None:
    await colleague(database, cast)
    who = await record_month(database, cast)
    page = (await (await signed_in(cast.practitioner)).get(f"/patients/{who.patient_id}")).text
    for form in ("fact-decision-making", "fact-election"):
        assert choices(page, form) == {str(cast.practitioner_id): True}


async def test_an_administrator_records_for_anybody_and_whoever_bills_the_patient_stands_first(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    other = await colleague(database, cast)
    who = await record_month(database, cast)
    page = (await (await signed_in(cast.administrator)).get(f"/patients/{who.patient_id}")).text
    assert choices(page, "fact-election") == {other: False, str(cast.practitioner_id): True}


async def test_a_practitioner_enrolls_under_their_own_name_unless_they_choose_another(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    other = await colleague(database, cast)
    patient_id = await add_patient(database, cast)
    mine = (await (await signed_in(cast.practitioner)).get(f"/patients/{patient_id}")).text
    assert choices(mine, "enroll") == {other: False, str(cast.practitioner_id): True}
    theirs = (await (await signed_in(cast.administrator)).get(f"/patients/{patient_id}")).text
    assert choices(theirs, "enroll") == {"": False, other: False, str(cast.practitioner_id): False}


async def test_the_only_practitioner_stands_chosen_for_everybody(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    patient_id = await add_patient(database, cast)
    page = (await (await signed_in(cast.administrator)).get(f"/patients/{patient_id}")).text
    assert choices(page, "enroll") == {str(cast.practitioner_id): True}


async def test_coverage_that_is_not_recorded_leads_to_where_it_would_stand(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    who = await record_month(database, cast, without="care-plan")
    async with database.tx(cast.administrator) as tx:
        assert cast.manager.member_id
        await rosters.designate(tx, who.patient_id, cast.manager.member_id)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(delete(Coverage).where(Coverage.patient_id == who.patient_id))
    page = (await (await signed_in(cast.manager)).get(f"/patients/{who.patient_id}")).text
    assert 'href="#coverage"' in page
    assert 'id="coverage"' in page
    assert "It comes from the EHR" in page
