"""One person at a time looks after a patient, and only those who lead decide who."""

from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.patients.models import Patient
from caretide.rosters import actions, queries
from caretide.rosters.models import Designation
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.database import HandClock
from tests.enrollment.panel import new_patient


async def test_a_designation_ends_the_one_before_it(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await new_patient(database, cast)
    first, second = cast.coordinator.member_id, cast.other_coordinator.member_id
    async with database.tx(cast.manager) as tx:
        assert await actions.designate(tx, patient_id, first)
        assert not await actions.designate(tx, patient_id, first)
    began = clock.now
    clock.advance(days=3)
    async with database.tx(cast.manager) as tx:
        assert await actions.designate(tx, patient_id, second)
        now = await queries.designated(tx, patient_id)
        before = await queries.designated_as_of(tx, [patient_id], began)
        assert await queries.roster(tx, first) == []
        assert await queries.roster(tx, second) == [patient_id]
        assert len(await queries.history(tx, patient_id)) == 2
    assert now is not None
    assert (now.member_id, now.name) == (second, "Other Person")
    assert (before[patient_id].member_id, before[patient_id].valid_to) == (first, clock.now)


async def test_designating_many_counts_those_who_changed_hands(database: Database, cast: Cast) -> None:
    patients = [await new_patient(database, cast) for _ in range(3)]
    async with database.tx(cast.manager) as tx:
        await actions.designate(tx, patients[0], cast.coordinator.member_id)
        assert await actions.designate_many(tx, patients, cast.coordinator.member_id) == 2
        found = await queries.designated_as_of(tx, None, tx.now)
    assert set(found) == set(patients)


async def test_a_designation_in_the_past_of_another_is_refused(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    patient_id = await new_patient(database, cast)
    async with database.tx(cast.manager) as tx:
        await actions.designate(tx, patient_id, cast.coordinator.member_id)
    clock.advance(days=-1)
    with pytest.raises(Conflict, match="begins later"):
        async with database.tx(cast.manager) as tx:
            await actions.designate(tx, patient_id, cast.other_coordinator.member_id)


async def test_only_people_who_look_after_patients_are_designated(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)
    for actor in (cast.billing, cast.auditor, cast.administrator):
        with pytest.raises(Invalid, match="coordinators, managers and practitioners"):
            async with database.tx(cast.manager) as tx:
                await actions.designate(tx, patient_id, actor.member_id)


@pytest.mark.req("T-23")
async def test_a_foreign_patient_or_member_answers_as_an_unknown_one(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    mine, theirs = await new_patient(database, cast), await new_patient(database, other)
    messages: list[str] = []
    for patient_id, member_id in (
        (theirs, cast.coordinator.member_id),
        (uuid4(), cast.coordinator.member_id),
        (mine, other.coordinator.member_id),
        (mine, uuid4()),
    ):
        with pytest.raises(NotFound) as caught:
            async with database.tx(cast.manager) as tx:
                await actions.designate(tx, patient_id, member_id)
        messages.append(caught.value.message)
    assert messages[0] == messages[1]
    assert messages[2] == messages[3]


async def test_a_coordinator_sees_their_roster_and_nobody_else(database: Database, cast: Cast) -> None:
    mine, others = await new_patient(database, cast), await new_patient(database, cast)
    async with database.tx(cast.manager) as tx:
        await actions.designate(tx, mine, cast.coordinator.member_id)
        await actions.designate(tx, others, cast.other_coordinator.member_id)
    async with database.tx(cast.coordinator) as tx:
        assert list((await tx.db.execute(select(Patient.id))).scalars()) == [mine]
        assert await queries.roster(tx, cast.other_coordinator.member_id) == []
        assert await queries.designated(tx, others) is None


async def test_a_coordinator_may_not_designate(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)
    with pytest.raises(Forbidden, match="roster:write"):
        async with database.tx(cast.coordinator) as tx:
            await actions.designate(tx, patient_id, cast.coordinator.member_id)


@pytest.mark.req("Z-04", "T-28")
async def test_the_database_refuses_a_coordinators_own_designation(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)
    async with database.tx(cast.manager) as tx:
        await actions.designate(tx, patient_id, cast.other_coordinator.member_id)
    mine = {"patient_id": patient_id, "member_id": cast.coordinator.member_id}
    for attempt in (
        insert(Designation).values(id=new_id(), valid_from=text("now()"), **mine),
        update(Designation).values(valid_to=text("now()")),
        update(Designation).values(member_id=cast.coordinator.member_id),
    ):
        with pytest.raises(ProgrammingError, match=r"row-level security|permission denied"):
            async with database.tx(cast.coordinator) as tx:
                await tx.db.execute(attempt)
