"""An attempt is recorded once, in one's own name; a correction supersedes it, and the counts follow."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.outreach import actions, queries
from caretide.outreach.models import Attempt, AttemptDay, AttemptMonth
from caretide.outreach.queries import Tally
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.database import HandClock
from tests.enrollment.panel import enrolled, new_patient
from tests.time_log.test_timer import log

OCTOBER = Month(2026, 10)


async def mine(database: Database, cast: Cast) -> UUID:
    """Return a patient of the coordinator's."""
    patient_id = await new_patient(database, cast)
    async with database.tx(cast.manager) as tx:
        await rosters.designate(tx, patient_id, cast.coordinator.member_id or new_id())
    return patient_id


async def call(database: Database, actor: Actor, patient_id: UUID, outcome: str = "no_answer") -> UUID:
    async with database.tx(actor) as tx:
        return await actions.record_attempt(tx, patient_id, "phone", outcome)


async def test_an_attempt_is_kept_with_its_note_sealed(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    async with database.tx(cast.coordinator) as tx:
        made = await actions.record_attempt(tx, patient_id, "phone", "voicemail", note="  Daughter's number  ")
    async with database.tx(cast.coordinator) as tx:
        (found,), total = await queries.attempts(tx, patient_id)
        raw = (await tx.db.exec_driver_sql("SELECT note FROM attempts")).scalar_one()
    assert (found.id, found.person, found.note, total) == (made, "Coordinator Person", "Daughter's number", 1)
    assert (found.at, found.is_contact, found.superseded) == (clock.now, False, False)
    assert b"Daughter" not in bytes(raw)


async def test_the_month_counts_attempts_and_contacts(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id, other = await mine(database, cast), await mine(database, cast)
    for outcome in ("no_answer", "voicemail", "reached"):
        await call(database, cast.coordinator, patient_id, outcome)
        clock.advance(days=1)
    async with database.tx(cast.coordinator) as tx:
        found = await queries.month_attempts(tx, [patient_id, other], OCTOBER)
        days = await queries.member_attempts(
            tx, [cast.coordinator.member_id or new_id()], OCTOBER.first, date(2026, 10, 6)
        )
    assert other not in found
    assert (found[patient_id].attempts, found[patient_id].contacts) == (3, 1)
    assert (found[patient_id].last_outcome, found[patient_id].last_channel) == ("reached", "phone")
    assert days == {cast.coordinator.member_id: Tally(2, 0)}


async def test_the_day_is_that_of_the_clinics_calendar(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    clock.now = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)  # 22:00 on 31 October in Chicago
    await call(database, cast.coordinator, patient_id)
    async with database.tx(cast.manager) as tx:
        row = (await tx.db.execute(select(AttemptMonth.service_month, AttemptMonth.attempts))).one()
        assert (await queries.month_attempts(tx, [patient_id], OCTOBER))[patient_id].attempts == 1
        assert (await queries.month_attempts(tx, [patient_id], OCTOBER.next()))[patient_id].attempts == 0
    assert row == (date(2026, 10, 1), 1)


async def test_a_correction_supersedes_and_moves_the_counts(database: Database, cast: Cast) -> None:
    patient_id = await mine(database, cast)
    first = await call(database, cast.coordinator, patient_id, "reached")
    async with database.tx(cast.coordinator) as tx:
        second = await actions.correct_attempt(tx, first, "voicemail", note="Pressed the wrong key")
    async with database.tx(cast.coordinator) as tx:
        rows, total = await queries.attempts(tx, patient_id)
        month = (await queries.month_attempts(tx, [patient_id], OCTOBER))[patient_id]
        kept = (await tx.db.execute(select(AttemptMonth.attempts, AttemptMonth.contacts))).one()
    assert total == 2
    assert {row.id: row.superseded for row in rows} == {first: True, second: False}
    assert (month.attempts, month.contacts, month.last_outcome) == (1, 0, "voicemail")
    assert kept == (1, 0)
    with pytest.raises(Conflict, match="corrected before"):
        async with database.tx(cast.coordinator) as tx:
            await actions.correct_attempt(tx, first, "busy")


async def test_a_mistake_counts_nowhere(database: Database, cast: Cast) -> None:
    patient_id = await mine(database, cast)
    first = await call(database, cast.coordinator, patient_id, "reached")
    async with database.tx(cast.coordinator) as tx:
        await actions.correct_attempt(tx, first, "mistake")
    async with database.tx(cast.coordinator) as tx:
        assert await queries.month_attempts(tx, [patient_id], OCTOBER) == {}
        assert (await tx.db.execute(select(AttemptMonth.attempts, AttemptMonth.contacts))).one() == (0, 0)
        assert (await tx.db.execute(select(AttemptDay.attempts, AttemptDay.contacts))).one() == (0, 0)


async def test_only_who_made_an_attempt_corrects_it(database: Database, cast: Cast) -> None:
    made = await call(database, cast.coordinator, await mine(database, cast))
    with pytest.raises(Forbidden, match="Only the person"):
        async with database.tx(cast.manager) as tx:
            await actions.correct_attempt(tx, made, "reached")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "vanished"}, "outcome"),
        ({"outcome": "mistake"}, "outcome"),
        ({"channel": "fax"}, "channel"),
        ({"at": timedelta(minutes=1)}, "at"),
        ({"at": timedelta(days=-32)}, "at"),
        ({"outcome": "call_back"}, "call_back_at"),
        ({"call_back_at": timedelta(days=1)}, "call_back_at"),
        ({"outcome": "call_back", "call_back_at": timedelta(days=-1)}, "call_back_at"),
        ({"outcome": "call_back", "call_back_at": timedelta(days=200)}, "call_back_at"),
        ({"note": "x" * 2001}, "note"),
    ],
)
async def test_what_cannot_be_is_refused_by_field(
    database: Database, cast: Cast, clock: HandClock, changes: dict[str, Any], field: str
) -> None:
    patient_id = await mine(database, cast)
    moved = {key: clock.now + value if isinstance(value, timedelta) else value for key, value in changes.items()}
    sent: dict[str, Any] = {"channel": "phone", "outcome": "busy"} | moved
    with pytest.raises(Invalid) as refused:
        async with database.tx(cast.coordinator) as tx:
            await actions.record_attempt(tx, patient_id, **sent)
    assert refused.value.field == field


async def test_a_naive_time_is_refused(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    naive = clock.now.replace(tzinfo=None)
    with pytest.raises(Invalid, match="zone"):
        async with database.tx(cast.coordinator) as tx:
            await actions.record_attempt(tx, patient_id, "phone", "busy", at=naive)


@pytest.mark.req("T-10")
async def test_a_patient_behind_a_wall_is_not_found(database: Database, cast: Cast) -> None:
    theirs = await mine(database, cast)
    made = await call(database, cast.coordinator, theirs)
    foreign = await assemble(database)
    for actor in (cast.other_coordinator, foreign.coordinator, foreign.manager):
        with pytest.raises(NotFound):
            await call(database, actor, theirs)
        with pytest.raises(NotFound):
            async with database.tx(actor) as tx:
                await actions.correct_attempt(tx, made, "reached")
        async with database.tx(actor) as tx:
            assert await queries.attempts(tx, theirs) == ([], 0)
            assert await queries.month_attempts(tx, [theirs], OCTOBER) == {}
            assert (await tx.db.execute(select(AttemptMonth))).all() == []
    with pytest.raises(NotFound):
        await call(database, cast.coordinator, uuid4())


async def test_roles_that_do_not_call_are_refused(database: Database, cast: Cast) -> None:
    patient_id = await mine(database, cast)
    for actor in (cast.billing, cast.auditor):
        with pytest.raises(Forbidden, match="time:write"):
            await call(database, actor, patient_id)
    with pytest.raises(Forbidden, match="Only a member"):
        await call(database, cast.system, patient_id)


async def test_an_attempt_names_an_entry_of_the_same_patient(database: Database, cast: Cast, clock: HandClock) -> None:
    whom, other = await enrolled(database, cast), await enrolled(database, cast)
    (entry,) = await log(database, clock, cast.coordinator, whom, 90, "unsuccessful_outreach")
    async with database.tx(cast.coordinator) as tx:
        await actions.record_attempt(tx, whom[0], "phone", "no_answer", time_entry_id=entry.id)
    with pytest.raises(NotFound, match="no such entry"):
        async with database.tx(cast.coordinator) as tx:
            await actions.record_attempt(tx, other[0], "phone", "no_answer", time_entry_id=entry.id)


async def test_nobody_edits_deletes_or_counts_by_hand(database: Database, cast: Cast) -> None:
    patient_id = await mine(database, cast)
    await call(database, cast.coordinator, patient_id)
    counted = {"patient_id": patient_id, "service_month": date(2026, 9, 1), "attempts": 9, "contacts": 9}
    for statement in (
        update(Attempt).values(outcome="reached"),
        delete(Attempt),
        update(AttemptMonth).values(contacts=1),
        insert(AttemptMonth).values(**counted),
        update(AttemptDay).values(contacts=1),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(statement)


async def test_nobody_walled_in_records_in_of_another_name(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    row = {"patient_id": patient_id, "at": clock.now, "day": clock.now.date(), "channel": "phone", "outcome": "busy"}
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(insert(Attempt).values(id=new_id(), member_id=cast.manager.member_id, **row))
