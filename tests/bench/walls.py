"""What both walls cost: ten statements of hot pages behind them, and the same without row-level security.

Two connections stand on the big tenant. One is the application's role in a signed context, walled in where a
coordinator works. The other is a role that bypasses row-level security, made here and dropped again; its statements
name the tenant themselves, as they would have to. Statements take turns, prepared, each some times in a transaction;
what is compared is the processor time of the two backends. Triggers and references verify the context in both.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection, sql

from caretide.kernel.permissions import Role
from caretide.postgres.roles import LoginRole
from tests.bench.big import Big, people, rosters
from tests.bench.ground import Ground
from tests.bench.measure import PROC, Measured, Sample, Size, repeated
from tests.bench.standings import ruled

ROUNDS: Final = {"small": 7, "full": 15}
TIMES: Final = 30
"""How often a statement runs in a transaction."""
OPEN: Final = "caretide_bench_open"

QUERIES: Final[dict[str, tuple[bool, str]]] = {
    "worklist": (
        True,
        (
            "SELECT s.patient_id, s.band, s.missing_secs, p.mrn, m.staff_secs FROM month_standings AS s"
            " JOIN patients AS p ON p.tenant_id = s.tenant_id AND p.id = s.patient_id"
            " LEFT JOIN month_seconds AS m ON m.tenant_id = s.tenant_id AND m.service_month = s.service_month"
            " AND m.patient_id = s.patient_id AND m.program = s.program"
            " WHERE {s} s.coordinator_id = %(member)s AND s.service_month = %(month)s"
            " ORDER BY s.band, s.missing_secs, s.name_key, s.patient_id LIMIT 200"
        ),
    ),
    "patient": (True, "SELECT p.id, p.mrn, p.birth_date, p.clinic_id FROM patients AS p WHERE {p} p.id = %(patient)s"),
    "conditions": (True, "SELECT c.id FROM conditions AS c WHERE {c} c.patient_id = %(patient)s"),
    "medications": (True, "SELECT c.id FROM medications AS c WHERE {c} c.patient_id = %(patient)s"),
    "enrollments": (
        True,
        "SELECT e.id, e.program FROM enrollments AS e WHERE {e} e.patient_id = %(patient)s",
    ),
    "months_time": (
        True,
        (
            "SELECT t.id, t.start_time, t.duration_secs FROM time_log_entries AS t WHERE {t} t.patient_id = %(patient)s"
            " AND t.service_month = %(month)s ORDER BY t.start_time"
        ),
    ),
    "time_entry": (True, ""),
    "team": (
        False,
        (
            "SELECT s.coordinator_id, s.band, count(*), sum(s.countable_secs) FROM month_standings AS s"
            " WHERE {s} s.service_month = %(month)s GROUP BY 1, 2"
        ),
    ),
    "month": (
        False,
        (
            "SELECT s.id, s.status, p.mrn FROM month_standings AS s"
            " JOIN patients AS p ON p.tenant_id = s.tenant_id AND p.id = s.patient_id"
            " WHERE {s} s.service_month = %(month)s ORDER BY s.status, s.blocked_by, s.name_key, s.id LIMIT 50"
        ),
    ),
    "search": (
        False,
        (
            "SELECT p.id, p.mrn FROM patients AS p WHERE {p} p.name_key >= 'm' AND p.name_key < 'n'"
            " ORDER BY p.name_key, p.id LIMIT 20"
        ),
    ),
}
"""By name: whether a coordinator asks, behind the roster's wall, and the statement."""

UNITS: Final = {f"{name}_{kind}_ms": "ms" for name in QUERIES for kind in ("walled", "open")} | {
    "total_walled_ms": "ms",
    "total_open_ms": "ms",
    "ratio_total": "x",
    "bound_transaction_ms": "ms",
    "plain_transaction_ms": "ms",
}


@dataclass(frozen=True)
class Side:
    """One of the two connections: as whom it asks, and whether statements name the tenant."""

    connection: Connection[Any]
    role: str
    is_walled: bool

    def spent(self) -> float:
        """Return the milliseconds that the backend has run so far."""
        return int((PROC / str(self.connection.info.backend_pid) / "schedstat").read_text().split()[0]) / 1e6


def run(ground: Ground, size: Size) -> Measured:
    """Ask every question of both sides in every round."""
    made = ruled(ground, size)
    [coordinator] = people(ground, made, Role.COORDINATOR, 1)[:1]
    [[patient, *_]] = rosters(ground, made, [coordinator], 1)
    if coordinator.member_id is None:
        raise RuntimeError("a coordinator without a member")
    asked = {
        "tenant": made.tenant_id,
        "member": coordinator.member_id,
        "patient": patient,
        "month": made.running.first,
    }
    with _sides(ground, made) as (walled, opened):
        _round(walled, opened, made, asked)
        rounds = repeated(size, ROUNDS[size], lambda _: _round(walled, opened, made, asked))
    return Measured(UNITS, rounds, {"patients": made.patients, "times": TIMES, "statements": len(QUERIES)})


@contextmanager
def _sides(ground: Ground, made: Big) -> Iterator[tuple[Side, Side]]:
    """Yield the walled side and the open one, whose role is gone afterwards."""
    del made
    url = ground.cluster.url(LoginRole.ADMIN)
    role = sql.Identifier(OPEN)
    with psycopg.connect(url, prepare_threshold=0) as first, psycopg.connect(url, prepare_threshold=0) as second:
        second.execute(sql.SQL("CREATE ROLE {} NOLOGIN BYPASSRLS").format(role))
        second.execute(sql.SQL("GRANT caretide_app TO {}").format(role))
        second.commit()
        try:
            yield Side(first, "caretide_app", is_walled=True), Side(second, OPEN, is_walled=False)
        finally:
            second.rollback()
            second.execute(sql.SQL("DROP ROLE {}").format(role))
            second.commit()


def _round(walled: Side, opened: Side, made: Big, asked: dict[str, Any]) -> Sample:
    sample: Sample = {}
    for name, (is_roster, query) in QUERIES.items():
        for side in (walled, opened):
            kind = "walled" if side.is_walled else "open"
            sample[f"{name}_{kind}_ms"] = _timed(side, made.tenant_id, asked, _statement(name, query, side), is_roster)
    for kind in ("walled", "open"):
        sample[f"total_{kind}_ms"] = sum(sample[f"{name}_{kind}_ms"] for name in QUERIES)
    sample["ratio_total"] = sample["total_walled_ms"] / sample["total_open_ms"]
    sample["bound_transaction_ms"] = _transactions(walled, _bound)
    sample["plain_transaction_ms"] = _transactions(walled, lambda connection: connection.execute("SELECT 1"))
    return sample


def _statement(name: str, query: str, side: Side) -> bytes:
    """Fill in the tenant where no policy does."""
    names = ("s", "p", "c", "e", "t")
    tenant = {each: "" if side.is_walled else f"{each}.tenant_id = %(tenant)s AND" for each in names}
    return (ENTRY if name == "time_entry" else query).format(**tenant).encode()


ENTRY: Final = (
    "INSERT INTO time_log_entries (tenant_id, id, patient_id, coordinator_id, account_id, enrollment_id, clinic_id,"
    " program, activity_type, start_time, end_time, service_month, staff_role, credential, source, row_hash)"
    " SELECT t.tenant_id, gen_random_uuid(), t.patient_id, t.coordinator_id, t.account_id, t.enrollment_id,"
    " t.clinic_id, t.program, t.activity_type, date_trunc('second', now()) - interval '3 s',"
    " date_trunc('second', now()) - interval '2 s', t.service_month,"
    " t.staff_role, t.credential, t.source, t.row_hash FROM time_log_entries AS t"
    " WHERE {t} t.coordinator_id = %(member)s AND t.service_month = %(month)s AND t.source = 'timer' LIMIT 1"
)


def _timed(side: Side, tenant_id: UUID, asked: dict[str, Any], statement: bytes, is_roster: bool) -> float:
    """Return the milliseconds of one statement in a context; an insert is undone each time."""
    connection = side.connection
    connection.execute("SELECT ctx.enter(%s, %s, %s)", (tenant_id, asked["member"], is_roster))
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(side.role)))
    inserts = statement.startswith(b"INSERT")
    spent = 0.0
    for _ in range(TIMES):
        if inserts:
            connection.execute("SAVEPOINT before")
        spent -= side.spent()
        connection.execute(statement, asked)
        spent += side.spent()
        if inserts:
            connection.execute("ROLLBACK TO before")
    connection.rollback()
    return spent / TIMES


def _bound(connection: Connection[Any]) -> None:
    """What a transaction of the application begins with, but for its literal numbers."""
    connection.execute(
        b"RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); SET LOCAL statement_timeout = '120s';"
        b"SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '300s';"
        b"SELECT ctx.opening(), EXISTS (SELECT FROM pg_prepared_statements WHERE from_sql),"
        b" set_config('app.ctx', '', true)",
        prepare=False,
    )
    connection.execute("SELECT set_config('app.ctx', %s, true)", ("0" * 160,))


def _transactions(side: Side, work: Callable[[Connection[Any]], object]) -> float:
    spent = -side.spent()
    for _ in range(TIMES):
        work(side.connection)
        side.connection.commit()
    return (spent + side.spent()) / TIMES
