"""Waivers of separated duties: recorded, expiring, named wherever they were used, and held to by the database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, func, insert, select, update

from caretide.billing.queries.evidence import judged, packs
from caretide.billing.rules.record import monthly_record
from caretide.documents.render.view import record_view
from caretide.documents.schemas import MonthlyRecord
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import GRANTS, Role
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.tenants import queries as members
from caretide.tenants.models import DutyWaiver
from caretide.tenants.rules.waivers import check_last_day
from caretide.time_log import actions, queries
from caretide.time_log.models import TimeApproval
from tests.cast import Cast, assemble, person
from tests.client import Visit
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled
from tests.time_log.test_told import NOON, OCTOBER, counted, span, tell

PLACE = "/admin/waivers"
DUTY = "approve_own_time"
LAST = date(2027, 9, 30)
WHY = "The clinic has one manager"


@pytest.fixture
async def whom(database: Database, cast: Cast, clock: HandClock) -> tuple[Any, Any]:
    """A patient of the manager's, two days before the present."""
    found = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 7, 15, 0, tzinfo=UTC)
    return found


def id_of(actor: Actor) -> UUID:
    assert actor.member_id is not None
    return actor.member_id


async def waive(database: Database, cast: Cast, by: Actor | None = None, whose: Actor | None = None) -> UUID:
    async with database.tx(by or cast.administrator) as tx:
        return await tenants.waive_duty(tx, id_of(whose or cast.manager), DUTY, LAST, WHY)


async def approve(database: Database, actor: Actor, entry_id: UUID) -> None:
    async with database.tx(actor) as tx:
        await actions.approve_entry(tx, entry_id)


@pytest.mark.req("Z-06", "Z-07")
async def test_own_time_is_approved_only_while_a_waiver_stands(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.manager, whom)
    with pytest.raises(Conflict, match="A second person decides"):
        await approve(database, cast.manager, made.id)
    waiver_id = await waive(database, cast)
    await approve(database, cast.manager, made.id)
    assert await counted(database, cast) == [1200]
    async with database.tx(cast.auditor) as tx:
        (entry,) = await queries.entries(tx, whom[0], OCTOBER)
        (used,) = await queries.waived_in(tx, OCTOBER)
        assert (await tx.db.execute(select(TimeApproval.waiver_id))).scalar_one() == waiver_id
    assert (entry.decided_by, entry.is_waived) == ("Manager Person", True)
    assert (used.waiver.reason, used.entries, used.seconds) == (WHY, 1, 1200)


@pytest.mark.req("Z-06")
async def test_time_that_one_entered_for_somebody_else_needs_the_waiver_too(
    database: Database, cast: Cast, clock: HandClock, whom: tuple[Any, Any]
) -> None:
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, "patient_call")
    clock.advance(hours=1)
    async with database.tx(cast.manager) as tx:
        told = actions.ToldEnd(clock.now - timedelta(minutes=30), "Left on")
        (made,) = await actions.stop_timer_of(tx, id_of(cast.coordinator), told)
    with pytest.raises(Conflict, match="A second person decides"):
        await approve(database, cast.manager, made.id)
    await waive(database, cast)
    await approve(database, cast.manager, made.id)
    assert await counted(database, cast) == [1800]


@pytest.mark.req("Z-06")
async def test_a_waiver_that_ended_or_ran_out_lets_nothing_through(
    database: Database, cast: Cast, clock: HandClock, server: Server, whom: tuple[Any, Any]
) -> None:
    made = await tell(database, cast.manager, whom)
    waiver_id = await waive(database, cast)
    async with database.tx(cast.administrator) as tx:
        await tenants.end_waiver(tx, waiver_id)
    with pytest.raises(Conflict, match="A second person decides"):
        await approve(database, cast.manager, made.id)
    again = await waive(database, cast)
    clock.now = datetime(2027, 10, 1, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(Conflict, match="A second person decides"):
        await approve(database, cast.manager, made.id)
    # Whoever sets the application's clock back finds the database's own.
    clock.now = datetime(2026, 10, 7, 16, 0, tzinfo=UTC)
    with psycopg.connect(server.admin, autocommit=True) as behind:
        behind.execute("SET session_replication_role = replica")
        behind.execute("ALTER TABLE duty_waivers DISABLE TRIGGER a_guard")
        behind.execute("UPDATE duty_waivers SET ends_on = '2026-10-09' WHERE id = %s", [again])
        behind.execute("ALTER TABLE duty_waivers ENABLE ALWAYS TRIGGER a_guard")
    async with database.tx(cast.manager) as tx:
        assert await members.my_waiver(tx, DUTY) is not None
    with pytest.raises(Conflict, match="A second person decides"):
        await approve(database, cast.manager, made.id)


@pytest.mark.req("Z-06")
async def test_a_decision_rests_on_no_waiver_of_its_own_choice(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    mine, theirs = await tell(database, cast.manager, whom), await tell(database, cast.coordinator, whom, *span(30))
    waiver_id = await waive(database, cast)
    row = {"id": new_id(), "patient_id": whom[0], "decision": "approved", "decided_at": NOON, "waiver_id": waiver_id}
    stranger = row | {"entry_id": mine.id, "coordinator_id": cast.manager.member_id}
    with pytest.raises(Conflict, match="one's own name"):
        async with database.tx(cast.administrator) as tx:
            await tx.db.execute(insert(TimeApproval).values(**stranger, approved_by=cast.manager.member_id))
    with pytest.raises(Conflict, match="A second person decides"):
        # Decided before the waiver was recorded.
        async with database.tx(cast.manager) as tx:
            await tx.db.execute(insert(TimeApproval).values(**stranger, approved_by=cast.manager.member_id))
    needless = row | {"entry_id": theirs.id, "coordinator_id": cast.coordinator.member_id}
    async with database.tx(cast.manager) as tx:
        await tx.db.execute(insert(TimeApproval).values(**needless, approved_by=cast.manager.member_id))
        assert (await tx.db.execute(select(TimeApproval.waiver_id))).scalar_one() is None
        assert await queries.waived_in(tx, OCTOBER) == []


@pytest.mark.req("Z-06", "Z-07")
async def test_nobody_waives_for_themselves_while_there_is_another_administrator(
    database: Database, cast: Cast, whom: tuple[Any, Any]
) -> None:
    async with database.tx(cast.system) as tx:
        other = await person(tx, Role.ADMINISTRATOR, "second", cast.practitioner_id)
    with pytest.raises(Conflict, match="another administrator"):
        await waive(database, cast, whose=cast.administrator)
    row = {"id": new_id(), "duty": DUTY, "member_id": cast.administrator.member_id, "reason": WHY}
    row |= {"granted_by": cast.administrator.member_id, "granted_at": NOON, "ends_on": LAST}
    with pytest.raises(Conflict, match="another administrator"):
        async with database.tx(cast.administrator) as tx:
            await tx.db.execute(insert(DutyWaiver).values(**row))
    assert await waive(database, cast, by=other, whose=cast.administrator)
    async with database.tx(cast.system) as tx:
        await tenants.suspend_member(tx, id_of(other))
    async with database.tx(cast.administrator) as tx:
        (stands,) = await members.waivers(tx)
        await tenants.end_waiver(tx, stands.id)
    assert await waive(database, cast, whose=cast.administrator)


@pytest.mark.req("Z-06")
async def test_only_an_administrator_in_person_records_a_waiver(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        async with database.tx(cast.system) as tx:
            await tenants.waive_duty(tx, id_of(cast.manager), DUTY, LAST, WHY)
    row = {"id": new_id(), "duty": DUTY, "member_id": cast.manager.member_id, "reason": WHY}
    row |= {"granted_at": NOON, "ends_on": LAST}
    for actor, signed in (
        (cast.manager, cast.manager),
        (cast.manager, cast.administrator),
        (cast.system, cast.administrator),
    ):
        with pytest.raises(Conflict, match="in their own name"):
            async with database.tx(actor) as tx:
                await tx.db.execute(insert(DutyWaiver).values(**row, granted_by=signed.member_id))
    promoted = Actor("member", cast.tenant_id, GRANTS[Role.ADMINISTRATOR], member_id=cast.manager.member_id)
    with pytest.raises(Forbidden, match="in their own name"):
        await waive(database, cast, by=promoted)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duty": "sign_for_others"}, "duty"),
        ({"reason": " "}, "reason"),
        ({"ends_on": date(2026, 10, 4)}, "ends_on"),
        ({"ends_on": date(2027, 10, 6)}, "ends_on"),
        ({"member_id": new_id()}, "member_id"),
    ],
)
async def test_an_unfit_waiver_is_refused_by_field(
    database: Database, cast: Cast, clock: HandClock, changes: dict[str, Any], field: str
) -> None:
    clock.now = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
    sent = {"member_id": id_of(cast.manager), "duty": DUTY, "ends_on": LAST, "reason": WHY} | changes
    with pytest.raises(Invalid) as caught:
        async with database.tx(cast.administrator) as tx:
            await tenants.waive_duty(tx, **sent)
    assert caught.value.field == field


async def test_a_waiver_is_for_somebody_who_could_do_it_at_all(database: Database, cast: Cast) -> None:
    for actor in (cast.coordinator, cast.billing, cast.auditor):
        with pytest.raises(Invalid, match="whose role can do this"):
            await waive(database, cast, whose=actor)


async def test_a_second_waiver_waits_for_the_first_to_end(database: Database, cast: Cast) -> None:
    waiver_id = await waive(database, cast)
    with pytest.raises(Conflict, match="stands already"):
        await waive(database, cast)
    async with database.tx(cast.administrator) as tx:
        await tenants.end_waiver(tx, waiver_id)
        with pytest.raises(Conflict, match="ended already"):
            await tenants.end_waiver(tx, waiver_id)
        with pytest.raises(NotFound):
            await tenants.end_waiver(tx, new_id())
    assert await waive(database, cast)


def test_a_waiver_of_the_leap_day_lasts_until_the_end_of_february() -> None:
    check_last_day(date(2029, 2, 28), date(2028, 2, 29))
    with pytest.raises(Invalid):
        check_last_day(date(2029, 3, 1), date(2028, 2, 29))


@pytest.mark.req("Z-06")
async def test_the_database_keeps_a_waiver_as_it_was_recorded(database: Database, cast: Cast, clock: HandClock) -> None:
    waiver_id = await waive(database, cast)
    for statement in (
        update(DutyWaiver).values(ends_on=date(2027, 10, 1)),
        update(DutyWaiver).values(member_id=cast.administrator.member_id),
        delete(DutyWaiver),
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with database.tx(cast.administrator) as tx:
                await tx.db.execute(statement)
    ended = {"ended_at": clock.now, "ended_by": cast.administrator.member_id}
    for values in (ended | {"ended_by": cast.manager.member_id}, {"ended_at": None, "ended_by": None}):
        with pytest.raises(Conflict, match="ended once"):
            async with database.tx(cast.administrator) as tx:
                await tx.db.execute(update(DutyWaiver).where(DutyWaiver.id == waiver_id).values(**values))
    row = {"id": new_id(), "duty": DUTY, "member_id": cast.manager.member_id, "reason": WHY, "granted_at": NOON}
    row |= {"granted_by": cast.administrator.member_id}
    for day in (NOON.date() - timedelta(days=1), date(2027, 10, 6)):
        with pytest.raises(Invalid):
            async with database.tx(cast.administrator) as tx:
                await tx.db.execute(insert(DutyWaiver).values(**row, ends_on=day))


async def test_one_tenants_waivers_are_not_of_another(database: Database, cast: Cast) -> None:
    await waive(database, cast)
    other = await assemble(database)
    async with database.tx(other.administrator) as tx:
        assert await members.waivers(tx) == []
        assert (await tx.db.execute(select(func.count()).select_from(DutyWaiver))).scalar_one() == 0


@pytest.mark.req("Z-07")
async def test_the_month_its_record_and_the_patients_page_say_where_a_waiver_was_used(
    database: Database, cast: Cast, signed_in: Visit, whom: tuple[Any, Any]
) -> None:
    biller, manager = await signed_in(cast.billing), await signed_in(cast.manager)
    mine, theirs = await tell(database, cast.manager, whom), await tell(database, cast.coordinator, whom, *span(30))
    waiver_id = await waive(database, cast)
    both = {"decision": "approve", "entry": [str(mine.id), str(theirs.id)]}
    waiting = (await manager.get("/approvals")).text
    assert "you decide under a waiver" in waiting
    assert waiting.count('type="checkbox"') == 2
    assert "were not separated" not in (await biller.get("/months/2026-10")).text
    assert (await manager.post("/approvals", data=both)).status_code == 303
    async with database.tx(cast.administrator) as tx:
        await tenants.end_waiver(tx, waiver_id)
    month = (await biller.get("/months/2026-10")).text
    assert "Duties were not separated everywhere in this month" in month
    assert "Manager Person decided over 1 entry of told time" in month
    assert WHY in month
    assert "were not separated" in (await biller.get(f"/months/2026-10?clinic={cast.clinic_id}")).text
    assert "were not separated" not in (await biller.get("/months/2026-09")).text
    assert "approved by Manager Person, under a waiver" in (await manager.get(f"/patients/{whom[0]}")).text
    async with database.tx(cast.billing) as tx:
        clinic = await members.clinic(tx, cast.clinic_id)
        (one,) = await judged(tx, clinic, OCTOBER, [whom[0]])
        facts = monthly_record(one, await packs(tx))
    record = MonthlyRecord.model_validate(facts)
    said = (
        "approved by Manager Person, whose time it is, under a waiver of separated duties that Administrator Person "
        f"recorded on Oct 7, 2026, until Sep 30, 2027: {WHY}"
    )
    assert [entry.late for entry in record.entries] == [said, None]
    assert WHY in str(record_view(record))


async def test_a_program_records_ends_and_lists_waivers(database: Database, cast: Cast, api: Visit) -> None:
    program = await api(cast.administrator)
    sent = {"member_id": str(cast.manager.member_id), "duty": DUTY, "ends_on": "2027-09-30", "reason": WHY}
    made = await program.post(PLACE, json=sent)
    assert made.status_code == 201
    assert (await program.post(PLACE, json=sent)).status_code == 409
    (one,) = (await program.get(PLACE)).json()
    assert (one["state"], one["member"], one["granted_by"]) == ("stands", "Manager Person", "Administrator Person")
    assert (await program.post(f"{PLACE}/{made.json()['id']}/end")).status_code == 204
    (one,) = (await program.get(PLACE)).json()
    assert (one["state"], one["ended_by"]) == ("ended", "Administrator Person")
    for actor in (cast.manager, cast.coordinator, cast.auditor):
        refused = await (await api(actor)).post(PLACE, json=sent)
        assert (refused.status_code, refused.json()["permission"]) == (403, "tenant:write")


async def test_an_administrator_records_and_ends_a_waiver_on_the_page(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    browser = await signed_in(cast.administrator)
    empty = (await browser.get(PLACE)).text
    assert "No waiver" in empty
    assert "Coordinator Person" not in empty
    sent = {"member_id": str(cast.manager.member_id), "duty": DUTY, "ends_on": "2027-09-30", "reason": WHY}
    wrong = await browser.post(PLACE, data=sent | {"ends_on": "2030-01-01"})
    assert (wrong.status_code, "lasts for a year at most" in wrong.text) == (422, True)
    assert (await browser.post(PLACE, data=sent)).status_code == 303
    page = (await browser.get(PLACE)).text
    assert WHY in page
    async with database.tx(cast.administrator) as tx:
        (stands,) = await members.waivers(tx)
    assert (await browser.post(f"{PLACE}/{stands.id}/end")).status_code == 303
    assert (await browser.post(f"{PLACE}/{stands.id}/end")).status_code == 422
    assert "End it" not in (await browser.get(PLACE)).text
