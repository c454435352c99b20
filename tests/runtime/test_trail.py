"""One event per outermost verb, with the patients it touched; no trail, no data."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, Unavailable
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime import access
from caretide.runtime.access import requires
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions, queries
from caretide.tenants.rules import ClinicRow
from tests.cast import Cast
from tests.client import Visit
from tests.database import Server


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs that are made up here do not stay."""
    monkeypatch.setattr(access, "VERBS", dict(access.VERBS))
    monkeypatch.setattr(access, "RECORDS", dict(access.RECORDS))


async def events(database: Database, actor: Actor) -> list[tuple[str, str, dict[str, Any], set[UUID]]]:
    """Return what is on record of an actor: verb, outcome, details and patients, in order."""
    async with database.tx(Actor.system(actor.tenant_id or new_id())) as tx:
        of_actor = AuditEvent.member_id == actor.member_id
        rows = (await tx.db.execute(select(AuditEvent.__table__).where(of_actor).order_by(AuditEvent.id))).all()
        seen = (await tx.db.execute(select(AuditEventPatient.id, AuditEventPatient.patient_id))).all()
    return [(r.verb, r.outcome, r.details, {patient for event, patient in seen if event == r.id}) for r in rows]


@pytest.mark.req("A-22")
async def test_outermost_verb_alone_is_recorded(database: Database, cast: Cast) -> None:
    new = actions.NewMember(email="new@example.com", name="New Person", role="coordinator")
    async with database.tx(cast.administrator) as tx:
        await actions.invite_to_clinic(tx, cast.clinic_id, new, "")
        await queries.clinics(tx)
    assert await events(database, cast.administrator) == [
        ("tenants.invite_to_clinic", "done", {}, set()),
        ("tenants.clinics", "done", {}, set()),
    ]


async def test_patients_that_a_verb_touched_are_recorded_once(database: Database, cast: Cast) -> None:
    first, second = new_id(), new_id()

    @requires(Permission.PATIENT_READ, reads(Data.CONDITIONS))
    async def look(tx: Tx) -> None:
        tx.touch(first, second)
        tx.touch(first)
        tx.note(count=2)

    async with database.tx(cast.manager) as tx:
        await look(tx)
    assert await events(database, cast.manager) == [("runtime.look", "done", {"count": 2}, {first, second})]


async def test_refused_verb_is_recorded_though_the_rest_is_rolled_back(database: Database, cast: Cast) -> None:
    async def fail() -> None:
        async with database.tx(cast.coordinator) as tx:
            await queries.clinics(tx)
            await actions.create_clinic(tx, clinic())

    with pytest.raises(Forbidden):
        await fail()
    assert [event[:2] for event in await events(database, cast.coordinator)] == [
        ("tenants.clinics", "refused"),
        ("tenants.create_clinic", "refused"),
    ]


async def test_refusal_inside_an_attempt_is_recorded_too(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden):
        async with database.tx(cast.coordinator) as tx, tx.attempt():
            await actions.create_clinic(tx, clinic())
    assert [event[:2] for event in await events(database, cast.coordinator)] == [("tenants.create_clinic", "refused")]


async def test_failed_attempt_undoes_its_writes_and_the_transaction_goes_on(database: Database, cast: Cast) -> None:
    async def fail(tx: Tx, slug: str) -> None:
        async with tx.attempt():
            await actions.create_clinic(tx, clinic("before"))
            await actions.create_clinic(tx, clinic(slug))

    async with database.tx(cast.administrator) as tx:
        for slug in ("lakeside", "Not a slug"):
            with pytest.raises((Conflict, Invalid)):
                await fail(tx, slug)
        await actions.create_clinic(tx, clinic("after"))
    async with database.tx(cast.system) as tx:
        assert [row.slug for row in await queries.clinics(tx)] == ["after", "lakeside"]
    assert [event[:2] for event in await events(database, cast.administrator)] == [("tenants.create_clinic", "done")]


async def test_failed_transaction_leaves_neither_data_nor_event(database: Database, cast: Cast) -> None:
    async def fail() -> None:
        async with database.tx(cast.administrator) as tx:
            await actions.create_clinic(tx, clinic("second"))
            await actions.create_clinic(tx, clinic("lakeside"))

    with pytest.raises(Conflict):
        await fail()
    async with database.tx(cast.system) as tx:
        assert [row.slug for row in await queries.clinics(tx)] == ["lakeside"]
    assert await events(database, cast.administrator) == []


@pytest.fixture
def broken_trail(server: Server) -> Iterator[None]:
    """The application may not write the trail any more."""
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON audit_events FROM caretide_app")
        yield
        connection.execute("GRANT INSERT ON audit_events TO caretide_app")


@pytest.mark.req("A-23")
async def test_what_cannot_be_recorded_does_not_happen(database: Database, cast: Cast, broken_trail: None) -> None:
    with pytest.raises(Unavailable, match="cannot be recorded"):
        async with database.tx(cast.administrator) as tx:
            await actions.create_clinic(tx, clinic("second"))
    async with database.tx(cast.system) as tx:
        assert [row.slug for row in await clinics_unseen(tx)] == ["lakeside"]


@pytest.mark.req("A-23", "V-21")
async def test_what_cannot_be_recorded_is_not_served(
    cast: Cast, signed_in: Visit, api: Visit, request: pytest.FixtureRequest
) -> None:
    browser, program = await signed_in(cast.administrator), await api(cast.administrator)
    request.getfixturevalue("broken_trail")
    for answer in (await browser.get("/clinics"), await program.get("/clinics")):
        assert answer.status_code == 503
        assert "Lakeside" not in answer.text


async def test_trail_cannot_be_changed(database: Database, cast: Cast) -> None:
    for statement in ("UPDATE audit_events SET verb = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.administrator) as tx:
                await tx.db.exec_driver_sql(statement)


def clinic(slug: str = "second") -> actions.NewClinic:
    return actions.NewClinic(name=slug.title(), slug=slug, time_zone="America/Denver", tin_group="TIN-1")


async def clinics_unseen(tx: Tx) -> list[ClinicRow]:
    """Return the clinics without leaving an event, which the broken trail would refuse."""
    found = await queries.clinics(tx)
    tx.trail.events.clear()
    return found
