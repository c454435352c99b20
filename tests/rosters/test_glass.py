"""Emergency access: for those named beforehand, one patient, an hour at most, told of, reviewed by another."""

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Patient
from caretide.rosters import actions, queries
from caretide.rosters.models import GlassOpening, GlassReview
from caretide.rosters.rules.emergency import is_overdue
from caretide.runtime.tx import Database, Stores
from caretide.tenants import actions as tenants
from caretide.time_log import actions as time_log
from caretide.time_log.rules import ACTIVITY_TYPES
from tests.cast import Cast, assemble
from tests.client import open_session
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled, new_patient
from tests.rosters.glass import CONTACT, WHY, another, letters, name_members, opened, shift
from tests.rosters.shifts import be_now, designated, seen

pytestmark = pytest.mark.req("H-02")


async def test_one_record_opens_for_an_hour_and_closes_by_itself(
    database: Database, cast: Cast, clock: HandClock, server: Server
) -> None:
    be_now(clock)
    theirs, nobodys = await another(database, cast), await new_patient(database, cast)
    await name_members(database, cast, cast.coordinator)
    assert await seen(database, cast.coordinator) == set()
    opening_id = await opened(database, cast.coordinator, theirs)
    assert await seen(database, cast.coordinator) == {theirs}
    shift(server, opening_id, 59.9)
    assert await seen(database, cast.coordinator) == {theirs}
    shift(server, opening_id, 60)
    assert await seen(database, cast.coordinator) == set()
    assert nobodys not in await seen(database, cast.coordinator)
    # No longer than an hour, whatever a row says.
    longer = "UPDATE glass_openings SET until = opened_at + interval '61 minutes' WHERE id = %s"
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(server.admin) as admin:
        admin.execute(longer, [opening_id])


async def test_it_is_ended_by_hand_once(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator, cast.other_coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    with pytest.raises(NotFound, match="not open"):
        async with database.tx(cast.other_coordinator) as tx:
            await actions.end_glass(tx, opening_id)
    async with database.tx(cast.coordinator) as tx:
        assert [one.id for one in await queries.my_glasses(tx)] == [opening_id]
        await actions.end_glass(tx, opening_id)
    assert await seen(database, cast.coordinator) == set()
    with pytest.raises(NotFound, match="not open"):
        async with database.tx(cast.manager) as tx:
            await actions.end_glass(tx, opening_id)


async def test_a_manager_ends_somebody_elses(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    async with database.tx(cast.manager) as tx:
        await actions.end_glass(tx, opening_id)
    assert await seen(database, cast.coordinator) == set()


async def test_only_those_named_use_it_and_only_beyond_their_roster(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    be_now(clock)
    theirs, mine = await another(database, cast), await new_patient(database, cast)
    await designated(database, cast, mine, cast.coordinator)
    for actor in (cast.coordinator, cast.manager, cast.billing, cast.practitioner):
        with pytest.raises(Forbidden):
            await opened(database, actor, theirs)
    await name_members(database, cast, cast.coordinator, cast.manager)
    with pytest.raises(Forbidden):
        await opened(database, cast.manager, theirs)
    with pytest.raises(Conflict, match="already"):
        await opened(database, cast.coordinator, mine)
    with pytest.raises(NotFound):
        await opened(database, cast.coordinator, uuid4())
    await opened(database, cast.coordinator, theirs)
    with pytest.raises(Conflict, match="already"):
        await opened(database, cast.coordinator, theirs)
    # Whoever is not named any more opens nothing more.
    await name_members(database, cast)
    with pytest.raises(Forbidden, match="named"):
        await opened(database, cast.coordinator, await another(database, cast))


async def test_three_are_open_at_once_and_no_more(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    patients = [await another(database, cast) for _ in range(4)]
    await name_members(database, cast, cast.coordinator)
    first, *_ = [await opened(database, cast.coordinator, one) for one in patients[:3]]
    with pytest.raises(Conflict, match="three patients"):
        await opened(database, cast.coordinator, patients[3])
    async with database.tx(cast.coordinator) as tx:
        await actions.end_glass(tx, first)
    await opened(database, cast.coordinator, patients[3])
    assert await seen(database, cast.coordinator) == set(patients[1:])


async def test_it_takes_both_factors_given_lately(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    secret = await open_session(database, cast.coordinator)
    clock.advance(minutes=11)
    with pytest.raises(Unauthenticated) as caught:
        async with database.tx(cast.coordinator) as tx:
            await actions.open_glass(tx, secret, theirs, "urgent", WHY)
    assert caught.value.at == "/me/confirm"
    assert await seen(database, cast.coordinator) == set()


@pytest.mark.parametrize(
    ("category", "reason", "field"),
    [("curious", WHY, "category"), ("urgent", "because", "reason"), ("call", "", "reason")],
)
async def test_it_takes_a_category_and_a_reason(
    database: Database, cast: Cast, clock: HandClock, category: str, reason: str, field: str
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    secret = await open_session(database, cast.coordinator)
    with pytest.raises(Invalid) as caught:
        async with database.tx(cast.coordinator) as tx:
            await actions.open_glass(tx, secret, theirs, category, reason)
    assert caught.value.field == field


@pytest.mark.req("H-04")
async def test_the_reason_is_sealed_and_the_letter_tells_nothing_of_the_patient(
    database: Database, cast: Cast, clock: HandClock, server: Server, stores: Stores
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    before = len(letters(stores))
    await opened(database, cast.coordinator, theirs)
    with psycopg.connect(server.admin) as admin:
        stored = admin.execute("SELECT reason FROM glass_openings WHERE patient_id = %s", (theirs,)).fetchone()
    assert stored is not None
    assert b"chest" not in bytes(stored[0])
    [(to, subject, words)] = letters(stores)[before:]
    assert to == CONTACT
    assert "Emergency access was used" in subject
    assert "Coordinator Person" in words
    assert not any(secret in words for secret in ("Vega", "Ana", "chest", str(theirs)))


async def test_without_a_privacy_contact_every_manager_is_told(
    database: Database, cast: Cast, clock: HandClock, stores: Stores
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator, contact="")
    before = len(letters(stores))
    await opened(database, cast.coordinator, theirs)
    assert [to.partition("-")[0] for to, *_ in letters(stores)[before:]] == ["manager"]


@pytest.mark.req("H-02")
async def test_nobody_alone_is_told_of_their_own_use(
    database: Database, cast: Cast, clock: HandClock, stores: Stores
) -> None:
    """In a small house without a manager, or where the nurse is the privacy contact, an administrator is told."""
    be_now(clock)
    async with database.tx(cast.administrator) as tx:
        assert cast.manager.member_id is not None
        await tenants.suspend_member(tx, cast.manager.member_id)
    for contact in ("", f"coordinator-{cast.tenant_id.hex}@example.com"):
        theirs = await another(database, cast)
        await name_members(database, cast, cast.coordinator, contact=contact)
        before = len(letters(stores))
        await opened(database, cast.coordinator, theirs)
        told = [to.partition("-")[0] for to, *_ in letters(stores)[before:]]
        assert told == ["administrator"], contact


@pytest.mark.req("T-28", "Z-06")
async def test_the_database_opens_by_its_function_alone(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    theirs, other = await another(database, cast), await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    times = {"opened_at": text("now()"), "until": text("now() + interval '1 hour'")}
    whose = {"patient_id": other, "used_by": cast.coordinator.member_id, "category": "urgent", "reason": WHY}
    for attempt in (
        insert(GlassOpening).values(id=new_id(), **whose, **times),
        update(GlassOpening).values(until=text("now() + interval '1 year'")),
        update(GlassOpening).values(patient_id=other),
    ):
        for actor in (cast.coordinator, cast.manager):
            with pytest.raises(ProgrammingError, match="permission denied"):
                async with database.tx(actor) as tx:
                    await tx.db.execute(attempt)
    review = {"opening_id": opening_id, "used_by": cast.coordinator.member_id, "verdict": "appropriate"}
    for actor, reviewer in ((cast.coordinator, cast.coordinator), (cast.coordinator, cast.manager)):
        signed = insert(GlassReview).values(id=new_id(), **review, reviewed_by=reviewer.member_id)
        with pytest.raises(ProgrammingError, match="row-level security"):
            async with database.tx(actor) as tx:
                await tx.db.execute(signed)
    # Nor may somebody who sees everybody sign in another's name, or for themselves.
    signed = insert(GlassReview).values(id=new_id(), **review, reviewed_by=cast.administrator.member_id)
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with database.tx(cast.manager) as tx:
            await tx.db.execute(signed)


@pytest.mark.req("Z-06")
async def test_a_check_refuses_the_review_of_ones_own_use(
    database: Database, cast: Cast, clock: HandClock, server: Server
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    me = cast.coordinator.member_id
    row = (cast.tenant_id, uuid4(), opening_id, me, me)
    signing = (
        "INSERT INTO glass_reviews (tenant_id, id, opening_id, used_by, reviewed_by, verdict)"
        " VALUES (%s, %s, %s, %s, %s, 'appropriate')"
    )
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="glass_reviews_another_check"),
        psycopg.connect(server.admin) as admin,
    ):
        admin.execute(signing, row)
    # Nor does a row pass that says somebody else used it.
    with pytest.raises(psycopg.errors.ForeignKeyViolation), psycopg.connect(server.admin) as admin:
        admin.execute(signing, (*row[:3], cast.manager.member_id, me))


@pytest.mark.req("T-23", "T-28")
async def test_nobody_of_another_tenant_is_found_or_opened(database: Database, cast: Cast, clock: HandClock) -> None:
    be_now(clock)
    foreign = await new_patient(database, await assemble(database))
    await name_members(database, cast, cast.coordinator)
    said: list[str] = []
    for patient_id in (foreign, uuid4()):
        with pytest.raises(NotFound) as caught:
            await opened(database, cast.coordinator, patient_id)
        said.append(caught.value.message)
        opening = text("SELECT ctx.break_glass(:id, :patient_id, 'urgent', '\\x00')")
        with pytest.raises(Conflict, match="does not exist here"):
            async with database.tx(cast.coordinator) as tx:
                await tx.db.execute(opening, {"id": new_id(), "patient_id": patient_id})
    assert said[0] == said[1]


async def test_a_search_beyond_the_roster_needs_all_of_a_number_or_of_a_name(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).where(Patient.id == theirs).values(mrn="MRN-77"))
        born = (await tx.db.execute(select(Patient.birth_date).where(Patient.id == theirs))).scalar_one()
    with pytest.raises(Forbidden, match="named"):
        async with database.tx(cast.coordinator) as tx:
            await queries.find_beyond(tx, "MRN-77")
    await name_members(database, cast, cast.coordinator)
    async with database.tx(cast.coordinator) as tx:
        [found] = await queries.find_beyond(tx, "MRN-77")
        assert (found.patient_id, found.is_visible) == (theirs, False)
        assert [one.patient_id for one in await queries.find_beyond(tx, "", "VEGA", born)] == [theirs]
        for wrong in (("MRN", ""), ("%", ""), ("", "Veg"), ("", "%")):
            assert await queries.find_beyond(tx, wrong[0], wrong[1], born) == []
        # The wall that was lifted for the answer stands again.
        assert await tx.db.scalar(text("SELECT count(*) FROM patients")) == 0
    for nothing in (("", "Vega", None), ("", "", born), (" ", "", None)):
        with pytest.raises(Invalid, match="record number"):
            async with database.tx(cast.coordinator) as tx:
                await queries.find_beyond(tx, *nothing)
    async with database.tx(cast.auditor) as tx:
        asked = text("SELECT count(*) FROM audit_events WHERE verb = 'rosters.find_beyond' AND outcome = 'refused'")
        assert await tx.db.scalar(asked) == 1


async def test_time_of_a_timer_that_ran_past_the_hour_is_recorded(
    database: Database, cast: Cast, clock: HandClock, server: Server
) -> None:
    be_now(clock)
    patient_id, enrollment_id = await enrolled(database, cast, to=cast.other_coordinator)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, patient_id)
    shift(server, opening_id, 59)
    clock.now = datetime.now(UTC)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, patient_id, enrollment_id, next(iter(ACTIVITY_TYPES)))
    clock.advance(minutes=4)
    # As if those minutes had passed for the database, too.
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute("UPDATE glass_openings SET ended_at = clock_timestamp() WHERE id = %s", (opening_id,))
    async with database.tx(cast.coordinator) as tx:
        stopped = await time_log.stop_timer(tx)
    assert sum(one.seconds for one in stopped) >= 239
    assert await seen(database, cast.coordinator) == set()


async def test_somebody_else_reviews_and_the_month_waits_for_it(
    database: Database, cast: Cast, clock: HandClock, server: Server, stores: Stores
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    clock.now = datetime.now(UTC)
    month = Month.of(clock.now.date()).next()
    with pytest.raises(Conflict, match="still open"):
        async with database.tx(cast.manager) as tx:
            await actions.review_glass(tx, opening_id, "appropriate")
    shift(server, opening_id, 60 * 24 * 8)
    async with database.tx(cast.manager) as tx:
        due = await queries.due_reviews(tx, {cast.clinic_id}, month)
        assert (due.waiting, due.overdue) == (1, 1)
        assert (await queries.due_reviews(tx, set(), month)).waiting == 0
    with pytest.raises(Forbidden, match="glass:review"):
        async with database.tx(cast.coordinator) as tx:
            await actions.review_glass(tx, opening_id, "appropriate")
    with pytest.raises(Invalid, match="not appropriate"):
        async with database.tx(cast.manager) as tx:
            await actions.review_glass(tx, opening_id, "not_appropriate")
    before = len(letters(stores))
    async with database.tx(cast.manager) as tx:
        await actions.review_glass(tx, opening_id, "not_appropriate", "Could have waited")
        assert not (await queries.due_reviews(tx, {cast.clinic_id}, month)).waiting
        found = await queries.glass_use(tx, opening_id)
        assert (found.reviewed_by, found.verdict, found.note, found.reason) == (
            "Manager Person",
            "not_appropriate",
            "Could have waited",
            WHY,
        )
    assert [to for to, *_ in letters(stores)[before:]] == [CONTACT]
    with pytest.raises(Conflict, match="already"):
        async with database.tx(cast.manager) as tx:
            await actions.review_glass(tx, opening_id, "appropriate")


@pytest.mark.parametrize(
    ("opened_on", "looked_on", "overdue"),
    [
        # Opened on a Thursday: Friday and Monday are its two working days.
        ("2026-11-19", "2026-11-23", False),
        ("2026-11-19", "2026-11-24", True),
        ("2026-11-21", "2026-11-24", False),
        ("2026-11-21", "2026-11-25", True),
        # Thanksgiving is no working day.
        ("2026-11-24", "2026-11-27", False),
        ("2026-11-24", "2026-11-28", False),
        ("2026-11-24", "2026-11-30", True),
    ],
)
def test_a_review_is_overdue_after_two_working_days(opened_on: str, looked_on: str, *, overdue: bool) -> None:
    zone = ZoneInfo("America/Chicago")
    at, now = (datetime.fromisoformat(f"{day}T23:30").replace(tzinfo=zone) for day in (opened_on, looked_on))
    assert is_overdue(at, now, zone) is overdue
