"""A copy of the migrated database with a row of three strangers in every table, made from the catalogue alone.

`OURS` and `NEXT` are two patients of one tenant, each on the roster of a member of their own; `THEIRS` is a patient of
another tenant. A stranger's row holds the stranger's canary in every text and document, and one and the same id in
every column of ids, so that all references hold. Checks and triggers, which would refuse some statements for reasons of
their own, are taken away from the copy; walls, keys, references and grants stand as the migrations made them.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection, errors, sql
from psycopg.types.range import TimestamptzRange

from caretide.postgres.catalogue import walled_tables


@dataclass(frozen=True)
class Stranger:
    """Whose row it is: the tenant, the one id that all their columns hold, and a number that their values vary by."""

    canary: str
    tenant: UUID
    id: UUID
    number: int


TENANT = UUID("0a000000-0000-7000-8000-00000000000a")
OTHER_TENANT = UUID("0b000000-0000-7000-8000-00000000000b")
OURS = Stranger("CANARY-OURS", TENANT, UUID("0a000000-0000-7000-8000-000000000001"), 1)
NEXT = Stranger("CANARY-NEXT", TENANT, UUID("0a000000-0000-7000-8000-000000000002"), 2)
THEIRS = Stranger("CANARY-THEIRS", OTHER_TENANT, UUID("0b000000-0000-7000-8000-000000000003"), 3)
UNKNOWN = Stranger("CANARY-UNKNOWN", TENANT, UUID("0c000000-0000-7000-8000-000000000004"), 4)
"""Nobody: in no row."""
FRESH = Stranger("CANARY-FRESH", TENANT, UUID("0d000000-0000-7000-8000-000000000005"), 5)
"""Who is to be inserted."""


@dataclass(frozen=True)
class Column:
    """A column, and what the application may do with it."""

    name: str
    type: str
    required: bool
    is_written: bool
    may_insert: bool
    may_update: bool


@dataclass(frozen=True)
class Key:
    """A unique or exclusion key, or a reference: its columns but the tenant, and its definition."""

    name: str
    kind: str
    columns: tuple[str, ...]
    definition: str
    target: str | None = None


@dataclass(frozen=True)
class Table:
    """What the catalogue says of a walled table."""

    name: str
    columns: tuple[Column, ...]
    keys: tuple[Key, ...]
    references: tuple[Key, ...]
    policies: tuple[str, ...]
    has_next: bool
    own_only: bool
    """Whether a further policy lets each member see no rows but their own."""

    def written(self) -> list[Column]:
        """The columns that an insert by the application may name; all of them where it may insert nothing."""
        stored = [column for column in self.columns if column.is_written]
        return [column for column in stored if column.may_insert] or stored

    @property
    def changed(self) -> str | None:
        """A column that the application may update, if there is one."""
        return next((column.name for column in self.columns if column.may_update and column.is_written), None)


def tables(connection: Connection[Any]) -> list[Table]:
    """Return every table behind wall one."""

    def ask(query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        return connection.execute(query, parameters).fetchall()

    return [
        Table(
            name,
            tuple(Column(*row) for row in ask(_COLUMNS, name)),
            tuple(Key(*row[:2], tuple(row[2]), row[3]) for row in ask(_KEYS, name)),
            tuple(Key(*row[:2], tuple(row[2]), row[3], row[4]) for row in ask(_REFERENCES, name)),
            tuple(row[0] for row in ask(_POLICIES, name)),
            ask(sql.SQL(_COUNT).format(sql.Identifier(name)), TENANT)[0][0] == 2,
            any(
                reads and policy not in {"tenant", "roster", "roster_select"} for policy, reads in ask(_POLICIES, name)
            ),
        )
        for name in walled_tables(ask)
    ]


_COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated = '',
        has_column_privilege('caretide_app', a.attrelid, a.attnum, 'INSERT'),
        has_column_privilege('caretide_app', a.attrelid, a.attnum, 'UPDATE')
    FROM pg_attribute a
    WHERE a.attrelid = ('public.' || quote_ident(%s))::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""
_KEYS = """
    SELECT i.relname, coalesce(c.contype::text, 'i'), (
        SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}') FROM unnest(x.indkey::int[]) WITH ORDINALITY
        AS k(number, place) JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number
        WHERE a.attname <> 'tenant_id' AND k.place <= x.indnkeyatts
    ), coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.oid))
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.conrelid = x.indrelid AND c.contype IN ('p', 'u', 'x')
    WHERE x.indrelid = ('public.' || quote_ident(%s))::regclass AND (x.indisunique OR x.indisexclusion) ORDER BY 1
"""
_REFERENCES = """
    SELECT c.conname, 'f', (
        SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}') FROM unnest(c.conkey) WITH ORDINALITY
        AS k(number, place) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
        WHERE a.attname <> 'tenant_id'
    ), pg_get_constraintdef(c.oid), c.confrelid::regclass::text
    FROM pg_constraint c WHERE c.conrelid = ('public.' || quote_ident(%s))::regclass AND c.contype = 'f' ORDER BY 1
"""
_POLICIES = """
    SELECT polname, NOT polpermissive AND polcmd IN ('*', 'r') FROM pg_policy
    WHERE polrelid = ('public.' || quote_ident(%s))::regclass ORDER BY 1
"""


_COUNT = "SELECT count(*) FROM public.{} WHERE tenant_id = %s"


def fill(connection: Connection[Any]) -> None:
    """Put the strangers into every table of a copy; the connection is the superuser's."""
    with connection.transaction():
        connection.execute(_STRIP)
        connection.execute("SET LOCAL session_replication_role = replica")
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in rows:
            if name in {"alembic_version", "rule_limits"}:
                continue
            columns = [Column(*row) for row in connection.execute(_COLUMNS, (name,)).fetchall()]
            for stranger in (OURS, NEXT, THEIRS):
                given = {c.name: value(c, stranger) for c in columns if c.is_written}
                with suppress(errors.UniqueViolation), connection.transaction():
                    # Where a tenant may have one row alone, the second of theirs has none.
                    connection.execute(insertion(name, list(given)), list(given.values()))
        connection.execute(_ARMS)


# Every reason to see a patient holds now, for each stranger and their own patient: cover for themselves, duty for the
# clinic, emergency access. A wall that asks one of them wrongly shows somebody else's.
_ARMS = """
    UPDATE clinics SET time_zone = 'America/Chicago';
    UPDATE covers SET starts_at = now() - interval '1 day', ends_at = now() + interval '1 day', ended_at = NULL;
    UPDATE pool_duties SET last_on = NULL, weekdays = NULL, from_minute = 0, until_minute = 1440, ended_at = NULL,
        recorded_at = '2020-01-01';
    UPDATE glass_openings SET opened_at = now(), until = now() + interval '60 minutes', ended_at = NULL;
"""
_STRIP = """
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
            WHERE contype = 'c' AND connamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.place, one.conname);
        END LOOP;
        FOR one IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger WHERE NOT tgisinternal
            AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.place);
        END LOOP;
    END $$
"""


def insertion(table: str, names: list[str]) -> sql.Composed:
    """Return INSERT INTO table (names) VALUES (...)."""
    return sql.SQL("INSERT INTO public.{} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() * len(names)),
    )


def value(column: Column, of: Stranger) -> Any:
    """Return what a stranger's row holds in a column: something of their own wherever the type leaves room for it."""
    kind = column.type
    if column.name == "tenant_id":
        return of.tenant
    if kind.startswith("timestamp"):
        # What may be missing is an end, mostly: a designation that has ended would leave the roster empty.
        return datetime(2020, of.number, 1, tzinfo=UTC) if column.required else None
    found = {
        "uuid": of.id,
        "uuid[]": [of.id],
        "text": of.canary,
        "text[]": [of.canary],
        "bytea": of.canary.encode(),
        "json": json.dumps({"canary": of.canary}),
        "jsonb": json.dumps({"canary": of.canary}),
        "date": date(2020, of.number, 1),
        "boolean": False,
        "interval": timedelta(seconds=of.number),
        "numeric": Decimal(of.number),
        "double precision": float(of.number),
        "integer": of.number,
        "bigint": of.number,
        "smallint": of.number,
        "integer[]": [of.number],
        "smallint[]": [of.number],
        "bytea[]": [of.canary.encode()],
        "tstzrange": TimestamptzRange(
            datetime(2020, of.number, 1, tzinfo=UTC), datetime(2020, of.number, 2, tzinfo=UTC)
        ),
    }
    base = kind.partition("(")[0]
    if base not in found:
        raise NotImplementedError(f"{column.name}: what is a stranger's {kind}? Say it here")
    return found[base]
