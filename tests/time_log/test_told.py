"""Time that was told after the fact, corrections, and the second person."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from caretide.enrollment import actions as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError, Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.runtime.tx import Database
from caretide.time_log import actions, queries
from caretide.time_log.models import TimeApproval, TimeEntry
from tests.cast import Cast, assemble
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled
from tests.time_log.test_guards import entry, put

OCTOBER = Month(2026, 10)
NOON = datetime(2026, 10, 5, 17, 0, tzinfo=UTC)


def span(start: int = 0, minutes: int = 20) -> tuple[datetime, datetime]:
    return NOON + timedelta(minutes=start), NOON + timedelta(minutes=start + minutes)


async def tell(
    database: Database, actor: Actor, whom: tuple[Any, Any], *when: datetime, kind: str = "patient_call"
) -> actions.Logged:
    async with database.tx(actor) as tx:
        (made,) = await actions.record_manual_entry(tx, *whom, kind, *(when or span()), "The phone rang", "Salt")
    return made


@pytest.fixture
async def whom(database: Database, cast: Cast, clock: HandClock) -> tuple[Any, Any]:
    """A patient of the coordinator's, two days before the present."""
    found = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 7, 15, 0, tzinfo=UTC)
    return found


async def counted(database: Database, cast: Cast) -> list[int]:
    async with database.tx(cast.billing) as tx:
        return [row.duration_secs for row in await queries.entries_for_close(tx, cast.clinic_id, OCTOBER)]


async def test_told_time_counts_once_a_second_person_approved_it(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.coordinator, whom)
    assert (made.seconds, made.awaits) == (1200, True)
    assert await counted(database, cast) == []
    async with database.tx(cast.manager) as tx:
        assert await queries.month_seconds(tx, None, OCTOBER) == {(whom[0], "CCM"): queries.MonthSeconds(awaiting=1200)}
        (waiting,) = await queries.awaiting(tx)
        assert (waiting.reason, waiting.person, waiting.why_not) == ("The phone rang", "Coordinator Person", "")
        await actions.approve_entry(tx, made.id)
        assert await queries.awaiting_count(tx) == 0
        assert await queries.month_seconds(tx, None, OCTOBER) == {(whom[0], "CCM"): queries.MonthSeconds(staff=1200)}
        (row,) = await queries.entries(tx, whom[0], OCTOBER)
        sealed = (await tx.db.execute(select(TimeEntry.entry_reason))).scalar_one()
    assert (row.entry_reason, row.decision, row.decided_by, row.awaits) == (
        "The phone rang",
        "approved",
        "Manager Person",
        False,
    )
    assert b"phone" not in bytes(sealed)
    assert await counted(database, cast) == [1200]
    async with database.tx(cast.auditor) as tx:
        assert await queries.altered(tx, OCTOBER) == []
    with pytest.raises(Conflict, match="decided before"):
        async with database.tx(cast.administrator) as tx:
            await actions.approve_entry(tx, made.id)


async def test_refused_time_is_void_and_can_be_told_anew(database: Database, cast: Cast, whom: tuple[Any, Any]) -> None:
    made = await tell(database, cast.coordinator, whom)
    with pytest.raises(Invalid, match="Fill this in"):
        async with database.tx(cast.manager) as tx:
            await actions.refuse_entry(tx, made.id, " ")
    async with database.tx(cast.manager) as tx:
        await actions.refuse_entry(tx, made.id, "Nobody was there")
        (row,) = await queries.entries(tx, whom[0], OCTOBER)
        assert await queries.month_seconds(tx, None, OCTOBER) == {}
    assert (row.is_void, row.void_reason, row.voided_by) == (True, "Nobody was there", "Manager Person")
    assert (await tell(database, cast.coordinator, whom)).awaits


async def test_telling_refuses_what_cannot_be(
    database: Database, cast: Cast, clock: HandClock, whom: tuple[Any, Any]
) -> None:
    async def refused(field: str, words: str, when: tuple[datetime, datetime], **changes: Any) -> None:
        sent = {"activity_type": "patient_call", "reason": "Forgot"} | changes
        with pytest.raises(Invalid, match=words) as caught:
            async with database.tx(cast.coordinator) as tx:
                await actions.record_manual_entry(tx, *whom, sent["activity_type"], *when, sent["reason"])
        assert caught.value.field == field

    await refused("end", "not come yet", (clock.now, clock.now + timedelta(minutes=1)))
    await refused("end", "after the start", (NOON, NOON))
    await refused("end", "24 hours", (NOON - timedelta(days=2), NOON))
    await refused("start", "time zone", (NOON.replace(tzinfo=None), NOON))
    await refused("reason", "Fill this in", span(), reason=" ")
    await refused("activity_type", "listed", span(), activity_type="golf")
    before = NOON - timedelta(days=45)
    await refused("start", "not enrolled then", (before, before + timedelta(minutes=5)))
    early = NOON - timedelta(days=2)
    await refused("start", "not yet on your list", (early, early + timedelta(minutes=5)))
    async with database.tx(cast.manager) as tx:
        await enrollment.end_enrollment(tx, whom[1], ended_on=date(2026, 10, 4), reason="Moved")
    await refused("start", "not enrolled then", span())


async def test_told_time_overlaps_nothing_and_enters_no_closed_month(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.coordinator, whom)
    with pytest.raises(Conflict, match="overlaps"):
        await tell(database, cast.coordinator, whom, *span(19))
    async with database.tx(cast.billing) as tx:
        await actions.lock_month(tx, cast.clinic_id, OCTOBER)
    with pytest.raises(Conflict, match="closed for the clinic"):
        await tell(database, cast.coordinator, whom, *span(60))
    async with database.tx(cast.manager) as tx:
        (waiting,) = await queries.awaiting(tx)
    assert "closed" in waiting.why_not
    with pytest.raises(Conflict, match="closed for the clinic"):
        async with database.tx(cast.manager) as tx:
            await actions.approve_entry(tx, made.id)


async def test_told_time_over_the_clinics_month_end_is_two_entries(
    database: Database, cast: Cast, clock: HandClock, whom: tuple[Any, Any]
) -> None:
    clock.now = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
    midnight = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    async with database.tx(cast.coordinator) as tx:
        around = (midnight - timedelta(minutes=10), midnight + timedelta(minutes=5))
        made = await actions.record_manual_entry(tx, *whom, "care_plan", *around, "On call")
    assert [(one.month, one.seconds) for one in made] == [("2026-10", 600), ("2026-11", 300)]


async def test_a_correction_that_shortens_counts_and_one_that_adds_waits_for_what_it_adds(
    database: Database, cast: Cast, clock: HandClock, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.coordinator, whom)
    async with database.tx(cast.manager) as tx:
        await actions.approve_entry(tx, made.id)
    async with database.tx(cast.coordinator) as tx:
        (short,) = await actions.correct_entry(tx, made.id, *span(0, 15), "care_plan", "Hung up earlier")
        found = {row.id: row for row in await queries.entries(tx, whom[0], OCTOBER)}
    assert not short.awaits
    assert (found[short.id].source, found[short.id].supersedes_id) == ("correction", made.id)
    assert (found[made.id].void_reason, found[short.id].note) == ("Hung up earlier", "Salt")
    assert await counted(database, cast) == [900]
    async with database.tx(cast.coordinator) as tx:
        longer = await actions.correct_entry(tx, short.id, *span(5, 25), "care_plan", "Called back")
    assert [(one.seconds, one.awaits) for one in longer] == [(600, False), (900, True)]
    assert await counted(database, cast) == [600]
    async with database.tx(cast.auditor) as tx:
        assert await queries.altered(tx, OCTOBER) == []
    with pytest.raises(Conflict, match="already void"):
        async with database.tx(cast.coordinator) as tx:
            await actions.correct_entry(tx, made.id, *span(0, 5), "care_plan", "Again")


async def test_a_correction_of_what_did_not_count_waits_whole(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    clerical = await tell(database, cast.coordinator, whom, kind="scheduling")
    async with database.tx(cast.manager) as tx:
        await actions.approve_entry(tx, clerical.id)
    waiting = await tell(database, cast.coordinator, whom, *span(60))
    for made, when in ((clerical, span(5, 5)), (waiting, span(65, 5))):
        async with database.tx(cast.coordinator) as tx:
            (one,) = await actions.correct_entry(tx, made.id, *when, "patient_call", "Was a call")
        assert one.awaits
    with pytest.raises(Invalid, match="Nothing would change"):
        async with database.tx(cast.coordinator) as tx:
            await actions.correct_entry(tx, one.id, *span(65, 5), "patient_call", "Same")


async def test_who_corrects_for_another_does_not_approve_it(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.coordinator, whom)
    with pytest.raises(Forbidden, match="or a manager"):
        async with database.tx(cast.practitioner) as tx:
            await actions.correct_entry(tx, made.id, *span(0, 30), "patient_call", "Longer")
    async with database.tx(cast.manager) as tx:
        (one,) = await actions.correct_entry(tx, made.id, *span(0, 30), "patient_call", "Longer")
        (waiting,) = await queries.awaiting(tx)
    assert (waiting.person, waiting.entered_by) == ("Coordinator Person", "Manager Person")
    assert "Somebody else" in waiting.why_not
    with pytest.raises(Conflict, match="second person"):
        async with database.tx(cast.manager) as tx:
            await actions.approve_entry(tx, one.id)
    async with database.tx(cast.administrator) as tx:
        await actions.approve_entry(tx, one.id)


@pytest.mark.req("T-21")
async def test_nobody_approves_their_own_time_by_any_way(
    database: Database, server: Server, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.manager, whom)
    with pytest.raises(Conflict, match="second person"):
        async with database.tx(cast.manager) as tx:
            await actions.approve_entry(tx, made.id)
    with pytest.raises(Forbidden, match="time:approve"):
        async with database.tx(cast.coordinator) as tx:
            await actions.approve_entry(tx, made.id)
    row = {"entry_id": made.id, "patient_id": whom[0], "decision": "approved", "decided_at": NOON}
    me, other = cast.manager.member_id, cast.coordinator.member_id
    for actor, changes, words in (
        (cast.manager, {"coordinator_id": me, "approved_by": me}, "second person"),
        (cast.manager, {"coordinator_id": other, "approved_by": me}, "second person"),
        (cast.manager, {"coordinator_id": me, "approved_by": other}, "own name"),
        (cast.administrator, {"coordinator_id": other, "approved_by": cast.administrator.member_id}, "not exist"),
        (cast.coordinator, {"coordinator_id": me, "approved_by": other}, "row-level security"),
    ):
        with pytest.raises((CaretideError, ProgrammingError), match=words):
            async with database.tx(actor) as tx:
                await tx.db.execute(insert(TimeApproval).values(id=new_id(), **row, **changes))
    # Past every trigger stands the constraint.
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute("ALTER TABLE time_entry_approvals DISABLE TRIGGER a_guard")
        try:
            with pytest.raises(psycopg.errors.CheckViolation):
                admin.execute(
                    "INSERT INTO time_entry_approvals (tenant_id, id, entry_id, patient_id, coordinator_id,"
                    " approved_by, decision, decided_at) VALUES (%s, %s, %s, %s, %s, %s, 'approved', now())",
                    [cast.tenant_id, new_id(), made.id, whom[0], me, me],
                )
        finally:
            admin.execute("ALTER TABLE time_entry_approvals ENABLE ALWAYS TRIGGER a_guard")


@pytest.mark.req("T-21", "T-23")
async def test_another_tenants_time_cannot_be_decided(database: Database, cast: Cast, whom: tuple[Any, Any]) -> None:
    made = await tell(database, cast.coordinator, whom)
    other = await assemble(database)
    with pytest.raises(NotFound):
        async with database.tx(other.manager) as tx:
            await actions.approve_entry(tx, made.id)
    row = {"entry_id": made.id, "patient_id": whom[0], "coordinator_id": cast.coordinator.member_id}
    what = {"approved_by": other.manager.member_id, "decision": "approved", "decided_at": NOON}
    for tenant_id, words in ((cast.tenant_id, "row-level security|no such entry"), (other.tenant_id, "no such entry")):
        values = {"tenant_id": tenant_id, "id": new_id(), **row, **what}
        with pytest.raises((CaretideError, DBAPIError), match=words):
            async with database.tx(other.manager) as tx:
                await tx.db.execute(insert(TimeApproval).values(**values))


@pytest.mark.req("T-21")
async def test_sums_and_decisions_are_nobodys_to_write(database: Database, cast: Cast, whom: tuple[Any, Any]) -> None:
    made = await tell(database, cast.coordinator, whom)
    async with database.tx(cast.manager) as tx:
        await actions.approve_entry(tx, made.id)
    for attempt in (
        "UPDATE month_seconds SET staff_secs = 9999",
        "DELETE FROM month_seconds",
        "INSERT INTO month_seconds SELECT * FROM month_seconds",
        "UPDATE member_days SET seconds = 0",
        "DELETE FROM member_days",
        "UPDATE time_entry_approvals SET decision = 'approved'",
        "DELETE FROM time_entry_approvals",
        "SELECT public.take_time_off(ARRAY[]::uuid[], ctx.tenant(), ARRAY[]::text[])",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(text(attempt))


@pytest.mark.req("T-21")
async def test_told_time_cannot_be_marked_otherwise(database: Database, cast: Cast, whom: tuple[Any, Any]) -> None:
    made = await tell(database, cast.coordinator, whom)
    sealed = b"sealed"
    for changes, words in (
        ({"source": "imported"}, "outside"),
        ({"source": "manual"}, "outside"),
        ({"source": "timer", "entry_reason": sealed}, "outside"),
        ({"source": "timer", "supersedes_id": made.id}, "voided for it"),
        ({"source": "correction", "entry_reason": sealed}, "outside"),
        ({"source": "correction", "entry_reason": sealed, "supersedes_id": made.id}, "voided for it"),
    ):
        with pytest.raises(CaretideError, match=words):
            await put(database, cast.coordinator, await entry(database, cast, **changes))
    # Voided for it, but never approved: as a correction it would count.
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, made.id, "Wrong")
    values = await entry(database, cast, source="correction", entry_reason=sealed, supersedes_id=made.id)
    times = {"start_time": made.start_time, "end_time": made.end_time}
    forged = values | times | {"patient_id": whom[0], "enrollment_id": whom[1]}
    with pytest.raises(Conflict, match="waits for approval"):
        await put(database, cast.coordinator, forged)
    with pytest.raises(Conflict, match="voided for it"):
        await put(database, cast.manager, forged)
    await put(database, cast.coordinator, forged | {"source": "correction_adding"})
    assert await counted(database, cast) == []


async def test_a_decision_and_a_void_at_once_leave_one_truth(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    for start in range(0, 300, 60):
        made = await tell(database, cast.coordinator, whom, *span(start))

        async def approve(entry_id: Any = made.id) -> None:
            async with database.tx(cast.manager) as tx:
                await actions.approve_entry(tx, entry_id)

        async def void(entry_id: Any = made.id) -> None:
            async with database.tx(cast.coordinator) as tx:
                await actions.void_entry(tx, entry_id, "Not so")

        outcomes = await asyncio.gather(approve(), void(), return_exceptions=True)
        assert outcomes[1] is None
        assert outcomes[0] is None or isinstance(outcomes[0], Conflict)
    assert await counted(database, cast) == []
    async with database.tx(cast.manager) as tx:
        assert await queries.month_seconds(tx, None, OCTOBER) == {}


async def test_a_void_waits_for_a_decision_that_is_being_made(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.coordinator, whom)

    async def void() -> None:
        async with database.tx(cast.coordinator) as tx:
            await actions.void_entry(tx, made.id, "Not so")

    async with database.tx(cast.manager) as tx:
        await actions.approve_entry(tx, made.id)
        voiding = asyncio.create_task(void())
        await asyncio.sleep(0.3)
        assert not voiding.done()
        await tx.db.execute(text("SELECT 1"))
    await voiding
    async with database.tx(cast.manager) as tx:
        assert await queries.month_seconds(tx, None, OCTOBER) == {}
        assert await queries.last_contact(tx, [whom[0]]) == {}
