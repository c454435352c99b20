"""What SQL in the application's role may do to each table, cell by cell: table x statement x context.

A cell passes when the outcome is what is expected, nothing that comes back (rows, messages) is the other tenant's, and
their rows stand as they stood.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor, errors, sql

from caretide.postgres.exemptions import EXEMPT
from tests.isolation.twins import FRESH, NEXT, OTHER_TENANT, OURS, THEIRS, UNKNOWN, Stranger, Table, insertion, value

REFUSED = frozenset({"42501"})
"""SQLSTATE of a missing privilege, of a broken policy, and of a context that does not hold."""

CONTEXTS = ("own", "roster", "none", "unset", "unsigned", "forged", "replayed", "junk")
"""Whose context it is: `own` sees the tenant, `roster` one patient of it; the rest are refused."""


@dataclass(frozen=True)
class Outcome:
    """What came of a statement: its rows, how many it changed, or why it was refused; and all that it said."""

    rows: tuple[Any, ...] = ()
    count: int = 0
    state: str | None = None
    said: str = ""


@dataclass
class Bench:
    """A connection of the superuser, who looks behind the walls and becomes the application for a statement."""

    connection: Connection[Any]
    replay: str
    """A context of the other tenant that held in an earlier transaction of this very session."""
    broken: list[str] = field(default_factory=list[str])
    count: int = 0

    def enter(self, context: str) -> None:
        """Write a context as whoever attacks would have it."""
        if context in {"own", "roster"}:
            self.connection.execute("SELECT ctx.enter(%s, %s, %s)", (OURS.tenant, OURS.id, context == "roster"))
            return
        if context == "forged":
            self.connection.execute("SELECT ctx.enter(%s, %s, false)", (OURS.tenant, OURS.id))
            own = self.connection.execute("SELECT current_setting('app.ctx')").fetchone()
            forged = str(own[0] if own else "").replace(str(OURS.tenant), str(OTHER_TENANT))
        else:
            forged = {
                "none": "",
                "unset": "",
                "unsigned": f"{OTHER_TENANT}:{THEIRS.id}:0",
                "replayed": self.replay,
                "junk": f"1:{OTHER_TENANT}::0:0:0:{'0' * 64}",
            }[context]
        if context == "unset":
            self.connection.execute('RESET "app.ctx"')
        else:
            self.connection.execute("SELECT set_config('app.ctx', %s, true)", (forged,))

    @contextmanager
    def acting(self, role: str, context: str) -> Iterator[None]:
        """Be a role in a context; all that was done is undone."""
        with self.connection.transaction(force_rollback=True):
            self.enter(context)
            self.connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            yield

    def run(self, statement: sql.Composable, values: Any = (), *, copied: bool = False) -> Outcome:
        """Run one statement and undo it, whatever comes of it."""
        try:
            with self.connection.transaction(force_rollback=True), self.connection.cursor() as cursor:
                return _copied(cursor, statement) if copied else _executed(cursor, statement, values)
        except errors.Error as error:
            said = " ".join(filter(None, (str(error), error.diag.message_detail)))
            return Outcome(state=error.sqlstate or type(error).__name__, said=said)

    def theirs(self, table: Table) -> Any:
        """Return what the other tenant's rows of a table look like from behind the walls."""
        query = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM public.{} AS t WHERE tenant_id = %s"
        found = self.connection.execute(sql.SQL(query).format(sql.Identifier(table.name)), (OTHER_TENANT,)).fetchone()
        return found[0] if found else None

    def expect(self, cell: str, outcome: Outcome, *, right: bool) -> None:
        """Judge a cell: right outcome, and nothing of the other tenant's in it."""
        self.count += 1
        leaked = THEIRS.canary in outcome.said or any(
            THEIRS.canary in str(row) or str(OTHER_TENANT) in str(row) for row in outcome.rows
        )
        if leaked or not right:
            told = f"{len(outcome.rows)} rows, {outcome.count} changed" if outcome.state is None else outcome.state
            self.broken.append(f"{cell}: {told}{', a canary came out' if leaked else ''}")


def _executed(cursor: Cursor[Any], statement: sql.Composable, values: Any) -> Outcome:
    cursor.execute(statement, values)
    rows = tuple(cursor.fetchall()) if cursor.description else ()
    return Outcome(rows, cursor.rowcount)


def _copied(cursor: Cursor[Any], statement: sql.Composable) -> Outcome:
    with cursor.copy(statement) as copy:
        rows = tuple(bytes(row).decode() for row in copy)
    return Outcome(rows, len(rows))


def check(bench: Bench, table: Table, *, until_broken: bool = False) -> None:
    """Run every cell of a table, or as many as it takes until one breaks."""
    before = bench.theirs(table)
    for part in (_keys_and_references, _owner):
        part(bench, table)
        if until_broken and bench.broken:
            return
    for context in CONTEXTS:
        with bench.acting("caretide_app", context):
            for verb in _VERBS:
                verb(bench, table, context)
            bench.connection.execute("RESET ROLE")
            if bench.theirs(table) != before:
                bench.broken.append(f"{table.name} {context}: the other tenant's rows changed")
        if until_broken and bench.broken:
            return


def seen_by(table: Table, context: str) -> set[Stranger]:
    """Return whose rows a context may see, of those three."""
    if context not in {"own", "roster"}:
        return set()
    everybody = {OURS, NEXT} if table.has_next else {OURS}
    # Only the policies of a command that reads; `own_timer`, say, narrows what is changed.
    is_walled = context == "roster" and {"roster", "roster_select"} & set(table.policies)
    return {OURS} if is_walled or table.own_only else everybody


def _named(table: Table, text: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(t=sql.Identifier("public", table.name), **parts)


def _read(bench: Bench, table: Table, context: str) -> None:
    """SELECT in five ways and COPY in two: as many rows as the context may see; none where it does not hold."""
    wanted = seen_by(table, context)
    reads = {
        "SELECT": (_named(table, "SELECT * FROM {t}"), len(wanted)),
        "SELECT theirs": (_named(table, "SELECT * FROM {t} WHERE tenant_id = {b}", b=sql.Literal(OTHER_TENANT)), 0),
        "SELECT by row": (_named(table, "SELECT * FROM {t} WHERE ctid >= '(0,0)'"), len(wanted)),
        "SELECT sampled": (_named(table, "SELECT * FROM {t} TABLESAMPLE SYSTEM (100)"), len(wanted)),
        "SELECT joined": (_named(table, "SELECT a.* FROM {t} a, {t} b WHERE a.tenant_id <> b.tenant_id"), 0),
    }
    for name, (statement, rows) in reads.items():
        found = bench.run(statement)
        right = len(found.rows) == rows if _readable(context, found) else _closed(found)
        bench.expect(f"{table.name} {context} {name}", found, right=right)
    for name, statement in {
        "COPY TO": _named(table, "COPY {t} TO STDOUT"),
        "COPY query": _named(table, "COPY (SELECT * FROM {t}) TO STDOUT"),
    }.items():
        found = bench.run(statement, copied=True)
        right = len(found.rows) == len(wanted) if _readable(context, found) else _closed(found)
        bench.expect(f"{table.name} {context} {name}", found, right=right)


def _readable(context: str, found: Outcome) -> bool:
    """Tell whether rows are expected at all: a table that the application may not read refuses in every context."""
    return context in {"own", "roster"} and (found.state is None or "permission denied" not in found.said)


def _closed(found: Outcome) -> bool:
    """Refused, or nothing there: a narrower policy may be asked first and show no row."""
    return found.state in REFUSED or (found.state is None and not found.rows)


def _write(bench: Bench, table: Table, context: str) -> None:
    """INSERT as the other tenant, plain, returning, selected, merged, and over their key: refused in every context."""
    columns = table.written()
    names = [column.name for column in columns]
    ids = [sql.SQL("{} = EXCLUDED.{}").format(sql.Identifier(n), sql.Identifier(n)) for n in names[:1]]
    theirs = [value(column, THEIRS) for column in columns]
    fresh = [OTHER_TENANT if c.name == "tenant_id" else value(c, FRESH) for c in columns]
    plain = insertion(table.name, names)
    pick = sql.SQL(", ").join(map(sql.Identifier, names))
    merged = sql.SQL(", ").join(sql.SQL("s.") + sql.Identifier(name) for name in names)
    sources = sql.SQL(", ").join(sql.SQL("%s::") + sql.SQL(column.type) for column in columns)
    merge = _named(
        table,
        "MERGE INTO {t} AS m USING (SELECT {v}) AS s({n}) ON false WHEN NOT MATCHED THEN INSERT ({n}) VALUES ({s})",
        v=sources,
        n=pick,
        s=merged,
    )
    attempts = {
        "INSERT theirs": (plain, fresh),
        "INSERT theirs RETURNING": (plain + sql.SQL(" RETURNING *"), fresh),
        "INSERT over theirs": (plain + sql.SQL(" ON CONFLICT DO NOTHING"), theirs),
        "MERGE INSERT theirs": (merge, fresh),
    }
    if ids and (primary := next((k for k in table.keys if k.kind == "p"), None)):
        conflict = sql.SQL(" ON CONFLICT (tenant_id, {}) DO UPDATE SET {}").format(
            sql.SQL(", ").join(map(sql.Identifier, primary.columns)), ids[0]
        )
        attempts["UPSERT theirs"] = (plain + conflict, theirs)
        attempts["UPSERT theirs RETURNING"] = (plain + conflict + sql.SQL(" RETURNING *"), theirs)
    for name, (statement, values) in attempts.items():
        found = bench.run(statement, values)
        bench.expect(f"{table.name} {context} {name}", found, right=found.state in REFUSED)
    found = bench.run(_named(table, "COPY {t} FROM STDIN"), copied=True)
    bench.expect(f"{table.name} {context} COPY FROM", found, right=found.state in {"42501", "0A000"})


def _change(bench: Bench, table: Table, context: str) -> None:
    """UPDATE, DELETE, MERGE, lock and empty: own rows at most; theirs are not there, and nothing becomes theirs."""
    most = len(seen_by(table, context))
    them = sql.Literal(OTHER_TENANT)
    column = sql.Identifier(table.changed or "tenant_id")
    attempts = {
        "UPDATE": (_named(table, "UPDATE {t} SET {c} = {c}", c=column), most),
        "UPDATE RETURNING": (_named(table, "UPDATE {t} SET {c} = {c} RETURNING *", c=column), most),
        "UPDATE theirs": (_named(table, "UPDATE {t} SET {c} = {c} WHERE tenant_id = {b}", c=column, b=them), 0),
        "UPDATE into theirs": (_named(table, "UPDATE {t} SET tenant_id = {b}", b=them), 0),
        "DELETE": (_named(table, "DELETE FROM {t}"), most),
        "DELETE RETURNING": (_named(table, "DELETE FROM {t} RETURNING *"), most),
        "DELETE theirs": (_named(table, "DELETE FROM {t} WHERE tenant_id = {b}", b=them), 0),
        "MERGE UPDATE": (
            _named(
                table,
                "MERGE INTO {t} AS m USING (SELECT 1) AS s ON m.tenant_id = {b}"
                " WHEN MATCHED THEN UPDATE SET {c} = m.{c}",
                b=them,
                c=column,
            ),
            0,
        ),
        "MERGE DELETE": (
            _named(
                table,
                "MERGE INTO {t} AS m USING (SELECT 1) AS s ON m.tenant_id = {b} WHEN MATCHED THEN DELETE",
                b=them,
            ),
            0,
        ),
        "SELECT FOR UPDATE": (_named(table, "SELECT * FROM {t} FOR UPDATE"), most),
        "TRUNCATE": (_named(table, "TRUNCATE {t}"), 0),
    }
    for name, (statement, rows) in attempts.items():
        found = bench.run(statement)
        # A delete may be refused for the rows that refer to the deleted; a wall that refuses a row says 42501.
        right = found.state in {"42501", "23503", "0A000"} or (found.state is None and found.count <= rows)
        bench.expect(f"{table.name} {context} {name}", found, right=right)


_VERBS = (_read, _write, _change)


def _attempt(bench: Bench, table: Table, columns: tuple[str, ...], held: Stranger) -> tuple[Outcome, str]:
    """Insert a row of our own that holds somebody's values in some columns; return how it was answered."""
    given: dict[str, Any] = {}
    referring = {name for key in table.references for name in key.columns}
    for column in table.written():
        of = held if column.name in columns else OURS if column.name in referring else FRESH
        given[column.name] = OURS.tenant if column.name == "tenant_id" else value(column, of)
    outcome = bench.run(insertion(table.name, list(given)), list(given.values()))
    return outcome, outcome.state or "done"


def _keys_and_references(bench: Bench, table: Table) -> None:
    """A key of theirs is answered as one that nobody has, and so is a reference to a row of theirs.

    Accounts and their like, which may be referred to, belong to no tenant.
    """
    with bench.acting("caretide_app", "own"):
        for key in (*table.keys, *(key for key in table.references if key.target not in EXEMPT)):
            theirs, answer = _attempt(bench, table, key.columns, THEIRS)
            _, unknown = _attempt(bench, table, key.columns, UNKNOWN)
            bench.expect(f"{table.name} own {key.name} with theirs", theirs, right=answer == unknown)


def _owner(bench: Bench, table: Table) -> None:
    """The owner is bound too: without a context refused, in ours blind to theirs."""
    with bench.acting("caretide_owner", "none"):
        found = bench.run(_named(table, "SELECT * FROM {t}"))
        bench.expect(f"{table.name} owner none SELECT", found, right=found.state in REFUSED)
    with bench.acting("caretide_owner", "own"):
        found = bench.run(_named(table, "SELECT * FROM {t}"))
        bench.expect(f"{table.name} owner own SELECT", found, right=len(found.rows) == len(seen_by(table, "own")))
        deleted = bench.run(_named(table, "UPDATE {t} SET tenant_id = {b}", b=sql.Literal(OTHER_TENANT)))
        bench.expect(f"{table.name} owner own UPDATE into theirs", deleted, right=deleted.state in REFUSED)
