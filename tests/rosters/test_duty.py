"""Who is on duty for a clinic's calls sees its patients then, by the clinic's own clock, and at no other time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.patients.models import Condition, Patient
from caretide.rosters import actions, queries
from caretide.rosters.models import PoolDuty
from caretide.rosters.rules.shifts import DutyRow, days_in_words, minute_of
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.time_log import actions as time_log
from caretide.time_log.rules import ACTIVITY_TYPES
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled, new_patient
from tests.rosters.shifts import CHICAGO, be_now, designated, seen

pytestmark = pytest.mark.req("Z-04")

ACTIVITY = next(iter(ACTIVITY_TYPES))


async def on_duty(database: Database, cast: Cast, first_on: date, **how: Any) -> UUID:
    """Put the coordinator on duty for the cast's clinic."""
    assert cast.coordinator.member_id is not None
    whose: dict[str, Any] = {"clinic_id": cast.clinic_id, "member_id": cast.coordinator.member_id, **how}
    async with database.tx(cast.manager) as tx:
        return await actions.add_duty(tx, actions.NewDuty(first_on=first_on, **whose))


async def test_who_is_on_duty_sees_the_clinics_patients_and_what_is_theirs(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today = be_now(clock)
    async with database.tx(cast.system) as tx:
        clinic = tenants.NewClinic(name="West", slug="west", time_zone="Pacific/Guam", tin_group="TIN-1", phone="1")
        west = await tenants.create_clinic(tx, clinic)
    here, mine = await new_patient(database, cast, "I10"), await new_patient(database, cast)
    await designated(database, cast, here, cast.other_coordinator)
    await designated(database, cast, mine, cast.coordinator)
    there = await new_patient(database, cast)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).where(Patient.id == there).values(clinic_id=west))
    assert await seen(database, cast.coordinator) == {mine}
    duty_id = await on_duty(database, cast, today)
    assert await seen(database, cast.coordinator) == {mine, here}
    async with database.tx(cast.coordinator) as tx:
        assert set((await tx.db.execute(select(Condition.patient_id))).scalars()) == {here}
        assert [one.clinic for one in await queries.my_duties(tx)] == ["Lakeside Clinic"]
    assert await seen(database, cast.other_coordinator) == {here}
    async with database.tx(cast.manager) as tx:
        await actions.end_duty(tx, duty_id)
    assert await seen(database, cast.coordinator) == {mine}


def span_around(moment: datetime) -> tuple[int, int]:
    """Return minutes of the day that hold a moment in the clinic's time zone and the half hour after it."""
    local = moment.astimezone(CHICAGO)
    minute = local.hour * 60 + local.minute
    return max(0, minute - 1), min(1440, minute + 30)


async def test_a_duty_holds_on_its_days_and_in_its_hours(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    patient_id = await new_patient(database, cast)
    weekday, start, end = today.isoweekday(), *span_around(clock.now)
    others = tuple(day for day in range(1, 8) if day != weekday)
    hours = {"from_minute": 0, "until_minute": start} if start else {"from_minute": end}
    elsewhen: list[dict[str, Any]] = [{"weekdays": others}, {"first_on": today + timedelta(days=1)}, hours]
    for how in elsewhen:
        duty_id = await on_duty(database, cast, **({"first_on": today} | how))
        assert await seen(database, cast.coordinator) == set(), how
        async with database.tx(cast.manager) as tx:
            await actions.end_duty(tx, duty_id)
    await on_duty(database, cast, today, weekdays=(weekday,), from_minute=start, until_minute=end)
    assert await seen(database, cast.coordinator) == {patient_id}


async def test_a_sessions_time_zone_moves_no_duty(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    await new_patient(database, cast)
    await on_duty(database, cast, today + timedelta(days=1))
    async with database.tx(cast.coordinator) as tx:
        await tx.db.execute(text("SET LOCAL timezone = 'Pacific/Kiritimati'"))
        assert await tx.db.scalar(text("SELECT count(*) FROM patients")) == 0


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        (datetime(2026, 11, 23, 13, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 7, 15, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 16, 15, 0, tzinfo=UTC), False),
    ],
)
def test_a_weekly_duty_by_the_clinics_clock(server: Server, moment: datetime, *, holds: bool) -> None:
    row = DutyRow(
        uuid4(), uuid4(), "Lakeside", uuid4(), "Ana", date(2026, 11, 17), date(2026, 12, 4), (1,), 8 * 60, 17 * 60
    )
    assert row.holds(moment, ZoneInfo("America/Chicago")) is holds
    asked = (
        "SELECT ctx.holds(ROW(%s, %s, %s, %s, %s::smallint[], %s, %s, NULL, '2020-01-01', NULL, NULL, %s, %s)"
        "::public.pool_duties, 'America/Chicago', %s)"
    )
    ids = [str(uuid4()) for _ in range(4)]
    days = (row.first_on, row.last_on, [1], row.from_minute, row.until_minute)
    with psycopg.connect(server.admin) as admin:
        found = admin.execute(asked, (*ids[:2], *days, *ids[2:], moment)).fetchone()
    assert found == (holds,)


async def test_duties_that_cannot_be_are_refused(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    day = timedelta(days=1)
    await on_duty(database, cast, today, weekdays=(1, 2))
    refused: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"first_on": today, "weekdays": (2, 1, 1)}, Conflict, "already recorded"),
        ({"first_on": today - day}, Invalid, "today at the earliest"),
        ({"first_on": today, "last_on": today - day}, Invalid, "before the first"),
        ({"first_on": today, "weekdays": (0,)}, Invalid, "days of the week"),
        ({"first_on": today, "from_minute": 60, "until_minute": 60}, Invalid, "through the night"),
        ({"first_on": date(2099, 1, 1)}, Invalid, "too far"),
        ({"first_on": today, "member_id": cast.billing.member_id}, Invalid, "coordinators, managers"),
        ({"first_on": today, "member_id": uuid4()}, NotFound, "no such member"),
        ({"first_on": today, "clinic_id": uuid4()}, NotFound, "no such thing"),
    ]
    for how, kind, words in refused:
        with pytest.raises(kind, match=words):
            await on_duty(database, cast, **how)
    async with database.tx(cast.administrator) as tx:
        await tenants.suspend_member(tx, cast.coordinator.member_id or uuid4())
    with pytest.raises(Invalid, match="not active"):
        await on_duty(database, cast, today)


@pytest.mark.req("T-28")
async def test_nobody_behind_the_wall_puts_themselves_on_duty(database: Database, cast: Cast, clock: HandClock) -> None:
    today = be_now(clock)
    with pytest.raises(Forbidden, match="roster:write"):
        async with database.tx(cast.coordinator) as tx:
            await actions.add_duty(
                tx, actions.NewDuty(clinic_id=cast.clinic_id, member_id=tx.member_id, first_on=today)
            )
    mine = {"clinic_id": cast.clinic_id, "member_id": cast.coordinator.member_id, "first_on": date(2020, 1, 1)}
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(insert(PoolDuty).values(id=new_id(), from_minute=0, until_minute=1440, **mine))
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(update(PoolDuty).values(member_id=cast.coordinator.member_id))


async def test_time_of_a_timer_that_ran_on_duty_is_recorded_after_it(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    today = be_now(clock)
    patient_id, enrollment_id = await enrolled(database, cast, to=cast.other_coordinator)
    duty_id = await on_duty(database, cast, today)
    clock.now = datetime.now(UTC)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, patient_id, enrollment_id, ACTIVITY)
    clock.advance(minutes=4)
    async with database.tx(cast.manager) as tx:
        await actions.end_duty(tx, duty_id)
    async with database.tx(cast.coordinator) as tx:
        stopped = await time_log.stop_timer(tx)
    assert sum(one.seconds for one in stopped) >= 239
    # The wall that was lifted to find the patient's clinic stands again.
    assert await seen(database, cast.coordinator) == set()


def test_days_and_times_are_read_and_told_as_people_say_them() -> None:
    assert days_in_words(()) == "every day"
    assert days_in_words((1, 2, 3, 4, 5)) == "Mon\N{EN DASH}Fri"
    assert days_in_words((7, 6)) == "Sat, Sun"
    assert days_in_words((1, 3, 5)) == "Mon, Wed, Fri"
    assert minute_of("8:05", "begins") == 485
    assert minute_of("24:00", "until") == 1440
    for wrong in ("24:01", "8", "08:60", "eight"):
        with pytest.raises(Invalid, match="time of the day"):
            minute_of(wrong, "until")
    row = DutyRow(uuid4(), uuid4(), "Lakeside", uuid4(), "Ana", date(2026, 11, 17), None, (), 0, 1440)
    assert row.hours == "all day"
    assert row.holds(datetime.combine(date(2027, 1, 1), time(), UTC), ZoneInfo("UTC"))


async def test_the_pages_put_on_duty_show_and_end(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    today = be_now(clock)
    patient_id, _ = await enrolled(database, cast, to=cast.other_coordinator)
    manager, coordinator = await signed_in(cast.manager), await signed_in(cast.coordinator)
    whose = {"clinic_id": str(cast.clinic_id), "member_id": str(cast.coordinator.member_id)}
    sent = {**whose, "first_on": str(today), "begins": "00:00", "until": "00:00"}
    assert (await manager.post("/duty", data=sent | {"begins": "late"})).status_code == 422
    assert (await manager.post("/duty", data=sent | {"weekdays": ["1", "2"]})).headers["location"] == "/duty"
    assert "Mon, Tue" in (await manager.get("/duty")).text
    assert (await manager.post("/duty", data=sent)).status_code == 303
    clock.now = datetime.now(UTC)
    assert "On duty now: Coordinator Person" in (await manager.get("/duty")).text
    mine = await coordinator.get("/my-day")
    assert "You are on duty for <b>Lakeside Clinic</b>" in mine.text
    assert f"/patients/{patient_id}" not in mine.text
    theirs = await coordinator.get(f"/my-day?coordinator={cast.clinic_id}")
    assert f"/patients/{patient_id}" in theirs.text
    assert "Other Person" in theirs.text
    assert (await coordinator.get(f"/patients/{patient_id}")).status_code == 200
    shown = await coordinator.get("/duty")
    assert shown.status_code == 200
    assert "Put somebody on duty" not in shown.text
    async with database.tx(cast.manager) as tx:
        duties = await queries.duties(tx)
        assert [one.id for one in await queries.on_duty_for(tx, cast.clinic_id)][-1:]
    for one in duties:
        assert (await manager.post(f"/duty/{one.id}/end")).status_code == 303
    assert (await coordinator.get(f"/patients/{patient_id}")).status_code == 404
