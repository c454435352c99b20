"""What an event says: bytes that are the truth, a leaf over them, columns that agree, nothing of a patient but ids."""

import hashlib
import ipaddress
from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, reads
from caretide.runtime import access
from caretide.runtime.access import remembered, requires
from caretide.runtime.models import AuditEvent
from caretide.runtime.trail import canonical, leaf
from caretide.runtime.tx import Database, Tx
from tests.cast import Cast
from tests.client import Visit
from tests.database import Server

Behind = psycopg.Cursor[dict[str, Any]]

SAME = {
    "tenant": "tenant_id",
    "actor": "actor_kind",
    "account": "account_id",
    "member": "member_id",
    "request": "request_id",
    "glass": "glass_id",
}
"""Names in the bytes that are other names in the columns."""


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs that are made up here do not stay."""
    monkeypatch.setattr(access, "VERBS", dict(access.VERBS))
    monkeypatch.setattr(access, "RECORDS", dict(access.RECORDS))


@pytest.fixture
def behind(server: Server) -> Iterator[Behind]:
    """The database behind its walls."""
    with psycopg.connect(server.admin, autocommit=True) as connection, connection.cursor(row_factory=dict_row) as rows:
        yield rows


def events(behind: Behind, tenant_id: UUID | None) -> list[dict[str, Any]]:
    """Return a tenant's events with their patients, in order."""
    found = behind.execute(
        "SELECT e.*, array(SELECT patient_id FROM audit_event_patients AS p WHERE p.tenant_id = e.tenant_id "
        "AND p.id = e.id ORDER BY 1) AS named FROM audit_events AS e WHERE tenant_id = %s ORDER BY id",
        [tenant_id],
    )
    return found.fetchall()


@requires(Permission.PATIENT_READ, reads(Data.CONDITIONS))
async def inner(tx: Tx, patient_id: UUID) -> list[int]:
    """Name a patient and answer two rows."""
    tx.touch(patient_id)
    return [1, 2]


@pytest.mark.req("A-01", "A-03")
async def test_columns_and_patients_are_what_the_bytes_say(
    database: Database, cast: Cast, signed_in: Visit, behind: Behind
) -> None:
    patients = [new_id() for _ in range(3)]
    async with database.tx(cast.manager) as tx:
        tx.trail.purpose = "review"
        tx.trail.glass_id = new_id()
        for patient in patients:
            await inner(tx, patient)
            tx.note(month="2026-10", nothing=None)
    await (await signed_in(cast.administrator)).get("/clinics", headers={"user-agent": "Tester"})
    found = events(behind, cast.tenant_id)
    assert len(found) > 4
    for row in found:
        said = orjson.loads(row["canonical"])
        assert bytes(row["leaf"]) == hashlib.sha256(b"\x00" + row["canonical"]).digest() == leaf(row["canonical"])
        assert canonical(said) == row["canonical"]
        assert said.pop("v") == 1
        assert said.pop("patients") == [str(one) for one in row["named"]]
        assert row["patients"] == len(row["named"])
        columns = set(row) - {"canonical", "leaf", "named", "patients"}
        assert {SAME.get(name, name) for name in said} <= columns
        absent: set[str] = columns - {SAME.get(name, name) for name in said}
        assert {row[name] for name in absent} <= {None}
        for name, value in said.items():
            kept = row[SAME.get(name, name)]
            shown = kept.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if name in {"at", "app_at"} else kept
            assert (str(shown) if isinstance(shown, UUID) else shown) == value


@pytest.mark.req("A-01")
async def test_event_says_from_where_by_whom_and_over_which_route(
    cast: Cast, signed_in: Visit, api: Visit, behind: Behind
) -> None:
    browser = await signed_in(cast.administrator)
    await browser.get(f"/clinics/{cast.clinic_id}", headers={"user-agent": "Tester"})
    await (await api(cast.administrator)).get("/clinics")
    page, call = [row for row in events(behind, cast.tenant_id) if row["verb"].startswith("tenants.clinic")]
    assert (page["route"], call["route"]) == ("GET /clinics/{clinic_id}", "GET /api/v1/clinics")
    assert ipaddress.ip_address(page["ip"])
    assert page["roles"] == ["administrator"]
    assert page["agent"] == hashlib.sha256(b"Tester").hexdigest()[:32]
    stored = behind.execute("SELECT id FROM sessions WHERE member_id = %s", [cast.administrator.member_id])
    assert {page["session"], call["session"]} == {one["id"].hex for one in stored}
    assert page["session"] != call["session"]
    assert page["request_id"] != call["request_id"]
    assert (page["act"], page["outcome"], call["rows"]) == ("read", "done", 1)
    assert str(cast.clinic_id) not in page["route"]


async def test_event_has_the_classes_of_every_verb_inside_it_also_when_an_answer_is_remembered(
    database: Database, cast: Cast, behind: Behind
) -> None:
    patient = new_id()

    @requires(Permission.PATIENT_READ, reads(Data.TIME))
    @remembered
    async def known(tx: Tx) -> None:
        await inner(tx, patient)

    @requires(Permission.TIME_WRITE, changes(Data.NOTES))
    async def outer(tx: Tx) -> None:
        await known(tx)

    async with database.tx(cast.manager) as tx:
        await outer(tx)
        await outer(tx)
    found = [row for row in events(behind, cast.tenant_id) if row["verb"] == "runtime.outer"]
    assert [row["data"] for row in found] == [["conditions", "time", "notes"]] * 2
    assert [row["named"] for row in found] == [[patient]] * 2
    assert {row["act"] for row in found} == {"change"}


CHANGES: list[LiteralString] = [
    "UPDATE audit_events SET verb = 'x'",
    "DELETE FROM audit_events",
    "TRUNCATE audit_events CASCADE",
    "UPDATE audit_event_patients SET patient_id = id",
    "DELETE FROM audit_event_patients",
    "TRUNCATE audit_event_patients",
    "UPDATE account_events SET verb = 'x'",
    "DELETE FROM account_events",
    "TRUNCATE account_events",
]


@pytest.mark.req("A-04")
async def test_not_even_a_superuser_changes_or_removes_an_event_by_mistake(
    database: Database, cast: Cast, behind: Behind
) -> None:
    async with database.tx(cast.manager) as tx:
        await inner(tx, new_id())
    async with database.tx(Actor.account(new_id(), "Somebody")) as tx:
        tx.trail.enter("runtime.planted", reads(Data.ACCOUNT))
    behind.execute("SET session_replication_role = replica")
    for change in CHANGES:
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            behind.execute(change)


@pytest.mark.req("A-03", "A-04")
@pytest.mark.parametrize(
    ("column", "value", "refused"),
    [
        ("leaf", "sha256(canonical)", "audit_events_leaf_check"),
        ("canonical", "convert_to('{}', 'UTF8')", "audit_events_leaf_check"),
        ("at", "at - interval '1 second'", "time of its transaction"),
    ],
)
def test_database_refuses_a_leaf_that_is_not_of_the_bytes_and_a_time_that_is_not_its_own(
    cast: Cast, behind: Behind, column: str, value: LiteralString, refused: str
) -> None:
    names = [one.name for one in AuditEvent.__table__.columns]
    values = {"at": "now()", "id": "gen_random_uuid()", column: value}
    query = sql.SQL("INSERT INTO audit_events ({}) SELECT {} FROM audit_events WHERE tenant_id = %s LIMIT 1").format(
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.SQL(values[one]) if one in values else sql.Identifier(one) for one in names),
    )
    with pytest.raises(psycopg.Error, match=refused):
        behind.execute(query, [cast.tenant_id])


@pytest.mark.req("A-01", "A-03", "V-20")
async def test_account_events_are_bytes_too(database: Database, behind: Behind) -> None:
    account = new_id()

    @requires(Permission.SELF, changes(Data.ACCOUNT))
    async def planted(tx: Tx) -> None:
        tx.note(outcome="refused", account_id=account, factor="passkey")

    async with database.tx(Actor.account(new_id(), "Somebody")) as tx:
        await planted(tx)
    row = behind.execute("SELECT * FROM account_events WHERE account_id = %s", [account]).fetchone()
    assert row is not None
    said = orjson.loads(row["canonical"])
    assert leaf(row["canonical"]) == row["leaf"]
    assert (said["account"], said["outcome"], said["details"]) == (str(account), "refused", {"factor": "passkey"})
    assert (row["outcome"], row["details"], row["act"], row["data"]) == (
        "refused",
        {"factor": "passkey"},
        "change",
        ["account"],
    )


async def test_application_cannot_read_what_accounts_did(database: Database, cast: Cast) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tx(cast.administrator) as tx:
            await tx.db.exec_driver_sql("SELECT * FROM account_events")
