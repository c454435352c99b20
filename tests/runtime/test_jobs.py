"""Jobs live and die with the transaction that queues them, and run in its tenant whatever anybody says."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.runtime.access import verb_name
from caretide.runtime.jobs import JOBS, later, later_each, rescue, worker_app
from caretide.runtime.tx import Database, Stores, Tx
from tests.cast import Cast, assemble
from tests.database import HandClock, Server

RAN: list[dict[str, Any]] = []


async def planted(tx: Tx, clinic_id: UUID, month: str = "") -> None:
    """Note in whose name the job runs."""
    RAN.append({"tenant": tx.tenant_id, "member": tx.actor.member_id, "clinic_id": clinic_id, "month": month})


async def refused(tx: Tx, clinic_id: UUID) -> None:
    raise Conflict("This is already recorded")


async def broken(tx: Tx, clinic_id: UUID) -> None:
    raise RuntimeError("the weather")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are made up here do not stay."""
    RAN.clear()
    for action in (planted, refused, broken):
        monkeypatch.setitem(JOBS, verb_name(action), action)


@pytest.fixture(autouse=True)
def admin(server: Server) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Look behind the queue's wall; begin with nothing waiting."""
    with psycopg.connect(server.admin, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("DELETE FROM jobs.procrastinate_jobs")
        yield connection


@pytest.fixture
async def queue(server: Server, stores: Stores, clock: HandClock) -> AsyncIterator[procrastinate.App]:
    database = Database(server.app, stores, clock, pool_size=2)
    app = worker_app(server.worker, database)
    async with app.open_async():
        yield app
    await database.close()


async def work(queue: procrastinate.App) -> None:
    await queue.run_worker_async(concurrency=1, wait=False, listen_notify=False, install_signal_handlers=False)


def waiting(admin: psycopg.Connection[dict[str, Any]]) -> list[dict[str, Any]]:
    return admin.execute("SELECT * FROM jobs.procrastinate_jobs ORDER BY id").fetchall()


async def test_job_of_a_rolled_back_transaction_is_not_there(
    database: Database, cast: Cast, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async def fail() -> None:
        async with database.tx(cast.administrator) as tx:
            await later(tx, planted, clinic_id=cast.clinic_id)
            raise Conflict

    with pytest.raises(Conflict):
        await fail()
    assert waiting(admin) == []


@pytest.mark.req("T-09")
async def test_job_holds_ids_alone_and_the_tenant_of_the_context(
    database: Database, cast: Cast, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async with database.tx(cast.administrator) as tx:
        await later(tx, planted, clinic_id=cast.clinic_id, month="2026-10")
    (job,) = waiting(admin)
    assert job["args"] == {
        "tenant": str(cast.tenant_id),
        "member": str(cast.administrator.member_id),
        "clinic_id": str(cast.clinic_id),
        "month": "2026-10",
    }


@pytest.mark.req("T-06")
async def test_worker_runs_a_job_in_the_tenant_and_name_of_who_queued_it(
    database: Database, cast: Cast, queue: procrastinate.App
) -> None:
    other = await assemble(database)
    for actor, clinic_id in ((cast.administrator, cast.clinic_id), (other.system, other.clinic_id)):
        async with database.tx(actor) as tx:
            await later(tx, planted, clinic_id=clinic_id, month="2026-10")
    await work(queue)
    wanted = [
        {"tenant": a.tenant_id, "member": a.member_id, "clinic_id": clinic_id, "month": "2026-10"}
        for a, clinic_id in ((cast.administrator, cast.clinic_id), (other.system, other.clinic_id))
    ]
    assert wanted == RAN


@pytest.mark.req("T-30")
async def test_no_argument_chooses_a_tenant(database: Database, cast: Cast, queue: procrastinate.App) -> None:
    forged = {"tenant": str(new_id()), "member": str(new_id()), "clinic_id": str(cast.clinic_id)}
    items = json.dumps([{"once": None, "args": forged}])
    async with database.tx(cast.system) as tx:
        statement = text("SELECT jobs.enqueue_many(:verb, CAST(:items AS json))")
        await tx.db.execute(statement, {"verb": verb_name(planted), "items": items})
    await work(queue)
    assert [(run["tenant"], run["member"]) for run in RAN] == [(cast.tenant_id, None)]


async def test_nobody_queues_without_a_tenant(database: Database, cast: Cast) -> None:
    with pytest.raises(ProgrammingError, match="tenant context missing"):
        async with database.tx(Actor.nobody()) as tx:
            await later(tx, planted, clinic_id=cast.clinic_id)


async def test_same_job_is_queued_once_while_it_waits(
    database: Database, cast: Cast, queue: procrastinate.App, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    other = await assemble(database)
    for actor in (cast.system, cast.system, other.system):
        async with database.tx(actor) as tx:
            await later(tx, planted, once="2026-10", clinic_id=cast.clinic_id)
    assert len(waiting(admin)) == 2
    await work(queue)
    async with database.tx(cast.system) as tx:
        await later_each(tx, planted, [("2026-10", {"clinic_id": cast.clinic_id})] * 3)
    await work(queue)
    assert [run["tenant"] for run in RAN] == [cast.tenant_id, other.tenant_id, cast.tenant_id]


@pytest.mark.req("T-01")
@pytest.mark.parametrize("table", ["procrastinate_jobs", "procrastinate_events", "procrastinate_workers"])
async def test_application_cannot_touch_the_queue(table: str, database: Database, cast: Cast) -> None:
    for statement in ("TABLE jobs.{}", "DELETE FROM jobs.{}", "INSERT INTO jobs.{} DEFAULT VALUES"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.exec_driver_sql(statement.format(table))


async def test_refused_job_fails_at_once_and_a_broken_one_is_tried_again(
    database: Database, cast: Cast, queue: procrastinate.App, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async with database.tx(cast.system) as tx:
        await later(tx, refused, clinic_id=cast.clinic_id)
        await later(tx, broken, clinic_id=cast.clinic_id)
    await work(queue)
    assert [(job["status"], job["attempts"]) for job in waiting(admin)] == [("failed", 1), ("todo", 1)]


@pytest.mark.req("R-05")
async def test_job_of_a_dead_worker_is_run_again(
    database: Database, cast: Cast, queue: procrastinate.App, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async with database.tx(cast.system) as tx:
        await later(tx, planted, once="a", clinic_id=cast.clinic_id)
    die_in_the_middle(admin)
    await work(queue)
    assert RAN == []
    assert await rescue(queue) == 1
    await work(queue)
    assert len(RAN) == 1
    assert await rescue(queue) == 0


async def test_dead_job_whose_sibling_waits_is_closed(
    database: Database, cast: Cast, queue: procrastinate.App, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async with database.tx(cast.system) as tx:
        await later(tx, planted, once="a", clinic_id=cast.clinic_id)
    die_in_the_middle(admin)
    async with database.tx(cast.system) as tx:
        await later(tx, planted, once="a", clinic_id=cast.clinic_id)
    await rescue(queue)
    assert [job["status"] for job in waiting(admin)] == ["failed", "todo"]
    await work(queue)
    assert [job["status"] for job in waiting(admin)] == ["failed", "succeeded"]
    assert len(RAN) == 1


async def test_living_workers_job_is_left_alone(
    database: Database, cast: Cast, queue: procrastinate.App, admin: psycopg.Connection[dict[str, Any]]
) -> None:
    async with database.tx(cast.system) as tx:
        await later(tx, planted, clinic_id=cast.clinic_id)
    die_in_the_middle(admin, seconds_ago=5)
    assert await rescue(queue) == 0


def die_in_the_middle(admin: psycopg.Connection[dict[str, Any]], seconds_ago: int = 60) -> None:
    """Leave every waiting job as a worker leaves it that was killed so long ago."""
    admin.execute(
        "WITH dead AS (INSERT INTO jobs.procrastinate_workers (last_heartbeat)"
        " VALUES (now() - make_interval(secs => %s)) RETURNING id)"
        " UPDATE jobs.procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead WHERE status = 'todo'",
        (seconds_ago,),
    )
