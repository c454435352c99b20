"""The log that cannot be altered, attacked as the application's own role, and past it as the server's administrator."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from caretide.identity.models import Membership
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from caretide.time_log import actions, queries
from caretide.time_log.models import AccountInterval, MonthLock, TimeEntry, Timer
from caretide.time_log.rules import EntryFacts, row_hash
from tests.cast import Cast, assemble
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled

OCTOBER = Month(2026, 10)
NOON = datetime(2026, 10, 7, 17, 0, tzinfo=UTC)


async def entry(database: Database, cast: Cast, actor: Actor | None = None, **changes: Any) -> dict[str, Any]:
    """Return the columns of an honest entry of ten minutes for a patient of the actor's, with changes."""
    who = actor or cast.coordinator
    patient_id, enrollment_id = await enrolled(database, cast, to=who)
    facts = EntryFacts(
        id=new_id(),
        tenant_id=cast.tenant_id,
        patient_id=patient_id,
        coordinator_id=who.member_id or new_id(),
        account_id=who.account_id,
        enrollment_id=enrollment_id,
        clinic_id=cast.clinic_id,
        program="CCM",
        activity_type="patient_call",
        start_time=NOON,
        end_time=NOON + timedelta(minutes=10),
        service_month=date(2026, 10, 1),
        staff_role="clinical_staff",
        credential="RN",
        source="timer",
    )
    values = {name: getattr(facts, name) for name in EntryFacts.__dataclass_fields__ if name != "tenant_id"}
    return {**values, "row_hash": row_hash(facts), **changes}


async def put(database: Database, actor: Actor, values: dict[str, Any]) -> None:
    async with database.tx(actor) as tx:
        await tx.db.execute(insert(TimeEntry).values(**values))


@pytest.fixture
async def recorded(database: Database, cast: Cast) -> dict[str, Any]:
    """One entry of the coordinator's."""
    values = await entry(database, cast)
    await put(database, cast.coordinator, values)
    return values


VOID = {"is_void": True, "void_reason": "Mistake", "voided_at": NOON}
FREE = {"is_void", "void_reason", "voided_by", "voided_at"}


@pytest.mark.req("A-20", "T-21")
@pytest.mark.parametrize("column", [c.name for c in TimeEntry.__table__.columns if c.name not in FREE])
async def test_no_column_of_an_entry_can_be_changed(
    database: Database, cast: Cast, recorded: dict[str, Any], column: str
) -> None:
    for actor in (cast.coordinator, cast.administrator, cast.system):
        with pytest.raises(DBAPIError, match=r"permission denied|can only be updated to DEFAULT"):
            async with database.tx(actor) as tx:
                # Voiding it in the same breath does not help.
                await tx.db.execute(text(f"UPDATE time_log_entries SET is_void = true, {column} = {column}"))  # noqa: S608 - our own column names


@pytest.mark.req("A-20", "T-21")
async def test_entries_are_neither_deleted_nor_truncated(
    database: Database, cast: Cast, recorded: dict[str, Any]
) -> None:
    for attempt in ("DELETE FROM time_log_entries", "TRUNCATE time_log_entries", "TRUNCATE patients CASCADE"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(text(attempt))


async def test_a_void_is_final_and_in_ones_own_name(database: Database, cast: Cast, recorded: dict[str, Any]) -> None:
    mine = {"voided_by": cast.coordinator.member_id}
    for values, words in (
        (VOID | {"void_reason": None} | mine, "once, with a reason"),
        (VOID | {"voided_at": None} | mine, "once, with a reason"),
        (VOID | {"voided_by": cast.manager.member_id}, "own name"),
        ({"is_void": False, "void_reason": "Nothing"} | mine, "once, with a reason"),
    ):
        with pytest.raises(Conflict, match=words):
            async with database.tx(cast.coordinator) as tx:
                await tx.db.execute(update(TimeEntry).values(**values))
    async with database.tx(cast.coordinator) as tx:
        await tx.db.execute(update(TimeEntry).values(**VOID, **mine))
    for values in ({"is_void": False, "void_reason": None}, VOID | {"void_reason": "Another"} | mine):
        with pytest.raises(Conflict, match="once, with a reason"):
            async with database.tx(cast.coordinator) as tx:
                await tx.db.execute(update(TimeEntry).values(**values))


@pytest.mark.parametrize("column", ["created_at", "entered_by", "is_void", "void_reason", "voided_by", "voided_at"])
async def test_what_the_database_stamps_cannot_be_brought_along(database: Database, cast: Cast, column: str) -> None:
    me = cast.coordinator.member_id
    value = {"is_void": False, "void_reason": "x", "voided_by": me, "entered_by": me}.get(column, NOON)
    values = await entry(database, cast, **{column: value})
    with pytest.raises(ProgrammingError, match="permission denied"):
        await put(database, cast.coordinator, values)


@pytest.mark.req("R-14")
async def test_nobody_is_in_two_places_for_any_patient(
    database: Database, cast: Cast, recorded: dict[str, Any]
) -> None:
    for start, end in ((0, 10), (9, 12), (-5, 1), (3, 4), (-5, 20)):
        times = {"start_time": NOON + timedelta(minutes=start), "end_time": NOON + timedelta(minutes=end)}
        with pytest.raises(Conflict, match="overlaps"):
            await put(database, cast.coordinator, await entry(database, cast, **times))
    after = {"start_time": NOON + timedelta(minutes=10), "end_time": NOON + timedelta(minutes=11)}
    await put(database, cast.coordinator, await entry(database, cast, **after))
    await put(database, cast.other_coordinator, await entry(database, cast, cast.other_coordinator))


async def test_a_correction_may_take_the_time_of_the_void_entry(
    database: Database, cast: Cast, recorded: dict[str, Any]
) -> None:
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, recorded["id"], "Wrong activity")
        why = {"source": "correction", "supersedes_id": recorded["id"], "entry_reason": b"sealed"}
        corrected = recorded | why | {"id": new_id(), "activity_type": "care_plan"}
        await tx.db.execute(insert(TimeEntry).values(**corrected))
    async with database.tx(cast.billing) as tx:
        (live,) = await queries.entries_for_close(tx, cast.clinic_id, OCTOBER)
    assert live.activity_type == "care_plan"


async def also_works_for(database: Database, cast: Cast, other: Cast) -> Actor:
    """Give the coordinator's account the other tenant's coordinator's place; return who acts there."""
    async with database.tx(other.system) as tx:
        mine = {"account_id": cast.coordinator.account_id}
        await tx.db.execute(update(Member).where(Member.id == other.coordinator.member_id).values(**mine))
        place = {"tenant_id": other.tenant_id, "member_id": other.coordinator.member_id}
        await tx.db.execute(insert(Membership).values(**mine, **place))
    return replace(other.coordinator, account_id=cast.coordinator.account_id)


@pytest.mark.req("R-14", "T-23")
async def test_an_account_is_in_one_place_across_tenants_and_the_refusal_names_nothing(
    database: Database, cast: Cast, recorded: dict[str, Any]
) -> None:
    other = await assemble(database)
    there = await also_works_for(database, cast, other)
    values = await entry(database, other, there)
    with pytest.raises(Conflict) as caught:
        await put(database, there, values)
    assert caught.value.message == "This time overlaps time that is already running or recorded for you"
    # Nor does what the driver knows, which an attacker could read: no account, no interval, no table.
    diagnosis = caught.value.__cause__.orig.diag
    assert diagnosis.message_detail is None
    assert diagnosis.constraint_name is None
    assert str(recorded["account_id"]) not in str(caught.value.__cause__.orig)
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, recorded["id"], "Was there instead")
    await put(database, there, values)


@pytest.mark.req("R-14", "T-23")
async def test_a_timer_in_one_tenant_bars_a_timer_in_another(database: Database, cast: Cast, clock: HandClock) -> None:
    other = await assemble(database)
    there = await also_works_for(database, cast, other)
    here, elsewhere = await enrolled(database, cast), await enrolled(database, other)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *here, "patient_call")
    clock.advance(minutes=1)
    async with database.tx(there) as tx:
        assert await queries.running_timer(tx) is None
    with pytest.raises(Conflict, match=r"^This time overlaps time that is already running or recorded for you$"):
        async with database.tx(there) as tx:
            await actions.start_timer(tx, *elsewhere, "patient_call")
    async with database.tx(cast.coordinator) as tx:
        await actions.stop_timer(tx)
    async with database.tx(there) as tx:
        await actions.start_timer(tx, *elsewhere, "patient_call")


async def test_time_is_recorded_under_the_members_own_account(database: Database, cast: Cast) -> None:
    for account_id in (None, cast.other_coordinator.account_id):
        values = await entry(database, cast, account_id=account_id)
        with pytest.raises(Conflict, match="account of the member"):
            await put(database, cast.coordinator, values)


@pytest.mark.req("T-21")
async def test_nobody_reads_or_writes_the_accounts_intervals(database: Database, cast: Cast) -> None:
    for attempt in (select(AccountInterval.account_id), delete(AccountInterval)):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(attempt)


@pytest.mark.req("Z-04", "T-28")
async def test_a_coordinator_records_no_time_for_others_or_for_strangers(database: Database, cast: Cast) -> None:
    for_somebody = await entry(database, cast, cast.other_coordinator)
    off_roster = for_somebody | {
        "coordinator_id": cast.coordinator.member_id,
        "account_id": cast.coordinator.account_id,
    }
    for values in (for_somebody, off_roster):
        with pytest.raises(ProgrammingError, match="row-level security"):
            await put(database, cast.coordinator, values)


async def test_a_coordinator_starts_and_ends_no_timer_of_another(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.practitioner) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    async with database.tx(cast.coordinator) as tx:
        assert (await tx.db.execute(delete(Timer))).rowcount == 0
        row = (await tx.db.execute(select(*Timer.__table__.columns))).one()._asdict()
    who = {"member_id": cast.other_coordinator.member_id, "account_id": cast.other_coordinator.account_id}
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tx(cast.coordinator) as tx:
            await tx.db.execute(insert(Timer).values(**(row | who | {"id": new_id()})))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"end_time": NOON}, Invalid),
        ({"start_time": NOON + timedelta(milliseconds=1)}, Invalid),
        ({"service_month": date(2026, 9, 1)}, Conflict),
        ({"start_time": datetime(2026, 10, 1, 4, 59, tzinfo=UTC)}, Conflict),
        ({"end_time": datetime(2026, 11, 1, 5, 0, 1, tzinfo=UTC)}, Conflict),
    ],
)
async def test_an_entry_is_whole_seconds_within_its_month(
    database: Database, cast: Cast, changes: dict[str, Any], kind: type[Exception]
) -> None:
    values = await entry(database, cast, **changes)
    with pytest.raises(kind):
        await put(database, cast.coordinator, values)


async def test_a_lock_is_released_once_and_stays_on_record(database: Database, cast: Cast) -> None:
    async with database.tx(cast.billing) as tx:
        await actions.lock_month(tx, cast.clinic_id, OCTOBER)
        await actions.unlock_month(tx, cast.clinic_id, OCTOBER)
    for values in ({"released_at": None, "released_by": None}, {"released_at": NOON}):
        with pytest.raises(Conflict, match="released once"):
            async with database.tx(cast.billing) as tx:
                await tx.db.execute(update(MonthLock).values(**values))
    for attempt in (delete(MonthLock), update(MonthLock).values(service_month=date(2026, 9, 1))):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(attempt)
    async with database.tx(cast.billing) as tx:
        assert await actions.lock_month(tx, cast.clinic_id, OCTOBER)


@pytest.mark.req("A-20")
@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (
            "UPDATE time_log_entries SET end_time = end_time + interval '1 hour' WHERE tenant_id = ctx.tenant()",
            "only be voided",
        ),
        (
            (
                "UPDATE time_log_entries SET is_void = true, void_reason = 'x', voided_at = now(), program = 'PCM'"
                " WHERE tenant_id = ctx.tenant()"
            ),
            "changed",
        ),
        ("DELETE FROM time_log_entries", "never deleted"),
        ("TRUNCATE time_log_entries CASCADE", "never deleted"),
        (
            (
                "INSERT INTO timers (tenant_id, id, member_id, account_id, patient_id, enrollment_id, clinic_id,"
                " program, staff_role, credential, activity_type, started_at)"
                " SELECT tenant_id, gen_random_uuid(), coordinator_id, account_id, patient_id, enrollment_id,"
                " clinic_id, program, staff_role, credential, activity_type, start_time FROM time_log_entries"
                " WHERE tenant_id = ctx.tenant()"
            ),
            "overlaps",
        ),
    ],
)
async def test_the_guards_hold_against_the_administrator_in_replica_mode(
    server: Server, cast: Cast, recorded: dict[str, Any], attempt: str, words: str
) -> None:
    """`session_replication_role = replica` is the usual way to switch triggers off."""
    with psycopg.connect(server.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("SELECT ctx.enter(%s)", [cast.tenant_id])
        with pytest.raises(psycopg.Error, match=words):
            admin.execute(attempt)


@pytest.mark.req("A-20")
async def test_the_months_lock_holds_in_replica_mode(
    database: Database, server: Server, cast: Cast, recorded: dict[str, Any]
) -> None:
    async with database.tx(cast.billing) as tx:
        await actions.lock_month(tx, cast.clinic_id, OCTOBER)
    with psycopg.connect(server.admin) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("SELECT ctx.enter(%s)", [cast.tenant_id])
        with pytest.raises(psycopg.Error, match="closed for the clinic"):
            admin.execute(
                "UPDATE time_log_entries SET is_void = true, void_reason = 'x', voided_at = now() WHERE id = %s",
                [recorded["id"]],
            )


async def test_the_exclusion_is_a_constraint_of_its_own(database: Database, cast: Cast) -> None:
    """Within a tenant it does not rest on the accounts: members without one are kept apart too."""
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).where(Member.id == cast.coordinator.member_id).values(account_id=None))
    without = {"account_id": None}
    await put(database, cast.coordinator, await entry(database, cast, **without))
    with pytest.raises(Conflict) as caught:
        await put(database, cast.coordinator, await entry(database, cast, **without))
    cause = caught.value.__cause__
    assert isinstance(cause, IntegrityError)
    assert cause.orig.diag.constraint_name == "time_log_entries_no_overlap"
