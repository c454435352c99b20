"""Rows sent together are the rows that were given, in the tenant that the transaction is bound to."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Boolean, literal_column, select

from caretide.ehr.models import EhrMessage, ImportRun
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.runtime.bulk import ROWS_AT_ONCE, execute_many, insert_many, insertion
from caretide.runtime.db import Base
from caretide.runtime.tx import Database
from caretide.tenants.actions import NewMember, invite_member
from caretide.tenants.models import ClinicFact, Invitation, Practitioner
from tests.cast import Cast, assemble

AT = datetime(2026, 10, 5, 15, 0, 0, 123456, tzinfo=UTC)


async def held(database: Database, tenant_id: UUID, table: type[Base]) -> list[dict[str, Any]]:
    """Return a table's rows in a tenant, oldest id first."""
    async with database.tx(Actor.system(tenant_id)) as tx:
        found = (await tx.db.execute(select(table.__table__).order_by(table.__table__.c.id))).mappings().all()
    return [dict(row) for row in found]


def message(number: int, **changed: Any) -> dict[str, Any]:
    """Return a row whose body is sealed, with a column that may be empty."""
    row = {"id": new_id(), "source": "test", "kind": "patient", "source_id": f"P{number}", "version": 1}
    return row | {"digest": "d", "body": f"body {number}", "patient_id": None, "received_at": AT} | changed


async def test_every_kind_of_value_comes_back_as_it_was_given(database: Database, cast: Cast) -> None:
    quoted = 'He said: "no\\x41" – \\ ünï €\n'
    note = {"id": new_id(), "clinic_id": cast.clinic_id, "kind": "certified-ehr", "effective_on": date(2026, 10, 1)}
    note |= {
        "checked_on": date(2026, 10, 2),
        "value": {"value": True, "detail": quoted, "none": None, "list": [1, 2.5]},
    }
    run = {"id": new_id(), "clinic_id": cast.clinic_id, "source": quoted, "counts": orjson.Fragment(b'{"a": [1]}')}
    run |= {"started_at": AT, "finished_at": None}
    async with database.tx(cast.system) as tx:
        new = NewMember(email=f"bulk-{cast.tenant_id.hex}@example.com", name="Not Yet", role="auditor")
        awaited = (await invite_member(tx, new)).member_id
    sent = {"id": new_id(), "member_id": awaited, "token_hash": bytes(range(256)), "expires_at": AT}
    async with database.tx(cast.system) as tx:
        await insert_many(tx, ClinicFact, [note])
        await insert_many(tx, ImportRun, [run])
        await insert_many(tx, Invitation, [sent])
        await insert_many(tx, EhrMessage, [message(1, body=quoted)])
    [fact] = [row for row in await held(database, cast.tenant_id, ClinicFact) if row["id"] == note["id"]]
    assert note.items() <= fact.items()
    [found] = await held(database, cast.tenant_id, ImportRun)
    assert found == {**run, "counts": {"a": [1]}, "tenant_id": cast.tenant_id}
    [invited] = [row for row in await held(database, cast.tenant_id, Invitation) if row["id"] == sent["id"]]
    assert sent.items() <= invited.items()
    [kept] = await held(database, cast.tenant_id, EhrMessage)
    assert kept["body"] == quoted


async def test_more_rows_than_a_statement_takes_all_arrive(database: Database, cast: Cast) -> None:
    rows = [message(number) for number in range(ROWS_AT_ONCE + 1)]
    async with database.tx(cast.system) as tx:
        await insert_many(tx, EhrMessage, rows)
        await insert_many(tx, EhrMessage, [])
    assert [row["id"] for row in await held(database, cast.tenant_id, EhrMessage)] == sorted(row["id"] for row in rows)


async def test_an_upsert_returns_which_rows_are_new(database: Database, cast: Cast) -> None:
    def signer(npi: str, family: str) -> dict[str, Any]:
        return {"id": new_id(), "npi": npi, "family": family, "given": "A", "kind": "physician", "tin_group": "T"}

    save = insertion(Practitioner, tuple(signer("", "")))
    save = save.on_conflict_do_update(index_elements=["tenant_id", "npi"], set_={"family": save.excluded.family})
    told = save.returning(literal_column("old.id IS NULL", Boolean).label("is_new"))
    async with database.tx(cast.system) as tx:
        await insert_many(tx, Practitioner, [signer("9990000017", "Before")])
        rows = [signer("9990000017", "After"), signer("9990000025", "New")]
        answers = await execute_many(tx, told, Practitioner, rows)
    assert [row.is_new for row in answers] == [False, True]
    families = {row["npi"]: row["family"] for row in await held(database, cast.tenant_id, Practitioner)}
    assert families.items() >= {("9990000017", "After"), ("9990000025", "New")}


async def test_rows_of_another_tenant_are_refused(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    with pytest.raises(Exception, match="row-level security"):
        async with database.tx(cast.system) as tx:
            await insert_many(tx, EhrMessage, [message(1, tenant_id=other.tenant_id)])
    assert not await held(database, other.tenant_id, EhrMessage)


async def test_what_the_database_refuses_is_told_as_elsewhere(database: Database, cast: Cast) -> None:
    twice = [message(1), message(1)]
    with pytest.raises(Conflict):
        async with database.tx(cast.system) as tx:
            await insert_many(tx, EhrMessage, twice)
    for unfit in ("\0", "\ud800"):
        with pytest.raises(Invalid):
            async with database.tx(cast.system) as tx:
                await insert_many(tx, EhrMessage, [message(1, source_id=unfit)])
