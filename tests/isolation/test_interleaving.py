"""Many tenants on few connections, with cancels, time-outs and errors: nobody ever sees another's rows."""

import asyncio
import random
from collections import Counter
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError
from caretide.runtime.tx import Database, Stores, Tx
from tests.database import HandClock, Server
from tests.isolation.conftest import Tell, ciphers
from tests.isolation.twins import OTHER_TENANT

TENANTS = [UUID(int=(0x0E << 120) + number) for number in range(50)]
CONNECTIONS = 8
COROUTINES = 64
WHO = text("SELECT ctx.tenant() AS bound, array_agg(DISTINCT m.tenant_id) AS seen FROM members AS m")
SLOW = text("SELECT pg_sleep(0.02)")
BROKEN = text("SELECT 1 / 0")
TINY_TIMEOUT = text("SET LOCAL statement_timeout = '3ms'")


class Planned(CaretideError):
    """An error of the test's own, in the middle of a transaction."""


async def once(database: Database, tenant: UUID, fate: str, wrong: list[str]) -> None:
    """Run one transaction to its fate, looking who it is bound to as often as it can."""
    actor = Actor("member", tenant, frozenset(), member_id=tenant, walled=fate == "walled")
    async with database.tx(actor) as tx:
        await look(tx, tenant, wrong)
        if fate == "error":
            raise Planned("as planned")
        if fate == "database error":
            await tx.db.execute(BROKEN)
        elif fate == "time-out":
            await tx.db.execute(TINY_TIMEOUT)
            await tx.db.execute(SLOW)
        elif fate == "savepoint":
            try:
                async with tx.attempt():
                    await tx.db.execute(BROKEN)
            except CaretideError:
                await look(tx, tenant, wrong)
        elif fate == "cancel":
            await asyncio.wait_for(tx.db.execute(SLOW), 0.001)
        elif fate == "together":
            await asyncio.gather(look(tx, tenant, wrong), look(tx, tenant, wrong))
        elif fate == "walled":
            await look(tx, tenant, wrong)


async def look(tx: Tx, tenant: UUID, wrong: list[str]) -> None:
    bound, seen = (await tx.db.execute(WHO)).one()
    if (bound, seen) != (tenant, [tenant]):
        wrong.append(f"{tenant} saw {bound}, {seen}")


FATES = {"plain": 60, "walled": 20, "savepoint": 6, "error": 5, "database error": 4, "cancel": 3, "time-out": 2}
"""What becomes of a hundred transactions."""


@pytest.mark.req("T-25")
@pytest.mark.timeout(1800)
async def test_interleaved_transactions_never_see_another_tenant(
    twin: Server, stores: Stores, tell: Tell, pytestconfig: pytest.Config
) -> None:
    with psycopg.connect(twin.admin) as admin:
        # A member alone for each, without the rows that a member refers to.
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute(
            "INSERT INTO members (SELECT (json_populate_record(m, json_build_object('tenant_id', t, 'id', t))).*"
            " FROM members m, unnest(%s::uuid[]) t WHERE m.tenant_id = %s)",
            (TENANTS, OTHER_TENANT),
        )
    total = 100_000 if pytestconfig.getoption("--long") else 20_000
    drawn = random.Random(25)
    fates = drawn.choices(list(FATES), weights=list(FATES.values()), k=total)
    work = iter([(drawn.choice(TENANTS), fate) for fate in fates])
    wrong: list[str] = []
    ended: Counter[str] = Counter()
    database = Database(twin.app, stores, HandClock(), pool_size=CONNECTIONS)
    database.ciphers = ciphers(TENANTS)

    async def one_after_another() -> None:
        for tenant, fate in work:
            try:
                await once(database, tenant, fate, wrong)
                ended["committed"] += 1
            except (CaretideError, DBAPIError, TimeoutError) as error:
                ended[type(error).__name__] += 1

    try:
        await asyncio.gather(*(one_after_another() for _ in range(COROUTINES)))
    finally:
        await database.close()
    assert not wrong, wrong[:10]
    assert sum(ended.values()) == total
    assert ended["committed"] > total * 0.8
    broken = total - ended["committed"]
    tell(
        f"T-25: {total:,} transactions of {len(TENANTS)} tenants, {COROUTINES} at once on {CONNECTIONS} connections,"
        f" {broken:,} of them cancelled, timed out or failed: 0 wrong rows"
    )
