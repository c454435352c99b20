"""Three holes that some PostgreSQL builds have in row-level security, tried out instead of read from a version number.

Each probe makes a table of its own in a scratch schema and attacks it as the hole was described, then one that keeps
the rules of our schema. All of it happens in one transaction that is rolled back: nothing stays, no table of ours is
touched.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import Connection, errors, sql

_FOREIGN: Final = "foreign canary"


@dataclass(frozen=True)
class Probe:
    """One hole. `fires`: the server has it. `closed`: what keeps the rule in `kept_out_by` was not reached."""

    hole: str
    what: str
    kept_out_by: str
    fires: bool
    closed: bool


@dataclass(frozen=True)
class _Ground:
    """Where the probes are made: names that nobody else uses, and the notices in which a leak shows itself."""

    connection: Connection[Any]
    names: dict[str, sql.Composable]
    heard: list[str]

    def table(self, name: str, **parts: LiteralString) -> "_Ground":
        """Return the ground with `{table}`, and what else its scripts leave open."""
        table = sql.SQL("{}.{}").format(self.names["place"], sql.Identifier(name))
        known = {word: sql.SQL(text).format(**self.names) for word, text in parts.items()}
        return _Ground(self.connection, {**self.names, "table": table, **known}, self.heard)

    def run(self, script: LiteralString) -> None:
        self.connection.execute(sql.SQL(script).format(**self.names))

    def sees_rows(self, query: LiteralString) -> bool:
        return bool(self.connection.execute(sql.SQL(query).format(**self.names)).fetchall())

    def told_by(self, script: LiteralString) -> str:
        """Run what may well be refused and return all that was said, notices included."""
        self.heard.clear()
        try:
            with self.connection.transaction():
                self.run(script)
        except errors.Error as error:
            self.heard.append(str(error))
        return " ".join(self.heard)


def probe(connection: Connection[Any]) -> list[Probe]:
    """Return what each probe found. Raises psycopg's InsufficientPrivilege for a login that may not create roles."""
    heard: list[str] = []

    def hear(notice: errors.Diagnostic) -> None:
        heard.append(notice.message_primary or "")

    names = {word: sql.Identifier(f"caretide_probe_{secrets.token_hex(6)}") for word in ("place", "app", "group")}
    ground = _Ground(connection, {**names, "foreign": sql.Literal(_FOREIGN)}, heard)
    connection.add_notice_handler(hear)
    try:
        with connection.transaction(force_rollback=True):
            ground.run(_GROUND)
            return [each(ground) for each in _PROBES]
    finally:
        connection.remove_notice_handler(hear)


_GROUND: Final = """
    SET LOCAL client_min_messages = notice;
    CREATE ROLE {app} NOLOGIN; CREATE ROLE {group} NOLOGIN;
    GRANT {app}, {group} TO CURRENT_USER;
    CREATE SCHEMA {place};
    GRANT USAGE ON SCHEMA {place} TO {app};
    CREATE FUNCTION {place}.seen(secret text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
        $$ BEGIN RAISE NOTICE 'seen: %', secret; RETURN true; END $$;
    GRANT EXECUTE ON FUNCTION {place}.seen(text) TO {app}
"""
_TABLE: Final = """
    CREATE TABLE {table} (tenant int, id int, secret text {key});
    INSERT INTO {table} VALUES (2, 1, {foreign});
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY base ON {table} TO PUBLIC USING (true) WITH CHECK (true);
    CREATE POLICY tenant ON {table} AS RESTRICTIVE TO {to} USING (tenant = 1) WITH CHECK (tenant = 1);
    GRANT SELECT, INSERT, UPDATE ON {table} TO {app}
"""


def _conflict_target(ground: _Ground) -> Probe:
    """An upsert's WHERE is handed the row in its way before row-level security is asked; so is a cast that fails."""

    def leaks(name: str, key: LiteralString, target: LiteralString) -> bool:
        here = ground.table(name, key=key, target=target, to="PUBLIC")
        here.run(_TABLE)
        here.run("SET LOCAL ROLE {app}")
        upsert = (
            "INSERT INTO {table} AS held VALUES (1, 1, 'mine') ON CONFLICT ({target}) DO UPDATE SET secret = 'mine'"
        )
        said = here.told_by(upsert + " WHERE {place}.seen(held.secret)")
        said += here.told_by(upsert + " WHERE held.secret::int > 0")
        here.run("RESET ROLE")
        return _FOREIGN in said

    return Probe(
        "CVE-2026-120154",
        "an upsert is shown the row of another tenant that stands in its way",
        "the tenant leads every key",
        leaks("loose", ", UNIQUE (id)", "id"),
        not leaks("led", ", UNIQUE (tenant, id)", "tenant, id"),
    )


def _dropped_policy(ground: _Ground) -> Probe:
    """DROP OWNED takes a role out of a restrictive policy that names it, and with it the wall."""

    def falls(name: str, to: LiteralString) -> bool:
        here = ground.table(name, key="", to=to)
        here.run(_TABLE)
        here.run("SET LOCAL ROLE {app}; DROP OWNED BY {app}; RESET ROLE")
        here.run("GRANT USAGE ON SCHEMA {place} TO {app}; GRANT SELECT ON {table} TO {app}; SET LOCAL ROLE {app}")
        seen = here.sees_rows("SELECT secret FROM {table}")
        here.run("RESET ROLE")
        return seen

    return Probe(
        "CVE-2026-116311",
        "a role that drops what it owns leaves the restrictive policies that name it",
        "policies are written TO PUBLIC",
        falls("named", "{app}, {group}"),
        not falls("everybody", "PUBLIC"),
    )


def _stale_plan(ground: _Ground) -> Probe:
    """A prepared plan goes on with a membership that was revoked."""
    here = ground.table("member")
    here.run("CREATE TABLE {table} (tenant int); INSERT INTO {table} VALUES (2)")
    here.run("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    here.run("CREATE POLICY member ON {table} TO {group} USING (true)")
    here.run("GRANT USAGE ON SCHEMA {place} TO {app}; GRANT SELECT ON {table} TO {app}; GRANT {group} TO {app}")
    here.run("SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL ROLE {app}")
    here.run("PREPARE caretide_probe AS SELECT tenant FROM {table}")
    here.run("EXECUTE caretide_probe")
    here.run("RESET ROLE; REVOKE {group} FROM {app}; SET LOCAL ROLE {app}")
    seen = here.sees_rows("EXECUTE caretide_probe")
    here.run("DEALLOCATE caretide_probe; RESET ROLE")
    return Probe(
        "CVE-2026-14666",
        "a prepared statement shows rows after the membership that its policy asks for was revoked",
        "no policy names a role",
        seen,
        closed=True,  # where no policy names a role there is no membership to outlive
    )


_PROBES: Final[tuple[Callable[[_Ground], Probe], ...]] = (_conflict_target, _dropped_policy, _stale_plan)
