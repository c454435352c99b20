"""A real PostgreSQL for the tests: one server, a migrated template, a database cloned from it for each test process.

Tests are kept apart as tenants are: each makes its own, and the wall does the rest. Nothing is rolled back or switched off.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from uuid import uuid4

from caretide.runtime.migrations import migrate
from caretide.runtime.tx import Database, Stores
from caretide.vault.keys import Keyring
from caretide.vault.store import FolderVault
from tests.cast import Cast, assemble


@dataclass
class HandClock:
    """A clock that a test sets by hand."""

    now: datetime = field(default_factory=lambda: datetime(2026, 10, 5, 15, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move on by a span such as `minutes=20`."""
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Server:
    """Where a test process's database is."""

    admin: str
    app: str
    worker: str
    migrator: str


def url(user: str, database: str) -> str:
    return f"postgresql://{user}@127.0.0.1:55432/{database}"


@pytest.fixture(scope="session")
def server(worker_id: str) -> Iterator[Server]:
    """A migrated database of this test process's own."""
    name = f"test_{worker_id}_{uuid4().hex[:8]}"
    admin = url("caretide_admin", "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER caretide_owner").format(sql.Identifier(name)))
    with psycopg.connect(url("caretide_admin", name), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION btree_gist; ALTER SCHEMA public OWNER TO caretide_owner")
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    migrate(url("caretide_migrator", name))
    yield Server(
        url("caretide_admin", name), url("caretide_app", name), url("caretide_worker", name), url("caretide_migrator", name)
    )
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """The installation's keys and vault, in folders of this test process."""
    home = tmp_path_factory.mktemp("home")
    vault = FolderVault(home / "vault", Keyring.open(home / "keys", "vault"))
    return Stores(Keyring.open(home / "keys", "columns"), vault)


@pytest.fixture
def clock() -> HandClock:
    """The present, set by hand."""
    return HandClock()


@pytest.fixture
async def database(server: Server, stores: Stores, clock: HandClock) -> AsyncIterator[Database]:
    """The application's pool, in the application's role."""
    opened = Database(server.app, stores, clock, pool_size=4)
    yield opened
    await opened.close()


@pytest.fixture
async def cast(database: Database) -> Cast:
    """A tenant of the test's own with its people; see `tests.cast`."""
    return await assemble(database)
