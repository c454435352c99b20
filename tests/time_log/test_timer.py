"""A timer's life, and the entries it leaves."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, text, update

from caretide.enrollment import actions as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from caretide.time_log import actions, queries
from caretide.time_log.models import TimeEntry
from tests.cast import Cast, assemble
from tests.database import HandClock
from tests.enrollment.panel import enrolled

OCTOBER = Month(2026, 10)


async def log(
    database: Database,
    clock: HandClock,
    actor: Actor,
    whom: tuple[UUID, UUID],
    seconds: float,
    kind: str = "patient_call",
) -> list[actions.Logged]:
    """Run a timer for some seconds; what it left."""
    async with database.tx(actor) as tx:
        await actions.start_timer(tx, *whom, kind)
    clock.advance(seconds=seconds)
    async with database.tx(actor) as tx:
        return await actions.stop_timer(tx)


async def test_a_timer_leaves_an_entry_of_whole_seconds(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 5, 15, 0, 0, 400_000, tzinfo=UTC)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
        running = await queries.running_timer(tx)
    assert running is not None
    assert (running.patient_id, running.program, running.person) == (whom[0], "CCM", "Coordinator Person")
    clock.now = datetime(2026, 10, 5, 15, 12, 3, 900_000, tzinfo=UTC)
    async with database.tx(cast.coordinator) as tx:
        (made,) = await actions.stop_timer(tx, "  Talked about <b>salt</b>  ")
    assert (made.seconds, made.start_time.second, made.month) == (722, 1, "2026-10")
    async with database.tx(cast.coordinator) as tx:
        assert await queries.running_timer(tx) is None
        (entry,) = await queries.entries(tx, whom[0], OCTOBER)
        sealed = (await tx.db.execute(select(TimeEntry.note))).scalar_one()
    assert entry.note == "Talked about <b>salt</b>"
    assert b"salt" not in bytes(sealed)
    assert (entry.duration_secs, entry.credential, entry.staff_role) == (722, "RN", "clinical_staff")


async def test_a_timer_over_the_clinics_month_end_leaves_two_entries(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    clock.now = datetime(2026, 11, 1, 4, 50, tzinfo=UTC)  # 23:50 on 31 October in Chicago
    made = await log(database, clock, cast.coordinator, whom, 1200)
    assert [(one.month, one.seconds) for one in made] == [("2026-10", 600), ("2026-11", 600)]


async def test_less_than_a_second_leaves_no_entry(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 5, 15, 0, 0, 100_000, tzinfo=UTC)
    assert await log(database, clock, cast.coordinator, whom, 0.5) == []
    async with database.tx(cast.coordinator) as tx:
        assert await queries.running_timer(tx) is None


@pytest.mark.req("R-12")
async def test_a_clock_set_back_leaves_no_entry(database: Database, cast: Cast, clock: HandClock) -> None:
    assert await log(database, clock, cast.coordinator, await enrolled(database, cast), -5) == []


async def test_a_second_timer_is_refused_and_says_for_whom_the_first_runs(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    first, second = await enrolled(database, cast), await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *first, "patient_call")
    for whom, words in ((first, "this patient"), (second, "another patient")):
        with pytest.raises(Conflict, match=words):
            async with database.tx(cast.coordinator) as tx:
                await actions.start_timer(tx, *whom, "patient_call")


@pytest.mark.req("R-14", "V-05")
async def test_of_many_tabs_one_starts_and_one_stops(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)

    async def start() -> None:
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, *whom, "patient_call")

    async def stop() -> None:
        async with database.tx(cast.coordinator) as tx:
            await actions.stop_timer(tx)

    started = await asyncio.gather(*(start() for _ in range(12)), return_exceptions=True)
    assert [type(one) for one in started if one is not None] == [Conflict] * 11
    clock.advance(minutes=5)
    stopped = await asyncio.gather(*(stop() for _ in range(12)), return_exceptions=True)
    assert [type(one) for one in stopped if one is not None] == [NotFound] * 11
    async with database.tx(cast.manager) as tx:
        assert [one.duration_secs for one in await queries.entries(tx, whom[0], OCTOBER)] == [300]


async def test_who_stopped_a_timer_has_none_and_nothing_typed_beside_it_in_the_same_transaction(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        timer_id = await actions.start_timer(tx, *whom, "patient_call")
        await actions.keep_draft(tx, timer_id, "Salt")
    clock.advance(minutes=5)
    async with database.tx(cast.coordinator) as tx:
        assert await queries.running_timer(tx) is not None
        before = tx.writes
        await actions.stop_timer(tx)
        # What takes the timer looks like a question: it counts as what it is, so that no answer is older.
        assert tx.writes - before == 2
        assert await queries.running_timer(tx) is None
        assert await queries.draft_note(tx, timer_id) == ""
        again = await actions.start_timer(tx, *whom, "patient_call")
        with pytest.raises(Conflict, match="already runs for this patient"):
            await actions.start_timer(tx, *whom, "patient_call")
        running = await queries.running_timer(tx)
    assert running is not None
    assert running.id == again


async def test_starting_refuses_what_cannot_be(database: Database, cast: Cast, clock: HandClock) -> None:
    whom, other = await enrolled(database, cast), await enrolled(database, cast)
    with pytest.raises(Invalid, match="listed activities"):
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, *whom, "golf")
    with pytest.raises(NotFound, match="no such enrollment"):
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, whom[0], other[1], "patient_call")
    async with database.tx(cast.coordinator) as tx:
        await enrollment.end_enrollment(tx, whom[1], ended_on=date(2026, 10, 1), reason="Moved")
    with pytest.raises(Conflict, match="not enrolled today"):
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, *whom, "patient_call")
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).where(Member.id == cast.coordinator.member_id).values(account_id=None))
    with pytest.raises(Forbidden, match="Accept your invitation"):
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, *other, "patient_call")


async def test_time_can_be_stopped_though_the_patient_went_to_somebody_else(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    clock.advance(minutes=2)
    async with database.tx(cast.manager) as tx:
        await rosters.designate(tx, whom[0], cast.other_coordinator.member_id)
    clock.advance(minutes=1)
    async with database.tx(cast.coordinator) as tx:
        (made,) = await actions.stop_timer(tx, "Handed over")
        assert [one.id for one in await queries.entries(tx, whom[0], OCTOBER)] == [made.id]
    assert made.seconds == 180
    with pytest.raises(NotFound):
        async with database.tx(cast.coordinator) as tx:
            await actions.start_timer(tx, *whom, "patient_call")


@pytest.mark.req("T-23")
async def test_a_patient_off_the_roster_answers_as_an_unknown_one(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    theirs, off_roster = await enrolled(database, other), await enrolled(database, cast, to=cast.other_coordinator)
    messages: set[str] = set()
    for whom in (theirs, off_roster, (uuid4(), uuid4())):
        with pytest.raises(NotFound) as caught:
            async with database.tx(cast.coordinator) as tx:
                await actions.start_timer(tx, *whom, "patient_call")
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_a_manager_tells_the_end_of_a_forgotten_timer_and_a_third_person_approves(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    began, whose = clock.now, cast.coordinator.member_id
    assert whose is not None
    clock.advance(hours=17)
    for late, reason, field in ((18, "Left on", "end"), (0, "Left on", "end"), (1, " ", "reason")):
        told = actions.ToldEnd(began + timedelta(hours=late), reason)
        with pytest.raises(Invalid) as caught:
            async with database.tx(cast.manager) as tx:
                await actions.stop_timer_of(tx, whose, told)
        assert caught.value.field == field
    told = actions.ToldEnd(began + timedelta(minutes=20), "Left on over night; the call took twenty minutes")
    async with database.tx(cast.manager) as tx:
        (running,) = await queries.running_timers(tx, cast.clinic_id)
        (made,) = await actions.stop_timer_of(tx, running.member_id, told)
        assert await queries.running_timers(tx, cast.clinic_id) == []
        (seconds,) = (await queries.month_seconds(tx, [whom[0]], OCTOBER)).values()
    assert (made.awaits, seconds) == (True, queries.MonthSeconds(awaiting=made.seconds))
    assert made.seconds in {1199, 1200}
    for actor in (cast.manager, cast.coordinator):
        with pytest.raises((Conflict, Forbidden)):
            async with database.tx(actor) as tx:
                await actions.approve_entry(tx, made.id)
    with pytest.raises(Forbidden, match="roster:write"):
        async with database.tx(cast.coordinator) as tx:
            await actions.stop_timer_of(tx, whose, told)


async def test_ones_own_timer_of_more_than_four_hours_takes_a_told_end(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    began = clock.now
    clock.advance(hours=4, seconds=1)
    with pytest.raises(Invalid, match="more than four hours"):
        async with database.tx(cast.coordinator) as tx:
            await actions.stop_timer(tx, "Called")
    async with database.tx(cast.coordinator) as tx:
        assert await queries.running_timer(tx) is not None
    async with database.tx(cast.coordinator) as tx:
        told = actions.ToldEnd(began + timedelta(minutes=9), "I forgot to stop it")
        (made,) = await actions.stop_timer(tx, "Called", told)
        (entry,) = await queries.entries(tx, whom[0], OCTOBER)
    assert (made.awaits, entry.note, entry.entry_reason) == (True, "Called", "I forgot to stop it")


async def test_seconds_of_a_month_by_patient_and_program(database: Database, cast: Cast, clock: HandClock) -> None:
    one, two = await enrolled(database, cast), await enrolled(database, cast, program="PCM")
    await log(database, clock, cast.coordinator, one, 600)
    await log(database, clock, cast.coordinator, one, 60, "scheduling")
    await log(database, clock, cast.practitioner, one, 300, "care_plan")
    (mistake,) = await log(database, clock, cast.coordinator, one, 999)
    await log(database, clock, cast.coordinator, two, 120, "care_plan")
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, mistake.id, "Wrong patient")
        found = await queries.month_seconds(tx, None, OCTOBER)
        assert await queries.month_seconds(tx, [two[0]], OCTOBER) == {(two[0], "PCM"): found[two[0], "PCM"]}
        assert await queries.month_seconds(tx, None, Month(2026, 9)) == {}
        contacts = await queries.last_contact(tx, [one[0], two[0]])
    assert found[one[0], "CCM"] == queries.MonthSeconds(staff=600, practitioner=300, uncounted=60)
    assert found[one[0], "CCM"].total == 960
    assert contacts == {one[0]: datetime(2026, 10, 5, 15, 10, tzinfo=UTC)}
    async with database.tx(cast.billing) as tx:
        rows = await queries.entries_for_close(tx, cast.clinic_id, OCTOBER, [one[0]])
        everything = await queries.entries_for_close(tx, cast.clinic_id, OCTOBER)
    assert [(row.activity_type, row.duration_secs) for row in rows] == [
        ("patient_call", 600),
        ("scheduling", 60),
        ("care_plan", 300),
    ]
    assert [row.practitioner_id for row in rows] == [None, None, cast.practitioner_id]
    assert len(everything) == 4


async def test_voiding_frees_the_time_and_keeps_the_entry(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    began = clock.now
    (first,) = await log(database, clock, cast.coordinator, whom, 600)
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, first.id, " Wrong kind of work ")
    clock.now = began
    (second,) = await log(database, clock, cast.coordinator, whom, 600, "care_plan")
    async with database.tx(cast.manager) as tx:
        found = {one.id: one for one in await queries.entries(tx, whom[0], OCTOBER)}
    assert set(found) == {first.id, second.id}
    assert (found[first.id].void_reason, found[first.id].voided_by) == ("Wrong kind of work", "Coordinator Person")


async def test_who_may_void(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    (theirs,) = await log(database, clock, cast.practitioner, whom, 600)
    for reason, kind in (("", Invalid), ("Not mine", Forbidden)):
        with pytest.raises(kind):
            async with database.tx(cast.coordinator) as tx:
                await actions.void_entry(tx, theirs.id, reason)
    with pytest.raises(Forbidden, match="time:void"):
        async with database.tx(cast.billing) as tx:
            await actions.void_entry(tx, theirs.id, "x")
    async with database.tx(cast.manager) as tx:
        await actions.void_entry(tx, theirs.id, "Logged twice")
    with pytest.raises(Conflict, match="already void"):
        async with database.tx(cast.manager) as tx:
            await actions.void_entry(tx, theirs.id, "Again")
    with pytest.raises(NotFound):
        async with database.tx(cast.manager) as tx:
            await actions.void_entry(tx, uuid4(), "x")


@pytest.mark.req("A-20")
async def test_an_entry_whose_hash_does_not_fit_is_named(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    (made,) = await log(database, clock, cast.coordinator, whom, 600)
    async with database.tx(cast.auditor) as tx:
        assert await queries.altered(tx, OCTOBER) == []
    names = [name for name in queries.EntryFacts.__dataclass_fields__ if name != "tenant_id"]
    async with database.tx(cast.coordinator) as tx:
        columns = [TimeEntry.__table__.columns[name] for name in names]
        row = dict(zip(names, (await tx.db.execute(select(*columns))).one(), strict=True))
        forged = row | {"id": uuid4(), "start_time": made.end_time, "end_time": clock.now.replace(hour=16)}
        await tx.db.execute(insert(TimeEntry).values(**forged, row_hash=b"\0" * 32))
    async with database.tx(cast.auditor) as tx:
        assert await queries.altered(tx, OCTOBER) == [forged["id"]]


async def test_a_locked_month_takes_no_time_and_gives_none_up(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    (made,) = await log(database, clock, cast.coordinator, whom, 600)
    async with database.tx(cast.billing) as tx:
        assert await actions.lock_month(tx, cast.clinic_id, OCTOBER)
        assert not await actions.lock_month(tx, cast.clinic_id, OCTOBER)
        assert await queries.is_locked(tx, cast.clinic_id, OCTOBER)
    with pytest.raises(Conflict, match="closed for the clinic"):
        await log(database, clock, cast.coordinator, whom, 600)
    with pytest.raises(Conflict, match="closed for the clinic"):
        async with database.tx(cast.coordinator) as tx:
            await actions.void_entry(tx, made.id, "Too late")
    async with database.tx(cast.billing) as tx:
        await actions.unlock_month(tx, cast.clinic_id, OCTOBER)
        assert not await queries.is_locked(tx, cast.clinic_id, OCTOBER)
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, made.id, "In time")
    with pytest.raises(Conflict, match="not closed"):
        async with database.tx(cast.billing) as tx:
            await actions.unlock_month(tx, cast.clinic_id, OCTOBER)


async def test_a_month_with_running_time_is_not_locked(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    with pytest.raises(Conflict, match="still runs at the clinic"):
        async with database.tx(cast.billing) as tx:
            await actions.lock_month(tx, cast.clinic_id, OCTOBER)
    async with database.tx(cast.billing) as tx:
        assert await actions.lock_month(tx, cast.clinic_id, Month(2026, 9))


@pytest.mark.req("R-04")
async def test_a_lock_waits_for_time_that_is_being_recorded(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    clock.advance(minutes=1)

    async def lock() -> None:
        async with database.tx(cast.billing) as tx:
            await actions.lock_month(tx, cast.clinic_id, OCTOBER)

    async with database.tx(cast.coordinator) as tx:
        await actions.stop_timer(tx)
        locking = asyncio.create_task(lock())
        await asyncio.sleep(0.3)
        assert not locking.done()
        await tx.db.execute(text("SELECT 1"))
    await locking
    async with database.tx(cast.billing) as tx:
        assert len(await queries.entries_for_close(tx, cast.clinic_id, OCTOBER)) == 1
        assert await queries.is_locked(tx, cast.clinic_id, OCTOBER)
