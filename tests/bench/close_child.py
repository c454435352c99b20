"""Close one clinic's month in a process of its own, so that its memory can be told; prints one JSON object.

Run as `python -m tests.bench.close_child HOME TENANT CLINIC MONTH` over a running server. Records are queued and not
rendered.
"""

import asyncio
import json
import sys
from pathlib import Path
from uuid import UUID

from caretide.billing import actions as billing
from caretide.billing.queries import closes
from caretide.enrollment import queries as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.month import Month
from caretide.postgres.databases import known
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import open_stores
from caretide.runtime.tx import Database
from tests.bench.ground import settings_at
from tests.bench.measure import Stopwatch


async def close(home: Path, tenant_id: UUID, clinic_id: UUID, month: Month) -> dict[str, float]:
    """Return how long the close took and how much it wrote."""
    settings = settings_at(home)
    database = Database(known(settings).url(LoginRole.APP), open_stores(settings), system_clock, pool_size=2)
    system = Actor.system(tenant_id)
    try:
        async with database.tx(system) as tx:
            await billing.request_close(tx, month, [clinic_id])
            # A worker has this in memory since its first close, as it has the rule packs that were just asked for.
            enrollment.chronic_lists()
        before = peak_mb()
        with Stopwatch() as watch:
            async with database.tx(system) as tx:
                await billing.close_clinic(tx, clinic_id, str(month))
        after = peak_mb()
        async with database.tx(system) as tx:
            [stands] = [one for one in await closes.status(tx, month) if one.clinic_id == clinic_id]
    finally:
        await database.close()
    return {
        "seconds": watch.wall,
        "cpu": watch.cpu,
        "rss_before_mb": before,
        "rss_peak_mb": after,
        "ready": stands.ready,
        "blocked": stands.blocked,
        "claim_lines": stands.lines,
    }


def peak_mb() -> float:
    """Return the most memory that this process has held so far. The kernel's other figure counts the parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    home, tenant, clinic, service_month = sys.argv[1:]
    found = close(Path(home), UUID(tenant), UUID(clinic), Month.parse(service_month))
    print(json.dumps(asyncio.run(found)))
