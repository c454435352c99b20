"""Somebody works a colleague's roster for a while: its patients are seen for that time, and no longer."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.rosters import actions, queries
from caretide.rosters.models import Cover
from caretide.rosters.rules.shifts import cover_span
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.time_log import actions as time_log
from caretide.time_log.rules import ACTIVITY_TYPES
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled, new_patient
from tests.rosters.shifts import CHICAGO, be_now, covered, designated, seen

pytestmark = pytest.mark.req("Z-04")

ACTIVITY = next(iter(ACTIVITY_TYPES))


async def moved(server: Server, cover_id: UUID, **columns: str) -> None:
    """Put a cover elsewhere in time, as the superuser: nobody else can."""
    with psycopg.connect(server.admin, autocommit=True) as admin:
        for column, value in columns.items():
            admin.execute(
                psycopg.sql.SQL("UPDATE covers SET {} = now() + %s::interval WHERE id = %s").format(
                    psycopg.sql.Identifier(column)
                ),
                (value, cover_id),
            )


async def test_a_cover_shows_the_roster_beside_ones_own(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    mine, theirs, nobodys = [await new_patient(database, cast) for _ in range(3)]
    await designated(database, cast, mine, cast.coordinator)
    await designated(database, cast, theirs, cast.other_coordinator)
    assert await seen(database, cast.coordinator) == {mine}
    await covered(database, cast, today)
    assert await seen(database, cast.coordinator) == {mine, theirs}
    # The designation stays, and with it the sight of whoever is away.
    assert await seen(database, cast.other_coordinator) == {theirs}
    async with database.tx(cast.coordinator) as tx:
        found = await queries.designated(tx, theirs)
        assert found is not None
        assert found.member_id == cast.other_coordinator.member_id
        assert set(await queries.my_roster(tx)) == {mine, theirs}
        assert await queries.my_roster(tx, [cast.other_coordinator.member_id or uuid4()]) == [theirs]
        assert [one.absent for one in await queries.covering(tx)] == ["Other Person"]
    assert nobodys not in await seen(database, cast.coordinator)


async def test_a_cover_ends_by_itself_and_does_not_begin_early(
    database: Database, cast: Cast, clock: HandClock, server: Server
) -> None:
    today = be_now(clock)
    theirs = await new_patient(database, cast)
    await designated(database, cast, theirs, cast.other_coordinator)
    cover_id = await covered(database, cast, today)
    await moved(server, cover_id, starts_at="-2 days", ends_at="-1 second")
    assert await seen(database, cast.coordinator) == set()
    await moved(server, cover_id, ends_at="1 hour", starts_at="1 second")
    assert await seen(database, cast.coordinator) == set()
    await moved(server, cover_id, starts_at="-1 second")
    assert await seen(database, cast.coordinator) == {theirs}


async def test_a_cover_is_ended_early_once(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    theirs = await new_patient(database, cast)
    await designated(database, cast, theirs, cast.other_coordinator)
    running, coming = await covered(database, cast, today), await covered(database, cast, today + timedelta(days=9))
    clock.now = datetime.now(UTC)
    async with database.tx(cast.manager) as tx:
        await actions.end_cover(tx, running)
        await actions.end_cover(tx, coming)
    clock.now = datetime.now(UTC)
    assert await seen(database, cast.coordinator) == set()
    with pytest.raises(Conflict, match="over"):
        async with database.tx(cast.manager) as tx:
            await actions.end_cover(tx, running)
    # The time that it freed can be given again.
    await covered(database, cast, today + timedelta(days=9))


async def test_covers_that_cannot_be_are_refused(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    other, mine = cast.other_coordinator.member_id, cast.coordinator.member_id
    manager, biller = cast.manager.member_id, cast.billing.member_id
    assert other is not None
    assert mine is not None
    assert manager is not None
    assert biller is not None
    await covered(database, cast, today, days=5)
    day = timedelta(days=1)
    refused: list[tuple[UUID, UUID, date, date, type[Exception], str]] = [
        (mine, mine, today, today, Invalid, "themselves"),
        (other, manager, today + 4 * day, today + 9 * day, Conflict, "covers this roster already|end that cover"),
        (manager, other, today, today, Invalid, "away"),
        (mine, manager, today, today, Conflict, "end that cover"),
        (manager, biller, today, today, Invalid, "coordinators, managers"),
        (biller, manager, today, today, Invalid, "coordinators, managers"),
        (manager, mine, today - day, today, Invalid, "today at the earliest"),
        (manager, mine, today + day, today, Invalid, "before the first"),
        (manager, mine, today, today + 366 * day, Invalid, "a year at most"),
        (manager, uuid4(), today, today, NotFound, "no such member"),
    ]
    for absent, cover, first, last, kind, words in refused:
        with pytest.raises(kind, match=words):
            async with database.tx(cast.manager) as tx:
                await actions.give_cover(tx, absent, cover, first, last)


async def test_a_suspended_member_neither_covers_nor_is_covered(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today = be_now(clock)
    other, mine = cast.other_coordinator.member_id, cast.coordinator.member_id
    assert other is not None
    assert mine is not None
    async with database.tx(cast.administrator) as tx:
        await tenants.suspend_member(tx, other)
    for pair in ((mine, other), (other, mine)):
        with pytest.raises(Invalid, match="not active"):
            async with database.tx(cast.manager) as tx:
                await actions.give_cover(tx, *pair, today, today)


async def test_another_tenants_member_answers_as_an_unknown_one(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today, foreign = be_now(clock), (await assemble(database)).coordinator.member_id
    mine = cast.coordinator.member_id
    assert mine is not None
    said: list[str] = []
    for member in (foreign, uuid4()):
        with pytest.raises(NotFound) as caught:
            async with database.tx(cast.manager) as tx:
                await actions.give_cover(tx, member or uuid4(), mine, today, today)
        said.append(caught.value.message)
    assert said[0] == said[1]


async def test_only_those_who_lead_give_cover(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    cover_id = await covered(database, cast, today)
    for actor in (cast.coordinator, cast.practitioner, cast.billing):
        with pytest.raises(Forbidden, match="roster:write"):
            async with database.tx(actor) as tx:
                await actions.give_cover(tx, uuid4(), uuid4(), today, today)
        with pytest.raises(Forbidden, match="roster:write"):
            async with database.tx(actor) as tx:
                await actions.end_cover(tx, cover_id)


@pytest.mark.req("T-28")
async def test_the_database_refuses_to_move_the_wall_from_behind_it(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today = be_now(clock)
    theirs = await new_patient(database, cast)
    await designated(database, cast, theirs, cast.other_coordinator)
    cover_id = await covered(database, cast, today + timedelta(days=3))
    people = {"absent_id": cast.other_coordinator.member_id, "cover_id": cast.coordinator.member_id}
    days = {"first_on": today, "last_on": today, "starts_at": text("now()"), "ends_at": text("now() + interval '1 h'")}
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(insert(Cover).values(id=new_id(), clinic_id=cast.clinic_id, **people, **days))
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(update(Cover).values(starts_at=text("now()")))
    async with database.tx(cast.coordinator) as tx:
        done = await tx.db.execute(update(Cover).where(Cover.id == cover_id).values(ended_at=text("now()")))
        assert done.rowcount == 0
    assert await seen(database, cast.coordinator) == set()


async def test_time_of_a_timer_that_ran_under_a_cover_is_recorded_after_it(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today = be_now(clock)
    patient_id, enrollment_id = await enrolled(database, cast, to=cast.other_coordinator)
    cover_id = await covered(database, cast, today)
    clock.now = datetime.now(UTC)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, patient_id, enrollment_id, ACTIVITY)
    clock.advance(minutes=4)
    async with database.tx(cast.manager) as tx:
        await actions.end_cover(tx, cover_id)
    async with database.tx(cast.coordinator) as tx:
        stopped = await time_log.stop_timer(tx)
    assert sum(one.seconds for one in stopped) >= 239


def test_days_are_the_clinics_whatever_the_clocks_do() -> None:
    now = datetime(2026, 10, 30, 15, tzinfo=UTC)
    first, last = cover_span(date(2026, 10, 31), date(2026, 11, 1), now, CHICAGO)
    # The night of November 1 is an hour longer.
    assert (first.astimezone(UTC), last.astimezone(UTC)) == (
        datetime(2026, 10, 31, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 6, tzinfo=UTC),
    )
    assert cover_span(date(2026, 10, 30), date(2026, 10, 30), now, CHICAGO)[0] == now


async def test_the_pages_give_show_and_end_a_cover(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    today = be_now(clock)
    patient_id, _ = await enrolled(database, cast, to=cast.other_coordinator)
    manager, coordinator = await signed_in(cast.manager), await signed_in(cast.coordinator)
    away, there = str(cast.other_coordinator.member_id), str(cast.coordinator.member_id)
    sent = {"absent_id": away, "cover_id": there, "first_on": str(today), "last_on": str(today)}
    assert f'value="{away}" selected' in (await manager.get(f"/cover?absent={away}")).text
    wrong = await manager.post("/cover", data=sent | {"cover_id": away})
    assert wrong.status_code == 422
    assert "Nobody covers themselves" in wrong.text
    assert (await manager.post("/cover", data=sent)).headers["location"] == "/cover"
    assert "works this roster" in (await manager.get(f"/team/{away}")).text
    clock.now = datetime.now(UTC)
    mine = await coordinator.get("/my-day")
    assert "You work the roster of <b>Other Person</b>" in mine.text
    assert f"/patients/{patient_id}" in mine.text
    assert f"/patients/{patient_id}" not in (await coordinator.get(f"/my-day?coordinator={there}")).text
    assert f"/patients/{patient_id}" in (await coordinator.get(f"/my-day?coordinator={away}")).text
    assert (await coordinator.get(f"/patients/{patient_id}")).status_code == 200
    async with database.tx(cast.manager) as tx:
        cover_id = (await queries.covers(tx))[0].id
    assert (await manager.post(f"/cover/{cover_id}/end")).status_code == 303
    assert "Ended early" in (await manager.get("/cover")).text
    clock.now = datetime.now(UTC)
    assert (await coordinator.get(f"/patients/{patient_id}")).status_code == 404
    assert (await coordinator.get("/cover")).status_code == 403


async def test_the_calendar_is_that_of_the_clinic_of_most_patients(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    be_now(clock)
    async with database.tx(cast.system) as tx:
        west = await tenants.create_clinic(
            tx,
            tenants.NewClinic(name="A West", slug="west", time_zone="Pacific/Honolulu", tin_group="TIN-1", phone="1"),
        )
    patient_id = await new_patient(database, cast)
    await designated(database, cast, patient_id, cast.other_coordinator)
    await covered(database, cast, datetime.now(CHICAGO).date())
    async with database.tx(cast.manager) as tx:
        [found] = await queries.covers(tx)
    assert west != cast.clinic_id
    assert found.clinic == "Lakeside Clinic"
