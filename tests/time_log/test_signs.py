"""What becomes of a timer whose person gives no sign of life: asked about, answered, or stopped at the last sign."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.schedule import stop_silent_timers
from caretide.time_log import actions, queries
from caretide.time_log.actions.signs import Answer
from caretide.time_log.rules import Signs, worked
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.tenants.test_settings import change
from tests.time_log.test_timer import OCTOBER
from tests.time_log.test_told import counted

Whom = tuple[UUID, UUID]


@pytest.fixture
async def whom(database: Database, cast: Cast) -> Whom:
    return await enrolled(database, cast)


async def start(database: Database, cast: Cast, whom: Whom, kind: str = "care_plan") -> UUID:
    """Start a timer that a page shows."""
    async with database.tx(cast.coordinator) as tx:
        timer_id = await actions.start_timer(tx, *whom, kind)
        await actions.note_sign(tx)
    return timer_id


async def sign(database: Database, cast: Cast, quiet_for: int = 0) -> queries.TimerRow:
    async with database.tx(cast.coordinator) as tx:
        await actions.note_sign(tx, quiet_for)
        found = await queries.running_timer(tx)
    assert found is not None
    return found


async def say(database: Database, cast: Cast, timer_id: UUID, answer: Answer, quiet_for: int = 0) -> list[int]:
    async with database.tx(cast.coordinator) as tx:
        return [one.seconds for one in await actions.answer_timer(tx, timer_id, answer, quiet_for)]


async def stop(database: Database, cast: Cast) -> list[tuple[int, bool]]:
    async with database.tx(cast.coordinator) as tx:
        return [(one.seconds, one.awaits) for one in await actions.stop_timer(tx, "Done")]


async def away(database: Database, cast: Cast, clock: HandClock, whom: Whom) -> UUID:
    """Work for two minutes, be away for eight, and come back."""
    timer_id = await start(database, cast, whom)
    clock.advance(minutes=2)
    await sign(database, cast)
    clock.advance(minutes=8)
    await sign(database, cast)
    return timer_id


async def test_signs_in_time_leave_one_entry(database: Database, cast: Cast, clock: HandClock, whom: Whom) -> None:
    await start(database, cast, whom)
    for _ in range(5):
        clock.advance(minutes=4, seconds=59)
        assert (await sign(database, cast)).signs.away is None
    assert await stop(database, cast) == [(1495, False)]


async def test_a_stretch_that_nobody_accounts_for_waits_for_a_second_person(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    await away(database, cast, clock, whom)
    clock.advance(minutes=1)
    assert await stop(database, cast) == [(120, False), (60, False), (480, True)]
    assert sorted(await counted(database, cast)) == [60, 120]
    async with database.tx(cast.manager) as tx:
        (waits,) = await queries.awaiting(tx)
        assert waits.reason.startswith("Nobody said whether this stretch was worked")
        await actions.approve_entry(tx, waits.id)
    assert sum(await counted(database, cast)) == 660


async def test_a_stretch_that_was_worked_counts(database: Database, cast: Cast, clock: HandClock, whom: Whom) -> None:
    timer_id = await away(database, cast, clock, whom)
    assert await say(database, cast, timer_id, "keep") == []
    assert await stop(database, cast) == [(600, False)]


async def test_a_stretch_that_is_left_out_is_in_no_entry_and_a_new_timer_runs(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await away(database, cast, clock, whom)
    back = clock.now
    async with database.tx(cast.coordinator) as tx:
        await actions.keep_draft(tx, timer_id, "Salt")
    clock.advance(seconds=5)
    assert await say(database, cast, timer_id, "leave_out") == [120]
    running = await sign(database, cast)
    assert (running.started_at, running.activity_type, running.id == timer_id) == (back, "care_plan", False)
    clock.advance(minutes=1)
    assert await stop(database, cast) == [(65, False)]
    async with database.tx(cast.coordinator) as tx:
        assert [row.note for row in await queries.entries(tx, whom[0], OCTOBER)] == ["Done", "Salt"]


async def test_a_timer_ends_where_its_person_says_that_they_left(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await away(database, cast, clock, whom)
    assert await say(database, cast, timer_id, "stop") == [120]
    async with database.tx(cast.coordinator) as tx:
        assert await queries.running_timer(tx) is None
    with pytest.raises(Conflict, match="stopped meanwhile"):
        await say(database, cast, timer_id, "keep")


async def test_what_the_page_saw_sooner_than_it_told_is_left_out_too(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await start(database, cast, whom)
    clock.advance(minutes=2)
    # A request of the page's own, a minute after its person had left.
    await sign(database, cast)
    clock.advance(minutes=4)
    assert await say(database, cast, timer_id, "stop", quiet_for=300) == [60]


async def test_unanswered_a_timer_stops_at_the_last_sign_and_waits_with_its_note(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await start(database, cast, whom)
    clock.advance(minutes=6)
    async with database.tx(cast.coordinator) as tx:
        await actions.note_sign(tx)
        await actions.answer_timer(tx, timer_id, "keep")
        await actions.keep_draft(tx, timer_id, "Salt")
    last = clock.now
    clock.advance(minutes=14, seconds=59)
    await stop_silent_timers(database)
    assert (await running(database, cast)) is not None
    clock.advance(seconds=1)
    await stop_silent_timers(database)
    await stop_silent_timers(database)
    assert (await running(database, cast)) is None
    assert await counted(database, cast) == []
    async with database.tx(cast.manager) as tx:
        (entry,) = await queries.entries(tx, whom[0], OCTOBER)
        (waits,) = await queries.awaiting(tx)
        assert waits.why_not == ""
    assert (entry.end_time, entry.duration_secs, entry.note) == (last, 360, "Salt")
    assert entry.entry_reason == "Stopped by Caretide at the last sign of life: nobody answered for 15 minutes"


async def running(database: Database, cast: Cast) -> queries.TimerRow | None:
    async with database.tx(cast.coordinator) as tx:
        return await queries.running_timer(tx)


async def test_a_stopped_timer_names_an_earlier_stretch_of_its_own(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    await away(database, cast, clock, whom)
    clock.advance(minutes=15)
    await stop_silent_timers(database)
    async with database.tx(cast.manager) as tx:
        found = {
            (row.duration_secs, (row.entry_reason or "")[:10]) for row in await queries.entries(tx, whom[0], OCTOBER)
        }
    assert found == {(120, "Stopped by"), (480, "Nobody sai")}
    assert await counted(database, cast) == []


async def test_a_sign_in_time_keeps_the_timer(database: Database, cast: Cast, clock: HandClock, whom: Whom) -> None:
    await start(database, cast, whom)
    clock.advance(minutes=14)
    await sign(database, cast)
    clock.advance(minutes=14)
    await stop_silent_timers(database)
    assert (await running(database, cast)) is not None


async def test_a_timer_that_no_page_has_shown_is_left_alone(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "care_plan")
    clock.advance(hours=2)
    await stop_silent_timers(database)
    assert (await sign(database, cast)).signs.away is None
    assert await stop(database, cast) == [(7200, False)]


async def test_a_call_that_is_told_of_is_a_sign_for_an_hour(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await start(database, cast, whom)
    assert await say(database, cast, timer_id, "call") == []
    clock.advance(minutes=64)
    await stop_silent_timers(database)
    assert (await sign(database, cast)).signs.away is None
    assert await stop(database, cast) == [(3840, False)]


async def test_contact_that_is_timed_is_a_sign_for_an_hour(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    await start(database, cast, whom, "patient_call")
    clock.advance(minutes=59)
    await stop_silent_timers(database)
    assert (await sign(database, cast)).signs.away is None
    clock.advance(minutes=70)
    await stop_silent_timers(database)
    assert (await running(database, cast)) is None


async def test_a_tenant_says_after_how_long_a_timer_asks(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    await change(database, cast, timer_ask_minutes=20)
    await away(database, cast, clock, whom)
    assert await stop(database, cast) == [(600, False)]
    await change(database, cast, timer_ask_minutes=3)
    await start(database, cast, whom)
    clock.advance(minutes=3)
    assert (await sign(database, cast)).signs.away is not None


async def test_a_timer_that_was_forgotten_is_not_cut(
    database: Database, cast: Cast, clock: HandClock, whom: Whom
) -> None:
    timer_id = await start(database, cast, whom)
    for _ in range(5):
        clock.advance(hours=1)
        await sign(database, cast)
        await say(database, cast, timer_id, "call")
    clock.advance(hours=3)
    await stop_silent_timers(database)
    assert (await running(database, cast)) is not None


async def test_a_request_that_nobody_caused_is_no_sign_and_who_comes_back_is_asked(
    database: Database, cast: Cast, clock: HandClock, whom: Whom, signed_in: Visit
) -> None:
    browser = await signed_in(cast.coordinator)
    place = f"/patients/{whom[0]}"
    sent = {"program": "CCM", "activity": "care_plan"}
    assert (await browser.post(f"{place}/timer/start", data=sent)).status_code == 303
    page = (await browser.get(place)).text
    assert 'data-asks-after="300"' in page
    assert "On a call" in page
    clock.advance(minutes=4)
    assert (await browser.get("/my-day")).status_code == 200
    for _ in range(3):
        clock.advance(minutes=2)
        quiet = await browser.get(f"{place}/timer", headers={"x-caretide-quiet": "1"})
        assert "Nobody was seen" not in quiet.text
    asked = (await browser.get(place)).text
    assert "Nobody was seen here from 10:04 AM to 10:10 AM" in asked
    timer = await running(database, cast)
    assert timer is not None
    answer = {"timer": timer.id.hex, "answer": "leave_out", "next": place}
    went = await browser.post("/timer/answer", data=answer)
    assert (went.status_code, went.headers["location"]) == (303, place)
    late = await browser.post("/timer/answer", data=answer)
    assert (late.status_code, late.headers["location"]) == (303, place)
    assert "This timer was stopped meanwhile" in (await browser.get(place)).text
    away_from_here = await browser.post("/timer/answer", data=answer | {"next": "//elsewhere.example"})
    assert away_from_here.headers["location"] == "/"
    assert (await browser.post("/timer/answer", data=answer | {"answer": "double"})).status_code == 422
    assert (await browser.post("/timer/alive", data={"quiet_for": "-1"})).status_code == 422
    async with database.tx(cast.coordinator) as tx:
        assert [row.duration_secs for row in await queries.entries(tx, whom[0], OCTOBER)] == [240]


async def test_a_program_gives_signs_and_answers(
    database: Database, cast: Cast, clock: HandClock, whom: Whom, api: Visit
) -> None:
    program = await api(cast.coordinator)
    sent = {"patient_id": str(whom[0]), "enrollment_id": str(whom[1]), "activity_type": "care_plan"}
    await program.post("/timer/start", json=sent)
    assert (await program.post("/timer/alive", json={})).status_code == 204
    clock.advance(minutes=6)
    assert (await program.post("/timer/alive", json={"quiet_for": 0})).status_code == 204
    timer: dict[str, Any] = (await program.get("/timer")).json()
    gone = datetime.fromisoformat(timer["away_to"]) - datetime.fromisoformat(timer["away_from"])
    assert gone == timedelta(minutes=6)
    answer = {"timer": timer["id"], "answer": "keep"}
    assert (await program.post("/timer/answer", json=answer)).json() == []
    assert (await program.get("/timer")).json()["away_from"] is None
    assert (await program.post("/timer/answer", json=answer | {"timer": str(new_id())})).status_code == 409
    refused = await (await api(cast.billing)).post("/timer/alive", json={})
    assert (refused.status_code, refused.json()["permission"]) == (403, "time:write")


def test_what_was_worked_lies_around_a_stretch_away() -> None:
    at = datetime.fromisoformat("2026-10-05T15:00:00+00:00")

    def after(minutes: float) -> datetime:
        return at + timedelta(minutes=minutes)

    assert worked(at, after(9), None) == [(at, after(9))]
    assert worked(at, after(9), (after(2), after(5))) == [(at, after(2)), (after(5), after(9))]
    assert worked(at, after(9), (at, after(9))) == []
    assert worked(at, after(3), (after(2), after(5))) == [(at, after(2))]
    signs = Signs(started_at=at, activity_type="care_plan", alive_at=after(2), call_until=after(30))
    assert signs.asks_at(timedelta(minutes=5)) == after(35)
    assert Signs(started_at=at, activity_type="care_plan").stops_at(timedelta(minutes=5)) is None
