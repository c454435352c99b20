"""A word of a tenant's own in every text that it has, so that one byte of it elsewhere can be found.

The tenant can be looked at no more afterwards: where its codes stood, the word stands too.
"""

from collections.abc import Collection, Iterator
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import JSON, Column, String, Table
from sqlalchemy.dialects.postgresql import ARRAY

from caretide.kernel.actor import Actor
from caretide.runtime.db import Base, Encrypted
from caretide.runtime.db import column_cipher as cipher
from caretide.runtime.tx import Database
from tests.database import Server


async def plant(
    database: Database, server: Server, tenant_id: UUID, word: str, *, beside: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Write a word into every text of a tenant; return the columns that took it, and those that would not.

    Columns named `beside` are left alone, whichever table's they are, or as `table.column`.
    """
    columns = [
        (table, column) for table, column in _columns() if not {column.name, f"{table}.{column.name}"} & {*beside}
    ]
    async with database.tx(Actor.system(tenant_id)):
        found = cipher.get()
        if found is None:
            raise LookupError("the tenant has no column keys")
        sealed = {
            (table.name, column.name): found.seal(word.encode(), column.type.name.encode())
            for table, column in columns
            if isinstance(column.type, Encrypted)
        }
    taken, refused = list[str](), list[str]()
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, column in columns:
            value = sealed.get((table.name, column.name), word)
            done = _write(connection, table.name, column, value, tenant_id)
            (taken if done else refused).append(f"{table.name}.{column.name}")
        connection.execute("UPDATE tenants SET name = %s WHERE id = %s", (word, tenant_id))
        people = "SELECT account_id FROM memberships WHERE tenant_id = %s"
        connection.execute(f"UPDATE accounts SET display_name = %s WHERE id IN ({people})", (word, tenant_id))  # noqa: S608 - constants of this file
    return taken, refused


async def holding(database: Database, server: Server, tenant_id: UUID, word: str) -> list[str]:
    """Return the columns in which a tenant has a word, also where it is sealed or a part of a JSON document."""
    found = list[str]()
    async with database.tx(Actor.system(tenant_id)):
        opener = cipher.get()
    if opener is None:
        raise LookupError("the tenant has no column keys")
    with psycopg.connect(server.admin) as connection:
        for table in Base.metadata.sorted_tables:
            for column in table.c if "tenant_id" in table.c else ():
                is_sealed = isinstance(column.type, Encrypted)
                if not is_sealed and not isinstance(column.type, (String, ARRAY, JSON)):
                    continue
                query = sql.SQL("SELECT {column}{cast} FROM {table} WHERE tenant_id = %s AND {column} IS NOT NULL")
                column_name, table_name = sql.Identifier(column.name), sql.Identifier(table.name)
                cast = sql.SQL("" if is_sealed else "::text")
                rows = connection.execute(query.format(column=column_name, cast=cast, table=table_name), (tenant_id,))
                if any(
                    word.encode()
                    in (
                        opener.open(bytes(row[0]), column.type.name.encode())
                        if isinstance(column.type, Encrypted)
                        else row[0].encode()
                    )
                    for row in rows
                ):
                    found.append(f"{table.name}.{column.name}")
    return found


def _columns() -> Iterator[tuple[Table, "Column[object]"]]:
    for table in Base.metadata.sorted_tables:
        if "tenant_id" not in table.c:
            continue
        for column in table.c:
            is_text = isinstance(column.type, String) or (
                isinstance(column.type, ARRAY) and isinstance(column.type.item_type, String)
            )
            if is_text or isinstance(column.type, Encrypted):
                yield table, column


def _write(
    connection: psycopg.Connection, table: str, column: "Column[object]", value: str | bytes, tenant_id: UUID
) -> bool:
    """Write a value into a column of a tenant's rows, each with a number where it has to be the only one."""
    numbered = sql.SQL("%s")
    if isinstance(value, str):
        numbered = sql.SQL("%s || ' ' || numbered.n")
    if isinstance(column.type, ARRAY):
        numbered = sql.SQL("ARRAY[%s]::text[]")
    statement = sql.SQL(
        "UPDATE {table} SET {column} = {value} FROM (SELECT ctid AS at, row_number() OVER () AS n FROM {table}"
        " WHERE tenant_id = %s) numbered WHERE {table}.ctid = numbered.at"
    ).format(table=sql.Identifier(table), column=sql.Identifier(column.name), value=numbered)
    always = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'"
    try:
        with connection.transaction():
            guards = [sql.Identifier(row[0]) for row in connection.execute(always, (table,))]
            for guard in guards:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), guard))
            done = connection.execute(statement, (value, tenant_id)).rowcount
            for guard in guards:
                enable = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}")
                connection.execute(enable.format(sql.Identifier(table), guard))
    except (psycopg.errors.CheckViolation, psycopg.errors.DataError, psycopg.errors.GeneratedAlways):
        return False
    return done > 0
