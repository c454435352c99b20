"""A call that was asked for is due to whoever looks after the patient, until somebody tries again."""

from datetime import timedelta
from uuid import UUID

from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.outreach import actions, queries
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.database import HandClock
from tests.outreach.test_attempts import call, mine


async def ask(database: Database, cast: Cast, clock: HandClock, patient_id: UUID, **later: float) -> None:
    async with database.tx(cast.coordinator) as tx:
        at = clock.now + timedelta(**later)
        await actions.record_attempt(tx, patient_id, "phone", "call_back", call_back_at=at)


async def due(database: Database, cast: Cast, clock: HandClock, **later: float) -> list[UUID]:
    async with database.tx(cast.coordinator) as tx:
        found = await queries.call_backs(tx, cast.coordinator.member_id or new_id(), clock.now + timedelta(**later))
    return [one.patient_id for one in found]


async def test_calls_are_due_the_earliest_first(database: Database, cast: Cast, clock: HandClock) -> None:
    late, soon, far = [await mine(database, cast) for _ in range(3)]
    await ask(database, cast, clock, late, hours=5)
    await ask(database, cast, clock, soon, hours=1)
    await ask(database, cast, clock, far, days=3)
    assert await due(database, cast, clock, hours=8) == [soon, late]
    clock.advance(days=2)
    assert await due(database, cast, clock) == [soon, late]


async def test_a_later_attempt_answers_the_wish(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    await ask(database, cast, clock, patient_id, hours=1)
    clock.advance(hours=2)
    made = await call(database, cast.coordinator, patient_id)
    assert await due(database, cast, clock) == []
    async with database.tx(cast.coordinator) as tx:
        await actions.correct_attempt(tx, made, "mistake")
    assert await due(database, cast, clock) == [patient_id]


async def test_a_corrected_wish_is_not_due(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    async with database.tx(cast.coordinator) as tx:
        at = clock.now + timedelta(hours=1)
        made = await actions.record_attempt(tx, patient_id, "phone", "call_back", call_back_at=at)
        await actions.correct_attempt(tx, made, "no_answer")
    assert await due(database, cast, clock, hours=2) == []


async def test_the_wish_goes_along_with_the_patient(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    await ask(database, cast, clock, patient_id, hours=1)
    clock.advance(minutes=1)
    other = cast.other_coordinator.member_id or new_id()
    async with database.tx(cast.manager) as tx:
        await rosters.designate(tx, patient_id, other)
    clock.advance(hours=1)
    assert await due(database, cast, clock) == []
    async with database.tx(cast.other_coordinator) as tx:
        (found,) = await queries.call_backs(tx, other, clock.now)
    assert (found.patient_id, found.name, found.member_id) == (patient_id, "Ana Vega", other)


async def test_a_wish_of_last_month_shows_in_the_next(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    await ask(database, cast, clock, patient_id, days=30)
    async with database.tx(cast.coordinator) as tx:
        found = (await queries.month_attempts(tx, [patient_id], Month(2026, 11)))[patient_id]
    assert (found.attempts, found.call_back_at) == (0, clock.now + timedelta(days=30))
