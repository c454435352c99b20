"""Words that would do harm anywhere but in text, in every text field of a tenant."""

from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import String, Table

from caretide.kernel.actor import Actor
from caretide.runtime.db import Base, Encrypted
from caretide.runtime.db import column_cipher as cipher
from caretide.runtime.tx import Database
from tests.database import Server

MARK: Final = "canary7f3a"

WORDS: Final = (
    f"\"><img src={MARK}-x onerror=document.documentElement.dataset.ran='{MARK}'>",
    f"{{{{7*7}}}}{MARK}",
    f"javascript:document.documentElement.dataset.ran='{MARK}'//",
    f"=cmd|' /C calc'!A0 {MARK}",
    f"</script><script>document.documentElement.dataset.ran='{MARK}'</script>' onmouseover=alert(1) x='",
)

MACHINE: Final = frozenset(
    (
        *("slug", "role", "staff_role", "status", "kind", "state", "program", "ruled_program", "code"),
        *("severity", "fact", "time_zone", "channel", "outcome", "decision", "mode", "source"),
        *("source_id", "digest", "sha256", "facts_hash", "icd10", "snomed", "rxnorm", "onset", "abated"),
        *("authored", "sex", "npi", "tin_group", "provider_type", "place_of_service", "script_version"),
        *("quarter", "tone", "blocked_by", "basis", "way", "activity_type", "email", "password_hash"),
        *("practitioner_source_id", "purpose", "place", "issuer", "number", "credential", "body"),
    )
)
"""Columns that a program writes and reads: words of ours, codes, ids. Everything else is somebody's text."""

TRAILS: Final = frozenset({"audit_events", "account_events", "alembic_version", "request_counts", "rule_limits"})
"""Tables whose rows are sealed by a hash of themselves, or belong to nobody."""


async def plant(database: Database, server: Server, system: Actor) -> list[str]:
    """Write them into every text column; return the names of those that took them."""
    async with database.tx(system):
        found = cipher.get()
        assert found is not None
        sealed = {
            (table.name, column.name): [found.seal(word.encode(), column.type.name.encode()) for word in WORDS]
            for table in Base.metadata.tables.values()
            for column in table.c
            if isinstance(column.type, Encrypted) and column.name not in MACHINE
        }
    taken: list[str] = []
    with psycopg.connect(server.admin, autocommit=True) as connection:
        # As the superuser behind every trigger: what is written once may not be changed by anybody else.
        connection.execute("SET session_replication_role = replica")
        for table in Base.metadata.tables.values():
            for column in [] if table.name in TRAILS else _texts(table):
                taken += _fill(connection, table.name, column, list(WORDS))
        for (table_name, column), words in sealed.items():
            taken += _fill(connection, table_name, column, words)
    return taken


def _texts(table: Table) -> list[str]:
    return [one.name for one in table.c if isinstance(one.type, String) and one.name not in MACHINE]


def _fill(connection: psycopg.Connection, table: str, column: str, words: list[str] | list[bytes]) -> list[str]:
    """Fill a column, each row with the next word; nothing is left where the table refuses it."""
    is_text = isinstance(words[0], str)
    chosen = sql.SQL("(%s::{}[])[1 + numbered.n %% %s]").format(sql.SQL("text" if is_text else "bytea"))
    # Where a value has to be the only one of its kind.
    alone = sql.SQL(" || ' ' || numbered.n") if is_text else sql.SQL("")
    statement = sql.SQL(
        "UPDATE {table} SET {column} = {chosen}{alone} FROM (SELECT ctid AS at, row_number() OVER () AS n FROM {table})"
        " numbered WHERE {table}.ctid = numbered.at AND {column} IS NOT NULL"
    ).format(table=sql.Identifier(table), column=sql.Identifier(column), chosen=chosen, alone=alone)
    always = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'A'"
    try:
        with connection.transaction():
            guards = [sql.Identifier(row[0]) for row in connection.execute(always, (table,))]
            for guard in guards:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), guard))
            done = connection.execute(statement, (words, len(words))).rowcount
            for guard in guards:
                enable = sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}")
                connection.execute(enable.format(sql.Identifier(table), guard))
    except (psycopg.errors.CheckViolation, psycopg.errors.GeneratedAlways):
        return []
    return [f"{table}.{column}"] if done else []
