"""Attacker's SQL in the application's role, by its real login: no row of another tenant comes out or changes."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from sqlalchemy import text

from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database, Stores, Tx
from tests.database import HandClock, Server
from tests.isolation.attacks import ATTACKS, CLIMBS, NEW, PLANT
from tests.isolation.conftest import Tell, ciphers
from tests.isolation.twins import NEXT, OTHER_TENANT, OURS, TENANT, THEIRS, Stranger, Table

TOKEN = text("SELECT current_setting('app.ctx'), pg_backend_pid()")


def actor(of: Stranger, *, walled: bool = False) -> Actor:
    return Actor("member", of.tenant, frozenset(), member_id=of.id, walled=walled)


@pytest.fixture
async def doors(twin: Server, stores: Stores) -> AsyncIterator[Database]:
    """The application's pool over the strangers: one connection for the attacker and one for the other tenant."""
    opened = Database(twin.app, stores, HandClock(), pool_size=2)
    opened.ciphers = ciphers((OURS.tenant, THEIRS.tenant))
    yield opened
    await opened.close()


async def token(tx: Tx) -> tuple[str, int]:
    row = (await tx.db.execute(TOKEN)).one()
    return str(row[0]), int(row[1])


async def run(tx: Tx, script: str) -> str:
    """Run a script in the simple protocol, as an injection into one would; return all that came back."""
    raw = await tx.db.get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]  # the pool is psycopg's
    heard: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        heard.append(f"{notice.message_primary} {notice.message_detail}")

    driver.add_notice_handler(hear)
    try:
        cursor = await driver.execute(f"SET LOCAL lock_timeout = '20ms'; {script}".encode())
        while True:
            if cursor.description:
                heard += [str(row) for row in await cursor.fetchall()]
            if not cursor.nextset():
                break
        await driver.commit()
    except psycopg.Error as error:
        heard.append(f"{error} {error.diag.message_detail} {error.diag.context}")
        await driver.rollback()
    finally:
        driver.remove_notice_handler(hear)
    return "\n".join(heard)


def theirs(behind: Connection[Any], walled: list[Table]) -> dict[str, Any]:
    """Return what stands in every table of the other tenant."""
    query = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM public.{} AS t WHERE tenant_id = %s"
    return {
        table.name: behind.execute(
            psycopg.sql.SQL(query).format(psycopg.sql.Identifier(table.name)), (OTHER_TENANT,)
        ).fetchone()
        for table in walled
    }


@pytest.mark.req("T-28", "T-05")
async def test_no_attack_reaches_the_other_tenant(
    doors: Database, behind: Connection[Any], walled: list[Table], tell: Tell
) -> None:
    before = theirs(behind, walled)
    reached: list[str] = []
    async with doors.tx(actor(THEIRS)) as them:
        live, pid = await token(them)
        assert THEIRS.canary in await run_here(them, "SELECT p::text FROM patients p")
        for name, script in ATTACKS.items():
            for walled_in in (False, True):
                said = await attack(doors, script, live=live, pid=pid, walled=walled_in)
                if THEIRS.canary in said:
                    reached.append(f"{name}: {said[:200]}")
        # The live context held all the while.
        assert await token(them) == (live, pid)
    assert not reached, "\n".join(reached)
    assert theirs(behind, walled) == before
    tell(f"T-28: {len(ATTACKS)} attacks by the application's login, walled in and not: 0 rows of the other tenant")


async def run_here(tx: Tx, query: str) -> str:
    return str((await tx.db.execute(text(query))).all())


async def attack(doors: Database, script: str, *, live: str, pid: int, walled: bool) -> str:
    """Run one attack on a connection that the other tenant used just before."""
    async with doors.tx(actor(THEIRS)) as earlier:
        past, _ = await token(earlier)
    async with doors.tx(actor(OURS, walled=walled)) as tx:
        own, _ = await token(tx)
        filled = script.format(b=OTHER_TENANT, row=THEIRS.id, own=own, live=live, past=past, pid=pid)
        return await run(tx, filled)


@pytest.mark.req("T-28")
async def test_an_attack_sees_what_is_its_own(doors: Database) -> None:
    """The attacks run: the same means show the attacker's own rows."""
    async with doors.tx(actor(OURS)) as tx:
        assert OURS.canary in await run(tx, "SELECT * FROM patients; SELECT * FROM time_log_entries")


@pytest.mark.req("T-28", "Z-04")
async def test_no_sql_behind_the_roster_wall_shows_the_next_members_patient(doors: Database, tell: Tell) -> None:
    looking = "; SELECT p.id FROM patients p"
    look = text("SELECT array_agg(DISTINCT id) FROM patients")
    told = text("SELECT array_agg(DISTINCT patient_id) FROM time_log_entries")
    climbed: list[str] = []
    for name, script in CLIMBS.items():
        filled = script.format(new=NEW, me=OURS.id, next=NEXT.id, tenant=TENANT)
        for before in (filled, f"SAVEPOINT s; {filled}; ROLLBACK TO s"):
            async with doors.tx(actor(OURS, walled=True)) as tx:
                said = await run(tx, before + looking)
                if f"UUID('{NEXT.id}')" in said:
                    climbed.append(f"{name}: at once")
        async with doors.tx(actor(OURS, walled=True)) as tx:
            if (await tx.db.scalar(look), await tx.db.scalar(told)) != ([OURS.id], [OURS.id]):
                climbed.append(f"{name}: afterwards")
    assert not climbed, "\n".join(climbed)
    tell(f"Z-04: {len(CLIMBS)} ways to move the roster's wall from behind it: the next member's patient never seen")


@pytest.mark.req("T-28")
async def test_a_statement_planted_for_the_next_tenant_is_never_run(twin: Server, stores: Stores) -> None:
    database = Database(twin.app, stores, HandClock(), pool_size=1)
    database.ciphers = ciphers((OURS.tenant, THEIRS.tenant))
    read = text("SELECT count(*) FROM patients WHERE id = :id")
    try:
        for _ in range(3):
            for _ in range(8):
                async with database.tx(actor(THEIRS)) as tx:
                    assert await tx.db.scalar(read, {"id": THEIRS.id}) == 1
            async with database.tx(actor(OURS)) as tx:
                said = await run(tx, PLANT)
                assert "error" not in said.lower()
            async with database.tx(actor(THEIRS)) as tx:
                assert await tx.db.scalar(read, {"id": THEIRS.id}) == 1
            async with database.tx(actor(OURS)) as tx:
                stash = await tx.db.scalar(text("SELECT current_setting('evil.stash', true)"))
                assert not stash
    finally:
        await database.close()


@pytest.mark.req("T-30", "T-06")
async def test_no_job_is_made_for_another_tenant(doors: Database, behind: Connection[Any], tell: Tell) -> None:
    forged = [
        f'{{"once": null, "args": {{"tenant": "{OTHER_TENANT}", "member": "{THEIRS.id}"}}}}',
        f'{{"once": "{OTHER_TENANT} x y", "args": {{"tenant": "{OTHER_TENANT}", "Tenant": "{OTHER_TENANT}"}}}}',
        f'{{"once": null, "tenant": "{OTHER_TENANT}", "args": {{}}}}',
        f'{{"once": null, "args": {{"tenant": "{TENANT}", "tenant": "{OTHER_TENANT}"}}}}',
        f'{{"once": null, "args": [{{"tenant": "{OTHER_TENANT}"}}]}}',
        '{"once": null, "args": null}',
    ]
    for one in forged:
        async with doors.tx(actor(OURS)) as tx:
            await run(tx, f"SELECT jobs.enqueue_many('planted', '[{one}]')")
    stamped = behind.execute("SELECT queueing_lock, args FROM jobs.procrastinate_jobs WHERE task_name = 'planted'")
    made = stamped.fetchall()
    assert made
    for lock, args in made:
        assert lock is None or lock.startswith(str(TENANT))
        # What is no object cannot be run: the runner asks for a tenant by name.
        assert not isinstance(args, dict) or args["tenant"] == str(TENANT)
    tell(f"T-30: {len(forged)} jobs with another tenant in their arguments: stamped with the caller's, or not made")
