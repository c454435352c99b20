"""Rule a tenant's open months until none is left, in a process of its own; prints one JSON object.

Run as `python -m tests.bench.standings_child HOME TENANT` over a running server.
"""

import asyncio
import json
import sys
from pathlib import Path
from uuid import UUID

from caretide.billing import actions as billing
from caretide.enrollment import queries as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.postgres.databases import known
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import open_stores
from caretide.runtime.tx import Database
from tests.bench.close_child import peak_mb
from tests.bench.ground import settings_at
from tests.bench.measure import Stopwatch, say


async def rule(home: Path, tenant_id: UUID) -> dict[str, float]:
    """Return how long it took, and in how many transactions."""
    settings = settings_at(home)
    database = Database(known(settings).url(LoginRole.WORKER), open_stores(settings), system_clock, pool_size=2)
    system = Actor.system(tenant_id)
    # A worker has this in memory since its first ruling.
    enrollment.chronic_lists()
    runs, left = 0, True
    try:
        with Stopwatch() as watch:
            while left:
                async with database.tx(system) as tx:
                    left = await billing.rule_some(tx)
                runs += 1
                if runs % 50 == 0:
                    say(f"  {runs} runs")
    finally:
        await database.close()
    return {"seconds": watch.wall, "cpu": watch.cpu, "runs": runs, "rss_peak_mb": peak_mb()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(rule(Path(sys.argv[1]), UUID(sys.argv[2])))))
