"""Emergency access: for those named beforehand, one patient, an hour at most, told of, reviewed by another."""

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from caretide.identity.models import Session
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Patient
from caretide.rosters import actions, queries
from caretide.rosters.models import GlassOpening, GlassReview
from caretide.rosters.rules.emergency import is_overdue
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database, Stores
from caretide.tenants import actions as tenants
from caretide.tenants.rules.settings import TenantSettings
from caretide.time_log import actions as time_log
from caretide.time_log.rules import ACTIVITY_TYPES
from tests.cast import Cast, assemble
from tests.client import Visit, open_session
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled, new_patient
from tests.rosters.shifts import be_now, designated, seen

pytestmark = pytest.mark.req("H-02")

WHY = "Daughter on the phone: chest pain, own coordinator away"
CONTACT = "privacy@example.com"


async def name_members(database: Database, cast: Cast, *actors: Actor, contact: str = CONTACT) -> None:
    """Have the administrator name who may use emergency access, and whom it is told to."""
    members = tuple(actor.member_id for actor in actors if actor.member_id)
    async with database.tx(cast.administrator) as tx:
        await tenants.change_settings(tx, TenantSettings(privacy_contact=contact, glass_members=members))


async def opened(database: Database, actor: Actor, patient_id: UUID) -> UUID:
    """Use emergency access with a session that was opened just now."""
    secret = await open_session(database, actor)
    async with database.tx(actor) as tx:
        return await actions.open_glass(tx, secret, patient_id, "urgent", WHY)


async def another(database: Database, cast: Cast) -> UUID:
    """Make a patient of the other coordinator's roster."""
    patient_id = await new_patient(database, cast)
    await designated(database, cast, patient_id, cast.other_coordinator)
    return patient_id


def shift(server: Server, opening_id: UUID, minutes: float) -> None:
    """Have an opening begin so many minutes ago, as the superuser: nobody else can."""
    moved = sql.SQL(
        "UPDATE glass_openings SET opened_at = now() - {0}, until = now() - {0} + interval '60 minutes' WHERE id = %s"
    )
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute(moved.format(sql.Literal(timedelta(minutes=minutes))), (opening_id,))


def letters(stores: Stores) -> list[tuple[str, str, str]]:
    """Return address, subject and text of every letter that was sent."""
    assert isinstance(stores.post, FolderPost)
    found = [message_from_bytes(one.read_bytes(), policy=default) for one in sorted(Path(stores.post.folder).glob("*"))]
    return [(str(one["To"]), str(one["Subject"]), one.get_content()) for one in found]


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
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(server.admin) as admin:
        admin.execute("UPDATE glass_openings SET until = opened_at + interval '61 minutes'")


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


async def glass_events(database: Database, cast: Cast, opening_id: UUID) -> list[str]:
    """Return the routes of the events that carry a use's id, in order."""
    async with database.tx(cast.auditor) as tx:
        asked = text(
            "SELECT e.route || ' ' || e.verb FROM audit_events e WHERE e.glass_id = :id AND e.purpose = 'emergency'"
            " AND convert_from(e.canonical, 'UTF8') LIKE '%\"glass\":\"' || :id || '\"%' ORDER BY e.at, e.id"
        )
        return list((await tx.db.execute(asked, {"id": opening_id})).scalars())


async def test_a_nurse_opens_reads_and_is_shut_out_by_the_screens_alone(
    database: Database, cast: Cast, clock: HandClock, server: Server, signed_in: Visit
) -> None:
    be_now(clock)
    patient_id, _ = await enrolled(database, cast, to=cast.other_coordinator)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).where(Patient.id == patient_id).values(mrn="MRN-77"))
    nurse = await signed_in(cast.coordinator)
    assert (await nurse.get("/emergency")).status_code == 403
    assert "/emergency" not in (await nurse.get("/my-day")).text
    await name_members(database, cast, cast.coordinator)
    assert "/emergency" in (await nurse.get("/my-day")).text
    assert (await nurse.get(f"/patients/{patient_id}")).status_code == 404
    nothing = await nurse.post("/emergency/search", data={"number": "MRN-7"})
    assert "Nobody here" in nothing.text
    assert (await nurse.post("/emergency/search", data={})).status_code == 422
    found = await nurse.post("/emergency/search", data={"number": "MRN-77"})
    assert "exists, not on your roster" in found.text
    place = f"/emergency/{patient_id}"
    assert place in found.text
    assert (await nurse.get(place)).status_code == 200
    refused = await nurse.post(place, data={"category": "urgent", "reason": "because"})
    assert refused.status_code == 422
    done = await nurse.post(place, data={"category": "urgent", "reason": WHY})
    assert (done.status_code, done.headers["location"]) == (303, f"/patients/{patient_id}")
    clock.now = datetime.now(UTC)
    for path in (f"/patients/{patient_id}", "/my-day", f"/patients/{patient_id}/timer"):
        shown = await nurse.get(path)
        assert shown.status_code == 200
        assert path.endswith("/timer") or "Emergency access to" in shown.text
    with psycopg.connect(server.admin) as admin:
        row = admin.execute("SELECT id FROM glass_openings WHERE patient_id = %s", (patient_id,)).fetchone()
    assert row is not None
    read = await glass_events(database, cast, row[0])
    assert any("workspace.patient_page" in one for one in read)
    # Every event that names the patient since carries it.
    async with database.tx(cast.auditor) as tx:
        asked = text(
            "SELECT count(*) FROM audit_events e JOIN audit_event_patients p USING (tenant_id, id)"
            " JOIN glass_openings g ON g.id = :id WHERE p.patient_id = :patient_id AND e.member_id = :member_id"
            " AND e.at > g.opened_at AND e.glass_id IS NULL"
        )
        who = {"id": row[0], "patient_id": patient_id, "member_id": cast.coordinator.member_id}
        assert await tx.db.scalar(asked, who) == 0
    shift(server, row[0], 60 + 1 / 60)
    clock.now = datetime.now(UTC)
    assert (await nurse.get(f"/patients/{patient_id}")).status_code == 404
    assert "Emergency access to" not in (await nurse.get("/my-day")).text


async def test_the_screens_ask_for_both_factors_again(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    nurse = await signed_in(cast.coordinator)
    clock.advance(minutes=11)
    async with database.tx(Actor.nobody()) as tx:
        await tx.db.execute(
            update(Session).where(Session.account_id == cast.coordinator.account_id).values(last_seen_at=tx.now)
        )
    asked = await nurse.get(f"/emergency/{theirs}")
    assert (asked.status_code, asked.headers["location"]) == (303, f"/me/confirm?next=/emergency/{theirs}")
    assert "by emergency access" in (await nurse.get(asked.headers["location"])).text
    refused = await nurse.post(f"/emergency/{theirs}", data={"category": "urgent", "reason": WHY})
    assert refused.headers["location"] == "/me/confirm"
    assert await seen(database, cast.coordinator) == set()


async def test_a_manager_reviews_by_the_screens_and_the_month_waits(
    database: Database, cast: Cast, clock: HandClock, server: Server, signed_in: Visit
) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    opening_id = await opened(database, cast.coordinator, theirs)
    shift(server, opening_id, 60 * 24 * 8)
    clock.now = datetime.now(UTC)
    manager, biller, nurse = [await signed_in(one) for one in (cast.manager, cast.billing, cast.coordinator)]
    month = Month.of(clock.now.date())
    assert "1 use of emergency access awaits" in (await manager.get("/team")).text
    assert "emergency access awaits review" in (await biller.get(f"/months/{month}")).text
    for page, status in ((nurse, 403), (biller, 403), (manager, 200)):
        assert (await page.get("/emergency/reviews")).status_code == status
    listed = await manager.get("/emergency/reviews")
    assert WHY in listed.text
    assert "Review overdue" in listed.text
    form = f"/emergency/reviews/{opening_id}"
    assert (await manager.post(form, data={"verdict": "not_appropriate"})).status_code == 422
    assert (await manager.post(form, data={"verdict": "appropriate", "note": ""})).status_code == 303
    assert "Nothing awaits review" in (await manager.get("/emergency/reviews")).text
    assert "emergency access awaits" not in (await biller.get(f"/months/{month}")).text


async def test_programs_use_it_by_the_same_rules(database: Database, cast: Cast, clock: HandClock, api: Visit) -> None:
    be_now(clock)
    theirs = await another(database, cast)
    await name_members(database, cast, cast.coordinator)
    nurse, manager = await api(cast.coordinator), await api(cast.manager)
    body = {"patient_id": str(theirs), "category": "urgent", "reason": WHY}
    made = await nurse.post("/emergency", json=body)
    assert made.status_code == 201
    clock.now = datetime.now(UTC)
    opening_id = made.json()["id"]
    assert [one["id"] for one in (await nurse.get("/emergency")).json()] == [opening_id]
    assert (await nurse.get(f"/patients/{theirs}")).status_code == 200
    assert (await nurse.post(f"/emergency/{opening_id}/end")).status_code == 204
    assert (await nurse.get(f"/patients/{theirs}")).status_code == 404
    assert (await nurse.post(f"/emergency/{opening_id}/review", json={"verdict": "appropriate"})).status_code == 403
    signed = await manager.post(f"/emergency/{opening_id}/review", json={"verdict": "appropriate"})
    assert (signed.status_code, signed.json()["reviewed_by"]) == (201, "Manager Person")
    assert [one["id"] for one in (await manager.get("/emergency/uses")).json()] == [opening_id]
    clock.advance(minutes=11)
    late = await nurse.post("/emergency", json=body)
    assert (late.status_code, late.json()["type"]) == (403, "step-up-required")
    assert json.dumps(body["reason"]) not in late.text
