"""Every table keeps the rules of both walls, and each rule catches its planted fault."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql

from caretide.postgres.catalogue import faults, walled_tables
from caretide.postgres.exemptions import DEFINERS, EXEMPT, NO_ROSTER, OWN_ROSTER
from tests.database import Server


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection[Any]]:
    """The superuser's connection: whoever looks for faults must see everything."""
    with psycopg.connect(server.admin, autocommit=True) as opened:
        yield opened


@pytest.fixture
def planted(connection: Connection[Any]) -> Iterator[Connection[Any]]:
    """A transaction in which faults may be planted as the owner: it is rolled back."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL ROLE caretide_owner")
        yield connection


@pytest.mark.req("T-01", "T-02", "T-03", "T-04", "T-08", "T-20")
def test_schema_keeps_every_rule(connection: Connection[Any]) -> None:
    assert faults(connection) == []


def test_every_exemption_is_still_needed(connection: Connection[Any]) -> None:
    tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert EXEMPT.keys() | NO_ROSTER.keys() | OWN_ROSTER.keys() <= tables
    known = connection.execute("SELECT to_regprocedure(f) FROM unnest(%s::text[]) f", [list(DEFINERS)])
    assert all(name is not None for (name,) in known)


WALLED = "CREATE TABLE planted (tenant_id uuid, id uuid, other uuid, PRIMARY KEY (tenant_id, id));"
SECURED = WALLED + (
    "ALTER TABLE planted ENABLE ROW LEVEL SECURITY; ALTER TABLE planted FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY base ON planted FOR ALL TO PUBLIC USING (true) WITH CHECK (true);"
)
TENANT = (
    "CREATE POLICY tenant ON planted AS {kind} FOR ALL TO {who} USING (tenant_id = (SELECT ctx.tenant()))"
    " WITH CHECK (tenant_id = (SELECT ctx.tenant()));"
)
TEMPORARY = "GRANT TEMP ON DATABASE %I TO caretide_app"
EVENT_TRIGGER = (
    "RESET ROLE; CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE EVENT TRIGGER planted ON ddl_command_end EXECUTE FUNCTION seen()"
)
GOOD = SECURED + TENANT.format(kind="RESTRICTIVE", who="PUBLIC")

PLANTED: dict[str, tuple[str, str]] = {
    "table without policy": (WALLED, "planted: row-level security is not enabled"),
    "table without force": (
        GOOD + "ALTER TABLE planted NO FORCE ROW LEVEL SECURITY",
        "planted: row-level security is not forced",
    ),
    "permissive alone": (
        SECURED + TENANT.format(kind="PERMISSIVE", who="PUBLIC"),
        "planted: has 0 restrictive tenant policies, not one",
    ),
    "policy of one role": (
        SECURED + TENANT.format(kind="RESTRICTIVE", who="caretide_app"),
        "planted: has 0 restrictive tenant policies, not one",
    ),
    "policy for reading alone": (
        SECURED + "CREATE POLICY tenant ON planted AS RESTRICTIVE FOR SELECT USING (tenant_id = (SELECT ctx.tenant()))",
        "planted: has 0 restrictive tenant policies, not one",
    ),
    "column cast": (
        SECURED
        + "CREATE POLICY tenant ON planted AS RESTRICTIVE FOR ALL TO PUBLIC"
        + " USING (tenant_id::text = (SELECT ctx.tenant())::text) WITH CHECK (tenant_id = (SELECT ctx.tenant()))",
        "planted: has 0 restrictive tenant policies, not one",
    ),
    "second permissive policy": (
        GOOD + "CREATE POLICY wide ON planted FOR SELECT USING (true)",
        "planted: policy 'wide' can widen what is seen",
    ),
    "unique without tenant": (
        GOOD + "ALTER TABLE planted ADD CONSTRAINT one UNIQUE (other)",
        "planted: tenant_id does not lead the key one",
    ),
    "unique expression": (
        GOOD + "CREATE UNIQUE INDEX one ON planted (abs(hashtext(id::text)))",
        "planted: tenant_id does not lead the key one",
    ),
    "exclusion without tenant": (
        GOOD + "ALTER TABLE planted ADD CONSTRAINT apart EXCLUDE USING btree (other WITH =)",
        "planted: tenant_id does not lead the key apart",
    ),
    "plain foreign key": (
        GOOD
        + "CREATE UNIQUE INDEX loose ON clinics (id);"
        + "ALTER TABLE planted ADD CONSTRAINT away FOREIGN KEY (other) REFERENCES clinics (id) NOT VALID",
        "planted: tenant_id does not lead the key away",
    ),
    "cascade": (
        GOOD
        + "ALTER TABLE planted ADD CONSTRAINT away FOREIGN KEY (tenant_id, other) REFERENCES clinics"
        + " ON DELETE CASCADE NOT VALID",
        "planted: the key away changes rows by itself",
    ),
    "patient without roster": (GOOD + "ALTER TABLE planted ADD patient_id uuid", "planted: has no roster policy"),
    "definer function": (
        "CREATE FUNCTION planted() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1",
        "public.planted(): runs with its owner's rights unlisted",
    ),
    "definer without search path": (
        "ALTER FUNCTION jobs.waiting(text) RESET search_path",
        "jobs.waiting(text): has no fixed search path",
    ),
    "function for everybody": (
        "GRANT EXECUTE ON FUNCTION jobs.waiting(text) TO PUBLIC",
        "jobs.waiting(text): everybody may call it",
    ),
    "truncate": ("GRANT TRUNCATE ON patients TO caretide_app", "patients: caretide_app may TRUNCATE"),
    "trigger": ("GRANT TRIGGER ON patients TO caretide_worker", "patients: caretide_worker may TRIGGER"),
    "references": ("GRANT REFERENCES ON patients TO caretide_gateway", "patients: caretide_gateway may REFERENCES"),
    "grant to everybody": ("GRANT SELECT ON patients TO PUBLIC", "patients: everybody may SELECT"),
    "create": ("GRANT CREATE ON SCHEMA ctx TO caretide_app", "caretide_app: may CREATE in ctx"),
    "temporary tables": (
        f"RESET ROLE; DO $$ BEGIN EXECUTE format('{TEMPORARY}', current_database()); END $$",
        "caretide_app: may make temporary tables",
    ),
    "bypass": ("RESET ROLE; ALTER ROLE caretide_app BYPASSRLS", "caretide_app: is powerful"),
    "membership": (
        "RESET ROLE; GRANT caretide_owner TO caretide_app",
        "caretide_app: is a member of caretide_owner",
    ),
    "view": ("CREATE VIEW planted AS SELECT * FROM patients", "planted: is a view without security_invoker"),
    "materialized view": ("CREATE MATERIALIZED VIEW planted AS SELECT 1", "planted: is a materialized view"),
    "key for the application": (
        "GRANT SELECT (kid) ON ctx.key TO caretide_app; GRANT SELECT ON ctx.key TO caretide_app",
        "ctx.key: is not the owner's alone but caretide_app's too",
    ),
    "entering for the worker": (
        "GRANT EXECUTE ON FUNCTION ctx.enter(uuid, uuid, boolean) TO caretide_worker",
        "ctx.enter(uuid,uuid,boolean): is not the owner's alone but caretide_worker's too",
    ),
    "leak-proof function": (
        "RESET ROLE; ALTER FUNCTION ctx.is_contact(text) LEAKPROOF",
        "ctx.is_contact(text): claims to be leak-proof",
    ),
    "open by default": (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO caretide_app",
        "caretide_owner: what it makes is by default open to SELECT",
    ),
    "publication": (
        "RESET ROLE; CREATE PUBLICATION planted FOR TABLE patients",
        "planted: stands there, a publication",
    ),
    "event trigger": (
        EVENT_TRIGGER,
        "planted: stands there, a event trigger",
    ),
    "inherited table": ("CREATE TABLE planted () INHERITS (clinics)", "planted: inherits from another table"),
}


@pytest.mark.req("T-20", "T-27")
@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_is_caught(fault: str, planted: Connection[Any]) -> None:
    statements, named = PLANTED[fault]
    run(planted, statements)
    assert named in faults(planted)


def test_good_table_is_not_a_fault(planted: Connection[Any]) -> None:
    run(planted, GOOD)
    assert faults(planted) == []


@pytest.mark.req("T-27")
def test_each_policy_of_each_table_is_missed_when_it_is_dropped(planted: Connection[Any]) -> None:
    policies = planted.execute("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'").fetchall()
    tables = walled_tables(lambda query, *values: planted.execute(query, values).fetchall())
    assert {table for table, _ in policies} == set(tables)
    for table, policy in policies:
        with planted.transaction(force_rollback=True):
            planted.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(policy), sql.Identifier(table)))
            assert [fault for fault in faults(planted) if fault.startswith(f"{table}: ")], (table, policy)


def run(connection: Connection[Any], statements: str) -> None:
    text: LiteralString = statements  # type: ignore[assignment]  # the constants above, put together
    connection.execute(text)
