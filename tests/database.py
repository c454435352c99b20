"""A real PostgreSQL for the tests: one server a run, a migrated template, and a clone of it for each test process.

Tests are kept apart as tenants are: each makes its own, and the wall does the rest. Nothing is switched off.
"""

import fcntl
import math
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from caretide.postgres import server as postgres
from caretide.postgres.databases import Databases
from caretide.postgres.roles import LoginRole
from caretide.runtime.context_keys import install, signing_keys
from caretide.runtime.installation import Installation
from caretide.runtime.mail import FolderPost
from caretide.runtime.migrations import migrate
from caretide.runtime.tx import Database, Stores
from caretide.settings import Settings
from caretide.vault.keys import Keyring
from caretide.vault.store import FolderVault
from tests.cast import Cast, assemble

HOME = "TEST_CARETIDE_HOME"


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
    """Where a test process's database is, for each role."""

    cluster: postgres.Cluster
    name: str

    @property
    def admin(self) -> str:
        """The superuser's URL: for looking behind the walls, never for the product."""
        return self.cluster.url(LoginRole.ADMIN, self.name)

    @property
    def app(self) -> str:
        """The application's URL."""
        return self.cluster.url(LoginRole.APP, self.name)

    @property
    def worker(self) -> str:
        """The worker's URL."""
        return self.cluster.url(LoginRole.WORKER, self.name)

    @property
    def migrator(self) -> str:
        """The migrator's URL."""
        return self.cluster.url(LoginRole.MIGRATOR, self.name)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's home once, in the process that starts the others."""
    if HOME not in os.environ and not hasattr(config, "workerinput"):
        # Beside /tmp's other folders and not in pytest's own, which the server's user could not reach.
        os.environ[HOME] = tempfile.mkdtemp(prefix="caretide-test-")
        Path(os.environ[HOME]).chmod(0o711)
        config.add_cleanup(_end)


def _end() -> None:
    home = Path(os.environ.pop(HOME))
    if (home / "home").exists():
        postgres.stop(home / "home", force=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """The run's server, shared by its processes, with the template migrated by whichever came first."""
    home = Path(os.environ[HOME])
    with postgres.share(home / "home", durable=False) as shared:
        with (home / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            migrate(shared.url(LoginRole.MIGRATOR))
            install(shared.url(LoginRole.MIGRATOR), signing_keys(home))
        yield shared


@pytest.fixture(scope="session")
def server(cluster: postgres.Cluster, worker_id: str) -> Iterator[Server]:
    """A migrated database of this test process's own."""
    found = Server(cluster, f"test_{worker_id}_{os.getpid()}")
    clone_database(cluster, found.name)
    yield found
    drop_database(cluster, found.name)


def clone_database(cluster: postgres.Cluster, name: str, template: str = "caretide") -> None:
    """Make a database as a copy of another, on which nobody may be connected."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER caretide_owner")
    with psycopg.connect(cluster.url(LoginRole.ADMIN, "postgres"), autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        grant = sql.SQL("REVOKE ALL ON DATABASE {0} FROM PUBLIC; GRANT CONNECT ON DATABASE {0} TO {1}")
        roles = sql.SQL(", ").join(sql.Identifier(role.login) for role in LoginRole)
        connection.execute(grant.format(sql.Identifier(name), roles))


def drop_database(cluster: postgres.Cluster, name: str) -> None:
    """Drop a database and whoever is connected to it."""
    with psycopg.connect(cluster.url(LoginRole.ADMIN, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """The installation's keys and vault, in folders of this test process; the run has one signing key."""
    home = tmp_path_factory.mktemp("home")
    vault = FolderVault(home / "vault", Keyring.open(home / "keys", "vault"))
    signing = signing_keys(Path(os.environ[HOME]))
    return Stores(Keyring.open(home / "keys", "columns"), vault, signing, FolderPost(home / "mail"))


@pytest.fixture
def clock() -> HandClock:
    """The present, set by hand."""
    return HandClock()


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Gather the statements that run meanwhile; none is there because of the time alone, as reading a key anew is."""
    seen: list[str] = []

    def note(*about: Any) -> None:
        seen.append(about[2])

    engine, known = database.engine.sync_engine, database.ciphers
    database.ciphers = {tenant: (math.inf, cipher) for tenant, (_, cipher) in known.items()}
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
        database.ciphers = known


@pytest.fixture
async def database(server: Server, stores: Stores, clock: HandClock) -> AsyncIterator[Database]:
    """The application's pool, in the application's role."""
    opened = Database(server.app, stores, clock, pool_size=4)
    yield opened
    await opened.close()


@pytest.fixture
def installation(server: Server, database: Database, tmp_path: Path) -> Installation:
    """An installation whose parts are those of this test."""
    urls = Databases({LoginRole.APP: server.app, LoginRole.WORKER: server.worker, LoginRole.MIGRATOR: server.migrator})
    settings = Settings(home=tmp_path, base_url="http://localhost:8000", requests_per_minute=1_000_000)
    return Installation(settings, urls, database.stores, database)


@pytest.fixture
async def cast(database: Database) -> Cast:
    """A tenant of the test's own with its people; see `tests.cast`."""
    return await assemble(database)
