"""The signed context: what the application signs the database believes, and nothing else."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.runtime.context_keys import install, rotate, signing_keys
from caretide.runtime.tx import Database, Stores, Tx, bind
from tests.cast import Cast, assemble
from tests.database import HandClock, Server, clone_database, drop_database

WHO = text("SELECT ctx.tenant() AS tenant, ctx.member() AS member, ctx.sees_all() AS sees_all")
TOKEN = text("SELECT current_setting('app.ctx', true)")


async def who(tx: Tx) -> tuple[Any, ...]:
    return tuple((await tx.db.execute(WHO)).one())


async def test_the_database_knows_who_acts(database: Database, cast: Cast) -> None:
    for actor in (cast.system, cast.manager, cast.coordinator):
        async with database.tx(actor) as tx:
            assert await who(tx) == (actor.tenant_id, actor.member_id, not actor.walled)


async def test_nobody_is_refused(database: Database) -> None:
    async with database.tx(Actor.nobody()) as tx:
        with pytest.raises(ProgrammingError, match="tenant context missing or refused"):
            await tx.db.execute(WHO)
        await tx.db.rollback()


@pytest.mark.req("T-05")
@pytest.mark.parametrize(
    "forged",
    [
        "{kid}:{other}:{member}:{wall}:{started}:{pid}:{mac}",
        "{kid}:{tenant}:{member}:0:{started}:{pid}:{mac}",
        "{kid}:{tenant}::{wall}:{started}:{pid}:{mac}",
        "{kid}:{tenant}:{member}:{wall}:{started}:{pid}:" + "0" * 64,
        "{kid}:{tenant}:{member}:{wall}:{started}:{pid}:",
        "77:{tenant}:{member}:{wall}:{started}:{pid}:{mac}",
        "0:{tenant}:{member}:{wall}:{started}:{pid}:{mac}",
        ":{tenant}:{member}:{wall}:{started}:{pid}:{mac}",
        "{tenant}:{member}:0",
        "{other}::0",
        "",
        ":::::::::::::",
    ],
)
async def test_a_changed_context_is_refused(database: Database, cast: Cast, forged: str) -> None:
    other = await assemble(database)
    async with database.tx(cast.coordinator) as tx:
        names = ("kid", "tenant", "member", "wall", "started", "pid", "mac")
        known = dict(zip(names, (await tx.db.scalar(TOKEN) or "").split(":"), strict=True))
        changed = forged.format(**known, other=other.tenant_id)
        await tx.db.execute(text("SELECT set_config('app.ctx', :value, true)"), {"value": changed})
        assert await tx.db.scalar(text("SELECT ctx.sees_all()")) is False
        assert await tx.db.scalar(text("SELECT ctx.member()")) is None
        assert await tx.db.scalar(text("SELECT ctx.roster()")) == []
        assert await tx.db.scalar(text("SELECT ctx.duty()")) is None
        assert await tx.db.scalar(text("SELECT ctx.may_break_glass()")) is False
        with pytest.raises(ProgrammingError, match="tenant context missing or refused"):
            await tx.db.execute(WHO)
        await tx.db.rollback()


@pytest.mark.req("T-05")
async def test_a_context_is_dead_after_its_transaction_and_in_other_sessions(
    server: Server, database: Database, cast: Cast
) -> None:
    async with database.tx(cast.manager) as tx:
        live = await tx.db.scalar(TOKEN)
        async with await psycopg.AsyncConnection.connect(server.app) as thief:
            await thief.execute("SELECT set_config('app.ctx', %s, true)", [live])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await thief.execute("SELECT ctx.tenant()")
        await tx.db.execute(text("COMMIT AND CHAIN"))
        await tx.db.execute(text("SELECT set_config('app.ctx', :value, true)"), {"value": live})
        with pytest.raises(ProgrammingError, match="tenant context missing or refused"):
            await tx.db.execute(WHO)
        await tx.db.rollback()


async def test_binding_survives_and_ends_with_a_savepoint(database: Database, cast: Cast) -> None:
    from_session = Actor("session", cast.tenant_id, frozenset(), member_id=cast.manager.member_id, walled=True)
    async with database.tx(cast.manager) as tx:
        savepoint = await tx.db.begin_nested()
        await bind(tx.db, from_session)
        assert (await who(tx))[2] is False
        await savepoint.rollback()
        assert (await who(tx))[2] is True
        await bind(tx.db, from_session)
        assert (await who(tx))[2] is False


@pytest.mark.req("T-28")
async def test_a_connection_with_a_planted_statement_is_closed(server: Server, stores: Stores, cast: Cast) -> None:
    database = Database(server.app, stores, HandClock(), pool_size=1)
    pid = text("SELECT pg_backend_pid()")
    async with database.tx(cast.manager) as tx:
        first = await tx.db.scalar(pid)
        await tx.db.execute(text("SET search_path = pg_temp"))
        await tx.db.execute(text("SELECT pg_advisory_lock(7), set_config('evil.stash', 'x', false)"))
    async with database.tx(cast.manager) as tx:
        left = text(
            "SELECT current_setting('search_path'), current_setting('evil.stash', true),"
            " (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')"
        )
        path, stash, locks = (await tx.db.execute(left)).one()
        assert path != "pg_temp"
        assert stash in {None, ""}
        assert locks == 0
        assert await tx.db.scalar(pid) == first
        await tx.db.execute(text('PREPARE "_pg3_0" AS SELECT 1'))
    async with database.tx(cast.manager) as tx:
        assert await tx.db.scalar(pid) != first
    await database.close()


@pytest.mark.req("T-06")
async def test_transactions_have_time_outs_and_say_which_stopped_them(database: Database, cast: Cast) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    async with database.tx(cast.manager) as tx:
        shown = [await tx.db.scalar(text(f"SHOW {name}")) for name in names]
    assert shown == ["2min", "30s", "5min"]

    async def sleep() -> None:
        async with database.tx(cast.manager) as tx:
            await tx.db.execute(text("SET LOCAL statement_timeout = '5ms'"))
            await tx.db.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(Unavailable, match="took longer"):
        await sleep()


async def test_a_restarted_servers_connections_are_replaced(server: Server, database: Database, cast: Cast) -> None:
    async with database.tx(cast.manager) as tx:
        pid = await tx.db.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    async with database.tx(cast.manager) as tx:
        assert (await who(tx))[0] == cast.tenant_id


async def test_keys_rotate_without_a_restart(server: Server, stores: Stores, cast: Cast, tmp_path: Path) -> None:
    name = f"{server.name}_rotated"
    clone_database(server.cluster, name)
    signing = signing_keys(tmp_path)
    there = Server(server.cluster, name)
    with pytest.raises(Unavailable, match=r"rotate-context"):
        install(there.migrator, signing)
    older = Database(there.app, stores, HandClock(), pool_size=1)
    ours = Database(there.app, Stores(stores.keyring, stores.vault, signing), HandClock(), pool_size=1)
    try:
        await older.ping()
        assert rotate(there.migrator, signing_keys(tmp_path), wait_seconds=0) == 2
        install(there.migrator, signing)
        async with ours.tx(Actor.system(cast.tenant_id)) as tx:
            assert (await who(tx))[0] == cast.tenant_id
        with pytest.raises(Unavailable, match=r"expects the signing key context\.2\.key"):
            await older.ping()
    finally:
        await older.close()
        await ours.close()
        drop_database(server.cluster, name)


@pytest.mark.req("T-05")
async def test_no_login_reads_the_keys_or_signs(server: Server) -> None:
    for url in (server.app, server.worker):
        for attempt in (
            "SELECT * FROM ctx.key",
            "COPY ctx.key TO STDOUT",
            "SELECT * FROM ctx.claims",
            "SELECT ctx.enter(gen_random_uuid())",
            "SELECT * FROM ctx.here",
        ):
            async with await psycopg.AsyncConnection.connect(url) as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(attempt)
