"""Whose chart was tried: what is refused or not found is on record with the ids that were asked for, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import psycopg
import pytest
from psycopg.rows import dict_row

from caretide.audit.queries import charts
from caretide.kernel.errors import NotFound
from caretide.patients import queries as patients
from caretide.runtime.trail import ids_in
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import Server
from tests.enrollment.panel import enrolled
from tests.patients.cohort import admit


@contextmanager
def behind(server: Server) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
    with psycopg.connect(server.admin, autocommit=True) as connection, connection.cursor(row_factory=dict_row) as rows:
        yield rows


def tried(server: Server, tenant_id: UUID) -> list[dict[str, Any]]:
    """Return the events of a tenant that showed nothing, as their bytes say it, the oldest first."""
    with behind(server) as rows:
        rows.execute(
            "SELECT canonical FROM audit_events WHERE tenant_id = %s AND outcome <> 'done' ORDER BY id", [tenant_id]
        )
        return [orjson.loads(bytes(one["canonical"])) for one in rows.fetchall()]


def everything(server: Server, tenant_id: UUID) -> int:
    with behind(server) as rows:
        rows.execute("SELECT count(*) AS n FROM audit_events WHERE tenant_id = %s", [tenant_id])
        return (rows.fetchone() or {"n": 0})["n"]


@pytest.mark.req("T-23", "V-21", "A-01")
async def test_foreign_unknown_and_off_roster_ids_answer_alike_and_are_recorded_alike(
    database: Database, cast: Cast, server: Server, api: Visit, signed_in: Visit
) -> None:
    theirs = await assemble(database)
    foreign, unknown, beyond = await admit(database, theirs), uuid4(), await admit(database, cast)
    program, browser = await api(cast.coordinator), await signed_in(cast.coordinator)
    before = everything(server, theirs.tenant_id)
    bodies: dict[str, set[bytes]] = {}
    for address in ("/patients/{}", "/patients/{}/eligibility", "/patients/{}/facts", "/patients/{}/attempts"):
        for id_ in (foreign, unknown, beyond):
            answers = [await program.get(address.format(id_)), await browser.get(address.format(id_))]
            for kind, answer in zip("ap", answers, strict=True):
                assert answer.status_code == 404
                bodies.setdefault(kind + address, set()).add(answer.content.replace(str(id_).encode(), b"ID"))
    assert all(len(one) == 1 for one in bodies.values())
    said = tried(server, cast.tenant_id)
    by_id = {
        id_: [
            (one["verb"], one["route"], one["outcome"], one["act"], one["data"], one["patients"], one["member"])
            for one in said
            if one["details"]["asked"] == [str(id_)]
        ]
        for id_ in (foreign, unknown, beyond)
    }
    assert by_id[foreign] == by_id[unknown] == by_id[beyond]
    assert {one[1] for one in by_id[foreign]} >= {
        "GET /api/v1/patients/{patient_id}",
        "GET /patients/{patient_id}",
        "GET /api/v1/patients/{patient_id}/eligibility",
    }
    assert {one[2:3] for one in by_id[foreign]} == {("not_found",)}
    assert {one[-1] for one in by_id[foreign]} == {str(cast.coordinator.member_id)}
    assert everything(server, theirs.tenant_id) == before


@pytest.mark.req("V-21", "A-01")
async def test_refusal_for_want_of_a_permission_says_whose_chart_was_tried(
    database: Database, cast: Cast, server: Server, api: Visit
) -> None:
    patient, enrollment = await enrolled(database, cast)
    program = await api(cast.billing)
    sent = {"program": "PCM", "practitioner_id": str(cast.practitioner_id), "started_on": "2026-09-01"}
    assert (await program.post(f"/patients/{patient}/enrollments", json=sent)).status_code == 403
    ended = {"ended_on": "2026-10-01", "reason": "A name: Vega"}
    assert (await program.post(f"/enrollments/{enrollment}/end", json=ended)).status_code == 403
    timer = {"patient_id": str(patient), "enrollment_id": str(enrollment), "activity_type": "care_coordination"}
    assert (await program.post("/timer/start", json=timer)).status_code == 403
    first, second, third = tried(server, cast.tenant_id)
    assert {one["outcome"] for one in (first, second, third)} == {"refused"}
    assert third["details"]["asked"] == sorted([str(patient), str(enrollment)])
    assert first["details"]["asked"] == sorted([str(patient), str(cast.practitioner_id)])
    assert second["details"] == {"asked": [str(enrollment)]}
    assert b"Vega" not in orjson.dumps([first, second])


@pytest.mark.req("A-10")
async def test_chart_tells_who_tried_it_apart_from_who_saw_it(
    database: Database, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    patient, enrollment = await enrolled(database, cast)
    other = await admit(database, cast)
    stranger = await api(cast.other_coordinator)
    for _ in range(2):
        await stranger.get(f"/patients/{patient}")
    await stranger.get(f"/enrollments/{enrollment}/history")
    await (await api(cast.coordinator)).get(f"/patients/{patient}")
    found = (await (await api(cast.auditor)).get(f"/patients/{patient}/tries")).json()
    (one,) = found
    assert (one["member_id"], one["outcome"], one["events"]) == (str(cast.other_coordinator.member_id), "not_found", 3)
    assert one["routes"] == [
        "GET /api/v1/enrollments/{enrollment_id}/history",
        "GET /api/v1/patients/{patient_id}",
    ]
    viewers = (await (await api(cast.auditor)).get(f"/patients/{patient}/viewers")).json()
    assert str(cast.other_coordinator.member_id) not in {line["member_id"] for line in viewers}
    async with database.tx(cast.auditor) as tx:
        assert await charts.tries(tx, other) == []
    browser = await signed_in(cast.auditor)
    page = (await browser.get(f"/patients/{patient}/audit", params={"outcome": "not_found"})).text
    assert page.count("Not found") > 3
    listed = (await browser.get("/audit", params={"outcome": "not_found", "sort": "at"})).text
    event = listed.split('href="/audit/')[1].split('"')[0]
    shown = (await browser.get(f"/audit/{event}")).text
    assert f'href="/patients/{patient}/audit"' in shown
    sheet = (await browser.get(f"/patients/{patient}/audit.csv", params={"outcome": "not_found"})).text
    assert sheet.count(str(patient)) == 2
    assert sheet.count(str(enrollment)) == 1


@pytest.mark.req("T-23")
async def test_tries_at_an_id_of_another_tenant_lead_to_nobody_there(
    database: Database, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    theirs = await assemble(database)
    foreign = await admit(database, theirs)
    await (await api(cast.manager)).get(f"/patients/{foreign}")
    ours, other = await api(cast.auditor), await api(theirs.auditor)
    unknown = (await ours.get(f"/patients/{uuid4()}/tries")).content
    assert (await ours.get(f"/patients/{foreign}/tries")).content == unknown
    assert (await other.get(f"/patients/{foreign}/tries")).json() == []
    for id_ in (foreign, uuid4()):
        listed = await (await signed_in(cast.auditor)).get("/audit", params={"patient": str(id_)})
        assert "Nothing was recorded that fits" in listed.text


@pytest.mark.req("A-02", "A-23")
async def test_refusal_that_cannot_be_recorded_shows_nothing(
    database: Database, cast: Cast, server: Server, api: Visit
) -> None:
    patient = await admit(database, cast)
    program = await api(cast.coordinator)
    with behind(server) as rows:
        rows.execute("REVOKE INSERT ON audit_events FROM caretide_app")
        try:
            answers = [await program.get(f"/patients/{id_}") for id_ in (patient, uuid4())]
        finally:
            rows.execute("GRANT INSERT ON audit_events TO caretide_app")
    assert [one.status_code for one in answers] == [503, 503]
    assert answers[0].content == answers[1].content
    assert b"Vega" not in answers[0].content


async def test_what_asked_for_no_id_or_for_nobody_known_leaves_no_try(
    database: Database, cast: Cast, server: Server, client: httpx.AsyncClient
) -> None:
    await client.get(f"/patients/{uuid4()}")
    with pytest.raises(NotFound):
        async with database.tx(cast.system) as tx:
            await patients.patient(tx, uuid4())
    assert tried(server, cast.tenant_id) == []


def test_only_ids_are_read_out_of_what_was_sent() -> None:
    one, two = uuid4(), uuid4()
    sent = [one, {"note": "Ana Vega", "patient_id": str(two)}, ["x" * 36, one.hex, b"bytes", 7, None]]
    assert set(ids_in(sent)) == {one, two}
