"""A tenant's column key is rotated while everybody works, and survives being killed."""

import asyncio
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, text, update

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.operations import rotation
from caretide.operations.rotation import KEPT, _sealed, rotate
from caretide.patients.models import Patient
from caretide.runtime import tx as door
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.vault.envelope import IntegrityFault
from tests.billing.months import add_patient
from tests.cast import Cast, assemble
from tests.database import Server

PATIENTS = 12


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "CIPHER_SECONDS", 0.1)
    monkeypatch.setattr(rotation, "BATCH", 5)


@pytest.fixture
async def patients(database: Database, cast: Cast) -> list[UUID]:
    found = [await add_patient(database, cast) for _ in range(PATIENTS)]
    async with database.tx(cast.system) as tx:
        for number, one in enumerate(found):
            await tx.db.execute(update(Patient).where(Patient.id == one).values(phone=f"+1312555{number:04}"))
    return found


def versions(server: Server, tenant_id: UUID) -> set[int]:
    with psycopg.connect(server.admin) as connection:
        rows = connection.execute("SELECT phone FROM patients WHERE tenant_id = %s AND phone IS NOT NULL", [tenant_id])
        return {int.from_bytes(phone[1:3]) for (phone,) in rows}


async def phones(database: Database, actor: Actor) -> list[str | None]:
    async with database.tx(actor) as tx:
        return sorted((await tx.db.execute(select(Patient.phone))).scalars(), key=str)


@pytest.mark.req("W-15", "V-16")
async def test_rotation_goes_on_under_readers_and_writers(
    installation: Installation, database: Database, server: Server, cast: Cast, patients: list[UUID]
) -> None:
    before = await phones(database, cast.system)
    other = Database(server.app, database.stores, database.clock, pool_size=2)
    done = asyncio.Event()
    written: dict[UUID, str] = {}

    async def read() -> int:
        times = 0
        while not done.is_set():
            assert len(await phones(other, cast.system)) == PATIENTS
            times += 1
        return times

    async def write() -> int:
        times = 0
        while not done.is_set():
            one = patients[times % 4]
            async with database.tx(cast.system) as tx:
                await tx.db.execute(update(Patient).where(Patient.id == one).values(phone=f"+1773555{times:04}"))
            written[one] = f"+1773555{times:04}"
            times += 1
            await asyncio.sleep(0)
        return times

    async def turn() -> rotation.Rotated:
        try:
            return await rotate(installation.urls, database.stores, database.clock, cast.tenant_id, patience=0.6)
        finally:
            done.set()

    try:
        rotated, reads, writes = await asyncio.gather(turn(), read(), write())
    finally:
        await other.close()
    assert (rotated.version, rotated.resumed) == (2, False)
    assert reads > 2
    assert writes > 2
    assert versions(server, cast.tenant_id) == {2}
    after = await phones(database, cast.system)
    assert set(before[4:]) <= set(after)
    assert set(written.values()) <= set(after)


@pytest.mark.req("W-15")
async def test_rotation_that_was_killed_is_finished_by_the_next(
    installation: Installation, database: Database, server: Server, cast: Cast, patients: list[UUID]
) -> None:
    before = await phones(database, cast.system)

    class KilledError(BaseException):
        pass

    def kill(done: int) -> None:
        raise KilledError

    stores, clock = database.stores, database.clock
    with pytest.raises(KilledError):
        await rotate(installation.urls, stores, clock, cast.tenant_id, patience=0.2, told=kill)
    assert versions(server, cast.tenant_id) == {1, 2}
    assert await phones(database, cast.system) == before
    finished = await rotate(installation.urls, stores, clock, cast.tenant_id, patience=0.2)
    assert (finished.version, finished.values, finished.resumed) == (2, PATIENTS - 5, True)
    assert versions(server, cast.tenant_id) == {2}
    assert await phones(database, cast.system) == before
    again = await rotate(installation.urls, stores, clock, cast.tenant_id, patience=0.2)
    assert (again.version, again.resumed) == (3, False)


@pytest.mark.req("W-15", "T-10")
async def test_wrapped_keys_of_two_tenants_swapped_open_nothing(
    database: Database, server: Server, cast: Cast, patients: list[UUID]
) -> None:
    other = await assemble(database)
    swap = (
        "UPDATE tenant_keys a SET wrapped = b.wrapped FROM tenant_keys b"
        " WHERE (a.tenant_id = %(one)s AND b.tenant_id = %(two)s) OR (a.tenant_id = %(two)s AND b.tenant_id = %(one)s)"
    )
    for works in (False, True):
        with psycopg.connect(server.admin) as connection:
            connection.execute(swap, {"one": cast.tenant_id, "two": other.tenant_id})
        database.ciphers.clear()
        if works:
            assert len(await phones(database, cast.system)) == PATIENTS
        else:
            with pytest.raises(IntegrityFault, match="belongs to another tenant"):
                await phones(database, cast.system)


@pytest.mark.req("W-15")
async def test_version_that_is_not_known_yet_is_read_by_the_next_request(
    installation: Installation, database: Database, cast: Cast, patients: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await phones(database, cast.system)
    monkeypatch.setattr(door, "CIPHER_SECONDS", 3600)
    await rotate(installation.urls, database.stores, database.clock, cast.tenant_id, patience=0)
    with pytest.raises(Unavailable, match="version 2"):
        await phones(database, cast.system)
    assert await phones(database, cast.system) == before


async def test_other_tenants_and_the_log_of_time_are_left_alone(
    installation: Installation, database: Database, server: Server, cast: Cast, patients: list[UUID]
) -> None:
    other = await assemble(database)
    await add_patient(database, other)
    await rotate(installation.urls, database.stores, database.clock, cast.tenant_id, patience=0.1)
    async with database.tx(other.system) as tx:
        found = await tx.db.execute(text("SELECT version, retired_at IS NULL FROM tenant_keys"))
        assert found.all() == [(1, True)]
    named = {place.table.name for place in _sealed()}
    assert not named & KEPT.keys()
    assert {"patients", "attempts", "patient_months", "ehr_messages", "enrollment_statuses"} <= named
