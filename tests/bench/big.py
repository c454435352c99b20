"""The big tenant: generated once a run (or found in a kept home), and asked by every benchmark of scale.

`caretide demo --patients N` makes the same one; here it is called without the command line around it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg

from caretide.demo import bulk
from caretide.demo.bulk_practice import PLACES, Order
from caretide.demo.tidying import tidy
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.month import Month
from caretide.kernel.permissions import Role
from caretide.postgres.roles import LoginRole
from tests.bench.application import open_sessions
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size, say

PATIENTS: Final = {"small": 400, "full": 100_000}
UNITS: Final = {
    "seconds": "s",
    "patients_per_second": "1/s",
    "cpu_seconds": "s",
    "database_cpu_seconds": "s",
}


@dataclass
class Big:
    """The tenant and its two months: the last that is over, and the running one."""

    tenant_id: UUID
    patients: int
    last: Month
    running: Month
    took: Measured | None = None
    sessions: dict[UUID, str] = field(default_factory=dict[UUID, str])

    @property
    def system(self) -> Actor:
        """The command line in this tenant."""
        return Actor.system(self.tenant_id)


def big(ground: Ground, size: Size) -> Big:
    """Return the big tenant of this run; the first who asks waits for it."""
    if "big" not in ground.kept:
        order = Order(ground.patients or PATIENTS[size])
        ground.kept["big"] = _found(ground, order) or asyncio.run(_made(ground, order))
    made: Big = ground.kept["big"]
    return made


def run(ground: Ground, size: Size) -> Measured | None:
    """Tell how long the tenant took to generate; nothing where a kept home had it already."""
    return big(ground, size).took


def _found(ground: Ground, order: Order) -> Big | None:
    rows = asked(ground, "SELECT id FROM tenants WHERE slug = %s", order.slug)
    if not rows:
        return None
    [(tenant_id,)] = rows
    [(patients,)] = asked(ground, "SELECT count(*) FROM patients WHERE tenant_id = %s", tenant_id)
    if patients != order.patients:
        raise RuntimeError(f"the home that is kept has a tenant of {patients} patients and not of {order.patients}")
    months = asked(ground, "SELECT DISTINCT service_month FROM time_log_entries WHERE tenant_id = %s", tenant_id)
    last, running = sorted(Month.of(month) for (month,) in months)
    say(f"found a tenant of {patients} patients")
    return Big(tenant_id, patients, last, running)


async def _made(ground: Ground, order: Order) -> Big:
    say(f"generating a tenant of {order.patients} patients")
    steps: set[int] = set()

    def tell(what: str, done: int, total: int) -> None:
        tenth = 10 * done // total
        if total > 1 and tenth not in steps:
            steps.add(tenth)
            say(f"  {what.lower()}: {done} of {total}")

    database = ground.database(system_clock)
    passwords = {place.key: "generated for a benchmark" for place in PLACES}
    wall, cpu, server = -time.perf_counter(), -time.process_time(), -ground.server_cpu()
    try:
        made = await bulk.generate(database, order, passwords, tell)
        await asyncio.to_thread(tidy, ground.cluster.url(LoginRole.MIGRATOR))
    finally:
        await database.close()
    wall, cpu, server = wall + time.perf_counter(), cpu + time.process_time(), server + ground.server_cpu()
    sample = {
        "seconds": wall,
        "patients_per_second": order.patients / wall,
        "cpu_seconds": cpu,
        "database_cpu_seconds": server,
    }
    setup: dict[str, Any] = {name: loaded.rows for name, loaded in made.tables.items()}
    took = Measured(UNITS, [sample], {"clinics": len(made.sites), "rows": setup})
    return Big(made.tenant_id, order.patients, *made.months, took)


def asked(ground: Ground, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a question that is asked past the walls, to prepare a benchmark."""
    with psycopg.connect(ground.cluster.url(LoginRole.ADMIN)) as connection:
        return connection.execute(query.encode(), values).fetchall()


def people(ground: Ground, made: Big, role: Role, count: int) -> list[Actor]:
    """Return so many different members of a role, spread over the clinics; fewer where there are no more."""
    query = "SELECT account_id, id FROM members WHERE tenant_id = %s AND role = %s AND status = 'active' ORDER BY id"
    rows = asked(ground, query, made.tenant_id, role.value)
    step = max(1, len(rows) // count)
    return [Actor("member", made.tenant_id, frozenset(), account, member) for account, member in rows[::step][:count]]


def rosters(ground: Ground, made: Big, members: Sequence[Actor], each: int) -> list[list[UUID]]:
    """Return some patients of each member's roster."""
    query = "SELECT patient_id FROM designations WHERE tenant_id = %s AND member_id = %s ORDER BY patient_id LIMIT %s"
    return [[row[0] for row in asked(ground, query, made.tenant_id, one.member_id, each)] for one in members]


def signed_in(ground: Ground, made: Big, members: Sequence[Actor]) -> list[str]:
    """Return an open session's secret for each member."""
    missing = [one for one in members if one.member_id not in made.sessions]
    opened = asyncio.run(open_sessions(ground, missing)) if missing else []
    for one, secret in zip(missing, opened, strict=True):
        if one.member_id is not None:
            made.sessions[one.member_id] = secret
    return [made.sessions[one.member_id] for one in members if one.member_id is not None]
