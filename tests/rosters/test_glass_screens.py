"""Emergency access by the screens and by programs: opened, read under its id, ended, reviewed."""

import json
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text, update

from caretide.identity.models import Session
from caretide.kernel.actor import Actor
from caretide.kernel.month import Month
from caretide.patients.models import Patient
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, Server
from tests.enrollment.panel import enrolled
from tests.rosters.glass import WHY, another, name_members, opened, shift
from tests.rosters.shifts import be_now, seen

pytestmark = pytest.mark.req("H-02")


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
