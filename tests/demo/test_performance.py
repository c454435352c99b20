"""A demonstration is found again as it was, never built on an interrupted one, and never put over real work."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest

from caretide import worker
from caretide.demo import stage
from caretide.demo.performance import NOTEBOOK, Notebook, _disposable, _is_ruined, performance
from caretide.demo.stage import Part, Production, Tell
from caretide.demo.summary import Summary
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.postgres.databases import Databases
from caretide.postgres.roles import LoginRole
from caretide.postgres.server import Cluster
from caretide.runtime.installation import Installation, open_stores
from caretide.runtime.tx import Database, Stores
from caretide.settings import Settings
from caretide.tenants import actions as tenants
from tests.database import HandClock, clone_database, drop_database

SMALL = Production(patients=24)


@pytest.fixture
def empty(cluster: Cluster, worker_id: str) -> Iterator[str]:
    """An empty database: the demonstration's names are the same in every installation."""
    name = f"demo_{worker_id}"
    clone_database(cluster, name)
    yield name
    drop_database(cluster, name)


@pytest.fixture
async def ours(cluster: Cluster, empty: str, stores: Stores, tmp_path: Path) -> AsyncGenerator[Installation]:
    settings = Settings(home=tmp_path)
    urls = Databases({role: cluster.url(role, empty) for role in LoginRole})
    database = Database(
        urls.url(LoginRole.APP),
        replace(open_stores(settings), signing=stores.signing),
        HandClock(datetime(2026, 11, 21, 15, 0, tzinfo=UTC)),
        pool_size=4,
    )
    yield Installation(settings, urls, database.stores, database)
    await database.close()


def silent(_what: str, _done: int, _total: int) -> None:
    return


async def test_second_run_finds_what_is_there_and_an_interrupted_one_is_told(
    ours: Installation, cluster: Cluster, empty: str
) -> None:
    drain = partial(worker.drain, ours)
    url = ours.urls.url(LoginRole.APP)

    async def play(parts: Sequence[Part], tell: Tell) -> list[Summary]:
        reached = [0] * len(parts)
        return list(await asyncio.gather(*(stage.play(ours.database, url, one, reached, drain, tell) for one in parts)))

    first = await performance(ours, play, silent, SMALL)
    assert first.summary.adds_up
    assert (ours.settings.home / NOTEBOOK).stat().st_mode & 0o777 == 0o600
    assert await performance(ours, play, silent, replace(SMALL, seed=99)) == first
    # Without its notebook nobody could sign in, and nobody knows whether it was finished.
    known = Notebook(ours.settings.home / NOTEBOOK).read()
    (ours.settings.home / NOTEBOOK).unlink()
    with psycopg.connect(cluster.url(LoginRole.ADMIN, empty)) as connection:
        assert _is_ruined(connection, None)
        assert not _is_ruined(connection, known)
    async with ours.database.tx(Actor.system(new_id())) as tx:
        await tenants.create_tenant(tx, slug="true-clinic", name="A true clinic")
    with psycopg.connect(cluster.url(LoginRole.ADMIN, empty)) as connection:
        assert not _is_ruined(connection, None)
    with pytest.raises(Conflict, match="--fresh"):
        await performance(ours, play, silent, SMALL)


async def test_starting_over_is_refused_where_a_tenant_is_real_or_somebody_works(
    ours: Installation, cluster: Cluster, empty: str
) -> None:
    async with ours.database.tx(Actor.system(new_id())) as tx:
        await tenants.create_tenant(tx, slug="generated", name="Generated", is_generated=True)
    with psycopg.connect(cluster.url(LoginRole.ADMIN, empty), autocommit=True) as connection:
        with pytest.raises(Conflict, match="in use"):
            _disposable(connection)
        await ours.database.close()
        for _ in range(100):
            # A backend outlives its client by a moment.
            with suppress(Conflict):
                assert len(_disposable(connection)) == 1
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("the database stayed in use")
        async with ours.database.tx(Actor.system(new_id())) as tx:
            await tenants.create_tenant(tx, slug="true-clinic", name="A true clinic")
        with pytest.raises(Conflict, match="true-clinic"):
            _disposable(connection)


def test_notebook_is_read_as_it_was_written(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "notes.json")
    assert notebook.read() is None
    notebook.write({"month": "2026-10"})
    notebook.write({"month": "2026-11"})
    assert notebook.read() == {"month": "2026-11"}
