"""What the isolation suite stands on: the copy with strangers in it, and a report that a reviewer can read."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from caretide.vault.envelope import ColumnCipher, new_key
from tests.database import Server, clone_database, drop_database
from tests.isolation.cells import Bench
from tests.isolation.twins import OTHER_TENANT, THEIRS, Table, fill, tables

Tell = Callable[[str], None]


@pytest.fixture
def twin(server: Server) -> Iterator[Server]:
    """A database of three strangers for one test alone: attacks leave rows behind, and cells count every row."""
    found = Server(server.cluster, f"{server.name}_twin")
    clone_database(server.cluster, found.name)
    with psycopg.connect(found.admin, autocommit=True) as connection:
        fill(connection)
    yield found
    drop_database(server.cluster, found.name)


@pytest.fixture
def behind(twin: Server) -> Iterator[Connection[Any]]:
    """The superuser's connection to the strangers."""
    with psycopg.connect(twin.admin, autocommit=True) as connection:
        yield connection


@pytest.fixture
def walled(behind: Connection[Any]) -> list[Table]:
    """Every table behind wall one."""
    return tables(behind)


def ciphers(tenants: Iterable[UUID]) -> dict[UUID, tuple[float, ColumnCipher]]:
    """Return a cipher for each that is never read anew: strangers' wrapped keys are canaries that nothing opens."""
    return {tenant: (math.inf, ColumnCipher({1: new_key()})) for tenant in tenants}


@pytest.fixture
def bench(behind: Connection[Any]) -> Bench:
    """Where cells are run, with a context of theirs from a transaction that is over."""
    with behind.transaction():
        behind.execute("SELECT ctx.enter(%s, %s)", (OTHER_TENANT, THEIRS.id))
        row = behind.execute("SELECT current_setting('app.ctx')").fetchone()
    return Bench(behind, str(row[0] if row else ""))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say a line of the isolation report; tests/conftest.py prints it at the end of the run."""

    def say(line: str) -> None:
        record_property("isolation", line)

    return say
