"""Finding patients, and reading what a month's rulings need of many at once."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Forbidden, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.patients import queries
from caretide.patients.models import Condition, Coverage, Encounter
from caretide.patients.schemas import Diagnosis, Stay
from caretide.rosters.models import Designation
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.database import HandClock, statements
from tests.patients.cohort import admit, chart

OCTOBER = Month(2026, 10)
PROBLEM = {"is_active": True, "is_problem": True}
PART_B = {"kind": "original_medicare_part_b", "payor": "Medicare", "is_active": True}


async def found(database: Database, cast: Cast, text: str, **more: Any) -> list[str]:
    async with database.tx(cast.manager) as tx:
        return [line.name for line in await queries.search(tx, text, **more)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["Ana Vega", "Bo Vegas", "Ole Ödegård"]),
        ("vega", ["Ana Vega", "Bo Vegas"]),
        ("VEGA, A", ["Ana Vega"]),
        ("ana vega", ["Ana Vega"]),
        ("ANA", ["Ana Vega"]),
        ("ol", ["Ole Ödegård"]),
        ("ödeg", ["Ole Ödegård"]),
        ("M-2", ["Bo Vegas"]),
        ("M", []),
        ("5/6/1950", ["Bo Vegas"]),
        ("1950-05-06", ["Bo Vegas"]),
        ("%", []),
        ("ega", []),
    ],
)
async def test_search_by_name_number_or_birth_date(database: Database, cast: Cast, text: str, names: list[str]) -> None:
    await admit(database, cast)
    await admit(database, cast, family="Vegas", given="Bo", mrn="M-2", birth_date=date(1950, 5, 6))
    await admit(database, cast, family="Ödegård", given="Ole")
    assert await found(database, cast, text) == names


async def test_pages_follow_each_other_and_show_namesakes_once(database: Database, cast: Cast) -> None:
    ids = {await admit(database, cast) for _ in range(5)}
    seen: list[UUID] = []
    async with database.tx(cast.manager) as tx:
        while page := await queries.search(tx, "vega", after=seen[-1] if seen else None, limit=2):
            seen += [line.id for line in page]
    assert (len(seen), set(seen)) == (5, ids)


async def test_search_in_one_clinic_leaves_out_the_others(database: Database, cast: Cast) -> None:
    await admit(database, cast)
    assert await found(database, cast, "", clinic_id=new_id()) == []
    assert await found(database, cast, "", clinic_id=cast.clinic_id) == ["Ana Vega"]


async def test_unknown_foreign_and_walled_patients_are_alike(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    foreign = await admit(database, other)
    walled = await admit(database, cast)
    refusals: list[str] = []
    for patient_id in (new_id(), foreign, walled):
        with pytest.raises(NotFound) as caught:
            async with database.tx(cast.coordinator) as tx:
                await queries.patient(tx, patient_id)
        refusals.append(caught.value.message)
    assert len(set(refusals)) == 1


async def test_one_who_may_not_read_patients_is_refused(database: Database, cast: Cast) -> None:
    stripped = Actor("member", cast.tenant_id, frozenset({Permission.SELF}), walled=True)
    with pytest.raises(Forbidden, match="patient:read"):
        async with database.tx(stripped) as tx:
            await queries.search(tx)


async def test_audit_names_the_patients_that_were_read(database: Database, cast: Cast) -> None:
    one, two = await admit(database, cast), await admit(database, cast, family="Stone")
    await found(database, cast, "")
    async with database.tx(cast.manager) as tx:
        await queries.conditions(tx, two)
    async with database.tx(cast.system) as tx:
        wanted = (
            select(AuditEvent.verb, AuditEventPatient.patient_id)
            .join(AuditEventPatient, AuditEventPatient.id == AuditEvent.id)
            .where(AuditEvent.member_id == cast.manager.member_id)
        )
        seen = {tuple(row) for row in (await tx.db.execute(wanted)).all()}
    assert seen == {("patients.search", one), ("patients.search", two), ("patients.conditions", two)}


async def test_ruling_facts_say_what_the_chart_says(database: Database, cast: Cast) -> None:
    patient_id = await admit(database, cast, mbi="1S00A00AA00", is_deceased=True, deceased_on=date(2026, 10, 20))
    conditions = [
        {"icd10": "I10", "name": "Hypertension", **PROBLEM, "source_id": "1"},
        {"icd10": "I10", "name": "High blood pressure", **PROBLEM, "source_id": "2"},
        {"icd10": "E11.22", "icd10_also": ["N18.30"], "name": "Diabetic kidney disease", **PROBLEM},
        {"icd10": "J45.20", "name": "Asthma", "is_active": False, "is_problem": True},
        {"icd10": "Z00.00", "name": "Check-up", "is_active": True, "is_problem": False},
        {"icd10": None, "name": "Uncoded", **PROBLEM},
    ]
    await chart(database, cast, patient_id, Condition, conditions)
    await chart(database, cast, patient_id, Coverage, [PART_B])
    start, end = datetime(2026, 10, 2, 3, tzinfo=UTC), datetime(2026, 10, 4, 15, tzinfo=UTC)
    visit = {"kind": "AMB", "facility": "ambulatory", "name": "Visit", "starts_at": start, "ends_at": end}
    stay = {**visit, "kind": "IMP", "facility": "inpatient_hospital"}
    await chart(database, cast, patient_id, Encounter, [visit, stay])
    async with database.tx(cast.billing) as tx:
        facts = (await queries.ruling_facts(tx, [patient_id], cast.clinic_id, OCTOBER))[patient_id]
    assert (facts.name, facts.mbi, facts.deceased_on) == ("Ana Vega", "1S00A00AA00", date(2026, 10, 20))
    assert (facts.coverage, facts.qmb) == ("original_medicare_part_b", None)
    assert facts.diagnoses == (
        Diagnosis("E11.22", "Diabetic kidney disease"),
        Diagnosis("I10", "Hypertension"),
        Diagnosis("N18.30", "Diabetic kidney disease"),
    )
    assert facts.stays == (Stay("inpatient_hospital", date(2026, 10, 1), date(2026, 10, 4)),)


async def test_ruling_facts_of_an_empty_chart_are_unknown(database: Database, cast: Cast) -> None:
    patient_id = await admit(database, cast)
    async with database.tx(cast.billing) as tx:
        facts = (await queries.ruling_facts(tx, None, cast.clinic_id, OCTOBER))[patient_id]
    assert (facts.coverage, facts.qmb, facts.diagnoses, facts.stays) == (None, None, (), ())


async def test_ruling_facts_of_many_take_as_many_statements_as_of_one(database: Database, cast: Cast) -> None:
    ids = [await admit(database, cast, family=f"Vega {number}") for number in range(12)]
    counts: list[int] = []
    for asked in (ids[:1], ids):
        async with database.tx(cast.billing) as tx:
            with statements(database) as seen:
                assert set(await queries.ruling_facts(tx, asked, cast.clinic_id, OCTOBER)) == set(asked)
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def test_ruling_facts_leave_out_whom_the_wall_hides(database: Database, cast: Cast, clock: HandClock) -> None:
    mine, hidden = await admit(database, cast), await admit(database, cast)
    async with database.tx(cast.system) as tx:
        row = {"id": new_id(), "patient_id": mine, "member_id": cast.coordinator.member_id}
        await tx.db.execute(insert(Designation).values(**row, valid_from=clock.now))
    async with database.tx(cast.coordinator) as tx:
        assert set(await queries.ruling_facts(tx, [mine, hidden], cast.clinic_id, OCTOBER)) == {mine}
        assert set(await queries.ruling_facts(tx, None, cast.clinic_id, OCTOBER)) == {mine}
