"""The walls with one part taken out, one at a time: each policy, each FORCE, the tenant in each key and reference."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, errors, sql

from caretide.postgres.catalogue import faults
from caretide.postgres.exemptions import EXEMPT
from tests.isolation.cells import Bench, check
from tests.isolation.twins import Key, Table

_TENANT = re.compile(r"tenant_id( WITH =)?, ")


@dataclass(frozen=True)
class Mutant:
    """What is taken out of which table, and how."""

    name: str
    table: Table
    statements: tuple[sql.Composable, ...]


@dataclass(frozen=True)
class Verdict:
    """Who noticed: the catalogue's checks, and the first of the cells that broke."""

    mutant: Mutant
    by_catalogue: bool
    by_cells: str | None
    told: str = ""

    @property
    def is_killed(self) -> bool:
        """Whether anybody noticed."""
        return self.by_catalogue or self.by_cells is not None

    def __str__(self) -> str:
        """The line of the report."""
        killers = [name for name, killed in (("catalogue", self.by_catalogue), ("SQL", self.by_cells)) if killed]
        return f"{self.mutant.name}: {'killed by ' + ' and '.join(killers) if killers else 'SURVIVED'}{self.told}"


def mutants(tables: list[Table]) -> Iterator[Mutant]:
    """Yield every one of them."""
    for table in tables:
        place = sql.Identifier("public", table.name)
        alter = sql.SQL("ALTER TABLE {} ").format(place)
        yield Mutant(f"{table.name}: no FORCE", table, (alter + sql.SQL("NO FORCE ROW LEVEL SECURITY"),))
        yield Mutant(f"{table.name}: not enabled", table, (alter + sql.SQL("DISABLE ROW LEVEL SECURITY"),))
        for policy in table.policies:
            drop = sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(policy), place)
            yield Mutant(f"{table.name}: no policy {policy}", table, (drop,))
        for key in table.keys:
            if key.columns and _TENANT.search(key.definition):
                yield Mutant(f"{table.name}: {key.name} without the tenant", table, _loosened(table, key))
        for key in table.references:
            if key.target not in EXEMPT and _TENANT.search(key.definition):
                yield Mutant(f"{table.name}: {key.name} without the tenant", table, _reaching(table, key))


def _raw(text: str) -> sql.SQL:
    return sql.SQL(text)  # pyright: ignore[reportArgumentType] - a definition, as the catalogue writes it


def _loosened(table: Table, key: Key) -> tuple[sql.Composable, ...]:
    """Make a key anew without the tenant."""
    loose = _raw(_TENANT.sub("", key.definition))
    place, name = sql.Identifier("public", table.name), sql.Identifier(key.name)
    if key.kind == "i":
        return (sql.SQL("DROP INDEX public.{}").format(name), loose)
    return (
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT {} CASCADE").format(place, name),
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(place, name, loose),
    )


def _reaching(table: Table, key: Key) -> tuple[sql.Composable, ...]:
    """Make a reference anew without the tenant; what it refers to needs a key without it."""
    place, name = sql.Identifier("public", table.name), sql.Identifier(key.name)
    loose = _TENANT.sub("", key.definition)
    there = re.search(r"REFERENCES (\w+)\(([^)]*)\)", loose)
    if there is None:
        raise ValueError(f"{key.name} refers to nothing that can be read: {key.definition}")
    return (
        _raw(f"CREATE UNIQUE INDEX mutant_idx ON public.{there[1]} ({there[2]})"),
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(place, name),
        sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(place, name, _raw(loose)),
    )


def judge(bench: Bench, mutant: Mutant, usual: list[str]) -> Verdict:
    """Take the part out, look whether anybody notices, and put it back."""
    connection: Connection[Any] = bench.connection
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in mutant.statements:
            connection.execute(statement)
        connection.execute("SET LOCAL session_replication_role = origin")
        found = faults(connection) != usual
        trial = Bench(connection, bench.replay)
        try:
            check(trial, mutant.table, until_broken=True)
        except errors.Error as error:
            trial.broken.append(f"the cells themselves: {error}")
    return Verdict(mutant, found, trial.broken[0] if trial.broken else None)
